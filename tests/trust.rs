//! Who may read, from end to end: the program, its files, a real Prometheus.

#[path = "trust/authority.rs"]
mod authority;
#[path = "trust/caller.rs"]
mod caller;
#[path = "trust/exchange.rs"]
mod exchange;
#[path = "trust/files.rs"]
mod files;
#[path = "trust/program.rs"]
mod program;
#[path = "trust/prometheus.rs"]
mod prometheus;
#[path = "trust/recipe.rs"]
mod recipe;

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use rcgen::ExtendedKeyUsagePurpose as Usage;
use rustls::ClientConfig;

use authority::Authority;
use exchange::get;
use program::{PATIENCE, Served, free_port, run};
use prometheus::Prometheus;

const PASSWORD: &str = "correct horse battery staple";
const BASIC: &str = "authorization: Basic cHJvbWV0aGV1czpjb3JyZWN0IGhvcnNlIGJhdHRlcnkgc3RhcGxl\r\n";

fn read(file: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).expect("there")
}

/// The two files of the folder `deploy`, with what an operator changes in them.
fn deployed(folder: &Path, authority: &Authority, exporter: &str) -> (String, String) {
    let issue =
        |name: &str, usage: Usage| authority.issue_as(&[name], |it| it.extended_key_usages.push(usage));
    issue("127.0.0.1", Usage::ServerAuth).write(folder, "server");
    issue("prometheus", Usage::ClientAuth).write(folder, "prometheus");
    fs::write(folder.join("ca.crt"), &authority.certificate).expect("written");
    fs::write(folder.join("password"), PASSWORD).expect("written");
    let hash = bcrypt::hash(PASSWORD, 10).expect("hashed");
    let web = read("deploy/web.yml").replace("HASH", &hash);
    let scrape = read("deploy/prometheus-tls.yml")
        .replace("/etc/prometheus/destination-exporter", &folder.display().to_string())
        .replace("server-1.example.com:10061", exporter)
        .replace("scrape_interval: 15s", "scrape_interval: 1s");
    (web, scrape)
}

fn ask(served: &Served, caller: ClientConfig, path: &str, header: &str) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(get(served.at, caller, path, header)).expect("answered")
}

#[test]
fn prometheus_scrapes_with_a_certificate_and_a_password_and_without_either_it_does_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let authority = Authority::new();
    let (web, _) = deployed(folder.path(), &authority, "");
    let served = Served::start(folder.path(), &web);
    let (_, scrape) = deployed(folder.path(), &authority, &served.at.to_string());
    let scraper = |name: &str, scrape: &str| {
        let own = folder.path().join(name);
        fs::create_dir(&own).expect("a folder");
        Prometheus::start(&own, scrape)
    };
    let good = scraper("good", &scrape);
    assert_eq!(good.sees(), (true, String::new()), "{}", served.log());
    assert_eq!(good.value("up"), "1");
    assert_eq!(good.value("destination_exporter_config_last_reload_successful"), "1");

    let without = |from: &str, lines: usize| {
        let mut kept: Vec<&str> = scrape.lines().collect();
        let at = kept.iter().position(|line| line.contains(from)).expect(from);
        kept.drain(at..at + lines);
        kept.join("\n")
    };
    for (name, scrape, why) in [
        ("no-password", without("basic_auth:", 3), "401"),
        // On the machine itself it is told; from elsewhere the handshake fails.
        ("no-certificate", without("cert_file:", 2), "403"),
        ("plain", scrape.replace("scheme: https", "scheme: http"), ""),
        ("wrong-authority", scrape.replace("ca.crt", "prometheus.crt"), "certificate"),
    ] {
        let (up, error) = scraper(name, &scrape).sees();
        assert!(!up && error.contains(why), "{name}: {error}");
    }
    // The certificate is renewed, by another authority, and so is who signs for callers: all without a restart.
    let other = Authority::new();
    deployed(folder.path(), &other, "");
    served.until("it is seen", |log| {
        ask_quietly(&served, other.caller(Some(&other.issue(&["x"])))) || log.contains("read again: a file")
    });
    let again = scraper("renewed", &scrape);
    assert_eq!(again.sees(), (true, String::new()), "{}", served.log());
}

fn ask_quietly(served: &Served, caller: ClientConfig) -> bool {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(get(served.at, caller, "/-/healthy", "")).is_ok()
}

#[test]
fn a_broken_file_is_refused_at_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let authority = Authority::new();
    let (good, _) = deployed(folder.path(), &authority, "");
    let path = folder.path().join("web.yml");
    let file = path.display().to_string();
    let key = folder.path().join("prometheus.key").display().to_string();
    let typo = good.replace("cert_file", "cert_flie");
    let clear = "basic_auth_users:\n  prometheus: geheim\n";
    let other = good.replace("key_file: server.key", &format!("key_file: {key}"));
    let none = good.replace("client_ca_file: ca.crt", "client_ca_file: nowhere.crt");
    for (text, expected) in [
        (
            typo.as_str(),
            ": line 4, column 3: tls_server_config: unknown setting \"cert_flie\"; did you mean `cert_file`?",
        ),
        (clear, ": line 2, column 15: basic_auth_users.prometheus: expected a bcrypt hash like `$2y$10$…`"),
        (read("deploy/web.yml").as_str(), "basic_auth_users.prometheus: expected a bcrypt hash"),
        (&other, "tls_server_config.key_file: "),
        (&other, "prometheus.key does not fit the certificate"),
        (&none, ": line 9, column 19: tls_server_config.client_ca_file: "),
        (&none, "nowhere.crt cannot be read: No such file"),
    ] {
        fs::write(&path, text).expect("written");
        for command in [&["serve"][..], &["--config.check"]] {
            let refused = run(&[command, &["--web.config.file", &file]].concat());
            let told = String::from_utf8_lossy(&refused.stderr).into_owned();
            assert_eq!(refused.status.code(), Some(2), "{told}");
            assert!(told.starts_with(&file) && told.contains(expected), "{expected}: {told}");
            assert!(!told.contains("geheim"), "{told}");
        }
    }
    fs::write(&path, good).expect("written");
    assert!(run(&["--config.check", "--web.config.file", &file]).status.success());
    let checked = run(&["--config.check", "--web.config.file", &file]);
    assert_eq!(String::from_utf8_lossy(&checked.stderr), "the configuration is good\n");
    let missing = run(&["serve", "--web.config.file", "/nonexistent.yml"]);
    assert_eq!(missing.status.code(), Some(2));
}

#[test]
fn a_reload_takes_the_good_and_refuses_the_bad() {
    let folder = tempfile::tempdir().expect("a folder");
    let authority = Authority::new();
    let (good, _) = deployed(folder.path(), &authority, "");
    let served = Served::start(folder.path(), &good);
    let path = folder.path().join("web.yml");
    let caller = || authority.caller(Some(&authority.issue(&["x"])));
    let post = |header: &str| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(exchange::ask(served.at, caller(), "POST /-/reload", header)).expect("answered")
    };
    let metric = |value: &str| {
        let line = format!("\ndestination_exporter_config_last_reload_successful {value}\n");
        let began = Instant::now();
        while !ask(&served, caller(), "/metrics", BASIC).contains(&line) {
            assert!(began.elapsed() < PATIENCE, "not {value}");
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    metric("1");
    assert!(post("").starts_with("HTTP/1.1 401"));
    assert!(post(BASIC).starts_with("HTTP/1.1 200"));

    fs::write(&path, "basic_auth_users:\n  prometheus: geheim\n").expect("written");
    let refused = post(BASIC);
    assert!(refused.starts_with("HTTP/1.1 500") && refused.contains("line 2, column 15"), "{refused}");
    metric("0");
    assert!(ask(&served, caller(), "/metrics", "").starts_with("HTTP/1.1 401"), "the old one stays");
    served.hang_up().expect("sent");
    served.until("a signal is refused alike", |log| log.matches("was not reloaded").count() >= 2);
    assert!(!served.log().contains("geheim"), "{}", served.log());

    let open: String = good.split("# And a password").next().expect("before").to_owned();
    fs::write(&path, open).expect("written");
    served.hang_up().expect("sent");
    let began = Instant::now();
    while !ask(&served, caller(), "/metrics", "").starts_with("HTTP/1.1 200") {
        assert!(began.elapsed() < PATIENCE, "no password is asked for any more\n{}", served.log());
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn the_program_itself_asks_whether_it_lives() {
    let authority = Authority::new();
    let known = format!("basic_auth_users:\n  a: {}\n", bcrypt::hash("a", 4).expect("hashed"));
    let certificates = deployed(tempfile::tempdir().expect("a folder").path(), &authority, "").0;
    let tls = "tls_server_config: {cert_file: server.crt, key_file: server.key}\n";
    for (web, scheme) in
        [("# everyone\n", "http"), (known.as_str(), "http"), (tls, "https"), (certificates.as_str(), "https")]
    {
        let folder = tempfile::tempdir().expect("a folder");
        deployed(folder.path(), &authority, "");
        let served = Served::start(folder.path(), web);
        let url = format!("{scheme}://{}", served.at);
        for args in [
            &["healthcheck", &format!("--web.listen-address={}", served.at)][..],
            // As the image asks, which does not know the address.
            &["healthcheck", &format!("--web.listen-address=:{}", served.at.port())],
            &["healthcheck", &url],
        ] {
            let asked = run(args);
            let said = String::from_utf8_lossy(&asked.stdout).into_owned();
            assert_eq!(asked.status.code(), Some(0), "{args:?} {}", String::from_utf8_lossy(&asked.stderr));
            assert_eq!(said, format!("healthy: {scheme}://127.0.0.1:{}/-/healthy\n", served.at.port()));
        }
        // Ready it is not: there is no Engine.
        let asked = run(&["healthcheck", &format!("{url}/-/ready")]);
        let told = String::from_utf8_lossy(&asked.stderr).into_owned();
        assert!(asked.status.code() == Some(1) && told.lines().count() == 1, "{told}");
    }
    let nobody = free_port();
    let asked = run(&["healthcheck", "--web.listen-address", &nobody.to_string()]);
    let told = String::from_utf8_lossy(&asked.stderr).into_owned();
    assert_eq!((asked.status.code(), told.lines().count()), (Some(1), 1), "{told}");
    assert!(told.starts_with(&format!("not healthy: http://{nobody}/-/healthy: ")), "{told}");
}

#[test]
fn what_is_not_needed_is_given_up() {
    let folder = tempfile::tempdir().expect("a folder");
    let served = Served::start(folder.path(), "# everyone\n");
    let status = served.status();
    let sets = "CapInh:\t0000000000000000\nCapPrm:\t0000000000283000\nCapEff:\t0000000000283000\n\
        CapBnd:\t0000000000283000\nCapAmb:\t0000000000000000\nNoNewPrivs:\t1\n";
    assert!(status.contains(sets), "{status}");
    let log = served.log();
    let told = log.lines().filter(|line| line.contains("privileges")).collect::<Vec<_>>();
    assert_eq!(told.len(), 1, "{log}");
    for name in
        ["CAP_SYS_ADMIN (enters", "CAP_SYS_PTRACE (finds", "CAP_NET_RAW (sends", "CAP_NET_ADMIN (reads"]
    {
        assert!(told.concat().contains(name), "{log}");
    }
}
