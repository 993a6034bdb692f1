//! A server is moved: the same is deployed on another Engine, and what of it is not the same is told.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use lab::{Exporter, Lab, Result};
use serde_json::Value;

/// What is deployed: names are the operator's, addresses are the Engine's.
fn deploy(lab: &Lab, subnets: [&str; 2]) -> Result<()> {
    lab.busybox_image()?;
    for (name, subnet) in ["shop", "blog"].iter().zip(subnets) {
        lab.docker(&["network", "create", "--subnet", subnet, "--label", "made.by=hand", name])?;
    }
    run(lab, "db", "shop", &["--network-alias", "postgres", "--network-alias", "database"])?;
    let site = [
        "--label",
        "traefik.enable=true",
        "--label",
        "traefik.http.routers.web.rule=Host(`web.example.com`)",
    ];
    let port = ["--label", "traefik.http.services.web.loadbalancer.server.port=3000", "-p", "8080:3000"];
    run(lab, "web", "shop", &[&site[..], &port[..]].concat())?;
    run(lab, "post", "blog", &["--network-alias", "mail"])?;
    // By its image's name and its socket it is a proxy; what it does is no matter here.
    lab.docker(&["tag", "busybox", "traefik:v3.6"])?;
    let socket = "/var/run/docker.sock:/var/run/docker.sock:ro";
    let own = [
        "run",
        "-d",
        "--name",
        "coolify-proxy",
        "--network",
        "shop",
        "--label",
        "coolify.proxy=true",
        "-v",
        socket,
    ];
    lab.docker(&[&own[..], &["traefik:v3.6", "sleep", "3600"]].concat())?;
    lab.docker(&["network", "connect", "blog", "coolify-proxy"]).map(drop)
}

fn run(lab: &Lab, name: &str, network: &str, more: &[&str]) -> Result<()> {
    let own = ["run", "-d", "--name", name, "--network", network];
    lab.docker(&[&own[..], more, &["busybox", "sleep", "3600"]].concat()).map(drop)
}

fn program(lab: &Lab, args: &[&str]) -> Output {
    let mut command = lab.on_host(env!("CARGO_BIN_EXE_destination-exporter"));
    command.args(args).env("DOCKER_HOST", "unix:///run/docker.sock");
    command.stdin(Stdio::null()).output().expect("the program starts")
}

fn said(out: &Output) -> String {
    String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr)
}

/// `kind change subject` of all that a diff tells.
fn told(out: &Output) -> Vec<String> {
    let all: Value = serde_json::from_slice(&out.stdout).unwrap_or_else(|e| panic!("{e}: {}", said(out)));
    let word = |one: &Value, name: &str| one[name].as_str().unwrap_or_default().to_owned();
    let of = |one: &Value| format!("{} {} {}", word(one, "kind"), word(one, "change"), word(one, "subject"));
    assert!(all["since"].is_string() && all["unread_now"].is_array(), "{all}");
    all["differences"].as_array().into_iter().flatten().map(of).collect()
}

#[test]
fn after_a_move_only_true_differences_are_told() -> Result<()> {
    let old = Lab::start()?;
    deploy(&old, ["10.1.0.0/24", "10.2.0.0/24"])?;
    let taken = program(&old, &["snapshot"]);
    assert_eq!(taken.status.code(), Some(0), "{}", said(&taken));
    let (file, again) = (old.folder().join("before.json"), program(&old, &["snapshot"]));
    fs::write(&file, &taken.stdout).expect("the lab's folder");
    let without_time = |out: &Output| -> Value {
        let mut value: Value = serde_json::from_slice(&out.stdout).expect("JSON");
        value["taken_at"] = Value::Null;
        value
    };
    assert_eq!(without_time(&taken), without_time(&again), "the same twice");
    let snapshot = without_time(&taken);
    assert_eq!(snapshot["networks"][0]["labels"]["made.by"], "hand", "{snapshot}");
    assert_eq!(snapshot["routes"][0]["domain"], "web.example.com", "{snapshot}");
    let file = file.display().to_string();
    assert_eq!(program(&old, &["diff", &file]).status.code(), Some(0));

    // Somewhere else, with other addresses.
    let new = Lab::start()?;
    deploy(&new, ["10.3.0.0/24", "10.4.0.0/24"])?;
    let moved = program(&new, &["diff", &file]);
    assert_eq!(moved.status.code(), Some(0), "{}", said(&moved));
    assert!(said(&moved).starts_with("Nothing that matters is different since"), "{}", said(&moved));
    let all = program(&new, &["diff", &file, "--all", "--format", "json"]);
    assert!(told(&all).contains(&"subnet changed subnet".to_owned()), "{}", said(&all));

    // And something is forgotten.
    new.docker(&["network", "disconnect", "blog", "coolify-proxy"])?;
    new.docker(&["rm", "-f", "db"])?;
    run(&new, "db", "shop", &["--network-alias", "postgres"])?;
    new.docker(&["network", "create", "extra"])?;
    run(&new, "guest", "extra", &[])?;
    let lost = program(&new, &["diff", &file, "--format", "json"]);
    assert_eq!(lost.status.code(), Some(1), "{}", said(&lost));
    let mut found = told(&lost);
    found.sort();
    assert_eq!(
        found,
        ["name gone database", "network new extra", "proxy gone coolify-proxy"],
        "{}",
        said(&lost)
    );
    let page = said(&program(&new, &["diff", &file]));
    for line in [
        "3 differences since",
        "gone     name      database: no longer leads to db",
        "gone     proxy     coolify-proxy: was on blog",
        "new      network   extra: bridge",
        "\non shop\n",
        "\nof the host\n",
    ] {
        assert!(page.contains(line), "{line:?} is not in\n{page}");
    }

    // Two files, and files that somebody broke.
    let later = new.folder().join("after.json");
    fs::write(&later, program(&new, &["snapshot"]).stdout).expect("the lab's folder");
    let both =
        program(&new, &["diff", &file, &later.display().to_string(), "--docker.host", "unix:///nowhere"]);
    assert_eq!(both.status.code(), Some(1), "{}", said(&both));
    assert!(said(&both).contains("3 differences"), "{}", said(&both));
    let stdin = |args: &[&str], from: &[u8]| {
        let mut command = new.on_host(env!("CARGO_BIN_EXE_destination-exporter"));
        command.args(args).env("DOCKER_HOST", "unix:///run/docker.sock").stdin(Stdio::piped());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        child.stdin.take().expect("piped").write_all(from).ok();
        child.wait_with_output().expect("it ends")
    };
    assert!(said(&stdin(&["diff", "-"], &taken.stdout)).contains("gone     name      database"));
    assert!(said(&stdin(&["diff", "-", "-"], b"")).contains("only one of the two"));
    let full = Stdio::from(fs::File::options().write(true).open("/dev/full").expect("Linux has it"));
    let mut command = new.on_host(env!("CARGO_BIN_EXE_destination-exporter"));
    let cut = command.arg("snapshot").env("DOCKER_HOST", "unix:///run/docker.sock").stdout(full).output();
    assert_eq!(cut.expect("it starts").status.code(), Some(2), "a file that is cut off is none");
    let broken = new.folder().join("broken.json");
    for (text, word) in
        [(&taken.stdout[..taken.stdout.len() / 2], "cut off"), (b"{}", "no snapshot"), (b"", "empty")]
    {
        fs::write(&broken, text).expect("the lab's folder");
        let out = program(&new, &["diff", &broken.display().to_string()]);
        assert_eq!(out.status.code(), Some(2), "{}", said(&out));
        assert!(said(&out).contains(word) && said(&out).contains("broken.json"), "{}", said(&out));
    }
    Ok(())
}

/// A series of drift, where it is told.
fn drift(exporter: &Exporter, series: &str) -> Result<Option<f64>> {
    let page = exporter.metrics()?;
    let value = page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    Ok(value.and_then(|value| value.parse().ok()))
}

fn soon<T>(
    exporter: &Exporter,
    what: &str,
    within: Duration,
    ask: impl Fn() -> Result<Option<T>>,
) -> Result<T> {
    let began = Instant::now();
    loop {
        if let Some(found) = ask()? {
            println!("{what} after {} ms", began.elapsed().as_millis());
            return Ok(found);
        }
        assert!(began.elapsed() < within, "{what} is not told:\n{}\n{}", exporter.metrics()?, exporter.log());
        sleep(Duration::from_millis(100));
    }
}

const NAME: &str = r#"destination_drift{destination="shop",kind="name"}"#;
const PROXY: &str = r#"destination_drift{destination="",kind="proxy"}"#;
const READABLE: &str = "destination_drift_baseline_readable";
/// What the Engine tells is there within a second, and the file is looked at every five; a busy machine gets more.
const SOON: Duration = Duration::from_secs(30);
/// What changes has to stay so for a minute before it is an event.
const TOLD: Duration = Duration::from_secs(60 + 45);

#[test]
fn what_drifts_from_what_was_approved_is_told_and_that_it_is_over() -> Result<()> {
    let lab = Lab::start()?;
    deploy(&lab, ["10.1.0.0/24", "10.2.0.0/24"])?;
    let approved = lab.folder().join("approved.json");
    let approve = |text: &[u8]| {
        // Whole at once, as the documentation has it.
        let new = lab.folder().join("new.json");
        fs::write(&new, text).and_then(|()| fs::rename(&new, &approved)).expect("the lab's folder");
    };
    let config = format!("drift:\n  approved_file: {}\n", approved.display());
    let binary = Path::new(env!("CARGO_BIN_EXE_destination-exporter"));
    let mut exporter = Exporter::serve(&lab, binary, &config, &[])?;
    exporter.wait_ready()?;

    // Nothing was approved: that is said, and is not that nothing is otherwise.
    let is = |series: &'static str, wanted: f64| {
        let exporter = &exporter;
        move || Ok(drift(exporter, series)?.filter(|value| *value == wanted))
    };
    soon(&exporter, "that it is missing", SOON, is(READABLE, 0.0))?;
    assert_eq!(drift(&exporter, NAME)?, None);
    let settings = lab.folder().join("exporter.yml").display().to_string();
    let checked = program(&lab, &["--config.check", "--config.file", &settings]);
    assert_eq!(checked.status.code(), Some(0), "{}", said(&checked));
    assert!(said(&checked).contains("warning: drift.approved_file: /"), "{}", said(&checked));

    let taken = program(&lab, &["snapshot"]);
    approve(&taken.stdout);
    soon(&exporter, "that it can be read", SOON, is(READABLE, 1.0))?;
    for series in [NAME, PROXY] {
        soon(&exporter, "that nothing is otherwise", SOON, is(series, 0.0))?;
    }
    assert!(exporter.metrics()?.contains("destination_drift_baseline_timestamp_seconds "));

    // An alias is lost with a redeployment, and the proxy its place.
    lab.docker(&["rm", "-f", "db"])?;
    run(&lab, "db", "shop", &["--network-alias", "postgres"])?;
    lab.docker(&["network", "disconnect", "blog", "coolify-proxy"])?;
    for series in [NAME, PROXY] {
        soon(&exporter, "that it is otherwise", SOON, is(series, 1.0))?;
    }
    let event = |what: &'static str, subject: &'static str| {
        let exporter = &exporter;
        move || -> Result<Option<Value>> {
            let all = exporter.get("/events?limit=500")?.json()?;
            let is_it = |event: &&Value| {
                event["kind"] == "drift" && event["what"] == what && event["subject"]["name"] == subject
            };
            Ok(all["events"].as_array().and_then(|all| all.iter().find(is_it)).cloned())
        }
    };
    let lost = soon(&exporter, "the event", TOLD, event("differs", "database"))?;
    let sentence = lost["sentence"].as_str().unwrap_or_default();
    assert!(
        sentence.ends_with("the name database on shop is otherwise than approved: no longer leads to db."),
        "{lost:#}"
    );
    assert_eq!(lost["destination"], "shop");
    assert!(
        lost["after"][0]["sentence"].as_str().is_some_and(|after| after.starts_with("db was")),
        "{lost:#}"
    );
    let lost = soon(&exporter, "the other event", TOLD, event("differs", "coolify-proxy"))?;
    let sentence = lost["sentence"].as_str().unwrap_or_default();
    assert!(sentence.contains("coolify-proxy was disconnected from blog"), "{lost:#}");
    assert!(
        sentence.ends_with("the proxy coolify-proxy is otherwise than approved: was on blog."),
        "{lost:#}"
    );

    // The report says so, with a command that shows it.
    let text = exporter.get("/diagnostics?format=text")?.body;
    assert!(text.contains("otherwise than approved: name database: no longer leads to db"), "{text}");
    assert!(text.contains("2 settings are otherwise than in "), "{text}");
    let report = exporter.report()?;
    let command = report["drift"]["command"].as_str().expect("a command");
    let shown = program(&lab, &command.split(' ').skip(1).collect::<Vec<_>>());
    assert!(said(&shown).starts_with("2 differences since"), "{}", said(&shown));
    let page = exporter.send("GET /diagnostics/shop HTTP/1.0\r\nAccept: text/html\r\n\r\n")?.body;
    assert!(page.contains("name database: no longer leads to db"), "{page}");
    let checked = program(&lab, &["check", "--config.file", &settings]);
    assert!(said(&checked).contains("2 settings are otherwise than in "), "{}", said(&checked));

    // Damaged, it changes nothing of what is in force.
    approve(&taken.stdout[..taken.stdout.len() / 2]);
    soon(&exporter, "that it is damaged", SOON, is(READABLE, 0.0))?;
    assert_eq!(drift(&exporter, NAME)?, Some(1.0));
    assert_eq!(exporter.ask("POST", "/-/reload")?.status, 200);
    let log = exporter.log();
    assert!(log.contains("what was approved before stays in force") && log.contains("cut off"), "{log}");

    // Put right, it is as approved again: as what was in force says, and no file.
    lab.docker(&["rm", "-f", "db"])?;
    run(&lab, "db", "shop", &["--network-alias", "postgres", "--network-alias", "database"])?;
    lab.docker(&["network", "connect", "blog", "coolify-proxy"])?;
    for series in [NAME, PROXY] {
        soon(&exporter, "that it is as approved", SOON, is(series, 0.0))?;
    }
    for subject in ["database", "coolify-proxy"] {
        let over = soon(&exporter, "that it is over", TOLD, event("as_approved", subject))?;
        let sentence = over["sentence"].as_str().unwrap_or_default();
        assert!(sentence.contains("is as approved again; it was otherwise for"), "{over:#}");
    }

    // What is not configured is not told.
    fs::write(lab.folder().join("exporter.yml"), "").expect("the lab's folder");
    assert_eq!(exporter.ask("POST", "/-/reload")?.status, 200);
    let gone = || Ok((!exporter.metrics()?.contains("destination_drift")).then_some(()));
    soon(&exporter, "that nothing is approved", SOON, gone)
}
