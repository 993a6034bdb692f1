//! Days of a server that gets more networks, in a moment: what the loop hears of the Engine becomes a forecast.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use destination_exporter::config::Config;
use destination_exporter::inventory::seen::{Seen, SeenNetwork, SeenPool, SeenSubnet};
use destination_exporter::metrics::{self, BuildInfo};
use destination_exporter::monitor::{Handle, Message, Monitor};
use destination_exporter::namespace::Hopper;
use destination_exporter::report;
use destination_exporter::state::forecast::{NEEDED, Trend};
use tokio_util::sync::CancellationToken;

const BUILD: BuildInfo = BuildInfo { version: "1.2.3", revision: "", rustc: "" };
const SERIES: &str = "\ndestination_address_pools_exhaustion_timestamp_seconds ";

/// An Engine with so many networks, and room for 256.
fn engine(networks: u32) -> Seen {
    let network = |n| SeenNetwork {
        id: format!("id{n}"),
        name: format!("net{n}"),
        driver: "bridge".into(),
        scope: "local".into(),
        ipam: vec![SeenSubnet { subnet: format!("10.99.{n}.0/24"), ..SeenSubnet::default() }],
        ..SeenNetwork::default()
    };
    let pools = vec![SeenPool { base: "10.99.0.0/16".into(), size: 24 }];
    Seen { networks: (0..networks).map(network).collect(), pools: Some(pools), ..Seen::default() }
}

async fn told(handle: &Handle, networks: u32) {
    let message = Message::Listed { seen: Arc::new(engine(networks)), asked_at: SystemTime::now() };
    handle.messages.send(message).await.expect("the loop runs");
    // Until it is published.
    tokio::time::sleep(Duration::from_secs(5)).await;
}

#[tokio::test(start_paused = true)]
async fn three_days_of_growth_have_an_end_and_before_that_it_is_said_how_long_was_watched() {
    let hopper = Hopper::start().expect("a thread");
    let (monitor, handle) = Monitor::new(Arc::new(Config::default()), hopper, "");
    let stop = CancellationToken::new();
    tokio::spawn(monitor.run(stop.clone()));
    for hour in 0..=NEEDED {
        let verdict = handle.verdict.load_full();
        let pools = report::build(&verdict).host.address_pools;
        let words = pools.and_then(|pools| pools.growth).map(|growth| growth.words);
        let watched = hour.saturating_sub(1);
        let expected = (watched > 0).then(|| format!("watched for {watched} h, a forecast needs 72 h"));
        assert_eq!(words, expected);
        assert!(!metrics::encode(&verdict, &BUILD).contains(SERIES));
        // An Engine that is silent for an hour takes nothing away.
        if hour == 40 {
            handle.messages.send(Message::Lost("refused".into())).await.expect("the loop runs");
        }
        told(&handle, 3 + hour / 6).await;
        tokio::time::sleep(Duration::from_secs(3600 - 5)).await;
    }
    let verdict = handle.verdict.load_full();
    let known = verdict.snapshot.forecasts.pools().expect("watched");
    let Trend::Grows { per_day, ends: Some(_) } = known.trend else { panic!("{known:?}") };
    assert!((per_day - 4.0).abs() < f64::EPSILON, "{per_day} a day");
    assert!(metrics::encode(&verdict, &BUILD).contains(SERIES));
    stop.cancel();
}
