//! Labels of caddy-docker-proxy, `label=value` a line (`\r` stands for a line's end in a value): what is read is
//! bounded, can be asked for, and a sound site among them is read right whatever the others say.
#![no_main]

use std::collections::BTreeMap;

use destination_exporter::proxy::caddy::read;
use destination_exporter::proxy::{Labels, Leads, Port, Rule};
use destination_exporter::strangers::LONGEST;
use libfuzzer_sys::fuzz_target;

fn check(read: &Labels) {
    assert!(read.rules.len() <= 64 && read.oddities.len() <= 16);
    assert!(read.oddities.iter().all(|text| text.len() <= LONGEST));
    assert!(read.network.as_ref().is_none_or(|network| network.len() <= LONGEST));
    assert!(read.rules.is_sorted_by_key(|rule| &rule.name));
    for rule in &read.rules {
        assert!(rule.places.len() <= 32 && rule.written.len() <= LONGEST && rule.name.starts_with("caddy"));
        assert!(rule.also.iter().chain(&rule.refused).chain(&rule.unsure).all(|text| text.len() <= LONGEST));
        for (n, place) in rule.places.iter().enumerate() {
            assert!(!rule.places[..n].contains(place), "{place:?} stands twice");
            let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
            assert!(is_plain(&place.host) && is_plain(&place.path), "{place:?} cannot be asked for");
            assert!(!place.host.is_empty() && place.path.starts_with('/'), "{place:?}");
            assert!(!place.host.bytes().any(|byte| byte.is_ascii_uppercase()), "{place:?}");
        }
    }
}

fn is_sound(rule: &Rule) -> bool {
    let leads = matches!(&rule.leads, Leads::Here(upstream) if upstream.port == Port::Named(4321));
    let places: Vec<_> = rule.places.iter().map(|place| (&*place.host, &*place.path, place.exact)).collect();
    leads
        && rule.also.is_none()
        && rule.unsure.is_empty()
        && rule.redirect.is_none()
        && places == [("sound.test", "/in/", false)]
}

fuzz_target!(|text: &str| {
    let lines = text.lines().filter_map(|line| line.split_once('='));
    let mut labels: BTreeMap<String, String> =
        lines.map(|(label, value)| (label.to_owned(), value.replace('\r', "\n"))).collect();
    check(&read(&labels));

    labels.retain(|label, _| !label.starts_with("caddy_4321"));
    labels.insert("caddy_4321".to_owned(), "http://sound.test".to_owned());
    labels.insert("caddy_4321.handle_path".to_owned(), "/in/*".to_owned());
    labels.insert("caddy_4321.handle_path.reverse_proxy".to_owned(), "{{upstreams 4321}}".to_owned());
    let with = read(&labels);
    check(&with);
    let is_cut = with.oddities.len() == 16 || with.oddities.iter().any(|text| text.contains("more than"));
    let sound: Vec<_> = with.rules.iter().filter(|rule| &*rule.name == "caddy_4321").collect();
    assert!(is_cut || (sound.len() == 1 && is_sound(sound[0])), "{with:#?}");
});
