//! The codes.

use serde::{Deserialize, Serialize};

use super::Severity;

macro_rules! codes {
    ($($variant:ident, $label:literal, $severity:ident, $title:literal, $meaning:literal $(, [$($met:literal),*])?;)*) => {
        /// Every fault that can be named.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Code {
            $(#[doc = $title] #[serde(rename = $label)] $variant,)*
        }

        impl Code {
            /// Every code, in the order of precedence.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The value of the label `code`.
            pub const fn as_label(self) -> &'static str {
                match self { $(Self::$variant => $label,)* }
            }

            /// How bad it usually is.
            pub const fn severity(self) -> Severity {
                match self { $(Self::$variant => Severity::$severity,)* }
            }

            /// A few words.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)* }
            }

            /// What to do about it, as `docs/runbooks` has it.
            pub const fn runbook(self) -> &'static str {
                match self {
                    $(Self::$variant => include_str!(concat!("../../docs/runbooks/", $label, ".md")),)*
                }
            }

            /// Where people met it: issues of GitHub, `owner/repository#number`.
            pub const fn met(self) -> &'static [&'static str] {
                match self { $(Self::$variant => &[$($($met),*)?],)* }
            }

            /// What it means for the people who use the site.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning,)* }
            }
        }
    };
}

/// Below the exporter's own URL: the one place whose pages fit the version that wrote the link.
const RUNBOOKS: &str = "runbooks";

impl Code {
    /// Where an exporter that is reached at `base` shows the runbook.
    pub fn runbook_url(self, base: &str) -> String {
        format!("{base}/{RUNBOOKS}/{}", self.as_label())
    }
}

codes! {
    ExporterBlind, "exporter-blind", Ticket, "The exporter cannot see",
        "The Engine does not answer or a privilege is missing: what cannot be seen is unknown, not down.";
    HostForwardingDisabled, "host-forwarding-disabled", Page, "The host forwards no packets",
        "Containers reach nothing outside their network, and their published ports answer nobody else than the host.",
        ["moby/moby#47966", "NixOS/nixpkgs#118656"];
    HostFirewallChainsMissing, "host-firewall-chains-missing", Page, "The Engine's firewall rules are gone",
        "The rules that the Engine wrote are gone: containers may reach nothing outside, published ports lead nowhere, and nothing keeps networks apart.",
        ["moby/moby#16816", "moby/moby#16137"];
    HostFirewallBlocking, "host-firewall-blocking", Page, "Another firewall drops what containers send",
        "Somebody else's firewall rule drops what containers send: it never comes to the rules that the Engine wrote for them.",
        ["coollabsio/coolify#8151", "coollabsio/coolify#7314", "docker/for-linux#179", "chaifeng/ufw-docker#53"];
    HostConntrackNearLimit, "host-conntrack-near-limit", Ticket, "The table of connections is nearly full",
        "The kernel has hardly any room for another connection: once it has none, new ones are dropped at random.",
        ["kubernetes/kubernetes#71261", "adobe-platform/porter#124"];
    HostNeighbourTableFull, "host-neighbour-table-full", Ticket, "The table of neighbours is full, or nearly",
        "The kernel has hardly any room for another link-layer address: once it has none, containers reach some peers and not others.",
        ["moby/libnetwork#1522", "moby/moby#32195"];
    HostBridgeNetfilterOff, "host-bridge-netfilter-off", Info, "Bridged packets pass by the firewall",
        "What crosses a bridge does not meet the firewall: nothing separates containers of one network, and without the Engine's userland proxy a neighbour's published port gives no answer.",
        ["moby/moby#23358"];
    SwarmNoQuorum, "swarm-no-quorum", Page, "The managers cannot decide",
        "The Swarm's managers have no quorum, or this one is locked: what runs goes on, and nothing is started, moved or mended.",
        ["coollabsio/coolify#2201", "coollabsio/coolify#1854"];
    SwarmAddressMismatch, "swarm-address-mismatch", Page, "Nodes advertise addresses of several networks",
        "Some nodes advertise an address that others cannot reach: they find each other only in part.",
        ["moby/moby#37536"];
    SwarmPeerMissing, "swarm-peer-missing", Page, "A node is missing in an overlay's gossip",
        "What runs on that node has no name and no way to it from here.",
        ["docker/docs#8640", "moby/moby#26523"];
    SwarmEncryptionUnsupported, "swarm-encryption-unsupported", Page, "An encrypted overlay passes nothing",
        "Containers on different nodes do not reach each other over the encrypted overlay, though everything looks well.",
        ["moby/moby#45635", "docker/docs#8640"];
    SwarmDataPathBroken, "swarm-data-path-broken", Page, "An overlay's packets do not reach a node",
        "Names resolve, and connections to what runs on that node time out.",
        ["docker/docs#8640", "coreos/fedora-coreos-tracker#1372", "projectcalico/calico#9433"];
    SwarmVipUnreachable, "swarm-vip-unreachable", Page, "A service's virtual address leads nowhere",
        "Whoever calls the service by its name gets no connection, though its tasks answer.",
        ["moby/moby#24005", "moby/moby#34246"];
    SwarmStaleTasks, "swarm-stale-tasks", Ticket, "Names lead to tasks that are gone",
        "A share of the connections to the service fails: its name leads to addresses of tasks that are no more.",
        ["moby/moby#52661", "moby/moby#30134", "moby/moby#35548", "moby/moby#38575"];
    SwarmTaskRejected, "swarm-task-rejected", Page, "A service's tasks are refused",
        "The service has fewer tasks than it is to have, or none: nodes refuse them, or none is fit.",
        ["moby/libnetwork#1765", "docker/for-linux#599", "moby/moby#36197", "docker/compose#8996"];
    NetworkMissing, "network-missing", Ticket, "The network does not exist",
        "A network that containers were made for does not exist: whatever is deployed to it does not start.",
        ["coollabsio/coolify#7318", "coollabsio/coolify#1764", "coollabsio/coolify#11422", "coollabsio/coolify#4416"];
    NetworkDuplicateName, "network-duplicate-name", Ticket, "Two networks of one name",
        "Two networks have one name: whatever is deployed to it gets either of them, or an error.",
        ["moby/moby#33561", "coollabsio/coolify#4873"];
    NetworkSubnetOverlap, "network-subnet-overlap", Ticket, "The subnet is in use elsewhere",
        "The network has addresses that the host has another way to: one of the two is out of reach.",
        ["coollabsio/coolify#9537", "bitwarden/server#947"];
    NetworkMtuMismatch, "network-mtu-mismatch", Ticket, "Packets larger than the way out carries",
        "Containers send larger packets than the host's way out carries: large answers may hang.",
        ["moby/moby#20178", "moby/libnetwork#2661", "moby/moby#22028", "moby/moby#36689"];
    NetworkBridgePortsExhausted, "network-bridge-ports-exhausted", Ticket, "The bridge is full",
        "The network's bridge takes hardly any further container, or none.",
        ["moby/moby#44973", "moby/moby#31100"];
    NetworkGhostEndpoint, "network-ghost-endpoint", Ticket, "An endpoint without a container",
        "An endpoint is left in the network, and no container stands behind it: the network cannot be removed, nor the name used again.",
        ["coollabsio/coolify#2726", "coollabsio/coolify#2235"];
    ProxyMissing, "proxy-missing", Page, "No reverse proxy",
        "Containers ask for public routes and there is no proxy to serve them: every site is down.",
        ["coollabsio/coolify#3279", "coollabsio/coolify#5696", "coollabsio/coolify#4605"];
    HostPortConflict, "host-port-conflict", Page, "The proxy's port is taken",
        "The proxy cannot start, because another process or container has its port: every site is down.",
        ["coollabsio/coolify#3693", "coollabsio/shoutrrr#49"];
    ProxyNotRunning, "proxy-not-running", Page, "The reverse proxy does not run",
        "The proxy is there and does not run: every site that it serves is down.",
        ["coollabsio/coolify#3279", "coollabsio/coolify#3693", "coollabsio/coolify#5696", "coollabsio/shoutrrr#49"];
    ProxyUnhealthy, "proxy-unhealthy", Ticket, "The reverse proxy is unhealthy",
        "The proxy's own health check fails.";
    ProxyNotAttached, "proxy-not-attached", Page, "The proxy is not on the network",
        "The proxy has no place on the network of a container that it is to serve: its sites time out.",
        ["coollabsio/coolify#11436", "coollabsio/coolify#11694", "moby/moby#53089", "coollabsio/coolify#11534"];
    ProxyUnreachable, "proxy-unreachable", Page, "The proxy's ports do not open",
        "The proxy runs, and nobody gets in at its ports.";
    ProxyProviderBroken, "proxy-provider-broken", Page, "The proxy does not see the containers",
        "The proxy answers, and knows none of the routes that the containers' labels ask for.",
        ["coollabsio/coolify#7193", "coollabsio/coolify#7744", "traefik/traefik#813", "coollabsio/coolify#7259"];
    RouteRuleInvalid, "route-rule-invalid", Page, "The proxy refuses the rule",
        "A label's rule is one that the proxy does not take: the domain is not served.",
        ["coollabsio/coolify#7092", "coollabsio/coolify#7201", "coollabsio/coolify#5814"];
    RouteConflict, "route-conflict", Page, "Two claim one site",
        "Two resources, or two rules, claim one domain and path: which of them answers is chance.",
        ["coollabsio/coolify#11320", "coollabsio/coolify#2096", "Dokploy/dokploy#4807", "coollabsio/coolify#5189"];
    RouteContainerUnhealthy, "route-container-unhealthy", Page, "The app's health check fails",
        "The container's own check fails, so the proxy leads nobody to it: the site is down.",
        ["coollabsio/coolify#5961", "coollabsio/coolify-docs#364", "wallabag/docker#407", "coollabsio/coolify#4963"];
    RouteContainerStarting, "route-container-starting", Ticket, "The app's health check has not passed",
        "The container's check has not decided yet, and until it does the proxy leads nobody to it.",
        ["coollabsio/coolify-docs#199"];
    RouteHostNetwork, "route-host-network", Ticket, "The app is on the host's network",
        "The proxy has to leave its own network to reach the app, which the host's firewall often forbids.",
        ["coollabsio/coolify#1092"];
    RouteNetworkMismatch, "route-network-mismatch", Ticket, "The label names another network",
        "The label that tells the proxy which network to use names one that the container is not on.",
        ["traefik/traefik#5731", "lucaslorentz/caddy-docker-proxy#234", "lucaslorentz/caddy-docker-proxy#508", "lucaslorentz/caddy-docker-proxy#825"];
    RouteNetworkAmbiguous, "route-network-ambiguous", Ticket, "Several networks, and no label",
        "The proxy takes any of the container's networks, and is not on all of them: the site fails by chance.",
        ["coollabsio/coolify#4483", "coollabsio/coolify#6215", "coollabsio/coolify#6153", "traefik/traefik#5040"];
    RoutePortNotListening, "route-port-not-listening", Page, "Nothing listens on the port",
        "The proxy dials a port of the container at which nothing listens: 502.",
        ["coollabsio/coolify#5168", "coollabsio/coolify#9205", "coollabsio/coolify#6493", "coollabsio/coolify#3090"];
    RouteLoopbackOnly, "route-loopback-only", Page, "The app listens on 127.0.0.1 only",
        "The app listens where only its own container reaches it: 502.",
        ["coollabsio/coolify-docs#199"];
    RouteBackendTimeout, "route-backend-timeout", Page, "The app does not answer",
        "The app takes the connection and gives no answer, or does not end it: visitors wait.";
    RouteStaleBackend, "route-stale-backend", Page, "The proxy dials something else",
        "The container answers when asked directly, and not through the proxy: it dials an old address or port.",
        ["coollabsio/coolify#9149", "coollabsio/coolify#11255"];
    RouteRedirectLoop, "route-redirect-loop", Page, "The site redirects to itself",
        "The answer leads back to the question: a browser gives up.",
        ["coollabsio/coolify#2373", "coollabsio/coolify#3004", "coollabsio/coolify-docs#675"];
    RouteNotServed, "route-not-served", Page, "The site is answered wrongly",
        "The site's answer is an error, and nothing else accounts for it.";
    CertificateDefault, "certificate-default", Page, "The proxy's own default certificate",
        "Visitors get a certificate that the proxy made itself: it has none for this domain, and browsers warn.",
        ["coollabsio/coolify#4673", "traefik/traefik#11912"];
    CertificateExpired, "certificate-expired", Page, "The certificate has expired",
        "The certificate's time is over: browsers refuse the site.";
    CertificateNameMismatch, "certificate-name-mismatch", Page, "The certificate is for other names",
        "The certificate is for other names than the domain that visitors ask for: browsers refuse the site.";
    CertificateUntrusted, "certificate-untrusted", Ticket, "The certificate is not believed",
        "Clients do not believe the certificate: it leads to no authority that they know.";
    CertificateExpiring, "certificate-expiring", Ticket, "The certificate ends soon",
        "The certificate ends soon, and should have been renewed by now.";
    DomainPointsElsewhere, "domain-points-elsewhere", Ticket, "The domain leads elsewhere",
        "None of the domain's addresses in DNS is this server's: visitors land elsewhere.",
        ["coollabsio/coolify#2968"];
    RouteHostPortPublished, "route-host-port-published", Info, "The app is reached past the proxy",
        "A port that the proxy leads to is published by the host as well: without TLS and logins of the proxy.",
        ["rmyndharis/OpenWA#475"];
    AddressPoolsExhausted, "address-pools-exhausted", Ticket, "No room for another network",
        "The Engine has room for one more network at most: the next stack that brings its own, or the one after it, will not be deployed.",
        ["coollabsio/coolify#2235", "coollabsio/coolify#4943", "coollabsio/coolify#2782"];
    NetworkAddressesExhausted, "network-addresses-exhausted", Ticket, "No free addresses",
        "The network's subnet is full: the next container that is to start on it will not.",
        ["moby/moby#43052", "moby/moby#31019"];
    ContainerRestarting, "container-restarting", Ticket, "The container starts again and again",
        "The container ends soon after each start, and the Engine starts it again: its name and its ports come and go.",
        ["coollabsio/coolify#5595", "coollabsio/coolify#3401", "coollabsio/coolify#6750"];
    ContainerStaticAddressRefused, "container-static-address-refused", Ticket, "The container's fixed address is refused",
        "The container does not start: it asks for an address of its own on a network whose subnet the Engine chose.",
        ["coollabsio/coolify#7216"];
    ContainerUnreachable, "container-unreachable", Page, "Nobody reaches the container",
        "The container runs, or ought to run, and nobody on the destination reaches it.";
    ContainerPartitioned, "container-partitioned", Page, "Some peers do not reach the container",
        "Some containers of the destination reach it and others do not.";
    ContainerPacketLoss, "container-packet-loss", Ticket, "Packets are lost on the way to the container",
        "A part of the packets is lost: connections stall for a second or more.";
    EphemeralPortsExhausted, "ephemeral-ports-exhausted", Ticket, "No local ports left, or hardly any",
        "The container has used up, or nearly, the local ports for connections to one address: once there are none, new ones fail.",
        ["TechEmpower/FrameworkBenchmarks#4092"];
    DnsResolverUnresponsive, "dns-resolver-unresponsive", Page, "The container's resolver does not answer",
        "The container's own resolver gives no answer: it finds no other container by name.",
        ["moby/moby#45646", "moby/moby#34660"];
    DnsOverloaded, "dns-overloaded", Ticket, "Queries for names are lost",
        "The container asks for names faster than the Engine's resolver takes: lookups stall for seconds, or fail.",
        ["moby/libnetwork#2082", "docker/for-linux#1165"];
    DnsAliasCollision, "dns-alias-collision", Ticket, "Two workloads answer to one name",
        "One name leads to containers of two workloads: connections go to either, silently.",
        ["coollabsio/coolify#11142", "coollabsio/coolify#6327", "moby/moby#47390", "moby/moby#41532"];
    DnsWrongAnswer, "dns-wrong-answer", Page, "A name leads to the wrong address",
        "The resolver's answer is not what the Engine says: connections fail or go to a stranger.",
        ["coollabsio/coolify#4712", "coollabsio/coolify#5595", "moby/moby#52661", "coollabsio/coolify#3401"];
    DnsUpstreamFailing, "dns-upstream-failing", Page, "Names outside do not resolve",
        "Names of containers resolve and names outside do not: mail, payments and updates fail.",
        ["coollabsio/coolify#9320", "coollabsio/coolify#6570", "moby/moby#38243"];
    DnsResolvConfStale, "dns-resolv-conf-stale", Page, "A container asks name servers of the past",
        "The container's queries go to name servers that the host had when it started: names outside do not resolve.",
        ["coollabsio/coolify#8687"];
    EgressBlocked, "egress-blocked", Page, "Nothing outside is reached",
        "Containers get no answer from addresses outside: mail, payments and updates fail.",
        ["moby/moby#16816", "docker/for-linux#179", "moby/moby#47966", "moby/moby#16137"];
    EgressIpv6Missing, "egress-ipv6-missing", Info, "Nothing outside is reached by IPv6",
        "Containers have no way to addresses of IPv6: services that have no other are out of reach.",
        ["coollabsio/coolify#3095", "coollabsio/coolify#5669"];
    PathMtuBlackhole, "path-mtu-blackhole", Ticket, "Large packets vanish without a word",
        "Small packets pass and large ones do not, and nobody says so: connections stand, and large answers hang.",
        ["moby/moby#20178", "moby/libnetwork#2661", "moby/moby#22028", "moby/moby#36689"];
    HairpinBlocked, "hairpin-blocked", Ticket, "Containers do not get back to the host's own address",
        "Containers get no connection to the proxy at the host's own address: apps that call a site of this server by its public name time out.",
        ["coollabsio/coolify#989", "moby/moby#27817", "moby/moby#53723"];
    PublishedPortUnreachable, "published-port-unreachable", Page, "A published port does not answer",
        "The host itself does not get through to a port that it publishes: nobody from outside does.",
        ["moby/moby#16816", "moby/moby#16137"];
    IsolationBreached, "isolation-breached", Ticket, "Destinations that share nothing reach each other",
        "Packets pass between destinations that share no container: whoever breaks into one app reaches those of others.";
    PortExposedPublicly, "port-exposed-publicly", Ticket, "A database is open to everybody",
        "A database, a queue or the Engine itself is published to whoever reaches the host, past its firewall.";
    IsolationSharedContainer, "isolation-shared-container", Info, "A container joins two destinations",
        "A container sits on several destinations: what reaches it may be led from one to the other.";
    HardCodedAddress, "hard-coded-address", Info, "A container is found by its address",
        "A variable holds another container's address: after that one's next start it is another's, or nobody's.";
}
