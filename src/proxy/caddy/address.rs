//! The addresses of a site: which host, which path, at which door.

use super::reach::{Host, Path};

/// Caddy's own ports.
const HTTP: u16 = 80;
const HTTPS: u16 = 443;

/// One address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    pub host: Host,
    pub path: Path,
    pub tls: bool,
    pub port: u16,
}

/// The addresses that can be read, and why Caddy takes none of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Addresses {
    pub list: Vec<Address>,
    pub refused: Option<String>,
}

/// Reads a site's words. `has_tls`: the site says how TLS is to be spoken.
pub(super) fn read(words: &[String], has_tls: bool) -> Addresses {
    let mut addresses = Addresses::default();
    let mut refuse = |why: String| {
        addresses.refused.get_or_insert(why);
    };
    let mut list = Vec::new();
    for word in words {
        let text = word.strip_suffix(',').unwrap_or(word);
        if text.is_empty() {
            continue;
        }
        if text.contains(',') {
            refuse(format!("{text}: addresses are parted by a comma and a space"));
        } else if text.starts_with('@') || text.ends_with('{') {
            refuse(format!("{text} is no address of a site"));
        } else {
            match address(text, has_tls) {
                Ok(address) if !list.contains(&address) => list.push(address),
                Ok(_) => {}
                Err(why) => refuse(format!("{text}: {why}")),
            }
        }
    }
    if words.last().is_some_and(|word| word.ends_with(',')) {
        refuse("the list of addresses ends with a comma".to_owned());
    }
    addresses.list = list;
    addresses
}

fn address(text: &str, has_tls: bool) -> Result<Address, String> {
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) => (Some(scheme.to_ascii_lowercase()), rest),
        None => (None, text),
    };
    let (authority, path) = match rest.find('/').and_then(|at| rest.split_at_checked(at)) {
        Some((authority, path)) => (authority, Path::read(path, "")),
        None => (rest, Path::all()),
    };
    let (host, port) = host_and_port(authority);
    let port = match port {
        "" => None,
        port => Some(port.parse::<u16>().map_err(|_| format!("{port} is no port"))?),
    };
    let (tls, port) = match (scheme.as_deref(), port) {
        (Some("http"), Some(HTTPS)) | (Some("https"), Some(HTTP)) => {
            return Err("the scheme and the port contradict each other".to_owned());
        }
        (Some("http"), port) => (false, port.unwrap_or(HTTP)),
        (Some("https"), port) => (true, port.unwrap_or(HTTPS)),
        (None, None) => (true, HTTPS),
        // Automatic HTTPS takes every site with a host, at whichever port, and all of port 443.
        (None, Some(port)) => (port == HTTPS || (port != HTTP && (!host.is_empty() || has_tls)), port),
        (Some(_), _) => return Err("a site has the scheme http or https".to_owned()),
    };
    Ok(Address { host: Host::read(host), path, tls, port })
}

/// As Go parts them: an address of IPv6 stands in brackets where a port follows.
pub(super) fn host_and_port(text: &str) -> (&str, &str) {
    if let Some(inside) = text.strip_prefix('[') {
        return match inside.split_once(']') {
            Some((host, "")) => (host, ""),
            Some((host, rest)) => rest.strip_prefix(':').map_or((text, ""), |port| (host, port)),
            None => (text, ""),
        };
    }
    match text.split_once(':') {
        Some((host, port)) if !port.contains(':') => (host, port),
        _ => (text, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    fn line(address: &Address) -> String {
        let Address { host, path, tls, port } = address;
        format!("{host:?} {path:?} {port}{}", if *tls { " tls" } else { "" })
    }

    #[test]
    fn addresses_are_read_as_caddy_does() {
        for (text, expected) in [
            ("Shop.Example.com", r#"Is("shop.example.com") Begins("/") 443 tls"#),
            ("https://h", r#"Is("h") Begins("/") 443 tls"#),
            ("http://h", r#"Is("h") Begins("/") 80"#),
            ("h:80", r#"Is("h") Begins("/") 80"#),
            ("h:8443", r#"Is("h") Begins("/") 8443 tls"#),
            ("http://h:8080", r#"Is("h") Begins("/") 8080"#),
            ("https://h:8080", r#"Is("h") Begins("/") 8080 tls"#),
            (":80", r#"Any Begins("/") 80"#),
            (":443", r#"Any Begins("/") 443 tls"#),
            (":8080", r#"Any Begins("/") 8080"#),
            ("https://", r#"Any Begins("/") 443 tls"#),
            ("*.h", r#"Like("*.h") Begins("/") 443 tls"#),
            ("h/api*", r#"Is("h") Begins("/api") 443 tls"#),
            ("h/api", r#"Is("h") Is("/api") 443 tls"#),
            ("h:81/api/*", r#"Is("h") Begins("/api/") 81 tls"#),
            ("[::1]:80", r#"Is("::1") Begins("/") 80"#),
            ("[::1]", r#"Is("::1") Begins("/") 443 tls"#),
            ("{$DOMAIN}", r#"Odd("{$domain}") Begins("/") 443 tls"#),
        ] {
            let addresses = read(&words(text), false);
            assert_eq!(addresses.refused, None, "{text}");
            assert_eq!(addresses.list.iter().map(line).collect::<Vec<_>>(), [expected], "{text}");
        }
        assert!(read(&words(":8080"), true).list.iter().all(|address| address.tls));
    }

    #[test]
    fn lists_have_commas_or_spaces() {
        for text in ["a b c", "a, b, c", "a , b , c", "a b, c a"] {
            let addresses = read(&words(text), false);
            assert_eq!((addresses.list.len(), addresses.refused), (3, None), "{text}");
        }
    }

    #[test]
    fn what_caddy_refuses_is_refused() {
        for text in [
            "a,b",
            "a,",
            "a b,",
            "@a",
            "a{",
            "ws://a",
            "ftp://a",
            "h:99999",
            "h:x",
            "http://h:443",
            "https://h:80",
        ] {
            assert!(read(&words(text), false).refused.is_some(), "{text}");
        }
    }
}
