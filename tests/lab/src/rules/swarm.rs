//! What nodes of a Swarm tell of each other: each has an exporter of its own, and one fault is told by many. It is one alert
//! for the whole Swarm, without `instance`.
//!
//! A Swarm is what is scraped as one job; whoever has several in one gives each a label `swarm`.

use super::findings::{HELD, selector};
use super::{About, Alert, Group, Rule, RuleFile, Scope, Severity};

/// Nodes that others do not reach, by address; the value is how many tell of each.
pub(super) const UNREACHED: &str = "swarm:destination_finding:unreached";

/// What parts nodes from each other. Its subject is the address of the node that is not reached.
const PARTED: &str = "swarm-(data-path-broken|peer-missing)";
/// Why nothing gets from node to node, of whichever overlay it is told.
pub(super) const BETWEEN: &str = "swarm-(data-path-broken|peer-missing|address-mismatch)";
const NO_QUORUM: &str = "swarm-no-quorum";

/// How many of each a notification names.
const MOST: &str = "8";

pub(super) fn file() -> RuleFile {
    let unreached = format!(
        "count by (job, swarm, address) (\n  label_replace({HELD}{{code=~\"{PARTED}\"}} == 1, \"address\", \"$1\", \"subject\", \"(.*)\")\n)"
    );
    let alerts = [partitioned(), no_quorum(), fault(), defect(), not_ready(), unwatched()];
    let rules = [Rule::Record(UNREACHED.to_owned(), unreached)].into_iter();
    RuleFile {
        name: "swarm.rules.yml",
        about: "What nodes of a Docker Swarm tell of each other: a fault between them is one alert, however many tell of it.\n\
                A Swarm is what is scraped as one job. Several in one job: give the targets of each a label `swarm`.",
        groups: vec![Group {
            name: "destination-swarm",
            interval: "15s",
            rules: rules.chain(alerts.into_iter().map(Rule::from)).collect(),
        }],
    }
}

fn alert(name: &'static str, severity: Severity, about: About, expr: String) -> Alert {
    Alert {
        name,
        severity,
        scope: Scope::Swarm,
        labels: Vec::new(),
        expr,
        hold: "5m",
        keep: "15m",
        summary: String::new(),
        description: String::new(),
        about,
    }
}

/// `Swarm`, and which, where there are several.
const SWARM: &str = "Swarm{{ with $labels.swarm }} {{ . }}{{ end }}";

/// ` node-1:10061, node-2:10061`: of each that the query, of the job and the Swarm, gives, this label.
fn each(query: &str, label: &str) -> String {
    let query = query.replace('"', "\\\"");
    format!(
        r#"{{{{ range $n, $one := query (printf "topk({MOST}, count by ({label}) ({query}))" $labels.job $labels.swarm) | sortByLabel "{label}" }}}}{{{{ if $n }}}},{{{{ end }}}} {{{{ $one.Labels.{label} }}}}{{{{ end }}}}"#
    )
}

/// Findings of this Swarm that match.
fn held(matchers: &str) -> String {
    format!("{HELD}{{job=%q,swarm=%q,{matchers}}} == 1")
}

/// A line for each command that is to be run first.
fn commands(code: &str) -> String {
    format!(
        r#"{{{{ range query (printf "topk(3, count by (command) (last_over_time(destination_finding_info{{job=%q,swarm=%q,code=~\"{code}\",command!=\"\"}}[10m])))" $labels.job $labels.swarm) | sortByLabel "command" }}}}
Run first: {{{{ .Labels.command }}}}{{{{ end }}}}"#
    )
}

/// ` 198.51.100.3 (node-3), 198.51.100.4`: nodes that others do not reach, with their names by their own word or by that of
/// the managers.
fn unreached() -> String {
    let name = r#"{{ with query (printf "last_over_time({__name__=~\"destination_swarm_node_(info|ready)\",job=%q,swarm=%q,address=%q}[1d])" $labels.job $labels.swarm $one.Labels.address) }}{{ with (first .).Labels.node }} ({{ . }}){{ end }}{{ end }}"#;
    format!(
        r#"{{{{ range $n, $one := query (printf "topk({MOST}, {UNREACHED}{{job=%q,swarm=%q}})" $labels.job $labels.swarm) | sortByLabel "address" }}}}{{{{ if $n }}}},{{{{ end }}}} {{{{ $one.Labels.address }}}}{name}{{{{ end }}}}"#
    )
}

/// One for a partition: many nodes tell of one, and halves tell of each other. That no Engine answers on a node has an alert
/// of its own, where its exporter is heard.
fn partitioned() -> Alert {
    let code = format!("code=~\"{PARTED}\"");
    let quorum = r#"{{ with query (printf "max(destination_swarm_control{job=%q,swarm=%q})" $labels.job $labels.swarm) }}{{ if eq (first . | value) 0.0 }}
No manager that is heard has a quorum: nothing is started or moved either.{{ end }}{{ end }}"#;
    Alert {
        hold: "30s",
        keep: "5m",
        summary: format!("{SWARM}: {{{{ $value }}}} of its nodes not reached by others:{}", unreached()),
        description: format!(
            "Containers on different nodes do not reach each other. Users are hit now.\nNot reached:{}\nTold by:{}\nSeen on:{}\nFound:{}{quorum}{}",
            unreached(),
            each(&held(&code), "instance"),
            each(&held(&code), "destination"),
            each(&held(&code), "code"),
            commands(PARTED),
        ),
        ..alert(
            "DestinationSwarmPartitioned",
            Severity::Critical,
            About::Swarm,
            format!(
                "count by (job, swarm) (\n  {UNREACHED}\n    unless on (job, swarm, address)\n  (\n    destination_swarm_node_info\n      and on (job, instance)\n    min_over_time(destination_exporter_docker_up[3m]) == 0\n  )\n)"
            ),
        )
    }
}

/// Every manager without a quorum tells of it. A manager that is cut off has none: that is told already.
fn no_quorum() -> Alert {
    let found = format!("code=\"{NO_QUORUM}\",severity=\"page\"");
    Alert {
        hold: "2m",
        keep: "5m",
        summary: format!("{SWARM}: {{{{ $value }}}} of its managers cannot decide"),
        description: format!(
            "What runs goes on, and nothing is started, moved or mended{{{{ with query (printf \"count(destination_swarm_control{{job=%q,swarm=%q}} == 1)\" $labels.job $labels.swarm) }}}} by these; {{{{ first . | value }}}} other managers decide{{{{ end }}}}.\nTold by:{}{}",
            each(&held(&found), "instance"),
            commands(NO_QUORUM),
        ),
        ..alert(
            "DestinationSwarmNoQuorum",
            Severity::Critical,
            About::Swarm,
            format!("count by (job, swarm) ({HELD}{{{found}}} == 1)\n  unless on (job, swarm)\n{UNREACHED}"),
        )
    }
}

/// Findings of one severity, each once.
fn counted(matchers: &str) -> String {
    format!(
        "count by (job, swarm, destination, code, subject, subject_kind) (\n  {HELD}{{{matchers}}} == 1\n)"
    )
}

/// ` A service's tasks are refused.`, and the command of whoever has one.
fn of_finding(label: &str, otherwise: &str) -> String {
    format!(
        r#"{{{{ with query (printf "count by ({label}) (last_over_time(destination_finding_info{{job=%q,swarm=%q,destination=%q,code=%q,subject=%q,{label}!=\"\"}}[10m]))" $labels.job $labels.swarm $labels.destination $labels.code $labels.subject) | sortByLabel "{label}" }}}}{{{{ with (first .).Labels.{label} }}}}{otherwise}{{{{ end }}}}{{{{ end }}}}"#
    )
}

/// Both severities of what is told by several, and parts nobody.
fn told(name: &'static str, severity: Severity, hit: &str, expr: String) -> Alert {
    let place = "{{ with $labels.destination }} on {{ . }}{{ end }}";
    let nodes = r#"{{ range $n, $one := query (printf "topk(8, count by (instance) (instance:destination_finding:held{job=%q,swarm=%q,destination=%q,code=%q,subject=%q} == 1))" $labels.job $labels.swarm $labels.destination $labels.code $labels.subject) | sortByLabel "instance" }}{{ if $n }},{{ end }} {{ $one.Labels.instance }}{{ end }}"#;
    Alert {
        summary: format!("{{{{ $labels.code }}}}: {{{{ $labels.subject }}}}{place}"),
        description: format!(
            "{{{{ $labels.subject_kind }}}} {{{{ $labels.subject }}}}{place}:{} {hit}{}\nTold by:{nodes}",
            of_finding("title", " {{ . }}."),
            of_finding("command", "\nRun first: {{ . }}"),
        ),
        ..alert(name, severity, About::SwarmFinding, expr)
    }
}

fn fault() -> Alert {
    let others = format!("severity=\"page\",{},code!~\"{PARTED}|{NO_QUORUM}\"", selector(Scope::Swarm));
    Alert {
        hold: "1m",
        keep: "5m",
        ..told("DestinationSwarmFault", Severity::Critical, "Users are hit now.", counted(&others))
    }
}

/// That one manager fewer is there is no second fault where a node is cut off.
fn defect() -> Alert {
    let others = format!("severity=\"ticket\",{},code!~\"{PARTED}\"", selector(Scope::Swarm));
    told(
        "DestinationSwarmDefect",
        Severity::Warning,
        "Users will be hit, or a part of them is.",
        format!(
            "{}\n  unless on (job, swarm, code)\nlabel_replace({UNREACHED}, \"code\", \"{NO_QUORUM}\", \"\", \"\")",
            counted(&others)
        ),
    )
}

/// `metric` of the managers, whatever becomes of some scrapes.
fn managers_say(by: &str, matchers: &str) -> String {
    format!("max by (job, swarm, {by}) (last_over_time(destination_swarm_node_ready{{{matchers}}}[5m]))")
}

/// A node that is meant to be away is drained first.
fn not_ready() -> Alert {
    Alert {
        // What was drained meanwhile is remembered for five minutes.
        hold: "10m",
        summary: "Node {{ $labels.node }} ({{ $labels.address }}) is not ready".to_owned(),
        description: "The managers hear nothing of {{ $labels.role }} {{ $labels.node }} ({{ $labels.address }}). Its tasks are started on other nodes where they may be; what is bound to it is away.\nLook first, there: systemctl status docker; journalctl -u docker --since -15min\nOn a manager: docker node inspect --pretty {{ $labels.node }}\nWhere it is meant to be away: docker node update --availability drain {{ $labels.node }}".to_owned(),
        ..alert(
            "DestinationSwarmNodeNotReady",
            Severity::Warning,
            About::Swarm,
            format!(
                "{} == 0\n  unless on (job, swarm, address)\n{UNREACHED}",
                managers_say("node, address, role", "availability!=\"drain\"")
            ),
        )
    }
}

/// The managers know of it, and no exporter there is scraped.
fn unwatched() -> Alert {
    Alert {
        hold: "15m",
        summary: "Node {{ $labels.node }} ({{ $labels.address }}) is not watched".to_owned(),
        description: "The managers say that {{ $labels.node }} ({{ $labels.address }}) is ready, and within the last hour no exporter there was scraped: what is wrong on it, or on the way from it, is not noticed.\nOn a manager: docker node ps {{ $labels.node }}\nThere: docker ps -a --filter name=destination-exporter; curl -sS localhost:10061/-/healthy\nWhere it runs: is it a target of Prometheus, on its page /targets?".to_owned(),
        ..alert(
            "DestinationSwarmNodeUnwatched",
            Severity::Warning,
            About::Swarm,
            format!(
                "{} == 1\n  unless on (job, swarm, address)\nlast_over_time(destination_swarm_node_info[1h])",
                managers_say("node, address", "availability!=\"drain\",address!=\"\"")
            ),
        )
    }
}
