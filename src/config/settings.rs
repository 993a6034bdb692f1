//! The one table of settings: path, type, place in [`Config`], help.
//!
//! The reader, `Config::to_yaml` and `docs/configuration.md` all walk it, so a setting cannot be
//! readable and undocumented, or documented and ignored.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::{Config, Override, TrafficSource};

/// One setting.
pub struct Setting {
    /// Where it stands in the file, as `probes.dns.interval`.
    pub path: &'static str,
    /// Its type and its place in the configuration.
    pub field: Field,
    /// What it does, for a person.
    pub help: &'static str,
}

/// The place of a value of type `T`.
pub type Place<T> = fn(&mut Config) -> &mut T;

/// Type, bounds and place of a setting.
pub enum Field {
    /// `true` or `false`.
    Flag(Place<bool>),
    /// A duration and its bounds.
    Time(Place<Duration>, Bounds),
    /// A whole number between two bounds.
    Whole { read: fn(&Config) -> u64, write: fn(&mut Config, u64), least: u64, most: u64 },
    /// The Engine's address.
    Engine(Place<String>),
    /// An absolute path, or none.
    Folder(Place<String>),
    /// An absolute path of a file, or none.
    File(Place<String>),
    /// Patterns with `*`.
    Patterns(Place<Vec<String>>),
    /// Names of networks, in full.
    Networks(Place<Vec<String>>),
    /// `key` or `key=value`.
    Labels(Place<Vec<String>>),
    /// DNS names.
    Names(Place<Vec<Arc<str>>>),
    /// IP addresses.
    Addresses(Place<Vec<IpAddr>>),
    /// Ports from 1.
    Ports(Place<Vec<u16>>),
    /// Whose counters of traffic.
    Counters(Place<TrafficSource>),
    /// Groups of patterns.
    Groups(Place<Vec<Vec<String>>>),
    /// What differs per destination.
    Overrides(Place<Vec<Override>>),
}

/// The shortest and the longest that a duration may be.
#[derive(Clone, Copy)]
pub struct Bounds {
    /// Inclusive.
    pub least: Duration,
    /// Inclusive.
    pub most: Duration,
}

pub(super) const fn bounds(least_millis: u64, most_millis: u64) -> Bounds {
    Bounds { least: Duration::from_millis(least_millis), most: Duration::from_millis(most_millis) }
}

/// Below a second a round of probes is a load test; above a day it is no monitoring.
pub(super) const INTERVAL: Bounds = bounds(1000, 86_400_000);
/// A zero deadline would fail every probe.
pub(super) const TIMEOUT: Bounds = bounds(10, 300_000);

const fn setting(path: &'static str, field: Field, help: &'static str) -> Setting {
    Setting { path, field, help }
}

macro_rules! at {
    ($($field:ident).+) => { |c| &mut c.$($field).+ };
}

/// Numbers differ in width: the bounds make both casts exact.
macro_rules! whole {
    ($($field:ident).+, $type:ty, $least:literal ..= $most:literal) => {
        Field::Whole {
            read: |c| u64::try_from(c.$($field).+).unwrap_or(u64::MAX),
            write: |c, n| c.$($field).+ = <$type>::try_from(n).unwrap_or(<$type>::MAX),
            least: $least,
            most: $most,
        }
    };
}

macro_rules! timing {
    ($kind:ident, $what:literal) => {
        [
            setting(
                concat!("probes.", stringify!($kind), ".enabled"),
                Field::Flag(at!(probes.$kind.enabled)),
                concat!("Whether it runs: ", $what, "."),
            ),
            setting(
                concat!("probes.", stringify!($kind), ".interval"),
                Field::Time(at!(probes.$kind.interval), INTERVAL),
                "Time between two runs of one probe.",
            ),
            setting(
                concat!("probes.", stringify!($kind), ".timeout"),
                Field::Time(at!(probes.$kind.timeout), TIMEOUT),
                "How long one run may take; it may be longer than the interval.",
            ),
        ]
    };
}

static PLAIN: [Setting; 22] = [
    setting(
        "docker.host",
        Field::Engine(at!(docker.host)),
        "Where the Engine answers. `--docker.host` and the variable `DOCKER_HOST` go before it.",
    ),
    setting(
        "docker.netns_dir",
        Field::Folder(at!(docker.netns_dir)),
        "Folder of the Engine's namespace mounts, where this process sees it in another place than the Engine.",
    ),
    setting(
        "docker.timeout",
        Field::Time(at!(docker.timeout), bounds(100, 300_000)),
        "How long one request to the Engine may take. A manager of a Swarm is given 25 s to list its networks, where this is less: it waits for a leader first.",
    ),
    setting(
        "docker.refresh_interval",
        Field::Time(at!(docker.refresh_interval), INTERVAL),
        "The periodic listing that corrects what events missed.",
    ),
    setting(
        "destinations.include",
        Field::Patterns(at!(destinations.include)),
        "Only networks whose name matches one of these. Empty: all.",
    ),
    setting("destinations.exclude", Field::Patterns(at!(destinations.exclude)), "Never these networks."),
    setting(
        "destinations.include_labels",
        Field::Labels(at!(destinations.include_labels)),
        "Only networks that carry all of these labels.",
    ),
    setting(
        "destinations.exclude_labels",
        Field::Labels(at!(destinations.exclude_labels)),
        "Never networks that carry one of these labels.",
    ),
    setting(
        "destinations.expect",
        Field::Networks(at!(destinations.expect)),
        "Networks that ought to be there: an absent one shows as `destination_present` 0.",
    ),
    setting(
        "probes.ring",
        whole!(probes.ring, usize, 1..=64),
        "Peers that each container probes, so that probes grow with containers and not with pairs.",
    ),
    setting(
        "probes.full_mesh_up_to",
        whole!(probes.full_mesh_up_to, usize, 0..=64),
        "Up to this many containers on a destination, everyone probes everyone.",
    ),
    setting(
        "probes.budget_per_second",
        whole!(probes.budget_per_second, u32, 1..=100000),
        "Most probes started per second, over all destinations.",
    ),
    setting(
        "probes.in_flight_per_namespace",
        whole!(probes.in_flight_per_namespace, usize, 1..=1024),
        "Most probes under way at once in one container's namespace.",
    ),
    setting("probes.icmp_packets", whole!(probes.icmp_packets, u16, 1..=100), "Echo requests of one run."),
    setting(
        "probes.icmp_spacing",
        Field::Time(at!(probes.icmp_spacing), bounds(1, 10_000)),
        "Time between the echo requests of one run.",
    ),
    setting(
        "probes.external_names",
        Field::Names(at!(probes.external_names)),
        "Names outside the destinations that every container should resolve. Empty: `dns_external` is off.",
    ),
    setting(
        "probes.external_addresses",
        Field::Addresses(at!(probes.external_addresses)),
        "Addresses outside the destinations that should answer. Empty: `icmp_external` is off, and `path_mtu` goes to peers alone.",
    ),
    setting(
        "probes.tcp_skip_ports",
        Field::Ports(at!(probes.tcp_skip_ports)),
        "Ports that no handshake is made with. MySQL locks a client out after 100 handshakes without a login.",
    ),
    setting(
        "probes.http_ports",
        Field::Ports(at!(probes.http_ports)),
        "Ports that are asked over HTTP, besides those that a proxy's labels name.",
    ),
    setting(
        "probes.https_ports",
        Field::Ports(at!(probes.https_ports)),
        "Of the ports asked over HTTP, the ones that speak TLS.",
    ),
    setting(
        "probes.http_body_cap",
        whole!(probes.http_body_cap, u64, 0..=16777216),
        "Most bytes of an HTTP body that are read.",
    ),
    setting(
        "probes.overrides",
        Field::Overrides(at!(probes.overrides)),
        "What differs on some destinations; the last entry that matches wins.",
    ),
];

static TIMED: [[Setting; 3]; 14] = [
    timing!(dns, "names of the inventory, asked of each container's own resolver"),
    timing!(dns_external, "the names of `probes.external_names`"),
    timing!(icmp, "echo requests to peers and the gateway"),
    timing!(icmp_external, "echo requests to `probes.external_addresses`"),
    timing!(tcp, "a handshake with ports that a peer listens on"),
    timing!(http, "one request to ports that speak HTTP"),
    timing!(proxy, "from each destination to the proxy's doors"),
    timing!(route, "each public rule, from the proxy to its backends and from the host through the proxy"),
    timing!(published_port, "a handshake with the ports that the host publishes, made from the host"),
    timing!(
        isolation,
        "from each destination to containers of others that share nothing with it; the pairs take turns"
    ),
    timing!(
        path_mtu,
        "echo requests as large as the interface takes, from a container of each destination to a peer and to the first four of `probes.external_addresses`"
    ),
    timing!(
        hairpin,
        "a handshake with the ports that the proxy publishes, at an address of the host, from a container of each destination"
    ),
    timing!(
        overlay,
        "from a container of each Swarm overlay to containers on other nodes, and to virtual addresses of services: an echo, and a handshake where a port is known"
    ),
    timing!(
        node,
        "from the host to the hosts of other nodes of the Swarm: an echo, and a handshake with their ports 7946 and 2377"
    ),
];

static TRAFFIC: [Setting; 1] = [setting(
    "traffic.source",
    Field::Counters(at!(traffic.source)),
    "Whose counters of traffic are told: `kernel`, read in each container's namespace; `engine`, the Engine's \
     statistics; `auto`, the kernel's, and the Engine's of containers that cannot be looked into. The \
     Engine does not say which interface leads to which network, so that of a container on several \
     networks it tells nothing.",
)];

static ISOLATION: [Setting; 1] = [setting(
    "isolation.shared",
    Field::Groups(at!(probes.shared)),
    "Destinations that are meant to reach each other though no container is on both: nobody probes whether they do, \
     and no `isolation-breached` is told of them. Two destinations belong together where two entries of one group \
     name them: `[shop, blog]` the two, `[tools, \"*\"]` everyone with `tools`, `[\"team-*\", \"team-*\"]` all of a team \
     with each other.",
)];

static ROUTES: [Setting; 1] = [setting(
    "routes.addresses",
    Field::Addresses(at!(probes.public_addresses)),
    "The public addresses of this server. Where they are told, the domain of each route is asked of the proxy's own \
     resolver every minute, and `domain-points-elsewhere` says which lead to none of them. Empty: nobody is asked.",
)];

static CERTIFICATES: [Setting; 2] = [
    setting(
        "certificates.ca_file",
        Field::File(at!(certificates.ca_file)),
        "Further authorities whose certificates are believed, besides those of Mozilla's programme: a file in PEM with \
         their certificates, one behind the other. A server's own certificate may stand in it too. It is a regular file \
         of at most 1 MiB, and is read again with the configuration.",
    ),
    setting(
        "certificates.expiring_within",
        Field::Time(at!(certificates.expiring_within), bounds(3_600_000, 31_557_600_000)),
        "A certificate with less time left than this *and* less than a sixth of its whole time is about to expire: \
         renewal was due and did not happen. One of 90 days is renewed with 30 left, and told from 14 on; one of 6 \
         days is renewed with 2 left, and told in its last day.",
    ),
];

static FINDINGS: [Setting; 1] = [setting(
    "findings.hard_coded_address",
    Field::Flag(at!(docker.hard_coded_addresses)),
    "Whether `hard-coded-address` tells of containers whose environment variables hold the address of another container. \
     For that their variables are looked through, which hold secrets as well: what is kept of them, and told, is the \
     *name* of such a variable and whose address it is, never a value.",
)];

static DRIFT: [Setting; 1] = [setting(
    "drift.approved_file",
    Field::File(at!(drift.approved_file)),
    "A snapshot that you have looked at and approved, as `destination-exporter snapshot` writes it. `serve` holds what there \
     is against it, and says what is otherwise: `destination_drift`, an event, a line of the report ([what it is](moving.md#drift)). It \
     is a regular file of at most 8 MiB, and is read again with the configuration, and by itself when it is another. One that cannot \
     be read stops nothing: what was approved before stays in force, and `destination_drift_baseline_readable` is 0.",
)];

/// Every setting, in the order of the documentation.
pub fn settings() -> impl Iterator<Item = &'static Setting> {
    PLAIN
        .iter()
        .chain(TIMED.iter().flatten())
        .chain(&TRAFFIC)
        .chain(&ISOLATION)
        .chain(&ROUTES)
        .chain(&CERTIFICATES)
        .chain(&FINDINGS)
        .chain(&DRIFT)
}

impl Field {
    /// The type as the documentation names it, and as errors ask for it.
    pub fn describe(&self) -> String {
        match self {
            Self::Flag(_) => "true or false".into(),
            Self::Time(_, bounds) => bounds.describe(),
            Self::Whole { least, most, .. } => format!("a whole number from {least} to {most}"),
            Self::Engine(_) => "an address like `unix:///var/run/docker.sock` or `tcp://host:port`".into(),
            Self::Folder(_) => "an absolute path, or `\"\"` for where the Engine says".into(),
            Self::File(_) => "an absolute path of a file, or `\"\"` for none".into(),
            Self::Patterns(_) => "a list of patterns like `app-*`".into(),
            Self::Networks(_) => "a list of network names".into(),
            Self::Labels(_) => "a list of labels, `key` or `key=value`".into(),
            Self::Names(_) => "a list of DNS names".into(),
            Self::Addresses(_) => "a list of IP addresses".into(),
            Self::Ports(_) => "a list of ports from 1 to 65535".into(),
            Self::Counters(_) => "`auto`, `kernel` or `engine`".into(),
            Self::Groups(_) => "a list of groups like `[[shop, blog]]`, each of two patterns or more".into(),
            Self::Overrides(_) => "a list of overrides (below)".into(),
        }
    }
}

impl Bounds {
    /// The bounds as errors and documentation name them.
    pub fn describe(&self) -> String {
        format!("a duration like `15s` or `1m30s`, from {} to {}", time(self.least), time(self.most))
    }
}

/// A duration as the file writes it: `1m30s`.
pub(super) fn time(duration: Duration) -> String {
    humantime::format_duration(duration).to_string().replace(' ', "")
}
