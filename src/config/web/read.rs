//! From the tree to [`Web`], collecting every problem on the way.
//!
//! What must never happen here: a password in a message, or a setting that exporter-toolkit knows taken and
//! not kept.

use std::path::Path;

use super::super::problems::Problems;
use super::super::read::{MOST_ENTRIES, unknown};
use super::super::scalars::{duration, flag, whole};
use super::super::settings::bounds;
use super::super::tree::{Node, Value};
use super::values::{hash_of, header};
use super::{Problem, RateLimit, Secret, Web};

const HEADERS: [&str; 5] = [
    "Content-Security-Policy",
    "X-Frame-Options",
    "X-Content-Type-Options",
    "X-XSS-Protection",
    "Strict-Transport-Security",
];

pub(super) struct Reader<'f> {
    pub(super) folder: &'f Path,
    pub(super) problems: Problems,
}

impl<'f> Reader<'f> {
    pub(super) fn new(folder: &'f Path) -> Self {
        Self { folder, problems: Problems::default() }
    }

    pub(super) fn read(mut self, root: &Node) -> Result<Web, Vec<Problem>> {
        let mut web = Web::default();
        let known = ["tls_server_config", "http_server_config", "basic_auth_users", "rate_limit"];
        for (key, node) in self.group("", root, &known) {
            match key {
                "tls_server_config" => web.tls = self.tls(node),
                "http_server_config" => web.headers = self.http(node),
                "basic_auth_users" => web.users = self.users(node),
                _ => web.rate_limit = self.rate_limit(node),
            }
        }
        self.problems.or(web)
    }

    /// The entries below `path` that are known; nothing at all is none.
    pub(super) fn group<'n>(
        &mut self,
        path: &str,
        node: &'n Node,
        known: &[&str],
    ) -> Vec<(&'n str, &'n Node)> {
        let names: Vec<String> = known.iter().map(ToString::to_string).collect();
        let entries = match &node.value {
            Value::Map(entries) => entries,
            Value::Null => return Vec::new(),
            other => {
                let message = format!("expected settings ({}), found {}", names.join(", "), other.describe());
                self.problems.wrong(node, path, message);
                return Vec::new();
            }
        };
        let mut found = Vec::new();
        for (key, value) in entries {
            if names.contains(&key.value) {
                found.push((key.value.as_str(), value));
            } else {
                let message = unknown(&key.value, &names);
                self.problems.key(key, path, message);
            }
        }
        found
    }

    pub(super) fn list<T>(
        &mut self,
        path: &str,
        node: &Node,
        expected: &str,
        read: impl Fn(&Value) -> Result<T, String>,
    ) -> Option<Vec<T>> {
        let Value::List(items) = &node.value else {
            self.problems.wrong(
                node,
                path,
                format!("expected a list of {expected}, found {}", node.value.describe()),
            );
            return None;
        };
        if items.len() > MOST_ENTRIES {
            self.problems.wrong(
                node,
                path,
                format!("expected at most {MOST_ENTRIES} entries, found {}", items.len()),
            );
        }
        let items = items.iter().take(MOST_ENTRIES).enumerate();
        let read: Vec<T> =
            items.filter_map(|(n, item)| self.problems.take(&format!("{path}[{n}]"), item, &read)).collect();
        (!read.is_empty()).then_some(read)
    }

    fn http(&mut self, node: &Node) -> Vec<(String, String)> {
        let mut headers = Vec::new();
        for (key, node) in self.group("http_server_config", node, &["http2", "headers"]) {
            if key == "http2" {
                // HTTP/1.1 is all that is spoken, and every caller speaks it.
                self.problems.take("http_server_config.http2", node, flag);
                continue;
            }
            for (name, node) in self.group("http_server_config.headers", node, &HEADERS) {
                let path = format!("http_server_config.headers.{name}");
                if let Some(value) = self.problems.take(&path, node, |value| header(name, value)) {
                    headers.push((name.to_owned(), value));
                }
            }
        }
        headers
    }

    fn users(&mut self, node: &Node) -> Vec<(String, Secret)> {
        const PATH: &str = "basic_auth_users";
        let entries = match &node.value {
            Value::Map(entries) => entries,
            Value::Null => return Vec::new(),
            _ => {
                self.problems.wrong(node, PATH, "expected users, each with the bcrypt hash of its password");
                return Vec::new();
            }
        };
        if entries.len() > MOST_ENTRIES {
            self.problems.wrong(
                node,
                PATH,
                format!("expected at most {MOST_ENTRIES} users, found {}", entries.len()),
            );
        }
        let mut users = Vec::new();
        for (name, hash) in entries.iter().take(MOST_ENTRIES) {
            let user = &name.value;
            if user.is_empty() || user.len() > 255 || user.contains(|c: char| c == ':' || c.is_control()) {
                // Without a space after the colon a password is part of it: it is not repeated.
                let message = "expected a user's name of at most 255 bytes without a colon, and behind a colon \
                    and a space the bcrypt hash of its password";
                self.problems.key(name, PATH, message);
            } else if let Some(hash) = self.problems.take(&format!("{PATH}.{user}"), hash, hash_of) {
                users.push((user.clone(), hash));
            }
        }
        users
    }

    fn rate_limit(&mut self, node: &Node) -> Option<RateLimit> {
        let (mut interval, mut burst) = (None, None);
        for (key, node) in self.group("rate_limit", node, &["interval", "burst"]) {
            match key {
                "interval" => {
                    interval = self
                        .problems
                        .take("rate_limit.interval", node, |v| duration(v, bounds(0, 86_400_000)));
                }
                _ => burst = self.problems.take("rate_limit.burst", node, |v| whole(v, 0, 1_000_000)),
            }
        }
        let interval = interval.filter(|interval| !interval.is_zero())?;
        let burst = burst.and_then(|burst| u32::try_from(burst).ok()).unwrap_or(0);
        if burst == 0 {
            self.problems.wrong(
                node,
                "rate_limit",
                "expected `burst` of 1 or more beside `interval`: with 0 nobody reads",
            );
        }
        Some(RateLimit { interval, burst })
    }
}
