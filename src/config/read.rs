//! From the tree to the configuration, collecting every problem on the way.
//!
//! What must never happen here: stopping at the first error, or taking a value that means something
//! else than what was written (a bare number is no duration, `yes` is no flag).

use std::time::Duration;

use super::problems::Problems;
use super::scalars::{
    address, duration, engine, flag, label, name, network, path as path_of, probe_kind, text, traffic_source,
    whole,
};
use super::settings::{Field, INTERVAL, TIMEOUT, settings};
use super::tree::{Node, Value, place, shown};
use super::{Config, Override, Problem, Timing};
use crate::outcome::ProbeKind;

/// Longer lists are a mistake, and each entry costs probes.
pub(super) const MOST_ENTRIES: usize = 1000;

/// Where the settings stand that the file sets: an error that shows only later points at one.
#[derive(Debug, Default)]
pub(super) struct Places(Vec<(String, Option<(u64, u64)>)>);

impl Places {
    /// The place of this one, where it has one.
    pub(super) fn of(&self, path: &str) -> Option<(u64, u64)> {
        self.0.iter().find(|(set, _)| set == path).and_then(|(_, place)| *place)
    }
}

/// What was read so far and what was wrong with it.
#[derive(Default)]
pub(super) struct Reader {
    config: Config,
    problems: Problems,
    set: Places,
}

impl Reader {
    pub(super) fn read(mut self, root: &Node) -> Result<(Config, Places), Vec<Problem>> {
        self.group("", root);
        self.together();
        self.problems.or((self.config, self.set))
    }

    /// A map of settings below `path`; nothing at all (everything commented out) leaves the defaults.
    fn group(&mut self, path: &str, node: &Node) {
        let entries = match &node.value {
            Value::Map(entries) => entries,
            Value::Null => return,
            other => {
                let known = children(path).join(", ");
                let found = other.describe();
                return self.problems.wrong(
                    node,
                    path,
                    format!("expected settings ({known}), found {found}"),
                );
            }
        };
        for (key, value) in entries {
            let full = if path.is_empty() { key.value.clone() } else { format!("{path}.{}", key.value) };
            // A key with a dot would be a second spelling of a setting, past the check for duplicates.
            let single = !key.value.contains('.');
            if let Some(setting) = settings().find(|setting| single && setting.path == full) {
                self.set.0.push((full, place(value.referenced)));
                self.leaf(setting.path, &setting.field, value);
            } else if single && !children(&full).is_empty() {
                self.group(&full, value);
            } else {
                // Without the stranger's key in the path it stays one short line.
                let message = unknown(&key.value, &children(path));
                self.problems.key(key, path, message);
            }
        }
    }

    fn leaf(&mut self, path: &str, field: &Field, node: &Node) {
        let expected = field.describe();
        match field {
            Field::Flag(at) => {
                if let Some(flag) = self.problems.take(path, node, flag) {
                    *at(&mut self.config) = flag;
                }
            }
            Field::Time(at, bounds) => {
                if let Some(time) = self.problems.take(path, node, |value| duration(value, *bounds)) {
                    *at(&mut self.config) = time;
                }
            }
            Field::Whole { write, least, most, .. } => {
                if let Some(number) = self.problems.take(path, node, |value| whole(value, *least, *most)) {
                    write(&mut self.config, number);
                }
            }
            Field::Engine(at) => {
                if let Some(host) = self.problems.take(path, node, |v| text(v, &expected).and_then(engine)) {
                    *at(&mut self.config) = host;
                }
            }
            Field::Folder(at) | Field::File(at) => {
                if let Some(there) = self.problems.take(path, node, |v| path_of(v, &expected)) {
                    *at(&mut self.config) = there;
                }
            }
            Field::Patterns(at) => {
                if let Some(list) = self.list(path, node, &expected, |v| text(v, "a pattern like `app-*`")) {
                    *at(&mut self.config) = list.into_iter().map(str::to_owned).collect();
                }
            }
            Field::Networks(at) => {
                let network = |v| text(v, "a network's name").and_then(network);
                if let Some(list) = self.list(path, node, &expected, network) {
                    *at(&mut self.config) = list;
                }
            }
            Field::Labels(at) => {
                let label = |v| text(v, "a label, `key` or `key=value`").and_then(label);
                if let Some(list) = self.list(path, node, &expected, label) {
                    *at(&mut self.config) = list;
                }
            }
            Field::Names(at) => {
                let name = |v| text(v, "a DNS name like `example.com`").and_then(name);
                if let Some(list) = self.list(path, node, &expected, name) {
                    *at(&mut self.config) = list;
                }
            }
            Field::Addresses(at) => {
                let address = |v| text(v, "an IP address like `1.1.1.1`").and_then(address);
                if let Some(list) = self.list(path, node, &expected, address) {
                    *at(&mut self.config) = list;
                }
            }
            Field::Ports(at) => {
                let port = |v: &_| whole(v, 1, 65535).map(|n| u16::try_from(n).unwrap_or(u16::MAX));
                if let Some(list) = self.list(path, node, &expected, port) {
                    *at(&mut self.config) = list;
                }
            }
            Field::Counters(at) => {
                if let Some(source) = self.problems.take(path, node, |value| traffic_source(value, &expected))
                {
                    *at(&mut self.config) = source;
                }
            }
            Field::Groups(at) => {
                let Value::List(items) = &node.value else {
                    let found = node.value.describe();
                    return self.problems.wrong(node, path, format!("expected {expected}, found {found}"));
                };
                let mut groups = Vec::new();
                for (n, item) in items.iter().take(MOST_ENTRIES).enumerate() {
                    groups.extend(self.one_group(&format!("{path}[{n}]"), item));
                }
                self.bounded(path, node, items.len());
                *at(&mut self.config) = groups;
            }
            Field::Overrides(at) => {
                let Value::List(items) = &node.value else {
                    let found = node.value.describe();
                    return self.problems.wrong(
                        node,
                        path,
                        format!("expected a list of overrides, found {found}"),
                    );
                };
                let mut list = Vec::new();
                for (n, item) in items.iter().take(MOST_ENTRIES).enumerate() {
                    list.extend(self.one_override(&format!("{path}[{n}]"), item));
                }
                self.bounded(path, node, items.len());
                *at(&mut self.config) = list;
            }
        }
    }

    /// One pattern alone joins nothing.
    fn one_group(&mut self, path: &str, node: &Node) -> Option<Vec<String>> {
        let expected = "a group of two patterns or more";
        let group = self.list(path, node, expected, |v| text(v, "a pattern like `app-*`"))?;
        if let Value::List(items) = &node.value
            && items.len() < 2
        {
            self.problems.wrong(node, path, format!("expected {expected}, found {}", items.len()));
            return None;
        }
        Some(group.into_iter().map(str::to_owned).collect())
    }

    fn bounded(&mut self, path: &str, node: &Node, entries: usize) {
        if entries > MOST_ENTRIES {
            self.problems.wrong(
                node,
                path,
                format!("expected at most {MOST_ENTRIES} entries, found {entries}"),
            );
        }
    }

    fn list<'n, T>(
        &mut self,
        path: &str,
        node: &'n Node,
        expected: &str,
        read: impl Fn(&'n Value) -> Result<T, String>,
    ) -> Option<Vec<T>> {
        let Value::List(items) = &node.value else {
            let found = node.value.describe();
            self.problems.wrong(node, path, format!("expected {expected}, found {found}"));
            return None;
        };
        self.bounded(path, node, items.len());
        let items = items.iter().take(MOST_ENTRIES).enumerate();
        Some(items.filter_map(|(n, item)| self.problems.take(&format!("{path}[{n}]"), item, &read)).collect())
    }

    fn one_override(&mut self, path: &str, node: &Node) -> Option<Override> {
        const KEYS: [&str; 5] = ["destination", "kind", "enabled", "interval", "timeout"];
        let Value::Map(entries) = &node.value else {
            let found = node.value.describe();
            self.problems.wrong(
                node,
                path,
                format!("expected settings ({}), found {found}", KEYS.join(", ")),
            );
            return None;
        };
        let before = self.problems.len();
        let (mut destination, mut kind) = (None, None);
        let (mut enabled, mut interval, mut timeout) = (None, None, None);
        for (key, value) in entries {
            let full = format!("{path}.{}", key.value);
            match key.value.as_str() {
                "destination" => {
                    destination = self.problems.take(&full, value, |v| text(v, "a pattern like `app-*`"))
                }
                "kind" => kind = self.problems.take(&full, value, probe_kind),
                "enabled" => enabled = self.problems.take(&full, value, flag),
                "interval" => interval = self.problems.take(&full, value, |v| duration(v, INTERVAL)),
                "timeout" => timeout = self.problems.take(&full, value, |v| duration(v, TIMEOUT)),
                other => {
                    let keys: Vec<String> = KEYS.iter().map(ToString::to_string).collect();
                    let message = unknown(other, &keys);
                    self.problems.key(key, path, message);
                }
            }
        }
        let has = |key: &str| entries.iter().any(|(k, _)| k.value == key);
        for key in ["destination", "kind"] {
            if !has(key) {
                self.problems.wrong(node, path, format!("expected `{key}`, which is missing"));
            }
        }
        if !["enabled", "interval", "timeout"].iter().any(|key| has(key)) {
            self.problems.wrong(node, path, "changes nothing: expected `enabled`, `interval` or `timeout`");
        }
        if self.problems.len() > before {
            return None;
        }
        Some(Override { destination: destination?.to_owned(), kind: kind?, enabled, interval, timeout })
    }

    /// What only two settings together get wrong: echo requests that are still being sent when the run's
    /// time is up would make every run fail.
    fn together(&mut self) {
        let probes = &self.config.probes;
        let sending = probes.icmp_spacing * u32::from(probes.icmp_packets.saturating_sub(1));
        let base =
            [("probes.icmp.timeout", probes.icmp), ("probes.icmp_external.timeout", probes.icmp_external)];
        let mut timeouts: Vec<(String, Duration)> =
            base.map(|(path, Timing { timeout, .. })| (path.to_owned(), timeout)).to_vec();
        for (n, over) in probes.overrides.iter().enumerate() {
            if let (ProbeKind::Icmp | ProbeKind::IcmpExternal, Some(timeout)) = (over.kind, over.timeout) {
                timeouts.push((format!("probes.overrides[{n}].timeout"), timeout));
            }
        }
        for (path, timeout) in timeouts {
            if sending < timeout {
                continue;
            }
            let related = [path.as_str(), "probes.icmp_spacing", "probes.icmp_packets", "probes.overrides"];
            let at =
                related.iter().find_map(|p| self.set.0.iter().find(|(set, _)| set == p)).and_then(|s| s.1);
            let message = format!(
                "expected more than {} (probes.icmp_packets and probes.icmp_spacing: so long the sending takes), found {}",
                super::settings::time(sending),
                super::settings::time(timeout)
            );
            self.problems.push(Problem::new(at, path, message));
        }
    }
}

/// The names that may stand below `path`.
fn children(path: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for setting in settings() {
        let below = if path.is_empty() {
            Some(setting.path)
        } else {
            setting.path.strip_prefix(path).and_then(|rest| rest.strip_prefix('.'))
        };
        if let Some(name) = below.and_then(|rest| rest.split('.').next())
            && !names.iter().any(|known| known == name)
        {
            names.push(name.to_owned());
        }
    }
    names
}

pub(super) fn unknown(key: &str, known: &[String]) -> String {
    let near = known.iter().map(|name| (distance(key, name), name)).min().filter(|(far, _)| *far <= 3);
    match near {
        Some((_, name)) => format!("unknown setting {}; did you mean `{name}`?", shown(key)),
        None => format!("unknown setting {}; expected one of {}", shown(key), known.join(", ")),
    }
}

/// How many signs differ (Levenshtein); a stranger's long key is not worth the work.
fn distance(a: &str, b: &str) -> usize {
    if a.len() > 64 {
        return usize::MAX;
    }
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut next = vec![i + 1];
        let mut left = i + 1;
        for (pair, y) in row.windows(2).zip(&b) {
            let &[diagonal, above] = pair else { continue };
            left = (diagonal + usize::from(x != *y)).min(above + 1).min(left + 1);
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or(usize::MAX)
}
