//! Who said an HTTP answer: the application, or the proxy before it.
//!
//! Traefik writes its own pages (`pkg/middlewares`, `pkg/proxy`): a 404 of 19 bytes where no rule matches, a 503 `no available
//! server` where a service has none, 502 and 504 as the bare name of the status. Coolify's catch-all answers 503 for
//! all that no rule takes over HTTPS. Caddy says 502 without a body where a dial fails and 503 where it has no upstream.

use crate::inventory::Route;
use crate::outcome::{Answer, Outcome, Phase, Reason, Scheme};
use crate::proxy::Kind;
use crate::state::Record;

/// What an answer through the proxy is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// The site, as far as that can be told.
    Site,
    /// A login is asked for.
    Login,
    /// A redirect to what was asked.
    Itself,
    /// The proxy knows no such rule.
    NoRoute,
    /// The proxy has nobody to lead to.
    NoBackend,
    /// The proxy could not reach whom it leads to.
    CannotReach,
    /// A server error of the application.
    ServerError,
    /// No HTTP.
    Garbage,
    /// Nothing came: no connection, or no answer in time.
    Nothing,
}

pub(super) fn said(route: &Route, scheme: Scheme, record: &Record) -> Said {
    let (Some(http), answer) = (record.seen.http, record.seen.answer.clone().unwrap_or_default()) else {
        return match (&record.outcome, record.seen.stopped_at) {
            (Outcome::Failure(Reason::Timeout), Some(Phase::Answer | Phase::Body)) => Said::CannotReach,
            (Outcome::Failure(Reason::Protocol | Reason::Reset), _) => Said::Garbage,
            _ => Said::Nothing,
        };
    };
    let begins = answer.begins.trim_end_matches("\\n").trim();
    match (route.kind, http.status) {
        (_, 300..=399) if leads_to_itself(route, scheme, &answer) => Said::Itself,
        (_, 401 | 403) if route.doors.iter().any(|door| door.guarded) => Said::Login,
        (Kind::Traefik, 404) if begins == "404 page not found" && answer.server.is_none() => Said::NoRoute,
        (Kind::Traefik, 503) if begins == "no available server" => Said::NoBackend,
        (Kind::Traefik, 502) if begins == "Bad Gateway" => Said::CannotReach,
        (Kind::Traefik, 504) if begins == "Gateway Timeout" => Said::CannotReach,
        (Kind::Caddy, 502 | 504) if http.body_bytes == 0 => Said::CannotReach,
        (Kind::Caddy, 503) if http.body_bytes == 0 => Said::NoBackend,
        (_, 500..) => Said::ServerError,
        _ => Said::Site,
    }
}

/// Scheme, host and path of a redirect; a relative one stays where it is.
fn target<'a>(route: &Route, scheme: Scheme, answer: &'a Answer) -> Option<(Scheme, bool, &'a str)> {
    let location = answer.location.as_deref()?;
    let (scheme, rest) = match (location.strip_prefix("https://"), location.strip_prefix("http://")) {
        (Some(rest), _) => (Scheme::Https, rest),
        (_, Some(rest)) => (Scheme::Http, rest),
        _ => return location.starts_with('/').then_some((scheme, true, location)),
    };
    let (host, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let host = host
        .rsplit_once(':')
        .map_or(host, |(name, port)| if port.parse::<u16>().is_ok() { name } else { host });
    Some((scheme, host.eq_ignore_ascii_case(&route.domain), if path.is_empty() { "/" } else { path }))
}

fn leads_to_itself(route: &Route, scheme: Scheme, answer: &Answer) -> bool {
    target(route, scheme, answer).is_some_and(|(to, here, path)| to == scheme && here && path == asked(route))
}

fn asked(route: &Route) -> &str {
    if route.path.starts_with('/') { &route.path } else { "/" }
}

/// Whether one door sends to the other and that one sends back.
pub(super) fn bounces<'a>(entries: impl Iterator<Item = (Scheme, &'a Record)>, route: &Route) -> bool {
    let mut sends = [false, false];
    for (scheme, record) in entries {
        let redirects = record.seen.http.is_some_and(|http| (300..400).contains(&http.status));
        let Some(answer) = record.seen.answer.as_ref().filter(|_| redirects) else { continue };
        let back = target(route, scheme, answer)
            .is_some_and(|(to, here, path)| to != scheme && here && path == asked(route));
        sends[usize::from(scheme == Scheme::Https)] |= back;
    }
    sends == [true, true]
}
