//! From nothing to the first complete report.

use std::time::{Duration, Instant};

use lab::{Error, Result};

use crate::page::Row;
use crate::town::Town;
use crate::{Options, say};

const GOAL: Duration = Duration::from_secs(2);
const STARTS: usize = 5;

pub fn measure(town: &Town, options: &Options) -> Result<Row> {
    say("cold start to the first complete report");
    let mut took = Vec::new();
    for _ in 0..STARTS {
        let mut check = town.lab.on_host(&options.exporter.display().to_string());
        check.args(["check", "--format", "json", "--docker.host", "unix:///run/docker.sock"]);
        check.env_remove("DOCKER_HOST");
        let began = Instant::now();
        let report = lab::run(&mut check)?;
        took.push(began.elapsed());
        if report.matches("\"success\"").count() < town.containers.len() * 5 {
            return Err(Error::new(format!("not a complete report:\n{report}")));
        }
    }
    took.sort_unstable();
    let (median, worst) =
        (took.get(STARTS / 2).copied().unwrap_or_default(), took.last().copied().unwrap_or_default());
    Ok(Row {
        work: format!("cold start to the first complete report, {} containers", town.containers.len()),
        goal: "≤ 2 s".to_owned(),
        figure: format!(
            "**{:.2} s** (worst of {STARTS}; median {:.2} s)",
            worst.as_secs_f64(),
            median.as_secs_f64()
        ),
        holds: worst <= GOAL,
    })
}
