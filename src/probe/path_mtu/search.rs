//! Between what passes and what does not. Pure.

use crate::outcome::Widths;

/// Echoes of one search: it is to find out, and not to measure to the byte at any price.
const TRIES: u8 = 8;

/// What links carry that tunnels, providers and protocols are known for: they are tried before what lies between.
const USUAL: [u32; 15] =
    [576, 1024, 1230, 1280, 1380, 1400, 1420, 1440, 1450, 1472, 1476, 1480, 1492, 1500, 8000];

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It was answered.
    Passed,
    /// Nothing came.
    Silent,
    /// Somebody on the way said that it is too large, and how large it may be; 0: not how large.
    Told(u32),
}

/// A search under way.
#[derive(Clone, Debug)]
pub struct Search {
    widths: Widths,
    /// The smallest that did not pass.
    failed: u32,
    /// What somebody said that passes.
    said: Option<u32>,
    /// Somebody said so without a number: it goes for whatever did not pass.
    said_anyhow: bool,
    left: u8,
    /// One byte more than the largest that passed was tried.
    edged: bool,
    /// Nothing came of this one, where somebody spoke of a larger one: it is sent once more before that counts.
    doubted: Option<u32>,
}

impl Search {
    /// Packets of `least` bytes pass; one of `mtu` had this answer.
    pub fn new(least: u32, mtu: u32, answer: Answer) -> Self {
        let widths = Widths { mtu, passed: least, failed: Some(mtu), told: false };
        let (said, said_anyhow, edged, doubted) = (None, false, false, None);
        let mut search = Self { widths, failed: mtu, said, said_anyhow, left: TRIES, edged, doubted };
        search.take(mtu, answer);
        search
    }

    /// How large the next one is to be; `None` where there is no more to learn.
    pub fn next(&self) -> Option<u32> {
        let (passed, failed) = (self.widths.passed, self.failed);
        let between = |size: u32| passed < size && size < failed;
        if self.left == 0 || failed.saturating_sub(passed) <= 1 || self.said == Some(passed) {
            return None;
        }
        if self.doubted.is_some() {
            return self.doubted;
        }
        if let Some(said) = self.said.filter(|said| between(*said)) {
            return Some(said);
        }
        let usual: Vec<u32> = USUAL.into_iter().filter(|size| between(*size)).collect();
        if let Some(middle) = usual.get(usual.len() / 2) {
            return Some(*middle);
        }
        Some(if self.edged { passed.midpoint(failed) } else { passed + 1 })
    }

    /// What became of the next one.
    pub fn answered(&mut self, size: u32, answer: Answer) {
        self.left = self.left.saturating_sub(1);
        self.edged |= size == self.widths.passed + 1;
        // That one packet is lost accuses nobody who was heard to say what he does not pass on.
        let again = answer == Answer::Silent && self.widths.told && self.doubted != Some(size);
        self.doubted = again.then_some(size);
        if !again {
            self.take(size, answer);
        }
    }

    fn take(&mut self, size: u32, answer: Answer) {
        if answer == Answer::Passed {
            self.widths.passed = self.widths.passed.max(size);
            return;
        }
        self.failed = self.failed.min(size);
        self.widths.failed = Some(self.failed);
        self.said = None;
        if let Answer::Told(most) = answer {
            // More than what did not pass is no answer.
            self.said = Some(most).filter(|most| (self.widths.passed..size).contains(most));
            self.said_anyhow |= self.said.is_none();
        }
        self.widths.told = self.said_anyhow || matches!(answer, Answer::Told(_));
    }

    /// What was found so far.
    pub const fn widths(&self) -> Widths {
        self.widths
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A way that carries so much; who cuts it short says so above this size, and with a number or without.
    fn walk(mtu: u32, carries: u32, told_above: u32, says: bool) -> (Widths, u8) {
        let answer = |size: u32| match size {
            _ if size <= carries.min(told_above) => Answer::Passed,
            _ if size > told_above => Answer::Told(if says { told_above } else { 0 }),
            _ => Answer::Silent,
        };
        let mut search = Search::new(84, mtu, answer(mtu));
        while let Some(size) = search.next() {
            search.answered(size, answer(size));
        }
        (search.widths(), TRIES - search.left)
    }

    const NOBODY: u32 = u32::MAX;

    #[test]
    fn what_links_are_known_for_is_found_to_the_byte() {
        for carries in USUAL.into_iter().filter(|size| *size < 1500) {
            let (found, tries) = walk(1500, carries, NOBODY, true);
            assert_eq!((found.passed, found.failed, found.told), (carries, Some(carries + 1), false));
            assert!(tries <= TRIES);
        }
        assert_eq!(walk(9000, 1500, NOBODY, true).0.passed, 1500);
    }

    #[test]
    fn who_says_so_is_believed_once_what_he_says_passes() {
        let (found, tries) = walk(1500, NOBODY, 1412, true);
        assert_eq!((found.passed, found.failed, found.told, tries), (1412, Some(1500), true, 1));
        let (found, _) = walk(1500, NOBODY, 1412, false);
        assert!(found.told && found.passed >= 1400, "{found:?}");
        // Behind him is one who says nothing.
        let (found, _) = walk(1500, 1280, 1400, true);
        assert_eq!((found.passed, found.failed, found.told), (1280, Some(1281), false));
    }

    #[test]
    fn one_lost_packet_makes_no_silent_router() {
        for at in 0..TRIES {
            // Whatever is lost on the way, once.
            let mut search = Search::new(84, 1500, Answer::Told(1400));
            for sent in 0.. {
                let Some(size) = search.next() else { break };
                let passes = size <= 1400 && sent != at;
                let told = if size > 1400 { Answer::Told(1400) } else { Answer::Silent };
                search.answered(size, if passes { Answer::Passed } else { told });
            }
            assert!(search.widths().told, "{at}: {:?}", search.widths());
            assert_eq!(search.widths().passed, 1400, "{at}");
        }
    }

    #[test]
    fn nonsense_leads_nowhere() {
        for most in [0, 1, 84, 1500, 1501, NOBODY] {
            let mut search = Search::new(84, 1500, Answer::Told(most));
            while let Some(size) = search.next() {
                assert!((85..1500).contains(&size), "{size}");
                search.answered(size, Answer::Silent);
            }
            assert_eq!(search.widths().passed, 84);
        }
    }

    proptest! {
        #[test]
        fn what_is_found_is_true_and_near(mtu in 100_u32..65_036, share in 0.0_f64..1.0, at in 85_u32..2000) {
            let carries = 84 + (f64::from(mtu - 85) * share) as u32;
            for (told_above, says) in [(NOBODY, true), (at, true), (at, false)] {
                let (found, tries) = walk(mtu, carries.max(84), told_above.max(85), says);
                let truth = carries.max(84).min(told_above.max(85));
                prop_assert!(tries <= TRIES);
                prop_assert!(found.passed <= truth.max(84), "{found:?} {truth}");
                if mtu <= 1500 && truth < mtu {
                    prop_assert!(truth - found.passed <= 32 || truth < 1024, "{found:?} {truth}");
                }
            }
        }
    }
}
