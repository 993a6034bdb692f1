//! What happens when.

use std::time::Duration;

/// Something that is done at its time, by one hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// The Engine is disturbed, and gets well.
    Disturb(How),
    /// Nobody deploys for so long: what there is is compared with what is told.
    Calm(Duration),
}

/// What befalls the Engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// It is stopped for so long, and goes on.
    Freeze(Duration),
    /// It is asked to end, is away for so long, and starts again. Containers live on.
    Restart(Duration),
    /// It is killed, is away for so long, and starts again. Containers live on.
    Kill(Duration),
    /// It is asked to end, ends every container, is away for so long, and starts itself and them again.
    Reboot(Duration),
}

impl How {
    pub const fn label(self) -> &'static str {
        match self {
            Self::Freeze(_) => "freeze",
            Self::Restart(_) => "restart",
            Self::Kill(_) => "kill",
            Self::Reboot(_) => "restart that ends the containers",
        }
    }

    pub const fn ends_containers(self) -> bool {
        matches!(self, Self::Reboot(_))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    pub at: Duration,
    pub act: Act,
}

const fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// Short enough to pass unnoticed, and long enough to be noticed: the Engine is asked every 3 s, and given 5.
const MISCHIEF: [How; 6] = [
    How::Restart(seconds(2)),
    How::Freeze(seconds(3)),
    How::Kill(seconds(1)),
    How::Freeze(seconds(12)),
    How::Restart(seconds(8)),
    How::Kill(seconds(5)),
];

/// Of so many acts one is a calm.
const CALM_EVERY: usize = 7;

/// First a sixth to warm up, then a calm that what follows is compared with; in the last quarter the Engine takes
/// its containers with it; a calm at the end.
pub fn timeline(length: Duration) -> Vec<Step> {
    let gap = (length / 36).clamp(seconds(8), seconds(50));
    let calm = Act::Calm((length / 40).clamp(seconds(12), seconds(40)));
    let mut steps: Vec<Step> = Vec::new();
    let mut mischief = MISCHIEF.into_iter().cycle();
    let (mut at, mut since_calm, mut is_warm) = (gap, 0, false);
    while at + gap <= length {
        since_calm += 1;
        let act = if (!is_warm && at * 6 >= length) || (is_warm && since_calm == CALM_EVERY) {
            (is_warm, since_calm) = (true, 0);
            calm
        } else if at * 4 >= length * 3 {
            Act::Disturb(How::Reboot(seconds(2)))
        } else {
            Act::Disturb(mischief.next().unwrap_or(MISCHIEF[0]))
        };
        steps.push(Step { at, act });
        at += gap;
    }
    steps.push(Step { at: length, act: calm });
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_holds_everything_once_and_half_an_hour_often() {
        for (length, times) in [(60, 1), (300, 2), (1800, 4)] {
            let steps = timeline(seconds(length));
            let count = |wanted: &str| {
                steps.iter().filter(|s| matches!(s.act, Act::Disturb(how) if how.label() == wanted)).count()
            };
            for how in MISCHIEF.into_iter().chain([How::Reboot(seconds(1))]) {
                assert!(count(how.label()) >= times, "{} in {length} s: {steps:?}", how.label());
            }
            assert!(steps.is_sorted_by_key(|step| step.at), "{steps:?}");
            let calms: Vec<_> = steps.iter().filter(|s| matches!(s.act, Act::Calm(_))).collect();
            assert!(calms.len() >= 2 && calms[0].at * 6 >= seconds(length), "{calms:?}");
            assert_eq!(steps.last().map(|step| step.at), Some(seconds(length)));
            assert_eq!(steps.last(), calms.last().copied());
        }
    }

    #[test]
    fn once_the_containers_were_ended_with_the_engine_nothing_else_disturbs_it() {
        let steps = timeline(seconds(1800));
        let how = steps.iter().filter_map(|step| match step.act {
            Act::Disturb(how) => Some(how.ends_containers()),
            Act::Calm(_) => None,
        });
        assert!(how.is_sorted(), "{steps:?}");
    }
}
