//! The end of connections that stood: with a FIN, never a reset.
//!
//! A greeting that nobody read, or that comes after the end, makes the kernel send a reset instead: so
//! the peer's own end is waited for, briefly, and what it says is thrown away. All connections of a
//! visit are looked at together, a few times: to have each watched would cost more than its handshake.

use std::io::{self, Read as _};
use std::net::{IpAddr, Shutdown};
use std::time::{Duration, Instant};

use socket2::Socket;

/// How long the peer's own FIN is waited for.
const PATIENCE: Duration = Duration::from_millis(100);
/// When the first look is due; each pause after it is twice as long.
const FIRST_LOOK: Duration = Duration::from_millis(5);
/// Most bytes of a greeting that are read, to be thrown away.
const GREETING: usize = 16 * 1024;

/// Connections that were shut down on our side.
#[derive(Debug, Default)]
pub struct Farewell {
    leaving: Vec<Leaving>,
    pause: Duration,
    look: Option<Instant>,
}

#[derive(Debug)]
struct Leaving {
    socket: Socket,
    peer: IpAddr,
    until: Instant,
    left: usize,
}

impl Farewell {
    /// Says goodbye, and keeps the connection until the peer does.
    pub fn part(&mut self, socket: Socket, peer: IpAddr, now: Instant) {
        let _ = socket.shutdown(Shutdown::Write);
        self.leaving.push(Leaving { socket, peer, until: now + PATIENCE, left: GREETING });
        self.pause = FIRST_LOOK;
        self.look.get_or_insert(now + FIRST_LOOK);
    }

    /// How many are open.
    pub fn len(&self) -> usize {
        self.leaving.len()
    }

    /// When to look.
    pub const fn due(&self) -> Option<Instant> {
        self.look
    }

    /// Closes what has ended or was waited for long enough; tells whose connections these were.
    pub fn look(&mut self, now: Instant, mut closed: impl FnMut(IpAddr)) {
        self.leaving.retain_mut(|leaving| {
            let stays = now < leaving.until && !leaving.ended();
            if !stays {
                closed(leaving.peer);
            }
            stays
        });
        self.pause *= 2;
        self.look = (!self.leaving.is_empty()).then_some(now + self.pause);
    }
}

impl Leaving {
    /// Reads what there is. Says whether nothing more is to be read.
    fn ended(&mut self) -> bool {
        let mut buffer = [0; 1024];
        while self.left > 0 {
            match (&self.socket).read(&mut buffer) {
                Ok(0) => return true,
                Ok(n) => self.left = self.left.saturating_sub(n),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return false,
                Err(_) => return true,
            }
        }
        true
    }
}
