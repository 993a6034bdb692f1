//! What caddy-docker-proxy's README, its tests and Coolify's labels say.

use super::*;

#[test]
fn the_labels_of_coolify() {
    let text = "
        caddy_0 = https://shop.example.com
        caddy_0.handle_path = /*
        caddy_0.handle_path.0_reverse_proxy = {{upstreams 3000}}
        caddy_0.try_files = {path} /index.html /index.php
        caddy_0.encode = zstd gzip
        caddy_0.header = -Server
        caddy_ingress_network = coolify";
    let read = read(&labels(text));
    assert_eq!(read.network.as_deref(), Some("coolify"));
    assert_eq!((read.enabled, &read.oddities[..]), (None, &[][..]));
    let [rule, automatic] = &read.rules[..] else { panic!("{read:#?}") };
    assert_eq!(line(rule), "443 tls shop.example.com/* -> 3000");
    assert_eq!((&*rule.name, &*rule.written), ("caddy_0", "https://shop.example.com"));
    assert_eq!(line(automatic), "80 shop.example.com/* redirect https None -> 3000");
}

#[test]
fn coolify_without_a_port_without_force_and_with_a_redirect() {
    check(
        "
        caddy_0 = http://a.example.com, https://a.example.com
        caddy_0.handle_path = /api*
        caddy_0.handle_path.0_reverse_proxy = {{upstreams}}
        caddy_1 = https://b.example.com
        caddy_1.handle = /*
        caddy_1.handle.1_reverse_proxy = {{upstreams 3000}}
        caddy_1.redir = https://www.b.example.com{uri}
        caddy_2 = https://c.example.com
        caddy_2.basicauth.joe = $2y$10$abc
        caddy_2.handle_path = /*
        caddy_2.handle_path.2_reverse_proxy = {{upstreams 3000}}",
        &[
            "80 a.example.com/api* -/api -> 80",
            "443 tls a.example.com/api* -/api -> 80",
            "443 tls b.example.com/* redirect -> 3000",
            "443 tls c.example.com/* guarded -> 3000",
        ],
    );
}

#[test]
fn upstreams() {
    for (value, expected) in [
        ("{{upstreams}}", "80"),
        ("{{upstreams 8080}}", "8080"),
        ("{{upstreams http 8080}}", "8080"),
        ("{{upstreams https}}", "443 tls"),
        ("{{upstreams https 5000}}", "5000 tls"),
        ("{{upstreams h2c 5000}}", "5000"),
        ("\"{{upstreams 81}}\"", "81"),
        ("{{upstreams 1}} {{upstreams 1}}", "1"),
        ("something", "elsewhere something"),
    ] {
        let text = format!("caddy = example.com\ncaddy.reverse_proxy = {value}");
        check(&text, &[&format!("443 tls example.com/* -> {expected}")]);
    }
    check(
        "caddy = a\ncaddy.reverse_proxy.to = {{upstreams 1}}\ncaddy.reverse_proxy.transport = http\ncaddy.reverse_proxy.transport.tls =",
        &["443 tls a/* -> 1 tls"],
    );
}

#[test]
fn addresses() {
    check(
        "caddy = example.com, example.org www.example.com, http://example.net\ncaddy.reverse_proxy = {{upstreams}}",
        &["443 tls example.com/* example.org/* www.example.com/* -> 80", "80 example.net/* -> 80"],
    );
    check("caddy = :80\ncaddy.reverse_proxy = {{upstreams}}", &["80 -> 80"]);
    check("caddy = a/x* a/y\ncaddy.reverse_proxy = {{upstreams}}", &["443 tls a/x* a/y -> 80"]);
    check(
        "caddy = {$DOMAIN}\ncaddy.reverse_proxy = {{upstreams}}",
        &["443 tls -> 80 | also a host like {$domain}"],
    );
    check(
        "caddy = {{.Name}}.a\ncaddy.reverse_proxy = {{upstreams}}",
        &["443 tls -> 80 | also the site's address is not read: {{…}}.a"],
    );
}

#[test]
fn a_path_below_a_directive() {
    check(
        "caddy = a\ncaddy.handle = /source/*\ncaddy.handle.0_reverse_proxy = {{upstreams}}",
        &["443 tls a/source/* -> 80"],
    );
    check(
        "caddy = a\ncaddy.handle_path = /source/*\ncaddy.handle_path.0_reverse_proxy = {{upstreams}}",
        &["443 tls a/source/* -/source -> 80"],
    );
    check(
        "
        caddy = a
        caddy.handle_path = /source/*
        caddy.handle_path.0_rewrite = * /target{uri}
        caddy.handle_path.1_reverse_proxy = {{upstreams}}",
        &["443 tls a/source/* -/source rewrites -> 80"],
    );
    check(
        "caddy = a\ncaddy.rewrite = * /target{path}\ncaddy.reverse_proxy = {{upstreams}}",
        &["443 tls a/* rewrites -> 80"],
    );
    check(
        "
        caddy = service.testdomain.com
        caddy.route = /path/*
        caddy.route.0_uri = strip_prefix /path
        caddy.route.1_rewrite = * /api{path}
        caddy.route.2_reverse_proxy = {{upstreams https 5000}}",
        &["443 tls service.testdomain.com/path/* -/path rewrites -> 5000 tls"],
    );
    check(
        "
        caddy = a
        caddy.handle_path = /api/*
        caddy.handle_path.handle_path = /v1/*
        caddy.handle_path.handle_path.reverse_proxy = /in* {{upstreams}}",
        &["443 tls a/api/v1/in* -/api -/v1 -> 80"],
    );
}

#[test]
fn matchers() {
    check(
        "
        caddy = example.com
        caddy.@ws.0_header = Connection *Upgrade*
        caddy.@ws.1_header = Upgrade websocket
        caddy.0_reverse_proxy = @ws {{upstreams 1}}
        caddy.1_reverse_proxy = /api* {{upstreams 2}}
        caddy.2_reverse_proxy = {{upstreams 3}}",
        &[
            "443 tls -> 1 | also header Connection *Upgrade*; header Upgrade websocket",
            "443 tls example.com/api* -> 2",
            "443 tls example.com/* -> 3",
        ],
    );
    check(
        "caddy = localhost\ncaddy.@match.path = /sourcepath /sourcepath/*\ncaddy.reverse_proxy = @match localhost:6001",
        &["443 tls localhost/sourcepath localhost/sourcepath/* -> elsewhere localhost:6001"],
    );
    check(
        "caddy = a\ncaddy.@m = path /x *.php\ncaddy.reverse_proxy = @m {{upstreams}}",
        &["443 tls a/x -> 80"],
    );
    check(
        "caddy = a\ncaddy.@m = not path /x\ncaddy.reverse_proxy = @m {{upstreams}}",
        &["443 tls a/* -> 80 | also not path /x"],
    );
    check(
        "
        caddy = *.example.com
        caddy.1_@foo = host foo.example.com
        caddy.1_handle = @foo
        caddy.1_handle.reverse_proxy = {{upstreams 8080}}
        caddy.2_@bar = host bar.example.com other.org
        caddy.2_handle = @bar
        caddy.2_handle.reverse_proxy = {{upstreams 8081}}",
        &["443 tls foo.example.com/* -> 8080", "443 tls bar.example.com/* -> 8081"],
    );
}

#[test]
fn snippets_and_global_options_are_none() {
    check(
        "
        caddy_0 = (snippet)
        caddy_0.tls = internal
        caddy_0.basic_auth.joe = x
        caddy_1 = site-a.com
        caddy_1.import = snippet
        caddy_1.reverse_proxy = {{upstreams}}
        caddy_2 = site-b.com
        caddy_2.import = other
        caddy_2.reverse_proxy = {{upstreams}}
        caddy_3 = site-c.com
        caddy_3.import = other
        caddy_4.email = you@example.com",
        &[
            "443 tls site-a.com/* guarded -> 80",
            "443 tls site-b.com/* unsure -> 80",
            "443 tls site-c.com/* -> elsewhere import other",
        ],
    );
    let read = read(&labels("caddy.reverse_proxy = {{upstreams}}"));
    assert!(read.rules.is_empty());
    assert_eq!(read.oddities, ["caddy has directives and no address: Caddy takes them for global options"]);
}

#[test]
fn what_answers_by_itself() {
    check(
        "caddy = a\ncaddy.respond = / \"Hello World\" 200",
        &["443 tls a/* -> elsewhere respond / Hello World 200"],
    );
    check("caddy = a\ncaddy.root = * /srv\ncaddy.file_server =", &["443 tls a/* -> elsewhere file_server"]);
    check("caddy = a\ncaddy.tls = internal", &["443 tls a/* -> elsewhere nothing of these labels"]);
    check(
        "caddy = a\ncaddy.respond = 503\ncaddy.reverse_proxy = {{upstreams}}",
        &["443 tls a/* -> elsewhere respond 503 answers before"],
    );
    check("caddy = a\ncaddy.reverse_proxy =", &["443 tls a/* -> nowhere"]);
    check("caddy = a\ncaddy.respond = /x* 503\ncaddy.reverse_proxy = {{upstreams}}", &["443 tls a/* -> 80"]);
    check("caddy = a\ncaddy.file_server =\ncaddy.reverse_proxy = {{upstreams}}", &["443 tls a/* -> 80"]);
    check(
        "caddy = a\ncaddy.@d = not remote_ip 10.0.0.0/8\ncaddy.abort = @d\ncaddy.reverse_proxy = {{upstreams}}",
        &["443 tls a/* -> 80 | also abort @d may answer before"],
    );
    check(
        "caddy = a\ncaddy.@d = not remote_ip 10.0.0.0/8\ncaddy.respond = @d 403\ncaddy.reverse_proxy = {{upstreams}}",
        &["443 tls a/* unsure -> 80"],
    );
    check(
        "caddy = a\ncaddy.@d = header X-Forwarded-Proto http\ncaddy.redir = @d https://{host}{uri}\ncaddy.reverse_proxy = {{upstreams}}",
        &["443 tls a/* unsure -> 80"],
    );
    check(
        "
        caddy = a
        caddy.handle_0 = /api*
        caddy.handle_0.reverse_proxy = {{upstreams 1}}
        caddy.handle_1 =
        caddy.handle_1.reverse_proxy = {{upstreams 2}}
        caddy.reverse_proxy = {{upstreams 3}}",
        &[
            "443 tls a/api* -> 1",
            "443 tls a/* -> 2",
            "443 tls a/* -> elsewhere reverse_proxy {{upstreams}}:2 answers before",
        ],
    );
}

#[test]
fn redirects() {
    check(
        "
        caddy = example.com
        caddy.redir_0 = /favicon.ico  /alternative/icon.ico 302
        caddy.redir_1 = /photo.png    /updated-photo.png    302",
        &[
            "443 tls example.com/favicon.ico redirect -> elsewhere redir /favicon.ico /alternative/icon.ico 302",
            "443 tls example.com/photo.png redirect -> elsewhere redir /photo.png /updated-photo.png 302",
        ],
    );
    check(
        "caddy = http://a\ncaddy.redir = https://{host}{uri}",
        &["80 a/* redirect https None -> elsewhere redir https://{host}{uri}"],
    );
    check("caddy = a\ncaddy.redir = /old* /new\ncaddy.reverse_proxy = {{upstreams}}", &["443 tls a/* -> 80"]);
}

#[test]
fn automatic_https() {
    let automatic = |sites: &[&str]| -> Vec<String> {
        let site = |(n, site): (usize, &&str)| {
            format!("caddy_{n} = {site}\ncaddy_{n}.reverse_proxy = {{{{upstreams}}}}\n")
        };
        let text: String = sites.iter().enumerate().map(site).collect();
        read(&labels(&text)).rules.iter().filter(|rule| is_automatic(rule)).map(line).collect()
    };
    let redirect = |place: &str, port: &str| vec![format!("80 {place}/* redirect https {port} -> 80")];
    assert_eq!(automatic(&["a"]), redirect("a", "None"));
    assert_eq!(automatic(&["a:8443"]), redirect("a", "Some(8443)"));
    assert_eq!(automatic(&["a:8443", "https://a"]), redirect("a", "None"));
    assert_eq!(automatic(&["https://a http://a"]), [""; 0]);
    assert_eq!(automatic(&["https://a", "http://a"]), [""; 0]);
    assert_eq!(automatic(&["http://a :80 :443 *.b"]), [""; 0]);
    let below = labels("caddy = *.b\ncaddy.@c = host c.b\ncaddy.reverse_proxy = @c {{upstreams}}");
    let rules: Vec<_> = read(&below).rules.iter().map(line).collect();
    assert_eq!(rules, ["443 tls c.b/* -> 80", "80 c.b/* redirect https None -> 80"]);
    // Where Caddy refuses the site there is nothing to redirect to.
    let refused = labels("caddy = a\ncaddy.reverse_proxy = {{upstreams 99999}}");
    assert_eq!(read(&refused).rules.len(), 1);
}

#[test]
fn what_is_no_fault_leads_elsewhere() {
    // Nowhere is what a person is told of as of a fault.
    for text in [
        "caddy = a\ncaddy.redir = https://b{uri}",
        "caddy = a\ncaddy.respond = 200",
        "caddy = *.a\ncaddy.tls = internal",
        "caddy = a, http://b\ncaddy.@a = host a\ncaddy.reverse_proxy = @a {{upstreams}}",
        "caddy = a\ncaddy.import = other",
    ] {
        let rules = read(&labels(text)).rules;
        let is_sound = |rule: &Rule| !matches!(rule.leads, Leads::Nowhere(_)) && rule.refused.is_none();
        assert!(!rules.is_empty() && rules.iter().all(is_sound), "{text}: {rules:#?}");
    }
}
