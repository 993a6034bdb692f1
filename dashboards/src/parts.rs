//! Panels that stand on several dashboards, and where their clicks lead.

use crate::panel::Panel;
use crate::query::{findings, state_with_url};
use crate::words::{SEVERITY, STATE};

/// Whether a proxy is where it is needed: 0 it is, 1 it is not and nothing is served there, 2 it is not and sites are.
pub const ATTACHED: &str = r#"
max by (job, instance, destination, proxy) (
  (1 - destination_proxy_attached{<D>})
    * on (job, instance, destination) group_left ()
      (1 + (count by (job, instance, destination) (destination_route_up{<D>}) > bool 0))
  or (1 - destination_proxy_attached{<D>})
)"#;

/// To the report of the destination of a series.
pub const DIAGNOSIS: &str = "${__field.labels.external_url}/diagnostics/${__field.labels.destination}";

/// To another dashboard, with the destination of a series chosen there.
pub fn details(dashboard: &str) -> String {
    format!(
        "/d/destination-{dashboard}?var-datasource=${{datasource}}&var-job=${{__field.labels.job}}\
         &var-instance=${{__field.labels.instance}}&var-destination=${{__field.labels.destination}}&${{__url_time_range}}"
    )
}

/// The same of a table's row.
pub fn row_details(dashboard: &str) -> String {
    details(dashboard).replace("__field.labels", "__data.fields")
}

/// One tile a destination.
pub fn states() -> Panel {
    Panel::stat(
        "Destinations now",
        "HEALTHY: no finding above info. TICKET: it will hurt, or hurts a part. PAGE: users are hit now. UNKNOWN: the exporter is
         not scraped, or the Engine does not answer it; that is not down. A click opens the report.",
    )
    .ask(&state_with_url(), "{{destination}}")
    .words(STATE)
    .none("no destination is known")
    .named()
    .link("Diagnosis", DIAGNOSIS)
    .link("Destination in detail", &details("destination"))
}

/// What is wrong and why, of the findings that match.
pub fn what_is_wrong(title: &str, matchers: &str, none: &str) -> Panel {
    const COLUMNS: &[(&str, &str)] = &[
        ("Value", "Severity"),
        ("title", "What"),
        ("subject", "Of"),
        ("destination", "Destination"),
        ("command", "First command"),
        ("diagnosis", "Diagnosis"),
        ("runbook", "Runbook"),
        ("code", "Code"),
        ("instance", "Instance"),
    ];
    let description = "Each fault once, by its cause; what fails because of it is not listed again. Diagnosis opens the evidence and the
         repairing commands, Runbook how to tell it from its neighbours, the destination its own dashboard.";
    findings_table(title, description, matchers, none, COLUMNS).column_width("Destination", 120).column_link(
        "Destination",
        "Destination in detail",
        &row_details("destination"),
    )
}

/// The same of what belongs to no destination.
pub fn what_is_wrong_with_the_host(title: &str, matchers: &str, none: &str) -> Panel {
    const COLUMNS: &[(&str, &str)] = &[
        ("Value", "Severity"),
        ("title", "What"),
        ("subject", "Of"),
        ("command", "First command"),
        ("diagnosis", "Diagnosis"),
        ("runbook", "Runbook"),
        ("code", "Code"),
        ("instance", "Instance"),
    ];
    let description = "Each fault once, by its cause. Diagnosis opens the evidence and the repairing commands, Runbook how to tell it from
         its neighbours.";
    findings_table(title, description, matchers, none, COLUMNS)
}

fn findings_table(
    title: &str,
    description: &str,
    matchers: &str,
    none: &str,
    columns: &[(&str, &str)],
) -> Panel {
    Panel::table(title, description)
        .ask(&findings(matchers), "")
        .none(none)
        .columns(columns, &["Time", "anchor", "external_url", "job", "page", "severity"])
        .column_words("Severity", SEVERITY)
        .column_width("Severity", 110)
        .filterable()
        .column_wrapped("What", 270)
        .column_wrapped("First command", 420)
        .column_wrapped("Of", 150)
        .column_wrapped("Code", 170)
        .column_width("Instance", 110)
        .column_door("Diagnosis", "diagnose")
        .column_door("Runbook", "repair")
        .sorted("Severity", true)
}
