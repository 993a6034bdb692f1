//! Pages for people: who wants one, what stands around each, and how strangers' text gets into it.
//!
//! Each page is made of the report's own values by a template (`src/web/templates`): nothing is judged here, and nothing
//! is read that `/diagnostics` as JSON does not tell. A page is whole in one answer, for a phone with bad reception: its
//! style and its script are in it, and the content security policy names the two by their hashes and lets nothing else
//! in. Whoever runs no scripts reads the same page.
//!
//! What must never happen here: text of a stranger that is not written by [`Inert`], or a list without a bound.

mod card;
mod document;
mod frame;
mod inert;
mod matrix;
mod names;
mod otherwise;
mod runbook;
mod sheet;
mod words;

use axum::http::{HeaderMap, header};

pub use card::anchor;
pub use document::policy;
pub(super) use document::{Document, known};
pub(super) use frame::root;
pub use inert::Inert;
pub(super) use runbook::runbook;
pub(super) use sheet::{Maker, away, container, destination, diagnostics, events, map, refusal, status};

/// What a page is.
pub(super) const CONTENT_TYPE: &str = "text/html; charset=utf-8";

/// True where the caller asks for a page by name, as browsers do, and not for JSON rather (RFC 9110, section 12.5.1).
pub fn wanted(headers: &HeaderMap) -> bool {
    let (mut page, mut json) = (0.0_f32, 0.0_f32);
    let values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    for item in values.flat_map(|value| value.split(',')) {
        let mut parts = item.split(';').map(str::trim);
        let range = parts.next().unwrap_or_default();
        let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        let weight = weight.map_or(1.0, |q| q.parse::<f32>().unwrap_or(0.0));
        if range.eq_ignore_ascii_case("text/html") {
            page = weight;
        } else if range.eq_ignore_ascii_case("application/json") {
            json = weight;
        }
    }
    page > 0.0 && page >= json
}

/// Every page that a verdict has, without our own style and script; none where one could not be made.
#[cfg(feature = "fuzzing")]
pub(super) fn all(verdict: &crate::diagnosis::Verdict) -> Option<Vec<String>> {
    use crate::{report, topology};
    let report = report::build(verdict);
    let maker = Maker { history: Default::default(), root: "./".into(), filter: String::new() };
    let mut pages = vec![status(&report, &maker, "/metrics"), diagnostics(&report, &maker)];
    for on in &report.destinations {
        pages.push(destination(&report, on, topology::svg(&topology::of(verdict, on)), &maker));
        for one in on.containers.iter().take(2) {
            let detail = report::detail(verdict, &on.name, &one.name)?;
            pages.push(container(&detail, &on.display_name, &maker));
        }
    }
    let text = |page: Document| String::from_utf8(page.text).ok();
    let bare = |text: String| text.replace(document::SCRIPT, "").replace(document::STYLE, "");
    pages.into_iter().map(|page| page.ok().and_then(text).map(bare)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_for_who_asks_for_one() {
        for (asked, expected) in [
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", true),
            ("text/html", true),
            ("TEXT/HTML; q=0.5", true),
            ("*/*", false),
            ("", false),
            ("application/json", false),
            ("application/json, text/html;q=0.9", false),
            ("application/json;q=0.5, text/html;q=0.9", true),
            ("text/html;q=0", false),
            ("text/html;q=NaN", false),
            ("text/htmlx", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, asked.parse().expect("a header"));
            assert_eq!(wanted(&headers), expected, "{asked}");
        }
        assert!(!wanted(&HeaderMap::new()));
    }
}
