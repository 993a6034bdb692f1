//! The exporter's own process, from `/proc/self`.
//!
//! Read by hand: the crate's own collector brings a parser of all of procfs for six numbers. Every read
//! is bounded, and what cannot be read is left out. `/proc/self` is answered by the kernel from memory,
//! so this may run on the runtime.

use std::fs::File;
use std::io::Read;
use std::time::Duration;

use super::exposition::Exposition;
use super::table;

/// `/proc/stat` grows with processors and interrupts; the rest is small.
const MOST_BYTES: u64 = 1 << 20;
/// More descriptors than this are not counted.
const MOST_FDS: usize = 1 << 20;

/// What could be read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Process {
    cpu: Option<Duration>,
    resident: Option<u64>,
    virtual_memory: Option<u64>,
    open_fds: Option<u64>,
    max_fds: Option<u64>,
    started: Option<f64>,
}

impl Process {
    /// Adds what is known to the page.
    pub fn put(&self, page: &mut Exposition) {
        if let Some(cpu) = self.cpu {
            page.put(&table::PROCESS_CPU, [], cpu.as_secs_f64());
        }
        for (metric, value) in [
            (&table::PROCESS_RSS, self.resident),
            (&table::PROCESS_VIRTUAL, self.virtual_memory),
            (&table::PROCESS_FDS, self.open_fds),
            (&table::PROCESS_MAX_FDS, self.max_fds),
        ] {
            if let Some(value) = value {
                page.put_count(metric, [], value);
            }
        }
        if let Some(started) = self.started {
            page.put(&table::PROCESS_START, [], started);
        }
    }
}

/// Reads everything.
pub fn read() -> Process {
    let units = bytes("/proc/self/auxv").map_or(Units::USUAL, |auxv| Units::parse(&auxv));
    let stat = text("/proc/self/stat").and_then(|t| Stat::parse(&t));
    let boot = text("/proc/stat").and_then(|t| boot_time(&t));
    Process {
        cpu: stat.map(|s| units.ticks(s.cpu)),
        resident: stat.map(|s| s.resident_pages.saturating_mul(units.page)),
        virtual_memory: stat.map(|s| s.virtual_bytes),
        open_fds: open_fds(),
        max_fds: text("/proc/self/limits").and_then(|t| max_fds(&t)),
        started: stat.zip(boot).map(|(s, boot)| boot as f64 + units.ticks(s.start).as_secs_f64()),
    }
}

/// What the kernel counts in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Units {
    ticks_per_second: u64,
    page: u64,
}

impl Units {
    const USUAL: Self = Self { ticks_per_second: 100, page: 4096 };

    /// The auxiliary vector: pairs of native words. It says what `sysconf` says, without a call to C.
    fn parse(auxv: &[u8]) -> Self {
        const AT_PAGESZ: usize = 6;
        const AT_CLKTCK: usize = 17;
        let mut units = Self::USUAL;
        let (words, _) = auxv.as_chunks::<{ size_of::<usize>() }>();
        for pair in words.chunks_exact(2) {
            let [key, value] = [pair[0], pair[1]].map(usize::from_ne_bytes);
            match key {
                AT_PAGESZ if value > 0 => units.page = value as u64,
                AT_CLKTCK if value > 0 => units.ticks_per_second = value as u64,
                _ => {}
            }
        }
        units
    }

    fn ticks(self, ticks: u64) -> Duration {
        Duration::from_secs_f64(ticks as f64 / self.ticks_per_second as f64)
    }
}

/// Fields of `/proc/self/stat`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stat {
    cpu: u64,
    start: u64,
    virtual_bytes: u64,
    resident_pages: u64,
}

impl Stat {
    fn parse(text: &str) -> Option<Self> {
        // The command's name may hold spaces and parentheses: fields count from the last one.
        let (_, rest) = text.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_ascii_whitespace().take(22).collect();
        // proc_pid_stat(5) numbers from 1, and the third field is the first one here.
        let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
        Some(Self {
            cpu: field(14)?.checked_add(field(15)?)?,
            start: field(22)?,
            virtual_bytes: field(23)?,
            resident_pages: field(24)?,
        })
    }
}

fn boot_time(text: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()
}

fn max_fds(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

fn open_fds() -> Option<u64> {
    let entries = std::fs::read_dir("/proc/self/fd").ok()?.take(MOST_FDS).count() as u64;
    // The directory itself was open while it was counted.
    Some(entries.saturating_sub(1))
}

fn bytes(path: &str) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    File::open(path).ok()?.take(MOST_BYTES).read_to_end(&mut out).ok()?;
    Some(out)
}

fn text(path: &str) -> Option<String> {
    Some(String::from_utf8_lossy(&bytes(path)?).into_owned())
}

#[cfg(test)]
mod tests {
    use std::time::{SystemTime, UNIX_EPOCH};

    use super::*;

    #[test]
    fn a_hostile_command_name_does_not_shift_the_fields() {
        let text = "7 (a) b (1 2 3) S 1 7 7 0 -1 4194560 9 0 0 0 150 50 0 0 20 0 4 0 900 8192 2 99";
        let stat = Stat::parse(text);
        assert_eq!(stat, Some(Stat { cpu: 200, start: 900, virtual_bytes: 8192, resident_pages: 2 }));
    }

    #[test]
    fn nonsense_is_left_out() {
        for text in ["", ")", "1 (x) S", "1 (x) S a b c d e f g h i j k l m n o p q r s t u v w"] {
            assert_eq!(Stat::parse(text), None, "{text}");
        }
        assert_eq!(boot_time("cpu 1\nbtime x\n"), None);
        assert_eq!(max_fds("Max open files unlimited unlimited files"), None);
        assert_eq!(Units::parse(&[1, 2, 3]), Units::USUAL);
    }

    #[test]
    fn this_process_is_there() {
        let seen = read();
        assert!(seen.resident.is_some_and(|b| b > 100_000), "{seen:?}");
        assert!(seen.open_fds.is_some_and(|n| n >= 3), "{seen:?}");
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs_f64();
        assert!(seen.started.is_some_and(|s| s <= now + 2.0 && s > now - 86_400.0), "{seen:?}");
    }
}
