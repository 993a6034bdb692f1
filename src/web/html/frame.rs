//! What stands around every page.

use std::fmt::Write as _;
use std::time::SystemTime;

use crate::report::Status;

use super::document::{SCRIPT, STYLE};
use super::words::{When, colour};

/// Which of the pages it is, for the bar on top.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Here {
    Status,
    Diagnostics,
    Events,
    Map,
    Other,
}

/// What stands around a page.
#[derive(Debug)]
pub struct Frame {
    pub title: String,
    /// From the page's own path to `/`. Links are relative, for a reverse proxy may have put all of it below a path.
    pub root: String,
    /// When what it tells was known.
    pub now: SystemTime,
    pub here: Here,
    /// The worst that it tells, where it tells such.
    pub status: Option<Status>,
    pub version: &'static str,
}

impl Frame {
    pub const fn style(&self) -> &'static str {
        STYLE
    }

    pub const fn script(&self) -> &'static str {
        SCRIPT
    }

    pub fn is(&self, here: &str) -> bool {
        matches!(
            (self.here, here),
            (Here::Status, "status")
                | (Here::Diagnostics, "diagnostics")
                | (Here::Events, "events")
                | (Here::Map, "map")
        )
    }

    /// The attribute by which a link leads to the page of a destination, and there to a place that has such an id.
    pub fn page(&self, destination: impl AsRef<str>, place: impl AsRef<str>) -> String {
        let hash = if place.as_ref().is_empty() { "" } else { "#" };
        self.href(&[destination.as_ref()], &format!("{hash}{}", place.as_ref()))
    }

    /// That of a container on it.
    pub fn page_of(&self, destination: impl AsRef<str>, container: impl AsRef<str>) -> String {
        self.href(&[destination.as_ref(), container.as_ref()], "")
    }

    /// Whoever answers as the Engine may call a thing `..`, and browsers take that for the way up however it is written. Such
    /// a name has no link.
    fn href(&self, names: &[&str], behind: &str) -> String {
        let mut href = format!(" href=\"{}diagnostics", self.root);
        for name in names {
            match askama::filters::urlencode_strict(name) {
                Ok(written) if !matches!(*name, "" | "." | "..") => {
                    let _ = write!(href, "/{written}");
                }
                _ => return String::new(),
            }
        }
        let _ = write!(href, "{behind}\"");
        href
    }

    /// An element that tells a moment; nothing in it is a stranger's.
    pub fn when(&self, at: &SystemTime) -> When {
        When { at: *at, now: self.now }
    }

    pub fn as_of(&self) -> String {
        humantime::format_rfc3339_seconds(self.now).to_string().replace('T', " ").replace('Z', " UTC")
    }

    /// The dot of the tab, in the colour of the status: as part of a URL, so without the sign `#`.
    pub fn dot(&self) -> &'static str {
        match self.status.map(colour) {
            Some("good") => "%231a7f37",
            Some("half") => "%23bf8700",
            Some("bad") => "%23cf222e",
            Some(_) => "%238250df",
            None => "%236e7781",
        }
    }
}

/// No page is so far below `/`, but whoever asks may write as many slashes as a request takes.
const DEEPEST: usize = 40;

/// The way from this path back to `/`.
pub fn root(path: &str) -> String {
    match path.bytes().filter(|b| *b == b'/').count().saturating_sub(1) {
        0 => "./".to_owned(),
        below @ 1..=DEEPEST => "../".repeat(below),
        _ => "/".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_leads_back() {
        for (path, expected) in [
            ("/", "./"),
            ("/diagnostics", "./"),
            ("/diagnostics/", "../"),
            ("/diagnostics/a%2Fb", "../"),
            ("/diagnostics/shop/web/2", "../../../"),
        ] {
            assert_eq!(root(path), expected, "{path}");
        }
        assert_eq!(root(&"/".repeat(41)), "../".repeat(40));
        assert_eq!(root(&"/".repeat(16 << 10)), "/");
    }
}
