//! Requests from a lab's host, and what is answered.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsFd;
use std::thread;
use std::time::Duration;

use rustix::net::sockopt::set_socket_recv_buffer_size;
use rustix::net::{AddressFamily, SocketType, socket};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use serde_json::Value;

use crate::Host;
use crate::error::{Error, Result};

/// A page that takes longer is a failed test.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// What was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub body: String,
}

impl Answer {
    /// The page, where it was given.
    pub(crate) fn page(self) -> Result<String> {
        if self.status == 200 { Ok(self.body) } else { Err(Error::new(format!("{self:?}"))) }
    }

    /// What it says, read as JSON.
    pub fn json(&self) -> Result<Value> {
        serde_json::from_str(&self.body).map_err(|e| Error::new(format!("{e} in {}", self.body)))
    }
}

/// A request without a body, from the lab's host to whatever listens at `address` there.
pub(crate) fn ask(host: &Host, address: SocketAddr, method: &str, path: &str) -> Result<Answer> {
    let request = format!("{method} {path} HTTP/1.0\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n");
    send(host, address, &request)
}

/// A whole request of HTTP/1.0, likewise.
pub(crate) fn send(host: &Host, address: SocketAddr, request: &str) -> Result<Answer> {
    let request = request.to_owned();
    inside(host, move || {
        let answer =
            exchange(address, &request).map_err(|e| Error::io(request.lines().next().unwrap_or(""), e))?;
        parse(&answer)
    })
}

/// A connection from the lab's host, likewise, with a small receive buffer.
pub(crate) fn connect(host: &Host, address: SocketAddr, buffer: usize) -> Result<TcpStream> {
    inside(host, move || {
        let doing = |e: rustix::io::Errno| Error::io("connecting in the lab", e.into());
        let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
        let socket = socket(family, SocketType::STREAM, None).map_err(doing)?;
        // Before the handshake, which tells the window.
        set_socket_recv_buffer_size(&socket, buffer).map_err(doing)?;
        rustix::net::connect(&socket, &address).map_err(doing)?;
        let stream = TcpStream::from(socket);
        stream.set_read_timeout(Some(PATIENCE)).map_err(|e| Error::io("connecting in the lab", e))?;
        Ok(stream)
    })
}

/// Runs `job` in the lab's network.
pub(crate) fn inside<T: Send + 'static>(
    host: &Host,
    job: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let network = host.network();
    // A thread that has changed its namespace is of no further use.
    let inside = thread::spawn(move || {
        let there = File::open(network).map_err(|e| Error::io("opening the lab's network", e))?;
        move_into_link_name_space(there.as_fd(), Some(LinkNameSpaceType::Network))
            .map_err(|e| Error::io("entering the lab's network", e.into()))?;
        job()
    });
    inside.join().map_err(|_| Error::new("the thread in the lab's network panicked"))?
}

#[expect(clippy::disallowed_methods, reason = "a client in the lab's network, not a probe")]
fn exchange(address: SocketAddr, request: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(5))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

fn parse(answer: &str) -> Result<Answer> {
    let malformed = || Error::new(format!("no HTTP answer: {answer:?}"));
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(malformed)?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or_else(malformed)?;
    Ok(Answer { status, body: body.to_owned() })
}
