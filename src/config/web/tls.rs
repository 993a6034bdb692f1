//! The group `tls_server_config`: each setting, and what only several together get wrong.

use super::super::scalars::{flag, text};
use super::super::tree::{Node, Value, place};
use super::read::Reader;
use super::values::{CIPHER_SUITES, CURVES, client_auth_of, one_of, path_of, san, version};
use super::{Pem, Secret, Source, Tls, Version};

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

impl Reader<'_> {
    pub(super) fn tls(&mut self, node: &Node) -> Option<Tls> {
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
                self.problems.wrong(
                    node,
                    "tls_server_config",
                    format!("expected `{file}`, which is missing"),
                );
            }
        }
        let say = |name: &str| -> Option<(String, &Node)> {
            get(name).map(|node| (format!("tls_server_config.{name}"), node))
        };
        let client_auth = say("client_auth_type");
        let kind =
            client_auth.as_ref().and_then(|(path, node)| self.problems.take(path, node, client_auth_of));
        let kind = kind.unwrap_or_default();
        if let Some((path, node)) = &client_auth
            && kind.verifies()
            && get("client_ca").or(get("client_ca_file")).is_none()
        {
            self.problems.wrong(
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
            self.problems.wrong(node, &path, message);
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
            self.problems.wrong(node, path, message);
        }
        let version = |reader: &mut Self, name, default| {
            let said = say(name).and_then(|(path, node)| reader.problems.take(&path, node, version));
            said.unwrap_or(default)
        };
        let min_version = version(self, "min_version", Version::Tls12);
        let max_version = version(self, "max_version", Version::Tls13);
        if min_version > max_version {
            self.problems.wrong(
                node,
                "tls_server_config",
                "expected `min_version` no higher than `max_version`",
            );
        }
        let suites = |v: &Value| one_of(v, "cipher suites", &CIPHER_SUITES);
        let cipher_suites =
            say("cipher_suites").and_then(|(path, node)| self.list(&path, node, "cipher suites", suites));
        let curves = |v: &Value| one_of(v, "curves", &CURVES);
        let curve_preferences =
            say("curve_preferences").and_then(|(path, node)| self.list(&path, node, "curves", curves));
        let prefer =
            say("prefer_server_cipher_suites").and_then(|(path, node)| self.problems.take(&path, node, flag));
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
                self.problems.wrong(node, inline.0, "expected it or its file, found both");
                None
            }
            (Some(node), None) => {
                // Whatever it is, it may be a key: it is not repeated.
                let Value::Text(text) = &node.value else {
                    self.problems.wrong(node, inline.0, "expected text in PEM");
                    return None;
                };
                let source = Source::Inline(Secret(text.clone()));
                Some(Pem { setting: inline.0, at: place(node.referenced), source })
            }
            (None, Some(node)) => {
                let path = self.problems.take(file.0, node, path_of)?;
                let source = Source::File(self.folder.join(path));
                Some(Pem { setting: file.0, at: place(node.referenced), source })
            }
            (None, None) => None,
        }
    }
}
