//! The places that an expression names: its alternatives, each with a host, a path, and conditions.

use std::sync::Arc;

use super::super::super::Place;
use super::Syntax;
use super::matchers::{Looks, looks};
use super::parser::Expression;
use crate::strangers::bounded;

/// The most alternatives that are followed, and so the most places of a rule.
const MOST: usize = 32;
/// The most conditions that are told.
const CONDITIONS: usize = 8;

/// One way to meet the expression.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Way {
    host: Option<Arc<str>>,
    path: Option<(Arc<str>, bool)>,
    /// What else, in words.
    also: Vec<Arc<str>>,
}

/// The places, and what else a request must have.
pub fn of(expression: &Expression, syntax: Syntax) -> (Vec<Place>, Option<String>) {
    let mut walk = Walk { syntax, cut: false };
    let ways = walk.ways(expression, false);
    let mut places: Vec<Place> = Vec::new();
    for way in &ways {
        let Some(host) = &way.host else { continue };
        let (path, exact) = way.path.clone().unwrap_or_else(|| ("/".into(), false));
        let place = Place { host: host.clone(), path, exact };
        if !places.contains(&place) {
            places.push(place);
        }
    }
    // Where a place can be asked for, the ways without a host do not matter.
    let mut also: Vec<Arc<str>> = Vec::new();
    for way in ways.iter().filter(|way| way.host.is_some() || places.is_empty()) {
        for condition in &way.also {
            remember(&mut also, condition);
        }
    }
    if ways.is_empty() {
        also.push("what no request has: the rule contradicts itself".into());
    }
    if walk.cut {
        also.push(format!("more than was read: the rule has more than {MOST} alternatives").into());
    }
    let also = (!also.is_empty()).then(|| bounded(&also.join(", ")).to_owned());
    (places, also)
}

struct Walk {
    syntax: Syntax,
    cut: bool,
}

impl Walk {
    fn ways(&mut self, expression: &Expression, denied: bool) -> Vec<Way> {
        match expression {
            Expression::Not(inner) => self.ways(inner, !denied),
            Expression::All(parts) if !denied => self.all(parts, denied),
            Expression::Any(parts) if denied => self.all(parts, denied),
            Expression::All(parts) | Expression::Any(parts) => {
                let mut ways = Vec::new();
                for part in parts {
                    ways.extend(self.ways(part, denied));
                    ways = self.bounded(ways);
                }
                ways
            }
            Expression::Matcher { name, values } => self.bounded(matched(name, values, denied, self.syntax)),
        }
    }

    fn all(&mut self, parts: &[Expression], denied: bool) -> Vec<Way> {
        let mut ways = vec![Way::default()];
        for part in parts {
            let more = self.ways(part, denied);
            let both = ways.iter().flat_map(|way| more.iter().filter_map(|other| both(way, other)));
            ways = self.bounded(both.collect());
        }
        ways
    }

    /// Without doubles, and no more than are followed.
    fn bounded(&mut self, ways: Vec<Way>) -> Vec<Way> {
        let mut kept: Vec<Way> = Vec::with_capacity(ways.len().min(MOST));
        for way in ways {
            if kept.contains(&way) {
                continue;
            }
            if kept.len() == MOST {
                self.cut = true;
                break;
            }
            kept.push(way);
        }
        kept
    }
}

fn matched(name: &str, values: &[String], denied: bool, syntax: Syntax) -> Vec<Way> {
    let condition = |values: &[String]| Way { also: vec![words(name, values, denied)], ..Way::default() };
    let looks = looks(name, syntax);
    if denied || !matches!(looks, Looks::Host | Looks::Path | Looks::PathPrefix) {
        return vec![condition(values)];
    }
    // Values of one matcher are alternatives.
    let way = |value: &String| match looks {
        // The star alone is any host in version 3.
        Looks::Host if syntax == Syntax::V3 && value == "*" => Some(Way::default()),
        Looks::Host => host(value).map(|host| Way { host: Some(host), ..Way::default() }),
        _ => {
            let path = Some((path(value, syntax)?, looks == Looks::Path));
            Some(Way { path, ..Way::default() })
        }
    };
    let slice = std::slice::from_ref::<String>;
    values.iter().map(|value| way(value).unwrap_or_else(|| condition(slice(value)))).collect()
}

/// A name that a request can have, in lower case and without a dot at its end.
fn host(value: &str) -> Option<Arc<str>> {
    let host = value.strip_suffix('.').unwrap_or(value).to_ascii_lowercase();
    let plain = |label: &str| {
        !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    };
    (host.len() <= 253 && host.split('.').all(plain)).then(|| host.into())
}

/// A path that stands in a request as it stands in the rule. Version 2 has patterns in braces.
fn path(value: &str, syntax: Syntax) -> Option<Arc<str>> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"/-._~!$&'()*+,;=:@".contains(&b);
    let pattern = syntax == Syntax::V2 && value.contains(['{', '}']);
    (bounded(value).len() == value.len() && !pattern && value.bytes().all(plain)).then(|| value.into())
}

/// A request that goes both ways, where one can.
fn both(one: &Way, other: &Way) -> Option<Way> {
    let host = match (&one.host, &other.host) {
        (Some(one), Some(other)) if one != other => return None,
        (one, other) => one.as_ref().or(other.as_ref()).cloned(),
    };
    let path = match (&one.path, &other.path) {
        (Some(one), Some(other)) => Some(both_paths(one, other)?),
        (one, other) => one.as_ref().or(other.as_ref()).cloned(),
    };
    let mut also = one.also.clone();
    for condition in &other.also {
        remember(&mut also, condition);
    }
    Some(Way { host, path, also })
}

/// The narrower of two, where it lies in the other.
fn both_paths(one: &(Arc<str>, bool), other: &(Arc<str>, bool)) -> Option<(Arc<str>, bool)> {
    match (one.1, other.1) {
        (true, true) => (one.0 == other.0).then(|| one.clone()),
        (true, false) => one.0.starts_with(&*other.0).then(|| one.clone()),
        (false, true) => other.0.starts_with(&*one.0).then(|| other.clone()),
        (false, false) if one.0.starts_with(&*other.0) => Some(one.clone()),
        (false, false) => other.0.starts_with(&*one.0).then(|| other.clone()),
    }
}

fn remember(conditions: &mut Vec<Arc<str>>, condition: &Arc<str>) {
    if conditions.len() < CONDITIONS && !conditions.contains(condition) {
        conditions.push(condition.clone());
    }
}

/// A matcher as it was written.
fn words(name: &str, values: &[String], denied: bool) -> Arc<str> {
    let values: Vec<String> =
        values.iter().take(CONDITIONS).map(|value| format!("`{}`", bounded(value))).collect();
    let text = format!("{}{name}({})", if denied { "not " } else { "" }, values.join(", "));
    bounded(&text).into()
}
