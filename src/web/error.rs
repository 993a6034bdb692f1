//! What a caller is told when there is no answer: `{"error": {"code", "message", "hint"}}`.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::diagnosis::Code;

/// A refusal, in words for the person who reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The status.
    pub status: StatusCode,
    /// A word for scripts.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: String,
}

impl Refusal {
    /// No such page.
    pub fn not_found() -> Self {
        Self {
            status: StatusCode::NOT_FOUND,
            code: "not_found",
            message: "there is no such page".into(),
            hint: "GET / lists the pages".into(),
        }
    }

    /// The page is there, for another method.
    pub fn method() -> Self {
        Self {
            status: StatusCode::METHOD_NOT_ALLOWED,
            code: "method_not_allowed",
            message: "this page does not take that method".into(),
            hint: "the header Allow lists the methods that it takes".into(),
        }
    }

    /// The first round is not done.
    pub fn not_ready() -> Self {
        Self {
            status: StatusCode::SERVICE_UNAVAILABLE,
            code: "not_ready",
            message: "the first round of probes is not complete".into(),
            hint: "ask again; if it stays so, /metrics and the log say what the exporter cannot see".into(),
        }
    }

    /// The caller may not do this.
    pub fn forbidden(why: &str) -> Self {
        Self {
            status: StatusCode::FORBIDDEN,
            code: "forbidden",
            message: why.into(),
            hint: "ask from the machine itself, or start with --web.enable-remote-actions".into(),
        }
    }

    /// A name that somebody may have made point here.
    pub fn strange_host() -> Self {
        Self {
            hint: "ask by an address or as localhost; a name of this exporter's own goes into \
                --web.external-url"
                .into(),
            ..Self::forbidden("the Host header is not a name of this machine")
        }
    }

    /// The request cannot be read.
    pub fn bad_request(why: &str) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            code: "bad_request",
            message: why.into(),
            hint: "the contract of this page is in the README".into(),
        }
    }

    /// No destination of that name.
    pub fn unknown_destination(known: &[&str]) -> Self {
        Self {
            status: StatusCode::NOT_FOUND,
            code: "unknown_destination",
            message: "there is no such destination".into(),
            hint: format!("there are: {}", known.join(", ")),
        }
    }

    /// No finding of that code.
    pub fn unknown_code() -> Self {
        let known: Vec<&str> = Code::ALL.iter().map(|code| code.as_label()).collect();
        Self {
            status: StatusCode::NOT_FOUND,
            code: "unknown_code",
            message: "there is no such finding".into(),
            hint: format!("there are: {}", known.join(", ")),
        }
    }

    /// No such probe is planned.
    pub fn not_planned() -> Self {
        Self {
            status: StatusCode::NOT_FOUND,
            code: "not_planned",
            message: "no such probe is planned".into(),
            hint: "destination, source, target and kind as /diagnostics lists them under probes".into(),
        }
    }

    /// Another round runs, or has just run.
    pub fn too_soon() -> Self {
        Self {
            status: StatusCode::TOO_MANY_REQUESTS,
            code: "too_soon",
            message: "a round runs, or has just run".into(),
            hint: "ask again in a second, or read /diagnostics".into(),
        }
    }

    /// The new configuration is wrong; the old one stays.
    pub fn bad_configuration(problems: &str) -> Self {
        Self {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            code: "bad_configuration",
            message: problems.into(),
            hint: "the old configuration stays in force".into(),
        }
    }

    /// As many answers as may be are being read.
    pub fn busy() -> Self {
        Self {
            status: StatusCode::SERVICE_UNAVAILABLE,
            code: "busy",
            message: "too many answers are being read at this moment".into(),
            hint: "ask again in some seconds, or for /diagnostics as a whole: that one is shared".into(),
        }
    }

    /// A fault of the exporter. What happened is logged, not told.
    pub fn internal() -> Self {
        Self {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            code: "internal",
            message: "the exporter failed to make the answer".into(),
            hint: "the log says why".into(),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = serde_json::json!({
            "error": { "code": self.code, "message": self.message, "hint": self.hint }
        });
        (self.status, Json(body)).into_response()
    }
}
