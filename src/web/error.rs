//! What a caller is told when there is no answer: `{"error": {"code", "message", "hint"}}`.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::diagnosis::Code;
use crate::strangers::printable;

/// A refusal names no more than so many things.
const MOST_NAMES: usize = 100;
/// What a round takes.
pub(super) const BODY: &str = r#"the body is {"destination": "NAME"}, or empty"#;

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
            hint:
                "ask from the machine itself, or start with --web.config.file and show who you are, or with \
                --web.enable-remote-actions"
                    .into(),
        }
    }

    /// The caller has not shown who it is.
    pub fn unauthorized() -> Self {
        Self {
            status: StatusCode::UNAUTHORIZED,
            code: "unauthorized",
            message: "this asks for a user and a password".into(),
            hint: "curl -u USER; in Prometheus: basic_auth".into(),
        }
    }

    /// The caller has shown no certificate.
    pub fn no_certificate() -> Self {
        Self {
            hint: "curl --cert FILE --key FILE; in Prometheus: tls_config with cert_file and key_file".into(),
            ..Self::forbidden("this asks for a client certificate")
        }
    }

    /// A certificate that was taken when others were asked for.
    pub fn old_certificate() -> Self {
        Self {
            hint: "ask again, over a new connection".into(),
            ..Self::forbidden("other client certificates are asked for since this connection began")
        }
    }

    /// More requests than the operator allows.
    pub fn too_many() -> Self {
        Self {
            status: StatusCode::TOO_MANY_REQUESTS,
            code: "too_many",
            message: "more requests than the rate limit allows".into(),
            hint: "ask again later; rate_limit of --web.config.file is the limit".into(),
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

    /// The request cannot be read; the hint is about what was asked for.
    pub fn bad_request(why: &str, hint: &str) -> Self {
        Self { status: StatusCode::BAD_REQUEST, code: "bad_request", message: why.into(), hint: hint.into() }
    }

    /// No destination of that name. There are these: label values, and what people call them.
    pub fn unknown_destination<'a>(known: impl ExactSizeIterator<Item = (&'a str, &'a str)>) -> Self {
        let names = known.map(|(name, called)| match called {
            called if called == name => printable(name),
            called => format!("{} ({})", printable(name), printable(called)),
        });
        Self {
            status: StatusCode::NOT_FOUND,
            code: "unknown_destination",
            message: "there is no such destination".into(),
            hint: there_are(names),
        }
    }

    /// No container of that name on the destination; these are.
    pub fn unknown_container<'a>(known: impl ExactSizeIterator<Item = &'a str>) -> Self {
        Self {
            status: StatusCode::NOT_FOUND,
            code: "unknown_container",
            message: "there is no such container on this destination".into(),
            hint: there_are(known.map(printable)),
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

    /// The body is too large.
    pub fn too_large(most: usize) -> Self {
        Self {
            status: StatusCode::PAYLOAD_TOO_LARGE,
            code: "too_large",
            message: format!("the body has more than {most} bytes"),
            hint: BODY.into(),
        }
    }

    /// The body does not come.
    pub fn slow_body() -> Self {
        Self {
            status: StatusCode::REQUEST_TIMEOUT,
            code: "slow_body",
            message: "the body did not arrive in time".into(),
            hint: "send as many bytes as the header Content-Length says".into(),
        }
    }

    /// The body is not said to be JSON.
    pub fn not_json() -> Self {
        Self {
            status: StatusCode::UNSUPPORTED_MEDIA_TYPE,
            code: "not_json",
            message: "a body must be sent as application/json".into(),
            hint: "curl -H 'Content-Type: application/json' -d '{\"destination\": \"NAME\"}'".into(),
        }
    }

    /// A probe takes longer than anyone waits.
    pub fn late() -> Self {
        Self {
            status: StatusCode::GATEWAY_TIMEOUT,
            code: "late",
            message: "the probe has not ended".into(),
            hint: "its timeout is in the configuration (probes.*.timeout)".into(),
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

/// Names to choose from, as many as a person reads.
fn there_are(names: impl ExactSizeIterator<Item = String>) -> String {
    let more = names.len().saturating_sub(MOST_NAMES);
    let mut names: Vec<String> = names.take(MOST_NAMES).collect();
    if more > 0 {
        names.push(format!("and {more} more"));
    }
    if names.is_empty() { "there are none".into() } else { format!("there are: {}", names.join(", ")) }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = serde_json::json!({
            "error": { "code": self.code, "message": self.message, "hint": self.hint }
        });
        let mut response = (self.status, Json(body)).into_response();
        let status = self.status;
        response.extensions_mut().insert(self);
        if status == StatusCode::UNAUTHORIZED {
            let ask = HeaderValue::from_static("Basic realm=\"destination-exporter\", charset=\"UTF-8\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, ask);
        }
        response
    }
}
