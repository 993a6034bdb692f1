//! The codes.

use serde::Serialize;

use super::Severity;

macro_rules! codes {
    ($($variant:ident, $label:literal, $severity:ident, $title:literal, $meaning:literal;)*) => {
        /// Every fault that can be named.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
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
        "Containers reach nothing outside their network, and their published ports answer nobody else than the host.";
    HostConntrackNearLimit, "host-conntrack-near-limit", Ticket, "The table of connections is nearly full",
        "The kernel has hardly any room for another connection: once it has none, new ones are dropped at random.";
    HostNeighbourTableFull, "host-neighbour-table-full", Ticket, "The table of neighbours is full, or nearly",
        "The kernel has hardly any room for another link-layer address: once it has none, containers reach some peers and not others.";
    HostBridgeNetfilterOff, "host-bridge-netfilter-off", Info, "Bridged packets pass by the firewall",
        "What crosses a bridge does not meet the firewall: nothing separates containers of one network, and without the Engine's userland proxy a neighbour's published port gives no answer.";
    NetworkMissing, "network-missing", Ticket, "The network does not exist",
        "A network that containers were made for does not exist: whatever is deployed to it does not start.";
    NetworkDuplicateName, "network-duplicate-name", Ticket, "Two networks of one name",
        "Two networks have one name: whatever is deployed to it gets either of them, or an error.";
    NetworkSubnetOverlap, "network-subnet-overlap", Ticket, "The subnet is in use elsewhere",
        "The network has addresses that the host has another way to: one of the two is out of reach.";
    NetworkMtuMismatch, "network-mtu-mismatch", Ticket, "Packets larger than the way out carries",
        "Containers send larger packets than the host's way out carries: large answers may hang.";
    NetworkBridgePortsExhausted, "network-bridge-ports-exhausted", Ticket, "The bridge is full",
        "The network's bridge takes hardly any further container, or none.";
    ProxyMissing, "proxy-missing", Page, "No reverse proxy",
        "Containers ask for public routes and there is no proxy to serve them: every site is down.";
    HostPortConflict, "host-port-conflict", Page, "The proxy's port is taken",
        "The proxy cannot start, because another process or container has its port: every site is down.";
    ProxyNotRunning, "proxy-not-running", Page, "The reverse proxy does not run",
        "The proxy is there and does not run: every site that it serves is down.";
    ProxyUnhealthy, "proxy-unhealthy", Ticket, "The reverse proxy is unhealthy",
        "The proxy's own health check fails.";
    ProxyNotAttached, "proxy-not-attached", Page, "The proxy is not on the network",
        "The proxy has no place on the network of a container that it is to serve: its sites time out.";
    ProxyUnreachable, "proxy-unreachable", Page, "The proxy's ports do not open",
        "The proxy runs, and nobody gets in at its ports.";
    ProxyProviderBroken, "proxy-provider-broken", Page, "The proxy does not see the containers",
        "The proxy answers, and knows none of the routes that the containers' labels ask for.";
    RouteRuleInvalid, "route-rule-invalid", Page, "The proxy refuses the rule",
        "A label's rule is one that the proxy does not take: the domain is not served.";
    RouteConflict, "route-conflict", Page, "Two claim one site",
        "Two resources, or two rules, claim one domain and path: which of them answers is chance.";
    RouteContainerUnhealthy, "route-container-unhealthy", Page, "The app's health check fails",
        "The container's own check fails, so the proxy leads nobody to it: the site is down.";
    RouteContainerStarting, "route-container-starting", Ticket, "The app's health check has not passed",
        "The container's check has not decided yet, and until it does the proxy leads nobody to it.";
    RouteHostNetwork, "route-host-network", Ticket, "The app is on the host's network",
        "The proxy has to leave its own network to reach the app, which the host's firewall often forbids.";
    RouteNetworkMismatch, "route-network-mismatch", Ticket, "The label names another network",
        "The label that tells the proxy which network to use names one that the container is not on.";
    RouteNetworkAmbiguous, "route-network-ambiguous", Ticket, "Several networks, and no label",
        "The proxy takes any of the container's networks, and is not on all of them: the site fails by chance.";
    RoutePortNotListening, "route-port-not-listening", Page, "Nothing listens on the port",
        "The proxy dials a port of the container at which nothing listens: 502.";
    RouteLoopbackOnly, "route-loopback-only", Page, "The app listens on 127.0.0.1 only",
        "The app listens where only its own container reaches it: 502.";
    RouteBackendTimeout, "route-backend-timeout", Page, "The app does not answer",
        "The app takes the connection and gives no answer, or does not end it: visitors wait.";
    RouteStaleBackend, "route-stale-backend", Page, "The proxy dials something else",
        "The container answers when asked directly, and not through the proxy: it dials an old address or port.";
    RouteRedirectLoop, "route-redirect-loop", Page, "The site redirects to itself",
        "The answer leads back to the question: a browser gives up.";
    RouteNotServed, "route-not-served", Page, "The site is answered wrongly",
        "The site's answer is an error, and nothing else accounts for it.";
    CertificateDefault, "certificate-default", Page, "The proxy's own default certificate",
        "Visitors get a certificate that the proxy made itself: it has none for this domain, and browsers warn.";
    CertificateExpired, "certificate-expired", Page, "The certificate has expired",
        "The certificate's time is over: browsers refuse the site.";
    CertificateNameMismatch, "certificate-name-mismatch", Page, "The certificate is for other names",
        "The certificate is for other names than the domain that visitors ask for: browsers refuse the site.";
    CertificateUntrusted, "certificate-untrusted", Ticket, "The certificate is not believed",
        "Clients do not believe the certificate: it leads to no authority that they know.";
    CertificateExpiring, "certificate-expiring", Ticket, "The certificate ends soon",
        "The certificate ends soon, and should have been renewed by now.";
    DomainPointsElsewhere, "domain-points-elsewhere", Ticket, "The domain leads elsewhere",
        "None of the domain's addresses in DNS is this server's: visitors land elsewhere.";
    RouteHostPortPublished, "route-host-port-published", Info, "The app is reached past the proxy",
        "A port that the proxy leads to is published by the host as well: without TLS and logins of the proxy.";
    AddressPoolsExhausted, "address-pools-exhausted", Ticket, "No room for another network",
        "The Engine has room for one more network at most: the next stack that brings its own, or the one after it, will not be deployed.";
    NetworkAddressesExhausted, "network-addresses-exhausted", Ticket, "No free addresses",
        "The network's subnet is full: the next container that is to start on it will not.";
    ContainerRestarting, "container-restarting", Ticket, "The container starts again and again",
        "The container ends soon after each start, and the Engine starts it again: its name and its ports come and go.";
    ContainerStaticAddressRefused, "container-static-address-refused", Ticket, "The container's fixed address is refused",
        "The container does not start: it asks for an address of its own on a network whose subnet the Engine chose.";
    ContainerUnreachable, "container-unreachable", Page, "Nobody reaches the container",
        "The container runs, or ought to run, and nobody on the destination reaches it.";
    ContainerPartitioned, "container-partitioned", Page, "Some peers do not reach the container",
        "Some containers of the destination reach it and others do not.";
    ContainerPacketLoss, "container-packet-loss", Ticket, "Packets are lost on the way to the container",
        "A part of the packets is lost: connections stall for a second or more.";
    DnsResolverUnresponsive, "dns-resolver-unresponsive", Page, "The container's resolver does not answer",
        "The container's own resolver gives no answer: it finds no other container by name.";
    DnsOverloaded, "dns-overloaded", Ticket, "Queries for names are lost",
        "The container asks for names faster than the Engine's resolver takes: lookups stall for seconds, or fail.";
    DnsAliasCollision, "dns-alias-collision", Ticket, "Two workloads answer to one name",
        "One name leads to containers of two workloads: connections go to either, silently.";
    DnsWrongAnswer, "dns-wrong-answer", Page, "A name leads to the wrong address",
        "The resolver's answer is not what the Engine says: connections fail or go to a stranger.";
    DnsUpstreamFailing, "dns-upstream-failing", Page, "Names outside do not resolve",
        "Names of containers resolve and names outside do not: mail, payments and updates fail.";
    EgressBlocked, "egress-blocked", Page, "Nothing outside is reached",
        "Containers get no answer from addresses outside: mail, payments and updates fail.";
    EgressIpv6Missing, "egress-ipv6-missing", Info, "Nothing outside is reached by IPv6",
        "Containers have no way to addresses of IPv6: services that have no other are out of reach.";
    PublishedPortUnreachable, "published-port-unreachable", Page, "A published port does not answer",
        "The host itself does not get through to a port that it publishes: nobody from outside does.";
    IsolationBreached, "isolation-breached", Ticket, "Destinations that share nothing reach each other",
        "Packets pass between destinations that share no container: whoever breaks into one app reaches those of others.";
    PortExposedPublicly, "port-exposed-publicly", Ticket, "A database is open to everybody",
        "A database, a queue or the Engine itself is published to whoever reaches the host, past its firewall.";
    IsolationSharedContainer, "isolation-shared-container", Info, "A container joins two destinations",
        "A container sits on several destinations: what reaches it may be led from one to the other.";
}
