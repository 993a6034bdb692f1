//! Which containers are reverse proxies, and where they listen.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::inventory::ids::ContainerId;
use crate::inventory::proxy::{is_proxy, repository};
use crate::inventory::seen::{Seen, SeenContainer, bounded};
use crate::inventory::workload::label;
use crate::proxy::Kind;
use crate::proxy::traefik::{EntryPoint, Settings, Source};

use super::model::{Entrance, Proxy};

/// The proxies of this host, by name.
pub fn proxies(seen: &Seen, names: &BTreeMap<ContainerId, Arc<str>>) -> Vec<Proxy> {
    let mut proxies: Vec<Proxy> =
        seen.containers.iter().filter(|one| is_proxy(one)).filter_map(|one| proxy(one, names)).collect();
    proxies.sort_by(|a, b| (&a.name, &a.container).cmp(&(&b.name, &b.container)));
    proxies
}

fn proxy(one: &SeenContainer, names: &BTreeMap<ContainerId, Arc<str>>) -> Option<Proxy> {
    let container = ContainerId::new(&one.id);
    let name = Arc::clone(names.get(&container)?);
    let kind = kind(one);
    let error = Some(bounded(&one.error)).filter(|error| !error.is_empty()).map(Arc::from);
    let mut made = Proxy { kind, version: version(&one.image), error, ..Proxy::new(container, name) };
    match kind {
        Some(Kind::Traefik) => traefik(one, &mut made),
        Some(Kind::Caddy) => {
            made.entrances = [("http", 80, false), ("https", 443, true)].map(entrance).into();
        }
        None => {}
    }
    Some(made)
}

/// By the image, else by what Coolify's Compose file calls the service.
fn kind(one: &SeenContainer) -> Option<Kind> {
    let service = label(&one.labels, "com.docker.compose.service");
    match (repository(&one.image), service) {
        ("traefik", _) => Some(Kind::Traefik),
        ("caddy" | "caddy-docker-proxy", _) => Some(Kind::Caddy),
        (_, Some("traefik")) => Some(Kind::Traefik),
        (_, Some("caddy")) => Some(Kind::Caddy),
        // Under another image's name, by the way in which it is started.
        _ if one.command.iter().any(|word| {
            let word = word.to_ascii_lowercase();
            word.starts_with("--providers.docker") || word.starts_with("--providers.swarm")
        }) =>
        {
            Some(Kind::Traefik)
        }
        _ => None,
    }
}

fn entrance((name, port, tls): (&str, u16, bool)) -> Entrance {
    Entrance { name: name.into(), port, tls, is_default: true }
}

/// What its command line and environment say.
fn traefik(one: &SeenContainer, made: &mut Proxy) {
    let settings = Settings::of(&one.command, &one.environment);
    made.syntax = settings.syntax;
    made.has_file = matches!(settings.source, Source::File(_) | Source::Unsaid);
    if made.has_file {
        // What nearly every file calls them.
        let usual =
            [("http", 80, false), ("https", 443, false), ("web", 80, false), ("websecure", 443, false)];
        made.entrances = usual.map(entrance).into();
        return;
    }
    let provider = settings.docker.as_ref().or(settings.swarm.as_ref());
    made.serves_all = provider.map(|provider| provider.exposed_by_default);
    made.network = provider.and_then(|provider| provider.network.clone());
    made.has_constraints = provider.is_some_and(|provider| provider.constraints.is_some());
    let tcp = settings.entry_points.iter().filter(|entry| !entry.udp);
    let entrance = |entry: &EntryPoint| {
        Some(Entrance {
            name: Arc::clone(&entry.name),
            port: entry.port?,
            tls: entry.tls,
            is_default: entry.default,
        })
    };
    made.entrances = tcp.filter_map(entrance).collect();
}

/// The tag, where it begins like a version.
fn version(image: &str) -> Option<Arc<str>> {
    let image = image.split('@').next().unwrap_or(image);
    let (_, tag) = image.rsplit('/').next()?.split_once(':')?;
    let version = tag.strip_prefix('v').unwrap_or(tag);
    version.starts_with(|c: char| c.is_ascii_digit()).then(|| bounded(version).into())
}
