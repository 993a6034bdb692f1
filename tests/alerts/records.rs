//! Cases of what is recorded of attempts, failures and sites: rates, averages and their windows.

use std::fmt::Write as _;

use super::blocks::{Block, file};
use super::mutants::{self, Mutant};
use super::promtool::{run, under_names_of_their_own};

const ATTEMPTS: &str = "destination:destination_probe_attempts:rate5m";
const FAILURES: &str = "destination:destination_probe_failures:rate5m";
const DOWN: &str = "route:destination_route_down:ratio_avg5m";
const RATIO: &str = "destination:destination_probe_failures_per_attempts:ratio_rate";

/// Whether it has cases here.
pub fn knows(record: &str) -> bool {
    [ATTEMPTS, FAILURES].contains(&record)
        || record.starts_with(RATIO)
        || record.starts_with("route:destination_route_down")
}

/// What a record gives of these series at a time, in twentieths: whether a sample at the edge of a window counts differs
/// among versions of Prometheus.
struct Case {
    step: u32,
    series: Vec<(String, String)>,
    at: u32,
    twentieths: u32,
}

fn cases(record: &str) -> Vec<Case> {
    let own = |series: &[(&str, &str)]| {
        series.iter().map(|(name, values)| ((*name).to_owned(), (*values).to_owned())).collect()
    };
    // Nothing for ten minutes, then one a second, and of what is none of its business much more.
    let counter = |series: &[&str]| {
        let values = "0x40 15+15x40";
        let series: Vec<_> = series.iter().map(|name| (*name, values)).collect();
        // Half of the window, and two series.
        vec![Case { step: 15, series: own(&series), at: 750, twentieths: 20 }]
    };
    match record {
        ATTEMPTS => counter(&[
            r#"destination_probe_attempts_total{probe="dns"}"#,
            r#"destination_probe_attempts_total{probe="overlay"}"#,
            r#"destination_probe_attempts_total{probe="node"}"#,
        ]),
        FAILURES => counter(&[
            r#"destination_probe_failures_total{probe="dns",reason="timeout"}"#,
            r#"destination_probe_failures_total{probe="tcp",reason="refused"}"#,
            r#"destination_probe_failures_total{probe="path_mtu",reason="too_big"}"#,
        ]),
        // Of 20 scrapes 10 were half bad.
        DOWN => vec![Case {
            step: 15,
            series: own(&[("destination_route_up", "1x39 0.5x39")]),
            at: 750,
            twentieths: 5,
        }],
        _ => {
            let seconds = |time: &str| {
                let (number, unit) = time.split_at(time.len() - 1);
                let unit = match unit {
                    "m" => 60,
                    "h" => 3600,
                    _ => 86400,
                };
                number.parse::<u32>().map_or(0, |number| number * unit)
            };
            let is_route = record.starts_with("route:");
            let window =
                record.trim_start_matches(RATIO).trim_start_matches("route:destination_route_down:ratio_avg");
            let step = seconds(window) / 40;
            let series = if is_route {
                own(&[(DOWN, "0x80 0.5x80")])
            } else {
                own(&[(ATTEMPTS, "4x160"), (FAILURES, "0x80 2x80")])
            };
            if window == "5m" {
                return vec![
                    Case { step, series, at: step * 100, twentieths: 10 },
                    Case {
                        step,
                        series: own(&[(ATTEMPTS, "0x160"), (FAILURES, "0x160")]),
                        at: step * 100,
                        twentieths: 9999,
                    },
                    Case {
                        step,
                        series: own(&[(ATTEMPTS, "1x160"), (FAILURES, "0.5x160")]),
                        at: step * 100,
                        twentieths: 10,
                    },
                ];
            }
            let mut cases = vec![Case { step, series, at: step * 100, twentieths: 5 }];
            if !is_route {
                let few = own(&[(ATTEMPTS, "0.5x160"), (FAILURES, "0.25x160")]);
                cases.push(Case { step, series: few, at: step * 100, twentieths: 10 });
            }
            cases
        }
    }
}

/// What promtool has against a record as it is; else which changes were tried, and those that nothing notices.
pub fn survivors(block: &Block) -> Result<(Vec<String>, Vec<String>), String> {
    let name = &block.name;
    let cases = cases(name);
    if let Some(said) = run(&file([block]), &render(&cases, &[name])) {
        return Err(format!("{name}:\n{said}"));
    }
    let all: Vec<Mutant> = mutants::of(block);
    let mut blocks = Vec::new();
    for (number, mutant) in all.iter().enumerate() {
        blocks.extend(under_names_of_their_own([block].into_iter(), mutant, &format!("_m{number}")));
    }
    let names: Vec<&String> = blocks.iter().map(|block| &block.name).collect();
    let said = run(&file(&blocks), &render(&cases, &names)).unwrap_or_default();
    let is_noticed = |name: &str| said.contains(&format!("{name}) or vector"));
    let left = all.iter().zip(names).filter(|(_, name)| !is_noticed(name));
    let left = left.map(|(mutant, _)| mutant.what.clone()).collect();
    Ok((all.into_iter().map(|mutant| mutant.what).collect(), left))
}

fn render(cases: &[Case], names: &[&String]) -> String {
    let step = cases.first().map_or(15, |case| case.step);
    let mut text = format!("rule_files: [rules.yml]\nevaluation_interval: {step}s\ntests:\n");
    for Case { step, series, at, twentieths } in cases {
        let _ = writeln!(text, "  - interval: {step}s\n    input_series:");
        for (name, values) in series {
            let _ = writeln!(text, "      - {{series: {name:?}, values: {values:?}}}");
        }
        text.push_str("    promql_expr_test:\n");
        for name in names {
            let _ = writeln!(
                text,
                "      - expr: 'round(20 * {name}) or vector(9999)'\n        eval_time: {at}s"
            );
            let _ = writeln!(text, "        exp_samples: [{{labels: '{{}}', value: {twentieths}}}]");
        }
    }
    text
}
