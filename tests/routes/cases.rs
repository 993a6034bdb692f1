//! Apps that come with a fault, what a visitor gets of them, and what the exporter is to tell.

use lab::apps::{App, Does};
use lab::watched::{all, text};
use serde_json::Value;

/// What a visitor gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gets {
    /// An answer of this status.
    Status(u16),
    /// No answer: curl gives up, with a word of this in what it says.
    Nothing(&'static str),
}

/// An app that comes with a fault.
pub struct Case {
    /// What is wrong with it.
    pub what: &'static str,
    pub broken: App<'static>,
    /// What takes its place.
    pub right: App<'static>,
    pub url: String,
    /// While it is broken.
    pub gets: Gets,
    /// None: it is odd, and right.
    pub told: Option<Told<'static>>,
}

/// A fault as the exporter is to tell it.
#[derive(Clone, Copy, Debug)]
pub struct Told<'a> {
    /// `code subject`.
    pub finding: &'a str,
    pub severity: &'a str,
    /// None: it is the host's.
    pub destination: Option<&'a str>,
    /// Words of its summary or of its evidence.
    pub words: &'a [&'a str],
}

impl Told<'_> {
    pub fn is_right(&self, one: &Value) -> bool {
        let said = format!("{} {}", one["summary"], one["evidence"]);
        let has = |part: &str| one[part].as_array().is_some_and(|steps| !steps.is_empty());
        one["severity"] == self.severity
            && one["destination"].as_str() == self.destination
            && self.words.iter().all(|word| said.contains(word))
            && ["fix", "verify"].into_iter().all(has)
    }
}

impl Case {
    /// An app of this name that is to be at `http://NAME.example.com`, and what is wrong with it.
    pub fn new(
        name: &'static str,
        what: &'static str,
        breaks: impl Fn(App<'static>) -> App<'static>,
        gets: Gets,
        told: Option<Told<'static>>,
    ) -> Self {
        let domain = format!("{name}.example.com");
        let right = App::new(name, "shop").at(&domain, 3000);
        Self { what, broken: breaks(right.clone()), right, url: format!("http://{domain}/"), gets, told }
    }

    /// One that does this.
    pub fn that(name: &'static str, does: Does, gets: Gets, told: Option<Told<'static>>) -> Self {
        Self::new(name, does.in_words(), |app| app.that(does), gets, told)
    }
}

/// The finding `code subject`.
pub fn named(report: &Value, finding: &str) -> Value {
    let is_it = |one: &&Value| format!("{} {}", text(&one["code"]), text(&one["subject"]["name"])) == finding;
    all(report).find(is_it).unwrap_or_else(|| panic!("no {finding} in {report:#}")).clone()
}
