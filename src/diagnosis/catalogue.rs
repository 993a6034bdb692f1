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
    AddressPoolsExhausted, "address-pools-exhausted", Ticket, "No room for another network",
        "The Engine has room for one more network at most: the next stack that brings its own, or the one after it, will not be deployed.";
    NetworkAddressesExhausted, "network-addresses-exhausted", Ticket, "No free addresses",
        "The network's subnet is full: the next container that is to start on it will not.";
    ContainerUnreachable, "container-unreachable", Page, "Nobody reaches the container",
        "The container runs, or ought to run, and nobody on the destination reaches it.";
    ContainerPartitioned, "container-partitioned", Page, "Some peers do not reach the container",
        "Some containers of the destination reach it and others do not.";
    ContainerPacketLoss, "container-packet-loss", Ticket, "Packets are lost on the way to the container",
        "A part of the packets is lost: connections stall for a second or more.";
    DnsResolverUnresponsive, "dns-resolver-unresponsive", Page, "The container's resolver does not answer",
        "The container's own resolver gives no answer: it finds no other container by name.";
    DnsAliasCollision, "dns-alias-collision", Ticket, "Two workloads answer to one name",
        "One name leads to containers of two workloads: connections go to either, silently.";
    DnsWrongAnswer, "dns-wrong-answer", Page, "A name leads to the wrong address",
        "The resolver's answer is not what the Engine says: connections fail or go to a stranger.";
    PublishedPortUnreachable, "published-port-unreachable", Page, "A published port does not answer",
        "The host itself does not get through to a port that it publishes: nobody from outside does.";
    IsolationBreached, "isolation-breached", Ticket, "Destinations that share nothing reach each other",
        "Packets pass between destinations that share no container: whoever breaks into one app reaches those of others.";
    PortExposedPublicly, "port-exposed-publicly", Ticket, "A database is open to everybody",
        "A database, a queue or the Engine itself is published to whoever reaches the host, past its firewall.";
    IsolationSharedContainer, "isolation-shared-container", Info, "A container joins two destinations",
        "A container sits on several destinations: what reaches it may be led from one to the other.";
}
