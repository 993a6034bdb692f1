//! What a small server pays: five containers, nothing happening, as the image ships the exporter.

use std::thread::sleep;
use std::time::{Duration, Instant};

use lab::Result;

use crate::exporter::Exporter;
use crate::page::Row;
use crate::town::Town;
use crate::{Options, say};

const GOAL_MB: f64 = 10.0;
const SCRAPE_INTERVAL: Duration = Duration::from_secs(15);

pub fn measure(options: &Options) -> Result<Row> {
    say("a lab with 5 containers on one destination");
    let town = Town::build(1, 5)?;
    let exporter = Exporter::serve(&town, &options.exporter, "{}\n")?;
    let (window, began) = (Duration::from_secs(options.seconds(90)), Instant::now());
    while began.elapsed() < window {
        sleep(SCRAPE_INTERVAL.min(window.saturating_sub(began.elapsed())));
        exporter.get("/metrics")?;
    }
    let megabytes = |name| exporter.process.status_megabytes(name);
    let (resident, own, file) = (megabytes("VmRSS")?, megabytes("RssAnon")?, megabytes("RssFile")?);
    Ok(Row {
        work: "5 containers on one destination, every default: resident memory of the binary that ships"
            .to_owned(),
        goal: format!("≤ {GOAL_MB} MB"),
        figure: format!("**{resident:.1} MB** (its data {own:.1} MB, of its program file {file:.1} MB)"),
        holds: resident <= GOAL_MB,
    })
}
