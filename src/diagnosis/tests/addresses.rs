//! Addresses that a variable holds and chance has given.

use std::net::IpAddr;

use super::*;

const DB: [u8; 4] = [10, 0, 2, 3];

type Breaks = fn(&mut Sample);

/// `api` has these variables.
fn knowing(variables: &[(&str, [u8; 4])]) -> Sample {
    let mut sample = shop();
    sample.container("api").fixed_addresses =
        variables.iter().map(|(name, address)| ((*name).into(), IpAddr::from(*address))).collect();
    sample
}

fn findings(sample: &Sample) -> Vec<Finding> {
    let mut found = settled(sample.snapshot(), &mut Ledger::default()).findings;
    found.retain(|finding| finding.code == Code::HardCodedAddress);
    found
}

#[test]
fn who_is_found_by_an_address_that_chance_gave_is_told_by_the_variables_name() {
    let sample = knowing(&[("DATABASE_URL", DB), ("DB_HOST", DB), ("OUTSIDE", [192, 0, 2, 1])]);
    let found = findings(&sample);
    assert_eq!(found.len(), 1);
    let one = &found[0];
    assert_eq!((one.severity, &*one.subject.name), (Severity::Info, "api"));
    assert_eq!(
        one.summary,
        "Container `api` finds `db` by an address in its variable `DATABASE_URL` (and 1 more like it): the Engine gives addresses anew when a container starts, and then it finds another one, or none."
    );
    assert_eq!(one.evidence[0].expected, "the name db");
    let told = format!("{one:?}");
    assert!(!told.contains("10.0.2.3"), "the value, or a part of it: {told}");
}

#[test]
fn an_address_that_stays_or_is_nobodys_is_not_told() {
    let silent: [(&str, Breaks); 6] = [
        ("its own", |s| s.container("api").fixed_addresses = vec![("SELF".into(), [10, 0, 2, 2].into())]),
        ("the gateway's", |s| {
            s.container("api").fixed_addresses = vec![("HOST".into(), [10, 0, 2, 1].into())]
        }),
        ("nobody's", |s| s.container("api").fixed_addresses = vec![("OLD".into(), [10, 0, 2, 99].into())]),
        ("chosen by somebody", |s| s.on("shop").endpoints[1].is_fixed = true),
        ("of one without a name", |s| s.on("shop").endpoints[1].names.clear()),
        ("of two that have it", |s| {
            s.destination("blog", 3);
            s.endpoint("blog", "cms");
            s.on("blog").endpoints[0].addresses = vec![DB.into()];
        }),
    ];
    for (name, breaks) in silent {
        let mut sample = knowing(&[("DB_HOST", DB)]);
        assert_eq!(findings(&sample).len(), 1);
        breaks(&mut sample);
        assert_eq!(findings(&sample), [], "{name}");
    }
    // Whoever is on no common network with it cannot use it.
    let mut sample = shop();
    sample.destination("blog", 3);
    sample.endpoint("blog", "cms");
    sample.container("cms").fixed_addresses = vec![("DB_HOST".into(), DB.into())];
    assert_eq!(findings(&sample), []);
}
