//! Sites with TLS, asked by ours and by `blackbox_exporter`.
//!
//! Ours asks each three things: at the https door, at the http door that leads there, and behind the proxy. Its peer
//! is measured twice: with the https doors alone, and with all three.

use std::fmt::Write as _;
use std::thread::sleep;
use std::time::Duration;

use lab::{Error, Result};

use crate::blackbox::Blackbox;
use crate::exporter::Exporter;
use crate::page::Row;
use crate::rivals::Rate;
use crate::street::Street;
use crate::told::{Question, questions, report};
use crate::{Options, say};

/// How many times cheaper ours is to be.
const GOAL: f64 = 5.0;
/// Everything but routes is off.
const OTHERS: [&str; 9] =
    ["icmp", "tcp", "dns", "http", "proxy", "published_port", "isolation", "path_mtu", "hairpin"];

pub fn measure(street: &Street, options: &Options) -> Result<[Row; 2]> {
    say("sites with TLS, every 2 s: destination-exporter");
    let (all, asked) = ours(street, options)?;
    let doors: Vec<Question> = asked.iter().filter(|question| question.is_https()).cloned().collect();
    let share = doors.len() as f64 / asked.len() as f64;
    let https = Rate { probes: all.probes * share, cpu: all.cpu };
    say("their https doors: blackbox_exporter");
    let their_https = theirs(street, options, &doors)?;
    say("all that ours asks of them: blackbox_exporter");
    let their_all = theirs(street, options, &asked)?;
    let row = |work: &str, goal: Option<f64>, ours: Rate, theirs: Rate| {
        let ratio = ours.per_second() / theirs.per_second();
        Row {
            work: format!("{work}, against blackbox_exporter's `http_2xx`"),
            goal: goal.map(|goal| format!("≥ {goal}×")).unwrap_or_default(),
            figure: format!("**{ratio:.1}×**: {:.0} against {:.0}", ours.per_second(), theirs.per_second()),
            holds: goal.is_none_or(|goal| ratio >= goal),
        }
    };
    Ok([
        row(
            "https doors walked per CPU-second, all else that ours asks of a site in its bill",
            Some(GOAL),
            https,
            their_https,
        ),
        row("the same with all of it counted, and asked by both", None, all, their_all),
    ])
}

/// The routes with TLS, every two seconds, and nothing else; and what is asked for each. Each second would leave rounds out
/// on a busy machine, for the proxy and its servers have the same cores.
fn ours(street: &Street, options: &Options) -> Result<(Rate, Vec<Question>)> {
    let mut settings = street.settings();
    settings += "probes:\n  budget_per_second: 100000\n  route: {interval: 2s}\n";
    for other in OTHERS {
        let _ = writeln!(settings, "  {other}: {{enabled: false}}");
    }
    settings += "  overrides:\n  - {destination: \"plain-*\", kind: route, enabled: false}\n";
    let exporter = Exporter::serve(&street.town, &options.exporter, &settings)?;
    sleep(Duration::from_secs(5));
    let asked = questions(&report(&exporter)?, "secure")?;
    let (before, missed, used) = (exporter.count("route")?, overruns(&exporter)?, exporter.process.cpu()?);
    sleep(Duration::from_secs(options.seconds(30)));
    let cpu = exporter.process.cpu()?.since(used);
    let (now, missed) = (exporter.count("route")?, overruns(&exporter)? - missed);
    let (attempts, failures) = (now.attempts - before.attempts, now.failures - before.failures);
    let doors = asked.iter().filter(|question| question.is_https()).count();
    // A round that was left out would have the shares of the three wrong.
    if failures + missed > attempts / 100.0 || doors != street.secure.len() {
        return Err(Error::new(format!(
            "of our {attempts} probes of {doors} https doors {failures} failed, and {missed} were left out"
        )));
    }
    Ok((Rate { probes: attempts - failures, cpu }, asked))
}

fn overruns(exporter: &Exporter<'_>) -> Result<f64> {
    let page = exporter.get("/metrics")?;
    let name = "destination_exporter_probes_unknown_total{reason=\"overrun\"} ";
    let value = page.lines().find_map(|line| line.strip_prefix(name)?.parse().ok());
    value.ok_or_else(|| Error::new(format!("no {name}on the page")))
}

fn theirs(street: &Street, options: &Options, asked: &[Question]) -> Result<Rate> {
    let config = format!(
        "modules:\n  http_2xx: {{prober: http, timeout: 10s, http: {{preferred_ip_protocol: ip4, \
         follow_redirects: false, valid_status_codes: [200, 302], tls_config: {{ca_file: {}}}}}}}\n",
        street.authorities
    );
    // The host name is its header, and the name of the handshake.
    let path = |Question { scheme, address, domain, .. }: &Question| {
        format!("/probe?module=http_2xx&target={scheme}://{address}/&hostname={domain}\n")
    };
    let paths = asked.iter().map(path).collect();
    Blackbox::start_on_host(&street.town, &config, paths)?.measure(options.seconds(10))
}
