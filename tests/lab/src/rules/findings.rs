//! What the exporter has found: one fault, one finding, one alert. Its cause is in the labels, the repairing command in the text.

use super::words::{destination, first_command, title};
use super::{About, Alert, Group, Rule, RuleFile, Scope, Severity};

/// What it records: the finding holds, or held when the exporter was last heard of and is not heard of now.
pub(super) const HELD: &str = "instance:destination_finding:held";

const ROUTE: &str = "(route|certificate|domain)-.+";
const SECURITY: &str = "isolation-breached|port-exposed-publicly";
const BLIND: &str = "exporter-blind";
/// Every node of a Swarm may tell of one fault: they are counted together, in `swarm`.
const SWARM: &str = "swarm-.+";

/// Who is hit, in the exporter's own severities.
struct Sort {
    name: &'static str,
    found: &'static str,
    severity: Severity,
    scope: Scope,
    hold: &'static str,
    keep: &'static str,
}

const SORTS: [Sort; 7] = [
    // What it holds back ends before it does.
    sort("DestinationHostFault", "page", Severity::Critical, Scope::Host, "30s", "10m"),
    sort("DestinationFault", "page", Severity::Critical, Scope::Destination, "30s", "5m"),
    sort("DestinationRouteFault", "page", Severity::Critical, Scope::Route, "1m", "5m"),
    sort("DestinationHostDefect", "ticket", Severity::Warning, Scope::Host, "5m", "15m"),
    sort("DestinationDefect", "ticket", Severity::Warning, Scope::Destination, "5m", "15m"),
    sort("DestinationRouteDefect", "ticket", Severity::Warning, Scope::Route, "5m", "15m"),
    sort("DestinationSecurityDefect", "page|ticket", Severity::Warning, Scope::Security, "5m", "15m"),
];

const fn sort(
    name: &'static str,
    found: &'static str,
    severity: Severity,
    scope: Scope,
    hold: &'static str,
    keep: &'static str,
) -> Sort {
    Sort { name, found, severity, scope, hold, keep }
}

/// Every code is of one scope.
pub(super) fn selector(scope: Scope) -> String {
    match scope {
        Scope::Host => format!(r#"destination="",code!~"{ROUTE}|{SECURITY}|{BLIND}|{SWARM}""#),
        Scope::Destination => format!(r#"destination!="",code!~"{ROUTE}|{SECURITY}|{BLIND}|{SWARM}""#),
        Scope::Route => format!(r#"code=~"{ROUTE}""#),
        Scope::Security => format!(r#"code=~"{SECURITY}""#),
        Scope::Swarm => format!(r#"code=~"{SWARM}""#),
        // That the Engine is silent has an alert of its own.
        Scope::Exporter => format!(r#"code="{BLIND}",subject!="engine""#),
    }
}

fn severity(found: &str) -> String {
    if found.contains('|') { format!(r#"severity=~"{found}""#) } else { format!(r#"severity="{found}""#) }
}

pub(super) fn file() -> RuleFile {
    let held =
        "destination_finding\n  or\n(last_over_time(destination_finding[5m]) and on (job, instance) up == 0)";
    let mut rules = vec![Rule::Record(HELD.to_owned(), held.to_owned())];
    rules.extend(SORTS.iter().map(|sort| finding(sort).into()));
    rules.push(blind().into());
    rules.push(many().into());
    let about = "Faults that the exporter has found. It judges itself: one fault is one finding, and one alert here.\n\
                 A failed scrape changes nothing: what held stays until the exporter is heard of again, 5 minutes at the most.";
    RuleFile {
        name: "findings.rules.yml",
        about,
        groups: vec![Group { name: "destination-findings", interval: "15s", rules }],
    }
}

/// Where it is, where that is a place.
fn place() -> String {
    format!("{{{{ if $labels.destination }}}} on {}{{{{ end }}}}", destination())
}

fn finding(sort: &Sort) -> Alert {
    let Sort { name, found, scope, .. } = *sort;
    let hit = match sort.severity {
        Severity::Critical => "Users are hit now.",
        _ => "Users will be hit, or a part of them is.",
    };
    Alert {
        name,
        severity: sort.severity,
        scope,
        labels: Vec::new(),
        expr: format!("{HELD}{{{},{}}} == 1", severity(found), selector(scope)),
        hold: sort.hold,
        keep: sort.keep,
        summary: format!("{{{{ $labels.code }}}}: {{{{ $labels.subject }}}}{}", place()),
        description: format!(
            "{{{{ $labels.subject_kind }}}} {{{{ $labels.subject }}}}{}:{} {hit}{}\n{}",
            place(),
            title(),
            first_command(),
            others()
        ),
        about: About::Finding,
    }
}

/// How much else is wrong on this server.
fn others() -> String {
    format!(
        r#"{{{{ with query (printf "count({HELD}{{job=%q,instance=%q,severity=~\"page|ticket\"}})" $labels.job $labels.instance) }}}}{{{{ first . | value }}}} open findings on {{{{ $labels.instance }}}}.{{{{ end }}}}"#
    )
}

fn blind() -> Alert {
    Alert {
        name: "DestinationExporterBlind",
        severity: Severity::Warning,
        scope: Scope::Exporter,
        labels: Vec::new(),
        expr: format!("{HELD}{{{},{}}} == 1", severity("page|ticket"), selector(Scope::Exporter)),
        hold: "5m",
        keep: "15m",
        summary: "The exporter on {{ $labels.instance }} cannot see: {{ $labels.subject }}".to_owned(),
        description: format!(
            "The privilege or the sight called {{{{ $labels.subject }}}} is missing: what needs it is unknown, not down.{}\n{}",
            first_command(),
            others()
        ),
        about: About::Finding,
    }
}

/// Many destinations at once have one cause, known or not.
fn many() -> Alert {
    let inner = format!("{HELD}{{severity=\"page\",{}}} == 1", selector(Scope::Destination));
    let hit = format!(
        "count without (destination) (\n    count without (code, severity, subject, subject_kind) ({inner})\n  )"
    );
    let all = "count without (destination) (last_over_time(destination_healthy[5m]))";
    Alert {
        name: "DestinationManyFaults",
        severity: Severity::Critical,
        scope: Scope::Host,
        labels: Vec::new(),
        expr: format!("(\n  {hit} >= 3\n)\n  and\n(\n  {hit} > 0.5 * {all}\n)"),
        hold: "30s",
        keep: "10m",
        summary: "{{ $value }} destinations of {{ $labels.instance }} have a fault at once".to_owned(),
        description: format!(
            "{{{{ $value }}}} destinations, more than half of them, have a finding of severity page: look for what they share (the Engine, the firewall, a table of the kernel). Found:{{{{ range query (printf \"sort_desc(count by (code) ({HELD}{{job=%q,instance=%q,severity=\\\"page\\\"}}))\" $labels.job $labels.instance) }}}} {{{{ .Labels.code }}}} ({{{{ . | value }}}}){{{{ end }}}}."
        ),
        about: About::Host,
    }
}
