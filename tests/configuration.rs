//! The configuration as an operator meets it: what loads, what every error says, and that the page of
//! settings and the printed form tell the truth.

use std::fs;
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use destination_exporter::config::settings::{Field, settings};
use destination_exporter::config::{
    Config, EXAMPLE, MOST_BYTES, Override, TrafficSource, documentation, load, load_file,
};
use destination_exporter::outcome::ProbeKind;
use proptest::prelude::*;

fn told(text: &str) -> Vec<String> {
    load(text).expect_err(text).iter().map(ToString::to_string).collect()
}

#[test]
fn nothing_said_is_the_default() {
    for text in
        ["", "\n", "# only a remark\n", "---\n# and\n", "probes:\n", "probes:\n  dns:\n", "{}", "\u{feff}"]
    {
        assert_eq!(load(text), Ok(Config::default()), "{text:?}");
    }
}

#[test]
fn a_network_may_be_called_no() {
    let config = load("destinations: {include: [no, y, off]}").unwrap();
    assert_eq!(config.destinations.include, ["no", "y", "off"]);
}

#[test]
fn the_default_and_the_example_load_again() {
    let default = Config::default();
    assert_eq!(load(&default.to_yaml()), Ok(default.clone()), "{}", default.to_yaml());
    let example = load(EXAMPLE).unwrap();
    assert_ne!(example, default);
    assert_eq!(load(&example.to_yaml()), Ok(example.clone()), "{}", example.to_yaml());
    assert_eq!(example.probes.timing("staging-1", ProbeKind::Http).interval, Duration::from_secs(90));
}

#[test]
fn every_error_says_where_and_what_was_expected() {
    let table: &[(&str, &str)] = &[
        ("prbes: {}", "line 1, column 1: unknown setting \"prbes\"; did you mean `probes`?"),
        (
            "zzzzzzzz: 1",
            "line 1, column 1: unknown setting \"zzzzzzzz\"; expected one of docker, destinations, probes, traffic, isolation, routes, certificates, findings, drift",
        ),
        ("probes:\n  htpp: {}", "line 2, column 3: probes: unknown setting \"htpp\"; did you mean `http`?"),
        (
            "probes.ring: 2",
            "line 1, column 1: unknown setting \"probes.ring\"; expected one of docker, destinations, probes, traffic, isolation, routes, certificates, findings, drift",
        ),
        (
            "- a",
            "line 1, column 1: expected settings (docker, destinations, probes, traffic, isolation, routes, certificates, findings, drift), found a list",
        ),
        ("probes: 3", "line 1, column 9: probes: expected settings (ring, "),
        (
            "probes: {ring: 0}",
            "line 1, column 16: probes.ring: expected a whole number from 1 to 64, found 0",
        ),
        ("probes: {ring: -1}", "found -1"),
        ("probes: {ring: 1.5}", "found 1.5"),
        ("probes: {ring: '3'}", "found \"3\""),
        ("probes: {ring: }", "found nothing"),
        ("probes: {ring: 99999999999999999999999999}", "expected a whole number from 1 to 64"),
        (
            "probes: {dns: {interval: soon}}",
            "line 1, column 26: probes.dns.interval: expected a duration like `15s` or `1m30s`, from 1s to 1day, found \"soon\"",
        ),
        ("probes: {dns: {interval: 15}}", "found 15 without a unit (`15s`?)"),
        ("probes: {dns: {interval: 0s}}", "from 1s to 1day, found \"0s\""),
        ("probes: {dns: {interval: 0}}", "from 1s to 1day, found 0"),
        ("probes: {dns: {interval: 2days}}", "from 1s to 1day, found \"2days\""),
        ("probes: {dns: {interval: -5s}}", "probes.dns.interval: expected a duration"),
        ("probes: {dns: {interval: [1s]}}", "found a list"),
        ("probes: {tcp: {timeout: 0s}}", "from 10ms to 5m, found \"0s\""),
        ("probes: {tcp: {enabled: yes}}", "probes.tcp.enabled: expected true or false, found \"yes\""),
        (
            "traffic: {source: yes}",
            "line 1, column 19: traffic.source: expected `auto`, `kernel` or `engine`, found \"yes\"",
        ),
        ("traffic: {source: true}", "expected `auto`, `kernel` or `engine`, found true"),
        ("probes: {tcp: {enabled: 1}}", "expected true or false, found 1"),
        (
            "docker: {host: ssh://there}",
            "line 1, column 16: docker.host: expected `unix:///var/run/docker.sock` or `tcp://host:port`, found \"ssh://there\"",
        ),
        ("docker: {host: 'tcp://there:0'}", "found \"tcp://there:0\""),
        ("docker: {host: 'tcp://there:+1'}", "found \"tcp://there:+1\""),
        ("docker: {host: 'tcp://me:geheim@there:1'}", "found an address with a user in it"),
        (
            "docker: {netns_dir: run/netns}",
            "docker.netns_dir: expected an absolute path, or `\"\"` for where the Engine says, found \"run/netns\"",
        ),
        (
            "destinations: {include: coolify}",
            "destinations.include: expected a list of patterns like `app-*`, found \"coolify\"",
        ),
        (
            "destinations: {include: [1.10]}",
            "destinations.include[0]: expected a pattern like `app-*`, found 1.1; write it in quotes",
        ),
        ("destinations: {include: [\"a\\tb\"]}", "without control characters, found \"a\\tb\""),
        (
            "destinations: {include_labels: [=x]}",
            "destinations.include_labels[0]: expected a label, `key` or `key=value`, found \"=x\"",
        ),
        (
            "destinations: {expect: ['app-*']}",
            "destinations.expect[0]: expected a network's whole name, found the pattern \"app-*\"",
        ),
        (
            "probes: {external_names: ['a..b']}",
            "probes.external_names[0]: expected a DNS name like `example.com`, found \"a..b\"",
        ),
        (
            "probes: {external_addresses: [1.1.1.1, 1.1.1]}",
            "line 1, column 40: probes.external_addresses[1]: expected an IP address",
        ),
        (
            "probes: {http_ports: [80, 0, 65536]}",
            "probes.http_ports[1]: expected a whole number from 1 to 65535, found 0",
        ),
        (
            "isolation: {shared: [shop, blog]}",
            "isolation.shared[0]: expected a group of two patterns or more, found \"shop\"",
        ),
        (
            "isolation: {shared: [[shop, blog], [shop]]}",
            "isolation.shared[1]: expected a group of two patterns or more, found 1",
        ),
        (
            "isolation: {shared: shop}",
            "expected a list of groups like `[[shop, blog]]`, each of two patterns or more, found \"shop\"",
        ),
        (
            "probes: {overrides: {}}",
            "probes.overrides: expected a list of overrides, found a group of settings",
        ),
        (
            "probes: {overrides: [x]}",
            "probes.overrides[0]: expected settings (destination, kind, enabled, interval, timeout), found \"x\"",
        ),
        (
            "probes: {overrides: [{kind: dns, enabled: false}]}",
            "probes.overrides[0]: expected `destination`, which is missing",
        ),
        (
            "probes: {overrides: [{destination: a, enabled: false}]}",
            "probes.overrides[0]: expected `kind`, which is missing",
        ),
        (
            "probes: {overrides: [{destination: a, kind: dns}]}",
            "changes nothing: expected `enabled`, `interval` or `timeout`",
        ),
        (
            "probes: {overrides: [{destination: a, kind: ping, enabled: true}]}",
            "probes.overrides[0].kind: expected one of dns, dns_external, icmp, icmp_external, tcp, http, proxy, route, published_port, isolation, path_mtu, hairpin, overlay, node, found \"ping\"",
        ),
        (
            "probes: {overrides: [{destination: a, kind: dns, intervall: 2s, enabled: true}]}",
            "probes.overrides[0]: unknown setting \"intervall\"; did you mean `interval`?",
        ),
        (
            "probes:\n  icmp_packets: 100\n",
            "line 2, column 17: probes.icmp.timeout: expected more than 1s980ms",
        ),
        (
            "probes: {overrides: [{destination: a, kind: icmp, timeout: 20ms}]}",
            "probes.overrides[0].timeout: expected more than 40ms",
        ),
        (
            "certificates: {ca_file: ca.pem}",
            "certificates.ca_file: expected an absolute path of a file, or `\"\"` for none, found \"ca.pem\"",
        ),
        (
            "drift: {approved_file: approved.json}",
            "drift.approved_file: expected an absolute path of a file, or `\"\"` for none, found \"approved.json\"",
        ),
        ("certificates: {expiring_within: 5m}", "from 1h to 1year, found \"5m\""),
        ("probes: [", "not readable as YAML"),
        ("a: 1\n b: 2\n", "line 2"),
        ("probes:\n\tring: 3\n", "line 2"),
        (
            "probes: {ring: 1}\nprobes: {ring: 2}\n",
            "line 2, column 1: not readable as YAML: duplicate mapping key: probes",
        ),
        ("probes: *nowhere", "not readable as YAML"),
        ("{}\n---\n{}\n", "not readable as YAML"),
    ];
    let mut wrong = Vec::new();
    for (text, expected) in table {
        let told = told(text).join("\n");
        // A place for every error, and told once.
        if !told.contains(expected) || told.matches("line ").count() != told.lines().count() {
            wrong.push(format!("{text}\n  expected {expected}\n  told     {told}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_error_is_told_at_once_in_the_order_of_the_text() {
    let text = "probes:\n  ring: 0\n  dns:\n    interval: 15\n  htpp: {}\ndocker:\n  host: nowhere\n";
    let told = told(text);
    let starts = ["line 2, column 9: ", "line 4, column 15: ", "line 5, column 3: ", "line 7, column 9: "];
    assert_eq!(told.len(), starts.len(), "{told:#?}");
    for (told, start) in told.iter().zip(starts) {
        assert!(told.starts_with(start), "{told}");
    }
    // The page shows the first three of these word for word.
    for line in told.iter().take(3) {
        assert!(documentation().contains(line.as_str()), "{line}");
    }
}

#[test]
fn size_depth_and_aliases_are_bounded() {
    assert!(told(&"#".repeat(MOST_BYTES + 1)).concat().contains("at most 1 MiB"));
    assert_eq!(load(&"#".repeat(MOST_BYTES)), Ok(Config::default()));
    assert_eq!(told(&"[".repeat(MOST_BYTES)).len(), 1);
    assert_eq!(told(&format!("probes: {}1{}", "[".repeat(5000), "]".repeat(5000))).len(), 1);
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for n in 1..20 {
        let last = n - 1;
        bomb +=
            &format!("a{n}: &a{n} [*a{last}, *a{last}, *a{last}, *a{last}, *a{last}, *a{last}, *a{last}]\n");
    }
    assert_eq!(told(&bomb).len(), 1);
    let many = format!("destinations: {{include: [{}]}}", "a,".repeat(1001));
    assert!(told(&many).concat().contains("at most 1000 entries, found 1001"));
    let long = told(&format!("{}: 1", "k".repeat(1000))).concat();
    assert!(long.len() < 300, "{long}");
}

#[test]
fn a_file_is_read_within_its_bounds() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("good"), EXAMPLE).unwrap();
    fs::write(at("large"), "#".repeat(MOST_BYTES + 1)).unwrap();
    fs::write(at("latin"), b"probes: {}\n# caf\xe9\n").unwrap();
    assert_eq!(load_file(&at("good")), load(EXAMPLE));
    let table = [("large", "at most 1 MiB"), ("latin", "line 2: expected UTF-8"), ("none", "cannot be read")];
    for (name, expected) in table {
        let told = load_file(&at(name)).unwrap_err();
        assert!(told.iter().any(|p| p.to_string().contains(expected)), "{name}: {told:?}");
    }
    // Without an end, or with nobody at the other one: it must come back all the same.
    let made = std::process::Command::new("mkfifo").arg(at("pipe")).status().expect("mkfifo (coreutils)");
    assert!(made.success());
    let others =
        [(at("pipe"), "a pipe"), (folder.path().into(), "a folder"), ("/dev/zero".into(), "a device")];
    for (path, what) in others {
        let (tell, told) = std::sync::mpsc::channel();
        let expected = format!("{} cannot be read: it is {what}; expected a regular file", path.display());
        std::thread::spawn(move || tell.send(load_file(&path)).ok());
        let told = told.recv_timeout(std::time::Duration::from_secs(30)).expect("it does not wait");
        assert_eq!(told.unwrap_err()[0].to_string(), expected);
    }
}

#[test]
fn further_roots_are_read_with_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let made = rcgen::generate_simple_self_signed(vec!["ca.test".to_owned()]).unwrap();
    fs::write(at("ca.pem"), made.cert.pem()).unwrap();
    fs::write(at("empty.pem"), "").unwrap();
    fs::write(at("large.pem"), "#".repeat(MOST_BYTES + 1)).unwrap();
    let load = |file: &str| {
        let text = format!("certificates:\n  expiring_within: 7days\n  ca_file: {}\n", at(file).display());
        fs::write(at("config.yaml"), &text).unwrap();
        assert!(
            load(&text).is_ok_and(|config| config.certificates.roots.is_empty()),
            "the text alone reads no file"
        );
        load_file(&at("config.yaml"))
    };
    let config = load("ca.pem").unwrap();
    assert_eq!(config.certificates.roots.len(), 1);
    assert_eq!(config.certificates.settings().expiring_within, Duration::from_secs(7 * 86_400));
    for (file, expected) in [
        ("none.pem", "cannot be read: No such file or directory"),
        ("", "cannot be read: it is a folder; expected a regular file"),
        ("empty.pem", "holds no certificate; expected PEM"),
        ("large.pem", "is larger than 1 MiB; expected only authorities that are not public"),
    ] {
        let told = load(file).unwrap_err();
        let place = format!("line 3, column 12: certificates.ca_file: {} {expected}", at(file).display());
        assert!(told.len() == 1 && told[0].to_string().starts_with(&place), "{told:?}\n{place}");
    }
}

#[test]
fn the_page_of_settings_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/configuration.md");
    let page = documentation();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &page).unwrap();
    }
    let there = fs::read_to_string(&path).unwrap_or_default();
    assert!(there == page, "docs/configuration.md is old: UPDATE_DOCS=1 cargo test --test configuration");
}

#[test]
fn every_setting_has_a_place_of_its_own() {
    let mut paths: Vec<_> = settings().map(|setting| setting.path).collect();
    let all = paths.len();
    paths.sort_unstable();
    paths.dedup();
    assert_eq!(paths.len(), all);
    // Two settings with one place (a slip in the table) would show here: a number or a flag that is
    // written must change the configuration, and differently from every other setting.
    let mut seen: Vec<Config> = Vec::new();
    for setting in settings() {
        let mut config = Config::default();
        match &setting.field {
            Field::Flag(at) => *at(&mut config) ^= true,
            Field::Time(at, _) => *at(&mut config) += Duration::from_millis(1),
            Field::Whole { read, write, .. } => {
                let other = read(&config) + 1;
                write(&mut config, other);
            }
            Field::Engine(at) => at(&mut config).push('x'),
            Field::Folder(at) | Field::File(at) => at(&mut config).push_str("/x"),
            Field::Patterns(at) | Field::Networks(at) | Field::Labels(at) => at(&mut config).push("x".into()),
            Field::Names(at) => at(&mut config).push("x".into()),
            Field::Addresses(at) => at(&mut config).push(IpAddr::from([1, 1, 1, 1])),
            Field::Ports(at) => at(&mut config).push(7),
            Field::Counters(at) => *at(&mut config) = TrafficSource::Engine,
            Field::Groups(at) => at(&mut config).push(vec!["x".into(), "y".into()]),
            Field::Overrides(at) => at(&mut config).push(Override {
                destination: "x".into(),
                kind: ProbeKind::Dns,
                enabled: Some(false),
                interval: None,
                timeout: None,
            }),
        }
        assert_ne!(config, Config::default(), "{}", setting.path);
        assert!(!seen.contains(&config), "{} shares its place", setting.path);
        assert_eq!(load(&config.to_yaml()), Ok(config.clone()), "{}", setting.path);
        seen.push(config);
    }
}

/// Text as Docker and people write it, with everything YAML makes special.
fn word() -> impl Strategy<Value = String> {
    proptest::string::string_regex(
        "[a-zA-Z0-9 :#*&!|>'\"%@`{}\\[\\],?\\\\~\u{e9}\u{2028}\u{feff}\u{1f600}-]{1,20}",
    )
    .unwrap()
}

fn millis(least: u64, most: u64) -> impl Strategy<Value = Duration> {
    (least..=most).prop_map(Duration::from_millis)
}

fn one_override() -> impl Strategy<Value = Override> {
    let kind = prop::sample::select(ProbeKind::ALL.to_vec());
    let interval = prop::option::of(millis(1000, 86_400_000));
    (word(), kind, any::<bool>(), interval, prop::option::of(millis(3000, 300_000))).prop_map(
        |(destination, kind, enabled, interval, timeout)| Override {
            destination,
            kind,
            enabled: Some(enabled),
            interval,
            timeout,
        },
    )
}

prop_compose! {
    fn any_config()(
        words in prop::collection::vec(prop::collection::vec(word(), 0..4), 3),
        labels in prop::collection::vec("[a-z.]{1,9}(=.?[a-z \"\\\\]{0,9})?".prop_filter("no control", |l| !l.chars().any(char::is_control)), 0..3),
        addresses in prop::collection::vec(any::<IpAddr>(), 0..4),
        ports in prop::collection::vec(1..=u16::MAX, 0..5),
        overrides in prop::collection::vec(one_override(), 0..4),
        source in prop::sample::select(TrafficSource::ALL.to_vec()),
        (interval, timeout, ring, body, enabled)
            in (millis(1000, 86_400_000), millis(2000, 300_000), 1..=64usize, 0..=16_777_216u64, any::<bool>()),
    ) -> Config {
        let mut config = Config::default();
        config.docker.netns_dir = format!("/{}", words[0].concat());
        config.docker.refresh_interval = interval;
        config.destinations.include = words[0].clone();
        config.destinations.exclude = words[1].clone();
        config.destinations.expect = words[2].iter().map(|w| w.replace('*', "+")).collect();
        config.destinations.include_labels = labels;
        config.probes.external_addresses = addresses;
        config.probes.http_ports = ports;
        config.probes.overrides = overrides;
        config.probes.ring = ring;
        config.probes.http_body_cap = body;
        config.probes.icmp.timeout = timeout;
        config.probes.tcp.interval = interval;
        config.probes.http.enabled = enabled;
        config.traffic.source = source;
        config.probes.shared =
            words.iter().filter(|group| group.len() > 1).cloned().collect();
        config
    }
}

proptest! {
    #[test]
    fn what_is_printed_loads_again(config in any_config()) {
        prop_assert_eq!(load(&config.to_yaml()), Ok(config.clone()), "{}", config.to_yaml());
    }

    #[test]
    fn no_text_trips_the_reader(text in "\\PC{0,200}") {
        let _ = load(&text);
    }

    #[test]
    fn no_value_trips_the_reader(n in 0..settings().count(), value in "\\PC{0,30}") {
        // The value, in each setting's own place.
        let setting = settings().nth(n).expect("as many settings");
        let mut text = String::new();
        for (depth, part) in setting.path.split('.').enumerate() {
            text += &format!("{}{}{part}:", if depth > 0 { "\n" } else { "" }, "  ".repeat(depth));
        }
        if let Ok(config) = load(&format!("{text} {value}\n")) {
            prop_assert_eq!(load(&config.to_yaml()), Ok(config));
        }
    }
}
