//! A file of anybody's, walked through before anything is made of it: what it says it is, whether it is bounded, and which of
//! its fields this version does not know. Nothing of it is kept, however much there is.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::strangers::{LONGEST, bounded, printable};

use super::read::MOST_OF_A_LIST;

/// Fields of no known name that are told.
const MOST_UNKNOWN: usize = 16;

/// What may stand at a place.
#[derive(Clone, Copy, Debug)]
pub(super) enum Form {
    /// A table with these fields, or a list of such tables.
    Table(&'static [(&'static str, Form)]),
    /// Whatever it is, this is not where a name could be misspelt.
    Any,
}

use Form::{Any, Table};

/// The file. A test holds it against what is written.
pub(super) const FILE: Form = Table(&[
    ("format", Any),
    ("version", Any),
    ("taken_at", Any),
    ("engine", Any),
    ("networks", NETWORK),
    ("proxies", Table(&[("name", Any), ("kind", Any), ("networks", Any)])),
    ("routes", ROUTE),
    (
        "published",
        Table(&[
            ("host_ip", Any),
            ("host_port", Any),
            ("protocol", Any),
            ("workload", Any),
            ("container_port", Any),
        ]),
    ),
    ("swarm", Table(&[("tasks", Any), ("knows_services", Any)])),
    ("unread", Any),
]);
const NETWORK: Form = Table(&[
    ("name", Any),
    ("display_name", Any),
    ("id", Any),
    ("driver", Any),
    ("scope", Any),
    ("internal", Any),
    ("options", Any),
    ("labels", Any),
    ("subnets", Table(&[("subnet", Any), ("range", Any), ("gateway", Any)])),
    (
        "workloads",
        Table(&[
            ("name", Any),
            ("running", Any),
            ("stopped", Any),
            ("detached", Any),
            ("names", Any),
            ("has_more_names", Any),
            ("is_fixed", Any),
            ("addresses", Any),
            ("containers", Any),
        ]),
    ),
]);
const ROUTE: Form = Table(&[
    ("domain", Any),
    ("path", Any),
    ("destination", Any),
    ("servers", Table(&[("workload", Any), ("port", Any)])),
    ("schemes", Any),
    ("of_services", Any),
]);

/// A value by itself, in the file's own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// A text.
    Text(String),
    /// A whole number.
    Number(u64),
    /// Something else, for a person.
    Other(String),
}

/// What was seen on the way.
#[derive(Debug, Default)]
pub(super) struct Walked {
    /// The field `format`.
    pub(super) format: Option<Said>,
    /// The field `version`.
    pub(super) version: Option<Said>,
    /// A text, a list or a table is larger than any snapshot's.
    pub(super) is_too_large: bool,
    /// Fields that this version does not know, each by its way from the top.
    pub(super) unknown: Vec<String>,
}

/// # Errors
/// That it is no JSON, or ends within it.
pub(super) fn walk(text: &str) -> Result<Walked, serde_json::Error> {
    let mut walked = Walked::default();
    let mut reader = serde_json::Deserializer::from_str(text);
    Step { walked: &mut walked, form: FILE, way: Way::Top, keeps: false }.deserialize(&mut reader)?;
    reader.end()?;
    Ok(walked)
}

/// Where it is, from the top.
#[derive(Clone, Copy)]
enum Way<'a> {
    Top,
    In(&'a Way<'a>, &'a str),
}

impl fmt::Display for Way<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Top => Ok(()),
            Self::In(Self::Top, name) => f.write_str(name),
            Self::In(above, name) => write!(f, "{above}.{name}"),
        }
    }
}

/// One value. As deep as the reader of JSON goes, which is no more than 128.
struct Step<'w> {
    walked: &'w mut Walked,
    form: Form,
    way: Way<'w>,
    /// It is one of the two that are looked at.
    keeps: bool,
}

impl Step<'_> {
    fn other(&self, text: impl fmt::Display) -> Option<Said> {
        self.keeps.then(|| Said::Other(text.to_string()))
    }
}

impl<'de> DeserializeSeed<'de> for Step<'_> {
    type Value = Option<Said>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Step<'_> {
    type Value = Option<Said>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Self::Value, E> {
        Ok(self.other(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
        Ok(self.other(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
        Ok(self.keeps.then_some(Said::Number(value)))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Self::Value, E> {
        // With its point, or its power of ten: that is what is wrong with it.
        Ok(self.other(format_args!("{value:?}")))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Self::Value, E> {
        self.walked.is_too_large |= value.len() > LONGEST;
        Ok(self.keeps.then(|| Said::Text(bounded(value).to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut count = 0;
        let Self { walked, form, way, keeps } = self;
        while list.next_element_seed(Step { walked: &mut *walked, form, way, keeps: false })?.is_some() {
            count += 1;
        }
        walked.is_too_large |= count > MOST_OF_A_LIST;
        Ok(keeps.then(|| Said::Other("a list".to_owned())))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut table: A) -> Result<Self::Value, A::Error> {
        let mut count = 0;
        let Self { walked, form, way, keeps } = self;
        while let Some(name) = table.next_key::<String>()? {
            count += 1;
            walked.is_too_large |= name.len() > LONGEST;
            let is_top = matches!(way, Way::Top);
            let place = Way::In(&way, &name);
            let form = match form {
                Any => Any,
                Table(fields) => {
                    let known = fields.iter().find(|(known, _)| *known == name);
                    if known.is_none() && walked.unknown.len() < MOST_UNKNOWN {
                        let text = printable(bounded(&place.to_string()));
                        if !walked.unknown.contains(&text) {
                            walked.unknown.push(text);
                        }
                    }
                    known.map_or(Any, |(_, form)| *form)
                }
            };
            let is_kept = is_top && matches!(&*name, "format" | "version");
            let said =
                table.next_value_seed(Step { walked: &mut *walked, form, way: place, keeps: is_kept })?;
            match &*name {
                "format" if is_top => walked.format = said,
                "version" if is_top => walked.version = said,
                _ => {}
            }
        }
        walked.is_too_large |= count > MOST_OF_A_LIST;
        Ok(keeps.then(|| Said::Other("a table".to_owned())))
    }
}
