//! What happened of late, on a real Engine: each flip says what was done just before it.

use std::thread::sleep;
use std::time::{Duration, Instant};

use lab::Result;
use lab::apps::{App, Does};
use lab::watched::INTERVAL;
use serde_json::Value;

use crate::street::{EVENT, Gets, Street};

/// A busy machine gets this much more time.
const SLACK: Duration = Duration::from_secs(15);

/// Waits until there is an entry of which it holds, and gives it.
fn told(street: &Street, what: &str, holds: impl Fn(&Value) -> bool) -> Result<Value> {
    let began = Instant::now();
    loop {
        let answer = street.exporter.get("/events?limit=500")?.json()?;
        let events = answer["events"].as_array().expect("a list");
        if let Some(event) = events.iter().find(|event| holds(event)) {
            println!(
                "after {} ms: {}",
                began.elapsed().as_millis(),
                event["sentence"].as_str().expect("text")
            );
            return Ok(event.clone());
        }
        let said: Vec<&str> = events.iter().filter_map(|event| event["sentence"].as_str()).collect();
        assert!(began.elapsed() < INTERVAL + SLACK, "nothing says that {what}: {said:#?}");
        sleep(Duration::from_millis(50));
    }
}

fn is(event: &Value, kind: &str, what: &str, subject: &str) -> bool {
    event["kind"] == kind && event["what"] == what && event["subject"]["name"] == subject
}

/// The nearest of what came before begins so, and came no more than so many seconds before.
fn comes_after(event: &Value, begins: &str, within: f64) {
    let nearest = &event["after"][0];
    let said = nearest["sentence"].as_str().unwrap_or_default();
    assert!(said.starts_with(begins), "{event:#}");
    assert!(nearest["seconds"].as_f64().is_some_and(|seconds| seconds <= within), "{event:#}");
    assert!(event["sentence"].as_str().is_some_and(|sentence| sentence.contains(said)), "{event:#}");
}

#[test]
fn what_flips_says_what_the_engine_did_just_before() -> Result<()> {
    let street = Street::build()?;
    let lab = &street.lab;
    // Stopped, and started again after a while.
    lab.docker(&["stop", "-t", "1", "web"])?;
    told(&street, "it was stopped", |event| is(event, "engine", "died", "web"))?;
    let down = told(&street, "the route is down", |event| is(event, "route", "down", "web.example.com"))?;
    comes_after(&down, "web was", 5.0);
    assert_eq!(down["destination"], "shop");
    sleep(Duration::from_secs(5));
    lab.docker(&["start", "web"])?;
    let up = told(&street, "the route is up", |event| is(event, "route", "up", "web.example.com"))?;
    comes_after(&up, "web was started", 20.0);
    assert!(up["stood_seconds"].as_f64().is_some_and(|seconds| seconds > 4.0), "{up:#}");
    street.visit("http://web.example.com/", Gets::Status(200))?;
    street.expect(&[], INTERVAL)?;

    // A deployment that rolls on is one event and no flip.
    let app = |name: &'static str| App::new(name, "shop").deploys("shop-api").at("api.example.com", 3000);
    street.open(&app("api-1"))?;
    street.visit("http://api.example.com/", Gets::Status(200))?;
    told(&street, "it is there", |event| is(event, "route", "added", "api.example.com"))?;
    street.open(&app("api-2"))?;
    sleep(Duration::from_secs(2));
    street.close("api-1")?;
    told(&street, "it was redeployed", |event| is(event, "engine", "redeployed", "shop-api"))?;
    street.expect(&[], EVENT)?;

    // One that is recreated, and listens on the loopback alone now.
    street.close("api-2")?;
    street.open(&app("api-3").that(Does::ServesItself))?;
    let finding = told(&street, "it is found", |event| is(event, "finding", "opened", "api.example.com"))?;
    assert_eq!((&finding["code"], &finding["severity"]), (&"route-loopback-only".into(), &"page".into()));
    comes_after(&finding, "shop-api was redeployed", 15.0);
    let shop = told(&street, "the destination fails", |event| is(event, "destination", "failing", "shop"))?;
    comes_after(&shop, "shop-api was redeployed", 15.0);
    street.close("api-3")?;
    street.open(&app("api-4"))?;
    let over = told(&street, "it is over", |event| is(event, "finding", "closed", "api.example.com"))?;
    comes_after(&over, "shop-api was", 20.0);
    street.visit("http://api.example.com/", Gets::Status(200))?;

    // The proxy loses its place.
    lab.docker(&["network", "disconnect", "shop", "coolify-proxy"])?;
    let finding = told(&street, "it is found", |event| {
        event["kind"] == "finding" && event["what"] == "opened" && event["code"] == "proxy-not-attached"
    })?;
    comes_after(&finding, "coolify-proxy/traefik was disconnected from shop", 3.0);
    lab.docker(&["network", "connect", "shop", "coolify-proxy"])?;
    let over = told(&street, "it is over", |event| {
        event["kind"] == "finding" && event["what"] == "closed" && event["code"] == "proxy-not-attached"
    })?;
    comes_after(&over, "coolify-proxy/traefik was connected to shop", 3.0);

    // The Engine is away, and comes back.
    lab.freeze()?;
    told(&street, "it is silent", |event| is(event, "engine", "lost", "engine"))?;
    let blind =
        told(&street, "it is found", |event| event["what"] == "opened" && event["code"] == "exporter-blind")?;
    comes_after(&blind, "the Engine stopped answering", 3.0);
    lab.thaw()?;
    told(&street, "it answers", |event| is(event, "engine", "back", "engine"))?;
    let over =
        told(&street, "it is over", |event| event["what"] == "closed" && event["code"] == "exporter-blind")?;
    comes_after(&over, "the Engine answered again", 3.0);
    street.expect(&[], INTERVAL)?;

    // One destination's, and of the latest minutes; and all of it in order.
    let all = street.exporter.get("/events?limit=500")?.json()?;
    let times: Vec<&str> =
        all["events"].as_array().expect("a list").iter().filter_map(|event| event["at"].as_str()).collect();
    println!("{all:#}");
    let mut sorted = times.clone();
    sorted.sort_unstable_by(|a, b| b.cmp(a));
    assert_eq!(times, sorted);
    let of_blog = street.exporter.get("/events?destination=blog&limit=500")?.json()?;
    let of_blog = of_blog["events"].as_array().expect("a list");
    assert!(of_blog.iter().all(|event| !is(event, "engine", "redeployed", "shop-api")), "{of_blog:#?}");
    Ok(())
}
