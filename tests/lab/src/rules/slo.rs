//! Symptoms that no finding explains: how fast the objective of a destination, or of a route, is used up.
//!
//! Several windows and several burn rates (Google's SRE workbook, chapter 5), from one list. Attempts and failures are
//! recorded apart and divided last. What is recorded of 5 minutes is what longer windows are made of: three days of raw
//! counters would be read at every evaluation otherwise.

use super::findings::{HELD, selector};
use super::swarm::BETWEEN;
use super::words::destination;
use super::{About, Alert, Group, Rule, RuleFile, Scope, Severity};

/// One pair of windows.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// The long windows of the alert that it belongs to.
    pub of: &'static str,
    pub long: &'static str,
    pub short: &'static str,
    /// The short one in seconds.
    pub seconds: u32,
    /// How many times faster than allowed.
    pub burn: &'static str,
    pub severity: Severity,
    /// The short window and what still lingers of it: so long a finding that is over accounts for what it did.
    pub explained: &'static str,
}

/// The one list.
pub const WINDOWS: [Window; 4] = [
    Window {
        of: "1h or 6h",
        long: "1h",
        short: "5m",
        seconds: 300,
        burn: "14.4",
        severity: Severity::Critical,
        explained: "15m",
    },
    Window {
        of: "1h or 6h",
        long: "6h",
        short: "30m",
        seconds: 1800,
        burn: "6",
        severity: Severity::Critical,
        explained: "40m",
    },
    Window {
        of: "1d or 3d",
        long: "1d",
        short: "2h",
        seconds: 7200,
        burn: "3",
        severity: Severity::Warning,
        explained: "130m",
    },
    Window {
        of: "1d or 3d",
        long: "3d",
        short: "6h",
        seconds: 21600,
        burn: "1",
        severity: Severity::Warning,
        explained: "370m",
    },
];

/// Kinds of probes that say whether a destination serves. Sites have an objective of their own; what is out of its hands
/// (names and addresses outside) and what is no matter of serving (isolation, the size of packets) is left out. From host to
/// host (`node`) is tried what tells causes apart, also to nodes that are meant to be away; what it costs shows in `overlay`.
const PROBES: &str = "dns|http|icmp|overlay|proxy|published_port|tcp";

/// Fewer failed runs than this in the short window wake nobody.
const FEWEST_FAILURES: &str = "10";
/// Nor does a site that was down for fewer seconds.
const FEWEST_SECONDS: &str = "60";

/// What has an objective.
struct Level {
    alert: &'static str,
    scope: Scope,
    about: About,
    /// The level in the names of what is recorded.
    level: &'static str,
    /// What the ratio is called, without its window.
    ratio: &'static str,
    /// What is counted to see whether it is worth anybody's time, per second.
    lost: &'static str,
    fewest: &'static str,
}

const LEVELS: [Level; 2] = [
    Level {
        alert: "DestinationBudgetBurn",
        scope: Scope::Destination,
        about: About::Destination,
        level: "destination",
        ratio: "destination:destination_probe_failures_per_attempts:ratio_rate",
        lost: "destination:destination_probe_failures:rate5m",
        fewest: FEWEST_FAILURES,
    },
    Level {
        alert: "DestinationRouteBudgetBurn",
        scope: Scope::Route,
        about: About::Route,
        level: "route",
        ratio: "route:destination_route_down:ratio_avg",
        lost: "route:destination_route_down:ratio_avg5m",
        fewest: FEWEST_SECONDS,
    },
];

/// Sites that a finding accounts for: one of the site itself, one of a container that serves it, and what takes every
/// site of a destination. That somebody stopped a container on purpose is a ticket, and its site is down for it.
const ACCOUNTED: &str = "route:destination_finding:accounts";

/// Findings of a destination that say nothing of its probes.
const ASIDE: &str = "(route|certificate|domain|isolation|port-exposed|address-pools|exporter)-.+";

/// Destinations of whose probes a finding says why they fail. What parts nodes of a Swarm is told once, of one overlay, and
/// is why probes fail on all of that node. A ticket on something else accounts for nothing: it may hold for weeks.
const EXPLAINED: &str = "destination:destination_finding:accounts";

fn explained() -> String {
    format!(
        "{HELD}{{severity=\"page\",code!~\"{ASIDE}\"}} == 1\n  or\n(\n  destination_overlay_peer_containers\n    and on (job, instance)\n  {HELD}{{code=~\"{BETWEEN}\"}} == 1\n)"
    )
}

/// What breaks all sites of one destination, and nothing less.
const EVERY_SITE: &str = "proxy-not-attached";

fn accounted() -> String {
    let site = "destination_route_up";
    let known = r#"severity=~"page|ticket""#;
    format!(
        "(\n  {site}\n    and on (job, instance, domain)\n  label_replace({HELD}{{{known},code=~\"route-.+\"}} == 1, \"domain\", \"$1\", \"subject\", \"([^/]*).*\")\n)\n  or\n(\n  {site}\n    and on (job, instance, destination, domain, path, workload)\n  (\n    destination_route_backend_up\n      and on (job, instance, destination, backend)\n    label_replace({HELD}{{{known},code=~\"container-.+\"}} == 1, \"backend\", \"$1\", \"subject\", \"(.*)\")\n  )\n)\n  or\n(\n  {site}\n    and on (job, instance, destination)\n  {HELD}{{severity=\"page\",code=\"{EVERY_SITE}\"}} == 1\n)"
    )
}

pub(super) fn file() -> RuleFile {
    let record = |name: &str, expr: String| Rule::Record(name.to_owned(), expr);
    let of_kinds = |metric: &str, away: &str| {
        format!("sum without ({away}) (rate({metric}{{probe=~\"{PROBES}\"}}[5m]))")
    };
    let mut fast = vec![
        record("destination:slo_objective:ratio", "vector(0.999)".to_owned()),
        record("route:slo_objective:ratio", "vector(0.999)".to_owned()),
        record(
            "destination:destination_probe_attempts:rate5m",
            of_kinds("destination_probe_attempts_total", "probe"),
        ),
        record(
            "destination:destination_probe_failures:rate5m",
            of_kinds("destination_probe_failures_total", "probe, reason"),
        ),
        record(
            "route:destination_route_down:ratio_avg5m",
            "1 - avg_over_time(destination_route_up[5m])".to_owned(),
        ),
    ];
    fast.push(destination_ratio("5m"));
    fast.push(record(EXPLAINED, explained()));
    fast.push(record(ACCOUNTED, accounted()));
    let is_fast = |window: &&Window| window.severity == Severity::Critical;
    let (quick, slow): (Vec<&Window>, Vec<&Window>) = WINDOWS.iter().partition(is_fast);
    fast.extend(rules_of(&quick));
    RuleFile {
        name: "slo.rules.yml",
        about: "Symptoms that no finding explains: objectives that are used up too fast, in several windows at several rates.\n\
                To set an objective of your own, change the two numbers that are recorded as *:slo_objective:ratio; everything else follows.",
        groups: vec![
            Group { name: "destination-slo", interval: "30s", rules: fast },
            Group { name: "destination-slo-slow", interval: "2m", rules: rules_of(&slow) },
        ],
    }
}

fn destination_ratio(window: &str) -> Rule {
    let [failures, attempts] = ["failures", "attempts"].map(|what| {
        let rate = format!("destination:destination_probe_{what}:rate5m");
        if window == "5m" { rate } else { format!("avg_over_time({rate}[{window}])") }
    });
    let name = format!("{}{window}", LEVELS[0].ratio);
    Rule::Record(name, format!("{failures}\n  /\n({attempts} > 0)"))
}

fn rules_of(windows: &[&Window]) -> Vec<Rule> {
    // The quick group has these already.
    let is_recorded = |time: &str| time == "5m" || (windows[0].severity == Severity::Warning && time == "6h");
    let times = windows.iter().flat_map(|window| [window.short, window.long]);
    let times: Vec<&str> = times.filter(|time| !is_recorded(time)).collect();
    let mut rules: Vec<Rule> = times.iter().map(|time| destination_ratio(time)).collect();
    rules.extend(times.iter().map(|time| {
        let five = "route:destination_route_down:ratio_avg5m";
        Rule::Record(format!("{}{time}", LEVELS[1].ratio), format!("avg_over_time({five}[{time}])"))
    }));
    rules.extend(LEVELS.iter().map(|level| Rule::from(burn(level, windows))));
    rules
}

/// What one pair of windows has to show.
fn pair(level: &Level, window: &Window) -> String {
    let Window { long, short, seconds, burn, explained, .. } = window;
    let Level { ratio, lost, fewest, .. } = level;
    let allowed = format!("{burn} * (1 - scalar({}:slo_objective:ratio))", level.level);
    let lately = if *short == "5m" { (*lost).to_owned() } else { format!("avg_over_time({lost}[{short}])") };
    let known = match level.scope {
        Scope::Route => format!(
            "(job, instance, destination, domain, path, workload)\nmax_over_time({ACCOUNTED}[{explained}])"
        ),
        _ => format!("(job, instance, destination)\nmax_over_time({EXPLAINED}[{explained}])"),
    };
    let host = selector(Scope::Host);
    // What failed while the Engine was silent failed for that reason, and lingers in the windows when it is back.
    format!(
        "(\n  {ratio}{long} > {allowed}\n    and\n  {ratio}{short} > {allowed}\n    and\n  {lately} * {seconds} >= {fewest}\n    and\n  {lost} offset {short} >= 0\n)\n  unless on {known}\n  unless on (job, instance)\nmax_over_time({HELD}{{severity=\"page\",{host}}}[{explained}]) == 1\n  unless on (job, instance)\nmax_over_time({HELD}{{code=\"exporter-blind\",subject=\"engine\"}}[{explained}]) == 1"
    )
}

/// Two pairs of windows are one alert: a fault that shows in the one and then in the other is told once.
fn burn(level: &Level, windows: &[&Window]) -> Alert {
    let pairs: Vec<String> = windows.iter().map(|window| pair(level, window)).collect();
    let (summary, description) = match level.scope {
        Scope::Route => of_route(windows),
        _ => of_destination(windows),
    };
    Alert {
        name: level.alert,
        severity: windows[0].severity,
        scope: level.scope,
        labels: vec![("windows", windows[0].of)],
        expr: pairs.join("\n  or\n"),
        hold: hold(windows[0].severity),
        keep: "5m",
        summary,
        description,
        about: level.about,
    }
}

/// How long such an alert waits.
#[must_use]
pub fn hold(severity: Severity) -> &'static str {
    if severity == Severity::Critical { "2m" } else { "15m" }
}

fn objective(level: &str) -> String {
    format!(
        r#"{{{{ with query "{level}:slo_objective:ratio" }}}}{{{{ first . | value | humanizePercentage }}}}{{{{ end }}}}"#
    )
}

/// ` 1.5% in 1h, 0.9% in 6h,`: what each long window shows, of those that there are.
fn shares(windows: &[&Window], ratio: &str, labels: &[&str], within: &str) -> String {
    let matchers: Vec<String> = labels.iter().map(|label| format!("{label}=%q")).collect();
    let values: Vec<String> = labels.iter().map(|label| format!("$labels.{label}")).collect();
    let (matchers, values) = (matchers.join(","), values.join(" "));
    let share = |window: &&Window| {
        let long = window.long;
        format!(
            r#"{{{{ with query (printf "{ratio}{long}{{{matchers}}}" {values}) }}}} {{{{ first . | value | humanizePercentage }}}} {within} {long},{{{{ end }}}}"#
        )
    };
    windows.iter().map(share).collect()
}

/// `14.4 times over 1h and 5m, or 6 times over 6h and 30m`.
fn limits(windows: &[&Window]) -> String {
    let limit = |window: &&Window| format!("{} times over {} and {}", window.burn, window.long, window.short);
    windows.iter().map(limit).collect::<Vec<_>>().join(", or ")
}

fn of_destination(windows: &[&Window]) -> (String, String) {
    let failing = format!(
        r#"{{{{ range query (printf "topk(5, sum by (probe, reason) (rate(destination_probe_failures_total{{job=%q,instance=%q,destination=%q,probe=~\"{PROBES}\"}}[5m])) * 60 > 0)" $labels.job $labels.instance $labels.destination) }}}} {{{{ .Labels.probe }}}} {{{{ .Labels.reason }}}} ({{{{ . | value | printf "%.2f" }}}} a minute){{{{ else }}}} nothing in the last 5 minutes{{{{ end }}}}"#
    );
    let known = format!(
        r#"{{{{ range query (printf "{HELD}{{job=%q,instance=%q,destination=%q}}" $labels.job $labels.instance $labels.destination) | sortByLabel "subject" | sortByLabel "code" }}}} {{{{ .Labels.code }}}} {{{{ .Labels.subject }}}},{{{{ else }}}} none,{{{{ end }}}}"#
    );
    let shares = shares(windows, LEVELS[0].ratio, &["job", "instance", "destination"], "in");
    (
        format!("{}: probes fail,{shares} and no finding of severity page says why", destination()),
        format!(
            "Of the probes on {} there failed{shares} which is more than its objective of {} allows: {}. Failing now:{failing}. Findings:{known} of which none accounts for it and wakes somebody.",
            destination(),
            objective("destination"),
            limits(windows)
        ),
    )
}

fn of_route(windows: &[&Window]) -> (String, String) {
    let status = r#"{{ range query (printf "last_over_time(destination_route_http_status_code{job=%q,instance=%q,destination=%q,domain=%q,path=%q,workload=%q}[10m])" $labels.job $labels.instance $labels.destination $labels.domain $labels.path $labels.workload) }} {{ .Labels.scheme }} {{ . | value }}{{ else }} none{{ end }}"#;
    let labels = ["job", "instance", "destination", "domain", "path", "workload"];
    let shares = shares(windows, LEVELS[1].ratio, &labels, "of");
    (
        format!("{{{{ $labels.domain }}}}{{{{ $labels.path }}}}: down for{shares} and no finding says why"),
        format!(
            "{{{{ $labels.domain }}}}{{{{ $labels.path }}}} ({{{{ $labels.workload }}}}) was down for{shares} which is more than its objective of {} allows: {}. Latest status:{status}.",
            objective("route"),
            limits(windows)
        ),
    )
}
