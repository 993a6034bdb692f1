//! What Caddy refuses, and what no label may do.

use super::*;
use crate::proxy::caddy::walk::MOST_RULES;
use crate::strangers::LONGEST;

fn refusal(text: &str) -> Vec<Option<String>> {
    let read = read(&labels(text));
    read.rules.iter().filter(|rule| !is_automatic(rule)).map(|rule| rule.refused.clone()).collect()
}

#[test]
fn a_site_that_caddy_refuses_is_refused_alone() {
    for bad in [
        "caddy_0 = a,b",
        "caddy_0 = a\ncaddy_0.reverse_proxy = {{upstreams x}}",
        "caddy_0 = a\ncaddy_0.reverse_proxy = {{upstreams 99999}}",
        "caddy_0 = a\ncaddy_0.reverse_proxy = @m {{upstreams}}",
        "caddy_0 = a\ncaddy_0.redir = /x",
        "caddy_0 = a\ncaddy_0.handle_path.reverse_proxy = {{upstreams}}",
        "caddy_0 = a\ncaddy_0.1_@m = path /a\ncaddy_0.2_@m = path /b",
    ] {
        // `{{upstreams x}}` calls a function that there is not: nobody but the proxy can tell.
        let expected = !bad.contains("upstreams x");
        let refusals = refusal(&format!("{bad}\ncaddy_1 = c\ncaddy_1.reverse_proxy = {{{{upstreams}}}}"));
        let [first, second] = &refusals[..] else { panic!("{bad}: {refusals:?}") };
        assert_eq!((first.is_some(), second), (expected, &None), "{bad}: {refusals:?}");
    }
}

#[test]
fn two_sites_share_all_of_their_addresses_or_none() {
    let ambiguous = refusal("caddy_0 = a b\ncaddy_1 = b c\ncaddy_2 = d");
    assert_eq!(ambiguous.iter().map(Option::is_some).collect::<Vec<_>>(), [false, true, false]);
    assert_eq!(refusal("caddy_0 = a b\ncaddy_1 = a b\ncaddy_2 = https://a"), [None, None, None]);
}

#[test]
fn a_broken_template_costs_the_container() {
    let text = "caddy_0 = a\ncaddy_0.reverse_proxy = {{upstreams}}\ncaddy_1 = b\ncaddy_1.respond = {{";
    let read = read(&labels(text));
    assert_eq!(
        lines(&read),
        ["443 tls a/* -> 80 | refused", "443 tls b/* -> elsewhere nothing of these labels | refused"]
    );
    assert_eq!(read.rules.len(), 2, "{read:#?}");
    assert_eq!(read.oddities.len(), 1);
}

#[test]
fn what_is_not_read_is_said_of_its_rule_alone() {
    check(
        "
        caddy_0 = a
        caddy_0.reverse_proxy = {{.Names}}:80
        caddy_1 = b
        caddy_1.header = X-Name {{.Names}}
        caddy_1.reverse_proxy = {{upstreams}}
        caddy_2 = c
        caddy_2.crowdsec =
        caddy_2.reverse_proxy = {{upstreams}}
        caddy_3 = d
        caddy_3.php_fastcgi = {{upstreams 9000}}",
        &[
            "443 tls a/* -> elsewhere a template that is not read | also reverse_proxy {{…}}:80 is not read",
            "443 tls b/* -> 80",
            "443 tls c/* unsure -> 80",
            "443 tls d/* -> elsewhere FastCGI at {{upstreams}}:9000",
        ],
    );
}

#[test]
fn megabytes_cost_nothing_else() {
    let mut labels = labels("caddy_0 = a\ncaddy_0.reverse_proxy = {{upstreams}}");
    labels.insert("caddy_1".to_owned(), "x".repeat(1 << 20));
    labels.insert(format!("caddy_0.{}", "y.".repeat(1 << 19)), "z".to_owned());
    labels.insert("caddy_0.header".to_owned(), "z".repeat(1 << 20));
    labels.insert("caddy_ingress_network".to_owned(), "n".repeat(1 << 20));
    let read = read(&labels);
    assert_eq!(lines(&read)[0], "443 tls a/* -> 80");
    assert!(read.network.unwrap().len() <= LONGEST);
    assert!(read.oddities.iter().all(|text| text.len() <= LONGEST));
}

#[test]
fn everything_has_a_bound() {
    let text: String = (0..300)
        .map(|n| format!("caddy_0.reverse_proxy_{n} = /p{n}* {{{{upstreams {}}}}}\n", n + 1))
        .collect();
    let hosts: Vec<_> = (0..200).map(|n| format!("h{n}")).collect();
    let ports: Vec<_> = (1..100).map(|n| format!("h:{n}")).collect();
    for (site, oddity, rules) in [
        ("a b c", "caddy_0: more than can be read", MOST_RULES),
        (&hosts.join(" "), "caddy_0: more than 32 addresses: the others are not read", 1),
        (&ports.join(" "), "caddy_0: more than 8 ports: the others are not read", 8),
    ] {
        let read = read(&labels(&format!("caddy_0 = {site}\n{text}")));
        assert!((rules..=MOST_RULES).contains(&read.rules.len()), "{site}: {}", read.rules.len());
        assert!(read.rules.iter().all(|rule| rule.places.len() <= 32), "{read:#?}");
        assert!(read.oddities.iter().any(|text| text == oddity), "{site}: {:#?}", read.oddities);
    }
}

#[test]
fn snippets_that_import_each_other_end() {
    let mut text = "caddy_0 = (a)\ncaddy_1 = (b)\ncaddy_2 = h\ncaddy_2.import = a\n".to_owned();
    for (n, other) in [(0, "b"), (1, "a")] {
        for i in 0..20 {
            text += &format!("caddy_{n}.import_{i} = {other}\ncaddy_{n}.handle_{i}.import = {other}\n");
        }
    }
    let read = read(&labels(&text));
    assert!(read.oddities.iter().any(|text| text.contains("more than can be read")), "{read:#?}");
}

#[test]
fn the_work_is_bounded() {
    // Many hosts at many ports, many matchers, blocks in blocks, all of them in a snippet that every site imports.
    let list = |word: &str| (0..40).map(|n| format!("{word}{n}")).collect::<Vec<_>>().join(" ");
    let mut text = "caddy_0 = (s)\n".to_owned();
    for n in 0..60 {
        let hosts =
            (0..30).map(|host| format!("h{host}:{}", n * 8 + host % 8 + 1)).collect::<Vec<_>>().join(" ");
        text += &format!("caddy_{} = {hosts}\ncaddy_{}.import = s\n", n + 1, n + 1);
        text += &format!("caddy_0.@m{n} = path {}\n", list("/x"));
        text += &format!(
            "caddy_0.handle_{n} = @m{n}\ncaddy_0.handle_{n}.reverse_proxy = @m{n} {{{{upstreams {}}}}}\n",
            n + 1
        );
    }
    let started = std::time::Instant::now();
    let read = read(&labels(&text));
    assert!(read.oddities.iter().any(|text| text.contains("more than can be read")), "{:#?}", read.oddities);
    // Far more than it takes, as it is not the machine that is measured.
    assert!(started.elapsed() < std::time::Duration::from_secs(5), "{:?}", started.elapsed());
}
