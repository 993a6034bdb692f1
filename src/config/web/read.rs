//! From the tree to [`Web`], collecting every problem on the way.
//!
//! What must never happen here: a password in a message, or a setting that exporter-toolkit knows taken and
//! not kept.

use std::path::{Path, PathBuf};
use std::str::FromStr as _;

use bcrypt::HashParts;

use super::super::read::{MOST_ENTRIES, unknown};
use super::super::scalars::{duration, flag, text, whole};
use super::super::settings::bounds;
use super::super::tree::{Node, Value, place, shown};
use super::{ClientAuth, Pem, Problem, RateLimit, Secret, Source, Tls, Version, Web};

const TLS: [&str; 13] = [
    "cert",
    "key",
    "client_ca",
    "cert_file",
    "key_file",
    "client_auth_type",
    "client_ca_file",
    "client_allowed_sans",
    "min_version",
    "max_version",
    "cipher_suites",
    "prefer_server_cipher_suites",
    "curve_preferences",
];

/// Those of TLS 1.3 are always there, as in Go; the others are rustls's of TLS 1.2.
const CIPHER_SUITES: [&str; 9] = [
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
];

const CURVES: [&str; 3] = ["X25519", "CurveP256", "CurveP384"];

const HEADERS: [&str; 5] = [
    "Content-Security-Policy",
    "X-Frame-Options",
    "X-Content-Type-Options",
    "X-XSS-Protection",
    "Strict-Transport-Security",
];

/// A hash of a higher cost takes a minute, and so would every wrong password.
const MOST_COST: u32 = 18;

pub(super) struct Reader<'f> {
    folder: &'f Path,
    problems: Vec<Problem>,
}

impl<'f> Reader<'f> {
    pub(super) const fn new(folder: &'f Path) -> Self {
        Self { folder, problems: Vec::new() }
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
        if self.problems.is_empty() {
            return Ok(web);
        }
        self.problems.sort_by_key(|problem| problem.at.unwrap_or_default());
        Err(self.problems)
    }

    fn wrong(&mut self, node: &Node, path: &str, message: impl Into<String>) {
        self.problems.push(Problem::new(place(node.referenced), path, message));
    }

    fn take<'n, T>(
        &mut self,
        path: &str,
        node: &'n Node,
        read: impl FnOnce(&'n Value) -> Result<T, String>,
    ) -> Option<T> {
        read(&node.value).map_err(|message| self.wrong(node, path, message)).ok()
    }

    /// The entries below `path` that are known; nothing at all is none.
    fn group<'n>(&mut self, path: &str, node: &'n Node, known: &[&str]) -> Vec<(&'n str, &'n Node)> {
        let names: Vec<String> = known.iter().map(ToString::to_string).collect();
        let entries = match &node.value {
            Value::Map(entries) => entries,
            Value::Null => return Vec::new(),
            other => {
                let message = format!("expected settings ({}), found {}", names.join(", "), other.describe());
                self.wrong(node, path, message);
                return Vec::new();
            }
        };
        let mut found = Vec::new();
        for (key, value) in entries {
            if names.contains(&key.value) {
                found.push((key.value.as_str(), value));
            } else {
                let message = unknown(&key.value, &names);
                self.problems.push(Problem::new(place(key.referenced), path, message));
            }
        }
        found
    }

    fn list<T>(
        &mut self,
        path: &str,
        node: &Node,
        expected: &str,
        read: impl Fn(&Value) -> Result<T, String>,
    ) -> Option<Vec<T>> {
        let Value::List(items) = &node.value else {
            self.wrong(node, path, format!("expected a list of {expected}, found {}", node.value.describe()));
            return None;
        };
        if items.len() > MOST_ENTRIES {
            self.wrong(node, path, format!("expected at most {MOST_ENTRIES} entries, found {}", items.len()));
        }
        let items = items.iter().take(MOST_ENTRIES).enumerate();
        let read: Vec<T> =
            items.filter_map(|(n, item)| self.take(&format!("{path}[{n}]"), item, &read)).collect();
        (!read.is_empty()).then_some(read)
    }

    fn tls(&mut self, node: &Node) -> Option<Tls> {
        let entries = self.group("tls_server_config", node, &TLS);
        // As in the toolkit, a group without a setting is no TLS.
        if entries.is_empty() {
            return None;
        }
        let get = |name: &str| entries.iter().find(|(key, _)| *key == name).map(|(_, node)| *node);
        let certificate = self
            .pem(("tls_server_config.cert", get("cert")), ("tls_server_config.cert_file", get("cert_file")));
        let key =
            self.pem(("tls_server_config.key", get("key")), ("tls_server_config.key_file", get("key_file")));
        let client_ca = self.pem(
            ("tls_server_config.client_ca", get("client_ca")),
            ("tls_server_config.client_ca_file", get("client_ca_file")),
        );
        for (name, file) in [("cert", "cert_file"), ("key", "key_file")] {
            if get(name).or(get(file)).is_none() {
                self.wrong(node, "tls_server_config", format!("expected `{file}`, which is missing"));
            }
        }
        let say = |name: &str| -> Option<(String, &Node)> {
            get(name).map(|node| (format!("tls_server_config.{name}"), node))
        };
        let client_auth = say("client_auth_type");
        let kind = client_auth.as_ref().and_then(|(path, node)| self.take(path, node, client_auth_of));
        let kind = kind.unwrap_or_default();
        if let Some((path, node)) = &client_auth
            && kind.verifies()
            && get("client_ca").or(get("client_ca_file")).is_none()
        {
            self.wrong(
                node,
                path,
                "expected `client_ca_file` beside it: who may have signed the certificates",
            );
        }
        if let Some((path, node)) = say("client_ca_file").or_else(|| say("client_ca"))
            && !kind.verifies()
            && self.problems.is_empty()
        {
            let message = "expected `client_auth_type` VerifyClientCertIfGiven or RequireAndVerifyClientCert \
                beside it: no other one asks who signed";
            self.wrong(node, &path, message);
        }
        let sans = say("client_allowed_sans");
        let client_allowed_sans = sans
            .as_ref()
            .and_then(|(path, node)| self.list(path, node, "names", |v| text(v, "a name").and_then(san)))
            .unwrap_or_default();
        if let Some((path, node)) = &sans
            && !kind.requires()
        {
            let message = "expected `client_auth_type` RequireAnyClientCert or RequireAndVerifyClientCert beside \
                it: the others take callers without a certificate";
            self.wrong(node, path, message);
        }
        let version = |reader: &mut Self, name, default| {
            let said = say(name).and_then(|(path, node)| reader.take(&path, node, version));
            said.unwrap_or(default)
        };
        let min_version = version(self, "min_version", Version::Tls12);
        let max_version = version(self, "max_version", Version::Tls13);
        if min_version > max_version {
            self.wrong(node, "tls_server_config", "expected `min_version` no higher than `max_version`");
        }
        let suites = |v: &Value| one_of(v, "cipher suites", &CIPHER_SUITES);
        let cipher_suites =
            say("cipher_suites").and_then(|(path, node)| self.list(&path, node, "cipher suites", suites));
        let curves = |v: &Value| one_of(v, "curves", &CURVES);
        let curve_preferences =
            say("curve_preferences").and_then(|(path, node)| self.list(&path, node, "curves", curves));
        let prefer = say("prefer_server_cipher_suites").and_then(|(path, node)| self.take(&path, node, flag));
        Some(Tls {
            certificate: certificate?,
            key: key?,
            client_auth: kind,
            client_ca,
            client_allowed_sans,
            min_version,
            max_version,
            cipher_suites,
            prefer_server_cipher_suites: prefer.unwrap_or(true),
            curve_preferences,
        })
    }

    /// One of two settings: the text itself, or the file that holds it.
    fn pem(
        &mut self,
        inline: (&'static str, Option<&Node>),
        file: (&'static str, Option<&Node>),
    ) -> Option<Pem> {
        match (inline.1, file.1) {
            (Some(node), Some(_)) => {
                self.wrong(node, inline.0, "expected it or its file, found both");
                None
            }
            (Some(node), None) => {
                // Whatever it is, it may be a key: it is not repeated.
                let Value::Text(text) = &node.value else {
                    self.wrong(node, inline.0, "expected text in PEM");
                    return None;
                };
                let source = Source::Inline(Secret(text.clone()));
                Some(Pem { setting: inline.0, at: place(node.referenced), source })
            }
            (None, Some(node)) => {
                let path = self.take(file.0, node, path_of)?;
                let source = Source::File(self.folder.join(path));
                Some(Pem { setting: file.0, at: place(node.referenced), source })
            }
            (None, None) => None,
        }
    }

    fn http(&mut self, node: &Node) -> Vec<(String, String)> {
        let mut headers = Vec::new();
        for (key, node) in self.group("http_server_config", node, &["http2", "headers"]) {
            if key == "http2" {
                // HTTP/1.1 is all that is spoken, and every caller speaks it.
                self.take("http_server_config.http2", node, flag);
                continue;
            }
            for (name, node) in self.group("http_server_config.headers", node, &HEADERS) {
                let path = format!("http_server_config.headers.{name}");
                if let Some(value) = self.take(&path, node, |value| header(name, value)) {
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
                self.wrong(node, PATH, "expected users, each with the bcrypt hash of its password");
                return Vec::new();
            }
        };
        if entries.len() > MOST_ENTRIES {
            self.wrong(node, PATH, format!("expected at most {MOST_ENTRIES} users, found {}", entries.len()));
        }
        let mut users = Vec::new();
        for (name, hash) in entries.iter().take(MOST_ENTRIES) {
            let user = &name.value;
            if user.is_empty() || user.len() > 255 || user.contains(|c: char| c == ':' || c.is_control()) {
                let message = format!("expected a user's name without a colon, found {}", shown(user));
                self.problems.push(Problem::new(place(name.referenced), PATH, message));
            } else if let Some(hash) = self.take(&format!("{PATH}.{user}"), hash, hash_of) {
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
                    interval = self.take("rate_limit.interval", node, |v| duration(v, bounds(0, 86_400_000)));
                }
                _ => burst = self.take("rate_limit.burst", node, |v| whole(v, 0, 1_000_000)),
            }
        }
        let interval = interval.filter(|interval| !interval.is_zero())?;
        let burst = burst.and_then(|burst| u32::try_from(burst).ok()).unwrap_or(0);
        if burst == 0 {
            self.wrong(
                node,
                "rate_limit",
                "expected `burst` of 1 or more beside `interval`: with 0 nobody reads",
            );
        }
        Some(RateLimit { interval, burst })
    }
}

fn client_auth_of(value: &Value) -> Result<ClientAuth, String> {
    let found = match value {
        // An older name, which the toolkit still takes.
        Value::Text(text) if text == "RequireClientCert" => Some(ClientAuth::RequireAnyClientCert),
        Value::Text(text) => ClientAuth::ALL.into_iter().find(|(name, _)| name == text).map(|(_, kind)| kind),
        _ => None,
    };
    found.ok_or_else(|| {
        let names = ClientAuth::ALL.map(|(name, _)| name).join(", ");
        format!("expected one of {names}, found {}", value.describe())
    })
}

fn version(value: &Value) -> Result<Version, String> {
    match value {
        Value::Text(text) if text == "TLS12" => Ok(Version::Tls12),
        Value::Text(text) if text == "TLS13" => Ok(Version::Tls13),
        Value::Text(text) if matches!(&**text, "TLS10" | "TLS11") => {
            Err(format!("expected TLS12 or TLS13, found {text}, which is broken and is not spoken"))
        }
        other => Err(format!("expected TLS12 or TLS13, found {}", other.describe())),
    }
}

fn one_of(value: &Value, what: &str, known: &[&'static str]) -> Result<&'static str, String> {
    let found = match value {
        Value::Text(text) => known.iter().find(|name| *name == text).copied(),
        _ => None,
    };
    found.ok_or_else(|| {
        let found = value.describe();
        format!("expected one of the {what} that there are here ({}), found {found}", known.join(", "))
    })
}

fn san(name: &str) -> Result<String, String> {
    if name.contains('@') && !name.contains("://") {
        return Err(format!("expected a DNS name, an IP address or a URI, found {}", shown(name)));
    }
    Ok(name.to_owned())
}

fn path_of(value: &Value) -> Result<PathBuf, String> {
    match value {
        Value::Text(text) if !text.is_empty() && text.len() < 4096 && !text.contains('\0') => {
            Ok(PathBuf::from(text))
        }
        other => Err(format!("expected a file's path, found {}", other.describe())),
    }
}

fn header(name: &str, value: &Value) -> Result<String, String> {
    let Value::Text(text) = value else {
        return Err(format!("expected text, found {}; write it in quotes", value.describe()));
    };
    let among: &[&str] = match name {
        "X-Frame-Options" => &["deny", "sameorigin"],
        "X-Content-Type-Options" => &["nosniff"],
        _ => &[],
    };
    if !among.is_empty() && !text.is_empty() && !among.contains(&text.as_str()) {
        return Err(format!("expected {}, found {}", among.join(" or "), shown(text)));
    }
    if text.len() > 4096 || !text.bytes().all(|b| b == b' ' || b.is_ascii_graphic()) {
        return Err(format!("expected at most 4096 signs of ASCII on one line, found {}", shown(text)));
    }
    Ok(text.clone())
}

/// What stands there may be a password in the clear: it is not repeated.
fn hash_of(value: &Value) -> Result<Secret, String> {
    const EXPECTED: &str = "expected a bcrypt hash like `$2y$10$…` (`htpasswd -nBC 10 \"\" | tr -d ':\\n'`)";
    let Value::Text(text) = value else { return Err(format!("{EXPECTED}, found something else")) };
    let hash = HashParts::from_str(text).map_err(|_| {
        if text.starts_with("$2") {
            format!("{EXPECTED}, found one that is not whole")
        } else {
            format!("{EXPECTED}, found something else: a password in the clear?")
        }
    })?;
    if !(4..=MOST_COST).contains(&hash.get_cost()) {
        return Err(format!(
            "expected a bcrypt hash of a cost from 4 to {MOST_COST}, found {}",
            hash.get_cost()
        ));
    }
    Ok(Secret(text.clone()))
}
