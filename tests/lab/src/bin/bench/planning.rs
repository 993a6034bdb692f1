//! The planning of one node of a large Swarm, without the looking.

use std::process::{Command, Stdio};

use lab::{Error, Result};

use crate::page::Row;
use crate::{Options, say};

const GOAL_MS: f64 = 20.0;

pub fn measure(options: &Options) -> Result<Row> {
    say("the planning of a node of a large Swarm");
    let said = lab::run(Command::new(options.example("planning")).stdin(Stdio::null()))?;
    let first = said.lines().next().unwrap_or_default();
    let read = |at: usize| first.split(' ').nth(at).and_then(|word| word.parse::<f64>().ok());
    let (Some(nodes), Some(tasks), Some(seconds), Some(probes), Some(bound)) =
        (read(0), read(1), read(3), read(6), read(7))
    else {
        return Err(Error::new(format!("the planning said {said:?}")));
    };
    let took = seconds * 1e3;
    // Its lines are the table of docs/swarm.md.
    say(&format!(
        "nodes, tasks, picture, plan, verdict while all is well and while a node is away (s), probes, bound:\n{said}"
    ));
    Ok(Row {
        work: format!(
            "planning the probes of one of {nodes} nodes of a Swarm with {tasks} tasks on one overlay"
        ),
        goal: format!("≤ {GOAL_MS} ms, ≤ {bound} probes beyond the node in a round"),
        figure: format!("**{took:.1} ms**, **{probes}** probes"),
        holds: took <= GOAL_MS && probes <= bound,
    })
}
