//! Where `reverse_proxy` leads.

use std::sync::Arc;

use super::address::host_and_port;
use super::template::{self, HERE};
use super::tree::Block;
use crate::proxy::{Leads, Port, Upstream};
use crate::strangers::bounded;

/// A range of ports makes as many upstreams; more of them than this are not told apart.
const MOST_PORTS: u16 = 16;

/// Where a directive leads, each way once; `refused`: why Caddy takes none of the site.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Ways {
    pub leads: Vec<Leads>,
    pub refused: Option<String>,
}

/// Of `reverse_proxy`, with the arguments behind its matcher.
pub(super) fn reverse_proxy(block: &Block, arguments: &[String]) -> Ways {
    let mut ways = Ways::default();
    let transport = block.children.iter().find(|child| child.name() == "transport");
    let options = transport.map_or(&[][..], |transport| &transport.children);
    let tls = options.iter().any(|option| option.name().starts_with("tls"));
    let to = block.children.iter().filter(|child| child.name() == "to");
    let is_unread = block.unread || to.clone().any(|to| to.unread);
    let words = (!is_unread).then(|| arguments.iter().chain(to.flat_map(Block::arguments)));
    let mut common = "";
    for word in words.into_iter().flatten() {
        let result = target(word, tls).and_then(|(scheme, leads)| {
            if !common.is_empty() && common != scheme {
                return Err("all upstreams of one reverse_proxy have the same scheme".to_owned());
            }
            if scheme == "http" && tls {
                return Err("an upstream with http:// and a transport with TLS".to_owned());
            }
            common = scheme;
            Ok(leads)
        });
        match result {
            Ok(leads) => leads.into_iter().for_each(|way| push(&mut ways.leads, way)),
            Err(why) => {
                push(&mut ways.leads, bad(word));
                ways.refused.get_or_insert_with(|| format!("{}: {why}", shown(word)));
            }
        }
    }
    if let Some(dynamic) = block.children.iter().find(|child| child.name() == "dynamic") {
        push(&mut ways.leads, Leads::Elsewhere(Arc::from(shown(&dynamic.words.join(" ")))));
    }
    if is_unread {
        push(&mut ways.leads, Leads::Elsewhere("a template that is not read".into()));
    }
    if ways.leads.is_empty() {
        ways.leads.push(Leads::Nowhere("reverse_proxy names no upstream".to_owned()));
    }
    if transport.is_some_and(|transport| transport.arguments().first().is_some_and(|name| name == "fastcgi"))
    {
        ways.leads = vec![fastcgi(arguments)];
    }
    ways
}

/// Of what speaks FastCGI with the container: nobody who asks by HTTP is answered there.
pub(super) fn fastcgi(arguments: &[String]) -> Leads {
    Leads::Elsewhere(Arc::from(shown(&format!("FastCGI at {}", arguments.join(" ")))))
}

fn push(ways: &mut Vec<Leads>, way: Leads) {
    if !ways.contains(&way) {
        ways.push(way);
    }
}

fn shown(text: &str) -> String {
    bounded(&template::shown(text)).to_owned()
}

/// The port of an upstream that Caddy does not take.
fn bad(word: &str) -> Leads {
    let address = word.split_once("://").map_or(word, |(_, rest)| rest);
    let (host, port) = host_and_port(address);
    if host == HERE.to_string() && !port.is_empty() && port.parse::<u16>().is_err() {
        return here(Port::Bad(Arc::from(bounded(port))), false);
    }
    Leads::Elsewhere(Arc::from(shown(word)))
}

fn here(port: Port, tls: bool) -> Leads {
    Leads::Here(Upstream { service: "".into(), port, tls })
}

/// One upstream: its scheme, and where it leads.
fn target(word: &str, tls: bool) -> Result<(&'static str, Vec<Leads>), String> {
    let (scheme, address) = match word.split_once("://") {
        None => ("", word),
        Some(_) if word.contains('{') => return Err("a placeholder in an address with a scheme".to_owned()),
        Some((scheme, address)) if address.contains(['/', '?', '#']) => {
            return Err(format!("an upstream has no path, and {scheme}:// of this one has"));
        }
        Some((scheme, address)) => (scheme_of(scheme)?, address),
    };
    if scheme.is_empty() && address.contains('/') {
        // Another network, as unix//run/x.sock.
        return Ok((scheme, vec![Leads::Elsewhere(Arc::from(shown(word)))]));
    }
    let (host, port) = host_and_port(address);
    let tls = tls || scheme == "https";
    let port = match (port, scheme) {
        ("", "https") => "443",
        ("", _) => "80",
        ("443", "http" | "h2c") | ("80", "https") => {
            return Err("the scheme and the port contradict each other".to_owned());
        }
        (port, _) => port,
    };
    let is_placeholder = port.contains('{') && port.contains('}');
    if host != HERE.to_string() {
        if !is_placeholder {
            range(port)?;
        }
        return Ok((scheme, vec![Leads::Elsewhere(Arc::from(shown(word)))]));
    }
    if is_placeholder {
        return Ok((scheme, vec![here(Port::Bad(Arc::from(bounded(port))), tls)]));
    }
    let (first, last) = range(port)?;
    let last = last.min(first.saturating_add(MOST_PORTS - 1));
    let one = |port| if port == 0 { Port::Bad("0".into()) } else { Port::Named(port) };
    Ok((scheme, (first..=last).map(|port| here(one(port), tls)).collect()))
}

fn scheme_of(scheme: &str) -> Result<&'static str, String> {
    match scheme.to_ascii_lowercase().as_str() {
        "http" => Ok("http"),
        "https" => Ok("https"),
        "h2c" => Ok("h2c"),
        _ => Err(format!("{scheme}:// is no scheme of an upstream")),
    }
}

fn range(port: &str) -> Result<(u16, u16), String> {
    let (first, last) = port.split_once('-').unwrap_or((port, port));
    let number = |text: &str| text.parse::<u16>().map_err(|_| format!("{port} is no port"));
    let (first, last) = (number(first)?, number(last)?);
    if first > last {
        return Err(format!("{port} is no port"));
    }
    Ok((first, last))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ways(text: &str) -> Ways {
        let words: Vec<_> = text.replace('@', "\u{1}").split(' ').map(str::to_owned).collect();
        let mut labels = std::collections::BTreeMap::new();
        labels.insert("caddy.reverse_proxy".to_owned(), String::new());
        let tree = super::super::tree::grow(&labels, &mut Default::default());
        let block = &tree.blocks[0].1.children[0];
        reverse_proxy(block, &words)
    }

    #[test]
    fn upstreams_are_read_as_caddy_does() {
        let named = |port, tls| here(Port::Named(port), tls);
        for (text, expected) in [
            ("@", vec![named(80, false)]),
            ("@:3000", vec![named(3000, false)]),
            ("http://@:9000", vec![named(9000, false)]),
            ("https://@", vec![named(443, true)]),
            ("h2c://@", vec![named(80, false)]),
            ("@:80 @:80 @:81", vec![named(80, false), named(81, false)]),
            ("@:80-82", vec![named(80, false), named(81, false), named(82, false)]),
            ("@:0", vec![here(Port::Bad("0".into()), false)]),
            ("api:81", vec![Leads::Elsewhere("api:81".into())]),
            ("@3000", vec![Leads::Elsewhere("{{upstreams}}3000".into())]),
            ("unix//run/x.sock", vec![Leads::Elsewhere("unix//run/x.sock".into())]),
            ("{x}:{y}", vec![Leads::Elsewhere("{x}:{y}".into())]),
        ] {
            assert_eq!(ways(text), Ways { leads: expected, refused: None }, "{text}");
        }
    }

    #[test]
    fn what_caddy_refuses_is_refused() {
        for text in [
            "@:99999",
            "@:x",
            "@:9-8",
            "ws://@",
            "3000://@",
            "https://@:80",
            "http://@:443",
            "h2c://@:443",
            "http://@:80/api",
            "http://@ @",
            "http://{x}",
            "://@",
            "api:x",
        ] {
            assert!(ways(text).refused.is_some(), "{text}: {:?}", ways(text));
        }
        assert_eq!(ways("@:99999").leads, [here(Port::Bad("99999".into()), false)]);
    }
}
