//! The labels of caddy-docker-proxy: they are a Caddyfile in other letters, and read as Caddy reads it.
//!
//! What the labels do not hold is not seen: other containers' sites of the same host, the proxy's own Caddyfile,
//! global options (`auto_https off`), another prefix than `caddy`.

mod address;
mod ground;
mod matcher;
mod order;
mod reach;
mod redirect;
mod scope;
mod site;
mod template;
#[cfg(test)]
mod tests;
mod told;
mod tree;
mod upstream;
mod walk;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Labels;
use crate::strangers::bounded;
use site::{Common, Site};
use told::Told;
use tree::{Block, Tree};
use walk::MOST_RULES;

/// Work for all sites of a container, counted in pairs of a host and a path that are looked at.
const MOST_WORK: usize = 1 << 16;

/// Reads a container's labels.
pub fn read(labels: &BTreeMap<String, String>) -> Labels {
    let mut told = Told::default();
    let Tree { blocks, broken } = tree::grow(labels, &mut told);
    let snippets = blocks.iter().filter_map(|(_, block)| Some((snippet(block)?, block))).collect();
    let mut common = Common { snippets, work: MOST_WORK, told };
    let mut sites: Vec<Site> = Vec::new();
    let mut seen = BTreeMap::new();
    for (prefix, block) in &blocks {
        if !is_site(prefix, block, &mut common.told) {
            continue;
        }
        if sites.len() == MOST_RULES {
            common.told.tell(format!("more than {MOST_RULES} sites: the others are not read"));
            break;
        }
        let mut site = site::read(prefix, block, &mut common);
        let why = broken.clone().or_else(|| ambiguous(block, &mut seen));
        if let Some(why) = why {
            site.refused.get_or_insert(bounded(&why).to_owned());
            site.rules.iter_mut().for_each(|rule| rule.refused.clone_from(&site.refused));
        }
        sites.push(site);
    }
    let mut rules = site::automatic(&sites);
    rules.splice(0..0, sites.into_iter().flat_map(|site| site.rules));
    rules.sort_by(|a, b| a.name.cmp(&b.name));
    if rules.len() > MOST_RULES {
        common.told.tell(format!("more than {MOST_RULES} rules: the others are left out"));
        rules.truncate(MOST_RULES);
    }
    if let Some(why) = broken {
        common.told.tell(format!("the proxy takes none of these labels: {why}"));
    }
    let network = labels.get("caddy_ingress_network").map(|network| Arc::from(bounded(network)));
    Labels { network, rules, oddities: common.told.into_oddities(), ..Labels::default() }
}

/// The name of `(name)`.
fn snippet(block: &Block) -> Option<&str> {
    match block.words.as_slice() {
        [word] => word.strip_prefix('(')?.strip_suffix(')'),
        _ => None,
    }
}

/// Whether a block is a site: it may be a snippet, a named route, or, without an address, the global options.
fn is_site(prefix: &str, block: &Block, told: &mut Told) -> bool {
    if block.unread {
        return true;
    }
    match block.words.as_slice() {
        [] => {
            let serves =
                ["reverse_proxy", "handle", "handle_path", "route", "redir", "respond", "file_server"];
            if block.children.iter().any(|child| serves.contains(&child.name())) {
                told.tell(format!(
                    "{prefix} has directives and no address: Caddy takes them for global options"
                ));
            }
            false
        }
        [word, ..] if word == "import" => {
            told.tell(format!("{prefix} imports what is not in these labels"));
            false
        }
        [word] if word.starts_with('(') || word.starts_with("&(") => false,
        _ => true,
    }
}

/// Two sites may have all of their addresses in common, as then they are one, or none.
fn ambiguous<'a>(block: &'a Block, seen: &mut BTreeMap<&'a str, BTreeSet<&'a str>>) -> Option<String> {
    let own: BTreeSet<_> =
        block.words.iter().map(|word| word.trim_end_matches(',')).filter(|word| !word.is_empty()).collect();
    let why = own.iter().find(|word| seen.get(*word).is_some_and(|others| *others != own));
    let why = why.map(|word| format!("ambiguous: another site of these labels has the address {word} too"));
    if why.is_none() {
        own.iter().for_each(|word| {
            seen.insert(word, own.clone());
        });
    }
    why
}
