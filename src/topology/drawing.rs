//! What all drawing languages draw: boxes of nodes, and arrows between them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::diagnosis::counted;
use crate::report::{Flow, Status};
use crate::strangers::printable;
use crate::traffic::conversations::Way;

use super::doors::doors;
use super::model::{Container, Destination, Topology};

/// The drawing. Nodes are known by numbers: names cannot be trusted to be names.
#[derive(Debug, Default)]
pub(super) struct Drawing {
    pub(super) boxes: Vec<Group>,
    /// Nodes that stand in no box.
    pub(super) loose: Vec<Node>,
    pub(super) arrows: Vec<Arrow>,
    /// Places of one container on two destinations.
    pub(super) same: Vec<(usize, usize)>,
    /// What cannot be drawn, in words.
    pub(super) notes: Vec<String>,
}

/// A box: one destination.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) title: String,
    pub(super) status: Status,
    pub(super) nodes: Vec<Node>,
}

#[derive(Debug)]
pub(super) struct Node {
    pub(super) number: usize,
    /// Lines of text.
    pub(super) lines: Vec<String>,
    pub(super) status: Status,
    pub(super) shape: Shape,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Container,
    Proxy,
    Beyond,
}

#[derive(Debug)]
pub(super) struct Arrow {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) text: String,
    pub(super) line: Line,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// Connections within a destination, or with the world.
    Plain,
    /// Connections that take another way than their destination.
    Thick,
    /// A published port: an open door, whether or not anybody comes.
    Dotted,
}

type Ends = BTreeMap<(String, String), usize>;

impl Drawing {
    pub(super) fn of(map: &Topology) -> Self {
        let mut drawing = Self::default();
        let (mut ends, mut by_id) = (Ends::new(), BTreeMap::<String, usize>::new());
        let mut count = 0..;
        for destination in &map.destinations {
            let mut nodes = Vec::new();
            for container in &destination.containers {
                let Some(number) = count.next() else { continue };
                ends.insert((destination.name.to_string(), container.name.to_string()), number);
                // Each place with the one before: a chain says it, a mesh would hide the rest.
                if let Some(before) = by_id.insert(container.id.clone(), number) {
                    drawing.same.push((before, number));
                }
                nodes.push(node(number, container));
            }
            drawing.boxes.push(Group { title: title(destination), status: destination.status, nodes });
        }
        for flow in &map.flows {
            drawing.flow(flow, &mut ends, &mut count);
        }
        drawing.doors(map, &mut ends, &mut count);
        if map.flows_left_out > 0 {
            drawing.notes.push(format!("{} more flows of fewer connections", map.flows_left_out));
        }
        if !map.flows_unseen.is_empty() {
            drawing.notes.push(format!(
                "connections of {} could not be read",
                counted(map.flows_unseen.len(), "container")
            ));
        }
        drawing
    }

    fn flow(&mut self, flow: &Flow, ends: &mut Ends, count: &mut impl Iterator<Item = usize>) {
        let from = self.end(flow.source_destination.as_deref(), &flow.source, ends, count);
        let to = self.end(flow.target_destination.as_deref(), &flow.target, ends, count);
        let (Some(from), Some(to)) = (from, to) else { return };
        let mut text = flow.port.map_or_else(|| "other ports".to_owned(), |port| port.to_string());
        if flow.connections > 1 {
            let _ = write!(text, " ×{}", flow.connections);
        }
        if let Some(by) = flow.by {
            let _ = write!(text, " by {by}");
        }
        let line = if matches!(flow.way, Way::Across | Way::Hairpin) { Line::Thick } else { Line::Plain };
        self.arrows.push(Arrow { from, to, text, line });
    }

    /// Published ports, from the outside in.
    fn doors(&mut self, map: &Topology, ends: &mut Ends, count: &mut impl Iterator<Item = usize>) {
        let mut drawn = BTreeSet::new();
        for destination in &map.destinations {
            for container in destination.containers.iter().filter(|one| !one.published.is_empty()) {
                // Once, for who is on several destinations.
                if !drawn.insert(&container.id) {
                    continue;
                }
                let to = self.end(Some(&destination.name), &container.name, ends, count);
                let from = self.end(None, "outside", ends, count);
                let (Some(from), Some(to)) = (from, to) else { continue };
                let arrow = |text| Arrow { from, to, text, line: Line::Dotted };
                self.arrows.extend(doors(&container.published).into_iter().map(arrow));
            }
        }
    }

    /// The node of one end, made where it is not there yet: the host, the outside, or somebody on a
    /// destination that is not drawn.
    fn end(
        &mut self,
        on: Option<&str>,
        name: &str,
        ends: &mut Ends,
        count: &mut impl Iterator<Item = usize>,
    ) -> Option<usize> {
        let key = (on.unwrap_or_default().to_owned(), name.to_owned());
        if let Some(number) = ends.get(&key) {
            return Some(*number);
        }
        let number = count.next()?;
        let lines =
            std::iter::once(printable(name)).chain(on.map(|on| format!("on {}", printable(on)))).collect();
        self.loose.push(Node { number, lines, status: Status::Healthy, shape: Shape::Beyond });
        ends.insert(key, number);
        Some(number)
    }
}

fn node(number: usize, of: &Container) -> Node {
    let mut lines = vec![printable(&of.name)];
    lines.extend(of.addresses.first().map(ToString::to_string));
    let shape = if of.is_proxy { Shape::Proxy } else { Shape::Container };
    Node { number, lines, status: of.status, shape }
}

fn title(of: &Destination) -> String {
    let mut title = printable(&of.display_name);
    if of.display_name != of.name {
        let _ = write!(title, " ({})", printable(&of.name));
    }
    let _ = write!(title, " · {}", printable(&of.driver));
    for subnet in &of.subnets {
        let _ = write!(title, " {}", subnet.subnet);
    }
    if of.internal {
        title.push_str(" · internal");
    }
    title
}
