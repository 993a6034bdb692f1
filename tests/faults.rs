//! Faults on a real Engine: each is one finding, with its reason, and goes without a trace when it is
//! repaired. The exporter has every default, but where a file says otherwise.

#[path = "faults/addresses.rs"]
mod addresses;
#[path = "faults/containers.rs"]
mod containers;
#[path = "faults/engine.rs"]
mod engine;
#[path = "faults/firewall.rs"]
mod firewall;
#[path = "faults/host.rs"]
mod host;
#[path = "faults/names.rs"]
mod names;
#[path = "faults/networks.rs"]
mod networks;
#[path = "faults/outside.rs"]
mod outside;
#[path = "faults/path.rs"]
mod path;
#[path = "faults/pools.rs"]
mod pools;
#[path = "faults/ports.rs"]
mod ports;
#[path = "faults/resolv_conf.rs"]
mod resolv_conf;
#[path = "faults/town.rs"]
mod town;

use std::time::Duration;

/// What an Engine's event tells is found within this time.
const EVENT: Duration = Duration::from_secs(1);

/// Between two looks at what lies outside. By default it is longer, or the tests take minutes; whoever measures wants every
/// default.
fn often() -> Duration {
    if std::env::var_os("FAULTS").is_some() { lab::watched::INTERVAL } else { Duration::from_secs(5) }
}

/// Settings with that in the place of `5s`.
fn at_pace(settings: &str) -> String {
    settings.replace("5s", &format!("{}s", often().as_secs()))
}

/// How long a fault and its repair took, for whoever runs with `--nocapture`.
fn told(fault: &str, found: Duration, gone: Duration) {
    println!("{fault}: found after {} ms, gone after {} ms", found.as_millis(), gone.as_millis());
}
