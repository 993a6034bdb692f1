//! A walk through the directives of a site, in the order in which Caddy tries them.

use std::collections::BTreeMap;

use super::ground::{Answer, Fate, Ground};
use super::matcher::{Matcher, Named};
use super::order::{self, Key};
use super::reach::Reach;
use super::scope::{Scope, Step, taken};
use super::tree::Block;
use super::{redirect, upstream};
use crate::proxy::Leads;
use crate::strangers::bounded;

/// As many rules as a container may have.
pub(super) const MOST_RULES: usize = 64;

/// What it takes to bring one block into order.
const COST_OF_A_BLOCK: usize = 4;

/// Snippets may import others, and nest; Caddy refuses a circle.
const DEEPEST: usize = 32;

/// One directive that leads somewhere, and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Find {
    pub ground: Ground,
    pub leads: Leads,
}

/// What was found in a site.
pub(super) struct Walk<'a> {
    snippets: &'a BTreeMap<&'a str, &'a Block>,
    /// Work that is left to all sites of a container: labels could multiply it.
    work: &'a mut usize,
    depth: usize,
    pub finds: Vec<Find>,
    pub redirects: Vec<Find>,
    /// The first directive that answers by itself.
    pub answered_by: Option<String>,
    pub refused: Option<String>,
    pub is_cut: bool,
}

/// The matchers around a block, and whether Caddy sorts what is in it: in `route` it does not.
type Around<'n> = Option<(&'n Named<'n>, bool)>;

impl<'a> Walk<'a> {
    pub fn new(snippets: &'a BTreeMap<&'a str, &'a Block>, work: &'a mut usize) -> Self {
        Self {
            snippets,
            work,
            depth: 0,
            finds: Vec::new(),
            redirects: Vec::new(),
            answered_by: None,
            refused: None,
            is_cut: false,
        }
    }

    pub fn site(&mut self, block: &Block, reach: Reach) {
        self.scope(&block.children, Ground::of(reach), Vec::new(), None);
    }

    /// One block of directives, behind what answers before it; gives what answers in it, and whether who comes out of
    /// it unanswered has another path.
    fn scope(
        &mut self,
        blocks: &[Block],
        mut ground: Ground,
        answers: Vec<Answer>,
        around: Around<'_>,
    ) -> (Vec<Answer>, bool) {
        let (named, sorts) = around.map_or((None, true), |(named, sorts)| (Some(named), sorts));
        let mut directives = Vec::new();
        self.import(blocks, &mut directives, &mut ground);
        let named = match Named::of(&directives, named) {
            Ok(named) => named,
            Err(why) => {
                self.refuse(why);
                Named::default()
            }
        };
        let mut steps: Vec<Step<'_>> = Vec::new();
        for block in directives {
            if !block.name().starts_with('@') {
                steps.extend(self.step(block, &named));
            }
        }
        if sorts {
            order::sort(&mut steps, |step| Key {
                position: order::position(step.block.name()).unwrap_or_default(),
                has_matcher: step.matcher.as_ref().is_some_and(Matcher::is_some),
                only_path: step.matcher.as_ref().and_then(Matcher::only_path),
            });
        }
        self.depth += 1;
        let before = answers.len();
        let mut scope = Scope { ground, answers, handles: Vec::new() };
        for step in &steps {
            let cost = scope.ground.reach.pairs().len() * (scope.answers.len() + 2);
            if self.depth > DEEPEST || !self.afford(cost) {
                break;
            }
            self.take(step, &mut scope, &named);
        }
        self.depth -= 1;
        (scope.answers.split_off(before), scope.ground.is_moved())
    }

    /// Puts snippets in the place of what imports them.
    fn import<'b>(&mut self, blocks: &'b [Block], into: &mut Vec<&'b Block>, ground: &mut Ground)
    where
        'a: 'b,
    {
        for block in blocks {
            if !self.afford(COST_OF_A_BLOCK) {
                return;
            }
            if block.name() != "import" {
                into.push(block);
                continue;
            }
            let snippet = match block.arguments() {
                [name] if self.depth < DEEPEST && !block.unread => self.snippets.get(name.as_str()).copied(),
                _ => None,
            };
            match snippet {
                Some(snippet) => {
                    self.depth += 1;
                    self.import(&snippet.children, into, ground);
                    self.depth -= 1;
                }
                None => {
                    self.answered_by.get_or_insert_with(|| block.written());
                    ground.doubt(format!("{}, which is not in these labels", block.written()));
                }
            }
        }
    }

    /// Whether there is so much work left.
    fn afford(&mut self, cost: usize) -> bool {
        let left = self.work.checked_sub(cost);
        self.is_cut |= left.is_none();
        *self.work = left.unwrap_or_default();
        left.is_some()
    }

    fn step<'b>(&mut self, block: &'b Block, named: &Named<'_>) -> Option<Step<'b>> {
        // A block of its own kind of words: hosts, users, levels.
        if matches!(block.name(), "tls" | "bind" | "log" | "handle_errors" | "map" | "vars" | "try_files") {
            return None;
        }
        match named.of_directive(block.arguments()) {
            Ok((matcher, arguments)) => Some(Step { block, matcher, arguments }),
            Err(why) => {
                if !block.unread {
                    self.refuse(why);
                }
                Some(Step { block, matcher: None, arguments: block.arguments().get(1..).unwrap_or_default() })
            }
        }
    }

    fn take(&mut self, step: &Step<'_>, scope: &mut Scope, named: &Named<'_>) {
        let block = step.block;
        match block.name() {
            "reverse_proxy" => self.proxy(step, scope),
            "php_fastcgi" => {
                let ground = scope.stand(step);
                self.find(ground.clone(), upstream::fastcgi(step.arguments));
                scope.answer(step, &ground, taken(block));
            }
            "handle" | "handle_path" | "route" => self.enter(step, scope, named),
            "redir" => match redirect::read(step.arguments) {
                Ok(redirect) => {
                    let ground = scope.stand(step);
                    let leads = Leads::Elsewhere(block.written().into());
                    let find = Find { ground: ground.clone(), leads };
                    if self.redirects.len() < MOST_RULES && ground.fate == Fate::Come {
                        let ground = Ground { fate: Fate::Redirected(redirect.clone()), ..find.ground };
                        self.redirects.push(Find { ground, ..find });
                    }
                    scope.answer(step, &ground, Fate::Redirected(redirect));
                }
                Err(_) if block.unread => scope.ground.need(format!("{} is not read", block.written())),
                Err(why) => self.refuse(why),
            },
            "respond" | "error" | "abort" | "metrics" | "acme_server" => self.answer(step, scope),
            "file_server" if !block.children.iter().any(|child| child.name() == "pass_thru") => {
                self.answer(step, scope);
            }
            "basic_auth" | "basicauth" | "forward_auth" => {
                let ground = scope.stand(step);
                // The login may be asked for on a part of the paths alone: who is not asked is as right.
                scope.ground.guarded |= ground.reach.meets(&scope.ground.reach);
            }
            "uri" | "rewrite" => scope.rewrite(step),
            "invoke" => scope.ground.doubt(format!("{}, which is not in these labels", block.written())),
            name if order::position(name).is_none() => {
                scope.ground.doubt(format!("{}, which is not one of Caddy's own directives", bounded(name)));
            }
            _ => {}
        }
    }

    fn proxy(&mut self, step: &Step<'_>, scope: &mut Scope) {
        let ways = upstream::reverse_proxy(step.block, step.arguments);
        if let Some(why) = ways.refused {
            self.refuse(why);
        }
        let ground = scope.stand(step);
        let mut inside = ground.clone();
        inside.rewrites |= step.block.children.iter().any(|child| child.name() == "rewrite");
        for leads in ways.leads {
            self.find(inside.clone(), leads);
        }
        scope.answer(step, &ground, taken(step.block));
    }

    fn answer(&mut self, step: &Step<'_>, scope: &mut Scope) {
        self.answered_by.get_or_insert_with(|| step.block.written());
        let ground = scope.stand(step);
        scope.answer(step, &ground, taken(step.block));
    }

    fn enter(&mut self, step: &Step<'_>, scope: &mut Scope, named: &Named<'_>) {
        let block = step.block;
        let is_handle = block.name() != "route";
        let mut before = scope.answers.clone();
        if is_handle {
            // Those for the very same requests are one to Caddy.
            let others = scope.handles.iter().filter(|(matcher, _)| *matcher != step.matcher);
            before.extend(others.map(|(_, answer)| answer.clone()));
        }
        let mut ground = scope.ground.narrowed(step.matcher.as_ref(), &before);
        if block.unread {
            ground.need(format!("{} is not read", block.written()));
        }
        let outer = ground.clone();
        if block.name() == "handle_path" {
            match block.arguments() {
                [path, ..] if path.starts_with('/') => {
                    let open = path.strip_suffix('*').map(|open| open.strip_suffix('/').unwrap_or(open));
                    ground.changed |= !ground.strip(open.unwrap_or(path), true);
                }
                _ if block.unread => {}
                _ => self.refuse("handle_path names no path".to_owned()),
            }
        }
        let (inside, is_moved) = self.scope(&block.children, ground, before, Some((named, is_handle)));
        let Some(answer) = Answer::of(&outer, step.matcher.as_ref(), taken(block), block) else { return };
        for one in inside {
            scope.push(Answer { doubt: answer.doubt.clone().or(one.doubt), ..one });
        }
        if is_moved {
            scope.push(Answer { fate: Fate::Come, ..answer.clone() });
        }
        if is_handle {
            scope.handles.push((step.matcher.clone(), answer));
        }
    }

    fn find(&mut self, ground: Ground, leads: Leads) {
        let leads = match &ground.fate {
            Fate::Taken(why) => Leads::Elsewhere(bounded(why).into()),
            Fate::Come | Fate::Redirected(_) => leads,
        };
        if self.finds.len() < MOST_RULES {
            self.finds.push(Find { ground, leads });
        } else {
            self.is_cut = true;
        }
    }

    fn refuse(&mut self, why: String) {
        self.refused.get_or_insert(bounded(&why).to_owned());
    }
}
