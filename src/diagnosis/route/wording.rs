//! What the words about routes have in common.

use std::sync::Arc;
use std::time::SystemTime;

use crate::diagnosis::scene::Scene;
use crate::diagnosis::words::{container, draft, listed, saw, symptom};
use crate::diagnosis::{Code, Evidence, Finding};
use crate::outcome::{Outcome, ProbeKey};
use crate::state::Record;

use super::answers::Said;
use super::walk::{Hop, Walk};

/// A finding of a route that says nothing yet but what it accounts for.
pub(super) fn of_route(scene: &Scene<'_>, walk: &Walk<'_>, code: Code) -> Finding {
    let mut finding = draft(code, "route", &walk.route.title(), since(scene, walk));
    finding.destination = walk.route.destination.clone();
    finding.explains = listed(failing(walk).map(|(key, record)| symptom(key, record)));
    finding
}

/// What failed of a route.
fn failing<'w>(walk: &'w Walk<'_>) -> impl Iterator<Item = (&'w ProbeKey, &'w Record)> {
    let direct = walk.hops.iter().filter_map(|hop| hop.look);
    let through = walk.entries.iter().filter(|entry| !entry.is_good()).map(|entry| entry.look);
    direct.chain(through).filter(|(_, record)| matches!(record.outcome, Outcome::Failure(_)))
}

/// Since when anything of it fails; else since the container that matters was started.
fn since(scene: &Scene<'_>, walk: &Walk<'_>) -> SystemTime {
    let failing = failing(walk).map(|(_, record)| record.since).min();
    failing.unwrap_or(scene.snapshot.at)
}

/// Whether users meet the fault now: something that came through the proxy, or the proxy's own try, failed.
pub(super) fn hits_users(walk: &Walk<'_>) -> bool {
    failing(walk).any(|(_, record)| crate::diagnosis::scene::fails(record))
}

/// What the proxy is called; before there is one, the word for it.
pub(super) fn proxy_name(walk: &Walk<'_>) -> Arc<str> {
    walk.proxy.map_or_else(|| "proxy".into(), |proxy| Arc::clone(&proxy.name))
}

/// What the shell calls the proxy.
pub(super) fn proxy_shell(scene: &Scene<'_>, walk: &Walk<'_>) -> String {
    shell(scene, walk.proxy.map(|proxy| &proxy.container))
}

pub(super) fn shell(scene: &Scene<'_>, id: Option<&crate::inventory::ContainerId>) -> String {
    match (scene.inventory, id) {
        (Some(inventory), Some(id)) => container(inventory, id),
        _ => "coolify-proxy".to_owned(),
    }
}

/// The first backend of which this is wrong.
pub(super) fn first_of<'w, 'a>(walk: &'w Walk<'a>, wanted: impl Fn(&Hop<'a>) -> bool) -> Option<&'w Hop<'a>> {
    walk.hops.iter().find(|hop| wanted(hop)).or_else(|| walk.hops.first())
}

/// `10.0.2.7:3000`, as far as it is known.
pub(super) fn dialled(hop: &Hop<'_>) -> String {
    let address =
        hop.backend.spot().map_or_else(|| "its address".to_owned(), |spot| spot.address.to_string());
    match (hop.backend.port, hop.backend.spot()) {
        (Some(port), Some(spot)) => std::net::SocketAddr::new(spot.address, port).to_string(),
        _ => address,
    }
}

/// What each probe of the walk saw, in the order of the way.
pub(super) fn seen(walk: &Walk<'_>) -> Vec<Evidence> {
    let direct = walk.hops.iter().filter_map(|hop| Some((hop, hop.look?))).take(3);
    let direct = direct.map(|(hop, (key, record))| match record.outcome {
        // What is as it ought to be tells that the fault is not there.
        Outcome::Success(_) => {
            let well = record.seen.http.is_some_and(|http| (200..300).contains(&http.status));
            let what = if well { ": the app is well" } else { "" };
            let source = format!("{} asked directly, past the proxy", hop.backend.name);
            saw(source, format!("{}{what}", told(record)), "")
        }
        _ => {
            saw(format!("HTTP from {} to {}", key.source, key.detail), told(record), "an answer of the site")
        }
    });
    let entries = walk.entries.iter().filter(|entry| !entry.is_good()).map(|entry| {
        let (key, record) = entry.look;
        let expected = if entry.said == Said::Itself {
            "a page, or a way to another one"
        } else {
            "an answer of the site"
        };
        saw(format!("HTTP from the host to {}", key.detail), told(record), expected)
    });
    direct.chain(entries).collect()
}

/// What visitors get now of what came through the proxy and is not the site: `503 over https, 404 over http`.
pub(super) fn visitors_get(walk: &Walk<'_>) -> Option<String> {
    let bad = walk.entries.iter().filter(|entry| entry.is_seen() && !entry.is_good());
    let got = bad.map(|entry| {
        let what = match entry.look.1.seen.http {
            Some(http) => http.status.to_string(),
            None => "no answer".to_owned(),
        };
        format!("{what} over {}", entry.scheme.as_label())
    });
    let mut got: Vec<String> = got.collect();
    got.dedup();
    (!got.is_empty()).then(|| got.join(", "))
}

/// One look in words.
pub(super) fn told(record: &Record) -> String {
    let answer = record.seen.answer.as_ref();
    let status = record.seen.http.map(|http| {
        let location = answer.and_then(|answer| answer.location.as_deref());
        let to = location.map(|location| format!(" to {location}")).unwrap_or_default();
        format!("status {}{to}", http.status)
    });
    match (&record.outcome, status) {
        (Outcome::Failure(_), Some(status)) | (Outcome::Success(_), Some(status)) => status,
        (Outcome::Failure(reason), None) => {
            use crate::outcome::{Phase, Reason};
            match (reason, record.seen.stopped_at) {
                (Reason::Timeout, Some(Phase::Connect)) => "no connection in time".to_owned(),
                (Reason::Timeout, Some(Phase::Tls)) => "connected, no TLS in time".to_owned(),
                (Reason::Timeout, Some(Phase::Answer)) => "connected, no answer in time".to_owned(),
                (Reason::Timeout, Some(Phase::Body)) => "an answer that does not end in time".to_owned(),
                (Reason::Refused, Some(Phase::Connect)) => "connection refused".to_owned(),
                (reason, phase) => {
                    let phase = phase.map(|phase| format!(" ({})", phase.as_label())).unwrap_or_default();
                    format!("{}{phase}", reason.as_label())
                }
            }
        }
        (Outcome::Success(_), None) => "an answer".to_owned(),
        (Outcome::Unknown(why), _) => format!("could not look: {}", why.as_label()),
    }
}

/// The command by which a person sees what the proxy gets of a backend.
pub(super) fn ask_backend(proxy: &str, walk: &Walk<'_>, hop: &Hop<'_>) -> String {
    let scheme = if hop.backend.tls { "https" } else { "http" };
    let url = crate::diagnosis::words::sh(&format!("{scheme}://{}{}", dialled(hop), hop.backend.path));
    let host = crate::diagnosis::words::sh(&format!("Host: {}", walk.route.domain));
    crate::diagnosis::words::from_inside(
        proxy,
        &format!("timeout 10 wget -S -O /dev/null --header {host} {url}"),
    )
}

/// The command by which a person asks for the site as the host does.
pub(super) fn ask_site(walk: &Walk<'_>) -> Option<String> {
    let (key, _) = walk.entries.last().map(|entry| entry.look)?;
    let crate::outcome::Detail::Door(scheme, _, at) = &key.detail else { return None };
    let resolve = crate::diagnosis::words::sh(&format!("{}:{}:{}", walk.route.domain, at.port(), at.ip()));
    let url = crate::diagnosis::words::sh(&format!(
        "{}://{}:{}{}",
        scheme.as_label(),
        walk.route.domain,
        at.port(),
        walk.route.path
    ));
    Some(format!("curl -gskv -o /dev/null --resolve {resolve} {url}"))
}
