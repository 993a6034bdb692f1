//! Targets that forge and flood, on a cable of their own: 10.99.0.2 is hostile, 10.99.0.3 its victim.

use std::io::Read as _;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use socket2::Socket;

use super::super::lab::{Lab, visit};
use super::*;
use crate::outcome::{ProbeKind, Reason};

const HOSTILE: Ipv4Addr = Ipv4Addr::new(10, 99, 0, 2);
const VICTIM: Ipv4Addr = Ipv4Addr::new(10, 99, 0, 3);
const NEAR: Ipv4Addr = Ipv4Addr::new(10, 99, 0, 1);

/// Answers echo requests in `far` instead of its kernel. Ends when dropped.
struct Responder {
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// A raw socket with which any packet can be sent.
struct Forge(Socket);

impl Forge {
    fn send(&self, from: Ipv4Addr, message: &[u8]) {
        let mut packet = vec![0x45, 0, 0, 0, 0, 0, 0, 0, 64, 1, 0, 0];
        packet.extend(from.octets());
        packet.extend(NEAR.octets());
        packet.extend(message);
        let sum = message.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1])).sum::<u32>();
        let sum = !((sum & 0xffff) + (sum >> 16)) as u16;
        packet[22..24].copy_from_slice(&sum.to_be_bytes());
        let _ = self.0.send_to(&packet, &SocketAddr::new(NEAR.into(), 0).into());
    }

    fn reply(&self, from: Ipv4Addr, request: &[u8]) {
        let mut reply = request.to_vec();
        reply[..4].copy_from_slice(&[0; 4]);
        self.send(from, &reply);
    }

    /// "Administratively prohibited", quoting this much of a request to the victim.
    fn error(&self, from: Ipv4Addr, quote: &[u8]) {
        let mut message = vec![3, 13, 0, 0, 0, 0, 0, 0, 0x45, 0, 0, 84, 0, 0, 0x40, 0, 64, 1, 0, 0];
        message.extend(NEAR.octets());
        message.extend(VICTIM.octets());
        message.extend(quote);
        self.send(from, &message);
    }
}

impl Responder {
    /// Calls `act` with the socket, the address that a request came for, and the request.
    async fn start(lab: &Lab, act: impl Fn(&Forge, Ipv4Addr, &[u8]) + Send + 'static) -> Self {
        lab.in_far(&["ip", "addr", "add", "10.99.0.3/24", "dev", "eth0"]);
        lab.in_far(&["sysctl", "-qw", "net.ipv4.icmp_echo_ignore_all=1"]);
        let hopper = Hopper::start().unwrap();
        let made = hopper.hop(&lab.far(), |inside| inside.icmp(NEAR.into())).await.unwrap().unwrap();
        let forge = Forge(made.socket);
        forge.0.set_header_included_v4(true).unwrap();
        forge.0.set_nonblocking(false).unwrap();
        forge.0.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let ended = Arc::new(AtomicBool::new(false));
        let end = ended.clone();
        let thread = std::thread::spawn(move || {
            let mut buffer = [0; 2048];
            while !end.load(Ordering::Relaxed) {
                let Ok(length) = (&forge.0).read(&mut buffer) else { continue };
                let to = Ipv4Addr::from(<[u8; 4]>::try_from(&buffer[16..20]).unwrap());
                if buffer[20] == 8 {
                    act(&forge, to, &buffer[20..length]);
                }
            }
        });
        Self { ended, thread: Some(thread) }
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        self.thread.take().map(JoinHandle::join);
    }
}

/// Pings the hostile one first, then its victim, over both kinds of socket.
async fn ping(lab: &Lab, datagram: bool, timeout: Duration) -> [Run; 2] {
    if datagram {
        lab.in_near(&["sh", "-c", "echo 0 2147483647 >/proc/sys/net/ipv4/ping_group_range"]);
    }
    let hopper = Hopper::start().unwrap();
    let specs = [HOSTILE, VICTIM].map(|to| Spec::Icmp {
        address: to.into(),
        packets: 3,
        spacing: Duration::from_millis(20),
    });
    let runs = run(&hopper, visit(ProbeKind::Icmp, lab.near(), timeout, specs.into())).await;
    for run in &runs {
        println!("{:?} {:?}", run.outcome, run.seen);
    }
    runs.try_into().unwrap()
}

/// The requests beside one that was seen: their serials follow one another.
fn guesses(request: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let serial = u32::from_be_bytes(request[16..20].try_into().unwrap());
    (1..=8).flat_map(move |step| [serial.wrapping_add(step), serial.wrapping_sub(step)]).map(|serial| {
        let mut guess = request.to_vec();
        guess[16..20].copy_from_slice(&serial.to_be_bytes());
        guess[6..8].copy_from_slice(&(serial as u16).to_be_bytes());
        guess
    })
}

#[tokio::test]
async fn nobody_answers_for_another() {
    for datagram in [false, true] {
        let lab = Lab::new();
        let _responder = Responder::start(&lab, |forge, to, request| {
            if to == VICTIM {
                return;
            }
            forge.reply(HOSTILE, request);
            for guess in guesses(request) {
                forge.reply(HOSTILE, &guess);
                forge.reply(VICTIM, &guess);
            }
        })
        .await;
        let [hostile, victim] = ping(&lab, datagram, Duration::from_millis(500)).await;
        assert!(matches!(hostile.outcome, Outcome::Success(_)));
        assert_eq!(victim.outcome, Outcome::Failure(Reason::Timeout), "datagram {datagram}");
        assert_eq!(victim.seen.echo.map(|echo| echo.received), Some(0));
    }
}

#[tokio::test]
async fn an_answer_from_elsewhere_is_none() {
    let lab = Lab::new();
    let _responder = Responder::start(&lab, |forge, _, request| forge.reply(HOSTILE, request)).await;
    let [hostile, victim] = ping(&lab, false, Duration::from_millis(500)).await;
    assert!(matches!(hostile.outcome, Outcome::Success(_)));
    assert_eq!(victim.outcome, Outcome::Failure(Reason::Timeout));
}

#[tokio::test]
async fn an_error_for_another_is_not_believed() {
    for (datagram, quoted) in [(false, 8), (true, 8), (false, 64), (true, 64)] {
        let lab = Lab::new();
        let _responder = Responder::start(&lab, move |forge, to, request| {
            if to == HOSTILE {
                for guess in guesses(request) {
                    forge.error(HOSTILE, &guess[..quoted]);
                }
            }
            forge.reply(to, request);
        })
        .await;
        let [_, victim] = ping(&lab, datagram, Duration::from_secs(1)).await;
        assert!(matches!(victim.outcome, Outcome::Success(_)), "datagram {datagram}, {quoted} bytes quoted");
    }
}

#[tokio::test]
async fn an_error_that_quotes_the_request_is_believed() {
    for datagram in [false, true] {
        let lab = Lab::new();
        let _responder = Responder::start(&lab, |forge, to, request| match to {
            VICTIM => forge.error(HOSTILE, request),
            _ => forge.reply(to, request),
        })
        .await;
        let [hostile, victim] = ping(&lab, datagram, Duration::from_secs(1)).await;
        assert!(matches!(hostile.outcome, Outcome::Success(_)));
        assert_eq!(victim.outcome, Outcome::Failure(Reason::Prohibited), "datagram {datagram}");
        assert!(!victim.seen.local, "it came back");
    }
}

#[tokio::test]
async fn who_floods_makes_nobody_else_lose() {
    let lab = Lab::new();
    let _responder = Responder::start(&lab, |forge, to, request| {
        let copies = if to == HOSTILE { 3000 } else { 1 };
        (0..copies).for_each(|_| forge.reply(to, request));
    })
    .await;
    // The socket is not read while this holds the thread, as on a machine that has much to do.
    let busy = tokio::spawn(async {
        loop {
            std::thread::sleep(Duration::from_millis(100));
            tokio::task::yield_now().await;
        }
    });
    let [hostile, victim] = ping(&lab, false, Duration::from_secs(1)).await;
    busy.abort();
    assert!(hostile.seen.echo.is_some_and(|echo| echo.duplicates > 0));
    assert!(!matches!(hostile.outcome, Outcome::Unknown(_)), "it filled the socket itself");
    assert_eq!(victim.outcome, Outcome::Unknown(Blindness::Resources));
}
