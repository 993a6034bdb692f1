//! What the kernel saw pass a container's interface, and when.

use std::collections::BTreeMap;
use std::fs;
use std::net::Ipv4Addr;
use std::thread::sleep;
use std::time::{Duration, Instant};

use lab::{Error, Result};

use crate::process::Process;
use crate::town::{Container, Town};

/// A running capture of a container's echo requests and replies.
pub struct Capture {
    tcpdump: Process,
    file: String,
}

/// One request that was answered: both times are the kernel's, by `CLOCK_REALTIME`.
#[derive(Clone, Copy, Debug)]
pub struct Echo {
    pub to: Ipv4Addr,
    pub left: Duration,
    pub came: Duration,
}

impl Capture {
    pub fn start(town: &Town, container: &Container) -> Result<Self> {
        let file = town.folder_of(&format!("{}.pcap", container.name));
        let mut command = town.lab.on_host("nsenter");
        command.arg(format!("--net=/proc/{}/ns/net", container.pid)).args(["--", "tcpdump"]);
        command.args(["-i", "eth0", "-Z", "root", "-U", "-w", &file, "--time-stamp-precision=nano", "icmp"]);
        let tcpdump = Process::start(command.stderr(std::process::Stdio::null()))?;
        let started = Instant::now();
        // The header is written when the interface is listened to.
        while fs::metadata(&file).map_or(0, |meta| meta.len()) < HEADER as u64 {
            if started.elapsed() > Duration::from_secs(10) {
                return Err(Error::new("tcpdump did not start (make deps-bench)"));
            }
            sleep(Duration::from_millis(20));
        }
        Ok(Self { tcpdump, file })
    }

    /// Ends the capture; gives the echoes that `from` asked for, by the time at which the request left.
    pub fn end(self, from: Ipv4Addr) -> Result<Vec<Echo>> {
        drop(self.tcpdump);
        let bytes = fs::read(&self.file).map_err(|e| Error::io("reading a capture", e))?;
        echoes(&bytes, from).ok_or_else(|| Error::new("a capture in another form than expected"))
    }
}

/// Of a file, and of a packet's record in it.
const HEADER: usize = 24;
const RECORD: usize = 16;
const NANOSECONDS: [u8; 4] = 0xa1b2_3c4d_u32.to_ne_bytes();

fn echoes(file: &[u8], from: Ipv4Addr) -> Option<Vec<Echo>> {
    let (header, mut rest) = file.split_at_checked(HEADER)?;
    if !header.starts_with(&NANOSECONDS) {
        return None;
    }
    let mut asked: BTreeMap<(Ipv4Addr, [u8; 4]), Duration> = BTreeMap::new();
    let mut echoes = Vec::new();
    while let Some((record, after)) = rest.split_at_checked(RECORD) {
        let number = |at: usize| Some(u32::from_ne_bytes(record.get(at..at + 4)?.try_into().ok()?));
        let at = Duration::new(number(0)?.into(), number(4)?);
        let Some((packet, after)) = after.split_at_checked(number(8)? as usize) else { break };
        rest = after;
        // Ethernet, then an IPv4 header of as many words as it says, then ICMP.
        let ip = packet.get(14..)?;
        let icmp = ip.get(usize::from(ip.first()? & 0xf) * 4..)?;
        let address = |at: usize| Some(Ipv4Addr::from(<[u8; 4]>::try_from(ip.get(at..at + 4)?).ok()?));
        let (source, target, id) = (address(12)?, address(16)?, icmp.get(4..8)?.try_into().ok()?);
        match icmp.first()? {
            8 if source == from => drop(asked.insert((target, id), at)),
            0 if target == from => {
                if let Some(left) = asked.remove(&(source, id)) {
                    echoes.push(Echo { to: source, left, came: at });
                }
            }
            _ => {}
        }
    }
    Some(echoes)
}
