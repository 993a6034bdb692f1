//! The name servers that a container's processes ask.
//!
//! The Engine writes the file and says where (`ResolvConfPath`); the container may overwrite it, so it
//! is a stranger's. It is readable where the exporter sees the Engine's files (on the host, as root);
//! elsewhere nothing is known of it and the usual servers are assumed.

use std::fs::OpenOptions;
use std::io::Read as _;
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// More than the Engine ever writes.
const MOST_BYTES: u64 = 64 * 1024;
/// `MAXNS` of resolv.conf(5): the resolver of the C library looks at no more.
const MOST_SERVERS: usize = 3;

/// The servers of a file, in order; none where it cannot be read. Blocks, for a moment.
pub(super) fn read(path: &str) -> Vec<IpAddr> {
    if !Path::new(path).is_absolute() {
        return Vec::new();
    }
    let mut bytes = Vec::new();
    // Neither a pipe that nobody writes to nor a link that leads elsewhere.
    let flags = libc::O_NONBLOCK | libc::O_NOFOLLOW;
    let read = OpenOptions::new().read(true).custom_flags(flags).open(path).and_then(|file| {
        if file.metadata()?.is_file() { file.take(MOST_BYTES).read_to_end(&mut bytes) } else { Ok(0) }
    });
    match read {
        Ok(_) => parse(&String::from_utf8_lossy(&bytes)),
        Err(_) => Vec::new(),
    }
}

/// resolv.conf(5): `nameserver ADDRESS` at the start of a line; what is not understood is passed over.
pub(super) fn parse(text: &str) -> Vec<IpAddr> {
    text.lines()
        .filter_map(|line| {
            let rest = line.strip_prefix("nameserver")?;
            if !rest.starts_with([' ', '\t']) {
                return None;
            }
            rest.split_ascii_whitespace().next()?.parse().ok()
        })
        .take(MOST_SERVERS)
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn servers_are_read_as_the_c_library_reads_them() {
        for (text, servers) in [
            ("", &[][..]),
            ("nameserver 127.0.0.11\noptions ndots:0\n", &["127.0.0.11"]),
            ("# nameserver 1.1.1.1\nnameserver\t10.89.0.1\r\nsearch dns.podman", &["10.89.0.1"]),
            ("nameserver 1.1.1.1 # mine\nnameserver fd00::1", &["1.1.1.1", "fd00::1"]),
            ("nameserver fe80::1%eth0\nnameserver one.one\nnameservers 1.1.1.1\nnameserver", &[]),
            (
                "nameserver 1.0.0.1\nnameserver 1.0.0.2\nnameserver 1.0.0.3\nnameserver 1.0.0.4",
                &["1.0.0.1", "1.0.0.2", "1.0.0.3"],
            ),
        ] {
            let found: Vec<String> = parse(text).iter().map(ToString::to_string).collect();
            assert_eq!(found, servers, "{text:?}");
        }
    }

    #[test]
    fn only_a_plain_file_of_this_place_is_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let (file, link, pipe) =
            (folder.path().join("resolv.conf"), folder.path().join("link"), folder.path().join("pipe"));
        std::fs::write(&file, "nameserver 127.0.0.11\n").expect("written");
        std::os::unix::fs::symlink(&file, &link).expect("linked");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo (coreutils)");
        assert!(made.success());
        assert_eq!(read(&file.to_string_lossy()).len(), 1);
        for path in [&link, &pipe, folder.path()] {
            assert_eq!(read(&path.to_string_lossy()), Vec::<IpAddr>::new(), "{}", path.display());
        }
        for path in ["", "resolv.conf", "/nonexistent/resolv.conf"] {
            assert_eq!(read(path), Vec::<IpAddr>::new(), "{path}");
        }
    }

    proptest! {
        #[test]
        fn no_text_trips_the_reader(text in "(nameserver[ \t]{0,2}|[ -~é]|\n){0,80}") {
            prop_assert!(parse(&text).len() <= MOST_SERVERS);
        }
    }
}
