//! Where Alertmanager sends its notifications to in the demo: the terminal, in the place of a telephone.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use lab::{Error, Result};
use serde_json::Value;

/// A notification is a few kilobytes.
const MOST: u64 = 4 << 20;

/// Prints what comes, until it is killed.
pub fn listen(address: &str) -> Result<()> {
    let door = TcpListener::bind(address).map_err(|e| Error::io(&format!("listening at {address}"), e))?;
    for caller in door.incoming().flatten() {
        if let Err(error) = caller.set_read_timeout(Some(Duration::from_secs(10))).and_then(|()| take(caller))
        {
            eprintln!("demo: a notification that could not be read: {error}");
        }
    }
    Ok(())
}

fn take(mut caller: TcpStream) -> std::io::Result<()> {
    let mut reader = BufReader::new(caller.try_clone()?.take(MOST));
    let mut length = 0;
    let mut asked = String::new();
    reader.read_line(&mut asked)?;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    let mut body = Vec::new();
    reader.take(length).read_to_end(&mut body)?;
    caller.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")?;
    // That the watchdog is alive is for a machine to know.
    if asked.contains(" /alive ") {
        return Ok(());
    }
    if let Ok(notification) = serde_json::from_slice::<Value>(&body) {
        // In one piece: two may come at once.
        std::io::stdout().write_all(words(&notification).as_bytes())?;
    }
    Ok(())
}

/// What a person would read on a telephone.
pub fn words(notification: &Value) -> String {
    let text = |value: &Value| plain(value.as_str().unwrap_or_default());
    let mut out = String::new();
    for alert in notification["alerts"].as_array().into_iter().flatten() {
        let (labels, annotations) = (&alert["labels"], &alert["annotations"]);
        let severity = if labels["severity"] == "critical" { "PAGE" } else { "TICKET" };
        let is_over = alert["status"] == "resolved";
        let state = if is_over { "RESOLVED" } else { severity };
        out.push_str(&format!("\n── {state} ── {}\n", text(&labels["alertname"])));
        out.push_str(&format!("   {}\n", text(&annotations["summary"])));
        if is_over {
            continue;
        }
        for line in text(&annotations["description"]).lines().map(str::trim).filter(|line| !line.is_empty()) {
            out.push_str(&format!("   {line}\n"));
        }
        for (name, key) in
            [("diagnosis", "diagnostics_url"), ("runbook", "runbook_url"), ("dashboard", "dashboard_url")]
        {
            let link = text(&annotations[key]);
            if !link.is_empty() {
                out.push_str(&format!("   {name:9}  {}\n", link.trim()));
            }
        }
    }
    out
}

/// Names are anybody's: what would steer the terminal is left out.
pub fn plain(text: &str) -> String {
    text.chars().filter(|c| *c == '\n' || !c.is_control()).collect()
}
