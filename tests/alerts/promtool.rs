//! `promtool test rules`, once for each alert, side by side.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::blocks::{Block, file, mentions, needs, renamed};
use super::case::{Case, render};
use super::mutants::{self, Mutant};

/// One alert and its cases of one step.
pub struct Suite<'a> {
    pub alert: &'a Block,
    cases: Vec<&'a Case>,
}

/// Every alert with its cases.
pub fn suites<'a>(rules: &'a [Block], cases: &'a [Case]) -> Vec<Suite<'a>> {
    let mut by: BTreeMap<(&str, &str, &str, bool), Vec<&Case>> = BTreeMap::new();
    for case in cases {
        by.entry((case.alert, case.window, case.step, case.recorded)).or_default().push(case);
    }
    let suite = |((name, window, ..), cases): ((&str, &str, &str, bool), Vec<&'a Case>)| {
        let is_it = |block: &&Block| block.is_alert && block.name == name && block.label("windows") == window;
        let alert = rules.iter().find(is_it).unwrap_or_else(|| panic!("no rule called {name} {window}"));
        Suite { alert, cases }
    };
    by.into_iter().map(suite).collect()
}

impl Suite<'_> {
    /// What is recorded for it.
    fn needs<'a>(&self, rules: &'a [Block]) -> Vec<&'a Block> {
        let given = |record: &str| self.cases.iter().any(|case| case.gives(record));
        needs(rules, self.alert, &given)
    }

    /// What promtool has against the alert as it is.
    pub fn complaint(&self, rules: &[Block]) -> Option<String> {
        let names = [self.alert.name.clone()];
        let said = test(&self.cases, &file(self.needs(rules).into_iter().chain([self.alert])), &names, true)?;
        Some(format!("{} {}:\n{said}", self.alert.name, self.alert.label("windows")))
    }

    /// Which changes of the alert, and of what is recorded for it, there are, and which of them no case notices. All are tried at once: each has
    /// a name of its own, and so has what is recorded by a changed rule. What was noticed already is not tried again.
    fn survivors(&self, rules: &[Block], noticed: &BTreeSet<String>) -> (Vec<String>, Vec<String>) {
        let needs = self.needs(rules);
        // What is recorded of attempts and failures has cases of its own.
        let is_own =
            |record: &&Block| mutants::stands_for_others(self.alert) && !super::records::knows(&record.name);
        let own = needs.iter().copied().filter(is_own);
        let all = own.chain([self.alert]).flat_map(mutants::of);
        let all: Vec<Mutant> = all.filter(|mutant| !noticed.contains(&mutant.what)).collect();
        let mut left: Vec<usize> = (0..all.len()).collect();
        // Whoever is noticed by one case need not be tried in the next; the short ones first.
        let mut cases = self.cases.clone();
        cases.sort_by_key(|case| case.length());
        for case in cases {
            let mut blocks: Vec<Block> = needs.iter().map(|block| (*block).clone()).collect();
            let mut names = Vec::new();
            for number in &left {
                let rules = needs.iter().copied().chain([self.alert]);
                let changed = under_names_of_their_own(rules, &all[*number], &format!("_m{number}"));
                names.extend(changed.iter().filter(|block| block.is_alert).map(|block| block.name.clone()));
                blocks.extend(changed);
            }
            let said = test(&[case], &file(&blocks), &names, false).unwrap_or_default();
            assert!(said.is_empty() || said.contains("alertname: "), "{}: {said}", self.alert.name);
            left.retain(|number| !said.contains(&format!("alertname: {}_m{number}, time", self.alert.name)));
            if left.is_empty() {
                break;
            }
        }
        let left = left.into_iter().map(|number| all[number].what.clone()).collect();
        (all.into_iter().map(|mutant| mutant.what).collect(), left)
    }
}

/// Of the suites of one alert, every change and those that none of them notices.
pub fn survivors(suites: &[Suite<'_>], rules: &[Block]) -> (Vec<String>, Vec<String>) {
    let (mut all, mut left, mut noticed) = (Vec::new(), Vec::new(), BTreeSet::new());
    for suite in suites {
        let (tried, survived) = suite.survivors(rules, &noticed);
        noticed.extend(tried.iter().filter(|what| !survived.contains(what)).cloned());
        all.extend(tried);
        left.extend(survived);
    }
    left.retain(|what| !noticed.contains(what));
    (all, left)
}

/// The changed rule, and all that depend on it.
pub fn under_names_of_their_own<'a>(
    rules: impl Iterator<Item = &'a Block>,
    mutant: &Mutant,
    suffix: &str,
) -> Vec<Block> {
    let mut changed: Vec<Block> = Vec::new();
    for block in rules {
        let is_it = (&block.name, block.is_alert) == (&mutant.block.name, mutant.block.is_alert);
        let mut block = if is_it { mutant.block.clone() } else { block.clone() };
        let hit = changed.iter().any(|other| mentions(&block.text, &other.name));
        if is_it || hit || block.is_alert {
            for other in &changed {
                block.text = renamed(&block.text, &other.name, &format!("{}{suffix}", other.name));
            }
            changed.push(block);
        }
    }
    for block in &mut changed {
        let name = format!("{}{suffix}", block.name);
        for kind in ["alert", "record"] {
            let [own, new] = [&block.name, &name].map(|name| format!("- {kind}: {name}\n"));
            block.text = block.text.replace(&own, &new);
        }
        block.name = name;
        // Every evaluation would ask Prometheus anew for what nobody reads here.
        if let Some((rule, _)) = block.text.split_once("        annotations:\n") {
            block.text = rule.to_owned();
        }
    }
    changed
}

/// What promtool says of these rules where the cases do not come out.
fn test(cases: &[&Case], rules: &str, names: &[String], words: bool) -> Option<String> {
    run(rules, &render("rules.yml", cases, names, words))
}

/// What promtool says of these rules and tests where they do not come out.
pub fn run(rules: &str, tests: &str) -> Option<String> {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("rules.yml"), rules).expect("written");
    let path = folder.path().join("test.yml");
    fs::write(&path, tests).expect("written");
    let out =
        Command::new("promtool").args(["test", "rules"]).arg(path).output().expect("promtool (make deps)");
    let said = String::from_utf8_lossy(&out.stdout) + String::from_utf8_lossy(&out.stderr);
    (!out.status.success()).then(|| said.into_owned())
}

/// As many at once as there are processors.
pub fn side_by_side<T: Sync, R: Send>(jobs: &[T], work: impl Fn(&T) -> Option<R> + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let hands = thread::available_parallelism().map_or(2, usize::from);
    let mut found = Vec::new();
    thread::scope(|scope| {
        let worker = || {
            let mut own = Vec::new();
            while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                own.extend(work(job));
            }
            own
        };
        let workers: Vec<_> = (0..hands).map(|_| scope.spawn(worker)).collect();
        for hand in workers {
            found.extend(hand.join().expect("no worker panics"));
        }
    });
    found
}
