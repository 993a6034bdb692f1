//! What the Engine told just before something flipped, and concerns it.

use std::sync::Arc;
use std::time::Duration;

use crate::diagnosis::{After, Code, Finding};
use crate::inventory::{Inventory, normal};

use super::event::{About, Event, Happened};
use super::events::Events;
use super::people::Who;
use super::words::{seconds, sentence};

/// What came longer before is not told.
pub const WITHIN: Duration = Duration::from_secs(30);
/// The Engine tells that a container ended when it has taken its networks: what is seen of that may come first.
const TOLD_LATE: Duration = Duration::from_secs(1);
/// So many are told.
const MOST: usize = 3;

/// What an event must be about to concern something.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Concern {
    /// The destination; `None`: the host.
    pub place: Option<Arc<str>>,
    /// Endpoint names and workloads.
    pub names: Vec<Arc<str>>,
    /// It is reached by the proxy.
    pub is_proxied: bool,
    /// It is about the host's networks.
    pub is_of_networks: bool,
}

/// How they are told of what began at that moment.
pub fn after(before: &[&Event], onset: Duration) -> Vec<After> {
    let after = |event: &&Event| After {
        seconds: seconds(onset.saturating_sub(event.place.0)),
        sentence: sentence(event.clause()),
    };
    before.iter().map(after).collect()
}

/// The same of what the Engine told alone.
pub fn of_engine(before: &[&Event], onset: Duration) -> Vec<After> {
    let told: Vec<&Event> = before.iter().copied().filter(|event| event.about != About::Exporter).collect();
    after(&told, onset)
}

/// What came before that moment, nearest first. What concerns it nearer leaves out what is merely on its destination.
pub fn before<'e>(concern: &Concern, onset: Duration, events: &'e Events) -> Vec<&'e Event> {
    let (mut near, mut far) = (Vec::new(), Vec::new());
    for event in events.iter().rev() {
        if event.place.0 > onset + TOLD_LATE || onset.saturating_sub(event.place.0) > WITHIN {
            continue;
        }
        match concern.nearness(event) {
            Some(Nearness::Itself) => near.push(event),
            Some(Nearness::Neighbour) => far.push(event),
            None => {}
        }
    }
    let mut all = if near.is_empty() { far } else { near };
    // Those that are told to have come a little later stand at its own moment.
    all.sort_by_key(|event| onset.saturating_sub(event.place.0));
    all.truncate(MOST);
    all
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Nearness {
    /// It is about the very thing, about the proxy before it, or about the Engine.
    Itself,
    /// It is about another container of the destination.
    Neighbour,
}

impl Concern {
    fn nearness(&self, event: &Event) -> Option<Nearness> {
        match &event.about {
            About::Engine => Some(Nearness::Itself),
            // Settings and starts are of everything, and account for nothing that something nearer accounts for.
            About::Exporter => Some(Nearness::Neighbour),
            About::Network(on) => {
                let is_it = self.place.as_ref() == Some(on) || self.is_of_networks;
                is_it.then_some(Nearness::Itself)
            }
            About::Container(who) => self.nearness_of(who, event),
        }
    }

    fn nearness_of(&self, who: &Who, event: &Event) -> Option<Nearness> {
        let places = event.places();
        let is_here = match &self.place {
            Some(place) => places.contains(place) || (who.is_proxy && places.is_empty()),
            None => true,
        };
        if !is_here {
            return None;
        }
        let is_named =
            self.names.iter().any(|name| *name == who.name || *name == who.bare || *name == who.workload);
        if is_named || (who.is_proxy && self.is_proxied) {
            return Some(Nearness::Itself);
        }
        // A look at one container's health says nothing of another.
        let is_felt = !matches!(event.happened, Happened::Checked(_) | Happened::Renamed(_));
        (self.place.is_some() && is_felt).then_some(Nearness::Neighbour)
    }

    /// What a finding is about.
    pub fn of(finding: &Finding, inventory: Option<&Inventory>) -> Self {
        let subject = &finding.subject;
        let place = finding.destination.clone();
        let here = || {
            inventory
                .into_iter()
                .flat_map(|i| &i.destinations)
                .filter(|d| place.as_ref().is_none_or(|place| *place == d.name))
                .flat_map(|d| &d.endpoints)
        };
        let mut names: Vec<Arc<str>> = Vec::new();
        match subject.kind {
            "container" | "proxy" => names.push(Arc::clone(&subject.name)),
            // `api 8080/tcp`.
            "port" => names.extend(
                here().filter(|e| is_before_a_gap(&e.name, &subject.name)).map(|e| Arc::clone(&e.name)),
            ),
            "address" => names.extend(
                here()
                    .filter(|e| e.addresses.iter().any(|address| address.to_string() == *subject.name))
                    .map(|e| Arc::clone(&e.name)),
            ),
            "name" => {
                let wanted = normal(&subject.name);
                names.extend(
                    here()
                        .filter(|e| e.names.iter().any(|name| **name == *wanted))
                        .map(|e| Arc::clone(&e.name)),
                );
            }
            "route" | "domain" => {
                let routes = inventory.map(|i| &i.routes);
                for route in routes.into_iter().flat_map(|routes| &routes.served) {
                    if route.title() == subject.name || route.domain == subject.name {
                        names.push(Arc::clone(&route.workload));
                        names.extend(route.backends.iter().map(|backend| Arc::clone(&backend.name)));
                    }
                }
                let refused = routes.into_iter().flat_map(|routes| &routes.refused);
                names.extend(
                    refused.filter(|one| one.router == subject.name).map(|one| Arc::clone(&one.name)),
                );
            }
            _ => {}
        }
        let by_proxy = matches!(finding.code, Code::ProxyMissing | Code::HostPortConflict);
        Self {
            names,
            is_proxied: by_proxy || matches!(subject.kind, "route" | "domain" | "proxy"),
            is_of_networks: matches!(
                finding.code,
                Code::AddressPoolsExhausted | Code::NetworkSubnetOverlap | Code::NetworkMissing
            ),
            place,
        }
    }
}

fn is_before_a_gap(name: &str, text: &str) -> bool {
    text.strip_prefix(name).is_some_and(|rest| rest.starts_with(' '))
}
