//! Turns: where there is more to measure than may be measured at once.

/// Which of so many runs of its errand a job is done in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    part: usize,
    of: usize,
}

impl Turn {
    /// Each time.
    pub const EVERY: Self = Self { part: 0, of: 1 };

    /// The turn of each of so many things, of which `at_once` may be done at once: in as few parts as can be, which are
    /// alike: a last one of two would be tried as often as one of thirty.
    pub fn each(all: usize, at_once: usize) -> impl Iterator<Item = Self> {
        let of = all.div_ceil(at_once.max(1)).max(1);
        (0..all).map(move |at| Self { part: ((at + 1) * of - 1) / all, of })
    }

    /// True where not all is done each time.
    pub const fn is_taken(self) -> bool {
        self.of > 1
    }

    /// Whether it is done in this run.
    pub const fn is_in(self, run: u64) -> bool {
        run % self.of as u64 == self.part as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_are_equal_and_leave_nobody_out() {
        for n in 0..300_usize {
            let all: Vec<Turn> = Turn::each(n, 32).collect();
            assert_eq!(all.len(), n);
            let runs = n.div_ceil(32).max(1) as u64;
            let sizes: Vec<usize> =
                (0..runs).map(|run| all.iter().filter(|turn| turn.is_in(run)).count()).collect();
            assert_eq!(sizes.iter().sum::<usize>(), n, "each has one turn");
            let (least, most) = (sizes.iter().min().unwrap(), sizes.iter().max().unwrap());
            assert!(*most <= 32 && most - least <= 1, "{n}: {sizes:?}");
            assert!(all.iter().all(|turn| turn.is_in(7) == turn.is_in(7 + runs)));
            assert!(all.iter().all(|turn| turn.is_taken() == (n > 32)));
        }
        assert!((0..9).all(|run| Turn::EVERY.is_in(run)) && !Turn::EVERY.is_taken());
        assert_eq!(Turn::each(3, 0).count(), 3, "nothing at once is one at once");
    }
}
