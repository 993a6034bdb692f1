//! `/metrics` where there are ten thousand series: how long a scrape takes, what it leaves in memory, and that the
//! Engine hears nothing of it.

use std::io::Write as _;
use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

use lab::{Error, Result};

use crate::exporter::{ADDRESS, Exporter};
use crate::page::Row;
use crate::relay::Relay;
use crate::town::Town;
use crate::{Options, say, scrape};

const SERIES: usize = 10_000;
const TIME_GOAL: Duration = Duration::from_millis(20);
const MEMORY_GOAL_MB: f64 = 10.0;
/// A page lasts a second: every scrape is of another one.
const APART: Duration = Duration::from_millis(1010);
/// No listing in its own time, so that signs of life are all that the Engine is asked for.
const CONFIG: &str = "docker: {refresh_interval: 1h}\n";

pub fn measure(town: &Town, options: &Options) -> Result<Vec<Row>> {
    say("all of them on two destinations more, for ten thousand series");
    for more in 0..2 {
        town.join(&format!("more-{more}"), &format!("10.79.{more}.0/24"))?;
    }
    let relay = Relay::start(town)?;
    let exporter = Exporter::serve_of(town, &options.exporter, CONFIG, &relay.socket)?;
    // Until every kind has had its turns.
    sleep(Duration::from_secs(options.seconds(40)));
    let window = Duration::from_secs(options.seconds(30));
    let quiet = said_in(&relay, || {
        sleep(window);
        Ok(())
    })?;
    let before = exporter.process.status_megabytes("VmRSS")?;
    let count = options.seconds(100);
    let mut took = Vec::new();
    let scraped = said_in(&relay, || {
        took = scrapes(town, count)?;
        Ok(())
    })?;
    let after = exporter.process.status_megabytes("VmRSS")?;
    let page = exporter.get("/metrics")?;
    let series = page.lines().filter(|line| !line.starts_with('#')).count();
    if series < SERIES {
        return Err(Error::new(format!("only {series} series")));
    }
    took.sort_unstable();
    let at = |percent: usize| {
        took.get((took.len() * percent).div_ceil(100).max(1) - 1).copied().unwrap_or_default()
    };
    let milliseconds = |took: Duration| took.as_secs_f64() * 1e3;
    let (median, p99) = (at(50), at(99));
    Ok(vec![
        Row {
            work: format!("`/metrics` with {series} series, as Prometheus asks for it: p99 of a scrape"),
            goal: format!("≤ {} ms", TIME_GOAL.as_millis()),
            figure: format!(
                "**{:.1} ms** (median {:.1} ms, {count} scrapes, each of a new page of {:.1} MB)",
                milliseconds(p99),
                milliseconds(median),
                page.len() as f64 / 1e6
            ),
            holds: p99 <= TIME_GOAL,
        },
        Row {
            work: "the same: resident memory after these scrapes, more than before the first".to_owned(),
            goal: format!("≤ {MEMORY_GOAL_MB} MB"),
            figure: format!("**{:+.1} MB** ({before:.1} MB before, {after:.1} MB after)", after - before),
            holds: after - before <= MEMORY_GOAL_MB,
        },
        Row {
            work: "the same: requests to the Engine, counted at its socket".to_owned(),
            goal: "none for a scrape".to_owned(),
            figure: format!(
                "**{:.0} a minute** while scraped every second, {:.0} a minute while not (signs of life)",
                scraped.a_minute(),
                quiet.a_minute()
            ),
            // A sign of life more or less falls into either window.
            holds: scraped.times <= quiet.a_minute() * scraped.seconds / 60.0 + 2.0,
        },
    ])
}

/// How often something was said to the Engine, and in what time.
#[derive(Clone, Copy, Debug)]
struct Said {
    times: f64,
    seconds: f64,
}

impl Said {
    fn a_minute(self) -> f64 {
        self.times * 60.0 / self.seconds
    }
}

fn said_in(relay: &Relay, work: impl FnOnce() -> Result<()>) -> Result<Said> {
    let (before, began) = (relay.said(), Instant::now());
    work()?;
    Ok(Said { times: (relay.said() - before) as f64, seconds: began.elapsed().as_secs_f64() })
}

fn scrapes(town: &Town, count: u64) -> Result<Vec<Duration>> {
    let own = std::env::current_exe().map_err(|e| Error::io("finding the bench's own binary", e))?;
    let mut command = town.lab.on_host(&own.display().to_string());
    let said = lab::run(command.args(["read", ADDRESS, &count.to_string()]).stdin(Stdio::null()))?;
    let took: Vec<Duration> =
        said.split_whitespace().filter_map(|nanos| nanos.parse().ok().map(Duration::from_nanos)).collect();
    if took.len() as u64 == count { Ok(took) } else { Err(Error::new(format!("the reader said {said:?}"))) }
}

/// `bench read ADDRESS COUNT`, on the lab's host: scrapes as Prometheus does, packed and over a connection that stays
/// open; prints how many nanoseconds each scrape took, from asking to the last byte.
pub fn command(args: &[String]) -> Result<()> {
    let [address, count] = args else { return Err(Error::new("bench read ADDRESS COUNT")) };
    let count: u64 = count.parse().map_err(|_| Error::new("COUNT is a number"))?;
    let read = || -> std::io::Result<()> {
        let mut connection = scrape::connect(address)?;
        for _ in 0..count {
            sleep(APART);
            let began = Instant::now();
            let ask = "GET /metrics HTTP/1.1\r\nHost: bench\r\nAccept-Encoding: gzip\r\n\r\n";
            connection.get_mut().write_all(ask.as_bytes())?;
            let page = scrape::answer(&mut connection)?;
            println!("{}", began.elapsed().as_nanos());
            if !page.starts_with(&[0x1f, 0x8b]) {
                return Err(std::io::Error::other("the page is not packed"));
            }
        }
        Ok(())
    };
    read().map_err(|e| Error::io("scraping", e))
}
