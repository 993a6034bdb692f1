//! The name servers that a container's processes ask, and those that the Engine asks for it.
//!
//! The Engine writes the file and says where (`ResolvConfPath`); the container may overwrite it, so it
//! is a stranger's. It is readable where the exporter sees the Engine's files (on the host, as root);
//! elsewhere nothing is known of it and the usual servers are assumed.

use std::fs::OpenOptions;
use std::io::Read as _;
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use crate::inventory::{HostFile, Upstream};

/// More than the Engine ever writes.
pub(super) const MOST_BYTES: u64 = 64 * 1024;
/// `MAXNS` of resolv.conf(5): the resolver of the C library looks at no more.
const MOST_SERVERS: usize = 3;
/// Of a list that somebody else reads.
const MOST_LISTED: usize = 16;

/// What a container's file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ResolvConf {
    /// The servers that are asked, in order.
    pub(super) servers: Vec<IpAddr>,
    /// Where these pass queries on to.
    pub(super) upstream: Option<Upstream>,
}

/// What a file says; nothing where it cannot be read. Blocks, for a moment.
pub(super) fn read(path: &str) -> ResolvConf {
    if !Path::new(path).is_absolute() {
        return ResolvConf::default();
    }
    let mut bytes = Vec::new();
    // Neither a pipe that nobody writes to nor a link that leads elsewhere.
    let flags = libc::O_NONBLOCK | libc::O_NOFOLLOW;
    let read = OpenOptions::new().read(true).custom_flags(flags).open(path).and_then(|file| {
        if file.metadata()?.is_file() { file.take(MOST_BYTES).read_to_end(&mut bytes) } else { Ok(0) }
    });
    match read {
        Ok(_) => parse(&String::from_utf8_lossy(&bytes)),
        Err(_) => ResolvConf::default(),
    }
}

pub(super) fn parse(text: &str) -> ResolvConf {
    ResolvConf { servers: servers(text).take(MOST_SERVERS).collect(), upstream: upstream(text) }
}

/// As the host's own file is read.
pub(super) fn all_servers(text: &str) -> Vec<IpAddr> {
    servers(text).take(MOST_LISTED).collect()
}

/// resolv.conf(5): `nameserver ADDRESS` at the start of a line; what is not understood is passed over.
fn servers(text: &str) -> impl Iterator<Item = IpAddr> {
    text.lines().filter_map(|line| {
        let rest = line.strip_prefix("nameserver")?;
        if !rest.starts_with([' ', '\t']) {
            return None;
        }
        rest.split_ascii_whitespace().next()?.parse().ok()
    })
}

/// What an Engine (25 and later) writes below in comments of where it has its servers from:
///
/// ```text
/// # Based on host file: '/etc/resolv.conf' (internal resolver)
/// # ExtServers: [host(127.0.0.53) 10.0.0.2]
/// # Overrides: []
/// ```
///
/// Where its own resolver is not asked, the servers above are the host's. `None` where it does not say, and where
/// somebody chose servers (`--dns`, `daemon.json`).
fn upstream(text: &str) -> Option<Upstream> {
    let said = |what: &str| text.lines().find_map(|line| line.strip_prefix("# ")?.strip_prefix(what));
    let (path, how) = said("Based on host file: '")?.split_once('\'')?;
    let file = HostFile::ALL.into_iter().find(|file| file.path() == path)?;
    let chosen = said("Overrides: [")?.strip_suffix(']')?;
    if chosen.split(' ').any(|what| what == "nameservers") {
        return None;
    }
    let by_engine = how.contains("internal resolver");
    // Whoever wrote other servers into it left what the Engine says below.
    if by_engine && all_servers(text) != [IpAddr::from([127, 0, 0, 11])] {
        return None;
    }
    let servers: Vec<IpAddr> = if by_engine {
        let listed = said("ExtServers: [")?.strip_suffix(']')?;
        let plain = |word: &str| {
            let inner = word.strip_prefix("host(").and_then(|rest| rest.strip_suffix(')'));
            inner.unwrap_or(word).parse().ok()
        };
        listed.split(' ').filter_map(plain).take(MOST_LISTED).collect()
    } else {
        all_servers(text)
    };
    (!servers.is_empty()).then_some(Upstream { servers, file, by_engine })
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
            let found: Vec<String> = parse(text).servers.iter().map(ToString::to_string).collect();
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
        assert_eq!(read(&file.to_string_lossy()).servers.len(), 1);
        for path in [&link, &pipe, folder.path()] {
            assert_eq!(read(&path.to_string_lossy()), ResolvConf::default(), "{}", path.display());
        }
        for path in ["", "resolv.conf", "/nonexistent/resolv.conf"] {
            assert_eq!(read(path), ResolvConf::default(), "{path}");
        }
    }

    /// As Docker 26.1 writes it.
    const OF_ENGINE: &str = "# Generated by Docker Engine.
# This file can be edited; Docker Engine will not make further changes once it
# has been modified.

nameserver 127.0.0.11
search lan
options edns0 trust-ad ndots:0

# Based on host file: '/etc/resolv.conf' (internal resolver)
# ExtServers: [host(127.0.0.53) 10.0.0.2]
# Overrides: []
# Option ndots from: internal
";

    #[test]
    fn the_engine_says_whom_it_asks_where_nobody_chose() {
        let told = |text: &str| {
            let upstream = parse(text).upstream?;
            let servers: Vec<String> = upstream.servers.iter().map(ToString::to_string).collect();
            Some((servers.join(" "), upstream.file, upstream.by_engine))
        };
        assert_eq!(told(OF_ENGINE), Some(("127.0.0.53 10.0.0.2".into(), HostFile::Own, true)));
        let legacy = "nameserver 10.0.0.2\n# Based on host file: '/run/systemd/resolve/resolv.conf' (legacy)\n# Overrides: [search]\n";
        assert_eq!(told(legacy), Some(("10.0.0.2".into(), HostFile::Systemd, false)));
        for unknown in [
            OF_ENGINE.replace("Overrides: []", "Overrides: [nameservers]"),
            OF_ENGINE.replace("Overrides: []", "Overrides: [search nameservers options]"),
            OF_ENGINE.replace("# Overrides: []\n", ""),
            OF_ENGINE.replace("/etc/resolv.conf", "/etc/shadow"),
            OF_ENGINE.replace("# ExtServers: [host(127.0.0.53) 10.0.0.2]\n", ""),
            OF_ENGINE.replace("host(127.0.0.53) 10.0.0.2", "host()"),
            OF_ENGINE.replace("# Based on", "Based on"),
            // A VPN inside has put its own server there.
            OF_ENGINE.replace("nameserver 127.0.0.11", "nameserver 100.100.100.100"),
            format!("nameserver 100.100.100.100\n{OF_ENGINE}"),
            "nameserver 127.0.0.11\noptions ndots:0\n".to_owned(),
        ] {
            assert_eq!(told(&unknown), None, "{unknown}");
        }
    }

    proptest! {
        #[test]
        fn no_text_trips_the_reader(text in "(nameserver[ \t]{0,2}|# (Based on host file: '|ExtServers: \\[|Overrides: \\[\\])|[ -~é]|\n){0,80}") {
            prop_assert!(parse(&text).servers.len() <= MOST_SERVERS);
        }
    }
}
