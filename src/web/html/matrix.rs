//! Who was asked from where, and what came of it.

use std::collections::{BTreeMap, BTreeSet};

use crate::report::Probe;

/// A matrix of as many sources, or targets, is shown whole.
const WHOLE: usize = 12;
/// Of a larger one those are shown that do not answer, as many as these on either side.
const MOST_SIDE: usize = 16;
/// No more than so many words in a cell.
const MOST_WORDS: usize = 3;

/// The probes of one destination.
#[derive(Debug)]
pub struct Matrix<'a> {
    pub kinds: Vec<Kind<'a>>,
    pub targets: Vec<&'a str>,
    pub rows: Vec<Row<'a>>,
    /// Pairs that are not in it.
    pub others: usize,
    /// And of them those that do not answer.
    pub others_bad: usize,
}

/// All probes of one kind.
#[derive(Debug, Default)]
pub struct Kind<'a> {
    pub kind: &'a str,
    pub good: usize,
    pub bad: usize,
    pub unknown: usize,
}

#[derive(Debug)]
pub struct Row<'a> {
    pub source: &'a str,
    pub cells: Vec<Cell>,
}

/// What came of all probes of a pair.
#[derive(Clone, Debug, Default)]
pub struct Cell {
    pub colour: &'static str,
    pub words: String,
}

#[derive(Debug, Default)]
struct Pair<'a> {
    good: usize,
    bad: BTreeSet<(&'a str, &'a str)>,
    unknown: BTreeSet<&'a str>,
}

impl Pair<'_> {
    fn is_fine(&self) -> bool {
        self.bad.is_empty() && self.unknown.is_empty()
    }

    fn cell(&self) -> Cell {
        let some = |words: Vec<String>| {
            let more = words.len().saturating_sub(MOST_WORDS);
            let mut text = words.into_iter().take(MOST_WORDS).collect::<Vec<_>>().join(", ");
            if more > 0 {
                text.push_str(&format!(" and {more} more"));
            }
            text
        };
        if !self.bad.is_empty() {
            let mut by_reason: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
            for (kind, reason) in &self.bad {
                by_reason.entry(reason).or_default().push(kind);
            }
            let words =
                by_reason.iter().map(|(reason, kinds)| format!("{} {reason}", kinds.join(" + "))).collect();
            Cell { colour: "bad", words: format!("✗ {}", some(words)) }
        } else if !self.unknown.is_empty() {
            let words = self.unknown.iter().map(|why| (*why).to_owned()).collect();
            Cell { colour: "dark", words: format!("? {}", some(words)) }
        } else {
            Cell { colour: "good", words: format!("✓ {}", self.good) }
        }
    }
}

impl<'a> Matrix<'a> {
    pub fn of(probes: &'a [Probe]) -> Self {
        let mut kinds: BTreeMap<&str, Kind<'a>> = BTreeMap::new();
        let mut pairs: BTreeMap<(&str, &str), Pair<'a>> = BTreeMap::new();
        for probe in probes {
            let kind =
                kinds.entry(probe.probe).or_insert_with(|| Kind { kind: probe.probe, ..Kind::default() });
            let pair = pairs.entry((&probe.source, &probe.target)).or_default();
            let reason = probe.reason.unwrap_or(probe.outcome);
            match probe.outcome {
                "success" => (kind.good, pair.good) = (kind.good + 1, pair.good + 1),
                "failure" => {
                    kind.bad += 1;
                    pair.bad.insert((probe.probe, reason));
                }
                _ => {
                    kind.unknown += 1;
                    pair.unknown.insert(reason);
                }
            }
        }
        let side =
            |of: fn(&(&'a str, &'a str)) -> &'a str| -> BTreeSet<&str> { pairs.keys().map(of).collect() };
        let is_small = side(|pair| pair.0).len() <= WHOLE && side(|pair| pair.1).len() <= WHOLE;
        let wanted = |pair: &Pair<'_>| is_small || !pair.is_fine();
        let (mut sources, mut targets) = (BTreeSet::new(), BTreeSet::new());
        for ((source, target), _) in pairs.iter().filter(|(_, pair)| wanted(pair)) {
            if sources.len() < MOST_SIDE || sources.contains(source) {
                sources.insert(*source);
                if targets.len() < MOST_SIDE {
                    targets.insert(*target);
                }
            }
        }
        let shown = |(source, target): &(&str, &str)| sources.contains(source) && targets.contains(target);
        let others = || pairs.iter().filter(|(pair, _)| !shown(pair));
        let cell = |source, target| pairs.get(&(source, target)).map(Pair::cell).unwrap_or_default();
        Self {
            others: others().count(),
            others_bad: others().filter(|(_, pair)| !pair.is_fine()).count(),
            rows: sources
                .iter()
                .map(|source| Row {
                    source,
                    cells: targets.iter().map(|target| cell(*source, *target)).collect(),
                })
                .collect(),
            targets: targets.into_iter().collect(),
            kinds: kinds.into_values().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    fn probe(source: &str, target: &str, outcome: &'static str) -> Probe {
        Probe {
            probe: "tcp",
            source: source.into(),
            target: target.into(),
            detail: String::new(),
            outcome,
            reason: (outcome != "success").then_some("timeout"),
            duration_seconds: None,
            note: None,
            at: SystemTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn a_small_one_is_whole() {
        let probes = [probe("a", "b", "success"), probe("a", "b", "success"), probe("b", "a", "failure")];
        let matrix = Matrix::of(&probes);
        assert_eq!((&*matrix.targets, matrix.others), (&["a", "b"][..], 0));
        let words = |row: usize, cell: usize| &*matrix.rows[row].cells[cell].words;
        assert_eq!([words(0, 0), words(0, 1), words(1, 0)], ["", "✓ 2", "✗ tcp timeout"]);
        assert_eq!((matrix.kinds[0].good, matrix.kinds[0].bad), (2, 1));
    }

    #[test]
    fn of_a_large_one_what_does_not_answer_and_no_more_than_a_person_reads() {
        let names: Vec<String> = (0..40).map(|n| format!("c{n:02}")).collect();
        let mut probes = Vec::new();
        for source in &names {
            for target in &names {
                let outcome = if target == "c07" { "failure" } else { "success" };
                probes.push(probe(source, target, outcome));
            }
        }
        let matrix = Matrix::of(&probes);
        assert_eq!((matrix.rows.len(), &*matrix.targets), (MOST_SIDE, &["c07"][..]));
        assert_eq!((matrix.others, matrix.others_bad), (40 * 40 - MOST_SIDE, 40 - MOST_SIDE));
        let all_bad: Vec<Probe> = probes.iter().map(|p| probe(&p.source, &p.target, "failure")).collect();
        let matrix = Matrix::of(&all_bad);
        assert_eq!((matrix.rows.len(), matrix.targets.len()), (MOST_SIDE, MOST_SIDE));
    }
}
