//! The YAML text as a tree whose every node knows where it stands.
//!
//! Reading into a tree first, instead of straight into the structs, is what lets `read` report every
//! error of a file: a derived reader stops at the first.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{Location, Spanned};

use super::Problem;

pub(super) type Node = Spanned<Value>;

#[derive(Debug)]
pub(super) enum Value {
    Null,
    Flag(bool),
    Whole(i128),
    Fraction(f64),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(Spanned<String>, Node)>),
}

impl Value {
    /// What stands there, for the sentence "expected …, found …".
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Null => "nothing".into(),
            Self::Flag(flag) => flag.to_string(),
            Self::Whole(number) => number.to_string(),
            Self::Fraction(number) => number.to_string(),
            Self::Text(text) => shown(text),
            Self::List(_) => "a list".into(),
            Self::Map(_) => "a group of settings".into(),
        }
    }
}

/// A stranger's text in a message: quoted, control signs escaped, and never long.
pub(super) fn shown(text: &str) -> String {
    const MOST: usize = 60;
    let mut short: String = text.chars().take(MOST).collect();
    if text.chars().nth(MOST).is_some() {
        short.push('…');
    }
    format!("{short:?}")
}

/// Line and column, or `None` where the reader does not know.
pub(super) fn place(location: Location) -> Option<(u64, u64)> {
    (location.line() > 0).then(|| (location.line(), location.column()))
}

/// Reads a document. `Ok(None)`: it holds nothing but comments.
pub(super) fn parse(text: &str) -> Result<Option<Node>, Problem> {
    let blank = |line: &str| {
        let line = line.trim();
        line.is_empty() || line.starts_with('#') || line == "---"
    };
    if text.trim_start_matches('\u{feff}').lines().all(blank) {
        return Ok(None);
    }
    let options = serde_saphyr::options! {
        // No setting is deeper than four: the bound keeps a hostile file from exhausting the stack.
        budget: serde_saphyr::budget! { max_depth: 32 },
        // A network may be called `no`.
        strict_booleans: true,
    };
    serde_saphyr::from_str_with_options::<Node>(text, options).map(Some).map_err(|error| {
        let error = error.without_snippet();
        let at = error.location().and_then(place);
        let mut message = error.to_string();
        // The place is told once, in front.
        if let Some((line, column)) = at {
            for tail in
                [format!(" at line {line}, column {column}"), format!("line {line} column {column}: ")]
            {
                message = message.replace(&tail, "");
            }
        }
        // Advice to programmers is no help to an operator.
        for advice in [", set DuplicateKeyPolicy", "; use from_str_multiple"] {
            if let Some((told, _)) = message.split_once(advice) {
                message = told.to_owned();
            }
        }
        Problem::new(at, "", format!("not readable as YAML: {message}"))
    })
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Builder)
    }
}

struct Builder;

impl<'de> Visitor<'de> for Builder {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a setting")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Value::deserialize(deserializer)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Value, E> {
        Ok(Value::Flag(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Whole(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::Whole(number.into()))
    }

    fn visit_i128<E>(self, number: i128) -> Result<Value, E> {
        Ok(Value::Whole(number))
    }

    fn visit_u128<E>(self, number: u128) -> Result<Value, E> {
        Ok(Value::Whole(i128::try_from(number).unwrap_or(i128::MAX)))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Value::Fraction(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.into()))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Value::Map(map))
    }
}
