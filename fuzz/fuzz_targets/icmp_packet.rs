//! Echo replies, and requests as errors quote them. The first byte says of what socket.
#![no_main]

use destination_exporter::probe::icmp::packet::{Form, quoted, reply, request};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((choice, bytes)) = data.split_first() else { return };
    let form = Form { ipv6: choice & 1 != 0, raw: choice & 2 != 0 };
    let found = reply(form, bytes);
    if let Some(stamp) = found {
        let plain = Form { raw: false, ..form };
        let mut made = request(plain, 7, stamp);
        made[0] = if form.ipv6 { 129 } else { 0 };
        assert_eq!(reply(plain, &made), Some(stamp));
    }
    // A raw socket of IPv4 puts the header of IP before what the other one gives.
    if form.raw && !form.ipv6 {
        let behind = bytes.first().and_then(|first| bytes.get(usize::from(first & 15) * 4..));
        let plain = Form { raw: false, ..form };
        assert_eq!(found, behind.and_then(|message| reply(plain, message)));
    }
    if let Some(stamp) = quoted(form, bytes) {
        assert_eq!(quoted(form, &request(form, 7, stamp)), Some(stamp));
        assert_eq!(found.filter(|_| !form.raw), None, "a request is no reply");
    }
});
