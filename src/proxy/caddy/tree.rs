//! Labels as the blocks of a Caddyfile: dots nest, numbers part what would be one and put it in order.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::template;
use super::told::Told;
use super::words::{self, Words};
use crate::strangers::{LONGEST, bounded};

/// As many labels as are read; a site of many pages has a few dozen.
const MOST_LABELS: usize = 512;

/// As deep as labels may nest.
const DEEPEST: usize = 16;

/// What has no number in front comes after what has one.
const UNNUMBERED: u64 = i32::MAX as u64;

/// A site, a directive, or what stands in one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Block {
    /// A directive's name and its arguments; of a site, its addresses.
    pub words: Vec<String>,
    /// What could not be read stands among the words.
    pub unread: bool,
    /// In the order in which they come in the file.
    pub children: Vec<Block>,
    order: u64,
}

impl Block {
    /// The first word.
    pub fn name(&self) -> &str {
        self.words.first().map_or("", String::as_str)
    }

    /// The words behind the first.
    pub fn arguments(&self) -> &[String] {
        self.words.get(1..).unwrap_or_default()
    }

    /// As a person would want to see it, without what is inside.
    pub fn written(&self) -> String {
        bounded(&template::shown(&self.words.join(" "))).to_owned()
    }

    /// Matchers first, then by number, then by words, then by what is inside.
    fn compare(&self, other: &Self) -> Ordering {
        let first = |block: &Self| !block.name().starts_with('@');
        first(self)
            .cmp(&first(other))
            .then_with(|| self.order.cmp(&other.order))
            .then_with(|| self.words.cmp(&other.words))
            .then_with(|| {
                let pairs = self.children.iter().zip(&other.children);
                pairs.map(|(a, b)| a.compare(b)).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
            })
            .then_with(|| self.children.len().cmp(&other.children.len()))
    }
}

/// All blocks of a container, each with its label's prefix.
#[derive(Debug, Default)]
pub(super) struct Tree {
    pub blocks: Vec<(String, Block)>,
    /// Why the proxy takes nothing of it.
    pub broken: Option<String>,
}

#[derive(Default)]
struct Node {
    value: Option<Words>,
    children: BTreeMap<String, Self>,
}

pub(super) fn grow(labels: &BTreeMap<String, String>, told: &mut Told) -> Tree {
    let mut root = Node::default();
    let mut broken = None;
    for (number, (label, value)) in labels.iter().filter(|(label, _)| is_ours(label)).enumerate() {
        if number == MOST_LABELS {
            told.tell(format!("more than {MOST_LABELS} labels: the others are not read"));
            break;
        }
        let path = match path(label) {
            Ok(path) => path,
            Err(why) => {
                told.tell(format!("{}: {why}", bounded(label)));
                continue;
            }
        };
        match words::read(value) {
            Ok(words) => root.put(path, words),
            Err(why) => broken = broken.or_else(|| Some(format!("{label}: {why}"))),
        }
    }
    let mut blocks: Vec<_> =
        root.children.into_iter().map(|(prefix, node)| (prefix, node.into_block(UNNUMBERED, None))).collect();
    blocks.sort_by(|(_, a), (_, b)| a.compare(b));
    Tree { blocks, broken }
}

impl Node {
    fn put(&mut self, path: Vec<String>, value: Words) {
        let mut node = self;
        for part in path {
            node = node.children.entry(part).or_default();
        }
        node.value = Some(value);
    }

    fn into_block(self, order: u64, name: Option<String>) -> Block {
        let Words { words, unread } = self.value.unwrap_or_default();
        let mut children: Vec<_> = self
            .children
            .into_iter()
            .map(|(part, node)| {
                let (order, name) = numbered(&part);
                node.into_block(order, Some(name.replace(r"\.", ".")))
            })
            .collect();
        children.sort_by(Block::compare);
        Block { words: name.into_iter().chain(words).collect(), unread, children, order }
    }
}

/// `caddy`, `caddy_0` and what begins so with a dot behind it. Others are options: `caddy_ingress_network`.
fn is_ours(label: &str) -> bool {
    let first = label.split('.').next().unwrap_or_default();
    match first.strip_prefix("caddy") {
        Some("") => true,
        Some(suffix) => suffix.strip_prefix('_').is_some_and(is_digits),
        None => false,
    }
}

/// A label's parts. A dot behind a backslash parts nothing.
fn path(label: &str) -> Result<Vec<String>, &'static str> {
    if label.len() > LONGEST {
        return Err("the label's name is too long to be read");
    }
    let mut parts = vec![String::new()];
    let mut before = ' ';
    for c in label.chars() {
        if c == '.' && before != '\\' {
            parts.push(String::new());
        } else if let Some(part) = parts.last_mut() {
            part.push(c);
        }
        before = c;
    }
    if parts.iter().any(String::is_empty) {
        return Err("nothing stands between two dots or behind the last");
    }
    if parts.len() > DEEPEST {
        return Err("the label nests too deep to be read");
    }
    Ok(parts)
}

/// `0_reverse_proxy`, `reverse_proxy_1`: the number in front orders, the one behind only parts.
fn numbered(part: &str) -> (u64, &str) {
    let (order, rest) = match part.split_once('_') {
        Some((digits, rest)) if is_digits(digits) && !rest.is_empty() => {
            (digits.parse().unwrap_or(u64::MAX), rest)
        }
        _ => (UNNUMBERED, part),
    };
    match rest.rsplit_once('_') {
        Some((name, digits)) if is_digits(digits) && !name.is_empty() => (order, name),
        _ => (order, rest),
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grown(labels: &[(&str, &str)]) -> (Tree, Vec<String>) {
        let labels = labels.iter().map(|(label, value)| ((*label).to_owned(), (*value).to_owned())).collect();
        let mut told = Told::default();
        let tree = grow(&labels, &mut told);
        (tree, told.into_oddities())
    }

    fn line(block: &Block) -> String {
        let inside: Vec<_> = block.children.iter().map(line).collect();
        let inside = if inside.is_empty() { String::new() } else { format!(" {{ {} }}", inside.join(" ; ")) };
        block.words.join(" ") + &inside
    }

    #[test]
    fn labels_nest_part_and_order() {
        for (labels, expected) in [
            (&[("caddy", "h"), ("caddy.bbb", "v"), ("caddy.aaa", "v")][..], "h { aaa v ; bbb v }"),
            (
                &[
                    ("caddy", "h"),
                    ("caddy.1_bbb", "v"),
                    ("caddy.2_aaa", "v"),
                    ("caddy.c", ""),
                    ("caddy.3_aaa", "v"),
                ],
                "h { bbb v ; aaa v ; aaa v ; c }",
            ),
            (
                &[("caddy", "h"), ("caddy.3_m.a", "v"), ("caddy.3_m.b", "v"), ("caddy.4_m.a", "v")],
                "h { m { a v ; b v } ; m { a v } }",
            ),
            (&[("caddy.g_1.a", "v"), ("caddy.g_2.b", "v")], " { g { a v } ; g { b v } }"),
            (&[("caddy", "h"), ("caddy.0_a", "@m"), ("caddy.@m", "path /x")], "h { @m path /x ; a @m }"),
            (&[("caddy_1", "h"), (r"caddy_1.d.my\.fr", "")], "h { d { my.fr } }"),
            (&[("caddy", "h"), ("caddy.basic_auth", "x"), ("caddy.1_2_3", "")], "h { 2 ; basic_auth x }"),
        ] {
            let (tree, oddities) = grown(labels);
            assert_eq!(tree.blocks.iter().map(|(_, block)| line(block)).collect::<Vec<_>>(), [expected]);
            assert_eq!(oddities, [""; 0], "{labels:?}");
        }
    }

    #[test]
    fn other_labels_are_none_of_ours() {
        let (tree, oddities) = grown(&[
            ("caddy_ingress_network", "x"),
            ("caddy_controlled_server", ""),
            ("caddyx", "x"),
            ("caddy_", "x"),
            ("caddy_1x.y", "x"),
            ("cadd", "x"),
        ]);
        assert!(tree.blocks.is_empty() && oddities.is_empty(), "{tree:?} {oddities:?}");
    }

    #[test]
    fn what_cannot_be_read_is_told_and_costs_nothing_else() {
        let deep = format!("caddy{}", ".a".repeat(DEEPEST));
        let long = format!("caddy.{}", "a".repeat(LONGEST));
        let labels = [("caddy", "h"), ("caddy..a", ""), ("caddy.b.", ""), (deep.as_str(), ""), (&long, "")];
        let (tree, oddities) = grown(&labels);
        assert_eq!(tree.blocks.iter().map(|(_, block)| line(block)).collect::<Vec<_>>(), ["h"]);
        assert_eq!(oddities.len(), 4, "{oddities:?}");
        let (tree, _) = grown(&[("caddy", "h"), ("caddy.a", "{{")]);
        assert_eq!(tree.broken.as_deref(), Some("caddy.a: a template is not closed"));
    }
}
