//! A door for the crate `fuzz`.

use crate::outcome::{Observation, Outcome};
use crate::probe::Job;

use super::exchange::{Answered, strangers};

/// What these bytes say to the query of a job; `None`: they answer another one, or none.
pub fn answer(bytes: &[u8], job: &Job) -> Option<(Outcome, Observation)> {
    let Answered { outcome, answers, note, local } = strangers::feed(bytes.to_vec(), job)?;
    Some((outcome, Observation { answers, note, local, ..Observation::default() }))
}
