//! The map, as JSON or as a drawing.

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use crate::topology;

use super::diagnostics::json;
use super::error::Refusal;
use super::pages::Desk;
use super::request::{Query, Takes};

/// What a caller asks of the map.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Wish {
    #[serde(default)]
    format: Format,
    /// Only this destination.
    destination: Option<String>,
}

impl Takes for Wish {
    const HINT: &'static str = "/topology takes format (json, mermaid, dot) and destination, each once";
}

/// How the map is written.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Format {
    #[default]
    Json,
    Mermaid,
    Dot,
}

/// The map of the latest verdict.
pub async fn map(State(desk): State<Desk>, Query(wish): Query<Wish>) -> Result<Response, Refusal> {
    let app = desk.app;
    let copy = desk.press.copy(move || {
        let mut map = topology::build(&app.verdict.load());
        if map.narrow(wish.destination.as_slice()).is_err() {
            let known = map.destinations.iter().map(|d| (&*d.name, &*d.display_name));
            return Err(Refusal::unknown_destination(known));
        }
        match wish.format {
            Format::Json => json(&map),
            Format::Mermaid => Ok(topology::mermaid(&map).into_bytes()),
            Format::Dot => Ok(topology::dot(&map).into_bytes()),
        }
    });
    let content_type = match wish.format {
        Format::Json => "application/json",
        // IANA has no type of Mermaid's.
        Format::Mermaid => "text/plain; charset=utf-8",
        Format::Dot => "text/vnd.graphviz; charset=utf-8",
    };
    copy.await.map(|text| ([(header::CONTENT_TYPE, content_type)], text).into_response())
}
