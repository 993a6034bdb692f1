//! The program as its user meets it: commands, exit statuses, signals, what it answers and refuses.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use lab::{Exporter, Lab, Result};
use serde_json::Value;

/// A condition that a busy machine reaches at last.
const PATIENCE: Duration = Duration::from_secs(30);

fn binary() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_destination-exporter"))
}

/// `shop` with `web` and `db`, `blog` with `blog`.
fn town() -> Result<Lab> {
    let lab = Lab::start()?;
    lab.busybox_image()?;
    for (network, names) in [("shop", &["web", "db"][..]), ("blog", &["blog"])] {
        lab.docker(&["network", "create", network])?;
        for name in names {
            let run = ["run", "-d", "--name", name, "--network", network, "busybox"];
            lab.docker(&[&run[..], &["httpd", "-f", "-p", "8080", "-h", "/etc"]].concat())?;
        }
    }
    Ok(lab)
}

fn until(what: &str, mut done: impl FnMut() -> Result<bool>) -> Result<()> {
    let began = Instant::now();
    while !done()? {
        assert!(began.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// The program, run on the machine itself without an Engine.
fn program(args: &[&str]) -> Output {
    let mut command = Command::new(binary());
    command.args(args).env_remove("DOCKER_HOST").stdin(Stdio::null());
    command.output().expect("the program starts")
}

fn on_host(lab: &Lab, args: &[&str]) -> Output {
    let mut command = lab.on_host(&binary().to_string_lossy());
    command.args(args).args(["--docker.host", "unix:///run/docker.sock"]).env_remove("DOCKER_HOST");
    command.stdin(Stdio::null()).output().expect("the program starts")
}

fn said(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_broken_configuration_is_refused_whole() {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(b"probes:\n  ring: 0\n  dns: {interval: 15}\n  htpp: {}\n").expect("written");
    let path = file.path().to_string_lossy();
    for command in [&["serve"][..], &["check"], &["config"], &["--config.check"]] {
        let refused = program(&[&["--config.file", &path], command].concat());
        let told = said(&refused.stderr);
        assert_eq!(refused.status.code(), Some(2), "{command:?}: {told}");
        for error in ["line 2, column 9: probes.ring", "line 3, column", "did you mean `http`?"] {
            assert!(told.contains(error), "{command:?}: {told}");
        }
        assert_eq!(said(&refused.stdout), "");
    }
    let missing = program(&["--config.file", "/nonexistent.yml", "check"]);
    assert_eq!(missing.status.code(), Some(2));
    assert!(said(&missing.stderr).contains("/nonexistent.yml cannot be read"), "{}", said(&missing.stderr));
}

#[test]
fn the_printed_configuration_is_one() {
    let printed = program(&["config"]);
    assert!(printed.status.success());
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(&printed.stdout).expect("written");
    let again = program(&["--config.file", &file.path().to_string_lossy(), "config"]);
    assert_eq!(said(&again.stdout), said(&printed.stdout));
    assert!(said(&program(&["--version"]).stdout).contains(", rustc 1."));
}

/// A folder with a socket that nobody listens on any more.
fn dead_socket() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("docker.sock");
    drop(std::os::unix::net::UnixListener::bind(&path).expect("a socket of our own"));
    let host = format!("unix://{}", path.display());
    (folder, host)
}

/// The address of one that answers every connection with these bytes, for as long as the test runs.
fn stranger(answer: &'static [u8]) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port of our own");
    let host = format!("tcp://{}", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            if stream.read(&mut [0; 4096]).is_ok_and(|bytes| bytes > 0) {
                stream.write_all(answer).ok();
            }
        }
    });
    host
}

#[test]
fn without_an_engine_check_says_once_what_failed_and_what_to_do() {
    let (_folder, dead) = dead_socket();
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port of our own");
        format!("tcp://{}", listener.local_addr().expect("an address"))
    };
    let page = stranger(b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n<html>hi</html>");
    let ssh = stranger(b"SSH-2.0-OpenSSH_9.9\r\n");
    for (host, failed, advice) in [
        (
            "unix:///nonexistent/docker.sock",
            "there is no socket /nonexistent/docker.sock. ",
            "Is Docker installed and running? `--docker.host` names another address.",
        ),
        (&dead, "nobody listens at unix://", "The Engine does not run: start it"),
        (&closed, "nobody listens at tcp://127.0.0.1:", "The Engine does not run: start it"),
        (&page, "version: the answer of tcp://127.0.0.1:", "Is it the Engine that answers there?"),
        (&ssh, "version: no answer from tcp://127.0.0.1:", "Is it the Engine that answers there?"),
    ] {
        let blind = program(&["check", "--docker.host", host]);
        let told = said(&blind.stderr);
        assert_eq!(blind.status.code(), Some(2), "{host}: {told}");
        assert!(told.starts_with("destination-exporter: the Engine does not answer: "), "{host}: {told}");
        assert_eq!(told.lines().count(), 1, "{host}: {told}");
        assert!(told.contains(failed) && told.contains(advice), "{host}: {told}");
        assert!(!told.contains("client") && !told.contains("hyper"), "{host}: {told}");
        assert_eq!(said(&blind.stdout), "");
    }
    // Who asks for the log gets it.
    let blind = program(&["check", "--log.level", "info", "--docker.host", &dead]);
    assert!(said(&blind.stderr).lines().any(|line| line.contains("level=warn")), "{}", said(&blind.stderr));
}

#[test]
fn check_says_how_it_is() -> Result<()> {
    let lab = town()?;
    let healthy = on_host(&lab, &["check"]);
    let text = said(&healthy.stdout);
    assert_eq!(healthy.status.code(), Some(0), "{text}{}", said(&healthy.stderr));
    assert!(text.contains("HEALTHY") && text.contains("0 pages, 0 tickets."), "{text}");
    assert!(!text.contains('\u{1b}'), "colours in a pipe: {text:?}");
    assert_eq!(said(&healthy.stderr), "", "progress in a pipe");

    lab.docker(&["network", "disconnect", "shop", "db"])?;
    let failing = on_host(&lab, &["check"]);
    let text = said(&failing.stdout);
    assert_eq!(failing.status.code(), Some(1), "{text}");
    assert!(text.contains("docker network connect shop db"), "{text}");
    // One destination of two, by name; nothing is wrong there.
    let blog = on_host(&lab, &["check", "blog", "--format", "json"]);
    assert_eq!(blog.status.code(), Some(0));
    let report: Value = serde_json::from_slice(&blog.stdout).expect("JSON");
    let named = report["destinations"].as_array().expect("a list").iter().map(|d| d["name"].clone());
    assert_eq!(named.collect::<Vec<_>>(), ["blog"]);
    let unknown = on_host(&lab, &["check", "shpo"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(said(&unknown.stderr).contains("there are: blog, shop"), "{}", said(&unknown.stderr));
    Ok(())
}

/// Not known to be a web server: nobody waits for it to become one.
#[test]
fn check_does_not_wait_for_a_port_that_takes_connections_and_says_nothing() -> Result<()> {
    let lab = town()?;
    let run = ["run", "-d", "--name", "silent", "--network", "shop", "busybox"];
    lab.docker(&[&run[..], &["nc", "-ll", "-p", "3000", "-e", "/bin/sleep", "600"]].concat())?;
    let checked = on_host(&lab, &["check"]);
    let text = said(&checked.stdout);
    assert_eq!(checked.status.code(), Some(0), "{text}{}", said(&checked.stderr));
    assert_eq!(said(&checked.stderr), "", "it was complete");
    assert!(text.contains("(no_http_yet)"), "{text}");
    Ok(())
}

#[test]
fn a_reload_takes_the_good_and_refuses_the_bad() -> Result<()> {
    let lab = town()?;
    let mut exporter = Exporter::serve(&lab, binary(), "{}\n", &[])?;
    exporter.wait_ready()?;
    let file = lab.folder().join("exporter.yml");
    let write = |text: &str| std::fs::write(&file, text).expect("written");
    let good = |is: &str| -> Result<bool> {
        let line = format!("destination_exporter_config_last_reload_successful {is}\n");
        Ok(exporter.metrics()?.contains(&line))
    };
    assert!(good("1")? && exporter.metrics()?.contains(r#"destination="blog""#));

    write("destinations: {exclude: [blog]}\nprobes: {ring: many}\n");
    let refused = exporter.ask("POST", "/-/reload")?;
    // As Prometheus answers it.
    assert_eq!(refused.status, 500, "{}", refused.body);
    assert!(refused.body.contains("line 2, column 16: probes.ring"), "{}", refused.body);
    until("the metric says so", || good("0"))?;
    assert!(exporter.metrics()?.contains(r#"destination="blog""#), "the old one stays");
    exporter.signal("HUP")?;
    until("a signal is refused alike", || Ok(exporter.log().matches("not reloaded").count() >= 2))?;

    // A pipe that nobody writes into: it is refused, and nothing waits for it.
    std::fs::remove_file(&file).expect("removed");
    assert!(Command::new("mkfifo").arg(&file).status().is_ok_and(|status| status.success()));
    let refused = exporter.ask("POST", "/-/reload")?;
    assert!(
        refused.status == 500 && refused.body.contains("it is a pipe; expected a regular file"),
        "{}",
        refused.body
    );
    std::fs::remove_file(&file).expect("removed");

    write("destinations: {exclude: [blog]}\n");
    let taken = exporter.ask("POST", "/-/reload")?;
    assert_eq!(taken.status, 200, "{}", taken.body);
    until("the metric says so", || good("1"))?;
    until("what is not wanted goes at once", || Ok(!exporter.metrics()?.contains(r#"destination="blog""#)))?;
    write("{}\n");
    exporter.signal("HUP")?;
    until("and comes back", || Ok(exporter.metrics()?.contains(r#"destination="blog""#)))?;
    Ok(())
}

#[test]
fn it_answers_and_refuses() -> Result<()> {
    let lab = town()?;
    // Where destinations are kept apart a round waits a second for silence, and comes late to its own limit.
    let config = "probes: {isolation: {enabled: false}}\n";
    let mut exporter = Exporter::serve(&lab, binary(), config, &["--web.listen-address", ":10061"])?;
    exporter.wait_ready()?;
    let page = exporter.metrics()?;
    lab::check_metrics(&page)?;
    // A round now, and what it saw.
    let runs = r#"destination_probe_attempts_total{destination="shop",probe="icmp"} "#;
    let count = |page: &str| -> f64 {
        let value = page.lines().find_map(|line| line.strip_prefix(runs)).expect("a series");
        value.parse().expect("a number")
    };
    let mut rounds = vec![exporter.ask("POST", "/diagnostics/run")?];
    // A round is real load: however fast they are asked for, they come a second apart.
    while rounds.len() < 50 && rounds.iter().all(|round| round.status == 200) {
        rounds.push(exporter.ask("POST", "/diagnostics/run")?);
    }
    assert_eq!((rounds[0].status, rounds.last().map(|last| last.status)), (200, Some(429)));
    assert!(count(&exporter.metrics()?) >= count(&page) + 4.0, "every probe ran");

    let probe = |kind: &str, source: &str, target: &str| {
        exporter.get(&format!("/probe?destination=shop&source={source}&target={target}&kind={kind}"))
    };
    for (kind, source, target) in
        [("icmp", "web", "gateway"), ("icmp", "db", "web"), ("tcp", "web", "db"), ("dns", "web", "db")]
    {
        let answer = probe(kind, source, target)?;
        assert_eq!(answer.status, 200, "{kind} {source} {target}: {}", answer.body);
        assert!(answer.body.contains("probe_success 1\n"), "{kind}: {}", answer.body);
        lab::check_metrics(&answer.body)?;
    }
    // What is not planned is not probed: neither another destination's container nor the world.
    for (kind, source, target) in [("icmp", "web", "blog"), ("icmp", "web", "1.1.1.1"), ("tcp", "web", "x")] {
        assert_eq!(probe(kind, source, target)?.status, 404, "{kind} {source} {target}");
    }
    assert_eq!(exporter.get("/diagnostics/nowhere")?.status, 404);
    assert_eq!(exporter.get("/-/reload")?.status, 405);

    // From elsewhere, and from another site's page in a browser on this very host.
    let elsewhere = lab.docker(&["inspect", "-f", "{{.NetworkSettings.Networks.shop.Gateway}}", "web"])?;
    let asked = |method: &str, path: &str| {
        let request =
            format!("{method} {path} HTTP/1.0\\r\\nHost: {elsewhere}\\r\\nContent-Length: 0\\r\\n\\r\\n");
        lab.docker(&[
            "exec",
            "web",
            "sh",
            "-c",
            &format!("(printf '{request}'; sleep 1) | nc -w 5 {elsewhere} 10061"),
        ])
    };
    let seen = asked("GET", "/metrics")?;
    assert!(seen.starts_with("HTTP/1.0 200"), "reading is for whoever reaches the port: {seen}");
    let probe = "/probe?destination=shop&source=web&target=db&kind=icmp";
    for (method, path) in [("GET", probe), ("POST", "/-/reload"), ("POST", "/diagnostics/run")] {
        let refused = asked(method, path)?;
        assert!(refused.starts_with("HTTP/1.0 403"), "{path}: {refused}");
    }
    for header in ["Origin: http://evil.example", "Sec-Fetch-Site: cross-site", "Host: evil.example"] {
        let host = if header.starts_with("Host") { "" } else { "Host: localhost\r\n" };
        let request = format!("POST /-/reload HTTP/1.0\r\n{host}{header}\r\nContent-Length: 0\r\n\r\n");
        assert_eq!(exporter.send(&request)?.status, 403, "{header}");
    }
    exporter.signal("TERM")?;
    assert_eq!(exporter.wait()?, Some(0), "{}", exporter.log());
    Ok(())
}

#[test]
fn every_state_of_a_container_has_its_place() -> Result<()> {
    let lab = town()?;
    let run = |args: &[&str]| lab.docker(&[&["run", "-d"], args].concat());
    run(&["--name", "on-host", "--network", "host", "busybox", "sleep", "600"])?;
    run(&["--name", "guest", "--network", "container:web", "busybox", "httpd", "-f", "-p", "9090"])?;
    run(&["--name", "alone", "--network", "none", "busybox", "sleep", "600"])?;
    run(&["--name", "legacy", "busybox", "httpd", "-f", "-p", "8080"])?;
    run(&["--name", "frozen", "--network", "blog", "busybox", "httpd", "-f", "-p", "8080"])?;
    lab.docker(&["create", "--name", "never", "--network", "blog", "busybox", "true"])?;
    run(&["--name", "job", "--network", "blog", "busybox", "true"])?;
    lab.docker(&["pause", "frozen"])?;
    let mut exporter = Exporter::serve(&lab, binary(), "{}\n", &[])?;
    exporter.wait_ready()?;
    // Who was paused answers nobody; all the others are where they ought to be.
    let told = |report: &Value| -> Vec<String> {
        let all = report["destinations"].as_array().expect("destinations").iter();
        let findings = all.flat_map(|d| d["findings"].as_array().expect("findings"));
        findings.map(|f| format!("{} {}", f["code"], f["subject"]["name"])).collect()
    };
    until("the paused one is told", || Ok(!told(&exporter.report()?).is_empty()))?;
    let report = exporter.report()?;
    assert_eq!(told(&report), [r#""container-unreachable" "frozen""#], "{report:#}");
    let on = |destination: &str| -> BTreeSet<String> {
        let all = report["destinations"].as_array().expect("destinations");
        let one = all.iter().find(|d| d["name"] == destination).unwrap_or_else(|| panic!("{destination}"));
        let containers = one["containers"].as_array().expect("containers").iter();
        containers
            .map(|c| {
                format!("{} {}", c["name"].as_str().expect("a name"), c["state"].as_str().expect("a state"))
            })
            .collect()
    };
    let set = |names: &[&str]| names.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
    assert_eq!(on("shop"), set(&["db running", "web running"]));
    assert_eq!(on("blog"), set(&["blog running", "frozen paused"]));
    assert_eq!(on("bridge"), set(&["legacy running"]));
    let page = exporter.metrics()?;
    let success = |probe: &str, source: &str, target: &str, destination: &str| {
        let labels = format!(
            r#"{{destination="{destination}",probe="{probe}",source="{source}",target="{target}"}} "#
        );
        let series = format!("destination_probe_success{labels}");
        page.lines().find_map(|line| line.strip_prefix(series.as_str())).map(str::to_owned)
    };
    // The kernel answers for a frozen one; its processes are asked nothing, and nobody looks out of it.
    assert_eq!(success("icmp", "blog", "frozen", "blog").as_deref(), Some("1"));
    assert_eq!(success("tcp", "blog", "frozen", "blog"), None);
    assert_eq!(success("icmp", "frozen", "blog", "blog"), None);
    // The guest's port is its host's.
    let tcp = report.to_string().matches(":9090").count();
    assert!(tcp > 0, "the guest's port is probed where it is reached");
    // On the default bridge nobody is asked for names.
    assert_eq!(success("icmp", "legacy", "gateway", "bridge").as_deref(), Some("1"));
    assert!(!page.contains(r#"{destination="bridge",probe="dns"#), "{page}");

    run(&["--name", "loop", "--network", "blog", "--restart", "always", "busybox", "false"])?;
    until("a container that starts again and again is told", || {
        let page = exporter.metrics()?;
        Ok(page.lines().any(|l| l.starts_with("destination_finding{") && l.contains(r#"subject="loop""#)))
    })?;
    let loops = exporter.report()?.to_string();
    assert!(loops.contains("`loop` keeps crashing"), "{loops}");
    Ok(())
}

#[test]
fn hostile_names_and_labels_are_data() -> Result<()> {
    let lab = town()?;
    let nasty = "a\"b\\c\n\u{1b}[31mred\u{202e}<script>alert(1)</script>$(reboot)`id`";
    let long = "x".repeat(20_000);
    let mut run = lab.client();
    run.args(["run", "-d", "--name", "evil", "--network", "shop"])
        .args(["--network-alias", "web", "--network-alias", "$(reboot)", "--network-alias", &"y".repeat(300)])
        .arg(format!("--label=coolify.resourceName={nasty}"))
        .arg(format!("--label=coolify.projectName={long}"))
        .arg(format!("--label=com.docker.compose.project={nasty}"))
        .arg(format!("--label=com.docker.compose.service={long}"))
        .arg(format!("--label=traefik.http.services.x.loadbalancer.server.port={nasty}"))
        .args(["busybox", "nc", "-ll", "-p", "80", "-e", "/bin/yes"]);
    lab::run(&mut run)?;
    let mut exporter = Exporter::serve(&lab, binary(), "{}\n", &[])?;
    exporter.wait_ready()?;
    let told = || -> Result<bool> { Ok(exporter.report()?.to_string().contains("dns-alias-collision")) };
    until("the stolen name is told", told)?;
    let page = exporter.metrics()?;
    lab::check_metrics(&page)?;
    assert!(page.len() < 1_000_000, "{} bytes", page.len());
    let check = on_host(&lab, &["check"]);
    let text = said(&check.stdout);
    assert_eq!(check.status.code(), Some(1), "{text}");
    assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text:?}");
    assert!(text.lines().all(|line| line.len() < 8000), "{text}");
    for path in ["/", "/diagnostics", "/diagnostics/shop"] {
        let answer = exporter.get(path)?;
        assert_eq!(answer.status, 200, "{path}");
        assert!(path.len() > 1 || !answer.body.contains("<script>alert"), "{}", answer.body);
    }
    assert!(!exporter.log().contains('\u{1b}'), "{}", exporter.log());
    Ok(())
}
