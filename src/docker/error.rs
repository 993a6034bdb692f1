//! Why the Engine gave no answer.

use bollard::errors::Error;

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

impl EngineError {
    /// The Engine took longer than the deadline: it hangs, or it is overloaded.
    pub(super) fn timeout(endpoint: &'static str, after: std::time::Duration) -> Self {
        let detail = format!("no complete answer within {}", humantime::format_duration(after));
        Self { endpoint, reason: "timeout", detail }
    }

    /// What the client says, classified.
    pub(super) fn of(endpoint: &'static str, error: &Error) -> Self {
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

/// The kind of the innermost I/O error.
fn io_kind(error: &Error) -> Option<std::io::ErrorKind> {
    let mut at: Option<&(dyn std::error::Error + 'static)> = Some(error);
    let mut kind = None;
    while let Some(error) = at {
        if let Some(io) = error.downcast_ref::<std::io::Error>() {
            kind = Some(io.kind());
        }
        at = error.source();
    }
    kind
}

/// The error and its causes: the outermost one alone says "client error".
fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut at = std::error::Error::source(error);
    while let Some(cause) = at {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        at = cause.source();
    }
    crate::inventory::seen::bounded(&text).to_owned()
}
