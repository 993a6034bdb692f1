//! What must not get through, and whether it does.

use std::time::Duration;

use crate::namespace::Hopper;
use crate::outcome::{Outcome, Reason, Run};

use super::{Visit, mixed};

/// Runs the visit. An answer of the target is the failure; that nothing came, or that somebody on the way said no, is
/// what isolation is for.
pub async fn run(hopper: &Hopper, visit: Visit) -> Vec<Run> {
    mixed::run(hopper, visit).await.into_iter().map(judged).collect()
}

fn judged(mut run: Run) -> Run {
    run.outcome = match run.outcome {
        // Cut after the connection stood: it stood.
        Outcome::Success(_) | Outcome::Failure(Reason::PacketLoss | Reason::Reset) => {
            Outcome::Failure(Reason::Reachable)
        }
        Outcome::Failure(_) => Outcome::Success(Duration::ZERO),
        blind @ Outcome::Unknown(_) => blind,
    };
    run
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::{Blindness, Detail, Observation, ProbeKey, ProbeKind};

    #[test]
    fn what_gets_through_is_the_failure() {
        let key = ProbeKey {
            destination: "a".into(),
            kind: ProbeKind::Isolation,
            source: "x".into(),
            target: "b/y".into(),
            detail: Detail::Address([10, 0, 2, 3].into()),
        };
        let run = |outcome| Run { key: key.clone(), outcome, seen: Observation::default() };
        let through = Outcome::Failure(Reason::Reachable);
        for (outcome, expected) in [
            (Outcome::Success(Duration::from_micros(80)), through.clone()),
            (Outcome::Failure(Reason::PacketLoss), through.clone()),
            (Outcome::Failure(Reason::Reset), through),
            (Outcome::Failure(Reason::Timeout), Outcome::Success(Duration::ZERO)),
            (Outcome::Failure(Reason::Unreachable), Outcome::Success(Duration::ZERO)),
            (Outcome::Failure(Reason::Prohibited), Outcome::Success(Duration::ZERO)),
            (Outcome::Failure(Reason::Refused), Outcome::Success(Duration::ZERO)),
            (Outcome::Unknown(Blindness::NoAddress), Outcome::Unknown(Blindness::NoAddress)),
        ] {
            assert_eq!(judged(run(outcome.clone())).outcome, expected, "{outcome:?}");
        }
    }
}
