//! Nobody deploys: is what is told what there is?

use std::collections::{BTreeMap, BTreeSet};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::{Exporter, Lab, Result};

use super::evidence::{Calm, now};
use super::gate::Gate;
use super::page::Page;
use super::town::{PLOTS, Town};

/// What is not told by then is told wrongly.
const PATIENCE: Duration = Duration::from_secs(20);
/// Names that nothing in the Engine has.
const RESERVED: [&str; 3] = ["gateway", "proxy", "host"];

/// Closes the gate, compares, and rests for so long.
pub fn calm(town: &Town, exporter: &Exporter, gate: &Gate, length: Duration) -> Result<Calm> {
    gate.close(PLOTS.len())?;
    let engine = Things::of(&town.lab)?;
    let began = Instant::now();
    let mut calm = Calm { population: engine.running.len(), ..Calm::default() };
    loop {
        calm.differences = differences(&Page::read(&exporter.metrics()?), &engine);
        if calm.differences.is_empty() {
            calm.agreed_after = Some(began.elapsed());
            break;
        }
        if began.elapsed() > PATIENCE {
            break;
        }
        sleep(Duration::from_millis(50));
    }
    calm.from = now();
    sleep(length);
    calm.until = now();
    gate.open();
    Ok(calm)
}

/// What the Engine has.
#[derive(Debug, Default)]
struct Things {
    /// Running containers: names and ids.
    running: BTreeMap<String, String>,
    /// Names of all containers.
    all: BTreeSet<String>,
    networks: BTreeSet<String>,
}

impl Things {
    fn of(lab: &Lab) -> Result<Self> {
        let names = |args: &[&str]| -> Result<BTreeSet<String>> {
            Ok(lab.docker(args)?.lines().map(str::to_owned).collect())
        };
        let running = lab.docker(&["ps", "--no-trunc", "--format", "{{.Names}} {{.ID}}"])?;
        let running = running.lines().filter_map(|line| line.split_once(' '));
        Ok(Self {
            running: running.map(|(name, id)| (name.to_owned(), id.to_owned())).collect(),
            all: names(&["ps", "-a", "--format", "{{.Names}}"])?,
            networks: names(&["network", "ls", "--format", "{{.Name}}"])?,
        })
    }
}

fn differences(page: &Page<'_>, engine: &Things) -> Vec<String> {
    let mut differences = Vec::new();
    let told = page.containers();
    for (name, id) in &engine.running {
        match told.get(name.as_str()) {
            None => differences.push(format!("{name} runs and is not told")),
            Some(told) if !id.starts_with(*told) => {
                differences.push(format!("{name} is told as {told} and is {id}"));
            }
            Some(_) => {}
        }
    }
    let gone = told.keys().filter(|name| !engine.running.contains_key(**name));
    differences.extend(gone.map(|name| format!("{name} is told as running")));

    let mut ends = page.values(Some("destination_container_info"), "endpoint");
    ends.extend(RESERVED);
    let is_there = |name: &str| engine.all.contains(name) || engine.networks.contains(name);
    let is_subject = |name: &str| is_there(name) || ends.contains(name) || page.is_blind();
    let mut stale = |what: &str, family: Option<&str>, label: &str, is_known: &dyn Fn(&str) -> bool| {
        let left =
            page.values(family, label).into_iter().filter(|value| !value.is_empty() && !is_known(value));
        differences.extend(left.map(|value| format!("{what} {value} is left")));
    };
    stale("container", None, "container", &|name| engine.all.contains(name));
    stale("destination", None, "destination", &|name| engine.networks.contains(name));
    stale("source", None, "source", &|name| ends.contains(name) || ["kernel", "engine"].contains(&name));
    // Beyond the source's destination the target's stands before it: `blog/web`.
    let beyond = |name: &str| {
        name.match_indices('/').any(|(slash, _)| {
            let (destination, rest) = name.split_at(slash);
            engine.networks.contains(destination) && ends.contains(rest.trim_start_matches('/'))
        })
    };
    stale("target", None, "target", &|name| ends.contains(name) || beyond(name));
    stale("subject", Some("destination_finding"), "subject", &is_subject);
    differences
}

#[cfg(test)]
mod tests {
    use super::*;

    fn engine() -> Things {
        let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
        Things {
            running: BTreeMap::from([("web".into(), "0abc".into())]),
            all: names(&["web", "stopped"]),
            networks: names(&["shop"]),
        }
    }

    const INFO: &str = "destination_container_info{destination=\"shop\",container=\"web\",endpoint=\"site/web\",container_id=\"0a\"} 1\n";

    #[test]
    fn a_page_that_tells_what_there_is_has_no_differences() {
        let rest = "destination_probe_success{destination=\"shop\",source=\"site/web\",target=\"gateway\"} 1\n\
                    destination_probe_success{destination=\"shop\",source=\"site/web\",target=\"shop/site/web\"} 1\n\
             destination_finding{destination=\"shop\",code=\"container-unreachable\",subject=\"stopped\"} 1\n\
             destination_traffic_source{source=\"kernel\"} 1\n";
        let text = format!("{INFO}{rest}");
        assert_eq!(differences(&Page::read(&text), &engine()), Vec::<String>::new());
    }

    #[test]
    fn what_is_left_and_what_is_missing_is_found() {
        for (text, found) in [
            ("", "web runs and is not told"),
            (&INFO.replace("\"0a\"", "\"0b\""), "web is told as 0b and is 0abc"),
            (&format!("{INFO}{}", INFO.replace("\"web\"", "\"gone\"")), "gone is told as running"),
            (&format!("{INFO}x_total{{container=\"gone\"}} 1\n"), "container gone is left"),
            (&format!("{INFO}x{{destination=\"gone\"}} 1\n"), "destination gone is left"),
            (&format!("{INFO}x{{source=\"site/web\",target=\"gone\"}} 1\n"), "target gone is left"),
            (&format!("{INFO}x{{target=\"shop/gone\"}} 1\n"), "target shop/gone is left"),
            (&format!("{INFO}x{{target=\"gone/site/web\"}} 1\n"), "target gone/site/web is left"),
            (
                &format!("{INFO}destination_finding{{destination=\"shop\",subject=\"gone\"}} 1\n"),
                "subject gone is left",
            ),
        ] {
            let found_all = differences(&Page::read(text), &engine());
            assert!(found_all.iter().any(|one| one == found), "{found:?} is not in {found_all:?}");
        }
    }
}
