//! Listeners on the machine's loopback that lead into a lab: what a browser here opens.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::process::Stdio;
use std::thread;

use lab::{Error, Host, Result};

/// A listener that leads nowhere yet, and its URL: the program's own port, or any where somebody has that.
pub fn door_to(inside: SocketAddr) -> Result<(TcpListener, String)> {
    let bind = |port: u16| TcpListener::bind(("127.0.0.1", port));
    let door = bind(inside.port()).or_else(|_| bind(0)).map_err(|e| Error::io("listening", e))?;
    let at = door.local_addr().map_err(|e| Error::io("asking for a port", e))?;
    Ok((door, format!("http://{at}")))
}

/// Leads each connection to the machine's loopback into the lab's: `nc` on the lab's host gets the socket as its
/// input and output.
pub fn open_door(door: TcpListener, host: Host, port: u16) {
    thread::spawn(move || {
        for visitor in door.incoming().flatten() {
            let host = host.clone();
            thread::spawn(move || lead_in(visitor, &host, port));
        }
    });
}

fn lead_in(visitor: TcpStream, host: &Host, port: u16) {
    let Ok(answers) = visitor.try_clone() else { return };
    let mut nc = host.command("busybox");
    nc.args(["nc", "127.0.0.1", &port.to_string()]);
    nc.stdin(Stdio::from(OwnedFd::from(visitor))).stdout(Stdio::from(OwnedFd::from(answers)));
    let _ = nc.status();
}
