//! Figures on a page of the documentation: what they were measured on, and where on the page they stand.

use std::fmt;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::{Error, Result};

/// The machine and the day.
#[derive(Clone, Debug)]
pub struct Machine {
    processor: String,
    cores: usize,
    kernel: String,
    date: String,
}

impl Machine {
    /// This machine, today.
    pub fn here() -> Result<Self> {
        let read = |path: &str| fs::read_to_string(path).map_err(|e| Error::io(path, e));
        let cpuinfo = read("/proc/cpuinfo")?;
        let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        Ok(Self {
            processor: model.map_or("an unnamed processor", |(_, model)| model).to_owned(),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            kernel: read("/proc/sys/kernel/osrelease")?.trim().to_owned(),
            date: crate::run(Command::new("date").args(["-u", "+%F"]))?,
        })
    }

    /// In words, with the programs that were measured with.
    #[must_use]
    pub fn with(&self, programs: &[String]) -> String {
        format!("{self}; {}; {}.", programs.join("; "), self.date)
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {} cores; Linux {}", self.processor, self.cores, self.kernel)
    }
}

/// Puts figures where those of this command (`make bench`) stand, and leaves the rest of the page as it is.
pub fn put(page: &Path, command: &str, figures: &str) -> Result<()> {
    let name = page.display().to_string();
    let text = fs::read_to_string(page).map_err(|e| Error::io(&name, e))?;
    let text = between(&text, command, figures);
    let text = text.ok_or_else(|| Error::new(format!("{name} has lost its marks")))?;
    fs::write(page, text).map_err(|e| Error::io(&name, e))
}

fn between(text: &str, command: &str, figures: &str) -> Option<String> {
    let (begin, end) = (format!("<!-- figures: {command} -->\n"), "<!-- end of figures -->\n");
    let (before, rest) = text.split_once(&begin)?;
    let (_, after) = rest.split_once(end)?;
    Some(format!("{before}{begin}{figures}{end}{after}"))
}

#[cfg(test)]
mod tests {
    use super::between;

    #[test]
    fn what_stands_around_the_figures_stays() {
        let page = "# A\n<!-- figures: make x -->\nold\n<!-- end of figures -->\nB\n";
        let new = between(page, "make x", "new\n").expect("its marks are there");
        assert_eq!(new, page.replace("old", "new"));
        assert_eq!(between(&new, "make x", "new\n").as_deref(), Some(&*new));
        assert_eq!(between(page, "make y", "new\n"), None);
    }
}
