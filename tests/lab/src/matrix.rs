//! The table of faults: what was done, what was told of it and nothing else, after how long, and how long after the
//! repair it was silent. Made of the lines that [`crate::watched`] writes where `FAULTS` names a folder.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::{Error, Result};

/// What an Engine's event tells is expected within this time by the tests, in seconds; the rest is measured by probes.
const EVENT: f64 = 3.0;
/// What no goal is set for: the exporter, or the Engine, waits on purpose.
const WAITS: [(&str, &str); 5] = [
    ("certificate-default", "30 s are left to the authority"),
    ("container-packet-loss", "three of eight looks must have lost something"),
    ("container-restarting", "a crash loop is told after ten seconds of it"),
    ("proxy-unhealthy", "the Engine asks the proxy's own check several times first"),
    ("route-stale-backend", "each look at it hangs for ten seconds"),
];
/// Codes that are to be seen in a lab at least.
const CODES: usize = 45;

/// What the folder tells.
#[derive(Debug, Default)]
pub struct Faults {
    seen: Vec<Fault>,
    /// What was told though nobody did anything of the kind, by test.
    strangers: Vec<String>,
    /// Tests that failed, and faults that nothing was told of.
    missed: BTreeSet<String>,
}

#[derive(Clone, Debug)]
struct Fault {
    what: String,
    code: String,
    subject: String,
    severity: String,
    interval: f64,
    soon: f64,
    grace: f64,
    found: f64,
    heard: f64,
    gone: Option<f64>,
    text: String,
}

impl Faults {
    /// Reads every line of the folder.
    pub fn read(folder: &Path) -> Result<Self> {
        let mut faults = Self::default();
        let files = fs::read_dir(folder).map_err(|e| Error::io("reading the folder of faults", e))?;
        for file in files.flatten() {
            let text = fs::read_to_string(file.path()).map_err(|e| Error::io("reading faults", e))?;
            for line in text.lines() {
                let line = serde_json::from_str(line).map_err(|e| Error::new(format!("{e} in {line}")))?;
                faults.enter(&line);
            }
        }
        faults.seen.sort_by(|a, b| (&a.code, &a.what, &a.subject).cmp(&(&b.code, &b.what, &b.subject)));
        Ok(faults)
    }

    fn enter(&mut self, line: &Value) {
        let text = |key: &str| line[key].as_str().unwrap_or_default().to_owned();
        let number = |key: &str| line[key].as_f64();
        if let Some(strangers) = line["strangers"].as_array() {
            let names: Vec<&str> = strangers.iter().filter_map(Value::as_str).collect();
            self.strangers.push(format!("{}: {}", text("test"), names.join(", ")));
            return;
        }
        if line["missed"].is_string() {
            self.missed.insert(format!("{}: {}", text("test"), text("missed")));
            return;
        }
        let finding = text("finding");
        let (code, subject) = finding.split_once(' ').unwrap_or((&finding, ""));
        self.seen.push(Fault {
            what: text("fault"),
            code: code.to_owned(),
            subject: subject.to_owned(),
            severity: text("severity"),
            interval: number("interval").unwrap_or_default(),
            soon: number("soon").unwrap_or_default(),
            grace: number("grace").unwrap_or_default(),
            found: number("found").unwrap_or_default(),
            heard: number("heard").unwrap_or_default(),
            gone: number("gone"),
            text: text("text"),
        });
    }

    /// Whether every goal is met.
    #[must_use]
    pub fn is_right(&self) -> bool {
        self.goals().iter().all(|goal| goal.met)
    }

    /// The page's figures: the goals, and every fault.
    #[must_use]
    pub fn page(&self, machine: &str) -> String {
        let mut page = format!("{machine}\n\n| figure | goal | measured | |\n| --- | --- | --- | --- |\n");
        for Goal { what, goal, measured, met } in self.goals() {
            let mark = if met { "✓" } else { "missed" };
            let _ = writeln!(page, "| {what} | {goal} | {measured} | {mark} |");
        }
        page.push_str("\n| fault | told as | by | found after | silent after the repair |\n");
        page.push_str("| --- | --- | --- | --- | --- |\n");
        for fault in &self.seen {
            let gone = fault.gone.map_or_else(|| "not repaired".to_owned(), seconds);
            let _ = writeln!(
                page,
                "| {} | {} [`{}`](runbooks/{}.md) {} | {} | {} | {gone} |",
                fault.what,
                fault.severity,
                fault.code,
                fault.code,
                fault.subject,
                fault.by(),
                seconds(fault.found)
            );
        }
        for (what, lines) in [
            ("Told and not wanted", self.strangers.iter().collect::<Vec<_>>()),
            ("Not told, or told otherwise", self.missed.iter().collect()),
        ] {
            if !lines.is_empty() {
                let _ = writeln!(page, "\n{what}:\n");
                for line in lines {
                    let _ = writeln!(page, "- {line}");
                }
            }
        }
        page
    }

    /// A report of each code, as a terminal shows it: the first one's, for whoever reads what it looks like.
    #[must_use]
    pub fn examples(&self) -> BTreeMap<&str, &str> {
        let mut examples = BTreeMap::new();
        for fault in self.seen.iter().filter(|fault| !fault.text.is_empty()) {
            examples.entry(&*fault.code).or_insert(&*fault.text);
        }
        examples
    }

    fn goals(&self) -> Vec<Goal> {
        let codes: BTreeSet<&str> = self.seen.iter().map(|fault| &*fault.code).collect();
        let named = self.seen.len();
        let tried = named + self.missed.len();
        let of = |wanted: fn(&Fault) -> bool| -> Vec<&Fault> {
            self.seen.iter().filter(|fault| fault.wait().is_none() && wanted(fault)).collect()
        };
        let events = of(|fault| fault.soon <= EVENT);
        let probed = of(|fault| fault.soon > EVENT);
        let (median, worst) = middle(events.iter().map(|fault| fault.heard).collect());
        let (_, slowest) = middle(probed.iter().map(|fault| fault.intervals()).collect());
        vec![
            Goal::new(
                "faults whose code and subject are named",
                "all",
                format!("**{named} of {tried}**"),
                named == tried && named > 0,
            ),
            Goal::new(
                "codes among them",
                format!("≥ {CODES}"),
                format!("**{}**", codes.len()),
                codes.len() >= CODES,
            ),
            Goal::new(
                "findings beyond the right one",
                "0",
                format!("**{}**", self.strangers.len()),
                self.strangers.is_empty(),
            ),
            Goal::new(
                "time to the finding, told by an Engine's event, from the end of the command: median, worst",
                "≤ 1 s, ≤ 2 s",
                format!("**{}**, **{}** ({} faults)", seconds(median), seconds(worst), events.len()),
                median <= 1.0 && worst <= 2.0,
            ),
            Goal::new(
                "time to the finding, told by probing alone: worst",
                "≤ 2 intervals",
                format!("**{slowest:.1} intervals** ({} faults)", probed.len()),
                slowest <= 2.0,
            ),
        ]
    }
}

impl Fault {
    /// Why it is waited with, where it is.
    fn wait(&self) -> Option<&'static str> {
        WAITS.iter().find(|(code, _)| *code == self.code).map(|(_, why)| *why)
    }

    /// How many it took, once it was looked at.
    fn intervals(&self) -> f64 {
        (self.found - self.grace).max(0.0) / self.interval.max(1.0)
    }

    fn by(&self) -> String {
        let given =
            if self.grace > 0.0 { format!(", {:.0} s after it came", self.grace) } else { String::new() };
        match self.wait() {
            Some(why) => why.to_owned(),
            None if self.soon <= EVENT => "an event".to_owned(),
            None => format!("probes every {:.0} s{given}", self.interval),
        }
    }
}

struct Goal {
    what: &'static str,
    goal: String,
    measured: String,
    met: bool,
}

impl Goal {
    fn new(what: &'static str, goal: impl Into<String>, measured: String, met: bool) -> Self {
        Self { what, goal: goal.into(), measured, met }
    }
}

/// The median and the worst; zeroes of nothing.
fn middle(mut all: Vec<f64>) -> (f64, f64) {
    all.sort_by(f64::total_cmp);
    let at = |place: usize| all.get(place).copied().unwrap_or_default();
    (at(all.len() / 2), all.last().copied().unwrap_or_default())
}

fn seconds(seconds: f64) -> String {
    if seconds < 9.95 { format!("{seconds:.2} s") } else { format!("{seconds:.1} s") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fault(code: &str, soon: f64, found: f64) -> Value {
        json!({"test": "t", "fault": "it breaks", "finding": format!("{code} my web"), "severity": "page",
               "interval": 15.0, "soon": soon, "grace": 0.0, "found": found, "heard": found, "gone": 0.25, "text": format!("page {code}\n")})
    }

    fn of(lines: &[Value]) -> Faults {
        let mut faults = Faults::default();
        lines.iter().for_each(|line| faults.enter(line));
        faults
    }

    #[test]
    fn what_was_told_in_time_is_right() {
        let faults =
            of(&[fault("a", 1.0, 0.5), fault("b", 15.0, 29.0), fault("certificate-default", 45.0, 44.0)]);
        let goals = faults.goals();
        let met: Vec<bool> = goals.iter().map(|goal| goal.met).collect();
        assert_eq!(met, [true, false, true, true, true]);
        let page = faults.page("here.");
        assert!(
            page.contains(
                "| it breaks | page [`b`](runbooks/b.md) my web | probes every 15 s | 29.0 s | 0.25 s |"
            ),
            "{page}"
        );
        assert!(page.contains("30 s are left to the authority"), "{page}");
        assert_eq!(faults.examples().get("a"), Some(&"page a\n"));
    }

    #[test]
    fn whatever_is_late_odd_or_missing_is_not() {
        for (line, wrong) in [
            (fault("a", 1.0, 2.5), 3),
            (fault("a", 15.0, 31.0), 4),
            (json!({"test": "t", "strangers": ["x y"]}), 2),
            (json!({"test": "t", "missed": "it breaks"}), 0),
        ] {
            let faults = of(&[fault("b", 1.0, 0.1), line]);
            assert!(!faults.goals()[wrong].met, "{wrong}");
            assert!(!faults.is_right());
        }
        assert!(!of(&[]).is_right(), "nothing was done");
    }
}
