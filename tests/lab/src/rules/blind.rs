//! Blindness: nobody looks, or what is looked at is old. Nothing is known to be down then, and nothing to be well.

use super::findings::HELD;
use super::swarm::UNREACHED;
use super::words::destination;
use super::{About, Alert, Group, Rule, RuleFile, Scope, Severity};

/// The job that the scrape configuration of `deploy/` names.
const JOB: &str = r#"job="destination-exporter""#;

pub(super) fn file() -> RuleFile {
    let alerts = [
        engine_silent(),
        down(),
        stale(),
        absent(),
        gone(),
        inventory_old(),
        unknown(),
        uncovered(),
        capability_lost(),
        restarting(),
        scrape_slow(),
        reload_failed(),
        watchdog(),
    ];
    RuleFile {
        name: "exporter.rules.yml",
        about: "Blindness: the exporter, the Engine or Prometheus does not look. What cannot be seen is unknown, not down.\n\
                Some alerts know the exporter by its job: where yours is called otherwise, change destination-exporter here.",
        groups: vec![Group {
            name: "destination-exporter",
            interval: "15s",
            rules: alerts.into_iter().map(Rule::from).collect(),
        }],
    }
}

fn alert(name: &'static str, severity: Severity, expr: impl Into<String>) -> Alert {
    Alert {
        name,
        severity,
        scope: Scope::Exporter,
        labels: Vec::new(),
        expr: expr.into(),
        hold: "10m",
        keep: "5m",
        summary: String::new(),
        description: String::new(),
        about: About::Exporter,
    }
}

fn engine_silent() -> Alert {
    let up = "destination_exporter_docker_up";
    Alert {
        hold: "30s",
        summary: "The Docker Engine on {{ $labels.instance }} does not answer".to_owned(),
        description:
            "The Engine has not answered the exporter{{ with query (printf \"time() - last_over_time(destination_exporter_inventory_last_success_timestamp_seconds{job=%q,instance=%q}[10m])\" $labels.job $labels.instance) }} for {{ first . | value | humanizeDuration }}{{ else }} since that was started{{ end }}. Sites may still be served, but names do not resolve inside containers, nothing can be deployed, and what the exporter shows is old.\nLook first: docker version; systemctl status docker; journalctl -u docker --since -15min\nWhere it answers you, the exporter's way to it is broken: the socket, its group or the socket proxy.\nWhere it does not run, or still hangs after some minutes: systemctl restart docker. Without live-restore that ends every container and starts it anew."
                .to_owned(),
        about: About::Host,
        ..alert(
            "DestinationEngineSilent",
            Severity::Critical,
            format!("{up} == 0\n  or\n(last_over_time({up}[5m]) == 0 and on (job, instance) up == 0)"),
        )
    }
}

fn down() -> Alert {
    Alert {
        hold: "3m",
        summary: "The exporter on {{ $labels.instance }} does not answer: its server is not watched"
            .to_owned(),
        description: format!(
            "Prometheus has scraped nothing of {{{{ $labels.instance }}}} for 3 minutes. Nothing is known to be down there, and nothing would be noticed.{{{{ with query (printf \"count({HELD}{{job=%q,instance=%q,severity=\\\"page\\\"}})\" $labels.job $labels.instance) }}}} Findings of severity page when it was last heard of: {{{{ first . | value }}}}.{{{{ end }}}}\nOn the server: systemctl status destination-exporter ; docker ps -a --filter name=destination-exporter ; curl -sS localhost:10061/-/healthy"
        ),
        about: About::Silent,
        ..alert(
            "DestinationExporterDown",
            Severity::Critical,
            // Of a node that is cut off its Swarm tells already.
            format!(
                "up{{{JOB}}} == 0\n  unless on (job, instance)\n(\n  last_over_time(destination_swarm_node_info[1d])\n    and on (job, swarm, address)\n  {UNREACHED}\n)"
            ),
        )
    }
}

fn stale() -> Alert {
    let [done, interval] = ["round_last_completed_timestamp", "round_interval"]
        .map(|what| format!("last_over_time(destination_exporter_{what}_seconds[2m])"));
    let never = "(\n  time() - process_start_time_seconds > 600\n    and on (job, instance)\n  destination_exporter_docker_up == 1\n    unless on (job, instance)\n  destination_exporter_round_last_completed_timestamp_seconds\n)";
    Alert {
        hold: "1m",
        summary: "The exporter on {{ $labels.instance }} has stopped looking".to_owned(),
        description: "The last round of probes ended {{ $value | humanizeDuration }} ago (of an exporter that never had one: it was started so long ago). What is shown is old, and nothing new would be noticed.\nSee: curl -sS localhost:10061/-/ready ; docker logs --tail 50 destination-exporter\nRepair: docker restart destination-exporter".to_owned(),
        ..alert(
            "DestinationProbesStale",
            Severity::Critical,
            format!("(time() - {done} > 3 * {interval} + 120)\n  or\n{never}"),
        )
    }
}

fn absent() -> Alert {
    Alert {
        keep: "",
        summary: "Prometheus knows no destination-exporter".to_owned(),
        description: "No target of the job destination-exporter for 10 minutes: it was renamed, or the targets are not found any more. Nothing is watched.{{ with query \"count(max_over_time(up{job=\\\"destination-exporter\\\"}[1d]))\" }} {{ first . | value }} were scraped within the last day.{{ end }}\nSee: promtool check config /etc/prometheus/prometheus.yml ; Prometheus' page /targets".to_owned(),
        about: About::Silent,
        ..alert("DestinationExporterAbsent", Severity::Critical, format!("absent(up{{{JOB}}})"))
    }
}

fn gone() -> Alert {
    Alert {
        summary: "The exporter on {{ $labels.instance }} is not scraped any more".to_owned(),
        description: "{{ $labels.instance }} was a target 1 hour ago and is none now: taken out of service, or lost by service discovery. This ends by itself 1 hour after it began: silence it where that was meant.".to_owned(),
        about: About::Silent,
        ..alert(
            "DestinationExporterGone",
            Severity::Warning,
            format!("up{{{JOB}}} offset 1h >= 0\n  unless on (job, instance)\nup{{{JOB}}}"),
        )
    }
}

fn inventory_old() -> Alert {
    Alert {
        hold: "5m",
        summary: "What the exporter on {{ $labels.instance }} knows of the Engine is old".to_owned(),
        description: "The Engine answers, and its last complete listing is {{ $value | humanizeDuration }} old: containers and networks that came since are not watched.{{ range query (printf \"sum by (endpoint, reason) (increase(destination_exporter_docker_request_failures_total{job=%q,instance=%q}[15m])) > 0\" $labels.job $labels.instance) }} Failed: {{ .Labels.endpoint }} {{ .Labels.reason }} ({{ . | value | printf \"%.0f\" }} in 15 minutes).{{ end }}".to_owned(),
        ..alert(
            "DestinationInventoryOld",
            Severity::Warning,
            "time() - last_over_time(destination_exporter_inventory_last_success_timestamp_seconds[2m]) > 600\n  and on (job, instance)\nlast_over_time(destination_exporter_docker_up[2m]) == 1",
        )
    }
}

fn unknown() -> Alert {
    let blind = "sum without (reason) (rate(destination_exporter_probes_unknown_total[15m]))";
    let looked = "sum without (destination, probe) (rate(destination_probe_attempts_total[15m]))";
    Alert {
        hold: "15m",
        summary: "{{ $value | humanizePercentage }} of the probes on {{ $labels.instance }} cannot look".to_owned(),
        description: "{{ $value | humanizePercentage }} of the runs of the last 15 minutes ended in unknown: what they look at is neither up nor down. Reasons:{{ range query (printf \"topk(5, sum by (reason) (rate(destination_exporter_probes_unknown_total{job=%q,instance=%q}[15m])) > 0)\" $labels.job $labels.instance) }} {{ .Labels.reason }} ({{ . | value | printf \"%.2f\" }}/s){{ end }}.".to_owned(),
        ..alert(
            "DestinationProbesUnknown",
            Severity::Warning,
            format!(
                "(\n  {blind}\n    /\n  ({blind} + {looked} > 0)\n) > 0.1\n  unless on (job, instance)\n{HELD}{{code=\"exporter-blind\"}} == 1"
            ),
        )
    }
}

/// Containers come and go: who never was looked at for long is told of, not who was not for a moment.
fn uncovered() -> Alert {
    Alert {
        scope: Scope::Destination,
        hold: "20m",
        keep: "15m",
        summary: format!(
            "{}: {{{{ $value | humanizePercentage }}}} of what runs on it is looked at",
            destination()
        ),
        description: format!(
            "On {} no more than {{{{ $value | humanizePercentage }}}} of the containers that another one ought to look at were looked at in time{{{{ with query (printf \"last_over_time(destination_probes_cover_seconds{{job=%q,instance=%q,destination=%q}}[10m])\" $labels.job $labels.instance $labels.destination) }}}} ({{{{ first . | value | humanizeDuration }}}}){{{{ end }}}}: the others may be well or not. Probes that cannot look:{{{{ range query (printf \"topk(5, sum by (reason) (rate(destination_exporter_probes_unknown_total{{job=%q,instance=%q}}[15m])) > 0)\" $labels.job $labels.instance) }}}} {{{{ .Labels.reason }}}} ({{{{ . | value | printf \"%.2f\" }}}}/s){{{{ else }}}} none{{{{ end }}}}.",
            destination()
        ),
        about: About::Destination,
        ..alert(
            "DestinationProbesUncovered",
            Severity::Warning,
            format!(
                "max_over_time(destination_probes_covered_ratio[10m]) < 1\n  unless on (job, instance)\n{HELD}{{code=\"exporter-blind\"}} == 1"
            ),
        )
    }
}

fn capability_lost() -> Alert {
    Alert {
        summary: "The exporter on {{ $labels.instance }} has lost {{ $labels.capability }}".to_owned(),
        description: "It could do this within the last day, and cannot now: what needs {{ $labels.capability }} is unknown. {{ with query (printf \"count(last_over_time(destination_exporter_capability{job=%q,instance=%q}[5m]) == 0)\" $labels.job $labels.instance) }}{{ first . | value }} capabilities are missing in all. {{ end }}Was it started anew in another way? This ends by itself after a day.".to_owned(),
        ..alert(
            "DestinationCapabilityLost",
            Severity::Warning,
            format!(
                "last_over_time(destination_exporter_capability{{capability!=\"docker_api\"}}[5m]) == 0\n  and\nmax_over_time(destination_exporter_capability[1d]) == 1\n  unless on (job, instance, capability)\nlabel_replace({HELD}{{code=\"exporter-blind\"}} == 1, \"capability\", \"$1\", \"subject\", \"(.*)\")"
            ),
        )
    }
}

fn restarting() -> Alert {
    Alert {
        hold: "",
        keep: "15m",
        summary: "The exporter on {{ $labels.instance }} starts again and again".to_owned(),
        description: "It was started {{ $value }} times within 30 minutes: out of memory, or ended by somebody. Resident memory when it was last seen:{{ with query (printf \"last_over_time(process_resident_memory_bytes{job=%q,instance=%q}[30m])\" $labels.job $labels.instance) }} {{ first . | value | humanize1024 }}B{{ end }}.\nSee: docker inspect -f '{{ \"{{\" }}.State.OOMKilled}} {{ \"{{\" }}.State.ExitCode}}' destination-exporter".to_owned(),
        ..alert(
            "DestinationExporterRestarting",
            Severity::Warning,
            format!("changes(process_start_time_seconds{{{JOB}}}[30m]) > 3"),
        )
    }
}

fn scrape_slow() -> Alert {
    Alert {
        summary: "The metrics of {{ $labels.instance }} take {{ $value | humanizeDuration }}".to_owned(),
        description: "Prometheus waits {{ $value | humanizeDuration }} for a page that takes milliseconds; at scrape_timeout, 10 seconds where nobody set it, there is none. The server is busy, or the way to it is slow.{{ with query (printf \"last_over_time(scrape_samples_scraped{job=%q,instance=%q}[5m])\" $labels.job $labels.instance) }} The page has {{ first . | value | printf \"%.0f\" }} series.{{ end }}".to_owned(),
        ..alert(
            "DestinationScrapeSlow",
            Severity::Warning,
            format!("avg_over_time(scrape_duration_seconds{{{JOB}}}[5m]) > 5"),
        )
    }
}

fn reload_failed() -> Alert {
    Alert {
        hold: "5m",
        summary: "The exporter on {{ $labels.instance }} runs with an old configuration".to_owned(),
        description: "Its configuration was changed and could not be loaded; the one before stays in force{{ with query (printf \"time() - last_over_time(destination_exporter_config_last_reload_success_timestamp_seconds{job=%q,instance=%q}[10m])\" $labels.job $labels.instance) }}, {{ first . | value | humanizeDuration }} old{{ end }}. It does not start with the new one either.\nSee: destination-exporter --config.check --config.file=FILE".to_owned(),
        ..alert(
            "DestinationConfigReloadFailed",
            Severity::Warning,
            "last_over_time(destination_exporter_config_last_reload_successful[5m]) == 0",
        )
    }
}

fn watchdog() -> Alert {
    Alert {
        hold: "",
        keep: "",
        summary: "Prometheus evaluates the rules of destination-exporter".to_owned(),
        description: "Always firing, for a dead man's switch: when it does not arrive any more, no other alert does either.{{ with query \"count(up{job=\\\"destination-exporter\\\"} == 1)\" }} {{ first . | value }} exporters answer.{{ end }}".to_owned(),
        about: About::Silent,
        ..alert("DestinationWatchdog", Severity::None, "vector(1)")
    }
}
