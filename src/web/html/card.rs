//! One finding, as a page tells it.

use std::collections::BTreeSet;

use crate::diagnosis::{Code, Finding, Severity};
use crate::report::{Destination, Hop};

use super::words;

/// The place of a finding in the page of its destination: `CODE-SUBJECT`, with every character outside `[A-Za-z0-9_.-]`
/// as `-`. What links to it, as the alerts do, makes it the same way.
pub fn anchor(code: Code, subject: &str) -> String {
    let harmless = |c: char| if c.is_ascii_alphanumeric() || "_.-".contains(c) { c } else { '-' };
    format!("{}-{}", code.as_label(), subject.chars().map(harmless).collect::<String>())
}

/// No more than so many of each list in one of them: the JSON has all.
const MOST: usize = 20;
/// Of a list that a glance takes in.
const GLANCE: usize = 3;

/// A finding with what is shown around it.
#[derive(Debug)]
pub struct Card<'a> {
    pub of: &'a Finding,
    /// Its place in this page, alone there.
    pub id: String,
    /// Whose page tells more of it, and what people call that destination.
    pub on: Option<(&'a str, &'a str)>,
    /// The way of a request: of the route that it is about, or of its destination.
    pub path: &'a [Hop],
    /// It is the destination's, whose words are those of its findings: they stand here already.
    pub is_brief: bool,
}

impl Card<'_> {
    pub const fn title(&self) -> &'static str {
        self.of.code.title()
    }

    pub const fn code(&self) -> &'static str {
        self.of.code.as_label()
    }

    /// Its place in the page that tells all of it, which is another one's where this page is of several destinations.
    pub fn link(&self) -> String {
        anchor(self.of.code, &self.of.subject.name)
    }

    /// In capitals, as in the report's text for a terminal.
    pub const fn word(&self) -> &'static str {
        match self.of.severity {
            Severity::Page => "✗ PAGE",
            Severity::Ticket => "! TICKET",
            Severity::Info => "i INFO",
        }
    }

    pub const fn colour(&self) -> &'static str {
        words::severity_colour(self.of.severity)
    }

    /// As much of a list as a person reads.
    pub fn some<'l, T>(&self, list: &'l [T]) -> &'l [T] {
        list.get(..MOST).unwrap_or(list)
    }

    pub fn more<T>(&self, list: &[T]) -> usize {
        list.len().saturating_sub(MOST)
    }

    /// The first of them stand open, as many as a glance takes.
    pub fn first<'l, T>(&self, list: &'l [T]) -> &'l [T] {
        list.get(..GLANCE).unwrap_or(list)
    }

    /// The others are there for who unfolds them.
    pub fn rest<'l, T>(&self, list: &'l [T]) -> &'l [T] {
        self.some(list).get(GLANCE..).unwrap_or_default()
    }
}

/// Cards of one page, each with a place of its own there.
#[derive(Debug, Default)]
pub struct Cards(BTreeSet<String>);

impl Cards {
    pub fn card<'a>(&mut self, of: &'a Finding, on: Option<&'a Destination>) -> Card<'a> {
        let wanted = anchor(of.code, &of.subject.name);
        let mut id = wanted.clone();
        // Two destinations may have one fault each of a container of one name; the first has the name for itself.
        let mut n = 1;
        while !self.0.insert(id.clone()) {
            n += 1;
            id = format!("{wanted}-{n}");
        }
        let route = |on: &'a Destination| {
            on.routes.iter().find(|r| of.subject.kind == "route" && *r.title() == *of.subject.name)
        };
        let route = on.and_then(route);
        let path = on.map_or(&[][..], |on| route.map_or(&on.path, |route| &route.hops));
        // What is worth knowing breaks no way.
        let path = if of.severity == Severity::Info { &[] } else { path };
        Card { of, id, on: on.map(|on| (&*on.name, &*on.display_name)), path, is_brief: route.is_none() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_made_of_what_a_url_takes_as_it_is() {
        let subject = "shop.example.com/a b/\"><script>ü";
        assert_eq!(
            anchor(Code::RouteLoopbackOnly, subject),
            "route-loopback-only-shop.example.com-a-b----script--"
        );
    }
}
