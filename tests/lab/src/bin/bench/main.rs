//! `make bench`: what the exporter costs and how right it is, against its goals and against `blackbox_exporter`.
//!
//! Everything runs in labs of its own, one after the other, and every figure is of this one run: what is compared
//! was measured side by side. The table goes to `docs/performance.md`, where the text around it says how each row is
//! measured and what favours whom.
//!
//! What must never happen here: a figure from a run of which probes failed unnoticed, or one side measured on other
//! targets than the other.

mod blackbox;
mod capture;
mod cold;
mod exporter;
mod floor;
mod idle;
mod many;
mod page;
mod pages;
mod planning;
mod process;
mod relay;
mod rivals;
mod routes;
mod rtt;
mod ruling;
mod scrape;
mod series;
mod sites;
mod size;
mod smokeping;
mod steady;
mod street;
mod told;
mod town;
mod traffic;

use std::env;
use std::path::PathBuf;
use std::process::ExitCode;

use lab::{Error, Result};

use page::Row;
use street::Street;
use town::Town;

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let done = match args.split_first() {
        Some((word, rest)) if word == "scrape" => scrape::command(rest),
        Some((word, rest)) if word == "floor" => floor::command(rest),
        Some((word, rest)) if word == "read" => series::command(rest),
        _ => Options::read(args).and_then(|options| bench(&options)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The rows, by the word that asks for one alone.
const ROWS: [&str; 16] = [
    "icmp", "tcp", "dns", "rtt", "cold", "steady", "traffic", "series", "routes", "sites", "many", "ruling",
    "planning", "page", "idle", "size",
];

/// What is measured, and for how long.
#[derive(Default)]
pub struct Options {
    /// The build that the image ships.
    exporter: PathBuf,
    /// The rows to measure; empty: all of them, and the page is written.
    only: Vec<String>,
    /// A tenth of the time, for whoever works on the code.
    quick: bool,
}

impl Options {
    fn read(args: Vec<String>) -> Result<Self> {
        let mut options = Self::default();
        for arg in args {
            match arg.as_str() {
                "--quick" => options.quick = true,
                row if ROWS.contains(&row) => options.only.push(arg),
                _ if !arg.starts_with('-') => {
                    let found = PathBuf::from(&arg).canonicalize();
                    options.exporter = found.map_err(|e| Error::io(&format!("finding {arg}"), e))?;
                }
                _ => return Err(Error::new(format!("unknown argument {arg:?}\n{}", usage()))),
            }
        }
        if options.exporter.as_os_str().is_empty() { Err(Error::new(usage())) } else { Ok(options) }
    }

    fn wants(&self, row: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|wanted| wanted == row)
    }

    /// A program of the project's that was built as the exporter was.
    fn example(&self, name: &str) -> PathBuf {
        self.exporter.with_file_name("examples").join(name)
    }

    fn seconds(&self, full: u64) -> u64 {
        if self.quick { (full / 10).max(5) } else { full }
    }
}

fn usage() -> String {
    format!("usage: bench EXPORTER [--quick] [{}] (make bench calls it)", ROWS.join("] ["))
}

fn bench(options: &Options) -> Result<()> {
    let mut rows = Vec::new();
    let mut machine = page::Machine::here()?;
    if ["icmp", "tcp", "dns", "rtt", "cold"].iter().any(|row| options.wants(row)) {
        say("a lab with 20 containers on one destination");
        let town = Town::build(1, 20)?;
        machine.engine = town.engine()?;
        for kind in rivals::Kind::ALL {
            if options.wants(kind.label()) {
                rows.extend(rivals::measure(&town, options, kind)?);
            }
        }
        if options.wants("rtt") {
            rows.push(rtt::measure(&town, options)?);
        }
        if options.wants("cold") {
            rows.push(cold::measure(&town, options)?);
        }
    }
    if options.wants("many") {
        rows.push(many::measure(options)?);
    }
    if ["steady", "traffic", "series"].iter().any(|row| options.wants(row)) {
        say("a lab with 100 containers on 10 destinations");
        let town = Town::build(10, 10)?;
        machine.engine = town.engine()?;
        if options.wants("steady") {
            rows.extend(steady::measure(&town, options)?);
        }
        if options.wants("traffic") {
            rows.push(traffic::measure(&town, options)?);
        }
        if options.wants("series") {
            rows.extend(series::measure(&town, options)?);
        }
    }
    if ["routes", "sites"].iter().any(|row| options.wants(row)) {
        say("a lab with a proxy and 200 routes");
        let street = Street::build()?;
        machine.engine = street.town.engine()?;
        if options.wants("routes") {
            rows.extend(routes::measure(&street, options)?);
        }
        if options.wants("sites") {
            rows.extend(sites::measure(&street, options)?);
        }
    }
    if options.wants("ruling") {
        rows.push(ruling::measure(options)?);
    }
    if options.wants("planning") {
        rows.push(planning::measure(options)?);
    }
    if options.wants("page") {
        rows.push(pages::measure(options)?);
    }
    if options.wants("idle") {
        rows.push(idle::measure(options)?);
    }
    if options.wants("size") {
        rows.extend(size::measure(options)?);
    }
    let table = page::table(&machine, &rows);
    println!("\n{table}");
    if options.only.is_empty() && !options.quick {
        page::write(&table)?;
        say(&format!("written to {}", page::PATH));
    }
    rows.iter().all(Row::holds).then_some(()).ok_or_else(|| Error::new("a goal is missed"))
}

pub fn say(what: &str) {
    eprintln!("bench: {what}");
}
