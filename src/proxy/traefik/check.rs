//! Whether Traefik can read labels at all.
//!
//! It reads a container's labels as one whole: a name that it does not know, or a value that is none of its kind,
//! and it takes nothing of that container.

use super::fields::{Fields, Kind};
use super::scalar;
use super::tree::Node;
use crate::strangers::bounded;

/// The first fault below `node`, in words.
///
/// `live` is false below what is switched off (`tls=false`): names are looked at there, values are not.
pub fn check(fields: Fields, node: &Node, live: bool) -> Result<(), String> {
    node.children().try_for_each(|(name, child)| {
        let field = fields.iter().find(|(field, _)| *field == name);
        let (_, kind) = field.ok_or_else(|| format!("no field is called `{}`", bounded(child.name)))?;
        read(kind, child, live)
    })
}

fn read(kind: &Kind, node: &Node, live: bool) -> Result<(), String> {
    match kind {
        Kind::Any => Ok(()),
        Kind::Text | Kind::Bool | Kind::Int | Kind::Duration => {
            if node.is_leaf() {
                value(kind, node, live)
            } else {
                Err(format!("`{}` has no fields", node.name))
            }
        }
        Kind::Words => {
            let flat = node.children().all(|(_, child)| child.is_leaf());
            if flat { Ok(()) } else { Err(format!("`{}` has no fields", node.name)) }
        }
        Kind::Group(_) | Kind::Map(_) if node.is_leaf() => {
            Err(format!("`{}` is nothing without a field below it", node.name))
        }
        Kind::Group(fields) => check(fields, node, live),
        Kind::Bare(fields) => check(fields, node, live && node.is_on()),
        Kind::Map(kind) => node.children().try_for_each(|(_, child)| element(kind, child, live)),
        Kind::Each(fields) => node.children().try_for_each(|(_, child)| check(fields, child, live)),
        Kind::One(_) if node.is_leaf() => Err(format!("`{}` is nothing without a field below it", node.name)),
        Kind::One(fields) => check(fields, node, live),
    }
}

/// What stands below a name that the user chose.
fn element(kind: &Kind, node: &Node, live: bool) -> Result<(), String> {
    match kind {
        Kind::Group(fields) | Kind::Bare(fields) => check(fields, node, live),
        _ => value(kind, node, live),
    }
}

fn value(kind: &Kind, node: &Node, live: bool) -> Result<(), String> {
    let what = match kind {
        Kind::Bool if scalar::flag(node.value).is_none() => "neither true nor false",
        Kind::Int if scalar::number(node.value).is_none() => "no whole number",
        Kind::Duration if !scalar::is_duration(node.value) => "no duration",
        _ => return Ok(()),
    };
    if live { Err(format!("`{}` is {what}: `{}`", node.name, bounded(node.value))) } else { Ok(()) }
}
