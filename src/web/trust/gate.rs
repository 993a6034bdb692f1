//! What is in force: who is let in, and what every answer carries.

use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Uri};
use axum::middleware::Next;
use axum::response::Response;
use rustls::pki_types::UnixTime;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use crate::config::Problem;
use crate::config::web::{ClientAuth, RateLimit, Web};

use super::super::error::Refusal;
use super::super::pages;
use super::super::server::Caller;
use super::keys::Keys;
use super::users::{Desk, Users};

/// What answers whoever asks: supervisors have no password.
const OPEN: &str = "/-/healthy";

/// A caller that has shown who it is: an extension of its request.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Authenticated;

/// What is in force.
#[derive(Debug, Default)]
pub(in super::super) struct Door {
    /// The same as that of the one before it, where a certificate that was good there is good here.
    number: u64,
    keys: Option<Keys>,
    users: Option<Arc<Users>>,
    bucket: Option<Bucket>,
    headers: Vec<(HeaderName, HeaderValue)>,
    closed: CancellationToken,
}

impl Door {
    /// Reads the files that are named; what the old one learned of its callers is kept. Blocks.
    pub(super) fn build(web: &Web, desk: &Desk, old: &Self) -> Result<Self, Problem> {
        let problem = |message: String| Problem { at: None, path: String::new(), message };
        let mut headers = Vec::new();
        for (name, value) in &web.headers {
            let name = HeaderName::try_from(name).map_err(|error| problem(error.to_string()))?;
            headers.push((name, HeaderValue::try_from(value).map_err(|error| problem(error.to_string()))?));
        }
        let keys = web.tls.as_ref().map(Keys::build).transpose()?;
        let asked = |keys: &Option<Keys>| keys.as_ref().map(|keys| keys.asked.clone()).unwrap_or_default();
        let is_other = asked(&keys) != asked(&old.keys);
        Ok(Self {
            number: old.number.wrapping_add(is_other.into()),
            keys,
            users: Users::new(&web.users, desk, old.users.as_ref()).map_err(problem)?,
            bucket: web.rate_limit.map(Bucket::new),
            headers,
            closed: CancellationToken::new(),
        })
    }

    pub(super) const fn speaks_tls(&self) -> bool {
        self.keys.is_some()
    }

    /// What callers are asked for, and whether.
    fn asks(&self) -> [(&'static str, bool); 6] {
        let client_auth = self.client_auth();
        [
            ("TLS", self.keys.is_some()),
            ("a password", self.users.is_some()),
            ("a certificate", client_auth.requires()),
            ("a certificate that is verified", client_auth.verifies()),
            (
                "a name in the certificate",
                self.keys.as_ref().is_some_and(|keys| !keys.asked.names.is_empty()),
            ),
            ("a pace (`rate_limit`)", self.bucket.is_some()),
        ]
    }

    /// The first thing that this one asks callers for and the other does not.
    pub(super) fn asks_for_more_than(&self, other: &Self) -> Option<&'static str> {
        let mut both = self.asks().into_iter().zip(other.asks());
        both.find(|((_, here), (_, there))| *here && !there).map(|((what, _), _)| what)
    }

    fn client_auth(&self) -> ClientAuth {
        self.keys.as_ref().map_or(ClientAuth::NoClientCert, |keys| keys.asked.client_auth)
    }

    /// Certificates that were taken although their time was over or had not come.
    pub(super) fn untimely(&self) -> &[Problem] {
        self.keys.as_ref().map_or(&[], |keys| &keys.untimely)
    }

    /// Whether the time of a certificate is over that was not when it was taken.
    pub(super) fn is_overdue(&self, now: UnixTime) -> bool {
        self.keys.as_ref().and_then(|keys| keys.until).is_some_and(|until| now > until)
    }

    pub(super) const fn hears_passwords_in_the_clear(&self) -> bool {
        self.users.is_some() && self.keys.is_none()
    }

    /// At which one a caller's certificate was taken.
    pub(in super::super) const fn number(&self) -> u64 {
        self.number
    }

    /// How a handshake is made; `None`: none is.
    pub(in super::super) fn acceptor(&self, own_machine: bool) -> Option<&TlsAcceptor> {
        self.keys.as_ref().map(|keys| keys.acceptor(own_machine))
    }

    /// Another one is in force.
    pub(super) fn close(&self) {
        self.closed.cancel();
    }

    /// Done when another one is in force.
    pub(in super::super) fn closed(&self) -> WaitForCancellationFutureOwned {
        self.closed.clone().cancelled_owned()
    }

    /// Lets a caller in, and says whether it has shown who it is.
    pub(super) async fn admit(
        &self,
        caller: Caller,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> Result<bool, Refusal> {
        if uri.path() == OPEN {
            return Ok(false);
        }
        if self.bucket.as_ref().is_some_and(|bucket| !bucket.take(Instant::now())) {
            return Err(Refusal::too_many());
        }
        let client_auth = self.client_auth();
        // It came in before TLS was asked for.
        if self.keys.is_some() && !caller.encrypted {
            return Err(Refusal::forbidden("this is served over TLS alone"));
        }
        if client_auth.requires() && !caller.certified {
            return Err(Refusal::no_certificate());
        }
        // Nobody has looked at it here: a next connection will.
        if (client_auth.requires() || client_auth.verifies())
            && caller.certified
            && caller.door != self.number
        {
            return Err(Refusal::old_certificate());
        }
        if let Some(users) = &self.users {
            return if users.admit(headers).await { Ok(true) } else { Err(Refusal::unauthorized()) };
        }
        Ok(client_auth.verifies() && caller.certified)
    }
}

/// Before every page: who is it?
pub(in super::super) async fn gate(
    State(desk): State<pages::Desk>,
    mut request: Request,
    next: Next,
) -> Result<Response, Refusal> {
    let Some(caller) = request.extensions().get::<Caller>().copied() else { return Err(Refusal::internal()) };
    let door = desk.app.trust.current().await;
    if door.admit(caller, request.uri(), request.headers()).await? {
        request.extensions_mut().insert(Authenticated);
    }
    drop(door);
    Ok(next.run(request).await)
}

/// Behind every page: the operator's headers go before ours.
pub(in super::super) async fn dress(
    State(desk): State<pages::Desk>,
    request: Request,
    next: Next,
) -> Response {
    let mut response = next.run(request).await;
    for (name, value) in &desk.app.trust.0.door.load().headers {
        if value.is_empty() {
            response.headers_mut().remove(name);
        } else {
            response.headers_mut().insert(name, value.clone());
        }
    }
    response
}

/// Requests that may still be made.
#[derive(Debug)]
struct Bucket {
    limit: RateLimit,
    /// How many there were, and when.
    level: Mutex<(f64, Instant)>,
}

impl Bucket {
    fn new(limit: RateLimit) -> Self {
        Self { limit, level: Mutex::new((limit.burst.into(), Instant::now())) }
    }

    fn take(&self, now: Instant) -> bool {
        let mut level = self.level.lock().unwrap_or_else(PoisonError::into_inner);
        let (left, then) = *level;
        let came = now.duration_since(then).as_secs_f64() / self.limit.interval.as_secs_f64();
        let left = (left + came).min(self.limit.burst.into());
        let enough = left >= 1.0;
        *level = (if enough { left - 1.0 } else { left }, now);
        enough
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_bucket_fills_in_its_time_and_no_further() {
        let bucket = Bucket::new(RateLimit { interval: Duration::from_secs(1), burst: 2 });
        let start = Instant::now();
        let takes = |after: u64| bucket.take(start + Duration::from_millis(after));
        assert_eq!([0, 0, 0, 900, 1100, 1200].map(takes), [true, true, false, false, true, false]);
        assert_eq!([60_000, 60_000, 60_000].map(takes), [true, true, false]);
    }
}
