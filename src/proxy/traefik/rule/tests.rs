use std::time::Instant;

use proptest::prelude::*;

use super::parser::{Expression, parse};
use super::*;

fn place(host: &str, path: &str, exact: bool) -> Place {
    Place { host: host.into(), path: path.into(), exact }
}

/// Written as `host/path`, with `$` at the end where the path is exact.
fn places(read: &Read) -> Vec<String> {
    let end = |exact| if exact { "$" } else { "" };
    read.places.iter().map(|place| format!("{}{}{}", place.host, place.path, end(place.exact))).collect()
}

#[test]
fn places_are_hosts_with_paths() {
    for (rule, expected) in [
        ("Host(`a.example.com`)", vec!["a.example.com/"]),
        ("Host(`a.example.com`) && PathPrefix(`/`)", vec!["a.example.com/"]),
        ("Host(`A.Example.COM.`) && Path(`/X`)", vec!["a.example.com/X$"]),
        ("Host(\"a\") || Host(\"b\")", vec!["a/", "b/"]),
        ("(Host(`a`) || Host(`b`)) && (PathPrefix(`/x`) || Path(`/y`))", vec!["a/x", "a/y$", "b/x", "b/y$"]),
        ("Host(`a`) || Host(`b`) && PathPrefix(`/x`)", vec!["a/", "b/x"]),
        ("Host(`a`)||Host(`a`)", vec!["a/"]),
        ("Host(`a`) && PathPrefix(`/x`) && PathPrefix(`/x/y`)", vec!["a/x/y"]),
        ("Host(`a`) && PathPrefix(`/x`) && Path(`/x/y`)", vec!["a/x/y$"]),
        ("!(!Host(`a`) || !PathPrefix(`/x`))", vec!["a/x"]),
        ("!!Host(`a`)", vec!["a/"]),
        ("host(`a`) && PATHPREFIX(`/x`) && Pathprefix(`/`)", vec!["a/x"]),
        ("Host(`xn--bcher-kva.example`)", vec!["xn--bcher-kva.example/"]),
        ("Host(`192.168.1.5`,)", vec!["192.168.1.5/"]),
        ("Host(`a`) || PathPrefix(`/x`)", vec!["a/"]),
        ("Host(`*`) && Host(`a`)", vec!["a/"]),
        ("Host(`a`) // the shop\n", vec!["a/"]),
        ("Host(`a`) &&\n /* not\n yet */ PathPrefix(`/x`)\n\n", vec!["a/x"]),
        ("Host(\"\\x61\\142\\u0063.\\U00000064\")", vec!["abc.d/"]),
        ("Host(`a`) || HostRegexp(`^b$`)", vec!["a/"]),
        ("PathPrefix(`/`)", vec![]),
        ("Host(`*`)", vec![]),
    ] {
        let read = read(rule, Syntax::V3);
        assert_eq!(
            (read.also.as_deref(), read.refused.as_deref(), read.odd.as_deref()),
            (None, None, None),
            "{rule}"
        );
        assert_eq!(places(&read), expected, "{rule}");
    }
}

#[test]
fn what_else_a_request_must_have_is_told() {
    for (rule, expected, also) in [
        ("Host(`a`) && Method(`POST`)", vec!["a/"], "Method(`POST`)"),
        ("Host(`a`) && !PathPrefix(`/x`)", vec!["a/"], "not PathPrefix(`/x`)"),
        (
            "Host(`a`) && !(Header(`X`, `1`) && Query(`q`))",
            vec!["a/"],
            "not Header(`X`, `1`), not Query(`q`)",
        ),
        ("HostRegexp(`^.+$`)", vec![], "HostRegexp(`^.+$`)"),
        ("Host(`*.example.com`)", vec![], "Host(`*.example.com`)"),
        ("Host(`https://a.example.com`)", vec![], "Host(`https://a.example.com`)"),
        ("Host(`a:80`) || Host(`a..b`)", vec![], "Host(`a:80`), Host(`a..b`)"),
        ("Host(`a`) && PathPrefix(`/ö`)", vec!["a/"], "PathPrefix(`/ö`)"),
        (
            "Host(`a`) && PathRegexp(`^/x`) && ClientIP(`10.0.0.0/8`)",
            vec!["a/"],
            "PathRegexp(`^/x`), ClientIP(`10.0.0.0/8`)",
        ),
        ("Host(`a`) && Host(`b`)", vec![], "what no request has: the rule contradicts itself"),
        ("Host(`a`) && Path(`/x`) && Path(`/y`)", vec![], "what no request has: the rule contradicts itself"),
    ] {
        let read = read(rule, Syntax::V3);
        assert_eq!(
            (places(&read), read.also.as_deref()),
            (expected.into_iter().map(str::to_owned).collect(), Some(also)),
            "{rule}"
        );
        assert_eq!(read.refused, None, "{rule}");
    }
}

#[test]
fn what_traefik_refuses_is_refused() {
    for (rule, why) in [
        ("Host(``)", "empty args for matcher Host"),
        ("Host(`a`) || Host(``)", "empty args for matcher Host"),
        ("Host()", "no args for matcher Host"),
        (" ", "the rule ends too early"),
        ("`a`", "unexpected text \"a\""),
        ("Host(`a`", "the rule ends too early"),
        ("Host(`a`))", "unexpected `)`"),
        ("Host(`a)", "a back quote is not closed"),
        ("Host(\"a)", "a double quote is not closed"),
        ("Host(\"\\q\")", "an unknown escape sequence"),
        ("Host(\"\\400\")", "an unknown escape sequence"),
        ("Host('a')", "unexpected '\\''"),
        ("Host(a)", "unexpected `a`"),
        ("Host((`a`))", "unexpected `(`"),
        ("Host(`a`) & Host(`b`)", "unexpected '&'"),
        ("Host(`a`) && ", "the rule ends too early"),
        ("Host(`a`) Host(`b`)", "unexpected `Host`"),
        ("Host(`a`)\n&& Path(`/`)", "unexpected end of a line"),
        ("Host", "the rule ends too early"),
        ("hOst(`a`)", "unknown matcher hOst"),
        ("Hosts(`a`)", "unknown matcher Hosts"),
        ("Host(`bücher.example`)", "non-ASCII characters are not allowed in the host \"bücher.example\""),
        ("PathPrefix(`x`)", "path \"x\" does not start with a '/'"),
        ("ClientIP(`10.0.0`)", "\"10.0.0\" is no address and no network"),
        ("Query(`a`, `b`, `c`)", "matcher Query takes 1 and no more than 2 values, and has 3"),
        ("Host(`a`) /* b", "a comment is not closed"),
    ] {
        for syntax in [Syntax::V3, Syntax::Either] {
            let read = read(rule, syntax);
            assert_eq!(read.refused.as_deref(), Some(why), "{rule} {syntax:?}");
            assert!(read.places.is_empty(), "{rule}");
        }
    }
}

#[test]
fn each_language_has_its_own_matchers() {
    for (rule, v2, v3) in [
        ("Host(`a`, `b`) && PathPrefix(`/x`, `/y`)", Some(vec!["a/x", "a/y", "b/x", "b/y"]), None),
        ("HostHeader(`a`)", Some(vec!["a/"]), None),
        ("Host(`a`) && Headers(`X`, `1`) && Query(`q=1`)", Some(vec!["a/"]), None),
        ("Host(`a`) && Path(`/{id:[0-9]+}`)", Some(vec!["a/"]), Some(vec!["a/"])),
        ("Host(`a`) && Header(`X`, `1`)", None, Some(vec!["a/"])),
        ("Host(`a`) && Headers(`X`)", None, None),
        ("Host(`a`) && Query(`q`)", None, Some(vec!["a/"])),
        ("Host(`a`, `*.b`)", Some(vec!["a/"]), None),
    ] {
        for (syntax, expected) in [(Syntax::V2, &v2), (Syntax::V3, &v3)] {
            let read = read(rule, syntax);
            assert_eq!(read.refused.is_none(), expected.is_some(), "{rule} {syntax:?}: {read:?}");
            assert_eq!(places(&read), expected.clone().unwrap_or_default(), "{rule} {syntax:?}");
        }
        let either = read(rule, Syntax::Either);
        assert_eq!(either.refused.is_none(), v2.is_some() || v3.is_some(), "{rule}");
        assert_eq!(either.odd.is_some(), v2.is_some() && v3.is_none(), "{rule}: {either:?}");
    }
}

#[test]
fn the_image_says_the_language() {
    for (image, syntax) in [
        ("traefik:v3.6", Syntax::V3),
        ("docker.io/library/traefik:2.11.2-alpine@sha256:00", Syntax::V2),
        ("registry:5000/traefik", Syntax::Either),
        ("traefik:latest", Syntax::Either),
        ("traefik:3", Syntax::V3),
    ] {
        assert_eq!(Syntax::of_image(image), syntax, "{image}");
    }
}

#[test]
fn nothing_that_is_long_or_deep_costs_much() {
    let began = Instant::now();
    let deep = format!("{}Host(`a`){}", "(".repeat(8000), ")".repeat(8000));
    let many = vec!["Host(`a`)"; 1200].join(" || ");
    let terms: Vec<String> = (0..400).map(|n| format!("(Query(`a{n}`)||Query(`b{n}`))")).collect();
    let product = terms.join("&&");
    let denied = format!("{}Host(`a`)", "!".repeat(16_000));
    let megabytes = format!("Host(`{}`)", "a".repeat(4 << 20));
    assert_eq!(read(&many, Syntax::V3).places, [place("a", "/", false)]);
    assert_eq!(read(&denied, Syntax::V3).places, [place("a", "/", false)]);
    for rule in [&deep, &megabytes] {
        let read = read(rule, Syntax::V3);
        assert!(read.places.is_empty() && read.refused.is_none(), "{read:?}");
        assert!(read.also.is_some_and(|also| also.contains("was not read")), "{}", rule.len());
    }
    let hosts: Vec<String> = (0..100).map(|n| format!("Host(`h{n}`)")).collect();
    for rule in [product, hosts.join("||")] {
        let read = read(&rule, Syntax::V3);
        assert!(read.places.len() <= 32, "{}", read.places.len());
        assert!(read.also.is_some_and(|also| also.contains("more than 32 alternatives")), "{rule}");
    }
    assert!(began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
}

fn expressions() -> impl Strategy<Value = Expression> {
    let name = prop::sample::select(vec!["Host", "Path", "Header", "Nobody", "Ünknown"]);
    let matcher = (name, prop::collection::vec(".{0,12}", 0..4))
        .prop_map(|(name, values)| Expression::Matcher { name: name.to_owned(), values });
    matcher.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4).prop_map(Expression::All),
            prop::collection::vec(inner.clone(), 2..4).prop_map(Expression::Any),
            inner
                .prop_filter("denied once", |e| !matches!(e, Expression::Not(_)))
                .prop_map(|e| Expression::Not(Box::new(e))),
        ]
    })
}

fn printed(expression: &Expression) -> String {
    let list = |parts: &[Expression], sign: &str| {
        let parts: Vec<String> = parts
            .iter()
            .map(|part| match part {
                Expression::All(_) | Expression::Any(_) => format!("( {} )", printed(part)),
                _ => printed(part),
            })
            .collect();
        parts.join(sign)
    };
    match expression {
        Expression::All(parts) => list(parts, " && "),
        Expression::Any(parts) => list(parts, "||"),
        Expression::Not(inner) => format!("!({})", printed(inner)),
        Expression::Matcher { name, values } => {
            let values: Vec<String> = values.iter().map(|value| quote(value)).collect();
            format!("{name}({})", values.join(", "))
        }
    }
}

/// In back quotes where that can be, else in double quotes.
fn quote(text: &str) -> String {
    if !text.contains(['`', '\r', '\0']) {
        return format!("`{text}`");
    }
    let escaped: String = text.chars().map(|c| format!("\\U{:08x}", u32::from(c))).collect();
    format!("\"{escaped}\"")
}

proptest! {
    #[test]
    fn what_is_printed_reads_back(expression in expressions()) {
        let rule = printed(&expression);
        prop_assert_eq!(parse(&rule), Ok(expression), "{}", rule);
    }

    #[test]
    fn any_text_is_read_and_bounded(rule in ".{0,200}|[()&|!`\",a-cH/ \n]{0,80}|((Host|Path|!|\\(|\\)|&&|\\|\\||`/`|\"a\")[( )]?){0,20}") {
        for syntax in [Syntax::V2, Syntax::V3, Syntax::Either] {
            let read = read(&rule, syntax);
            prop_assert!(read.places.len() <= 32);
            prop_assert!(read.refused.is_none() || read.places.is_empty());
            for place in &read.places {
                prop_assert!(place.path.starts_with('/') && place.host.is_ascii() && !place.host.is_empty());
                prop_assert_eq!(&*place.host, place.host.to_ascii_lowercase());
            }
            for words in [read.also, read.refused, read.odd].into_iter().flatten() {
                prop_assert!(words.len() <= crate::strangers::LONGEST);
            }
        }
    }
}
