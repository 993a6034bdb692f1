//! A runbook as a page. Its text is this project's own.

use std::time::SystemTime;

use askama::Template;
use pulldown_cmark::{Event, Options, Parser, html::push_html};

use super::super::error::Refusal;
use super::document::Document;
use super::frame::{Frame, Here};

#[derive(Debug, Template)]
#[template(path = "runbook.html")]
struct Page<'a> {
    frame: Frame,
    name: &'a str,
    body: String,
}

/// A table that is wider than a phone is moved by itself, not with the page.
const TABLE: &str = "<div class=\"scroll\" role=\"region\" aria-label=\"Table\" tabindex=\"0\"><table>";

/// # Errors
/// The template failed.
pub fn runbook(name: &str, markdown: &str, root: String) -> Result<Document, Refusal> {
    let title = format!("Runbook {name}");
    let version = env!("CARGO_PKG_VERSION");
    let frame = Frame { title, root, now: SystemTime::now(), here: Here::Other, status: None, version };
    // What looks like markup in it is text, as NAME in angle brackets is.
    let events = Parser::new_ext(markdown, Options::ENABLE_TABLES).map(|event| match event {
        Event::Html(text) | Event::InlineHtml(text) => Event::Text(text),
        other => other,
    });
    let mut body = String::with_capacity(markdown.len() * 2);
    push_html(&mut body, events);
    // Text has no angle bracket any more.
    let body = body.replace("<pre>", "<div class=\"command\"><pre>").replace("</pre>", "</pre></div>");
    let body = body.replace("<table>", TABLE).replace("</table>", "</table></div>");
    Document::of(&Page { frame, name, body })
}
