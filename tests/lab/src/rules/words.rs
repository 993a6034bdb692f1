//! Pieces of text that alerts share: templates of Prometheus, which ask it for what the alert's labels do not say.

use super::About;
use super::findings::HELD;

/// The finding's series that says what it is; a failed scrape forgets nothing.
fn of_finding(label: &str, otherwise: &str) -> String {
    let series = r#"{{ with printf "destination_finding_info{job=%q,instance=%q,destination=%q,code=%q,subject=%q}" $labels.job $labels.instance $labels.destination $labels.code $labels.subject }}"#;
    format!(
        r#"{series}{{{{ with query (printf "%s or on () last_over_time(%s[10m])" . .) }}}}{{{{ with (first .).Labels.{label} }}}}{otherwise}{{{{ end }}}}{{{{ end }}}}{{{{ end }}}}"#
    )
}

/// ` The proxy is not on the network.`, where the exporter says so.
pub(super) fn title() -> String {
    of_finding("title", " {{ . }}.")
}

/// A line of its own, `Run first: docker start web`, where there is a command.
pub(super) fn first_command() -> String {
    of_finding("command", "\nRun first: {{ . }}")
}

/// The destination, and what a person calls it where that is something else.
pub(super) fn destination() -> &'static str {
    r#"{{ $labels.destination }}{{ with query (printf "last_over_time(destination_info{job=%q,instance=%q,destination=%q}[10m])" $labels.job $labels.instance $labels.destination) }}{{ with (first .).Labels.display_name }}{{ if ne . $labels.destination }} ({{ . }}){{ end }}{{ end }}{{ end }}"#
}

/// Where this exporter is reached, by its own word; for a day after its last.
const BASE: &str = r#"{{ with printf "destination_exporter_info{job=%q,instance=%q}" $labels.job $labels.instance }}{{ with query (printf "%s or on () last_over_time(%s[1d])" . .) }}{{ (first .).Labels.external_url }}{{ else }}http://{{ $labels.instance }}{{ end }}{{ end }}"#;

/// Where any exporter is reached that answers; else the one that this is about, for whoever brings it back.
const ANY_BASE: &str =
    r#"{{ with query "topk(1, destination_exporter_info)" }}{{ (first .).Labels.external_url }}{{ else }}"#;
/// The one that this is about, where it is about one.
const OWN_BASE: &str = r#"{{ with query (or (and $labels.instance (printf "topk(1, last_over_time(destination_exporter_info{instance=%q}[1d]))" $labels.instance)) "topk(1, last_over_time(destination_exporter_info[1d]))") }}{{ (first .).Labels.external_url }}{{ else }}{{ with $labels.instance }}http://{{ . }}{{ end }}{{ end }}"#;

/// A node of the Swarm that answers and tells of this; else one that answers; else the last that did.
fn of_swarm(told: &str) -> String {
    let of = |what: &str| format!("(destination_exporter_info{{%s}} and on (job, instance) {what})");
    let query = format!("{} or on () {}", of("%s"), of("destination_swarm_node_info"));
    format!(
        r#"{{{{ with printf "job=%q,swarm=%q" $labels.job $labels.swarm }}}}{{{{ with query (printf "{query}" . {told} .) | sortByLabel "instance" }}}}{{{{ (first .).Labels.external_url }}}}{{{{ else }}}}{OWN_BASE}{{{{ end }}}}{{{{ end }}}}"#
    )
}

/// In a path a space is no `+`.
const DESTINATION_PATH: &str =
    r#"/diagnostics/{{ $labels.destination | urlquery | reReplaceAll "[+]" "%20" }}"#;

/// What holds on the alert's destination; on the host, where it has none.
const OF_DESTINATION: &str = r#""destination_finding{job=%q,instance=%q,destination=%q}" $labels.job $labels.instance $labels.destination"#;

/// The three links of an alert.
pub(super) fn links(alert: &str, about: About) -> [(&'static str, String); 3] {
    let (base, of_page) = match about {
        About::Silent => (format!("{ANY_BASE}{OWN_BASE}{{{{ end }}}}"), OWN_BASE.to_owned()),
        About::Swarm => [0; 2].map(|_| of_swarm(&format!(r#""{HELD}{{code=~\"swarm-.+\"}}""#))).into(),
        About::SwarmFinding => {
            let told = format!(r#"(printf "{HELD}{{code=%q,subject=%q}}" $labels.code $labels.subject)"#);
            [0; 2].map(|_| of_swarm(&told)).into()
        }
        _ => (BASE.to_owned(), BASE.to_owned()),
    };
    let runbook = match about {
        About::Finding | About::SwarmFinding => "{{ $labels.code }}",
        _ => alert,
    };
    let page = match about {
        About::Finding | About::SwarmFinding => format!(
            r#"{{{{ if $labels.destination }}}}{DESTINATION_PATH}{{{{ else }}}}/diagnostics{{{{ end }}}}#{{{{ printf "%s:%s" $labels.code $labels.subject | reReplaceAll "[^A-Za-z0-9_.-]" "-" }}}}"#
        ),
        About::Destination => DESTINATION_PATH.to_owned(),
        About::Route => {
            format!(
                "{{{{ if $labels.destination }}}}{DESTINATION_PATH}{{{{ else }}}}/diagnostics{{{{ end }}}}"
            )
        }
        About::Host | About::Swarm => "/diagnostics".to_owned(),
        About::Exporter | About::Silent => "/".to_owned(),
    };
    // The board of Grafana; and the series that Prometheus itself draws for whoever has no Grafana.
    let (board, series) = match about {
        About::Finding | About::Destination => ("destination", OF_DESTINATION),
        About::Route => ("routes", OF_DESTINATION),
        About::Host => {
            ("overview", r#""destination_finding{job=%q,instance=%q}" $labels.job $labels.instance"#)
        }
        About::Swarm | About::SwarmFinding => (
            "swarm",
            r#""destination_finding{job=%q,swarm=%q,code=~\"swarm-.+\"}" $labels.job $labels.swarm"#,
        ),
        About::Exporter | About::Silent => {
            ("exporter", r#""up{job=%q}" (or $labels.job "destination-exporter")"#)
        }
    };
    let of_destination = if series == OF_DESTINATION {
        "{{ with $labels.destination }}&var-destination={{ . | urlquery }}{{ end }}"
    } else {
        ""
    };
    // Of a Swarm every node.
    let of_instance = if board == "swarm" { "" } else { "&var-instance={{ $labels.instance | urlquery }}" };
    let dashboard = format!(
        "{{{{ with $externalLabels.grafana_url }}}}{{{{ . }}}}/d/destination-{board}?var-job={{{{ $labels.job | urlquery }}}}{of_instance}{of_destination}{{{{ else }}}}{{{{ $externalURL }}}}{{{{ graphLink (printf {series}) }}}}{{{{ end }}}}"
    );
    [
        ("runbook_url", format!("{base}/runbooks/{runbook}")),
        ("dashboard_url", dashboard),
        ("diagnostics_url", format!("{of_page}{page}")),
    ]
}
