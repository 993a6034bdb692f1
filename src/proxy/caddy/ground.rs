//! What holds where a directive stands: for which requests it is, and what happened to them before.

use std::sync::Arc;

use super::matcher::Matcher;
use super::reach::Reach;
use super::tree::Block;
use crate::proxy::Redirect;

/// As many notes as are kept of one directive.
const MOST_NOTES: usize = 8;

/// What becomes of requests before they come to a directive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Come,
    Redirected(Redirect),
    /// Something else answers them: why, in words.
    Taken(String),
}

#[derive(Clone, Debug)]
pub(super) struct Ground {
    pub reach: Reach,
    pub fate: Fate,
    /// What was taken away in front of every path.
    pub base: String,
    /// Paths are no more those that were asked for, in other ways than by `base`.
    pub changed: bool,
    pub strips: Vec<Arc<str>>,
    pub rewrites: bool,
    pub guarded: bool,
    /// What else a request must have, in words.
    pub also: Vec<String>,
    /// What may answer with a redirect or a refusal before it, in words.
    pub unsure: Vec<String>,
    /// No plain GET comes here.
    pub never_plain: bool,
}

impl Ground {
    pub fn of(reach: Reach) -> Self {
        Self {
            reach,
            fate: Fate::Come,
            base: String::new(),
            changed: false,
            strips: Vec::new(),
            rewrites: false,
            guarded: false,
            also: Vec::new(),
            unsure: Vec::new(),
            never_plain: false,
        }
    }

    /// Where a directive with this matcher stands, behind what answers before it.
    pub fn narrowed(&self, matcher: Option<&Matcher>, answers: &[Answer]) -> Self {
        let mut ground = self.clone();
        if let Some(matcher) = matcher {
            if self.changed && matcher.has_paths() {
                ground.need("the path is changed before it is matched".to_owned());
            } else {
                ground.reach = matcher.narrow(&self.reach, &self.base);
            }
            matcher.rest.iter().for_each(|rest| ground.need(rest.clone()));
            ground.never_plain |= matcher.never_plain;
        }
        if ground.reach.is_empty() {
            ground.fate = Fate::Taken("no request of the site fits the matcher".to_owned());
        } else if ground.fate == Fate::Come {
            ground.meet(answers);
        }
        ground
    }

    /// Takes away what is answered before.
    fn meet(&mut self, answers: &[Answer]) {
        let (mut free, mut redirected) = (Vec::new(), Vec::new());
        let mut fate = Fate::Come;
        let mut doubts = Vec::new();
        for pair in self.reach.pairs() {
            let first = answers.iter().find(|answer| {
                if answer.doubt.is_some() && answer.reach.touches(pair) {
                    doubts.extend(answer.doubt.clone());
                }
                answer.doubt.is_none() && answer.reach.covers(pair)
            });
            match first.map(|answer| &answer.fate) {
                None => free.push(pair.clone()),
                Some(Fate::Come) => {
                    free.push(pair.clone());
                    doubts.push(Doubt::Grave("its path is changed before".to_owned()));
                }
                Some(taken @ Fate::Taken(_)) => fate = taken.clone(),
                Some(other) => redirected.push((pair.clone(), other.clone())),
            }
        }
        if !free.is_empty() {
            self.reach = Reach::of(free);
        } else if let Some((_, first)) = redirected.first() {
            self.fate = first.clone();
            self.reach = Reach::of(redirected.into_iter().map(|(pair, _)| pair));
        } else {
            self.fate = fate;
        }
        for doubt in doubts {
            match doubt {
                Doubt::Mild(what) => self.doubt(what),
                Doubt::Grave(what) => self.need(what),
            }
        }
    }

    /// Paths are others than those that were asked for.
    pub fn is_moved(&self) -> bool {
        self.changed || !self.base.is_empty()
    }

    pub fn need(&mut self, what: String) {
        note(&mut self.also, what);
    }

    pub fn doubt(&mut self, what: String) {
        note(&mut self.unsure, what);
    }

    /// A prefix is taken away in front of the path. `all`: of every request; gives whether all of them have it.
    pub fn strip(&mut self, prefix: &str, all: bool) -> bool {
        if prefix.is_empty() {
            return true;
        }
        let slash = if prefix.starts_with('/') { "" } else { "/" };
        let prefix = format!("{slash}{prefix}");
        let base = format!("{}{}", self.base, prefix.trim_end_matches('/'));
        if all {
            self.strips.push(Arc::from(prefix));
        }
        let has_it = all && !self.changed && self.reach.is_below(&base);
        if has_it {
            self.base = base;
        }
        has_it
    }
}

fn note(notes: &mut Vec<String>, what: String) {
    if notes.len() < MOST_NOTES && !notes.contains(&what) {
        notes.push(what);
    }
}

/// An answer may be for other requests than ours: why, in words.
#[derive(Clone, Debug)]
pub(super) enum Doubt {
    /// It is a redirect or a refusal, and looks like one.
    Mild(String),
    /// It may be anything.
    Grave(String),
}

/// What a directive does with requests that are for it: none comes behind it, or it comes with another path.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub reach: Reach,
    pub fate: Fate,
    pub doubt: Option<Doubt>,
}

impl Answer {
    /// Of a directive. None where no request of ours fits.
    pub fn of(ground: &Ground, matcher: Option<&Matcher>, fate: Fate, block: &Block) -> Option<Self> {
        if matcher.is_some_and(|matcher| matcher.never_plain) {
            return None;
        }
        let rest = matcher.map_or(&[][..], |matcher| &matcher.rest);
        let moved = ground.changed && matcher.is_some_and(Matcher::has_paths);
        let is_doubtful = moved || block.unread || !rest.is_empty();
        let doubt = is_doubtful.then(|| {
            let what = format!("{} may answer before", block.written());
            if is_mild(block) { Doubt::Mild(what) } else { Doubt::Grave(what) }
        });
        Some(Self { reach: ground.reach.clone(), fate, doubt })
    }
}

fn is_mild(block: &Block) -> bool {
    let refuses = |word: &String| matches!(word.as_str(), "401" | "403" | "404");
    match block.name() {
        "redir" => true,
        "respond" | "error" => block.arguments().iter().any(refuses),
        _ => false,
    }
}
