//! What happened of late, as JSON, or as a page where a browser asks.

use std::time::{Duration, SystemTime};

use axum::extract::State;
use axum::http::{HeaderMap, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use crate::timeline::{Entry, MOST_OF_A_KIND};

use super::diagnostics::json;
use super::error::Refusal;
use super::html;
use super::pages::{App, Desk};
use super::press::Printed;
use super::request::{Query, Takes};

/// As many as there are at most.
const MOST: usize = 2 * MOST_OF_A_KIND;
/// As many as are told where nobody asks for a number.
const USUAL: usize = 100;

/// What a caller asks of it.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Wish {
    /// Only what is about this destination, or about all.
    destination: Option<String>,
    /// Only what happened at that moment or later.
    since: Option<String>,
    /// No more than so many, the latest.
    limit: Option<usize>,
    /// Whatever the caller's program says that it takes.
    format: Option<Format>,
}

impl Takes for Wish {
    const HINT: &'static str = "/events takes destination, since (RFC 3339: 2026-01-31T08:00:00Z), limit (1 to 500) and format (json, html), each once";
}

impl Wish {
    /// Where the same is, and as much of it as there is.
    fn all(&self) -> String {
        let mut query = form_urlencoded::Serializer::for_suffix("events?".to_owned(), "events?".len());
        query.append_pair("limit", &MOST.to_string());
        for (name, value) in [("destination", &self.destination), ("since", &self.since)] {
            if let Some(value) = value {
                query.append_pair(name, value);
            }
        }
        query.finish()
    }
}

/// How it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Format {
    Json,
    Html,
}

/// What is told.
#[derive(Debug, Serialize)]
struct Told<'a> {
    /// Newest first.
    events: Vec<&'a Entry>,
    /// How many more of what was asked for there are, older than these.
    left_out: usize,
}

/// The latest.
pub async fn latest(
    State(desk): State<Desk>,
    uri: Uri,
    headers: HeaderMap,
    Query(wish): Query<Wish>,
) -> Result<Response, Refusal> {
    let refuse = |why: &str| Err(Refusal::bad_request(why, Wish::HINT));
    let limit = wish.limit.unwrap_or(USUAL);
    if !(1..=MOST).contains(&limit) {
        return refuse("limit: it is not between 1 and 500");
    }
    let since = match wish.since.as_deref().map(moment) {
        Some(None) => return refuse("since: it is no moment as RFC 3339 has it"),
        since => since.flatten(),
    };
    let format = wish.format.unwrap_or(if html::wanted(&headers) { Format::Html } else { Format::Json });
    let (app, root) = (desk.app, html::root(uri.path()));
    let print = move || {
        let history = app.history.load_full();
        let destination = wish.destination.as_deref();
        if let Some(name) = destination {
            is_known(&app, name)?;
        }
        let mut wanted = history.entries().filter(|entry| {
            since.is_none_or(|since| entry.at >= since) && destination.is_none_or(|on| entry.is_on(on))
        });
        let events: Vec<&Entry> = wanted.by_ref().take(limit).collect();
        let told = Told { events, left_out: wanted.count() };
        if format == Format::Json {
            return json(&told).map(Printed::from);
        }
        let now = app.verdict.load().snapshot.at;
        html::events(&told.events, told.left_out, &wish.all(), destination, now, root).map(Printed::from)
    };
    if format == Format::Html {
        return desk.press.sheet(&headers, print).await;
    }
    let text = desk.press.copy(move || print().map(|printed| printed.text)).await?;
    Ok(([(header::CONTENT_TYPE, "application/json")], text).into_response())
}

/// A destination that is there, or was when something happened on it.
fn is_known(app: &App, name: &str) -> Result<(), Refusal> {
    let verdict = app.verdict.load();
    let inventory = verdict.snapshot.inventory.as_deref();
    if inventory.is_some_and(|i| i.destination(name).is_some())
        || app.history.load().entries().any(|entry| entry.tells_of(name))
    {
        return Ok(());
    }
    let known = inventory.map_or(&[][..], |inventory| &inventory.destinations);
    Err(Refusal::unknown_destination(known.iter().map(|d| (&*d.name, &*d.display_name))))
}

/// A moment as RFC 3339 has it, in whatever zone. A plus that was not written as %2B comes as a space.
fn moment(text: &str) -> Option<SystemTime> {
    let text = text.trim_end();
    if let Ok(moment) = humantime::parse_rfc3339(text) {
        return Some(moment);
    }
    let (local, zone) = text.split_at_checked(text.len().checked_sub("+00:00".len())?)?;
    let (sign, zone) = zone.split_at_checked(1)?;
    let (hours, minutes) = zone.split_once(':')?;
    let number = |text: &str, most: u64| text.parse::<u64>().ok().filter(|n| text.len() == 2 && *n <= most);
    let ahead = Duration::from_secs(number(hours, 23)? * 3600 + number(minutes, 59)? * 60);
    let local = humantime::parse_rfc3339(&format!("{local}Z")).ok()?;
    match sign {
        "+" | " " => local.checked_sub(ahead),
        "-" => local.checked_add(ahead),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_in_any_zone() {
        let utc = humantime::parse_rfc3339("2026-01-31T08:00:00Z").ok();
        for text in [
            "2026-01-31T08:00:00Z",
            "2026-01-31T08:00:00.000Z",
            "2026-01-31T09:30:00+01:30",
            "2026-01-31T09:30:00 01:30",
            "2026-01-31T03:00:00-05:00",
        ] {
            assert_eq!(moment(text), utc, "{text}");
        }
        for text in [
            "",
            "now",
            "1700000000",
            "2026-01-31",
            "2026-01-31T08:00:00",
            "2026-01-31T08:00:00+1:00",
            "é+00:00",
            "2026-01-31T08:00:00+24:00",
            "2026-01-31T08:00:00*01:00",
            "9999-12-31T23:59:59-23:59é",
            "1970-01-01T00:00:00+01:00é",
        ] {
            assert_eq!(moment(text), None, "{text}");
        }
    }
}
