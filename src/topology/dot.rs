//! The map for Graphviz.

use std::fmt::Write as _;

use crate::report::Status;

use super::drawing::{Drawing, Line, Node, Shape};
use super::model::Topology;

/// The map in the DOT language: `dot -Tsvg`.
pub fn dot(map: &Topology) -> String {
    let drawing = Drawing::of(map);
    let mut out = String::from(
        "digraph destinations {\n  rankdir=LR;\n  node [shape=box, style=rounded, fontname=\"sans-serif\"];\n  \
         edge [fontname=\"sans-serif\", fontsize=10];\n",
    );
    for (n, group) in drawing.boxes.iter().enumerate() {
        let _ = writeln!(out, "  subgraph cluster_{n} {{");
        let _ = writeln!(out, "    label=\"{}\";", quoted(&group.title));
        let _ = writeln!(out, "    fontname=\"sans-serif\"; color=\"{}\";", colour(group.status));
        for each in &group.nodes {
            node(&mut out, "    ", each);
        }
        out.push_str("  }\n");
    }
    for each in &drawing.loose {
        node(&mut out, "  ", each);
    }
    for arrow in &drawing.arrows {
        let style = match arrow.line {
            Line::Plain => "solid",
            Line::Thick => "bold",
            Line::Dotted => "dotted",
        };
        let text = quoted(&arrow.text);
        let _ = writeln!(out, "  n{} -> n{} [label=\"{text}\", style={style}];", arrow.from, arrow.to);
    }
    for (one, other) in &drawing.same {
        let _ = writeln!(
            out,
            "  n{one} -> n{other} [label=\"same container\", style=dashed, dir=none, constraint=false];"
        );
    }
    if !drawing.notes.is_empty() {
        let _ = writeln!(out, "  label=\"{}\";", quoted(&drawing.notes.join("; ")));
    }
    out.push_str("}\n");
    out
}

fn node(out: &mut String, indent: &str, of: &Node) {
    let lines: Vec<String> = of.lines.iter().map(|line| quoted(line)).collect();
    let shape = match of.shape {
        Shape::Container => "box",
        Shape::Proxy => "hexagon",
        Shape::Beyond => "ellipse",
    };
    let _ = writeln!(
        out,
        "{indent}n{} [label=\"{}\", shape={shape}, color=\"{}\"];",
        of.number,
        lines.join("\\n"),
        colour(of.status)
    );
}

const fn colour(status: Status) -> &'static str {
    match status {
        Status::Healthy => "#5d6d7e",
        Status::Degraded => "#d68910",
        Status::Failing => "#c0392b",
        Status::Unknown => "#8e44ad",
    }
}

/// Text within quotes: a quote and a backslash have a meaning there, and `&` begins an entity.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '&' => out.push_str("&amp;"),
            c => out.push(c),
        }
    }
    out
}
