//! Matchers: which of a site's requests a directive is for.

use std::collections::BTreeMap;

use super::reach::{Host, MOST_PAIRS, Path, Reach};
use super::tree::Block;

/// One matcher: all of it has to fit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Matcher {
    hosts: Option<Vec<String>>,
    /// As written: below what was taken away of the path they mean another one.
    paths: Option<Vec<String>>,
    /// What else has to fit, in words.
    pub rest: Vec<String>,
    /// A plain GET does not fit it, whatever its host and path.
    pub never_plain: bool,
}

impl Matcher {
    fn path(text: &str) -> Self {
        Self { paths: Some(vec![text.to_owned()]), ..Self::default() }
    }

    /// One line of a named matcher.
    fn add(&mut self, module: &str, arguments: &[String]) {
        let kept = arguments.iter().take(MOST_PAIRS).cloned();
        match module {
            "host" => self.hosts.get_or_insert_default().extend(kept),
            "path" => self.paths.get_or_insert_default().extend(kept),
            _ => {
                self.never_plain |= is_never_plain(module, arguments);
                self.rest.push([&[module.to_owned()], arguments].concat().join(" "));
            }
        }
    }

    /// It leaves something out.
    pub fn is_some(&self) -> bool {
        self.hosts.is_some() || self.paths.is_some() || !self.rest.is_empty()
    }

    pub fn has_paths(&self) -> bool {
        self.paths.is_some()
    }

    /// What it leaves of a reach, below `base`.
    pub fn narrow(&self, reach: &Reach, base: &str) -> Reach {
        let reach = match &self.hosts {
            None => reach.clone(),
            Some(hosts) => {
                let hosts: Vec<_> = hosts.iter().take(MOST_PAIRS).map(|host| Host::read(host)).collect();
                reach.for_hosts(&hosts)
            }
        };
        match &self.paths {
            None => reach,
            Some(paths) => {
                let paths: Vec<_> =
                    paths.iter().take(MOST_PAIRS).map(|path| Path::read(path, base)).collect();
                reach.for_paths(&paths)
            }
        }
    }

    /// The one path that it names and nothing else: such are tried from the longest to the shortest.
    pub fn only_path(&self) -> Option<&str> {
        match self.paths.as_deref() {
            Some([path]) => Some(path),
            _ => None,
        }
    }
}

/// A GET without a query, without what only a WebSocket's or a form's request has.
fn is_never_plain(module: &str, arguments: &[String]) -> bool {
    let first = arguments.first().map_or("", String::as_str).to_ascii_lowercase();
    match module {
        "method" => !arguments.iter().any(|method| method.eq_ignore_ascii_case("GET")),
        "query" => arguments.iter().all(|query| query.contains('=')) && !arguments.is_empty(),
        "header" => match first.as_str() {
            "upgrade" | "content-type" | "origin" | "authorization" | "cookie" => true,
            "connection" => arguments.iter().any(|value| value.to_ascii_lowercase().contains("upgrade")),
            _ => false,
        },
        _ => false,
    }
}

/// The named matchers of a site or a block in it, and of what is around it.
#[derive(Debug, Default)]
pub(super) struct Named<'a> {
    own: BTreeMap<&'a str, Matcher>,
    around: Option<&'a Self>,
}

impl<'a> Named<'a> {
    /// # Errors
    /// Why Caddy refuses the site.
    pub fn of(blocks: &[&'a Block], around: Option<&'a Self>) -> Result<Self, String> {
        let mut named = Self { own: BTreeMap::new(), around };
        for block in blocks.iter().filter(|block| block.name().starts_with('@')) {
            if named.get(block.name()).is_some() {
                return Err(format!("the matcher {} is defined more than once", block.name()));
            }
            named.own.insert(block.name(), definition(block));
        }
        Ok(named)
    }

    fn get(&self, name: &str) -> Option<&Matcher> {
        self.own.get(name).or_else(|| self.around?.get(name))
    }

    /// A directive's matcher, where it has one, and its other arguments.
    ///
    /// # Errors
    /// Why Caddy refuses the site.
    pub fn of_directive<'b>(
        &self,
        arguments: &'b [String],
    ) -> Result<(Option<Matcher>, &'b [String]), String> {
        let Some((first, others)) = arguments.split_first() else { return Ok((None, arguments)) };
        if first == "*" {
            Ok((None, others))
        } else if first.starts_with('/') {
            Ok((Some(Matcher::path(first)), others))
        } else if first.starts_with('@') {
            let matcher = self.get(first).ok_or_else(|| format!("there is no matcher {first}"))?;
            Ok((Some(matcher.clone()), others))
        } else {
            Ok((None, arguments))
        }
    }
}

fn definition(block: &Block) -> Matcher {
    let mut matcher = Matcher::default();
    if let Some((module, arguments)) = block.arguments().split_first() {
        matcher.add(module, arguments);
    }
    for line in &block.children {
        matcher.add(line.name(), line.arguments());
    }
    if block.unread || block.children.iter().any(|line| line.unread) {
        matcher.rest.push("a template that is not read".to_owned());
    }
    matcher
}
