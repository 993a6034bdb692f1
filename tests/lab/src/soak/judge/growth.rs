//! What the process holds, early and late.

use std::collections::BTreeSet;

use super::super::evidence::{Calm, Sample};
use super::{Row, row};

/// Memory may be more by a tenth, or by this where a tenth is less.
const MEMORY: u64 = 2_000_000;

/// Its own and the one that enters namespaces; one for each of the dozen containers that are inspected at once; and a
/// few that print pages.
const THREADS: u64 = 20;

/// What the process holds in the first calm and in the last, among equally many containers.
pub fn growth(calms: &[Calm], samples: &[Sample]) -> Vec<Row> {
    let of = |calm: &Calm| -> Vec<Sample> {
        samples.iter().filter(|s| s.at >= calm.from && s.at <= calm.until).cloned().collect()
    };
    let not_seen = |why: &str| vec![row("what the process holds", "no growth", why.into(), vec![why.into()])];
    let [first, .., last] = calms else { return not_seen("fewer than two calms") };
    let (before, after) = (of(first), of(last));
    if before.is_empty() || after.is_empty() {
        return not_seen("not seen");
    }
    if first.population != last.population {
        return not_seen(&format!("{} containers, then {}", first.population, last.population));
    }
    let span = (last.from - first.from) / 60.0;
    let mut rows = vec![memory(&before, &after, samples, span)];
    let kinds: BTreeSet<&String> = before.iter().chain(&after).flat_map(|s| s.descriptors.keys()).collect();
    let counted = |name: &str, count: &dyn Fn(&Sample) -> u64| {
        let (before, after) = (median(&before, count), median(&after, count));
        let details = (after > before).then(|| format!("{name}: {before}, then {after}"));
        (format!("{name} {before} → {after}"), details)
    };
    let (figures, details): (Vec<_>, Vec<_>) = kinds
        .into_iter()
        .map(|kind| counted(kind, &|sample| sample.descriptors.get(kind).copied().unwrap_or_default()))
        .unzip();
    rows.push(row(
        "open descriptors, by kind (`namespace`: a network namespace held)",
        "no more of any, among as many containers",
        figures.join(", "),
        details.into_iter().flatten().collect(),
    ));
    rows.push(threads(&before, &after, samples));
    rows
}

/// As many as ever had to wait for files at the same time stay for as long as there is work for one in ten seconds.
fn threads(before: &[Sample], after: &[Sample], all: &[Sample]) -> Row {
    let count = |sample: &Sample| sample.threads;
    let most = all.iter().map(count).max().unwrap_or_default();
    let figure = format!("{} → {}, most {most}", median(before, &count), median(after, &count));
    let details = (most > THREADS).then(|| format!("{most} threads"));
    row("threads", &format!("{THREADS} at most, at any time"), figure, details.into_iter().collect())
}

fn memory(before: &[Sample], after: &[Sample], all: &[Sample], span: f64) -> Row {
    let resident = |sample: &Sample| sample.resident;
    let (first, last) = (median(before, &resident), median(after, &resident));
    let most = all.iter().map(resident).max().unwrap_or_default();
    let allowed = first + (first / 10).max(MEMORY);
    let megabytes = |bytes: u64| bytes as f64 / 1e6;
    let figure = format!(
        "{:.1} → {:.1} MB in {span:.0} minutes (most {:.1} MB)",
        megabytes(first),
        megabytes(last),
        megabytes(most)
    );
    let details = (last > allowed).then(|| format!("more than {:.1} MB", megabytes(allowed)));
    row("resident memory", "at most 10 % or 2 MB more", figure, details.into_iter().collect())
}

fn median(samples: &[Sample], value: &dyn Fn(&Sample) -> u64) -> u64 {
    let mut values: Vec<u64> = samples.iter().map(value).collect();
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or_default()
}
