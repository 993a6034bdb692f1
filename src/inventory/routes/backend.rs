//! One container as a proxy's backend.

use std::sync::Arc;

use crate::inventory::model::{Container, Health, Place};
use crate::proxy::{Kind, Leads, Port, Rule};

use super::model::{Backend, Placed, Standing};
use super::place::{Chooser, Seat};

/// A container, as one rule has it dialled.
pub(super) struct Dialled<'a> {
    pub(super) container: &'a Container,
    pub(super) name: &'a Arc<str>,
    pub(super) rule: &'a Rule,
    /// The site's path.
    pub(super) path: &'a Arc<str>,
    pub(super) seats: &'a [Seat],
    /// The network that its labels name.
    pub(super) label: Option<&'a Arc<str>>,
}

/// `None` where the rule leads elsewhere.
pub(super) fn backend(of: &Dialled<'_>, chooser: &Chooser<'_>, kind: Kind) -> Option<Backend> {
    let Leads::Here(upstream) = &of.rule.leads else { return None };
    let runs = of.container.state.has_namespace();
    let place = match of.container.place {
        _ if !runs => Placed::Nowhere,
        Place::Host => Placed::Host,
        Place::Isolated => Placed::Nowhere,
        Place::Own | Place::SharedWith(_) => chooser.choose(of.seats, of.label),
    };
    let port = match (&upstream.port, kind) {
        (Port::Named(port), _) => Some(*port),
        // Of Traefik's own choice: the lowest that the image or the run command names.
        (Port::Unnamed, Kind::Traefik) => of.container.exposed_tcp.first().copied(),
        (Port::Unnamed, Kind::Caddy) => Some(80),
        (Port::Bad(_), _) => None,
    };
    Some(Backend {
        container: of.container.id.clone(),
        name: Arc::clone(of.name),
        router: Arc::clone(&of.rule.name),
        standing: if runs { standing(of.container.health, kind) } else { Standing::Stopped },
        place,
        port,
        said: upstream.port.clone(),
        tls: upstream.tls,
        path: asked(of.path, &of.rule.strips),
        started_at: of.container.started_at,
    })
}

/// Traefik leaves out a container whose check is not good, also while it has not decided. Caddy does not ask.
const fn standing(health: Health, kind: Kind) -> Standing {
    match (kind, health) {
        (Kind::Traefik, Health::Starting) => Standing::Starting,
        (Kind::Traefik, Health::Unhealthy) => Standing::Unhealthy,
        _ => Standing::Served,
    }
}

/// The path that is left when a prefix is taken away.
fn asked(path: &Arc<str>, strips: &[Arc<str>]) -> Arc<str> {
    let left = strips.iter().find_map(|prefix| path.strip_prefix(prefix.trim_end_matches('/')));
    match left {
        Some("") => "/".into(),
        Some(left) if left.starts_with('/') => left.into(),
        _ => Arc::clone(path),
    }
}
