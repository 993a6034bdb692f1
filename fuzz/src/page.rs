//! A reader of the exposition that is stricter than Prometheus: what it takes, Prometheus takes.
//! <https://prometheus.io/docs/instrumenting/exposition_formats/>

use std::collections::BTreeSet;

/// The longest label value that is made: three parts of a name, what joins them, and an id behind.
const LONGEST_VALUE: usize = 1100;

/// Panics where the page is not as the format has it.
pub fn check(page: &str) {
    assert!(page.ends_with('\n'), "the last line has no end");
    let mut family = "";
    let mut families = BTreeSet::new();
    let mut series = BTreeSet::new();
    for line in page.strip_suffix('\n').unwrap_or(page).split('\n') {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap_or_else(|| panic!("{line:?}"));
            assert!(matches!(kind, "counter" | "gauge" | "histogram"), "{line:?}");
            assert!(families.insert(name), "a family twice: {name}");
            family = name;
        } else if !line.starts_with("# HELP ") {
            let (name, rest) = name(line);
            let of_family = ["", "_bucket", "_sum", "_count"];
            let is_of_family = name.strip_prefix(family).is_some_and(|end| of_family.contains(&end));
            assert!(is_of_family, "{line:?} does not belong to {family}");
            let rest = labels(rest);
            let value = rest.strip_prefix(' ').unwrap_or_else(|| panic!("no value: {line:?}"));
            assert!(value == "+Inf" || value.parse::<f64>().is_ok(), "{line:?}");
            let identity = line.strip_suffix(value).unwrap_or(line);
            assert!(series.insert(identity), "a series twice: {identity:?}");
        }
    }
}

/// A name, and what comes after it.
fn name(text: &str) -> (&str, &str) {
    let end = text.bytes().position(|b| !b.is_ascii_alphanumeric() && b != b'_').unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    assert!(name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_'), "{text:?} begins with no name");
    (name, rest)
}

/// What comes after the labels, if there are any.
fn labels(text: &str) -> &str {
    let Some(mut rest) = text.strip_prefix('{') else { return text };
    loop {
        let (_, after) = name(rest);
        let quoted = after.strip_prefix("=\"").unwrap_or_else(|| panic!("{text:?}"));
        let end = value(quoted);
        assert!(end <= LONGEST_VALUE, "a value of {end} bytes");
        rest = &quoted[end + 1..];
        match rest.split_at_checked(1) {
            Some(("}", after)) => return after,
            Some((",", after)) => rest = after,
            _ => panic!("{text:?}"),
        }
    }
}

/// Where a label's value ends.
fn value(quoted: &str) -> usize {
    let mut bytes = quoted.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'"' => return at,
            b'\\' => {
                let escaped = bytes.next().map(|(_, byte)| byte);
                assert!(matches!(escaped, Some(b'\\' | b'"' | b'n')), "{quoted:?}: {escaped:?} is no escape");
            }
            _ => {}
        }
    }
    panic!("a value without an end: {quoted:?}")
}
