//! Why the Engine gave no answer.

use std::fmt;
use std::io::ErrorKind;
use std::time::Duration;

use bollard::errors::Error;

use super::allowance::TooLarge;
use crate::inventory::seen::bounded;

/// A request that failed. Said in two sentences: what failed, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineError {
    /// Which request, as the label `endpoint` names it.
    pub endpoint: &'static str,
    /// The bounded class, as the label `reason` names it.
    pub reason: &'static str,
    /// What happened, for a person.
    pub detail: String,
    /// What to do about it, in one sentence; empty where nothing is known that helps.
    pub advice: &'static str,
}

impl std::error::Error for EngineError {}

impl fmt::Display for EngineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Who found the door closed asked nothing yet.
        if !matches!(self.reason, "no_socket" | "permission" | "refused") {
            write!(f, "{}: ", self.endpoint)?;
        }
        f.write_str(&self.detail)?;
        if self.advice.is_empty() { Ok(()) } else { write!(f, ". {}", self.advice) }
    }
}

/// The question that a Swarm's manager does not answer by itself.
const NETWORKS: &str = "networks";

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
    pub(super) fn timeout(endpoint: &'static str, after: Duration) -> Self {
        let after = Duration::from_millis(after.as_millis().try_into().unwrap_or(u64::MAX));
        let detail = format!("no complete answer within {}", humantime::format_duration(after));
        // A manager asks the others for its networks, and waits for them.
        let advice = if endpoint == NETWORKS { HANGS_OR_NO_QUORUM } else { HANGS };
        Self { endpoint, reason: "timeout", detail, advice }
    }

    /// A stream that should not end.
    pub(super) fn ended(endpoint: &'static str) -> Self {
        Self { endpoint, reason: "connection", detail: "the stream ended".into(), advice: "" }
    }

    /// An answer that can be read, and cannot be meant.
    pub(super) fn strange(endpoint: &'static str, why: &str) -> Self {
        Self { endpoint, reason: "bad_answer", detail: format!("an odd answer: {why}"), advice: NO_ENGINE }
    }

    /// More came than is read.
    pub(super) fn too_large(endpoint: &'static str, why: TooLarge) -> Self {
        Self { endpoint, reason: "too_large", detail: why.to_string(), advice: SWOLLEN }
    }

    /// What the client says of a request to `host`, classified.
    pub(super) fn of(endpoint: &'static str, host: &str, error: &Error) -> Self {
        if let Some(why) = too_large(error) {
            return Self::too_large(endpoint, why);
        }
        let (reason, detail, advice) = told(host, error);
        Self { endpoint, reason, detail: bounded(&detail).to_owned(), advice }
    }

    /// True where the thing asked for is not there (any more).
    pub(super) const fn is_not_found(error: &Error) -> bool {
        matches!(error, Error::DockerResponseServerError { status_code: 404 | 409, .. })
    }
}

const HANGS: &str = "It hangs, or has too much to do: `docker version` shows whether it answers others.";
const HANGS_OR_NO_QUORUM: &str = "It hangs, or has too much to do, or is a Swarm's manager without a quorum: `docker version` shows whether it answers others, and `docker node ls` whether managers do.";
const NOT_THERE: &str = "Is Docker installed and running? `--docker.host` names another address.";
const NOT_RUNNING: &str =
    "The Engine does not run: start it (`systemctl start docker`), or name its address with `--docker.host`.";
const NOT_PERMITTED: &str =
    "The exporter's user may not open the socket: run it as root or in the group docker.";
const FORBIDDEN: &str = "A socket proxy must allow GET on containers, networks, events and version.";
const OWN_LOG: &str = "The Engine's own log says more: `journalctl -u docker`.";
const SWOLLEN: &str =
    "Has a container labels of megabytes (`docker inspect`), or does something else than the Engine answer?";
const NO_ENGINE: &str = "Is it the Engine that answers there? `--docker.host` names another address.";

/// The class, what happened, and what to do.
fn told(host: &str, error: &Error) -> (&'static str, String, &'static str) {
    match error {
        // The client calls every socket missing that it cannot see: the folder may be closed to it.
        Error::SocketNotFoundError(path) if is_hidden(path) => {
            ("permission", format!("permission denied at {host}"), NOT_PERMITTED)
        }
        Error::SocketNotFoundError(path) => ("no_socket", format!("there is no socket {path}"), NOT_THERE),
        Error::RequestTimeoutError => ("timeout", "no complete answer".to_owned(), HANGS),
        Error::DockerResponseServerError { status_code, message } => {
            let (reason, advice) = match status_code {
                403 => ("forbidden", FORBIDDEN),
                404 => ("not_found", NO_ENGINE),
                _ => ("server_error", OWN_LOG),
            };
            (reason, format!("status {status_code}: {}", message.trim().trim_end_matches('.')), advice)
        }
        Error::JsonDataError { message, .. } => ("bad_answer", unreadable(host, message), NO_ENGINE),
        Error::JsonSerdeError { .. } => ("bad_answer", unreadable(host, &innermost(error)), NO_ENGINE),
        other => match io_kind(other) {
            Some(ErrorKind::PermissionDenied) => {
                ("permission", format!("permission denied at {host}"), NOT_PERMITTED)
            }
            Some(ErrorKind::NotFound | ErrorKind::ConnectionRefused) => {
                ("refused", format!("nobody listens at {host}"), NOT_RUNNING)
            }
            _ => ("connection", format!("no answer from {host}: {}", innermost(other)), NO_ENGINE),
        },
    }
}

/// True where nobody lets this user see whether the file is there.
fn is_hidden(path: &str) -> bool {
    std::fs::metadata(path).is_err_and(|error| error.kind() == ErrorKind::PermissionDenied)
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
fn io_kind(error: &Error) -> Option<ErrorKind> {
    io(error).last().map(std::io::Error::kind)
}

/// Where the connection was left because more came than is read.
fn too_large(error: &Error) -> Option<TooLarge> {
    io(error).find_map(|io| io.get_ref()?.downcast_ref::<TooLarge>().copied())
}

fn unreadable(host: &str, why: &str) -> String {
    format!("the answer of {host} cannot be read: {why}")
}

/// What went wrong at the bottom of it: what stands above says which library noticed.
fn innermost(error: &Error) -> String {
    causes(error).last().map(ToString::to_string).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use tokio::io::AsyncReadExt as _;

    use super::super::allowance::{Allowance, Bounded};
    use super::*;

    fn said(error: &Error) -> String {
        EngineError::of("version", "tcp://engine:2375", error).to_string()
    }

    fn io(kind: ErrorKind) -> Error {
        Error::IOError { err: kind.into() }
    }

    fn status(status_code: u16) -> Error {
        Error::DockerResponseServerError { status_code, message: "no such thing.\n".into() }
    }

    #[test]
    fn one_sentence_says_what_failed_and_one_what_to_do() {
        let missing = Error::SocketNotFoundError("/nonexistent/docker.sock".into());
        for (error, failed, advice) in [
            (missing, "there is no socket /nonexistent/docker.sock. ", NOT_THERE),
            (io(ErrorKind::PermissionDenied), "permission denied at tcp://engine:2375. ", NOT_PERMITTED),
            (io(ErrorKind::ConnectionRefused), "nobody listens at tcp://engine:2375. ", NOT_RUNNING),
            (status(403), "version: status 403: no such thing. ", FORBIDDEN),
            (status(500), "version: status 500: no such thing. ", OWN_LOG),
            (Error::RequestTimeoutError, "version: no complete answer. ", HANGS),
            (
                io(ErrorKind::UnexpectedEof),
                "version: no answer from tcp://engine:2375: unexpected end of file. ",
                NO_ENGINE,
            ),
        ] {
            assert_eq!(said(&error), format!("{failed}{advice}"));
        }
    }

    #[test]
    fn a_manager_that_waits_for_the_others_is_one_that_may_have_no_quorum() {
        for (endpoint, expected) in [(NETWORKS, HANGS_OR_NO_QUORUM), ("containers", HANGS)] {
            let error = EngineError::timeout(endpoint, Duration::from_secs(5));
            assert_eq!(error.to_string(), format!("{endpoint}: no complete answer within 5s. {expected}"));
        }
    }

    #[tokio::test]
    async fn every_failure_has_a_reason_that_is_documented_and_every_such_reason_comes_about() {
        let mut endless = Bounded::new(tokio::io::repeat(0), Allowance::of(1));
        let too_large = endless.read_u16().await.unwrap_err();
        let told: BTreeSet<&str> = [
            Error::RequestTimeoutError,
            Error::SocketNotFoundError("/nowhere".into()),
            io(ErrorKind::PermissionDenied),
            io(ErrorKind::ConnectionRefused),
            io(ErrorKind::ConnectionReset),
            status(403),
            status(404),
            status(503),
            Error::JsonDataError { message: String::new(), column: 0 },
            Error::from(too_large),
        ]
        .iter()
        .map(|error| EngineError::of("networks", "tcp://engine:2375", error).reason)
        .collect();
        assert_eq!(told, REASONS.map(|(reason, _)| reason).into());
    }
}
