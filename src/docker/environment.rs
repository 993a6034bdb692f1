//! Addresses in a container's environment variables, where the operator asks for them
//! (`findings.hard_coded_address`).
//!
//! An environment is full of secrets. What leaves this file is the name of a variable and an address that stands in it:
//! no value, no part of one, and nothing of a variable without an address.

use std::net::IpAddr;

/// Variables of one container that are looked at.
const MOST_VARIABLES: usize = 512;
/// The longest name that is told; what is longer, or has other signs than a shell gives to a name, may be a secret itself.
const LONGEST_NAME: usize = 128;
/// Of a value no more is looked at; the rest is no address of a service.
const LONGEST_VALUE: usize = 4096;
/// Addresses of one container that are kept.
const MOST_ADDRESSES: usize = 64;

/// The names of variables, each with an address that stands in it as a whole, sorted.
pub(super) fn addresses(variables: &[String]) -> Vec<(String, IpAddr)> {
    let mut found: Vec<(String, IpAddr)> = variables
        .iter()
        .take(MOST_VARIABLES)
        .filter_map(|variable| variable.split_once('='))
        .filter(|(name, _)| is_name(name))
        .flat_map(|(name, value)| {
            let mut end = value.len().min(LONGEST_VALUE);
            while !value.is_char_boundary(end) {
                end -= 1;
            }
            in_value(value.get(..end).unwrap_or_default()).map(move |address| (name.to_owned(), address))
        })
        .take(MOST_ADDRESSES)
        .collect();
    found.sort();
    found.dedup();
    found
}

fn is_name(name: &str) -> bool {
    let is_sign = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    !name.is_empty() && name.len() <= LONGEST_NAME && name.bytes().all(is_sign)
}

/// Whole addresses: `10.0.1.5` of `postgres://u:p@10.0.1.5:5432/db` and none of `10.0.1.50`, `v10.0.1.5` or `10.0.1.5.nip.io`.
fn in_value(value: &str) -> impl Iterator<Item = IpAddr> {
    let four = words(value, |c| c.is_ascii_digit() || c == '.').filter_map(|word| {
        // As people write them: 010.0.1.5 is an address to nobody but a few.
        word.parse().ok().map(IpAddr::V4)
    });
    let six = words(value, |c| c.is_ascii_hexdigit() || c == ':' || c == '.')
        .filter_map(|word| word.parse().ok().map(IpAddr::V6));
    four.chain(six).map(|address| address.to_canonical()).filter(is_of_somebody)
}

/// Longest runs of these signs that no letter, digit, dash, dot or underscore touches.
fn words(value: &str, is_sign: impl Fn(char) -> bool + Copy) -> impl Iterator<Item = &str> {
    let touches = |c: char| c.is_alphanumeric() || "_-.".contains(c);
    value.split(move |c: char| !is_sign(c)).filter(move |word| {
        let at = word.as_ptr() as usize - value.as_ptr() as usize;
        let before = value.get(..at).and_then(|text| text.chars().next_back());
        let after = value.get(at + word.len()..).and_then(|text| text.chars().next());
        !word.is_empty() && ![before, after].into_iter().flatten().any(touches)
    })
}

fn is_of_somebody(address: &IpAddr) -> bool {
    !address.is_loopback() && !address.is_unspecified() && !address.is_multicast()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found(variables: &[&str]) -> Vec<String> {
        let variables: Vec<String> = variables.iter().map(ToString::to_string).collect();
        addresses(&variables).iter().map(|(name, address)| format!("{name} {address}")).collect()
    }

    #[test]
    fn whole_addresses_are_found_wherever_they_stand() {
        for (value, expected) in [
            ("10.0.1.5", &["10.0.1.5"][..]),
            ("postgres://u:p@10.0.1.5:5432/db", &["10.0.1.5"]),
            ("http://10.0.1.5/x,http://10.0.1.6", &["10.0.1.5", "10.0.1.6"]),
            ("redis-a:6379 '10.0.1.5:6379'", &["10.0.1.5"]),
            ("[fd00::5]:5432", &["fd00::5"]),
            ("fd00::5", &["fd00::5"]),
            ("http://[::ffff:10.0.1.5]:80/", &["10.0.1.5"]),
            ("é10.0.1.5", &[]),
            ("10.0.1.5.nip.io", &[]),
            ("ip-10.0.1.5", &[]),
            ("v10.0.1.5", &[]),
            ("10.0.1.5-alpine", &[]),
            ("1.10.0.1.5", &[]),
            ("10.0.1", &[]),
            ("10.0.1.256", &[]),
            ("010.0.1.5", &[]),
            ("127.0.0.1 0.0.0.0 ::1 224.0.0.1", &[]),
            ("dead::beef::1", &[]),
            ("12:30:45", &[]),
            ("", &[]),
        ] {
            let mut wanted: Vec<String> = expected.iter().map(|address| format!("DB {address}")).collect();
            wanted.sort();
            assert_eq!(found(&[&format!("DB={value}")]), wanted, "{value}");
        }
    }

    #[test]
    fn nothing_but_the_name_and_the_address_is_kept() {
        let secret = "geheim";
        let kept = addresses(&[
            format!("DATABASE_URL=postgres://u:{secret}@10.0.1.5:5432/{secret}"),
            format!("PASSWORD={secret}"),
            format!("{secret} 10.0.1.5"),
            format!("{secret}/x=10.0.1.5"),
            format!("{}=10.0.1.5", "N".repeat(LONGEST_NAME + 1)),
        ]);
        assert_eq!(format!("{kept:?}"), r#"[("DATABASE_URL", 10.0.1.5)]"#);
    }

    #[test]
    fn an_environment_without_end_is_read_to_a_bound() {
        let many: Vec<String> =
            (0..10_000).map(|n| format!("V{n}=10.0.{}.{}", n / 250, 1 + n % 250)).collect();
        assert_eq!(addresses(&many).len(), MOST_ADDRESSES);
        let late = format!("V={} 10.0.1.5", "é".repeat(LONGEST_VALUE));
        assert_eq!(addresses(&[late]), []);
    }

    proptest! {
        #[test]
        fn no_text_breaks_it(text in "([A-Z_]{1,4}=)?([0-9a-f.:@/é]|10\\.0\\.1\\.5| ){0,60}") {
            for (name, _) in addresses(std::slice::from_ref(&text)) {
                prop_assert!(is_name(&name) && text.starts_with(&name));
            }
        }
    }
}
