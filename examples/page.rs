//! For `make bench`: answers browsers that ask for the pages of a host of 200 containers on 10 destinations, half of them
//! behind a proxy, all with the reports made anew for each, while all is well and while one destination is not. Prints the
//! median of the slowest page in seconds, compressed as a phone asks for it.
//!
//! `cargo run --example page serve` serves pages of a small host with faults in it, for whoever works on them.

mod host;
#[path = "../tests/web/stand.rs"]
#[allow(dead_code, reason = "the tests use all of it")]
mod stand;
#[path = "../tests/web/town.rs"]
#[allow(dead_code, reason = "the tests use all of it")]
mod town;

use std::error::Error;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use arc_swap::ArcSwap;
use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use destination_exporter::diagnosis::{Ledger, Verdict, judge};
use destination_exporter::state::Snapshot;
use destination_exporter::web::{self, Caller, Limits};
use http_body_util::BodyExt;
use tower_service::Service;

use stand::{Server, app};

const DESTINATIONS: usize = 10;
const CONTAINERS: usize = 20;
const TIMES: usize = 30;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    if std::env::args().nth(1).as_deref() == Some("serve") {
        return serve().await;
    }
    let now = SystemTime::now();
    let mut worst = Vec::new();
    for is_sick in [false, true] {
        let mut slowest = 0.0_f64;
        for path in ["/", "/diagnostics", "/diagnostics/destination-7", "/topology"] {
            slowest =
                slowest.max(median(path, &host::snapshot(DESTINATIONS, CONTAINERS, now, is_sick)).await?);
        }
        worst.push(slowest);
    }
    println!("{:.6} {:.6}", worst[0], worst[1]);
    Ok(())
}

/// Each time of a verdict that nobody has asked for yet.
async fn median(path: &str, snapshot: &Snapshot) -> Result<f64, Box<dyn Error>> {
    let mut ledger = Ledger::default();
    let mut took = Vec::new();
    let mut next = |time: usize| -> Verdict {
        let at = snapshot.at + Duration::from_secs(time as u64);
        judge(Arc::new(Snapshot { at, ..snapshot.clone() }), &mut ledger)
    };
    let app = app("/metrics", next(0));
    let latest = Arc::clone(&app.verdict);
    let mut router: Router = web::router(app);
    let here =
        Caller { address: IpAddr::V4(Ipv4Addr::LOCALHOST), encrypted: false, certified: false, door: 0 };
    for time in 1..=TIMES {
        latest.store(Arc::new(next(time)));
        let request = Request::get(path)
            .header(header::HOST, "localhost")
            .header(header::ACCEPT, "text/html")
            .header(header::ACCEPT_ENCODING, "gzip")
            .extension(here)
            .body(Body::empty())?;
        let began = Instant::now();
        let response = router.call(request).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        took.push(began.elapsed().as_secs_f64());
        if status != StatusCode::OK || body.len() < 2000 {
            return Err(format!("{path}: {status}, {} bytes", body.len()).into());
        }
    }
    took.sort_by(f64::total_cmp);
    Ok(took[TIMES / 2])
}

async fn serve() -> Result<(), Box<dyn Error>> {
    let now = SystemTime::now();
    let mut app = app("/metrics", town::verdict(now));
    app.history = Arc::new(ArcSwap::from_pointee(town::history(now)));
    let limits = Limits { connections_each: 256, ..Limits::default() };
    let server = Server::start(web::router(app), limits).await;
    println!("http://{}", server.address);
    server.task.await?;
    Ok(())
}
