//! Words that several pages share. Templates hand references or values, as it comes: hence [`Borrow`].

use std::borrow::Borrow;
use std::fmt::{self, Display};
use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use askama::filters::Escaper as _;

use crate::certificate::Moment;
use crate::diagnosis::Severity;
use crate::inventory::Health;
use crate::netstack::Listener;
use crate::report::{Certificate, Status};

use super::inert::Inert;

/// The class of a colour. A word always stands beside it.
pub fn colour(status: impl Borrow<Status>) -> &'static str {
    match status.borrow() {
        Status::Healthy => "good",
        Status::Degraded => "half",
        Status::Failing => "bad",
        Status::Unknown => "dark",
    }
}

pub fn mark(status: impl Borrow<Status>) -> &'static str {
    match status.borrow() {
        Status::Healthy => "✓",
        Status::Degraded => "!",
        Status::Failing => "✗",
        Status::Unknown => "?",
    }
}

pub const fn severity_colour(severity: Severity) -> &'static str {
    match severity {
        Severity::Page => "bad",
        Severity::Ticket => "half",
        Severity::Info => "info",
    }
}

/// As [`crate::diagnosis::counted`], for templates, which lend what they count.
pub fn counted(n: impl Borrow<usize>, what: &str) -> String {
    crate::diagnosis::counted(*n.borrow(), what)
}

/// What a capability is to a person.
pub fn capability(name: &str) -> &str {
    match name {
        "docker_api" => "The Docker Engine",
        "network_namespaces" => "The containers' network namespaces",
        "icmp" => "Echo requests (ping)",
        "socket_diagnostics" => "Listening sockets",
        "host_network" => "The host's own network",
        "firewall" => "The host's firewall",
        other => other,
    }
}

/// What its own check says; nothing where it has none.
pub fn health(of: impl Borrow<Health>) -> &'static str {
    match of.borrow() {
        Health::None => "",
        Health::Starting => "starting",
        Health::Healthy => "healthy",
        Health::Unhealthy => "unhealthy",
    }
}

/// No more than so many listeners in a cell.
const MOST_LISTENERS: usize = 20;

/// What really listens.
pub fn listeners(of: &Option<Vec<Listener>>) -> String {
    let Some(all) = of else { return "? nobody could look".to_owned() };
    if all.is_empty() {
        return "nothing".to_owned();
    }
    let told = all.iter().take(MOST_LISTENERS);
    let told: Vec<String> = told.map(|one| SocketAddr::new(one.address, one.port).to_string()).collect();
    let more = all.len().saturating_sub(MOST_LISTENERS);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", told.join(", "))
}

/// So many bytes, in the units of IEC 80000-13.
pub fn bytes(of: impl Borrow<u64>) -> String {
    let of = *of.borrow();
    let mut rest = of as f64;
    let mut unit = "B";
    for next in ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"] {
        if rest < 1024.0 {
            break;
        }
        (rest, unit) = (rest / 1024.0, next);
    }
    if unit == "B" { format!("{of} B") } else { format!("{rest:.1} {unit}") }
}

/// What visitors are shown, and for how long.
pub fn certificate(of: &Certificate, now: &SystemTime) -> String {
    let believed = if of.valid { "✓ visitors believe it" } else { "✗ visitors do not believe it" };
    let now = Moment::of(*now);
    let (how, when) = if of.not_after < now { ("it ended", " ago") } else { ("it is good for another", "") };
    format!("{believed}; {how} {}{when}: {} to {}", of.not_after.apart(now), of.not_before, of.not_after)
}

/// Prose, in which findings quote names in backticks, as an element's content: names are told apart by their letters.
pub fn prose(text: &str) -> Prose<'_> {
    Prose(text)
}

/// See [`prose`]. Writes by [`Inert`], as the templates do.
#[derive(Clone, Copy, Debug)]
pub struct Prose<'a>(&'a str);

impl Display for Prose<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        while let Some((before, quoted)) = rest.split_once('`') {
            // One that is not closed is a sign as any other.
            let Some((name, behind)) = quoted.split_once('`') else { break };
            Inert.write_escaped_str(&mut *f, before)?;
            f.write_str("<code>")?;
            Inert.write_escaped_str(&mut *f, name)?;
            f.write_str("</code>")?;
            rest = behind;
        }
        Inert.write_escaped_str(f, rest)
    }
}

/// The words of a command: each stays whole where there is room for it, for a line that ends within `--network` reads ill.
pub fn pieces(command: &str) -> impl Iterator<Item = &str> {
    command.split(' ')
}

/// So long, as a person says it.
pub fn span(of: Duration) -> String {
    let seconds = of.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..172_800 => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
        _ => counted(usize::try_from(seconds / 86_400).unwrap_or(usize::MAX), "day"),
    }
}

/// How long a probe took.
pub fn took(seconds: f64) -> String {
    let ms = seconds * 1e3;
    if ms < 1.0 {
        format!("{:.0} µs", seconds * 1e6)
    } else if ms < 1000.0 {
        format!("{ms:.1} ms")
    } else {
        format!("{seconds:.2} s")
    }
}

/// A moment as an element: the day and the time of it in UTC, and how long ago that was.
#[derive(Clone, Copy, Debug)]
pub struct When {
    pub at: SystemTime,
    pub now: SystemTime,
}

impl Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = humantime::format_rfc3339_seconds(self.at).to_string();
        let (day, time) = at.trim_end_matches('Z').split_once('T').unwrap_or((&at, ""));
        write!(f, "<time datetime=\"{at}\">")?;
        if let Ok(ago) = self.now.duration_since(self.at) {
            write!(f, "<span class=\"ago\">{} ago</span>, ", span(ago))?;
        }
        write!(f, "{day} {time}</time>")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_prose_are_told_apart_and_nothing_in_it_is_markup() {
        for (text, expected) in [
            ("nobody reaches `a<b>`.", "nobody reaches <code>a&#60;b&#62;</code>."),
            ("`a` and `b`", "<code>a</code> and <code>b</code>"),
            ("one ` alone <i>", "one ` alone &#60;i&#62;"),
            ("", ""),
            ("``", "<code></code>"),
        ] {
            assert_eq!(prose(text).to_string(), expected);
        }
    }

    #[test]
    fn spans_are_told_as_people_tell_them() {
        for (seconds, expected) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (3599, "59 min"),
            (3660, "1 h 1 min"),
            (172_800, "2 days"),
            (u64::MAX, "213503982334601 days"),
        ] {
            assert_eq!(span(Duration::from_secs(seconds)), expected);
        }
        assert_eq!([took(0.000_09), took(0.0123), took(1.5)], ["90 µs", "12.3 ms", "1.50 s"]);
    }
}
