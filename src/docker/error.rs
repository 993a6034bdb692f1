//! Why the Engine gave no answer.

use bollard::errors::Error;

use super::allowance::TooLarge;

/// A request that failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{endpoint}: {detail}")]
pub struct EngineError {
    /// Which request, as the label `endpoint` names it.
    pub endpoint: &'static str,
    /// The bounded class, as the label `reason` names it.
    pub reason: &'static str,
    /// What happened and what to do, for a person.
    pub detail: String,
}

/// Every reason, in the order of the documentation, and what it means.
pub const REASONS: [(&str, &str); 10] = [
    ("timeout", "no complete answer within `docker.timeout`"),
    ("no_socket", "there is no socket where it is looked for"),
    ("permission", "the exporter's user may not open the socket"),
    ("refused", "nobody listens there"),
    ("connection", "the connection broke, or what came over it is no HTTP"),
    ("forbidden", "status 403: a socket proxy does not allow it"),
    ("not_found", "status 404"),
    ("server_error", "another status that is no success"),
    ("bad_answer", "the answer cannot be understood"),
    (
        "too_large",
        "the answer was still going on where more than is ever needed had come; the rest is not read",
    ),
];

impl EngineError {
    /// The Engine took longer than the deadline: it hangs, or it is overloaded.
    pub(super) fn timeout(endpoint: &'static str, after: std::time::Duration) -> Self {
        let detail = format!("no complete answer within {}", humantime::format_duration(after));
        Self { endpoint, reason: "timeout", detail }
    }

    /// More came than is read.
    pub(super) fn too_large(endpoint: &'static str, why: TooLarge) -> Self {
        Self { endpoint, reason: "too_large", detail: format!("{why}{NO_ENGINE}") }
    }

    /// What the client says, classified.
    pub(super) fn of(endpoint: &'static str, error: &Error) -> Self {
        if let Some(why) = too_large(error) {
            return Self::too_large(endpoint, why);
        }
        let (reason, hint) = class(error);
        Self { endpoint, reason, detail: format!("{}{hint}", chain(error)) }
    }

    /// True where the thing asked for is not there (any more).
    pub(super) const fn is_not_found(error: &Error) -> bool {
        matches!(error, Error::DockerResponseServerError { status_code: 404 | 409, .. })
    }
}

/// The advice that goes with the reason `permission`.
const NOT_PERMITTED: &str =
    " (the exporter's user may not open the socket: run it as root or in the group docker)";

/// The advice that goes with the reason `too_large`.
const NO_ENGINE: &str = " (does an Engine answer there, and does a proxy before it change what it says?)";

fn class(error: &Error) -> (&'static str, &'static str) {
    match error {
        // The client calls every socket missing that it cannot see: the folder may be closed to it.
        Error::SocketNotFoundError(path) if is_hidden(path) => ("permission", NOT_PERMITTED),
        Error::SocketNotFoundError(_) => {
            ("no_socket", " (is Docker installed and running? `--docker.host` names another address)")
        }
        Error::RequestTimeoutError => ("timeout", ""),
        Error::DockerResponseServerError { status_code: 403, .. } => {
            ("forbidden", " (a socket proxy must allow GET on containers, networks, events and version)")
        }
        Error::DockerResponseServerError { status_code: 404, .. } => ("not_found", ""),
        Error::DockerResponseServerError { .. } => ("server_error", ""),
        Error::JsonDataError { .. } | Error::JsonSerdeError { .. } => ("bad_answer", ""),
        other => match io_kind(other) {
            Some(std::io::ErrorKind::PermissionDenied) => ("permission", NOT_PERMITTED),
            Some(std::io::ErrorKind::NotFound | std::io::ErrorKind::ConnectionRefused) => {
                ("refused", " (the Engine does not run)")
            }
            _ => ("connection", ""),
        },
    }
}

/// True where nobody lets this user see whether the file is there.
fn is_hidden(path: &str) -> bool {
    std::fs::metadata(path).is_err_and(|error| error.kind() == std::io::ErrorKind::PermissionDenied)
}

/// The error and its causes, outermost first. The client passes an I/O error off as its own: then that is
/// the outermost.
fn causes(error: &Error) -> impl Iterator<Item = &(dyn std::error::Error + 'static)> {
    let outermost: &(dyn std::error::Error + 'static) = match error {
        Error::IOError { err } => err,
        other => other,
    };
    std::iter::successors(Some(outermost), |error| error.source())
}

/// The I/O errors among them.
fn io(error: &Error) -> impl Iterator<Item = &std::io::Error> {
    causes(error).filter_map(|cause| cause.downcast_ref::<std::io::Error>())
}

/// The kind of the innermost I/O error.
fn io_kind(error: &Error) -> Option<std::io::ErrorKind> {
    io(error).last().map(std::io::Error::kind)
}

/// Where the connection was left because more came than is read.
fn too_large(error: &Error) -> Option<TooLarge> {
    io(error).find_map(|io| io.get_ref()?.downcast_ref::<TooLarge>().copied())
}

/// The error and its causes: the outermost one alone says "client error".
fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    for cause in causes(error).skip(1) {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
    }
    crate::inventory::seen::bounded(&text).to_owned()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::io;

    use tokio::io::AsyncReadExt as _;

    use super::super::allowance::{Allowance, Bounded};
    use super::*;

    #[tokio::test]
    async fn every_failure_has_a_reason_that_is_documented_and_every_such_reason_comes_about() {
        let says = |status_code| Error::DockerResponseServerError { status_code, message: String::new() };
        let fails = |kind: io::ErrorKind| Error::from(io::Error::from(kind));
        let mut endless = Bounded::new(tokio::io::repeat(0), Allowance::of(1));
        let too_large = endless.read_u16().await.unwrap_err();
        let told: BTreeSet<&str> = [
            Error::RequestTimeoutError,
            Error::SocketNotFoundError("/nowhere".into()),
            fails(io::ErrorKind::PermissionDenied),
            fails(io::ErrorKind::ConnectionRefused),
            fails(io::ErrorKind::ConnectionReset),
            says(403),
            says(404),
            says(503),
            Error::JsonDataError { message: String::new(), column: 0 },
            Error::from(too_large),
        ]
        .iter()
        .map(|error| EngineError::of("networks", error).reason)
        .collect();
        assert_eq!(told, REASONS.map(|(reason, _)| reason).into());
    }
}
