//! The labels of caddy-docker-proxy, read by the exporter and by Caddy: what we say of a place is what Caddy's own
//! configuration does with a request for it.

#[path = "caddy/compare.rs"]
mod compare;
#[path = "caddy/configuration.rs"]
mod configuration;
#[path = "caddy/samples.rs"]
mod samples;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::thread;

use destination_exporter::proxy::caddy::read;
use lab::caddy::{Caddy, caddyfile};
use lab::{Error, Result};

/// The container's address, as Caddy sees it.
const HERE: &str = "10.9.9.9";

/// Lines `label = value`.
fn labels(text: &str) -> BTreeMap<String, String> {
    let lines = text.lines().filter_map(|line| line.split_once('='));
    lines.map(|(label, value)| (label.trim().to_owned(), value.trim().to_owned())).collect()
}

/// What became of some sets of labels.
#[derive(Default)]
struct Tally {
    wrong: Vec<String>,
    taken: usize,
    asked: usize,
}

fn tally(caddy: &Caddy, file: &Path, samples: &[BTreeMap<String, String>]) -> Result<Tally> {
    let mut tally = Tally::default();
    for labels in samples {
        let text = caddyfile(labels, &[HERE])?;
        fs::write(file, &text).map_err(|e| Error::io("writing a Caddyfile", e))?;
        let ours = read(labels);
        let refused: Vec<_> = ours.rules.iter().filter_map(|rule| rule.refused.as_deref()).collect();
        let found = match caddy.adapt(file)? {
            Err(why) if refused.is_empty() => vec![format!("Caddy refuses it: {why}")],
            Err(_) => Vec::new(),
            Ok(_) if !refused.is_empty() => vec![format!("Caddy takes it, we do not: {refused:?}")],
            Ok(json) => {
                tally.taken += 1;
                let compared = compare::compare(&ours, &json);
                tally.asked += compared.asked;
                compared.wrong
            }
        };
        if !found.is_empty() {
            tally.wrong.push(format!("{text}\n{}\n", found.join("\n")));
        }
    }
    Ok(tally)
}

#[test]
fn caddy_serves_what_we_read() -> Result<()> {
    let caddy = Caddy::get()?;
    let folder = tempfile::tempdir().map_err(|e| Error::io("making a folder", e))?;
    let samples: Vec<_> =
        samples::SAMPLES.iter().map(|text| labels(text)).chain(samples::drawn(60)).collect();
    let mut all = Tally::default();
    thread::scope(|scope| -> Result<()> {
        let chunks = samples.chunks(samples.len().div_ceil(4)).enumerate();
        let threads: Vec<_> = chunks
            .map(|(n, chunk)| {
                let file = folder.path().join(n.to_string());
                let caddy = &caddy;
                scope.spawn(move || tally(caddy, &file, chunk))
            })
            .collect();
        for thread in threads {
            let part = thread.join().map_err(|_| Error::new("a comparison panicked"))??;
            all.wrong.extend(part.wrong);
            all.taken += part.taken;
            all.asked += part.asked;
        }
        Ok(())
    })?;
    assert!(all.wrong.is_empty(), "{} of {}:\n{}", all.wrong.len(), samples.len(), all.wrong.join("\n"));
    eprintln!(
        "{} sets of labels, {} taken by Caddy, {} places asked for",
        samples.len(),
        all.taken,
        all.asked
    );
    // Not everything may be beyond comparison.
    assert!(all.taken >= 120 && all.asked >= 200, "{} {}", all.taken, all.asked);
    Ok(())
}
