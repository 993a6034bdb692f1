//! What a finding says.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::inventory::EngineInfo;

use super::Code;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Users are hit now.
    Page,
    /// Will hit them, or hits a part.
    Ticket,
    /// Worth knowing.
    Info,
}

impl Severity {
    /// Every value.
    pub const ALL: [Self; 3] = [Self::Page, Self::Ticket, Self::Info];

    /// The value of the label `severity`.
    pub const fn as_label(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Ticket => "ticket",
            Self::Info => "info",
        }
    }
}

/// What a finding is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Subject {
    /// `container`, `destination`, `name`, `address`, `proxy`, `route`, `domain`, `port`, `pair` (of destinations), `host`,
    /// `engine` or `exporter`.
    pub kind: &'static str,
    /// Its name.
    pub name: Arc<str>,
}

impl Subject {
    /// Whether it is the container of this endpoint name. A network or a DNS name may be called the same.
    pub fn is_container(&self, name: &str) -> bool {
        self.kind == "container" && *self.name == *name
    }
}

/// One piece of evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// Where it was read.
    pub source: String,
    /// What was seen.
    pub observed: String,
    /// What should have been seen; empty where it is what was seen, and tells where the fault is not.
    pub expected: String,
}

/// Between commands that are run one after the other.
const AND: &str = " && ";
/// What a restart of the Engine costs: said wherever one is advised.
const COST: &str =
    "all containers stop and start again, all sites are away for a minute; with live-restore they run on";
const COST_IN_SWARM: &str = "that node's containers stop; its tasks start again, there or elsewhere";
const RESTART: &str = "systemctl restart docker";

/// One step of a repair.
///
/// Whoever deploys a container chooses its names, and what stands where commands stand is pasted into a
/// root's shell. So prose is written by this program alone (`&'static str`, with gaps for figures and for single plain
/// words), and a command says itself that it is one: nobody searches a text for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// What to do, or when the commands are for; may be empty.
    prose: Cow<'static, str>,
    /// Joined by `&&`; names in them are shell words.
    commands: Vec<String>,
    /// The commands are right whatever stands beside them: what they do has no condition and costs nothing that is to be
    /// weighed first. Only such are told where the prose is not.
    stands_alone: bool,
}

impl Step {
    /// Something that no command does.
    pub const fn prose(prose: &'static str) -> Self {
        Self { prose: Cow::Borrowed(prose), commands: Vec::new(), stands_alone: false }
    }

    /// A command that stands for itself.
    pub fn command(command: impl Into<String>) -> Self {
        Self { prose: Cow::Borrowed(""), commands: vec![command.into()], stands_alone: true }
    }

    /// `prose: one && another`. The prose says when, or at what cost: nobody is told the commands without it.
    pub fn when(prose: &'static str, commands: impl IntoIterator<Item = String>) -> Self {
        let commands = commands.into_iter().collect();
        Self { prose: Cow::Borrowed(prose), commands, stands_alone: false }
    }

    /// Commands that only read, and what to look for: to run them harms nothing.
    pub fn look(prose: &'static str, commands: impl IntoIterator<Item = String>) -> Self {
        Self { stands_alone: true, ..Self::when(prose, commands) }
    }

    /// Commands that mend, with a remark that is neither a condition nor a cost.
    pub fn at_once(remark: &'static str, commands: impl IntoIterator<Item = String>) -> Self {
        Self { stands_alone: true, ..Self::when(remark, commands) }
    }

    /// Prose with gaps, `{}`, for figures and for names as hosts, containers and ports have them. A word of any other kind
    /// leaves three dots.
    pub fn filled(prose: &'static str, words: &[&dyn fmt::Display]) -> Self {
        let is_plain = |word: &String| {
            let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
            !word.is_empty() && word.len() <= 253 && word.chars().all(plain)
        };
        let mut parts = prose.split("{}");
        let mut filled = parts.next().unwrap_or_default().to_owned();
        for (at, part) in parts.enumerate() {
            let word = words.get(at).map(ToString::to_string).filter(is_plain);
            filled.push_str(word.as_deref().unwrap_or("…"));
            filled.push_str(part);
        }
        Self { prose: Cow::Owned(filled), commands: Vec::new(), stands_alone: false }
    }

    /// With these commands.
    #[must_use]
    pub fn and(mut self, commands: impl IntoIterator<Item = String>) -> Self {
        self.commands.extend(commands);
        self
    }

    /// When to restart the Engine, and what that costs.
    pub fn restart(when: &'static str) -> Self {
        let prose = Cow::Owned(format!("{when} ({COST})"));
        Self { prose, commands: vec![RESTART.to_owned()], stands_alone: false }
    }

    /// The same on a node of a Swarm, which knows no live-restore.
    pub fn restart_node(when: &'static str) -> Self {
        let prose = Cow::Owned(format!("{when} ({COST_IN_SWARM})"));
        Self { prose, commands: vec![RESTART.to_owned()], stands_alone: false }
    }

    /// A setting of the Engine's, and how it is put in force. An Engine that cannot read its file does not start: newer ones
    /// look through it first.
    #[must_use]
    pub fn in_daemon_json(mut self, engine: &EngineInfo) -> Self {
        self.prose = Cow::Owned(format!(
            "{}; add it to what is in /etc/docker/daemon.json, then restart Docker ({COST})",
            self.prose
        ));
        if engine.docker_major() >= Some(23) {
            self.commands.push("dockerd --validate --config-file /etc/docker/daemon.json".to_owned());
        }
        self.commands.push(RESTART.to_owned());
        self.stands_alone = false;
        self
    }

    /// What is to be read; where commands follow, with a colon.
    pub fn words(&self) -> String {
        let colon = if self.prose.is_empty() || self.commands.is_empty() { "" } else { ":" };
        format!("{}{colon}", self.prose)
    }

    /// What is to be run, one after the other.
    pub fn commands(&self) -> &[String] {
        &self.commands
    }

    pub(super) fn commands_mut(&mut self) -> &mut [String] {
        &mut self.commands
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let gap = if self.prose.is_empty() || self.commands.is_empty() { "" } else { " " };
        write!(f, "{}{gap}{}", self.words(), self.commands.join(AND))
    }
}

impl Serialize for Step {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

/// A diagnosed fault.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// Which fault of the catalogue.
    pub code: Code,
    /// How bad.
    pub severity: Severity,
    /// About what.
    pub subject: Subject,
    /// Where; `None` for the host or the exporter itself.
    pub destination: Option<Arc<str>>,
    /// One sentence that an on-call can read aloud.
    pub summary: String,
    /// What was seen.
    pub evidence: Vec<Evidence>,
    /// The failed probes that it accounts for, in words.
    pub explains: Vec<String>,
    /// What was checked and is fine.
    pub ruled_out: Vec<String>,
    /// Steps, with the exact command.
    pub fix: Vec<Step>,
    /// Commands to see it by hand.
    pub verify: Vec<String>,
    /// Since when.
    #[serde(serialize_with = "rfc3339")]
    pub since: SystemTime,
    /// Where the runbook is: a page of this exporter.
    pub runbook: String,
    /// What the Engine told just before it began, nearest first. It is not said to be the cause.
    pub after: Vec<After>,
}

impl Finding {
    /// What to run first to repair it, on one line, for where nothing else of the repair is told: the commands without any
    /// prose that it begins with, else those of its first step, and none but what stands alone. A condition and a cost are
    /// read before what they are about, so what comes behind them is not told. Of more than so many bytes the rest is left
    /// out, step by step: half a one does something else, and to take off without putting back is an outage.
    pub fn first_command(&self, most_bytes: usize) -> String {
        let plain = self.fix.iter().take_while(|step| step.prose.is_empty()).count();
        let mut line = String::new();
        for step in self.fix.iter().take(plain.max(1)).take_while(|step| step.stands_alone) {
            let gap = if line.is_empty() || step.commands.is_empty() { "" } else { AND };
            let whole = step.commands.join(AND);
            if line.len() + gap.len() + whole.len() > most_bytes {
                break;
            }
            line.push_str(gap);
            line.push_str(&whole);
        }
        line
    }
}

/// What came before something.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct After {
    /// By so many seconds.
    pub seconds: f64,
    /// In words.
    pub sentence: String,
}

fn rfc3339<S: serde::Serializer>(at: &SystemTime, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(&humantime::format_rfc3339_millis(*at))
}

/// What is known, and what it means: the value that faces show.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// What is known.
    pub snapshot: Arc<crate::state::Snapshot>,
    /// What is wrong, worst first.
    pub findings: Vec<Finding>,
    /// Faults that have not stood long enough to be told.
    pub pending: usize,
    /// How each route is, in the order of the inventory.
    pub passages: Vec<super::Passage>,
    /// The certificate of each domain, by domain.
    pub certificates: Vec<super::CertificateState>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::words::draft;

    fn repaired(fix: Vec<Step>, most_bytes: usize) -> String {
        let name: Arc<str> = "web".into();
        let mut finding = draft(Code::ContainerUnreachable, "container", &name, SystemTime::UNIX_EPOCH);
        finding.fix = fix;
        finding.first_command(most_bytes)
    }

    #[test]
    fn what_is_run_first_is_one_line() {
        let both = || ["docker stop a".to_owned(), "docker start b".to_owned()];
        let when = |prose| Step::when(prose, both());
        let logs = || Step::command("docker logs a");
        for (fix, expected) in [
            (vec![], ""),
            (vec![Step::prose("look at it")], ""),
            (vec![logs(), Step::command("docker start a"), when("else")], "docker logs a && docker start a"),
            (vec![Step::look("why", both()), logs()], "docker stop a && docker start b"),
            (vec![Step::at_once("quickest", both()), logs()], "docker stop a && docker start b"),
            (vec![Step::at_once("quickest", []), logs()], ""),
            // What has a condition or a cost, and what comes behind it, is not told without.
            (vec![Step::prose("look at it"), when("then"), logs()], ""),
            (vec![when("only where nothing else helps")], ""),
            (vec![when("only where nothing else helps"), logs()], ""),
            (vec![when(""), logs()], ""),
            (vec![logs(), when("")], "docker logs a"),
            (vec![Step::prose("nothing, where it is wanted; else:"), logs()], ""),
            (vec![Step::restart("the Engine writes its rules anew")], ""),
            (vec![Step::command("ls").in_daemon_json(&EngineInfo::default())], ""),
        ] {
            assert_eq!(repaired(fix, 256), expected);
        }
    }

    #[test]
    fn no_command_is_cut() {
        let fix = || vec![Step::command("docker logs a"), Step::command("rm -rf /var/lib/docker/tmp")];
        assert_eq!(repaired(fix(), 42), "docker logs a");
        assert_eq!(repaired(fix(), 43), "docker logs a && rm -rf /var/lib/docker/tmp");
        assert_eq!(repaired(fix(), 12), "");
        // Nor is a step.
        let halves = || vec![Step::look("its place", ["disconnect".to_owned(), "connect".to_owned()])];
        assert_eq!(repaired(halves(), 21), "disconnect && connect");
        assert_eq!(repaired(halves(), 20), "");
    }

    #[test]
    fn a_gap_takes_figures_and_plain_words_and_nothing_that_a_sentence_could_be_made_of() {
        let filled = |words: &[&dyn fmt::Display]| Step::filled("at {}:{}.", words).to_string();
        assert_eq!(filled(&[&"shop.example.com", &8080]), "at shop.example.com:8080.");
        assert_eq!(filled(&[&"$(reboot)", &"a b"]), "at …:….");
        assert_eq!(filled(&["x".repeat(254)].each_ref().map(|long| long as &dyn fmt::Display)), "at …:….");
    }

    #[test]
    fn a_file_is_looked_through_by_the_engines_that_can() {
        let commands = |version: &str, podman| {
            let engine = EngineInfo { version: version.to_owned(), podman, ..EngineInfo::default() };
            Step::prose("a setting").in_daemon_json(&engine).commands().len()
        };
        for (version, podman, expected) in [
            ("20.10.24+dfsg1", false, 1),
            ("23.0.1", false, 2),
            ("28.5.1", false, 2),
            ("", false, 1),
            ("25.0", true, 1),
        ] {
            assert_eq!(commands(version, podman), expected, "{version}");
        }
    }
}
