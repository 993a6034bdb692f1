//! Who said an HTTP answer: the application, or the proxy before it.
//!
//! Over HTTPS Coolify's catch-all says what Traefik says of a service without a server, for all that no rule takes.

use crate::inventory::Route;
use crate::outcome::{Answer, Outcome, Phase, Reason, Scheme};
use crate::proxy::Kind;
use crate::proxy::pages::{self, Page};
use crate::state::Record;

/// What an answer through the proxy is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::diagnosis) enum Said {
    /// The site, as far as that can be told.
    Site,
    /// A login is asked for.
    Login,
    /// A redirect to what was asked.
    Itself,
    /// The proxy knows no such rule.
    NoRoute,
    /// Nothing at all, politely: Caddy knows no such site, unless the application says as little.
    Blank,
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
            (Outcome::Failure(Reason::Protocol | Reason::Reset | Reason::Tls), _) => Said::Garbage,
            _ => Said::Nothing,
        };
    };
    if let Some(page) = pages::own(route.kind, http.status, &answer.begins, answer.server.is_some()) {
        return match page {
            Page::NoRoute => Said::NoRoute,
            Page::NoBackend => Said::NoBackend,
            Page::CannotReach => Said::CannotReach,
        };
    }
    match http.status {
        300..=399 if leads_to_itself(route, scheme, &answer) => Said::Itself,
        401 | 403 if route.doors.iter().any(|door| door.guarded) => Said::Login,
        500.. => Said::ServerError,
        // What Caddy says of a host that it does not know; a page of an application has something on it.
        200 if route.kind == Kind::Caddy
            && http.body_bytes == 0
            && answer.server.as_deref() == Some("Caddy") =>
        {
            Said::Blank
        }
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
    // Whoever sets a cookie asks whether the visitor brings it back.
    !answer.sets_cookie
        && target(route, scheme, answer)
            .is_some_and(|(to, here, path)| to == scheme && here && path == asked(route))
}

fn asked(route: &Route) -> &str {
    if route.path.starts_with('/') { &route.path } else { "/" }
}

/// Whether one door sends to the other and that one sends back.
pub(super) fn bounces<'a>(entries: impl Iterator<Item = (Scheme, &'a Record)>, route: &Route) -> bool {
    let mut sends = [false, false];
    for (scheme, record) in entries {
        let redirects = record.seen.http.is_some_and(|http| (300..400).contains(&http.status));
        let answer = record.seen.answer.as_ref().filter(|answer| redirects && !answer.sets_cookie);
        let Some(answer) = answer else { continue };
        let back = target(route, scheme, answer)
            .is_some_and(|(to, here, path)| to != scheme && here && path == asked(route));
        sends[usize::from(scheme == Scheme::Https)] |= back;
    }
    sends == [true, true]
}
