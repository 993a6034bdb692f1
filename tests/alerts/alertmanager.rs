//! The example of Alertmanager's file: what its own tools say, and who hears of which alert.

use std::path::{Path, PathBuf};
use std::process::Command;

use lab::rules::Severity;

fn file() -> PathBuf {
    super::folder().join("alertmanager.example.yml")
}

/// What a program says, where it succeeds.
pub(super) fn said(command: &mut Command) -> Result<String, String> {
    let out = command.output().map_err(|error| format!("{command:?} (make deps): {error}"))?;
    let said = String::from_utf8_lossy(&out.stdout) + String::from_utf8_lossy(&out.stderr);
    if out.status.success() { Ok(said.into_owned()) } else { Err(format!("{command:?}: {said}")) }
}

fn amlint() -> Command {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = root.join("target/lab/amlint");
    said(Command::new(root.join("scripts/get-amlint.sh")).arg(&folder)).expect("amlint of PyPI");
    Command::new(folder.join("bin/amlint"))
}

#[test]
fn amtool_takes_the_file() {
    said(Command::new("amtool").arg("check-config").arg(file())).expect("no complaint");
}

#[test]
fn amlint_finds_no_route_that_nothing_takes_and_no_inhibition_that_nothing_meets() {
    let rules = super::folder().join("*.rules.yml");
    said(amlint().args(["check", "--strict", "--rules"]).arg(rules).arg(file())).expect("no complaint");
}

#[test]
fn every_alert_is_heard_of_by_whom_it_concerns() {
    for alert in lab::rules::alerts() {
        let receiver = match alert.severity {
            Severity::Critical => "pages",
            Severity::Warning => "tickets",
            Severity::None => "dead-mans-switch",
        };
        let labels = [
            format!("alertname={}", alert.name),
            format!("severity={}", alert.severity.as_label()),
            format!("scope={}", alert.scope.as_label()),
        ];
        let mut command = Command::new("amtool");
        command.args(["config", "routes", "test"]).arg(format!("--config.file={}", file().display()));
        said(command.arg(format!("--verify.receivers={receiver}")).args(labels)).expect("routed");
    }
}

/// One alert as Prometheus gives it to Alertmanager: what it is called, and labels that differ.
type Told = (&'static str, &'static [&'static str]);

const OTHERS: &[&str] = &["instance=server-2"];

/// While the first fires the others are held back, or are not.
const HELD_BACK: &[(Told, &[Told])] = &[
    (("DestinationExporterDown", &[]), &[("DestinationEngineSilent", &[]), ("DestinationLeftOut", &[])]),
    (
        ("DestinationEngineSilent", &[]),
        &[
            ("DestinationHostFault", &["code=proxy-missing"]),
            ("DestinationFault", &["destination=shop"]),
            ("DestinationSecurityDefect", &["destination=shop"]),
            ("DestinationExporterBlind", &[]),
        ],
    ),
    (("DestinationProbesStale", &[]), &[("DestinationFault", &["destination=shop"])]),
    (
        ("DestinationHostFault", &["code=host-forwarding-disabled"]),
        &[
            ("DestinationManyFaults", &[]),
            ("DestinationFault", &["destination=shop"]),
            ("DestinationRouteFault", &["destination=shop"]),
            ("DestinationBudgetBurn", &["destination=shop"]),
            ("DestinationRouteBudgetBurn", &["destination=shop"]),
        ],
    ),
    (
        ("DestinationHostFault", &["code=host-firewall-chains-missing"]),
        &[("DestinationFault", &["destination=shop"])],
    ),
    (
        ("DestinationManyFaults", &[]),
        &[
            ("DestinationFault", &["destination=shop"]),
            ("DestinationRouteFault", &["destination=shop"]),
            ("DestinationRouteBudgetBurn", &["destination=shop"]),
        ],
    ),
    (
        ("DestinationHostFault", &["code=proxy-not-running"]),
        &[
            ("DestinationRouteFault", &["destination=shop"]),
            ("DestinationRouteBudgetBurn", &["destination=shop"]),
        ],
    ),
    (
        ("DestinationFault", &["code=proxy-not-attached", "destination=shop"]),
        &[
            ("DestinationRouteFault", &["destination=shop"]),
            ("DestinationRouteBudgetBurn", &["destination=shop"]),
            ("DestinationBudgetBurn", &["destination=shop"]),
        ],
    ),
];

const HEARD: &[(Told, &[Told])] = &[
    (("DestinationExporterDown", &[]), &[("DestinationEngineSilent", OTHERS)]),
    (
        ("DestinationEngineSilent", &[]),
        &[("DestinationExporterDown", &[]), ("DestinationFault", &["destination=shop", "instance=server-2"])],
    ),
    // A table that is nearly full has no part in what else is wrong.
    (
        ("DestinationHostFault", &["code=host-conntrack-near-limit"]),
        &[
            ("DestinationManyFaults", &[]),
            ("DestinationFault", &["destination=shop"]),
            ("DestinationRouteFault", &["destination=shop"]),
        ],
    ),
    // Nor has the proxy in what containers do with each other.
    (
        ("DestinationHostFault", &["code=proxy-not-running"]),
        &[("DestinationFault", &["destination=shop"]), ("DestinationBudgetBurn", &["destination=shop"])],
    ),
    // One container is down, and the site of another as well.
    (
        ("DestinationFault", &["code=container-unreachable", "destination=shop"]),
        &[
            ("DestinationRouteFault", &["destination=shop"]),
            ("DestinationRouteBudgetBurn", &["destination=shop"]),
        ],
    ),
    (
        ("DestinationFault", &["code=proxy-not-attached", "destination=shop"]),
        &[
            ("DestinationRouteFault", &["destination=blog"]),
            ("DestinationFault", &["destination=shop", "code=x"]),
        ],
    ),
    (("DestinationManyFaults", &[]), &[("DestinationSecurityDefect", &["destination=shop"])]),
];

/// A real Alertmanager with the example's inhibitions, told of each pair on a job of its own.
#[test]
fn what_is_held_back_is_a_symptom_and_nothing_else() {
    let manager = Manager::start(&file().display().to_string());
    let cases = HELD_BACK.iter().map(|case| (case, true)).chain(HEARD.iter().map(|case| (case, false)));
    let pairs =
        cases.flat_map(|((source, targets), held)| targets.iter().map(move |target| (source, target, held)));
    let mut wanted = Vec::new();
    for (n, (source, target, held)) in pairs.enumerate() {
        manager.tell(source, n);
        manager.tell(target, n);
        wanted.push((what(target, n), held));
    }
    // What is silenced holds back all the same.
    let silence = ["silence", "add", "--author=a", "--comment=b", "--duration=1h", &manager.url];
    said(Command::new("amtool").args(silence).arg("alertname=DestinationExporterDown")).expect("silenced");
    let mut found = Vec::new();
    for _ in 0..50 {
        found = manager.targets();
        if wanted.iter().all(|wanted| found.contains(wanted)) {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    let missing: Vec<_> = wanted.iter().filter(|wanted| !found.contains(wanted)).collect();
    panic!("not so: {missing:#?}");
}

/// By which it is known again.
fn what((name, own): &Told, job: usize) -> String {
    format!("{job} {name} {}", own.join(" "))
}

/// A real one, alone.
pub(super) struct Manager {
    _folder: tempfile::TempDir,
    child: std::process::Child,
    /// As `amtool` is told it.
    pub(super) url: String,
}

impl Drop for Manager {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Manager {
    pub(super) fn start(file: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let at = std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port");
        let mut command = Command::new("prometheus-alertmanager");
        command
            .arg(format!("--config.file={file}"))
            .arg(format!("--storage.path={}", folder.path().display()))
            .args(["--cluster.listen-address=", &format!("--web.listen-address={at}")])
            .stderr(std::process::Stdio::null());
        let child = command.spawn().expect("prometheus-alertmanager (make deps)");
        let manager = Self { _folder: folder, child, url: format!("--alertmanager.url=http://{at}") };
        for _ in 0..300 {
            if said(Command::new("amtool").args(["alert", "query", &manager.url])).is_ok() {
                return manager;
            }
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        panic!("Alertmanager does not answer");
    }

    /// With the labels that the rules give it; what it has of its own stands in `what`.
    fn tell(&self, (name, own): &Told, job: usize) {
        let alert = lab::rules::alerts().into_iter().find(|alert| alert.name == *name).expect(name);
        let mut labels = std::collections::BTreeMap::from([
            ("alertname", (*name).to_owned()),
            ("severity", alert.severity.as_label().to_owned()),
            ("scope", alert.scope.as_label().to_owned()),
            ("job", job.to_string()),
            ("instance", "server-1".to_owned()),
            ("what", what(&(name, own), job)),
        ]);
        labels.extend(own.iter().filter_map(|label| label.split_once('=')).map(|(k, v)| (k, v.to_owned())));
        let labels = labels.into_iter().map(|(name, value)| format!("{name}={value:?}"));
        said(Command::new("amtool").args(["alert", "add", &self.url]).args(labels)).expect("taken");
    }

    /// What is there, and whether something holds it back.
    fn targets(&self) -> Vec<(String, bool)> {
        let query = ["alert", "query", "--active", "--inhibited", "--silenced", "--output=json", &self.url];
        let answer: serde_json::Value =
            serde_json::from_str(&said(Command::new("amtool").args(query)).expect("an answer"))
                .expect("JSON");
        let of = |alert: &serde_json::Value| {
            let what = alert["labels"]["what"].as_str().unwrap_or_default().to_owned();
            let by = alert["status"]["inhibitedBy"].as_array().map_or(0, Vec::len);
            (what, by > 0)
        };
        answer.as_array().into_iter().flatten().map(of).collect()
    }
}
