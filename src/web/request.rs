//! What is read of a request, with refusals in the form that the contract promises.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use serde::de::DeserializeOwned;

use super::error::{BODY, Refusal};

/// Most bytes of a body.
pub(super) const MOST_BODY: usize = 4096;
/// How long a caller may take to send them.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a page takes behind the question mark. What it does not know there it passes over, as every page does.
pub trait Takes: DeserializeOwned {
    /// In words, for who asked for something else.
    const HINT: &'static str;
}

/// What stands behind the question mark.
#[derive(Clone, Copy, Debug)]
pub struct Query<T>(pub T);

/// The piece of the path that names something.
#[derive(Clone, Copy, Debug)]
pub struct Path<T>(pub T);

/// A body of JSON, or none.
#[derive(Clone, Copy, Debug)]
pub struct Wish<T>(pub Option<T>);

impl<T: Takes, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let read = axum::extract::Query::from_request_parts(parts, state).await;
        // What the reader says of itself before it says what is wrong is of no use to who asked.
        let why =
            |text: String| text.rsplit_once("query string: ").map_or(text.clone(), |(_, why)| why.to_owned());
        read.map(|read| Self(read.0)).map_err(|error| Refusal::bad_request(&why(error.body_text()), T::HINT))
    }
}

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let read = axum::extract::Path::from_request_parts(parts, state).await;
        let hint = "a name in the path is UTF-8, with its special signs as %XX; GET / lists the pages";
        read.map(|read| Self(read.0)).map_err(|error| Refusal::bad_request(&error.body_text(), hint))
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Wish<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let is_json = is_json(request.headers());
        let read = tokio::time::timeout(PATIENCE, Bytes::from_request(request, state)).await;
        let body = read.map_err(|_| Refusal::slow_body())?.map_err(|error| match error {
            BytesRejection::FailedToBufferBody(error) if error.status() == 413 => {
                Refusal::too_large(MOST_BODY)
            }
            error => Refusal::bad_request(&error.body_text(), BODY),
        })?;
        if body.is_empty() {
            return Ok(Self(None));
        }
        // A form of another site's page is sent without asking; this type is not.
        if !is_json {
            return Err(Refusal::not_json());
        }
        serde_json::from_slice(&body)
            .map(|wish| Self(Some(wish)))
            .map_err(|error| Refusal::bad_request(&error.to_string(), BODY))
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(Ok(stated)), None) = (types.next().map(|value| value.to_str()), types.next()) else {
        return false;
    };
    let essence = stated.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}
