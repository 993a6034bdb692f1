//! The map as a Mermaid flowchart, which GitHub, GitLab and many wikis draw.

use std::fmt::Write as _;

use crate::report::Status;

use super::drawing::{Drawing, Line, Node, Shape};
use super::model::Topology;

/// Mermaid refuses a chart of more than 500 edges (`maxEdges`), unless whoever draws it has set it otherwise.
const MOST_ARROWS: usize = 450;

/// The map for <https://mermaid.js.org>.
pub fn mermaid(map: &Topology) -> String {
    let drawing = Drawing::of(map);
    let mut out = String::from("flowchart LR\n");
    for (n, group) in drawing.boxes.iter().enumerate() {
        let _ = writeln!(out, "  subgraph d{n}[\"{}\"]", quoted(&group.title));
        for each in &group.nodes {
            node(&mut out, "    ", each);
        }
        out.push_str("  end\n");
        class(&mut out, &format!("d{n}"), group.status);
    }
    for each in &drawing.loose {
        node(&mut out, "  ", each);
    }
    let places = drawing.same.len().min(MOST_ARROWS);
    let drawn = drawing.arrows.len().min(MOST_ARROWS - places);
    for arrow in drawing.arrows.iter().take(drawn) {
        let line = match arrow.line {
            Line::Plain => "-->",
            Line::Thick => "==>",
            Line::Dotted => "-.->",
        };
        let _ = writeln!(out, "  n{} {line}|\"{}\"| n{}", arrow.from, quoted(&arrow.text), arrow.to);
    }
    for (one, other) in drawing.same.iter().take(places) {
        let _ = writeln!(out, "  n{one} -. same container .- n{other}");
    }
    for note in &drawing.notes {
        let _ = writeln!(out, "  %% {note}");
    }
    let more = drawing.arrows.len() + drawing.same.len() - drawn - places;
    if more > 0 {
        let _ = writeln!(out, "  %% {more} more arrows");
    }
    out.push_str("  classDef failing stroke:#c0392b,stroke-width:3px\n");
    out.push_str("  classDef degraded stroke:#d68910,stroke-width:3px\n");
    out.push_str("  classDef unknown stroke-dasharray:4\n");
    out
}

fn node(out: &mut String, indent: &str, of: &Node) {
    let lines: Vec<String> = of.lines.iter().map(|line| quoted(line)).collect();
    let (open, close) = match of.shape {
        Shape::Container => ("[", "]"),
        Shape::Proxy => ("{{", "}}"),
        Shape::Beyond => ("([", "])"),
    };
    let _ = writeln!(out, "{indent}n{}{open}\"{}\"{close}", of.number, lines.join("<br/>"));
    class(out, &format!("n{}", of.number), of.status);
}

fn class(out: &mut String, id: &str, status: Status) {
    if status != Status::Healthy {
        let _ = writeln!(out, "  class {id} {}", status.as_label());
    }
}

/// Text within quotes. What is not a letter, a digit or harmless is written as its number: Mermaid knows
/// quotes, markdown, entities and HTML in there.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_alphanumeric() || " -_.:/,→×·".contains(c) {
            out.push(c);
        } else {
            let _ = write!(out, "#{};", u32::from(c));
        }
    }
    out
}
