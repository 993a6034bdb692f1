//! The floor: what the kernel alone asks for a probe.
//!
//! A bare blocking loop of the same system calls, run inside a container's network namespace, so that a reader sees
//! how much of a figure nobody could save. It judges nothing, times nothing and waits for nobody's goodbye.

use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::os::fd::OwnedFd;
use std::process::Stdio;
use std::time::{Duration, Instant};

use lab::{Error, Result};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketType, bind, ipproto, recv, sendto, socket, sockopt,
};

use crate::process::Cpu;
use crate::rivals::{Kind, Rate};
use crate::town::{PORT, Town};

/// Probes a target once.
type Probe = dyn Fn(&str) -> std::io::Result<()>;

const PATIENCE: Duration = Duration::from_secs(1);
const REST: Duration = Duration::from_millis(20);
/// Of the echo requests.
const IDENTIFIER: u16 = 4711;
const RESOLVER: &str = "127.0.0.11:53";

/// Runs the loop inside the first container, against the others.
pub fn measure(town: &Town, kind: Kind, seconds: u64) -> Result<Rate> {
    let own = std::env::current_exe().map_err(|e| Error::io("finding the bench's own binary", e))?;
    let mut command = town.inside_first(&own.display().to_string())?;
    command.args(["floor", kind.label(), &seconds.to_string()]);
    command.args(town.others().map(|other| match kind {
        Kind::Dns => other.name.as_str(),
        Kind::Icmp | Kind::Tcp => other.address.as_str(),
    }));
    let said = lab::run(command.stdin(Stdio::null()))?;
    let mut numbers = said.split_whitespace().filter_map(|word| word.parse::<f64>().ok());
    match (numbers.next(), numbers.next()) {
        (Some(probes), Some(cpu)) => Ok(Rate { probes, cpu: Duration::from_secs_f64(cpu) }),
        _ => Err(Error::new(format!("the bare loop said {said:?}"))),
    }
}

/// `bench floor KIND SECONDS TARGET…`, inside: prints how many probes it made and the CPU seconds that they took.
pub fn command(args: &[String]) -> Result<()> {
    let [kind, seconds, targets @ ..] = args else {
        return Err(Error::new("bench floor KIND SECONDS TARGET…"));
    };
    let seconds = seconds.parse().map_err(|_| Error::new("SECONDS is a number"))?;
    let until = Instant::now() + Duration::from_secs(seconds);
    let before = Cpu::of("self")?;
    let mut probes = 0_u64;
    while Instant::now() < until {
        // Anew each round, as a visit does.
        let probe: Box<Probe> = match kind.as_str() {
            "icmp" => Box::new(echoes()?),
            "tcp" => Box::new(handshake),
            "dns" => Box::new(queries()?),
            _ => return Err(Error::new("KIND is icmp, tcp or dns")),
        };
        for target in targets {
            probe(target).map_err(|e| Error::io(&format!("the bare loop's probe of {target}"), e))?;
            probes += 1;
        }
        // busybox forks for each connection, and nine wait for it at most: a loop without rest would measure its backlog.
        if kind == "tcp" {
            std::thread::sleep(REST);
        }
    }
    println!("{probes} {}", Cpu::of("self")?.since(before).as_secs_f64());
    Ok(())
}

/// Socket, connect, shutdown, close.
#[expect(clippy::disallowed_methods, reason = "the process was started inside the namespace")]
fn handshake(target: &str) -> std::io::Result<()> {
    let address: Ipv4Addr = target.parse().map_err(std::io::Error::other)?;
    let stream = TcpStream::connect_timeout(&SocketAddr::from((address, PORT)), PATIENCE)?;
    stream.shutdown(std::net::Shutdown::Write)
}

/// Send and receive, on one datagram socket a round.
fn echoes() -> Result<impl Fn(&str) -> std::io::Result<()>> {
    let made = || -> std::io::Result<OwnedFd> {
        let made = socket(AddressFamily::INET, SocketType::DGRAM, Some(ipproto::ICMP))?;
        sockopt::set_socket_timeout(&made, sockopt::Timeout::Recv, Some(PATIENCE))?;
        // One flow for all the rounds: each new one would be a new entry of connection tracking.
        bind(&made, &SocketAddr::from((Ipv4Addr::UNSPECIFIED, IDENTIFIER)))?;
        Ok(made)
    };
    let socket = made().map_err(|e| Error::io("an ICMP socket inside the container", e))?;
    Ok(move |target: &str| {
        let address: Ipv4Addr = target.parse().map_err(std::io::Error::other)?;
        let mut request = [0; 64];
        request[0] = 8;
        sendto(&socket, &request, SendFlags::empty(), &SocketAddr::from((address, 0)))?;
        recv(&socket, &mut request, RecvFlags::empty())?;
        Ok(())
    })
}

/// Send and receive, on one socket a round: A alone is asked.
#[expect(clippy::disallowed_methods, reason = "the process was started inside the namespace")]
fn queries() -> Result<impl Fn(&str) -> std::io::Result<()>> {
    let made = || -> std::io::Result<UdpSocket> {
        let socket = UdpSocket::bind("0.0.0.0:0")?;
        socket.connect(RESOLVER)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        Ok(socket)
    };
    let socket = made().map_err(|e| Error::io("a socket to the resolver", e))?;
    Ok(move |target: &str| {
        let mut query = vec![0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        query.push(target.len() as u8);
        query.extend(target.as_bytes());
        query.extend([0, 0, 1, 0, 1]);
        socket.send(&query)?;
        socket.recv(&mut [0; 512])?;
        Ok(())
    })
}
