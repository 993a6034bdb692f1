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

#[test]
fn caddy_serves_what_we_read() -> Result<()> {
    let caddy = Caddy::get()?;
    let folder = tempfile::tempdir().map_err(|e| Error::io("making a folder", e))?;
    let file = folder.path().join("Caddyfile");
    let samples: Vec<_> =
        samples::SAMPLES.iter().map(|text| labels(text)).chain(samples::drawn(60)).collect();
    let mut wrong = Vec::new();
    let (mut taken, mut asked) = (0, 0);
    for labels in &samples {
        let text = caddyfile(labels, &[HERE])?;
        fs::write(&file, &text).map_err(|e| Error::io("writing a Caddyfile", e))?;
        let ours = read(labels);
        let refused: Vec<_> = ours.rules.iter().filter_map(|rule| rule.refused.as_deref()).collect();
        let found = match caddy.adapt(&file)? {
            Err(why) if refused.is_empty() => vec![format!("Caddy refuses it: {why}")],
            Err(_) => Vec::new(),
            Ok(_) if !refused.is_empty() => vec![format!("Caddy takes it, we do not: {refused:?}")],
            Ok(json) => {
                taken += 1;
                let compared = compare::compare(&ours, &json);
                asked += compared.asked;
                compared.wrong
            }
        };
        if !found.is_empty() {
            wrong.push(format!("{text}\n{}\n", found.join("\n")));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), samples.len(), wrong.join("\n"));
    // Not everything may be beyond comparison.
    eprintln!("{} sets of labels, {taken} taken by Caddy, {asked} places asked for", samples.len());
    assert!(taken >= 70 && asked >= 200, "{taken} {asked}");
    Ok(())
}
