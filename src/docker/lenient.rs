//! Listings read entry by entry, for when the client refuses a whole answer for one entry's sake: a word
//! that a newer Engine invented, in a field that nobody here reads, or a container with a label of megabytes
//! must not blind the exporter.
//!
//! An entry keeps every field that can be read, as far as that is [of a size to be read](super::cut); what is
//! not kept is told. Only ever one more GET, within the deadline of whoever asks.

use std::error::Error;
use std::sync::Arc;

use http_body_util::{BodyExt as _, Empty};
use hyper::Request;
use hyper::body::Bytes;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::allowance::{Allowance, CUT_SHORT, Counted, LISTING};
use super::cut::Cut;
use super::wire;

const SHORTENED: &str = "the Engine lists more of it than is read (labels, as a rule): a part is left out";

/// The entries of the listing at `path`, and in words what of them could not be read.
///
/// # Errors
/// When there is no answer, or it is no listing at all.
pub(super) async fn listing<T: DeserializeOwned>(
    host: &str,
    path: &str,
) -> Result<(Vec<T>, Vec<String>), Box<dyn Error + Send + Sync>> {
    let request = Request::get(path).body(Empty::<Bytes>::new())?;
    let answer = wire::exchange(Arc::from(host), request, Allowance::of_bytes(CUT_SHORT)).await?;
    if !answer.status().is_success() {
        return Err(format!("status {}", answer.status()).into());
    }
    let mut body = answer.into_body();
    let (mut kept, mut cut) = (Vec::new(), Cut::default());
    let mut counted = Counted::new(Allowance::of(LISTING));
    while let Some(frame) = body.frame().await {
        let before = kept.len();
        cut.pass(frame?.data_ref().map_or(&[], |data| &**data), &mut kept);
        counted.take(kept.get(before..).unwrap_or_default())?;
    }
    let listing = serde_json::from_slice(&kept)?;
    // What follows makes copies: of two that are large one is enough.
    drop(kept);
    Ok(entries(listing, cut.shortened()))
}

/// Those in `shortened`, by number and ascending, were longer. Go writes `null` for a list that was never filled.
pub(super) fn entries<T: DeserializeOwned>(
    listing: Option<Vec<Value>>,
    shortened: &[usize],
) -> (Vec<T>, Vec<String>) {
    let mut read = Vec::new();
    let mut oddities = Vec::new();
    for (number, entry) in listing.unwrap_or_default().into_iter().enumerate() {
        match entry {
            Value::Object(fields) => {
                if shortened.binary_search(&number).is_ok() {
                    oddities.push(format!("{}: {SHORTENED}", who(&fields)));
                }
                read.extend(self::entry(fields, &mut oddities));
            }
            other => oddities.push(format!("entry {number} of a list is {}", kind(&other))),
        }
    }
    (read, oddities)
}

/// What can be read of one entry: every field is optional to the client, so each can be tried alone.
fn entry<T: DeserializeOwned>(mut fields: Map<String, Value>, oddities: &mut Vec<String>) -> Option<T> {
    let who = who(&fields);
    if let Ok(whole) = T::deserialize(&Value::Object(fields.clone())) {
        return Some(whole);
    }
    fields.retain(|name, value| {
        let alone = Value::Object(Map::from_iter([(name.clone(), value.clone())]));
        match T::deserialize(&alone) {
            Ok(_) => true,
            Err(error) => {
                oddities.push(format!("{who}: {name} cannot be read: {error}"));
                false
            }
        }
    });
    T::deserialize(&Value::Object(fields)).inspect_err(|error| oddities.push(format!("{who}: {error}"))).ok()
}

/// What a person knows it by.
fn who(fields: &Map<String, Value>) -> String {
    let name = fields.get("Names").and_then(|names| names.get(0)).or_else(|| fields.get("Name"));
    let word = name.or_else(|| fields.get("Id")).and_then(Value::as_str).unwrap_or_default();
    format!("{:?}", crate::inventory::seen::bounded(word.trim_start_matches('/')))
}

const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
