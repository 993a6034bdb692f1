//! `topology`: one full round, then the map.

use std::io::Write as _;
use std::process::ExitCode;

use crate::cli::{Flags, MapFormat};
use crate::config::{Config, Drift};
use crate::strangers::printable;
use crate::topology::{self, Topology};

use super::COULD_NOT;
use super::round::{round, say};

/// Runs one round and prints who is where, how they are, and who talks to whom.
pub async fn run(
    config: Config,
    flags: &Flags,
    tls: bool,
    destinations: &[String],
    format: MapFormat,
) -> ExitCode {
    // What was approved is no part of the map.
    let config = Config { drift: Drift::default(), ..config };
    let mapped = match round(config, flags, tls).await {
        Ok((verdict, complete)) => {
            draw(topology::build(&verdict), destinations, format).map(|map| (map, complete))
        }
        Err(why) => Err(why),
    };
    match mapped {
        Ok((map, whole)) => {
            // A closed pipe (`| head`) is the reader's choice.
            std::io::stdout().lock().write_all(map.as_bytes()).ok();
            if whole { ExitCode::SUCCESS } else { ExitCode::from(COULD_NOT) }
        }
        Err(why) => {
            say(&format!("destination-exporter: {why}\n"));
            ExitCode::from(COULD_NOT)
        }
    }
}

fn draw(mut map: Topology, destinations: &[String], format: MapFormat) -> Result<String, String> {
    let known: Vec<String> = map.destinations.iter().map(|of| printable(&of.display_name)).collect();
    map.narrow(destinations)
        .map_err(|unknown| format!("no destination {unknown:?}; there are: {}", known.join(", ")))?;
    match format {
        MapFormat::Json => serde_json::to_string_pretty(&map)
            .map(|json| json + "\n")
            .map_err(|error| format!("writing the map: {error}")),
        MapFormat::Mermaid => Ok(topology::mermaid(&map)),
        MapFormat::Dot => Ok(topology::dot(&map)),
    }
}
