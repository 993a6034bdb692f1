//! Apps that the proxy looks for in the wrong place.

use lab::Result;
use lab::apps::App;
use lab::watched::INTERVAL;

use crate::street::{Gets, Street, Told};

fn app<'a>() -> App<'a> {
    App::new("app", "shop").at("app.example.com", 3000)
}

fn told<'a>(finding: &'a str, severity: &'a str, words: &'a [&'a str]) -> Told<'a> {
    Told { finding, severity, destination: Some("shop"), words }
}

#[test]
fn the_proxy_looks_in_the_wrong_place() -> Result<()> {
    let street = Street::build()?;
    several_networks(&street)?;
    two_claims(&street)?;
    on_the_hosts_network(&street)?;
    yesterdays_address(&street)
}

/// Which network Traefik takes an app's address from is chance, unless somebody says so.
fn several_networks(street: &Street) -> Result<()> {
    let before = street.series()?;
    let both = app().and_on("own");
    let right = both.clone().label("traefik.docker.network", "shop");
    for (broken, what, code, words) in [
        (
            both.clone(),
            "an app on two networks, of which no label names one",
            "route-network-ambiguous",
            &["own", "shop"][..],
        ),
        (
            both.label("traefik.docker.network", "gone"),
            "a label that names a network that is not there",
            "route-network-mismatch",
            &["gone"],
        ),
    ] {
        street.lab.docker(&["network", "create", "--subnet", "10.3.0.0/24", "own"])?;
        let finding = format!("{code} app.example.com");
        street.deploys(&finding, what);
        broken.run(&street.lab)?;
        let (report, found) = street.expect(&[&finding], INTERVAL)?;
        println!("{finding}: found after {} ms", found.as_millis());
        let one = lab::watched::finding(&report, code);
        let said = format!("{} {}", one["summary"], one["evidence"]);
        assert!(words.iter().all(|word| said.contains(word)), "{words:?} in {one:#}");
        // Chance decides whether it serves just now.
        assert!(["page", "ticket"].contains(&lab::watched::text(&one["severity"])), "{one:#}");
        street.lab.docker(&["rm", "-f", "app"])?;
        right.run(&street.lab)?;
        street.expect(&[], INTERVAL)?;
        street.visit("http://app.example.com/", Gets::Status(200))?;
        street.lab.docker(&["rm", "-f", "app"])?;
        street.lab.docker(&["network", "rm", "own"])?;
        street.expect_over(&before)?;
    }
    Ok(())
}

fn two_claims(street: &Street) -> Result<()> {
    let before = street.series()?;
    street.deploys("route-conflict web.example.com", "two apps that claim one site");
    App::new("app", "shop").at("web.example.com", 3000).run(&street.lab)?;
    street.expect_told(&told("route-conflict web.example.com", "page", &["app", "web"]), INTERVAL)?;
    street.lab.docker(&["rm", "-f", "app"])?;
    street.expect_over(&before)
}

fn on_the_hosts_network(street: &Street) -> Result<()> {
    let before = street.series()?;
    let host = App::new("app", "host").at("app.example.com", 3000);
    street.deploys("route-host-network app.example.com", "an app on the host's network");
    host.run(&street.lab)?;
    street.visit("http://app.example.com/", Gets::Status(200))?;
    let open = Told {
        finding: "route-host-network app.example.com",
        severity: "ticket",
        // It is on none: it is told where its proxy is.
        destination: Some("blog"),
        words: &["host"],
    };
    street.expect_told(&open, INTERVAL)?;
    // A firewall as people have it: who comes from a container is dropped.
    let drop = ["iptables", "-I", "INPUT", "!", "-i", "lo", "-p", "tcp", "--dport", "3000", "-j", "DROP"];
    street.lab.exec_on_host(&drop)?;
    street.visit("http://app.example.com/", Gets::Nothing("timed out"))?;
    street.expect_told(&Told { severity: "page", ..open }, INTERVAL * 2)?;
    let accept = ["iptables", "-D", "INPUT", "!", "-i", "lo", "-p", "tcp", "--dport", "3000", "-j", "DROP"];
    street.lab.exec_on_host(&accept)?;
    street.lab.docker(&["rm", "-f", "app"])?;
    street.expect_over(&before)
}

/// A network that is left and joined again gives another address, of which Traefik hears nothing: it listens to what
/// happens to containers.
fn yesterdays_address(street: &Street) -> Result<()> {
    let before = street.series()?;
    street.breaks(
        "route-stale-backend web.example.com",
        "an app that has another address than the proxy knows",
    );
    street.lab.docker(&["network", "disconnect", "shop", "web"])?;
    street.lab.docker(&["network", "connect", "--ip", "10.1.0.99", "shop", "web"])?;
    street.visit("http://web.example.com/", Gets::Nothing("timed out"))?;
    // Each look hangs for ten seconds, and a moment of it is a deployment: it takes three.
    let stale = told("route-stale-backend web.example.com", "page", &["10.1.0.99"]);
    street.expect_told(&stale, INTERVAL * 2)?;
    street.lab.docker(&["restart", "-t", "1", "coolify-proxy"])?;
    street.visit("http://web.example.com/", Gets::Status(200))?;
    street.expect_over(&before)
}
