//! The judgement of a large host, without the looking.

use std::process::{Command, Stdio};

use lab::{Error, Result};

use crate::page::Row;
use crate::{Options, say};

const GOAL_MS: f64 = 10.0;

pub fn measure(options: &Options) -> Result<Row> {
    say("the judgement of a large host");
    let judge = options.example("judge");
    let said = lab::run(Command::new(judge).stdin(Stdio::null()))?;
    let medians = said
        .split_once(' ')
        .and_then(|(well, sick)| Some((well.parse::<f64>().ok()? * 1e3, sick.parse::<f64>().ok()? * 1e3)));
    let (well, sick) = medians.ok_or_else(|| Error::new(format!("the judge said {said:?}")))?;
    Ok(Row {
        work: "diagnosing a snapshot of 1000 containers on 20 destinations, 500 routes".to_owned(),
        goal: format!("≤ {GOAL_MS} ms"),
        figure: format!("**{well:.1} ms** while all is well, **{sick:.1} ms** while one destination is not"),
        holds: well.max(sick) <= GOAL_MS,
    })
}
