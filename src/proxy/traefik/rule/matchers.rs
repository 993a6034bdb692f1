//! The matchers of Traefik's two languages, and what each takes.

use std::net::IpAddr;

use ipnet::IpNet;

use super::Syntax;
use super::parser::Expression;

/// What a matcher looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Looks {
    Host,
    Path,
    PathPrefix,
    /// Hosts by a pattern.
    HostPattern,
    Client,
    /// Pairs of name and value.
    Pairs,
    /// `name=value`.
    Assignments,
    Other,
}

/// Name, what it looks at, and how many values it takes at least and at most.
type Matcher = (&'static str, Looks, usize, usize);

const V3: &[Matcher] = &[
    ("ClientIP", Looks::Client, 1, 1),
    ("Method", Looks::Other, 1, 1),
    ("Host", Looks::Host, 1, 1),
    ("HostRegexp", Looks::HostPattern, 1, 1),
    ("Path", Looks::Path, 1, 1),
    ("PathRegexp", Looks::Other, 1, 1),
    ("PathPrefix", Looks::PathPrefix, 1, 1),
    ("Header", Looks::Other, 2, 2),
    ("HeaderRegexp", Looks::Other, 2, 2),
    ("Query", Looks::Other, 1, 2),
    ("QueryRegexp", Looks::Other, 1, 2),
];

const ANY: usize = usize::MAX;

const V2: &[Matcher] = &[
    ("Host", Looks::Host, 1, ANY),
    ("HostHeader", Looks::Host, 1, ANY),
    ("HostRegexp", Looks::HostPattern, 1, ANY),
    ("ClientIP", Looks::Client, 1, ANY),
    ("Path", Looks::Path, 1, ANY),
    ("PathPrefix", Looks::PathPrefix, 1, ANY),
    ("Method", Looks::Other, 1, ANY),
    ("Headers", Looks::Pairs, 1, ANY),
    ("HeadersRegexp", Looks::Pairs, 1, ANY),
    ("Query", Looks::Assignments, 1, ANY),
];

/// The matcher of that name, which Traefik takes as it is written, in lower case, in upper case, and in lower case
/// with a capital.
fn find(name: &str, syntax: Syntax) -> Option<&'static Matcher> {
    let table = if syntax == Syntax::V2 { V2 } else { V3 };
    table.iter().find(|(known, ..)| {
        let lower = known.to_ascii_lowercase();
        let title = known[..1].to_owned() + &lower[1..];
        [*known, &lower, &known.to_ascii_uppercase(), &title].contains(&name)
    })
}

/// What the matcher of that name looks at.
pub fn looks(name: &str, syntax: Syntax) -> Looks {
    find(name, syntax).map_or(Looks::Other, |(_, looks, ..)| *looks)
}

/// Whether Traefik takes every matcher of an expression; an error says why not.
pub fn check(expression: &Expression, syntax: Syntax) -> Result<(), String> {
    match expression {
        Expression::All(parts) | Expression::Any(parts) => {
            parts.iter().try_for_each(|part| check(part, syntax))
        }
        Expression::Not(inner) => check(inner, syntax),
        Expression::Matcher { name, values } => {
            let matcher = find(name, syntax).ok_or_else(|| format!("unknown matcher {name}"))?;
            check_values(matcher, values)
        }
    }
}

fn check_values(matcher: &Matcher, values: &[String]) -> Result<(), String> {
    let (name, looks, least, most) = matcher;
    if values.is_empty() {
        return Err(format!("no args for matcher {name}"));
    }
    if values.iter().any(String::is_empty) {
        return Err(format!("empty args for matcher {name}"));
    }
    if !(*least..=*most).contains(&values.len()) {
        let count = values.len();
        return Err(format!("matcher {name} takes {least} and no more than {most} values, and has {count}"));
    }
    let wrong = |wrong: fn(&str) -> bool| values.iter().find(|value| wrong(value));
    match looks {
        Looks::Path | Looks::PathPrefix => match wrong(|path| !path.starts_with('/')) {
            Some(path) => Err(format!("path {path:?} does not start with a '/'")),
            None => Ok(()),
        },
        Looks::Host | Looks::HostPattern => match wrong(|host| !host.is_ascii()) {
            Some(host) => Err(format!("non-ASCII characters are not allowed in the host {host:?}")),
            None => Ok(()),
        },
        Looks::Client => match wrong(|ip| ip.parse::<IpAddr>().is_err() && ip.parse::<IpNet>().is_err()) {
            Some(ip) => Err(format!("{ip:?} is no address and no network")),
            None => Ok(()),
        },
        Looks::Pairs if !values.len().is_multiple_of(2) => {
            Err(format!("matcher {name} takes pairs of values"))
        }
        Looks::Assignments if values.iter().filter(|value| !value.contains('=')).count() % 2 == 1 => {
            Err(format!("matcher {name} takes name=value"))
        }
        _ => Ok(()),
    }
}
