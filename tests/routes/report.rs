//! What `check` says in a terminal of a route's way, on the demo's host: where it breaks, hop by hop.

use std::path::Path;
use std::process::Stdio;
use std::thread::sleep;
use std::time::Duration;

use lab::coolify::{self, SHOP};
use lab::proxies::{NAME, Traefik};
use lab::{Error, Lab, Result};

/// The report, its folded lines joined.
fn check(lab: &Lab) -> Result<String> {
    let mut check = lab.on_host(env!("CARGO_BIN_EXE_destination-exporter"));
    check.args(["check", "--docker.host", "unix:///run/docker.sock"]).env_remove("DOCKER_HOST");
    let output = check.stdin(Stdio::null()).output().map_err(|e| Error::io("starting check", e))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1), "{text}{}", String::from_utf8_lossy(&output.stderr));
    Ok(text.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn expect(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part} is not in:\n{text}");
    }
}

#[test]
fn check_shows_where_a_route_breaks() -> Result<()> {
    let lab = Lab::start()?;
    coolify::deploy(&lab, &Traefik::binary(Path::new(env!("CARGO_MANIFEST_DIR")))?)?;
    let whole = "internet ✓ → proxy ✓ → destination ✓ → container ✓";
    let text = check(&lab)?;
    expect(
        &text,
        &[
            "page route-loopback-only shop.example.com Container `shop/web` listens on 127.0.0.1:3000 only: ",
            "path internet ✓ → proxy ✓ → destination ✓ → container ✗ listens on a loopback address only",
            &format!("route blog.example.com → blog/web:3000 {whole}"),
            "1 page, 1 ticket.",
        ],
    );

    // As the demo says.
    let web = format!("web-{SHOP}");
    lab.docker(&["exec", &web, "sh", "-c", "echo 3000 >/www/listen"])?;
    lab.docker(&["restart", "-t", "1", &web])?;
    sleep(Duration::from_secs(11));
    let text = check(&lab)?;
    expect(&text, &[&format!("route shop.example.com → shop/web:3000 {whole}"), "0 pages, 1 ticket."]);

    lab.docker(&["network", "disconnect", SHOP, NAME])?;
    let text = check(&lab)?;
    expect(
        &text,
        &[
            "page proxy-not-attached",
            &format!("docker network connect {SHOP} {NAME}"),
            "proxy ✓ → destination ✗",
            "1 page, 1 ticket.",
        ],
    );
    lab.docker(&["network", "connect", SHOP, NAME])?;

    lab.docker(&["stop", "-t", "1", NAME])?;
    let text = check(&lab)?;
    expect(&text, &["page proxy-not-running", "proxy ✗", "1 page, 1 ticket."]);
    Ok(())
}
