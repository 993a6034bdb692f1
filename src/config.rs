//! The configuration: what the operator says, checked, with every default in one place.
//!
//! With no file and no flag everything works. A file that is wrong is refused whole, with every
//! error at once, each with line, column and what was expected.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::certificate::{self, Roots};
use crate::outcome::ProbeKind;

mod file;
mod print;
mod problem;
mod problems;
mod read;
mod scalars;
pub mod settings;
mod tree;
pub mod web;

pub(crate) use file::{read as read_file, read_up_to as read_file_up_to};
pub use print::{EXAMPLE, documentation};
pub use problem::Problem;
pub(crate) use scalars::engine as engine_address;

/// Most bytes of a configuration file.
pub const MOST_BYTES: usize = 1 << 20;

/// Reads a configuration; an empty text is the default one.
///
/// # Errors
/// Everything that is wrong with it, in the order of the text.
pub fn load(text: &str) -> Result<Config, Vec<Problem>> {
    loaded(text).map(|(config, _)| config)
}

/// With the places of what the text sets.
fn loaded(text: &str) -> Result<(Config, read::Places), Vec<Problem>> {
    if text.len() > MOST_BYTES {
        return Err(vec![too_large()]);
    }
    match tree::parse(text) {
        Ok(Some(root)) => read::Reader::default().read(&root),
        Ok(None) => Ok(Default::default()),
        Err(problem) => Err(vec![problem]),
    }
}

/// Reads a configuration file and those that it names. Blocks: for the start, or a thread that may wait.
///
/// # Errors
/// As [`load`], or that one of the files cannot be read.
pub fn load_file(path: &Path) -> Result<Config, Vec<Problem>> {
    let (mut config, places) = loaded(&read_text(path)?)?;
    let file = &config.certificates.ca_file;
    if !file.is_empty() {
        config.certificates.roots = roots(file).map_err(|message| {
            let path = "certificates.ca_file";
            vec![Problem::new(places.of(path), path, format!("{file} {message}"))]
        })?;
    }
    Ok(config)
}

/// Reads further roots.
fn roots(file: &str) -> Result<Roots, String> {
    let bytes = file::read(Path::new(file)).map_err(|error| format!("cannot be read: {error}"))?;
    Roots::from_pem(&bytes.ok_or("is larger than 1 MiB; expected only authorities that are not public")?)
}

/// The text of a regular file that is not too large.
fn read_text(path: &Path) -> Result<String, Vec<Problem>> {
    let told = |error: std::io::Error| {
        vec![Problem::new(None, "", format!("{} cannot be read: {error}", path.display()))]
    };
    let bytes = file::read(path).map_err(told)?.ok_or_else(|| vec![too_large()])?;
    String::from_utf8(bytes).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let line = error.as_bytes().iter().take(good).filter(|byte| **byte == b'\n').count() as u64 + 1;
        vec![Problem::new(None, "", format!("line {line}: expected UTF-8 text, found other bytes"))]
    })
}

fn too_large() -> Problem {
    Problem::new(None, "", "expected at most 1 MiB, found a larger file")
}

/// The effective configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Where the Engine answers.
    pub docker: Docker,
    /// Which networks are watched.
    pub destinations: Selection,
    /// What is probed and how often.
    pub probes: Probes,
    /// What crosses the destinations.
    pub traffic: Traffic,
    /// How certificates are judged.
    pub certificates: Certificates,
    /// What the networks are held against.
    pub drift: Drift,
}

/// Where the Engine answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Docker {
    /// `unix:///var/run/docker.sock` or `tcp://host:port`.
    pub host: String,
    /// Folder of the Engine's namespace mounts as this process sees it; empty: where the Engine says.
    pub netns_dir: String,
    /// How long one request may take.
    pub timeout: Duration,
    /// The periodic listing that corrects what events missed.
    pub refresh_interval: Duration,
    /// Whether containers' environments are looked at for addresses of others.
    pub hard_coded_addresses: bool,
}

/// Which networks are destinations. Patterns have `*` as their only special sign.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Selection {
    /// Only networks whose name matches one of these (empty: all).
    pub include: Vec<String>,
    /// Never these.
    pub exclude: Vec<String>,
    /// Only networks with all of these labels (`key` or `key=value`).
    pub include_labels: Vec<String>,
    /// Never networks with one of these.
    pub exclude_labels: Vec<String>,
    /// Destinations that ought to be there: absent ones are told (`destination_present` 0).
    pub expect: Vec<String>,
}

/// What is probed and how often.
#[derive(Clone, Debug, PartialEq)]
pub struct Probes {
    /// Peers that each container probes, on the ring.
    pub ring: usize,
    /// Up to this many containers everyone probes everyone.
    pub full_mesh_up_to: usize,
    /// Most probes started per second, over all destinations.
    pub budget_per_second: u32,
    /// Most probes under way at once in one namespace.
    pub in_flight_per_namespace: usize,
    /// By kind.
    pub dns: Timing,
    /// By kind.
    pub dns_external: Timing,
    /// By kind.
    pub icmp: Timing,
    /// By kind.
    pub icmp_external: Timing,
    /// By kind.
    pub tcp: Timing,
    /// By kind.
    pub http: Timing,
    /// By kind.
    pub proxy: Timing,
    /// By kind.
    pub route: Timing,
    /// By kind.
    pub published_port: Timing,
    /// By kind.
    pub isolation: Timing,
    /// By kind.
    pub path_mtu: Timing,
    /// By kind.
    pub hairpin: Timing,
    /// By kind.
    pub overlay: Timing,
    /// By kind.
    pub node: Timing,
    /// Echo requests a run.
    pub icmp_packets: u16,
    /// Time between the echo requests of a run.
    pub icmp_spacing: Duration,
    /// Names outside the destinations; empty: `dns_external` is off.
    pub external_names: Vec<Arc<str>>,
    /// Addresses outside the destinations; empty: `icmp_external` is off, and `path_mtu` goes to peers alone.
    pub external_addresses: Vec<std::net::IpAddr>,
    /// The public addresses of this server; empty: nobody is asked where a domain leads.
    pub public_addresses: Vec<std::net::IpAddr>,
    /// Ports that no handshake is made with. MySQL counts a handshake without a login against the
    /// client and locks it out after 100 (`max_connect_errors`).
    pub tcp_skip_ports: Vec<u16>,
    /// Ports that are asked whether they speak HTTP, besides those that a proxy's labels name.
    pub http_ports: Vec<u16>,
    /// Of those, the ones that speak TLS.
    pub https_ports: Vec<u16>,
    /// Most bytes of an HTTP body that are read.
    pub http_body_cap: u64,
    /// Overrides per destination: pattern of the name, then what differs.
    pub overrides: Vec<Override>,
    /// Groups of patterns: destinations that two entries of one group name are meant to reach each other.
    pub shared: Vec<Vec<String>>,
}

/// What crosses the destinations.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Traffic {
    /// Whose counters are told.
    pub source: TrafficSource,
}

/// Whose counters of traffic are told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TrafficSource {
    /// The kernel's, and the Engine's of containers that cannot be looked into.
    #[default]
    Auto,
    /// The kernel's alone.
    Kernel,
    /// The Engine's alone.
    Engine,
}

impl TrafficSource {
    /// Every choice.
    pub const ALL: [Self; 3] = [Self::Auto, Self::Kernel, Self::Engine];

    /// The word in the file.
    pub const fn as_label(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Kernel => "kernel",
            Self::Engine => "engine",
        }
    }
}

/// How certificates are judged.
#[derive(Clone, Debug, PartialEq)]
pub struct Certificates {
    /// A file of further roots in PEM; empty: none.
    pub ca_file: String,
    /// What stands in that file. Only [`load_file`] reads it.
    pub roots: Roots,
    /// One with less time left, and less than a sixth of its whole time, is about to expire.
    pub expiring_within: Duration,
}

impl Default for Certificates {
    fn default() -> Self {
        let certificate::Settings { expiring_within } = certificate::Settings::default();
        Self { ca_file: String::new(), roots: Roots::default(), expiring_within }
    }
}

impl Certificates {
    /// As the judge of certificates asks for them.
    pub const fn settings(&self) -> certificate::Settings {
        certificate::Settings { expiring_within: self.expiring_within }
    }
}

/// What the networks are held against.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drift {
    /// The snapshot that the operator approved; empty: none. It is read apart from the settings, which hold without it.
    pub approved_file: String,
}

/// When one kind runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Timing {
    /// False: never.
    pub enabled: bool,
    /// Time between two runs of one probe.
    pub interval: Duration,
    /// How long one run may take; may be longer than the interval.
    pub timeout: Duration,
}

/// What differs on some destinations.
#[derive(Clone, Debug, PartialEq)]
pub struct Override {
    /// Pattern of the destination's name.
    pub destination: String,
    /// Of one kind.
    pub kind: ProbeKind,
    /// What differs; `None` leaves it as it is.
    pub enabled: Option<bool>,
    /// As above.
    pub interval: Option<Duration>,
    /// As above.
    pub timeout: Option<Duration>,
}

impl Default for Config {
    fn default() -> Self {
        let timing = |timeout| Timing {
            enabled: true,
            interval: Duration::from_secs(15),
            timeout: Duration::from_millis(timeout),
        };
        Self {
            docker: Docker {
                host: "unix:///var/run/docker.sock".into(),
                netns_dir: String::new(),
                timeout: Duration::from_secs(5),
                refresh_interval: Duration::from_secs(30),
                hard_coded_addresses: false,
            },
            destinations: Selection::default(),
            probes: Probes {
                ring: 3,
                full_mesh_up_to: 6,
                budget_per_second: 1000,
                in_flight_per_namespace: 32,
                dns: timing(2000),
                dns_external: timing(5000),
                icmp: timing(1000),
                icmp_external: timing(3000),
                tcp: timing(3000),
                http: timing(5000),
                proxy: timing(5000),
                route: timing(10_000),
                published_port: Timing { interval: Duration::from_secs(30), ..timing(3000) },
                isolation: Timing { interval: Duration::from_secs(60), ..timing(1000) },
                path_mtu: Timing { interval: Duration::from_secs(300), ..timing(3000) },
                hairpin: Timing { interval: Duration::from_secs(60), ..timing(3000) },
                overlay: timing(3000),
                node: timing(3000),
                icmp_packets: 3,
                icmp_spacing: Duration::from_millis(20),
                external_names: Vec::new(),
                external_addresses: Vec::new(),
                public_addresses: Vec::new(),
                tcp_skip_ports: vec![3306],
                http_ports: vec![80, 443, 3000, 4000, 5000, 8000, 8080, 8443, 8888],
                https_ports: vec![443, 8443],
                http_body_cap: 65536,
                overrides: Vec::new(),
                shared: Vec::new(),
            },
            traffic: Traffic::default(),
            certificates: Certificates::default(),
            drift: Drift::default(),
        }
    }
}

impl Probes {
    /// The timing of a kind on a destination, overrides applied (the last one that matches wins).
    pub fn timing(&self, destination: &str, kind: ProbeKind) -> Timing {
        let mut timing = match kind {
            ProbeKind::Dns => self.dns,
            ProbeKind::DnsExternal => self.dns_external,
            ProbeKind::Icmp => self.icmp,
            ProbeKind::IcmpExternal => self.icmp_external,
            ProbeKind::Tcp => self.tcp,
            ProbeKind::Http => self.http,
            ProbeKind::Proxy => self.proxy,
            ProbeKind::Route => self.route,
            ProbeKind::PublishedPort => self.published_port,
            ProbeKind::Isolation => self.isolation,
            ProbeKind::PathMtu => self.path_mtu,
            ProbeKind::Hairpin => self.hairpin,
            ProbeKind::Overlay => self.overlay,
            ProbeKind::Node => self.node,
        };
        for over in &self.overrides {
            if over.kind == kind && matches(&over.destination, destination) {
                timing.enabled = over.enabled.unwrap_or(timing.enabled);
                timing.interval = over.interval.unwrap_or(timing.interval);
                timing.timeout = over.timeout.unwrap_or(timing.timeout);
            }
        }
        timing
    }

    /// True where the operator means these two destinations to reach each other.
    pub fn joins(&self, one: &str, other: &str) -> bool {
        self.shared.iter().any(|group| {
            let of = |name: &str| -> Vec<usize> {
                group.iter().enumerate().filter(|(_, p)| matches(p, name)).map(|(at, _)| at).collect()
            };
            let (one, other) = (of(one), of(other));
            // Two entries, not one: `[shop, "*"]` joins the others to shop and not to each other.
            one.iter().any(|at| other.iter().any(|to| at != to))
        })
    }
}

/// Matches a pattern whose only special sign is `*` (any run of characters, none included).
///
/// Linear in the text for each star: a pattern cannot be made to backtrack without end.
pub fn matches(pattern: &str, text: &str) -> bool {
    let mut pieces = pattern.split('*');
    let Some(mut rest) = pieces.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let mut pieces: Vec<&str> = pieces.collect();
    let Some(last) = pieces.pop() else { return rest.is_empty() };
    for piece in pieces {
        let Some((_, after)) = rest.split_once(piece) else { return false };
        rest = after;
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_joins_what_two_of_its_entries_name() {
        let group = |entries: &[&str]| Probes {
            shared: vec![vec!["x".into(), "y".into()], entries.iter().map(ToString::to_string).collect()],
            ..Config::default().probes
        };
        for (entries, one, other, expected) in [
            (&["shop", "blog"][..], "shop", "blog", true),
            (&["shop", "blog"], "blog", "shop", true),
            (&["shop", "blog"], "shop", "wiki", false),
            (&["shop", "*"], "wiki", "shop", true),
            (&["shop", "*"], "wiki", "blog", false),
            (&["team-*", "team-*"], "team-a", "team-b", true),
            (&["team-*", "tools"], "team-a", "team-b", false),
            (&[], "x", "y", true),
            (&["shop", "y"], "x", "shop", false),
        ] {
            assert_eq!(group(entries).joins(one, other), expected, "{entries:?}: {one} and {other}");
        }
    }

    #[test]
    fn patterns_know_one_special_sign() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("*", "anything", true),
            ("coolify", "coolify", true),
            ("coolify", "coolify-overlay", false),
            ("coolify*", "coolify-overlay", true),
            ("*-overlay", "coolify-overlay", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("ab*ba", "aba", false),
            ("a**a", "aa", true),
            ("a.c", "abc", false),
            ("*é*", "caférie", true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} on {text}");
        }
    }
}
