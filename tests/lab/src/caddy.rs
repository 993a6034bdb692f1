//! What caddy-docker-proxy would have Caddy read of a container's labels, and Caddy itself.
//!
//! Written from the documentation of caddy-docker-proxy and on its own: what reads labels in the exporter is compared
//! with it. Of the templates only `{{upstreams …}}` and `{{""}}` are known.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::{self, Error, Result};

/// One block of a Caddyfile, before it is written.
#[derive(Debug, Default)]
struct Block {
    words: Vec<String>,
    order: Option<u64>,
    /// By the part of the label, number and all.
    inside: BTreeMap<String, Self>,
}

/// The Caddyfile of a container with these labels, and these addresses on the networks that it shares with Caddy.
///
/// # Errors
/// On a template that is not known here.
pub fn caddyfile(labels: &BTreeMap<String, String>, addresses: &[&str]) -> Result<String> {
    Ok(blocks(labels, addresses)?.concat())
}

/// As [`caddyfile`], each site, snippet and the global options apart. caddy-docker-proxy drops those that Caddy
/// refuses and keeps the others.
///
/// # Errors
/// On a template that is not known here.
pub fn blocks(labels: &BTreeMap<String, String>, addresses: &[&str]) -> Result<Vec<String>> {
    let mut root = Block::default();
    for (label, value) in labels {
        let parts = parts(label);
        let first = parts.first().map_or("", String::as_str);
        let is_caddy = first == "caddy"
            || first.strip_prefix("caddy_").is_some_and(|n| !n.is_empty() && n.chars().all(char::is_numeric));
        if !is_caddy {
            continue;
        }
        let mut block = &mut root;
        for (depth, part) in parts.into_iter().enumerate() {
            let (order, name) = name(&part);
            block = block.inside.entry(part).or_insert_with(|| Block {
                words: if depth == 0 { Vec::new() } else { vec![name] },
                order,
                ..Block::default()
            });
        }
        block.words.extend(words(&fill(value, addresses)?));
    }
    Ok(root.sorted().iter().map(|site| site.text(0)).collect())
}

/// The parts of a label: dots part them, unless a backslash stands before.
fn parts(label: &str) -> Vec<String> {
    let hidden = label.replace(r"\.", "\0");
    hidden.split('.').map(|part| part.replace('\0', ".")).collect()
}

/// `1_name_2`: a number in front orders, one behind only tells apart.
fn name(part: &str) -> (Option<u64>, String) {
    let number = |text: &str| if text.chars().all(|c| c.is_ascii_digit()) { text.parse().ok() } else { None };
    let (order, rest) = match part.split_once('_') {
        Some((front, rest)) if !rest.is_empty() && number(front).is_some() => (number(front), rest),
        _ => (None, part),
    };
    let rest = match rest.rsplit_once('_') {
        Some((name, behind)) if !name.is_empty() && number(behind).is_some() => name,
        _ => rest,
    };
    (order, rest.to_owned())
}

/// Puts addresses in the place of templates.
fn fill(value: &str, addresses: &[&str]) -> Result<String> {
    let mut out = String::new();
    let mut rest = value;
    while let Some((before, after)) = rest.split_once("{{") {
        let unknown = || Error::new(format!("a template that the lab does not know: {value}"));
        let (action, after) = after.split_once("}}").ok_or_else(unknown)?;
        let mut words = action.split_whitespace();
        let filled = match words.next() {
            Some("upstreams") => {
                let options: Vec<_> = words.collect();
                let is_known = |option: &&str| {
                    matches!(*option, "http" | "https" | "h2c") || option.parse::<u64>().is_ok()
                };
                if !options.iter().all(is_known) {
                    return Err(unknown());
                }
                let mut all: Vec<_> = addresses.iter().map(|address| upstream(address, &options)).collect();
                all.sort();
                all.join(" ")
            }
            Some("\"\"") => String::new(),
            _ => return Err(unknown()),
        };
        out += &format!("{before}{filled}");
        rest = after;
    }
    Ok(out + rest)
}

fn upstream(address: &str, options: &[&str]) -> String {
    options.iter().fold(address.to_owned(), |so_far, option| match option.parse::<u64>() {
        Ok(port) => format!("{so_far}:{port}"),
        Err(_) => format!("{option}://{so_far}"),
    })
}

/// The words of a value; double quotes and backticks keep white space in them.
fn words(value: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = value.trim_start();
    while let Some(first) = rest.chars().next() {
        let (word, after) = match first {
            '`' => rest[1..].split_once('`').unwrap_or((&rest[1..], "")),
            '"' => rest[1..].split_once('"').unwrap_or((&rest[1..], "")),
            _ => rest.split_at(rest.find(char::is_whitespace).unwrap_or(rest.len())),
        };
        words.push(word.to_owned());
        rest = after.trim_start();
    }
    words
}

impl Block {
    /// The global options first, then snippets, then matchers, then by number, then by the words, then by what is
    /// inside.
    fn compare(&self, other: &Self) -> Ordering {
        let key = |block: &Self| {
            let first = block.words.first().map_or("", String::as_str);
            let is_snippet = block.words.len() == 1 && first.starts_with('(') && first.ends_with(')');
            let order = block.order.unwrap_or(i32::MAX as u64);
            (!block.words.is_empty(), !is_snippet, !first.starts_with('@'), order)
        };
        let (own, others) = (self.sorted(), other.sorted());
        let inside = || own.iter().zip(&others).map(|(a, b)| a.compare(b)).find(|order| order.is_ne());
        key(self)
            .cmp(&key(other))
            .then_with(|| self.words.cmp(&other.words))
            .then_with(|| inside().unwrap_or_else(|| own.len().cmp(&others.len())))
    }

    fn sorted(&self) -> Vec<&Self> {
        let mut inside: Vec<_> = self.inside.values().collect();
        inside.sort_by(|a, b| a.compare(b));
        inside
    }

    fn text(&self, depth: usize) -> String {
        let quoted = |word: &String| match word {
            word if word.contains(['\n', '"']) => format!("`{word}`"),
            word if word.contains(' ') => format!("\"{word}\""),
            word => word.clone(),
        };
        let margin = "\t".repeat(depth);
        let words = self.words.iter().map(quoted).collect::<Vec<_>>().join(" ");
        if self.inside.is_empty() {
            return format!("{margin}{words}\n");
        }
        let inside: String = self.sorted().iter().map(|block| block.text(depth + 1)).collect();
        format!("{margin}{words} {{\n{inside}{margin}}}\n")
    }
}

/// The program.
#[derive(Clone, Debug)]
pub struct Caddy {
    path: PathBuf,
}

impl Caddy {
    /// Brings it, where it is not there yet.
    ///
    /// # Errors
    /// Where it cannot be had.
    pub fn get() -> Result<Self> {
        let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let path = project.join("target/lab/caddy");
        error::text_of(Command::new(project.join("scripts/get-caddy.sh")).arg(&path))?;
        Ok(Self { path })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it makes of a Caddyfile: its configuration in JSON, or what it says against it.
    ///
    /// # Errors
    /// Where it cannot be asked.
    pub fn adapt(&self, file: &Path) -> Result<std::result::Result<serde_json::Value, String>> {
        let mut command = Command::new(&self.path);
        command.args(["adapt", "--adapter", "caddyfile", "--config"]).arg(file);
        let output = error::output_of(&mut command)?;
        if !output.status.success() {
            return Ok(Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
        }
        let json = serde_json::from_slice(&output.stdout);
        json.map(Ok).map_err(|e| Error::new(format!("caddy adapt gave no JSON: {e}")))
    }
}
