//! A rule of a router: which hosts and paths it names.
//!
//! Traefik's rules are expressions in Go's syntax. A rule is read to the places that can be asked for; what else a
//! request must have is told in words. Depth, length and number are bounded: what is beyond is told, not read.

mod lexer;
mod matchers;
mod parser;
mod places;

use super::super::Place;
use crate::strangers::bounded;
use parser::Fault;

/// The longest rule that is read, in bytes.
const LONGEST: usize = 16 * 1024;

/// Which of Traefik's two languages of rules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Syntax {
    /// Traefik 2: ``Host(`a`, `b`)``, `HostHeader`, `Headers`, `{name:regexp}`.
    V2,
    /// Traefik 3: one value a matcher.
    V3,
    /// It is not known which: what either takes is taken.
    #[default]
    Either,
}

impl Syntax {
    /// By the tag of Traefik's image: `traefik:v2.11` reads rules of version 2.
    pub fn of_image(image: &str) -> Self {
        let name = image.split('@').next().unwrap_or(image);
        let tag = name.rsplit('/').next().and_then(|last| last.split_once(':')).map_or("", |(_, tag)| tag);
        let version = tag.trim_start_matches('v');
        match version.split(['.', '-']).next() {
            Some("2") => Self::V2,
            Some("3") => Self::V3,
            _ => Self::Either,
        }
    }
}

/// What a rule says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Read {
    /// In the order of the rule, without doubles.
    pub places: Vec<Place>,
    /// What else a request must have, in words.
    pub also: Option<String>,
    /// Why Traefik does not take it.
    pub refused: Option<String>,
    /// What is odd about it, and costs nothing.
    pub odd: Option<String>,
}

/// Reads a rule.
pub fn read(rule: &str, syntax: Syntax) -> Read {
    if rule.len() > LONGEST {
        return unread(&format!("it is longer than {LONGEST} bytes"));
    }
    let expression = match parser::parse(rule) {
        Ok(expression) => expression,
        Err(Fault::Refused(why)) => {
            return Read { refused: Some(bounded(&why).to_owned()), ..Read::default() };
        }
        Err(Fault::TooDeep) => return unread("its parentheses are nested too deep"),
    };
    let v3 = || matchers::check(&expression, Syntax::V3);
    let v2 = || matchers::check(&expression, Syntax::V2);
    let (spoken, verdict) = match syntax {
        Syntax::V2 => (Syntax::V2, v2().map(|()| None)),
        Syntax::V3 => (Syntax::V3, v3().map(|()| None)),
        Syntax::Either => match v3() {
            Ok(()) => (Syntax::V3, Ok(None)),
            Err(why) if v2().is_ok() => (Syntax::V2, Ok(Some(format!("Traefik 3 refuses it: {why}")))),
            Err(why) => (Syntax::V3, Err(why)),
        },
    };
    match verdict {
        Err(why) => Read { refused: Some(bounded(&why).to_owned()), ..Read::default() },
        Ok(odd) => {
            let (places, also) = places::of(&expression, spoken);
            Read { places, also, refused: None, odd: odd.map(|odd| bounded(&odd).to_owned()) }
        }
    }
}

fn unread(why: &str) -> Read {
    Read { also: Some(format!("whatever the rule says, which was not read: {why}")), ..Read::default() }
}

#[cfg(test)]
mod tests;
