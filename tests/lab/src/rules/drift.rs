//! What is otherwise than the operator approved: nobody is hit for it, and nobody may have meant it.

use super::{About, Alert, Group, Rule, RuleFile, Scope, Severity};

pub(super) fn file() -> RuleFile {
    RuleFile {
        name: "drift.rules.yml",
        about: "What is configured otherwise than in the snapshot that was approved. Where none is, these are silent.",
        groups: vec![Group {
            name: "destination-drift",
            interval: "1m",
            rules: [drift(), unread()].into_iter().map(Rule::from).collect(),
        }],
    }
}

fn ticket(name: &'static str, scope: Scope, about: About, expr: &str) -> Alert {
    Alert {
        name,
        severity: Severity::Warning,
        scope,
        labels: Vec::new(),
        expr: expr.to_owned(),
        // Longer than a deployment takes.
        hold: "15m",
        keep: "15m",
        summary: String::new(),
        description: String::new(),
        about,
    }
}

/// One for a server: what was changed there is one change as a rule, and one command shows all of it.
fn drift() -> Alert {
    let number = r#"{{ $value | printf "%.0f" }}"#;
    Alert {
        summary: format!(
            "{{{{ $labels.instance }}}}: {number} {{{{ if eq $value 1.0 }}}}setting is{{{{ else }}}}settings are{{{{ end }}}} otherwise than approved"
        ),
        description: "Otherwise than in the snapshot that was approved:{{ range query (printf \"last_over_time(destination_drift{job=%q,instance=%q}[5m]) > 0\" $labels.job $labels.instance) | sortByLabel \"kind\" | sortByLabel \"destination\" }} {{ .Labels.kind }} {{ with .Labels.destination }}on {{ . }}{{ else }}of the host{{ end }} ({{ . | value | printf \"%.0f\" }}),{{ end }} by kind. The page says which, with the command that shows all of it; /events says since when.\nWhere it was meant: approve what there is, destination-exporter snapshot. Where not: put it right.".to_owned(),
        ..ticket(
            "DestinationDrift",
            Scope::Host,
            About::Host,
            "sum without (destination, kind) (last_over_time(destination_drift[5m])) > 0",
        )
    }
}

/// No drift that nobody could see is none.
fn unread() -> Alert {
    Alert {
        summary: "The exporter on {{ $labels.instance }} cannot read what was approved".to_owned(),
        description: "The file of drift.approved_file is missing or damaged, or of a later version.{{ with query (printf \"time() - last_over_time(destination_drift_baseline_timestamp_seconds{job=%q,instance=%q}[10m])\" $labels.job $labels.instance) }} What was read of it before is in force, {{ first . | value | humanizeDuration }} old, until the exporter is started anew.{{ else }} Nothing is compared.{{ end }}\nSee: destination-exporter --config.check --config.file=FILE".to_owned(),
        ..ticket(
            "DestinationDriftUnknown",
            Scope::Exporter,
            About::Exporter,
            "last_over_time(destination_drift_baseline_readable[5m]) == 0",
        )
    }
}
