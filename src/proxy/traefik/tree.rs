//! Labels as Traefik nests them: `a.b.c=v` is `v` below `c` below `b` below `a`.
//!
//! Names that differ in case alone are one, called as the first of them in the order of bytes; the last value of
//! them is the value. Flags of its command line and variables of its environment are nested in the same way.

use std::collections::BTreeMap;

/// No label of Traefik is deeper; what a plugin reads may be.
const DEEPEST: usize = 16;

/// One name, with what stands below it.
#[derive(Debug, Default)]
pub struct Node<'a> {
    /// As it was written.
    pub name: &'a str,
    /// Empty where nothing is said.
    pub value: &'a str,
    children: BTreeMap<String, Node<'a>>,
}

impl<'a> Node<'a> {
    /// Adds one label; an error is one that Traefik loses the whole container over.
    pub fn add(&mut self, key: &'a str, value: &'a str) -> Result<(), String> {
        let mut parts = Vec::new();
        for part in key.split('.') {
            if part.is_empty() {
                return Err("a name between two dots is empty".to_owned());
            }
            if part.starts_with('[') {
                return Err("a name begins with a bracket".to_owned());
            }
            match part.ends_with(']').then(|| part.find('[')) {
                None => parts.push(part),
                Some(Some(bracket)) => parts.extend([&part[..bracket], &part[bracket..]]),
                Some(None) => return Err("a bracket is closed and was not opened".to_owned()),
            }
            if parts.len() > DEEPEST {
                return Err(format!("it is nested deeper than {DEEPEST} names"));
            }
        }
        let mut node = self;
        for part in parts {
            node = node
                .children
                .entry(part.to_lowercase())
                .or_insert_with(|| Node { name: part, ..Node::default() });
        }
        node.value = value;
        Ok(())
    }

    /// What stands below, by name in lower case.
    pub fn children(&self) -> impl ExactSizeIterator<Item = (&str, &Self)> {
        self.children.iter().map(|(name, node)| (name.as_str(), node))
    }

    /// Whether nothing stands below.
    pub fn is_leaf(&self) -> bool {
        self.children.is_empty()
    }

    /// What stands below a path of names, in lower case and parted by dots.
    pub fn at(&self, path: &str) -> Option<&Self> {
        path.split('.').try_fold(self, |node, name| node.children.get(name))
    }

    /// What stands below a name that the user chose, in any case.
    pub fn named(&self, name: &str) -> Option<&Self> {
        self.children.get(&name.to_lowercase())
    }

    /// The value at a path; empty where nothing is said.
    pub fn text(&self, path: &str) -> &'a str {
        self.at(path).map_or("", |node| node.value)
    }

    /// Whether something that may stand alone (`tls=true`) is there: with any other value it is not, whatever
    /// stands below it.
    pub fn is_on(&self) -> bool {
        self.value.is_empty() || self.value.eq_ignore_ascii_case("true")
    }

    /// What stands at a path and is on.
    pub fn on(&self, path: &str) -> Option<&Self> {
        self.at(path).filter(|node| node.is_on())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_is_no_difference_and_the_last_value_counts() {
        let mut root = Node::default();
        for (key, value) in [("t.App.Rule", "1"), ("t.app.port", "2"), ("t.app.rule", "3")] {
            root.add(key, value).expect("fine");
        }
        assert_eq!(root.at("t").expect("there").children().len(), 1);
        assert_eq!(root.at("t.app").map(|app| app.name), Some("App"));
        assert_eq!(
            (root.text("t.app.rule"), root.text("t.app.port"), root.text("t.app.x.y")),
            ("3", "2", "")
        );
    }

    #[test]
    fn brackets_are_a_name_of_their_own() {
        let mut root = Node::default();
        root.add("t.domains[0].main", "a").expect("fine");
        assert_eq!(root.text("t.domains.[0].main"), "a");
        for wrong in ["t..x", "", "t.[0]", "t.x]", &"a.".repeat(99)] {
            assert!(Node::default().add(wrong, "").is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_may_stand_alone_is_on_or_off() {
        for (value, on) in [("", true), ("TRUE", true), ("false", false), ("1", false), ("yes", false)] {
            let mut root = Node::default();
            root.add("tls", value).expect("fine");
            root.add("tls.options", "x").expect("fine");
            assert_eq!(root.on("tls").is_some(), on, "{value}");
        }
    }
}
