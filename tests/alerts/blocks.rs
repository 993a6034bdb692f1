//! The rule files in pieces: one rule with what it needs, as it is or changed.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// One rule, as it is written.
#[derive(Clone, Debug)]
pub struct Block {
    pub name: String,
    pub is_alert: bool,
    pub text: String,
}

impl Block {
    /// The value of a label; empty where there is none.
    pub fn label(&self, label: &str) -> &str {
        let wanted = format!("{label}: ");
        self.text.lines().find_map(|line| line.trim().strip_prefix(&wanted)).unwrap_or_default()
    }
}

/// All rules of a folder.
pub fn read(folder: &Path) -> Vec<Block> {
    let mut files: Vec<_> =
        fs::read_dir(folder).expect("alerts is there").map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files.retain(|path| path.to_string_lossy().ends_with(".rules.yml"));
    files.iter().flat_map(|path| parse(&fs::read_to_string(path).expect("readable"))).collect()
}

fn parse(text: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    for line in text.lines() {
        let heads = [("      - alert: ", true), ("      - record: ", false)];
        let head = heads.iter().find_map(|(head, is_alert)| Some((line.strip_prefix(head)?, *is_alert)));
        if let Some((name, is_alert)) = head {
            blocks.push(Block { name: name.to_owned(), is_alert, text: String::new() });
        }
        if let Some(block) = blocks.last_mut().filter(|_| line.starts_with("      ")) {
            block.text.push_str(line);
            block.text.push('\n');
        }
    }
    blocks
}

/// What is recorded for an alert, but what the case gives itself.
pub fn needs<'a>(all: &'a [Block], alert: &Block, given: &dyn Fn(&str) -> bool) -> Vec<&'a Block> {
    let mut wanted: BTreeSet<&str> = BTreeSet::new();
    let mut texts = vec![alert.text.as_str()];
    while let Some(text) = texts.pop() {
        let needed = |block: &&Block| !block.is_alert && !given(&block.name) && mentions(text, &block.name);
        for block in all.iter().filter(needed) {
            if wanted.insert(&block.name) {
                texts.push(&block.text);
            }
        }
    }
    all.iter().filter(|block| !block.is_alert && wanted.contains(block.name.as_str())).collect()
}

/// A file of these rules.
pub fn file<'a>(blocks: impl IntoIterator<Item = &'a Block>) -> String {
    let mut file = String::from("groups:\n  - name: all\n    rules:\n");
    blocks.into_iter().for_each(|block| file.push_str(&block.text));
    file
}

/// The text with another name, where it is not only the beginning of one.
pub fn renamed(text: &str, name: &str, to: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(name) {
        let (before, after) = rest.split_at(at + name.len());
        out.push_str(before);
        if !after.starts_with(is_of_name) && !out[..out.len() - name.len()].ends_with(is_of_name) {
            out.truncate(out.len() - name.len());
            out.push_str(to);
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

fn is_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == ':'
}

/// Whether a text has this name, and not only one that begins so.
pub fn mentions(text: &str, name: &str) -> bool {
    text.match_indices(name).any(|(at, _)| {
        text.get(at + name.len()..).is_some_and(|rest| !rest.starts_with(is_of_name))
            && text.get(..at).is_some_and(|before| !before.ends_with(is_of_name))
    })
}
