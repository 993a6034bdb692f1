//! (to come)

use crate::namespace::Hopper;
use crate::outcome::Run;

use super::Visit;

/// Runs the visit.
pub async fn run(hopper: &Hopper, visit: Visit) -> Vec<Run> {
    let _ = (hopper, visit);
    todo!()
}
