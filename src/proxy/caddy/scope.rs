//! The directives of one block, while a walk goes through them.

use super::ground::{Answer, Fate, Ground};
use super::matcher::Matcher;
use super::reach::Path;
use super::tree::Block;

/// As many answers as are kept in mind at one place.
const MOST_ANSWERS: usize = 128;

/// One directive.
pub(super) struct Step<'b> {
    pub block: &'b Block,
    pub matcher: Option<Matcher>,
    pub arguments: &'b [String],
}

/// What was met in the block so far.
pub(super) struct Scope {
    pub ground: Ground,
    pub answers: Vec<Answer>,
    /// Of `handle` and `handle_path` only the first that fits is entered, whatever is in it.
    pub handles: Vec<(Option<Matcher>, Answer)>,
}

impl Scope {
    pub fn stand(&self, step: &Step<'_>) -> Ground {
        let mut ground = self.ground.narrowed(step.matcher.as_ref(), &self.answers);
        if step.block.unread {
            ground.need(format!("{} is not read", step.block.written()));
        }
        ground
    }

    pub fn answer(&mut self, step: &Step<'_>, ground: &Ground, fate: Fate) {
        if let Some(answer) = Answer::of(ground, step.matcher.as_ref(), fate, step.block) {
            self.push(answer);
        }
    }

    pub fn push(&mut self, answer: Answer) {
        if self.answers.len() < MOST_ANSWERS {
            self.answers.push(answer);
        }
    }

    /// The path is changed from here on: of every request, or of those that fit and come as if they were answered.
    pub fn rewrite(&mut self, step: &Step<'_>) {
        let is_for_all = step.matcher.as_ref().is_none_or(|matcher| !matcher.is_some());
        let mut moved = self.stand(step);
        match step.arguments {
            [word, ..] if step.block.name() == "uri" && word == "query" => return,
            [word, prefix, ..]
                if step.block.name() == "uri" && word == "strip_prefix" && !step.block.unread =>
            {
                if self.ground.strip(prefix, is_for_all) {
                    return;
                }
                let path = Path::Begins(format!("{}/{}", self.ground.base, prefix.trim_matches('/')));
                moved.reach = moved.reach.for_paths(&[path]);
            }
            _ if is_for_all => {
                (self.ground.changed, self.ground.rewrites) = (true, true);
                return;
            }
            _ => {}
        }
        self.answer(step, &moved, Fate::Come);
    }
}

pub(super) fn taken(block: &Block) -> Fate {
    Fate::Taken(format!("{} answers before", block.written()))
}
