//! The proxy itself: not there, not running, not attached, not reached, blind.

use std::thread::sleep;
use std::time::Duration;

use lab::proxies::NAME;
use lab::watched::INTERVAL;
use lab::{Lab, Result};

use crate::street::{EVENT, Gets, Street, Told};

const SITE: &str = "http://web.example.com/";
/// So long a proxy is new.
const JUST_STARTED: Duration = Duration::from_secs(10);

fn told<'a>(finding: &'a str, severity: &'a str, words: &'a [&'a str]) -> Told<'a> {
    Told { finding, severity, destination: None, words }
}

#[test]
fn the_proxy_is_not_there_or_not_where_it_should_be() -> Result<()> {
    let street = Street::build()?;
    not_attached(&street)?;
    stopped_and_gone(&street)?;
    without_its_port(&street)
}

fn stopped_and_gone(street: &Street) -> Result<()> {
    let before = street.series()?;
    street.breaks("proxy-not-running coolify-proxy/traefik", "a proxy that is stopped");
    street.lab.docker(&["kill", NAME])?;
    street.visit(SITE, Gets::Nothing("connect"))?;
    let one = street
        .expect_told(&told("proxy-not-running coolify-proxy/traefik", "page", &["has stopped"]), EVENT)?;
    let explains = one["explains"].to_string();
    assert!(explains.contains("web.example.com") && explains.contains("blog.example.com"), "{one:#}");
    street.lab.docker(&["start", NAME])?;
    street.visit(SITE, Gets::Status(200))?;
    street.expect_over(&before)?;

    street.lab.docker(&["kill", NAME])?;
    street.breaks("proxy-missing proxy", "a proxy that is removed");
    street.lab.docker(&["rm", NAME])?;
    street.visit(SITE, Gets::Nothing("connect"))?;
    street.expect_told(&told("proxy-missing proxy", "page", &["web.example.com"]), EVENT)?;
    street.traefik().run(&street.lab, &["shop", "blog"])?;
    street.visit(SITE, Gets::Status(200))?;
    street.expect_over(&before)
}

fn not_attached(street: &Street) -> Result<()> {
    // A proxy that has just started is given its networks one after the other.
    sleep(JUST_STARTED);
    let before = street.series()?;
    street.breaks("proxy-not-attached coolify-proxy/traefik", "a proxy that is taken off a network");
    street.lab.docker(&["network", "disconnect", "shop", NAME])?;
    street.visit(SITE, Gets::Nothing("timed out"))?;
    street.visit("http://blog.example.com/", Gets::Status(200))?;
    let detached = told("proxy-not-attached coolify-proxy/traefik", "page", &["shop"]);
    let one = street.expect_told(&Told { destination: Some("shop"), ..detached }, EVENT)?;
    assert!(one["fix"].to_string().contains("docker network connect shop coolify-proxy"), "{one:#}");
    street.lab.docker(&["network", "connect", "shop", NAME])?;
    street.visit(SITE, Gets::Status(200))?;
    street.expect_over(&before)
}

/// The host has given it to somebody else.
fn without_its_port(street: &Street) -> Result<()> {
    let before = street.series()?;
    street.lab.docker(&["stop", "-t", "1", NAME])?;
    let server = "busybox httpd -f -p 80 -h /etc >/dev/null 2>&1 & echo $!";
    let server = street.lab.exec_on_host(&["sh", "-c", server])?;
    street.breaks("host-port-conflict 80/tcp", "a proxy whose port a process of the host has");
    refused_start(&street.lab)?;
    street.visit(SITE, Gets::Status(404))?;
    street.expect_told(&told("host-port-conflict 80/tcp", "page", &["80"]), EVENT)?;
    street.lab.exec_on_host(&["kill", &server])?;
    street.lab.docker(&["start", NAME])?;
    street.visit(SITE, Gets::Status(200))?;
    street.expect_over(&before)?;

    street.lab.docker(&["stop", "-t", "1", NAME])?;
    let publish = ["run", "-d", "--name", "nginx", "--network", "blog", "--publish", "80:80", "busybox"];
    street.lab.docker(&[&publish[..], &["httpd", "-f", "-p", "80", "-h", "/etc"]].concat())?;
    street.breaks("host-port-conflict 80/tcp", "a proxy whose port another container has");
    refused_start(&street.lab)?;
    street.expect_told(&told("host-port-conflict 80/tcp", "page", &["80", "nginx"]), EVENT)?;
    street.lab.docker(&["rm", "-f", "nginx"])?;
    street.lab.docker(&["start", NAME])?;
    street.visit(SITE, Gets::Status(200))?;
    street.expect_over(&before)
}

fn refused_start(lab: &Lab) -> Result<()> {
    let start = lab.docker_output(&["start", NAME])?;
    assert!(!start.status.success(), "the proxy starts, though its port is taken");
    Ok(())
}

#[test]
fn the_proxy_runs_and_cannot_be_reached_or_hears_nothing() -> Result<()> {
    let street = Street::build()?;
    let before = street.series()?;
    let rule = ["INPUT", "!", "-i", "lo", "-p", "tcp", "-m", "multiport", "--dports", "80,443", "-j", "DROP"];
    street.breaks("proxy-unreachable coolify-proxy/traefik", "a proxy whose ports are filtered");
    street.inside(NAME, &[&["iptables", "-I"], &rule[..]].concat())?;
    street.visit(SITE, Gets::Nothing("timed out"))?;
    street.expect_told(&told("proxy-unreachable coolify-proxy/traefik", "page", &[]), INTERVAL)?;
    street.inside(NAME, &[&["iptables", "-D"], &rule[..]].concat())?;
    street.visit(SITE, Gets::Status(200))?;
    street.expect_over(&before)?;

    // Its own check alone.
    let rule = ["INPUT", "-i", "lo", "-p", "tcp", "--dport", "80", "-j", "DROP"];
    street.breaks("proxy-unhealthy coolify-proxy/traefik", "a proxy whose own health check fails");
    street.inside(NAME, &[&["iptables", "-I"], &rule[..]].concat())?;
    street.expect_told(
        &told("proxy-unhealthy coolify-proxy/traefik", "ticket", &[]),
        Duration::from_secs(45),
    )?;
    street.visit(SITE, Gets::Status(200))?;
    street.inside(NAME, &[&["iptables", "-D"], &rule[..]].concat())?;
    street.expect_over(&before)?;

    street.lab.docker(&["rm", "-f", NAME])?;
    street.deploys("proxy-provider-broken coolify-proxy/traefik", "a proxy that does not hear the Engine");
    street.traefik().run_blind(&street.lab, &["shop", "blog"])?;
    street.visit(SITE, Gets::Status(404))?;
    street.expect_told(&told("proxy-provider-broken coolify-proxy/traefik", "page", &["404"]), INTERVAL)?;
    street.lab.docker(&["rm", "-f", NAME])?;
    street.traefik().run(&street.lab, &["shop", "blog"])?;
    street.visit(SITE, Gets::Status(200))?;
    street.expect_over(&before)
}
