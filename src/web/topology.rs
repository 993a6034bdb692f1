//! The map, as JSON, as a drawing, or as a page where a browser asks.

use axum::extract::State;
use axum::http::{HeaderMap, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use crate::topology;

use super::diagnostics::json;
use super::error::Refusal;
use super::html;
use super::pages::Desk;
use super::press::Printed;
use super::request::{Query, Takes};

/// What a caller asks of the map.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Wish {
    /// Whatever the caller's program says that it takes.
    format: Option<Format>,
    /// Only this destination.
    destination: Option<String>,
}

impl Takes for Wish {
    const HINT: &'static str =
        "/topology takes format (json, mermaid, dot, svg, html) and destination, each once";
}

impl Wish {
    /// What stands behind the format where the same is asked for in another one.
    fn query(&self) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(self.destination.iter().map(|name| ("destination", name)));
        let query = query.finish();
        if query.is_empty() { query } else { format!("&{query}") }
    }
}

/// How the map is written.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Format {
    Json,
    Mermaid,
    Dot,
    Svg,
    Html,
}

/// The map of the latest verdict.
pub async fn map(
    State(desk): State<Desk>,
    uri: Uri,
    headers: HeaderMap,
    Query(wish): Query<Wish>,
) -> Result<Response, Refusal> {
    let format = wish.format.unwrap_or(if html::wanted(&headers) { Format::Html } else { Format::Json });
    let (app, root) = (desk.app, html::root(uri.path()));
    let print = move || {
        let mut map = topology::build(&app.verdict.load());
        if map.narrow(wish.destination.as_slice()).is_err() {
            let known = map.destinations.iter().map(|d| (&*d.name, &*d.display_name));
            return Err(Refusal::unknown_destination(known));
        }
        let text = match format {
            Format::Json => return json(&map).map(Printed::from),
            Format::Mermaid => topology::mermaid(&map),
            Format::Dot => topology::dot(&map),
            Format::Svg => topology::svg(&map),
            Format::Html => {
                let (now, query) = (app.verdict.load().snapshot.at, wish.query());
                return html::map(&topology::svg(&map), map.status, &query, now, root).map(Printed::from);
            }
        };
        Ok(Printed::from(text.into_bytes()))
    };
    let content_type = match format {
        Format::Html => return desk.press.sheet(&headers, print).await,
        Format::Json => "application/json",
        // IANA has no type of Mermaid's.
        Format::Mermaid => "text/plain; charset=utf-8",
        Format::Dot => "text/vnd.graphviz; charset=utf-8",
        Format::Svg => "image/svg+xml",
    };
    let text = desk.press.copy(move || print().map(|printed| printed.text)).await?;
    Ok(([(header::CONTENT_TYPE, content_type)], text).into_response())
}
