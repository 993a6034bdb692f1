//! Single values: what each takes, and the sentence for what it does not.

use std::path::PathBuf;
use std::str::FromStr as _;

use bcrypt::HashParts;

use super::super::tree::{Value, shown};
use super::{ClientAuth, Secret, Version};

/// Those of TLS 1.3 are always there, as in Go; the others are rustls's of TLS 1.2.
pub(super) const CIPHER_SUITES: [&str; 9] = [
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

pub(super) const CURVES: [&str; 3] = ["X25519", "CurveP256", "CurveP384"];

/// A hash of this cost takes a second or two of a processor, each one higher twice that, and so does every wrong
/// password. No caller waits for a minute.
const MOST_COST: u32 = 14;

pub(super) fn client_auth_of(value: &Value) -> Result<ClientAuth, String> {
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

pub(super) fn version(value: &Value) -> Result<Version, String> {
    match value {
        Value::Text(text) if text == "TLS12" => Ok(Version::Tls12),
        Value::Text(text) if text == "TLS13" => Ok(Version::Tls13),
        Value::Text(text) if matches!(&**text, "TLS10" | "TLS11") => {
            Err(format!("expected TLS12 or TLS13, found {text}, which is broken and is not spoken"))
        }
        other => Err(format!("expected TLS12 or TLS13, found {}", other.describe())),
    }
}

pub(super) fn one_of(value: &Value, what: &str, known: &[&'static str]) -> Result<&'static str, String> {
    let found = match value {
        Value::Text(text) => known.iter().find(|name| *name == text).copied(),
        _ => None,
    };
    found.ok_or_else(|| {
        let found = value.describe();
        format!("expected one of the {what} that there are here ({}), found {found}", known.join(", "))
    })
}

pub(super) fn san(name: &str) -> Result<String, String> {
    if name.contains('@') && !name.contains("://") {
        return Err(format!("expected a DNS name, an IP address or a URI, found {}", shown(name)));
    }
    Ok(name.to_owned())
}

/// What stands there may be the key itself: it is not repeated, here or by whoever would open it.
pub(super) fn path_of(value: &Value) -> Result<PathBuf, String> {
    match value {
        Value::Text(text)
            if text.len() >= 4096 || text.contains("-----BEGIN") || text.contains(char::is_control) =>
        {
            Err("expected a file's path, found another text; PEM itself goes to the setting without `_file`"
                .to_owned())
        }
        Value::Text(text) if !text.is_empty() => Ok(PathBuf::from(text)),
        other => Err(format!("expected a file's path, found {}", other.describe())),
    }
}

pub(super) fn header(name: &str, value: &Value) -> Result<String, String> {
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
pub(super) fn hash_of(value: &Value) -> Result<Secret, String> {
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
