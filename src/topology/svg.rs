//! The map as SVG: a picture that stands for itself, or in a page.
//!
//! From left to right as a request goes: the outside, the proxies, whom they call, whom those call. Colours are attributes,
//! which a content security policy lets through, and classes, by which a page's style may change them; a sign and the
//! words of a node's title stand beside each.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write};

use askama::filters::{Escaper, Html};

use crate::report::Status;

use super::drawing::{Arrow, Drawing, Group, Line, Node, Shape};
use super::model::Topology;

/// No more is drawn: what is beyond is told below the picture.
const MOST_NODES: usize = 240;
/// Of them, in no box.
const MOST_LOOSE: usize = 40;
const MOST_BOXES: usize = 100;
const MOST_ARROWS: usize = 400;
/// Nodes in one column.
const MOST_ROWS: usize = 10;
/// Columns of a box: who is further from the proxy stands in the last.
const MOST_LAYERS: usize = 6;
/// Letters of one line.
const MOST_LETTERS: usize = 20;
const MOST_TITLE: usize = 100;
/// Of what is shown where somebody points at a node: names that people give are shorter.
const MOST_HINT: usize = 300;
/// Ports on one arrow.
const MOST_PORTS: usize = 2;

const WIDE: usize = 150;
const HIGH: usize = 44;
/// From one column, or row, to the next.
const STEP_X: usize = 232;
/// From who stands in no box to the first box: the names of doors are long.
const FIRST: usize = 316;
/// Of the smallest letters.
const LETTER: usize = 6;
const STEP_Y: usize = 62;
const EDGE: usize = 16;
const HEAD: usize = 34;

/// Where a node stands: its upper left corner.
type Spots = BTreeMap<usize, (usize, usize)>;

/// The map as SVG 1.1.
pub fn svg(map: &Topology) -> String {
    let mut out = String::new();
    // A string takes everything.
    let _ = draw(&mut out, map);
    out
}

fn draw(out: &mut String, map: &Topology) -> fmt::Result {
    let mut drawing = Drawing::of(map);
    let left_out = cut(&mut drawing);
    let layers = layers(&drawing);
    let mut spots = Spots::new();
    // Whoever stands in no box is on the left of all.
    let left = if drawing.loose.is_empty() { EDGE } else { EDGE + FIRST };
    let mut frames = Vec::new();
    let mut y = EDGE;
    let mut right = left;
    for group in &drawing.boxes {
        let (wide, high) = lay(group, &layers, (left, y), &mut spots);
        right = right.max(left + wide + EDGE);
        frames.push((left, y, wide, high));
        y += high + EDGE;
    }
    for (n, node) in drawing.loose.iter().enumerate() {
        spots.insert(node.number, (EDGE, EDGE + HEAD + n * STEP_Y));
    }
    let bottom = y.max(EDGE + HEAD + drawing.loose.len() * STEP_Y);
    let notes = notes(&drawing, &left_out);
    // A backward arrow bends beyond the last column.
    let (width, height) = (right.max(420) + 24, bottom + notes.len() * 20 + EDGE);
    write!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"map\" role=\"img\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" font-family=\"system-ui, sans-serif\" font-size=\"13\">\n\
         <title>{}</title>\n<rect class=\"ground\" width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n",
        Text(&caption(map))
    )?;
    for (group, (x, y, wide, high)) in drawing.boxes.iter().zip(frames) {
        let (class, colour) = (class(group.status), colour(group.status));
        writeln!(
            out,
            "<rect class=\"box s-{class}\" x=\"{x}\" y=\"{y}\" width=\"{wide}\" height=\"{high}\" rx=\"8\" \
             fill=\"#f6f8fa\" stroke=\"{colour}\" stroke-width=\"2\"/>\n\
             <text class=\"f-{class}\" x=\"{}\" y=\"{}\" font-weight=\"600\" fill=\"{}\">{} {}</text>",
            x + 12,
            y + 22,
            ink(group.status),
            sign(group.status),
            Text(&short(&group.title, (wide.saturating_sub(30) / 9).min(MOST_TITLE)))
        )?;
    }
    for arrow in &merged(&drawing.arrows) {
        line(out, arrow, &spots)?;
    }
    for (one, other) in &drawing.same {
        same(out, *one, *other, &spots)?;
    }
    for node in drawing.boxes.iter().flat_map(|group| &group.nodes).chain(&drawing.loose) {
        self::node(out, node, &spots)?;
    }
    for (n, note) in notes.iter().enumerate() {
        let y = bottom + 14 + n * 20;
        writeln!(out, "<text class=\"soft\" x=\"{EDGE}\" y=\"{y}\" fill=\"#57606a\">{}</text>", Text(note))?;
    }
    out.push_str("</svg>\n");
    Ok(())
}

/// How much is not drawn.
#[derive(Debug, Default)]
struct LeftOut {
    boxes: usize,
    nodes: usize,
    arrows: usize,
}

/// Leaves as much as is drawn. Of boxes and of what stands in them the worst stays: whoever looks at a map looks for that.
fn cut(drawing: &mut Drawing) -> LeftOut {
    let nodes_of = |drawing: &Drawing| {
        drawing.loose.len() + drawing.boxes.iter().map(|group| group.nodes.len()).sum::<usize>()
    };
    let (nodes, arrows) = (nodes_of(drawing), drawing.arrows.len());
    drawing.loose.truncate(MOST_LOOSE);
    let mut room = MOST_NODES.saturating_sub(drawing.loose.len());
    let mut worst: Vec<(usize, Group)> = drawing.boxes.drain(..).enumerate().collect();
    worst.sort_by_key(|(_, group)| Reverse(group.status.rank()));
    let boxes = worst.len().saturating_sub(MOST_BOXES);
    worst.truncate(MOST_BOXES);
    for (_, group) in &mut worst {
        if group.nodes.len() > room {
            group.nodes.sort_by_key(|node| Reverse(node.status.rank()));
            group.nodes.truncate(room);
            group.nodes.sort_by_key(|node| node.number);
        }
        room -= group.nodes.len();
    }
    worst.sort_by_key(|(place, _)| *place);
    drawing.boxes = worst.into_iter().map(|(_, group)| group).collect();
    let all = drawing.boxes.iter().flat_map(|group| &group.nodes).chain(&drawing.loose);
    let there: BTreeSet<usize> = all.map(|node| node.number).collect();
    drawing.arrows.retain(|arrow| there.contains(&arrow.from) && there.contains(&arrow.to));
    drawing.arrows.truncate(MOST_ARROWS);
    drawing.same.retain(|(one, other)| there.contains(one) && there.contains(other));
    drawing.same.truncate(MOST_ARROWS);
    LeftOut { boxes, nodes: nodes - nodes_of(drawing), arrows: arrows - drawing.arrows.len() }
}

fn notes(drawing: &Drawing, left_out: &LeftOut) -> Vec<String> {
    let mut notes = drawing.notes.clone();
    let LeftOut { boxes, nodes, arrows } = *left_out;
    for (n, what) in [(boxes, "destinations"), (nodes, "containers"), (arrows, "arrows")] {
        if n > 0 {
            notes.push(format!("{n} more {what} are not drawn"));
        }
    }
    notes
}

/// How many calls each node is away from the proxy, or from whom nobody calls.
fn layers(drawing: &Drawing) -> BTreeMap<usize, usize> {
    let mut calls: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    let mut called = BTreeSet::new();
    let loose: BTreeSet<usize> = drawing.loose.iter().map(|node| node.number).collect();
    // Who comes back by the host's address is on a detour, which says nothing of who stands before whom.
    let says =
        |arrow: &&Arrow| arrow.from != arrow.to && !loose.contains(&arrow.from) && arrow.line != Line::Thick;
    for arrow in drawing.arrows.iter().filter(says) {
        calls.entry(arrow.from).or_default().push(arrow.to);
        called.insert(arrow.to);
    }
    let nodes = || drawing.boxes.iter().flat_map(|group| &group.nodes);
    let is_proxy = |node: &&Node| node.shape == Shape::Proxy;
    let has_proxy = nodes().any(|node| node.shape == Shape::Proxy);
    let first = nodes().filter(is_proxy).map(|node| (node.number, 0));
    let others = nodes().filter(|node| !is_proxy(node) && !called.contains(&node.number));
    let mut found: BTreeMap<usize, usize> = BTreeMap::new();
    let mut next: Vec<(usize, usize)> =
        first.chain(others.map(|node| (node.number, usize::from(has_proxy)))).collect();
    // Breadth first: each is met once, on its shortest way.
    while !next.is_empty() {
        let mut behind = Vec::new();
        for (number, layer) in next {
            if found.contains_key(&number) {
                continue;
            }
            found.insert(number, layer);
            let layer = (layer + 1).min(MOST_LAYERS - 1);
            behind.extend(calls.get(&number).into_iter().flatten().map(|to| (*to, layer)));
        }
        next = behind;
    }
    found
}

/// Gives each node of a box its place; gives back how wide and how high the box is.
fn lay(
    group: &Group,
    layers: &BTreeMap<usize, usize>,
    (x, y): (usize, usize),
    spots: &mut Spots,
) -> (usize, usize) {
    let mut columns: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for node in &group.nodes {
        // Who only calls in a circle stands with those whom nobody calls.
        columns.entry(layers.get(&node.number).copied().unwrap_or(1)).or_default().push(node.number);
    }
    let (mut column, mut most) = (0, 0);
    for nodes in columns.values() {
        for chunk in nodes.chunks(MOST_ROWS) {
            for (row, number) in chunk.iter().enumerate() {
                spots.insert(*number, (x + EDGE + column * STEP_X, y + HEAD + row * STEP_Y));
            }
            most = most.max(chunk.len());
            column += 1;
        }
    }
    let wide = EDGE + column.max(1) * STEP_X - (STEP_X - WIDE) + EDGE;
    (wide, HEAD + most * STEP_Y - usize::from(most > 0) * (STEP_Y - HIGH) + EDGE)
}

/// One arrow for all between two nodes that go one way, with all their ports.
fn merged(arrows: &[Arrow]) -> Vec<(usize, usize, Line, String)> {
    let mut all: BTreeMap<(usize, usize, u8), (Line, Vec<&str>)> = BTreeMap::new();
    for arrow in arrows {
        let one = all.entry((arrow.from, arrow.to, arrow.line as u8)).or_insert((arrow.line, Vec::new()));
        one.1.push(&arrow.text);
    }
    all.into_iter()
        .map(|((from, to, _), (line, texts))| {
            let more = texts.len().saturating_sub(MOST_PORTS);
            let mut text = texts.iter().take(MOST_PORTS).copied().collect::<Vec<_>>().join(", ");
            if more > 0 {
                let _ = write!(text, " +{more}");
            }
            (from, to, line, text)
        })
        .collect()
}

fn line(
    out: &mut String,
    (from, to, line, text): &(usize, usize, Line, String),
    spots: &Spots,
) -> fmt::Result {
    let (Some((x1, y1)), Some((x2, y2))) = (spots.get(from), spots.get(to)) else { return Ok(()) };
    let (y1, y2) = (y1 + HIGH / 2, y2 + HIGH / 2);
    let (width, dash) = match line {
        Line::Plain => ("1.5", ""),
        Line::Thick => ("3.5", ""),
        Line::Dotted => ("1.5", " stroke-dasharray=\"3 4\""),
    };
    // Forward from right to left side; in one column, or back, around the right sides.
    let (start, end, bend_1, bend_2) = if x2 > x1 {
        let half = (x2 - x1 - WIDE) / 2;
        (x1 + WIDE, *x2 - 7, x1 + WIDE + half, x2 - half)
    } else {
        let out = x1.max(x2) + WIDE + 44;
        (x1 + WIDE, x2 + WIDE + 7, out, out)
    };
    let tip = if x2 > x1 {
        format!("{end},{} {},{y2} {end},{}", y2 - 4, end + 7, y2 + 4)
    } else {
        format!("{end},{} {},{y2} {end},{}", y2 - 4, end - 7, y2 + 4)
    };
    let middle = (start + end + 3 * bend_1 + 3 * bend_2) / 8;
    // Where an arrow bends around, others begin in its middle.
    let (level, room) =
        if x2 > x1 { ((y1 + y2) / 2, end - start) } else { ((3 * y1 + y2) / 4, STEP_X - WIDE) };
    writeln!(
        out,
        "<path class=\"arrow\" d=\"M{start},{y1} C{bend_1},{y1} {bend_2},{y2} {end},{y2}\" fill=\"none\" \
         stroke=\"#57606a\" stroke-width=\"{width}\"{dash}/><polygon class=\"tip\" points=\"{tip}\" fill=\"#57606a\"/>\n\
         <text class=\"halo soft\" x=\"{middle}\" y=\"{}\" text-anchor=\"middle\" font-size=\"11\" fill=\"#57606a\" \
         stroke=\"#f6f8fa\" stroke-width=\"4\" paint-order=\"stroke\">{}</text>",
        level.saturating_sub(3),
        Text(&short(text, room / LETTER + 1))
    )
}

/// Two places of one container.
fn same(out: &mut String, one: usize, other: usize, spots: &Spots) -> fmt::Result {
    let (Some((x1, y1)), Some((x2, y2))) = (spots.get(&one), spots.get(&other)) else { return Ok(()) };
    let (x1, x2) = (x1 + WIDE / 2, x2 + WIDE / 2);
    let (y1, y2) = if y1 < y2 { (y1 + HIGH, *y2) } else { (*y1, y2 + HIGH) };
    writeln!(
        out,
        "<path class=\"arrow\" d=\"M{x1},{y1} L{x2},{y2}\" fill=\"none\" stroke=\"#57606a\" stroke-dasharray=\"7 5\"/>"
    )
}

fn node(out: &mut String, of: &Node, spots: &Spots) -> fmt::Result {
    let Some((x, y)) = spots.get(&of.number) else { return Ok(()) };
    let round = match of.shape {
        Shape::Container => 6,
        Shape::Proxy => 0,
        Shape::Beyond => HIGH / 2,
    };
    let status = if of.shape == Shape::Beyond { "" } else { of.status.as_label() };
    let gap = if status.is_empty() { "" } else { ", " };
    writeln!(
        out,
        "<g><title>{}{gap}{status}</title><rect class=\"node s-{}\" x=\"{x}\" y=\"{y}\" width=\"{WIDE}\" height=\"{HIGH}\" \
         rx=\"{round}\" fill=\"#ffffff\" stroke=\"{}\" stroke-width=\"2\"/>",
        Text(&short(&of.lines.join(", "), MOST_HINT)),
        class(of.status),
        colour(of.status)
    )?;
    let middle = x + WIDE / 2;
    for (n, line) in of.lines.iter().take(2).enumerate() {
        let y = if of.lines.len() == 1 { y + 27 } else { y + 19 + n * 16 };
        let sign = if n == 0 && of.status != Status::Healthy {
            format!("{} ", sign(of.status))
        } else {
            String::new()
        };
        let (class, ink, size) = match n {
            0 => (format!("f-{}", class(of.status)), ink(of.status), 13),
            _ => ("soft".to_owned(), "#57606a", 11),
        };
        writeln!(
            out,
            "<text class=\"{class}\" x=\"{middle}\" y=\"{y}\" text-anchor=\"middle\" font-size=\"{size}\" fill=\"{ink}\">{sign}{}</text>",
            Text(&short(line, MOST_LETTERS))
        )?;
    }
    out.push_str("</g>\n");
    Ok(())
}

fn caption(map: &Topology) -> String {
    let containers: usize = map.destinations.iter().map(|on| on.containers.len()).sum();
    format!(
        "Map of {} destinations with {containers} places of containers and {} flows: {}",
        map.destinations.len(),
        map.flows.len(),
        map.status.as_label()
    )
}

/// Cut to so many letters, visibly.
fn short(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

const fn class(status: Status) -> &'static str {
    match status {
        Status::Healthy => "good",
        Status::Degraded => "half",
        Status::Failing => "bad",
        Status::Unknown => "dark",
    }
}

const fn sign(status: Status) -> &'static str {
    match status {
        Status::Healthy => "✓",
        Status::Degraded => "!",
        Status::Failing => "✗",
        Status::Unknown => "?",
    }
}

const fn colour(status: Status) -> &'static str {
    match status {
        Status::Healthy => "#8c959f",
        Status::Degraded => "#9a6700",
        Status::Failing => "#cf222e",
        Status::Unknown => "#6639ba",
    }
}

/// Of letters: what is well is as black as everything.
const fn ink(status: Status) -> &'static str {
    match status {
        Status::Healthy => "#1b1f24",
        other => colour(other),
    }
}

/// Text between tags. What the drawing holds is printable already.
struct Text<'a>(&'a str);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Html.write_escaped_str(f, self.0)
    }
}
