//! A real Prometheus and a real Alertmanager with the project's own files, what they scrape, and whom they wake.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime};

use serde_json::Value;

use super::town::Town;

/// So long a program may take to answer on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// What was sent to somebody.
#[derive(Clone, Debug)]
pub struct Notification {
    /// `/pages`, `/tickets` or `/alive`.
    pub to: String,
    pub body: Value,
    pub at: Instant,
}

impl Notification {
    pub fn is_firing(&self) -> bool {
        self.body["status"] == "firing"
    }

    /// The names of its alerts.
    pub fn alerts(&self) -> Vec<String> {
        let alerts = self.body["alerts"].as_array().cloned().unwrap_or_default();
        alerts
            .iter()
            .map(|alert| alert["labels"]["alertname"].as_str().unwrap_or_default().to_owned())
            .collect()
    }

    /// An annotation of its first alert.
    pub fn text(&self, annotation: &str) -> &str {
        self.body["alerts"][0]["annotations"][annotation].as_str().unwrap_or_default()
    }
}

/// Everything that runs. Dropping it ends it.
pub struct Stage {
    folder: tempfile::TempDir,
    pub town: Arc<Mutex<Town>>,
    sent: Arc<Mutex<Vec<Notification>>>,
    prometheus: Option<Child>,
    prometheus_at: SocketAddr,
    /// After how long Prometheus says again what it has said, and what nobody heard.
    again: Duration,
    alertmanager: Child,
    over: Arc<AtomicBool>,
    hands: Vec<JoinHandle<()>>,
}

impl Stage {
    /// With every duration of the rules and of Alertmanager's file so many times shorter.
    pub fn new(faster: u32) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let own = listener.local_addr().expect("an address");
        let town = Arc::new(Mutex::new(Town::new(&format!("http://{own}"), SystemTime::now())));
        let (sent, over) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let hands = vec![
            thread::spawn({
                let (town, sent, over) = (Arc::clone(&town), Arc::clone(&sent), Arc::clone(&over));
                move || serve(&listener, &town, &sent, &over)
            }),
            thread::spawn({
                let (town, over) = (Arc::clone(&town), Arc::clone(&over));
                move || {
                    while !over.load(Ordering::Relaxed) {
                        lock(&town).round(SystemTime::now());
                        thread::sleep(Duration::from_secs(15) / faster);
                    }
                }
            }),
        ];
        let [prometheus_at, alertmanager_at] = [free(), free()];
        let alerts = Path::new(env!("CARGO_MANIFEST_DIR")).join("alerts");
        let read = |file: &str| fs::read_to_string(alerts.join(file)).expect("readable");
        for file in ["findings", "slo", "exporter", "resources", "drift", "swarm"]
            .map(|name| format!("{name}.rules.yml"))
        {
            fs::write(folder.path().join(&file), shorter(&read(&file), faster)).expect("written");
        }
        let config = shorter(&read("alertmanager.example.yml"), faster)
            .replace("http://127.0.0.1:9095", &format!("http://{own}"));
        fs::write(folder.path().join("alertmanager.yml"), config).expect("written");
        let interval = f64::from(15_000 / faster) / 1000.0;
        let interval = format!("{}ms", (interval * 1000.0).round());
        let config = format!(
            "global: {{scrape_interval: {interval}, scrape_timeout: {interval}, evaluation_interval: {interval}}}\n\
             rule_files: ['*.rules.yml']\n\
             alerting: {{alertmanagers: [{{static_configs: [{{targets: ['{alertmanager_at}']}}]}}]}}\n\
             scrape_configs:\n  - {{job_name: destination-exporter, static_configs: [{{targets: ['{own}']}}]}}\n"
        );
        fs::write(folder.path().join("prometheus.yml"), config).expect("written");
        let alertmanager = start(
            folder.path(),
            "prometheus-alertmanager",
            &[
                "--config.file=alertmanager.yml",
                "--storage.path=alertmanager",
                "--cluster.listen-address=",
                &format!("--web.listen-address={alertmanager_at}"),
            ],
        );
        until_ready(alertmanager_at, folder.path());
        let again = Duration::from_secs(60) / faster;
        let mut stage =
            Self { folder, town, sent, prometheus: None, prometheus_at, again, alertmanager, over, hands };
        stage.start_prometheus();
        stage
    }

    fn start_prometheus(&mut self) {
        let address = format!("--web.listen-address={}", self.prometheus_at);
        let again = format!("--rules.alert.resend-delay={}ms", self.again.as_millis());
        let flags = ["--config.file=prometheus.yml", "--storage.tsdb.path=data", &address, &again];
        self.prometheus = Some(start(self.folder.path(), "prometheus", &flags));
        until_ready(self.prometheus_at, self.folder.path());
    }

    /// As an upgrade does it.
    pub fn restart_prometheus(&mut self) {
        if let Some(mut child) = self.prometheus.take() {
            let pid = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw).expect("a pid");
            rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("it is ours");
            child.wait().expect("it is ours");
        }
        self.start_prometheus();
    }

    /// What was sent, but the watchdog's.
    pub fn sent(&self) -> Vec<Notification> {
        lock(&self.sent).iter().filter(|one| one.to != "/alive").cloned().collect()
    }

    /// How often the watchdog was heard of.
    pub fn alive(&self) -> usize {
        lock(&self.sent).iter().filter(|one| one.to == "/alive").count()
    }

    /// What the pages were, once there are so many or the time is over.
    pub fn pages(&self, wanted: usize, within: Duration) -> Vec<Notification> {
        let began = Instant::now();
        loop {
            let pages: Vec<_> = self.sent().into_iter().filter(|one| one.to == "/pages").collect();
            if pages.len() >= wanted || began.elapsed() > within {
                return pages;
            }
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// What both programs have logged.
    pub fn logs(&self) -> String {
        logs(self.folder.path())
    }

    /// Answer of Prometheus to a query.
    pub fn ask(&self, query: &str) -> Value {
        let answer = get(self.prometheus_at, &format!("/api/v1/query?query={query}")).unwrap_or_default();
        serde_json::from_str(&answer).unwrap_or(Value::Null)
    }

    /// Waits until the server has been scraped for so long.
    pub fn warm_up(&self, scrapes: usize) {
        let began = Instant::now();
        while self.ask("count_over_time(up[1h])")["data"]["result"][0]["value"][1]
            .as_str()
            .and_then(|count| count.parse::<usize>().ok())
            .is_none_or(|count| count < scrapes)
        {
            assert!(began.elapsed() < PATIENCE, "not scraped in {PATIENCE:?}:\n{}", logs(self.folder.path()));
            thread::sleep(Duration::from_millis(200));
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        for child in self.prometheus.iter_mut().chain([&mut self.alertmanager]) {
            child.kill().ok();
            child.wait().ok();
        }
        for hand in self.hands.drain(..) {
            hand.join().ok();
        }
    }
}

pub fn lock<T>(what: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Every duration of a file so many times shorter, but how often Alertmanager repeats itself.
fn shorter(text: &str, faster: u32) -> String {
    let starts = ["interval: ", "for: ", "group_wait: ", "offset ", "["];
    let mut out = String::new();
    for line in text.lines() {
        let mut rest = line;
        while let Some((at, start)) =
            starts.iter().filter_map(|start| Some((rest.find(start)?, *start))).min_by_key(|(at, _)| *at)
        {
            let (before, after) = rest.split_at(at + start.len());
            out.push_str(before);
            let digits = after.chars().take_while(char::is_ascii_digit).count();
            let unit = match after[digits..].chars().next() {
                Some('s') => 1,
                Some('m') => 60,
                Some('h') => 3600,
                Some('d') => 86400,
                _ => 0,
            };
            rest = after;
            if digits > 0 && unit > 0 && !before.ends_with("repeat_interval: ") {
                let seconds: u32 = after[..digits].parse().expect("a number");
                out.push_str(&format!("{}ms", seconds * unit * 1000 / faster));
                rest = &after[digits + 1..];
            }
        }
        out.push_str(rest);
        out.push('\n');
    }
    out
}

fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port")
}

fn start(folder: &Path, program: &str, flags: &[&str]) -> Child {
    let log =
        File::options().create(true).append(true).open(folder.join(format!("{program}.log"))).expect("a log");
    let mut command = Command::new(program);
    command.args(flags).current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    command.spawn().unwrap_or_else(|error| panic!("{program} (make deps): {error}"))
}

fn logs(folder: &Path) -> String {
    let read = |name: &str| fs::read_to_string(PathBuf::from(folder).join(name)).unwrap_or_default();
    ["prometheus.log", "prometheus-alertmanager.log"].map(read).concat()
}

fn until_ready(at: SocketAddr, folder: &Path) {
    let began = Instant::now();
    while get(at, "/-/ready").is_none() {
        assert!(began.elapsed() < PATIENCE, "{at} is not ready in {PATIENCE:?}:\n{}", logs(folder));
        thread::sleep(Duration::from_millis(100));
    }
}

/// The body of a good answer.
#[expect(clippy::disallowed_methods, reason = "a client on the machine itself, not a probe")]
pub fn get(at: SocketAddr, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(at).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: x\r\n\r\n").as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    head.contains(" 200 ").then(|| body.to_owned())
}

/// The exporter's metrics for whoever asks, and everybody's mailbox.
fn serve(listener: &TcpListener, town: &Mutex<Town>, sent: &Mutex<Vec<Notification>>, over: &AtomicBool) {
    listener.set_nonblocking(true).expect("ours");
    while !over.load(Ordering::Relaxed) {
        match listener.accept() {
            Ok((stream, _)) => drop(answer(stream, town, sent)),
            Err(_) => thread::sleep(Duration::from_millis(10)),
        }
    }
}

fn answer(mut stream: TcpStream, town: &Mutex<Town>, sent: &Mutex<Vec<Notification>>) -> std::io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let (mut first, mut length) = (String::new(), 0);
    reader.read_line(&mut first)?;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? <= 2 {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let path = first.split(' ').nth(1).unwrap_or_default();
    let page = if path == "/metrics" {
        lock(town).page(SystemTime::now())
    } else {
        let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
        lock(sent).push(Notification { to: path.to_owned(), body, at: Instant::now() });
        String::new()
    };
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nConnection: close\r\n";
    stream.write_all(format!("{head}Content-Length: {}\r\n\r\n{page}", page.len()).as_bytes())
}
