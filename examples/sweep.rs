//! For `make bench`: reads the interfaces of these network namespaces again and again, as a look does, and prints
//! the CPU seconds that one sweep of all of them takes, the way in and out included.

use std::path::PathBuf;

use destination_exporter::inventory::WayIn;
use destination_exporter::namespace::{Hopper, Vantage, links};
use tokio::task::JoinSet;

const SWEEPS: u32 = 50;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let namespaces: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let hopper = Hopper::start()?;
    let before = run_time()?;
    for _ in 0..SWEEPS {
        let mut looks = JoinSet::new();
        for path in namespaces.iter().cloned() {
            let hopper = hopper.clone();
            let vantage = Vantage::Container(WayIn { sandbox: Some(path), pid: None });
            looks.spawn(async move { hopper.hop(&vantage, links::read).await });
        }
        for look in looks.join_all().await {
            if look??.iter().filter(|interface| interface.mac.is_some()).count() != 1 {
                return Err("a container without its one interface".into());
            }
        }
    }
    println!("{:.6}", (run_time()? - before) / f64::from(SWEEPS));
    Ok(())
}

/// CPU seconds of every thread so far, by the scheduler's clock.
fn run_time() -> Result<f64, Box<dyn std::error::Error>> {
    let mut nanos = 0.0;
    for thread in std::fs::read_dir("/proc/self/task")? {
        let told = std::fs::read_to_string(thread?.path().join("schedstat"))?;
        nanos += told.split(' ').next().unwrap_or_default().parse::<f64>()?;
    }
    Ok(nanos / 1e9)
}
