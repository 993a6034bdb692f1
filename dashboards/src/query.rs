//! PromQL that several panels ask, and what stands for the chosen job, instance and destination.

/// Puts the variables' matchers in: `<S>` of the chosen exporters, `<D>` of the chosen destinations on them, `<H>` of
/// these and of the host itself, whose destination is empty.
pub fn filled(expr: &str) -> String {
    const EXPORTERS: &str = r#"job=~"$job", instance=~"$instance""#;
    let lines: Vec<&str> = expr.split('\n').map(str::trim).filter(|line| !line.is_empty()).collect();
    lines
        .join(" ")
        .replace("<S>", EXPORTERS)
        .replace("<D>", &format!(r#"{EXPORTERS}, destination=~"$destination""#))
        .replace("<H>", &format!(r#"{EXPORTERS}, destination=~"$destination|""#))
}

/// Puts the label `external_url` beside `job` and `instance`, for links.
pub fn with_url(expr: &str) -> String {
    format!("{expr} * on (job, instance) group_left (external_url) destination_exporter_info{{<S>}}")
}

/// 0 healthy, 1 ticket, 2 unknown, 3 page: of each destination. Unknown are those of an exporter that is not scraped, or whose
/// Engine does not answer; those that are gone in earnest are not there.
pub const STATE: &str = r#"
max by (job, instance, destination) (
  3 * (destination_findings{<D>, severity="page"} > bool 0)
  or (destination_findings{<D>, severity="ticket"} > bool 0)
  or 2 * (last_over_time(destination_present{<D>}[1h]) >= bool 0)
    and on (job, instance) (up{<S>} == 0 or destination_exporter_docker_up{<S>} == 0)
)"#;

/// The same with `external_url`, also of an exporter that is not scraped any more.
pub fn state_with_url() -> String {
    format!(
        "{STATE} * on (job, instance) group_left (external_url) \
         topk by (job, instance) (1, last_over_time(destination_exporter_info{{<S>}}[1h]))"
    )
}

/// The findings that match, one a row, with the labels `diagnosis` and `runbook`: where the page tells of it, and how it is
/// repaired; `title` and `command`, its name and what is run first. A finding's place on the page is its code and its subject, with a dash for whatever is no plain character:
/// up to four of them, one a turn. The value is 3 of a page, 2 of a ticket, 1 of what is for information.
pub fn findings(matchers: &str) -> String {
    let of = |rank: u32, severity: &str| {
        format!(
            "{rank} * max by (job, instance, destination, code, severity, subject) \
             (destination_finding{{<H>, {matchers}severity=\"{severity}\"}} == 1)"
        )
    };
    let found = format!("({} or {} or {})", of(3, "page"), of(2, "ticket"), of(1, "info"));
    let mut expr = with_url(&format!(
        "{found} * on (job, instance, destination, code, severity, subject) group_left (title, command) \
         destination_finding_info{{<H>}}"
    ));
    expr = format!(r#"label_join({expr}, "page", "/diagnostics/", "external_url", "destination")"#);
    expr = format!(r#"label_replace({expr}, "page", "$1", "page", "(.+/diagnostics)/")"#);
    expr = format!(r#"label_join({expr}, "anchor", "-", "code", "subject")"#);
    for _ in 0..4 {
        expr = format!(r#"label_replace({expr}, "anchor", "$1-$2", "anchor", "(.*?)[^A-Za-z0-9_.-](.*)")"#);
    }
    expr = format!(r##"label_join({expr}, "diagnosis", "#", "page", "anchor")"##);
    format!(r#"label_join({expr}, "runbook", "/runbooks/", "external_url", "code")"#)
}

/// A quantile of a histogram with these labels left.
pub fn quantile(q: &str, by: &str, bucket: &str) -> String {
    format!("histogram_quantile({q}, sum by ({by}) (rate({bucket}[$__rate_interval])))")
}

/// The probes that tell of availability, as the rules of alerts/ count them: what gets through between isolated destinations is
/// a matter of security, and what lies outside is nobody's fault here.
pub const AVAILABILITY: &str = r#"probe=~"dns|http|icmp|overlay|proxy|published_port|tcp""#;

/// How much of the probes that match failed in this window.
pub fn error_ratio(by: &str, matchers: &str, window: &str) -> String {
    format!(
        "sum by ({by}) (increase(destination_probe_failures_total{{<D>, {matchers}}}[{window}])) \
         / (sum by ({by}) (increase(destination_probe_attempts_total{{<D>, {matchers}}}[{window}])) > 0)"
    )
}
