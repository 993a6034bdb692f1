//! The pages for people, of a host with many containers.

use std::process::{Command, Stdio};

use lab::{Error, Result};

use crate::page::Row;
use crate::{Options, say};

const GOAL_MS: f64 = 50.0;

pub fn measure(options: &Options) -> Result<Row> {
    say("the pages of a host with 200 containers");
    let said = lab::run(Command::new(options.example("page")).stdin(Stdio::null()))?;
    let medians = said
        .split_once(' ')
        .and_then(|(well, sick)| Some((well.parse::<f64>().ok()? * 1e3, sick.parse::<f64>().ok()? * 1e3)));
    let (well, sick) = medians.ok_or_else(|| Error::new(format!("the pages' example said {said:?}")))?;
    Ok(Row {
        work: "answering a browser with the slowest of the pages of 200 containers on 10 destinations, report and all"
            .to_owned(),
        goal: format!("< {GOAL_MS} ms"),
        figure: format!("**{well:.1} ms** while all is well, **{sick:.1} ms** while one destination is not"),
        holds: well.max(sick) < GOAL_MS,
    })
}
