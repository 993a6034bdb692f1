//! A proxy that has no local port left to dial an app from: the app answers, and visitors get 502.

use std::process::Stdio;
use std::time::{Duration, Instant};

use lab::Result;
use lab::proxies::NAME;

use crate::street::{EVENT, Gets, Street, Told};

const SITE: &str = "http://web.example.com/";

#[test]
fn a_proxy_without_a_local_port_is_told_and_not_the_site() -> Result<()> {
    let street = Street::build()?;
    let before = street.series()?;
    let address = "{{(index .NetworkSettings.Networks \"shop\").IPAddress}}";
    let web = street.lab.docker(&["inspect", "-f", address, "web"])?;
    street.inside(NAME, &["sysctl", "-q", "-w", "net.ipv4.ip_local_port_range=40000 40019"])?;
    // Another program in its namespace takes them all, and keeps them.
    let refused = street.lab.folder().join("refused");
    let hold = format!(
        "while exec {{one}}<>/dev/tcp/{web}/3000; do :; done 2>{}; exec sleep 600",
        refused.display()
    );
    let pid = street.lab.docker(&["inspect", "-f", "{{.State.Pid}}", NAME])?;
    let mut program = street.lab.on_host("nsenter");
    program.args(["-t", &pid, "-n", "bash", "-c", &hold]).stdin(Stdio::null());
    let mut program = program.spawn().map_err(|e| lab::Error::io("starting bash", e))?;
    let began = Instant::now();
    while !std::fs::read_to_string(&refused).unwrap_or_default().contains("Cannot assign") {
        assert!(began.elapsed() < Duration::from_secs(20), "no connection fails");
        std::thread::sleep(Duration::from_millis(20));
    }
    street.visit(SITE, Gets::Status(502))?;
    street.visit("http://blog.example.com/", Gets::Status(200))?;
    let told = Told {
        finding: "ephemeral-ports-exhausted coolify-proxy/traefik",
        severity: "page",
        destination: Some("shop"),
        words: &["20 of 20 local ports", "(`web`)", "cannot assign requested address"],
    };
    let one = street.expect_told(&told, Duration::from_secs(15))?;
    assert!(one["explains"].to_string().contains("web.example.com"), "{one:#}");
    let up = r#"destination_route_up{destination="shop",domain="web.example.com",path="/",workload="web"}"#;
    street.expect_series(up, Some("0"), EVENT)?;

    street.inside(NAME, &["sysctl", "-q", "-w", "net.ipv4.ip_local_port_range=10000 65535"])?;
    street.visit(SITE, Gets::Status(200))?;
    street.expect_over(&before)?;
    program.kill().map_err(|e| lab::Error::io("ending bash", e))?;
    program.wait().map(drop).map_err(|e| lab::Error::io("ending bash", e))
}
