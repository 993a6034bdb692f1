//! The page that a person sees first.

use std::fmt::{self, Display, Write};

use crate::diagnosis::{Severity, Verdict};
use crate::metrics::BuildInfo;

/// No more findings than this: the page is for a glance.
const MOST_FINDINGS: usize = 100;

const HEAD: &str = "<!DOCTYPE html>
<html lang=\"en\"><head><meta charset=\"utf-8\"><title>destination-exporter</title>
<meta name=\"viewport\" content=\"width=device-width\">
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:60em;margin:2em auto;padding:0 1em}\
li{margin:.3em 0;overflow-wrap:anywhere}</style></head><body>
<h1>destination-exporter</h1>
";

/// Text in HTML, between tags or in a quoted attribute.
struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// The word for everything together. What cannot be seen is not healthy.
fn status(verdict: &Verdict) -> &'static str {
    let holds = |severity| verdict.findings.iter().any(|f| f.severity == severity);
    let sees = verdict.snapshot.sight.engine.is_up() && verdict.snapshot.own.round_last_completed.is_some();
    if holds(Severity::Page) {
        "failing"
    } else if !sees {
        "unknown"
    } else if holds(Severity::Ticket) {
        "degraded"
    } else {
        "healthy"
    }
}

/// The whole page.
pub fn render(verdict: &Verdict, build: &BuildInfo, telemetry_path: &str) -> Result<String, fmt::Error> {
    let mut out = String::from(HEAD);
    let path = Escaped(telemetry_path);
    writeln!(out, "<p>Version {}. Status: <strong>{}</strong></p>", Escaped(build.version), status(verdict))?;
    writeln!(out, "<ul><li><a href=\"{path}\">Metrics</a></li>")?;
    out.push_str("<li><a href=\"/diagnostics\">Diagnostics</a>: the whole report, as JSON</li>\n");
    out.push_str(
        "<li>Map: <a href=\"/topology\">JSON</a>, <a href=\"/topology?format=mermaid\">Mermaid</a>, ",
    );
    out.push_str("<a href=\"/topology?format=dot\">Graphviz</a></li>\n");
    out.push_str("<li><a href=\"/-/healthy\">Healthy</a></li><li><a href=\"/-/ready\">Ready</a></li></ul>\n");
    if !verdict.findings.is_empty() {
        out.push_str("<h2>Findings</h2>\n<ul>\n");
        for finding in verdict.findings.iter().take(MOST_FINDINGS) {
            writeln!(
                out,
                "<li><strong>{}</strong> <a href=\"runbooks/{1}\"><code>{1}</code></a> {2} {3}: {4}</li>",
                finding.severity.as_label(),
                finding.code.as_label(),
                Escaped(finding.destination.as_deref().unwrap_or("host")),
                Escaped(&finding.subject.name),
                Escaped(&finding.summary),
            )?;
        }
        out.push_str("</ul>\n");
        let more = verdict.findings.len().saturating_sub(MOST_FINDINGS);
        if more > 0 {
            writeln!(out, "<p>And {more} more.</p>")?;
        }
    }
    out.push_str("</body></html>\n");
    Ok(out)
}
