//! Local ports that the connections of a namespace hold.

use std::net::{IpAddr, SocketAddr};

/// In percent of the room; what holds less is not kept.
const CROWDED: u32 = 80;
/// A burst is enough to use up the rest.
const NEAR: u32 = 90;
/// What is used up is so until it is below this.
const EASED: u32 = 95;
/// New connections fail.
const FULL: u32 = 99;

/// The ports that connections out of a namespace are given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LocalPorts {
    /// `net.ipv4.ip_local_port_range`: the first and the last.
    pub range: (u16, u16),
    /// How many of these a connection may be given: all but those that are reserved or listened on.
    pub room: u32,
    /// Other ends towards which nearly all are held, the fullest first.
    pub crowds: Vec<Crowd>,
}

/// Connections from one address to one port of another. Each needs a local port of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crowd {
    /// The address of this end.
    pub local: IpAddr,
    /// The other end.
    pub remote: SocketAddr,
    /// Ports that are held.
    pub held: u32,
    /// Of these, by connections that are over (`TIME_WAIT`).
    pub over: u32,
    /// How near it is to the end of the room.
    pub level: Level,
}

/// How near connections are to the end of their ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// There is room.
    Room,
    /// There is hardly any.
    Near,
    /// There is none: new connections fail.
    Full,
}

impl LocalPorts {
    /// Whether so many ports, wherever to, may be too many towards one other end.
    pub const fn may_crowd(room: u32, held: u64) -> bool {
        room > 0 && held * 100 >= room as u64 * CROWDED as u64
    }

    /// What is held towards other ends: from where, to where, how many and of these how many that are over.
    pub fn of(
        range: (u16, u16),
        room: u32,
        held: impl IntoIterator<Item = (IpAddr, SocketAddr, u32, u32)>,
    ) -> Self {
        let is_at =
            |held: u32, share: u32| room > 0 && u64::from(held) * 100 >= u64::from(room) * u64::from(share);
        let crowd = |(local, remote, held, over)| {
            let level = match held {
                held if is_at(held, FULL) => Level::Full,
                held if is_at(held, NEAR) => Level::Near,
                _ => Level::Room,
            };
            is_at(held, CROWDED).then_some(Crowd { local, remote, held, over, level })
        };
        let mut crowds: Vec<Crowd> = held.into_iter().filter_map(crowd).collect();
        crowds.sort_by_key(|crowd| (std::cmp::Reverse(crowd.held), crowd.remote, crowd.local));
        Self { range, room, crowds }
    }

    /// After what was seen before: a level is left well below where it is reached, so that it does not come and go.
    #[must_use]
    pub fn after(mut self, before: Option<&Self>) -> Self {
        for crowd in &mut self.crowds {
            let same = |other: &&Crowd| (other.local, other.remote) == (crowd.local, crowd.remote);
            let before = before.and_then(|before| before.crowds.iter().find(same)).map(|crowd| crowd.level);
            let eased = u64::from(crowd.held) * 100 < u64::from(self.room) * u64::from(EASED);
            crowd.level = crowd.level.max(match before {
                Some(Level::Full) if !eased => Level::Full,
                Some(Level::Full | Level::Near) => Level::Near,
                Some(Level::Room) | None => Level::Room,
            });
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FROM: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 1, 2));

    fn ports(held: u32) -> LocalPorts {
        let to = SocketAddr::from(([10, 0, 1, 7], 5432));
        LocalPorts::of((30_000, 30_999), 1000, [(FROM, to, held, 0)])
    }

    fn level(ports: &LocalPorts) -> Option<Level> {
        ports.crowds.first().map(|crowd| crowd.level)
    }

    #[test]
    fn a_level_is_left_well_below_where_it_is_reached() {
        let mut before = None;
        for (held, expected) in [
            (899, Some(Level::Room)),
            (900, Some(Level::Near)),
            (989, Some(Level::Near)),
            (990, Some(Level::Full)),
            (950, Some(Level::Full)),
            (949, Some(Level::Near)),
            (989, Some(Level::Near)),
            (800, Some(Level::Near)),
            (799, None),
            (899, Some(Level::Room)),
        ] {
            let now = ports(held).after(before.as_ref());
            assert_eq!(level(&now), expected, "{held}");
            before = Some(now);
        }
    }

    #[test]
    fn without_room_nothing_is_said() {
        let to = SocketAddr::from(([10, 0, 1, 7], 5432));
        assert_eq!(LocalPorts::of((1, 1), 0, [(FROM, to, 1, 0)]).crowds, []);
        assert!(!LocalPorts::may_crowd(0, 1));
        assert!(LocalPorts::may_crowd(1000, 800) && !LocalPorts::may_crowd(1000, 799));
    }

    #[test]
    fn the_fullest_comes_first() {
        let to = |last| SocketAddr::from(([10, 0, 1, last], 5432));
        let all =
            LocalPorts::of((1, 10), 10, [(FROM, to(1), 8, 0), (FROM, to(2), 10, 9), (FROM, to(3), 7, 7)]);
        let held: Vec<u32> = all.crowds.iter().map(|crowd| crowd.held).collect();
        assert_eq!(held, [10, 8]);
    }
}
