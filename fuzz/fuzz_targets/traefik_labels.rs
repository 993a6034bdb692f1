//! Traefik's labels, one a line, and its flags behind an empty line: what is read is bounded, the two languages of
//! rules agree with either, and a rule that is denied twice is the rule.
#![no_main]

use std::collections::BTreeMap;

use destination_exporter::proxy::traefik::{Settings, Syntax, read, read_as};
use destination_exporter::proxy::{Labels, Rule};
use destination_exporter::strangers::LONGEST;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let (lines, flags) = text.split_once("\n\n").unwrap_or((text, ""));
    let pairs = lines.lines().filter_map(|line| line.split_once('='));
    let mut labels: BTreeMap<String, String> = pairs.map(|(key, value)| (key.into(), value.into())).collect();
    let either = read(&labels, "app");
    bounded(&either);
    let [v2, v3] = [Syntax::V2, Syntax::V3].map(|syntax| read_as(&labels, "app", syntax));
    for ((either, v2), v3) in either.rules.iter().zip(&v2.rules).zip(&v3.rules) {
        let taken = |rule: &Rule| rule.refused.is_none();
        assert_eq!(taken(either), taken(v2) || taken(v3), "{either:?}");
        assert_eq!(either.settings, v3.settings);
    }
    for rule in &v3.rules {
        twice_denied(rule);
    }
    labels.insert("org.example".into(), lines.into());
    assert_eq!(read(&labels, "app"), either);

    let flags: Vec<String> = flags.split(' ').map(str::to_owned).collect();
    let settings = Settings::of(&flags, &[]);
    assert!(!settings.entry_points.is_empty());
    assert!(settings.oddities.len() <= 16);
    assert!(settings.entry_points.iter().all(|entry| entry.name.len() <= LONGEST));
});

fn bounded(labels: &Labels) {
    assert!(labels.rules.len() <= 64 && labels.oddities.len() <= 16);
    let words =
        |rule: &Rule| rule.unsure.iter().chain(&rule.also).chain(&rule.refused).cloned().collect::<Vec<_>>();
    for words in labels.rules.iter().flat_map(words).chain(labels.oddities.clone()) {
        assert!(words.len() <= LONGEST, "{} bytes", words.len());
    }
    for rule in &labels.rules {
        assert!(rule.places.len() <= 32 && rule.strips.len() <= 16 && rule.unsure.len() <= 16);
        for place in &rule.places {
            assert!(place.path.starts_with('/') && !place.host.is_empty(), "{place:?}");
            assert_eq!(*place.host, place.host.to_ascii_lowercase());
        }
    }
}

fn twice_denied(rule: &Rule) {
    // A line's end or a comment would take the parentheses with it.
    let is_plain = !["\r", "//", "/*"].iter().any(|odd| rule.written.contains(odd));
    if rule.written.is_empty() || rule.written.len() == LONGEST || !is_plain {
        return;
    }
    let read = |written: String| {
        let labels = BTreeMap::from([("traefik.http.routers.r.rule".to_owned(), written)]);
        let mut labels = read_as(&labels, "app", Syntax::V3);
        labels.rules.remove(0)
    };
    let plain = read(rule.written.to_string());
    let denied = read(format!("!(!({}))", rule.written));
    assert_eq!(plain.refused.is_some(), denied.refused.is_some(), "{}", rule.written);
    if plain.also.as_ref().is_none_or(|also| !also.contains("not read")) {
        assert_eq!((&plain.places, &plain.also), (&denied.places, &denied.also), "{}", rule.written);
    }
}
