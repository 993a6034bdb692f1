//! What a router's middlewares do to a request, as far as it shows outside.

use std::sync::Arc;

use super::super::Redirect;
use super::scalar;
use super::tree::Node;
use crate::strangers::bounded;

/// The most middlewares of one router that are followed, through chains too.
const MOST: usize = 64;
/// The most prefixes and doubts that are kept.
const KEPT: usize = 16;

/// What a request meets on its way to the service.
#[derive(Debug, Default)]
pub struct Effect {
    pub redirect: Option<Redirect>,
    /// It is asked for a login, or whence it comes.
    pub guarded: bool,
    /// Prefixes that are taken away.
    pub strips: Vec<Arc<str>>,
    /// What may change the answer, and cannot be told from these labels.
    pub unsure: Vec<String>,
    /// Why Traefik does not take the router.
    pub refused: Option<String>,
}

/// The effect of middlewares by name; `defined` are those of the same labels.
pub fn through(names: &str, defined: Option<&Node>) -> Effect {
    let mut walk = Walk { defined, effect: Effect::default(), left: MOST };
    walk.list(names, &mut Vec::new());
    walk.effect
}

/// The name without the provider, where that is the one of the labels.
pub fn own_name(name: &str) -> &str {
    name.strip_suffix("@docker").or_else(|| name.strip_suffix("@swarm")).unwrap_or(name)
}

struct Walk<'a> {
    defined: Option<&'a Node<'a>>,
    effect: Effect,
    left: usize,
}

impl<'a> Walk<'a> {
    /// `above` are the chains that led here.
    fn list(&mut self, names: &'a str, above: &mut Vec<&'a str>) {
        for name in scalar::list(names) {
            let Some(left) = self.left.checked_sub(1) else {
                self.unsure(format!("it passes more than {MOST} middlewares"));
                return;
            };
            self.left = left;
            self.one(own_name(name), above);
        }
    }

    fn one(&mut self, name: &'a str, above: &mut Vec<&'a str>) {
        // Two names that differ in case are one label and two middlewares.
        let node = self.defined.and_then(|all| all.named(name)).filter(|node| node.name == name);
        let Some(node) = node else {
            self.unsure(format!("its middleware `{}` is not defined by these labels", bounded(name)));
            return;
        };
        if above.contains(&name) {
            self.refuse(format!("its middleware `{}` leads back to itself", bounded(name)));
            return;
        }
        let mut kinds = node.children().filter(|(kind, node)| !may_be_off(kind) || node.is_on());
        match (kinds.next(), kinds.next()) {
            (Some(("chain", chain)), None) => {
                above.push(name);
                self.list(chain.text("middlewares"), above);
                above.pop();
            }
            (Some((kind, settings)), None) => self.apply(name, kind, settings),
            (None, _) => self.refuse(format!("its middleware `{}` is of no kind", bounded(name))),
            (Some(_), Some(_)) => {
                self.refuse(format!("its middleware `{}` is of more than one kind", bounded(name)));
            }
        }
    }

    fn apply(&mut self, name: &str, kind: &str, settings: &Node) {
        match kind {
            "redirectscheme" => match settings.text("scheme") {
                "" => {
                    self.refuse(format!("its middleware `{}` names no scheme to redirect to", bounded(name)))
                }
                scheme => {
                    let port = settings.text("port").parse().ok();
                    self.effect.redirect = Some(Redirect::Scheme(bounded(scheme).into(), port));
                }
            },
            // What leads to another scheme says more than a pattern.
            "redirectregex" if self.effect.redirect.is_none() => {
                self.effect.redirect = Some(Redirect::Elsewhere);
            }
            "basicauth" | "digestauth" | "ipallowlist" | "ipwhitelist" => self.effect.guarded = true,
            "forwardauth" => {
                self.effect.guarded = true;
                self.unsure(format!("`{}` asks another service, which may lead to a login", bounded(name)));
            }
            "stripprefix" => {
                for prefix in scalar::list(settings.text("prefixes")) {
                    if self.effect.strips.len() < KEPT {
                        self.effect.strips.push(bounded(prefix).into());
                    }
                }
            }
            "addprefix" | "replacepath" | "replacepathregex" | "stripprefixregex" => {
                self.unsure(format!("`{}` ({kind}) changes the path", bounded(name)));
            }
            "errors" => self.unsure(format!("`{}` answers in place of some errors", bounded(name))),
            "plugin" => self.unsure(format!("`{}` is a plugin", bounded(name))),
            "headers" if may_turn_away(settings) => {
                self.unsure(format!("`{}` (headers) may redirect or turn away", bounded(name)));
            }
            _ => {}
        }
    }

    fn unsure(&mut self, why: String) {
        if self.effect.unsure.len() < KEPT && !self.effect.unsure.contains(&why) {
            self.effect.unsure.push(why);
        }
    }

    fn refuse(&mut self, why: String) {
        self.effect.refused.get_or_insert(why);
    }
}

/// Kinds that a label may switch off: `compress=false`.
fn may_be_off(kind: &str) -> bool {
    matches!(kind, "compress" | "contenttype")
}

/// Traefik 2 redirects by headers too, and both check the host.
fn may_turn_away(headers: &Node) -> bool {
    ["sslredirect", "ssltemporaryredirect", "sslhost", "sslforcehost", "allowedhosts"]
        .iter()
        .any(|field| headers.at(field).is_some())
}
