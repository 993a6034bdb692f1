//! A page as it is sent: its bytes, what they are known by, and what the browser is told to let in.

use std::hash::{DefaultHasher, Hasher};
use std::sync::LazyLock;

use askama::Template;
use axum::http::{HeaderMap, HeaderValue, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA256, digest};

use super::super::error::Refusal;

/// How every page looks.
pub(super) const STYLE: &str = include_str!("../templates/style.css");
/// What keeps a page fresh where scripts run.
pub(super) const SCRIPT: &str = include_str!("../templates/live.js");

/// A page.
#[derive(Debug)]
pub struct Document {
    pub text: Vec<u8>,
    /// The header ETag: what the page says, whatever the time. Ages, and when the page was made, are in the elements
    /// `time`, which are left out of it.
    pub tag: String,
}

impl Document {
    /// # Errors
    /// The template failed, which is a fault of the exporter's.
    pub(super) fn of(page: &impl Template) -> Result<Self, Refusal> {
        let text = page.render().map_err(|error| {
            tracing::error!(%error, "no page");
            Refusal::internal()
        })?;
        Ok(Self { tag: tag(&text), text: text.into_bytes() })
    }
}

/// Weak: two pages of one tag say the same, and may have other ages in them (RFC 9110, section 8.8.1).
fn tag(text: &str) -> String {
    let mut hasher = DefaultHasher::new();
    for (n, piece) in text.split("<time").enumerate() {
        // The attributes count: since when something stands. Nobody but us writes the tag, for strangers' text has no `<`.
        let (moment, rest) = match piece.split_once("</time>") {
            Some((time, rest)) if n > 0 => (time.split('>').next().unwrap_or_default(), rest),
            _ => ("", piece),
        };
        hasher.write(moment.as_bytes());
        hasher.write(rest.as_bytes());
    }
    format!("W/\"{:016x}\"", hasher.finish())
}

/// Whether the caller has what is known by this tag (RFC 9110, section 13.1.2).
pub fn known(asked: &HeaderMap, tag: &str) -> bool {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let values = asked.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|one| one.trim() == "*" || opaque(one) == opaque(tag))
}

/// The content security policy of everything that is answered.
pub fn policy() -> HeaderValue {
    static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
        let hash = |text: &str| STANDARD.encode(digest(&SHA256, text.as_bytes()));
        let policy = format!(
            "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; connect-src 'self'; img-src data:; \
             base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
            hash(STYLE),
            hash(SCRIPT)
        );
        HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
    });
    POLICY.clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_of_what_is_said_and_not_of_the_time() {
        let page = |since: &str, ago: &str, end: &str| {
            tag(&format!(
                "<p>As of <time>{ago}</time>, since <time datetime=\"{since}\">{ago} ago</time>{end}"
            ))
        };
        let one = page("08:00", "3 min", "down");
        assert_eq!(one, page("08:00", "4 min", "down"));
        assert_ne!(one, page("08:01", "3 min", "down"));
        assert_ne!(one, page("08:00", "3 min", "up"));
        assert_ne!(one, page("08:00", "3 min", "</time>down"));
    }

    #[test]
    fn a_caller_may_know_several() {
        for (asked, expected) in [
            ("W/\"a\"", true),
            ("\"a\"", true),
            ("\"b\", W/\"a\"", true),
            ("*", true),
            ("\"b\"", false),
            ("a", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::IF_NONE_MATCH, asked.parse().expect("a header"));
            assert_eq!(known(&headers, "W/\"a\""), expected, "{asked}");
        }
        assert!(!known(&HeaderMap::new(), "W/\"a\""));
    }
}
