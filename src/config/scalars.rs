//! Single values: what each type takes, and the sentence for what it does not.
//!
//! Every message says what was expected and shows what was found, but for an address that may hold a
//! password.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::TrafficSource;
use super::settings::Bounds;
use super::tree::{Value, shown};
use crate::outcome::ProbeKind;

pub(super) fn flag(value: &Value) -> Result<bool, String> {
    match value {
        Value::Flag(flag) => Ok(*flag),
        other => Err(format!("expected true or false, found {}", other.describe())),
    }
}

pub(super) fn duration(value: &Value, bounds: Bounds) -> Result<Duration, String> {
    let expected = bounds.describe();
    let time = match value {
        Value::Text(text) => humantime::parse_duration(text)
            .map_err(|error| format!("expected {expected}, found {} ({error})", shown(text)))?,
        Value::Whole(number) if *number > 0 => {
            return Err(format!("expected {expected}, found {number} without a unit (`{number}s`?)"));
        }
        other => return Err(format!("expected {expected}, found {}", other.describe())),
    };
    if time < bounds.least || time > bounds.most {
        return Err(format!("expected {expected}, found {}", value.describe()));
    }
    Ok(time)
}

pub(super) fn whole(value: &Value, least: u64, most: u64) -> Result<u64, String> {
    match value {
        Value::Whole(number) => u64::try_from(*number).ok().filter(|n| (least..=most).contains(n)),
        _ => None,
    }
    .ok_or_else(|| format!("expected a whole number from {least} to {most}, found {}", value.describe()))
}

pub(super) fn text<'v>(value: &'v Value, expected: &str) -> Result<&'v str, String> {
    match value {
        Value::Text(text) if text.is_empty() => Err(format!("expected {expected}, found an empty text")),
        Value::Text(text) if text.len() > 255 || text.chars().any(char::is_control) => Err(format!(
            "expected {expected} of at most 255 bytes without control characters, found {}",
            shown(text)
        )),
        Value::Text(text) => Ok(text),
        // `1.10` has become 1.1 by now, so it is asked for and not guessed.
        Value::Flag(_) | Value::Whole(_) | Value::Fraction(_) => {
            Err(format!("expected {expected}, found {}; write it in quotes", value.describe()))
        }
        other => Err(format!("expected {expected}, found {}", other.describe())),
    }
}

/// Checks the Engine's address; the flag `--docker.host` is held to the same.
pub(crate) fn engine(host: &str) -> Result<String, String> {
    let expected = "expected `unix:///var/run/docker.sock` or `tcp://host:port`";
    if host.contains('@') {
        // Whatever stands before the sign may be a password: it is not repeated.
        return Err(format!("{expected}, found an address with a user in it"));
    }
    let good = if let Some(path) = host.strip_prefix("unix://") {
        path.len() > 1 && path.starts_with('/')
    } else if let Some((name, port)) = host.strip_prefix("tcp://").and_then(|rest| rest.rsplit_once(':')) {
        let bare = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let named =
            bare.map_or_else(|| self::name(name).is_ok(), |v6| v6.parse::<std::net::Ipv6Addr>().is_ok());
        named && port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port > 0)
    } else {
        false
    };
    if good { Ok(host.to_owned()) } else { Err(format!("{expected}, found {}", shown(host))) }
}

/// The empty text is a path too: none.
pub(super) fn path(value: &Value, expected: &str) -> Result<String, String> {
    if matches!(value, Value::Text(text) if text.is_empty()) {
        return Ok(String::new());
    }
    let path = text(value, expected)?;
    if path.starts_with('/') {
        return Ok(path.to_owned());
    }
    Err(format!("expected {expected}, found {}", shown(path)))
}

pub(super) fn network(name: &str) -> Result<String, String> {
    if !name.contains('*') {
        return Ok(name.to_owned());
    }
    Err(format!("expected a network's whole name, found the pattern {}", shown(name)))
}

pub(super) fn label(label: &str) -> Result<String, String> {
    if !label.starts_with('=') {
        return Ok(label.to_owned());
    }
    Err(format!("expected a label, `key` or `key=value`, found {}", shown(label)))
}

pub(super) fn name(name: &str) -> Result<Arc<str>, String> {
    let part = |part: &str| {
        (1..=63).contains(&part.len())
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
            && !part.starts_with('-')
            && !part.ends_with('-')
    };
    let bare = name.strip_suffix('.').unwrap_or(name);
    if bare.len() <= 253 && bare.split('.').all(part) {
        return Ok(name.into());
    }
    Err(format!("expected a DNS name like `example.com`, found {}", shown(name)))
}

pub(super) fn address(address: &str) -> Result<IpAddr, String> {
    address.parse().map_err(|_| {
        format!("expected an IP address like `1.1.1.1` or `2606:4700::1111`, found {}", shown(address))
    })
}

pub(super) fn traffic_source(value: &Value, expected: &str) -> Result<TrafficSource, String> {
    let word = text(value, expected)?;
    let found = TrafficSource::ALL.into_iter().find(|source| source.as_label() == word);
    found.ok_or_else(|| format!("expected {expected}, found {}", value.describe()))
}

pub(super) fn probe_kind(value: &Value) -> Result<ProbeKind, String> {
    let known = ProbeKind::ALL.map(ProbeKind::as_label).join(", ");
    let found = match value {
        Value::Text(text) => ProbeKind::ALL.into_iter().find(|kind| kind.as_label() == text),
        _ => None,
    };
    found.ok_or_else(|| format!("expected one of {known}, found {}", value.describe()))
}
