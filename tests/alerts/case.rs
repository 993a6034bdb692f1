//! One case of one alert: what Prometheus is given, when the alert fires and what it says, written down as
//! `promtool test rules` takes it.

use std::fmt::Write as _;

/// What stands for `@` in a series.
const WHO: &str = r#"job="destination-exporter",instance="server-1:10061""#;
const BASE: &str = "https://watch.example.com";
const GRAFANA: &str = "https://grafana.example.com";
const PROMETHEUS: &str = "https://prometheus.example.com";

/// What a case is for: each alert has one of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It fires, when it should and not before, says what it should, and ends.
    Fires,
    /// It is just not enough.
    Below,
    /// A scrape fails.
    Lost,
}

#[derive(Clone, Debug)]
pub struct Case {
    pub alert: &'static str,
    pub kind: Kind,
    /// Of several alerts of one name, that with this label.
    pub window: &'static str,
    pub step: &'static str,
    /// Its series stand for what is recorded; cases of this sort go by themselves.
    pub recorded: bool,
    series: Vec<(String, String)>,
    /// When, and what is said then.
    checks: Vec<(String, Vec<Said>)>,
    said: Vec<Said>,
}

/// What one alert says.
#[derive(Clone, Debug)]
pub struct Said {
    pub labels: Vec<(&'static str, &'static str)>,
    pub summary: &'static str,
    pub description: &'static str,
    /// Below the exporter's own address.
    pub runbook: &'static str,
    /// The dashboard, and the destination that it opens with.
    pub board: (&'static str, &'static str),
    /// Below the exporter's own address.
    pub page: &'static str,
}

pub fn case(kind: Kind, alert: &'static str) -> Case {
    let info = format!("destination_exporter_info{{{WHO},external_url=\"{BASE}\"}}");
    let series = vec![(info, "1x20".to_owned())];
    Case {
        alert,
        kind,
        window: "",
        step: "15s",
        recorded: false,
        series,
        checks: Vec::new(),
        said: Vec::new(),
    }
}

impl Case {
    /// How often is scraped and evaluated.
    pub fn step(mut self, step: &'static str) -> Self {
        self.step = step;
        self
    }

    pub fn series(mut self, name: &str, values: &str) -> Self {
        self.series.push((name.replace('@', WHO), values.to_owned()));
        self
    }

    pub fn of(mut self, window: &'static str) -> Self {
        self.window = window;
        self
    }

    /// The scrapes of these numbers fail: of steady series `a+bxn` and `axn`, which go on behind the mark.
    pub fn broken(mut self, at: &[usize]) -> Self {
        for (_, values) in &mut self.series {
            let (begins, times) = values.split_once('x').expect("one steady series");
            let (from, by) = begins.split_once('+').unwrap_or((begins, "0"));
            let [from, by] = [from, by].map(|number| number.parse::<f64>().expect("a number"));
            let all: usize = times.parse().expect("a number");
            let one = |n: usize| {
                if at.contains(&n) { "stale".to_owned() } else { (from + by * n as f64).to_string() }
            };
            let most = at.iter().max().map_or(0, |last| last + 1);
            let head: Vec<String> = (0..most.min(all)).map(one).collect();
            *values = head.join(" ");
            if all > most {
                values.push_str(&format!(" {}+{by}x{}", from + by * most as f64, all - most));
            }
        }
        self
    }

    pub fn recorded(mut self) -> Self {
        self.recorded = true;
        self
    }

    /// Nothing of the exporter itself but what follows.
    pub fn without_info(mut self) -> Self {
        self.series.clear();
        self
    }

    /// What it says when it fires next, and from then on.
    pub fn says(mut self, said: Said) -> Self {
        self.said = vec![said];
        self
    }

    pub fn silent<T: ToString>(mut self, at: &[T]) -> Self {
        self.checks.extend(at.iter().map(|at| (at.to_string(), Vec::new())));
        self
    }

    pub fn fires<T: ToString>(mut self, at: &[T]) -> Self {
        assert!(!self.said.is_empty(), "{}: what does it say?", self.alert);
        self.checks.extend(at.iter().map(|at| (at.to_string(), self.said.clone())));
        self
    }

    /// How many seconds Prometheus is run for.
    pub fn length(&self) -> u32 {
        let seconds = |at: &str| -> u32 {
            let (number, unit) = at.split_at(at.len() - 1);
            number.parse::<u32>().map_or(0, |n| if unit == "m" { n * 60 } else { n })
        };
        self.checks.iter().map(|(at, _)| seconds(at)).max().unwrap_or(0)
    }

    /// Whether it says itself what is recorded under this name.
    pub fn gives(&self, record: &str) -> bool {
        self.series.iter().any(|(name, _)| name.split('{').next() == Some(record))
    }

    /// Whether it fires at all.
    pub fn is_firing(&self) -> bool {
        self.checks.iter().any(|(_, said)| !said.is_empty())
    }

    /// Whether there is a Grafana; those of which a scrape fails have none.
    fn has_grafana(&self) -> bool {
        self.kind != Kind::Lost
    }

    /// Whether one of its scrapes fails.
    pub fn loses(&self) -> bool {
        let fails =
            |name: &str, values: &str| name.starts_with("up{") && values.split(['x', ' ']).any(|v| v == "0");
        self.series.iter().any(|(name, values)| values.contains("stale") || fails(name, values))
    }

    fn render(&self, text: &mut String, names: &[String], words: bool) {
        let Self { step, .. } = self;
        let _ = write!(text, "  - interval: {step}\n    external_url: {PROMETHEUS}\n");
        if self.has_grafana() {
            let _ = writeln!(text, "    external_labels: {{grafana_url: {GRAFANA}}}");
        }
        text.push_str("    input_series:\n");
        for (name, values) in &self.series {
            let _ = writeln!(text, "      - {{series: {name:?}, values: {values:?}}}");
        }
        text.push_str("    alert_rule_test:\n");
        for (at, said) in &self.checks {
            for alert in names {
                let _ = writeln!(
                    text,
                    "      - eval_time: {at}\n        alertname: {alert}\n        exp_alerts:"
                );
                said.iter().for_each(|said| said.render(text, words, self.has_grafana()));
            }
        }
    }
}

/// A file of cases of one step, of an alert under each of these names; with what it says, or without.
pub fn render(rules: &str, cases: &[&Case], names: &[String], words: bool) -> String {
    let step = cases.first().map_or("15s", |case| case.step);
    let mut text = format!("rule_files: [{rules}]\nevaluation_interval: {step}\ntests:\n");
    cases.iter().for_each(|case| case.render(&mut text, names, words));
    text
}

impl Said {
    fn render(&self, text: &mut String, words: bool, has_grafana: bool) {
        text.push_str("          - exp_labels:\n");
        for (name, value) in &self.labels {
            let _ = writeln!(text, "              {name}: {value:?}");
        }
        if !words {
            return;
        }
        let dashboard = if has_grafana { self.board() } else { self.graph() };
        text.push_str("            exp_annotations:\n");
        for (name, value) in [
            ("summary", self.summary),
            ("description", self.description),
            ("runbook_url", &whole(self.runbook)),
            ("dashboard_url", &dashboard),
            ("diagnostics_url", &whole(self.page)),
        ] {
            let _ = writeln!(text, "              {name}: {value:?}");
        }
    }
}

impl Said {
    fn label(&self, label: &str) -> &'static str {
        self.labels.iter().find(|(name, _)| *name == label).map_or("", |(_, value)| value)
    }

    fn board(&self) -> String {
        let (board, destination) = self.board;
        let [job, instance] = ["job", "instance"].map(|label| encoded(self.label(label)));
        let mut url = format!("{GRAFANA}/d/destination-{board}?var-job={job}");
        if board != "swarm" {
            let _ = write!(url, "&var-instance={instance}");
        }
        if !destination.is_empty() {
            let _ = write!(url, "&var-destination={destination}");
        }
        url
    }

    /// What Prometheus draws itself.
    fn graph(&self) -> String {
        let (job, instance) = (self.label("job"), self.label("instance"));
        let series = match self.board.0 {
            "exporter" if job.is_empty() => r#"up{job="destination-exporter"}"#.to_owned(),
            "exporter" => format!("up{{job={job:?}}}"),
            "swarm" => {
                format!(
                    "destination_finding{{job={job:?},swarm={:?},code=~\"swarm-.+\"}}",
                    self.label("swarm")
                )
            }
            "overview" => format!("destination_finding{{job={job:?},instance={instance:?}}}"),
            _ => {
                let destination = self.label("destination");
                format!(
                    "destination_finding{{job={job:?},instance={instance:?},destination={destination:?}}}"
                )
            }
        };
        format!("{PROMETHEUS}/graph?g0.expr={}&g0.tab=0", encoded(&series))
    }
}

/// As Go does it, which leaves a tilde as it is.
fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace("%7E", "~")
}

fn whole(path: &str) -> String {
    if path.starts_with("http") { path.to_owned() } else { format!("{BASE}{path}") }
}

/// The labels of every alert of one exporter, and these.
pub fn labels(
    severity: &'static str,
    scope: &'static str,
    more: &[(&'static str, &'static str)],
) -> Vec<(&'static str, &'static str)> {
    let own = [
        ("severity", severity),
        ("scope", scope),
        ("job", "destination-exporter"),
        ("instance", "server-1:10061"),
    ];
    own.iter().chain(more).copied().collect()
}
