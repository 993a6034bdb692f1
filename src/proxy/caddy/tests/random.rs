//! Whatever labels say, reading ends, panics nowhere and is bounded; and what is written in their grammar reads back.

use proptest::prelude::*;

use super::*;
use crate::proxy::caddy::walk::MOST_RULES;
use crate::strangers::LONGEST;

/// Pieces of which keys and values of labels are made.
const PIECES: &[&str] = &[
    "caddy",
    "caddy_0",
    "caddy_1",
    ".",
    "_",
    "0_",
    "1_",
    "_2",
    "reverse_proxy",
    "handle",
    "handle_path",
    "route",
    "redir",
    "respond",
    "uri",
    "rewrite",
    "import",
    "tls",
    "@m",
    "path",
    "host",
    "to",
    "not",
    "(s)",
    "s",
    "/",
    "/*",
    "/api*",
    "*",
    "a.example",
    "b.example",
    "http://",
    "https://",
    ":",
    "80",
    "443",
    "8443",
    "99999",
    ",",
    " ",
    " ",
    "{{",
    "}}",
    "upstreams",
    "{{upstreams}}",
    "{{upstreams 3000}}",
    "{{upstreams https}}",
    "\"",
    "`",
    "\\",
    "#",
    "{",
    "}",
    "\n",
    "-",
    "é",
    "\u{1}",
    "\u{2}",
    "\0",
    "strip_prefix",
    "{host}",
    "{uri}",
    "[::1]",
];

fn text(most: usize) -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        9 => proptest::sample::select(PIECES).prop_map(str::to_owned),
        1 => any::<String>(),
    ];
    proptest::collection::vec(piece, 0..most).prop_map(|pieces| pieces.concat())
}

fn is_bounded(text: &str) -> bool {
    text.len() <= LONGEST
}

proptest! {
    #[test]
    fn no_labels_trip_the_reader(
        labels in proptest::collection::btree_map(text(6).prop_map(|rest| format!("caddy{rest}")), text(12), 0..24),
    ) {
        let read = read(&labels);
        prop_assert!(read.rules.len() <= MOST_RULES && read.oddities.len() <= 16);
        prop_assert!(read.oddities.iter().all(|text| is_bounded(text)));
        for rule in &read.rules {
            prop_assert!(rule.places.len() <= 32 && is_bounded(&rule.written) && is_bounded(&rule.name));
            prop_assert!(rule.also.iter().chain(&rule.refused).chain(&rule.unsure).all(|text| is_bounded(text)), "{:?}", rule);
            for place in &rule.places {
                prop_assert!(place.path.starts_with('/') && !place.host.is_empty(), "{:?}", place);
                prop_assert_eq!(place.host.to_lowercase(), &*place.host);
            }
            match &rule.leads {
                Leads::Here(Upstream { port: Port::Bad(text), .. }) | Leads::Elsewhere(text) => {
                    prop_assert!(is_bounded(text), "{}", text);
                }
                Leads::Nowhere(text) => prop_assert!(is_bounded(text), "{}", text),
                Leads::Here(_) => {}
            }
        }
    }

    #[test]
    fn what_is_printed_reads_back(
        host in "[a-z][a-z0-9-]{0,8}(\\.[a-z]{2,4}){0,2}", path in "(/[a-z0-9]{1,5}){1,2}", star in any::<bool>(),
        port in 1..=65535_u16, tls in any::<bool>(), door in 1024..=65535_u16, secure in any::<bool>(),
        form in 0..4_u8, strips in any::<bool>(),
    ) {
        let site = format!("{}://{host}:{door}", if secure { "https" } else { "http" });
        let pattern = format!("{path}{}", if star { "/*" } else { "" });
        let upstream = if tls { format!("{{{{upstreams https {port}}}}}") } else { format!("{{{{upstreams {port}}}}}") };
        prop_assume!(!(tls && port == 80));
        let handle = if strips { "handle_path" } else { "handle" };
        let (text, strips) = match form {
            0 => (format!("caddy.reverse_proxy = {pattern} {upstream}"), false),
            1 => (format!("caddy.@x = path {pattern}\ncaddy.reverse_proxy = @x {upstream}"), false),
            2 => (format!("caddy.0_{handle} = {pattern}\ncaddy.0_{handle}.1_reverse_proxy = {upstream}"), strips),
            _ => (format!("caddy.{handle} = {pattern}\ncaddy.{handle}.reverse_proxy.to = {upstream}"), strips),
        };
        let expected = format!(
            "{door}{} {host}{path}{}{} -> {port}{}",
            if secure { " tls" } else { "" },
            if star { "/*" } else { "" },
            if strips { format!(" -{path}") } else { String::new() },
            if tls { " tls" } else { "" },
        );
        prop_assert_eq!(lines(&read(&labels(&format!("caddy = {site}\n{text}")))), [expected]);
    }
}
