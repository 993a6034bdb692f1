//! Whose turn it is: a target that lets its handshakes hang must not hold up the others'. Pure.

use std::collections::VecDeque;
use std::net::IpAddr;

/// The jobs that wait, by target.
#[derive(Debug, Default)]
pub struct Turns {
    targets: Vec<Target>,
}

#[derive(Debug)]
struct Target {
    address: IpAddr,
    waiting: VecDeque<usize>,
    under_way: usize,
}

impl Turns {
    /// A job for a target is to be done.
    pub fn add(&mut self, address: IpAddr, job: usize) {
        match self.targets.iter_mut().find(|target| target.address == address) {
            Some(target) => target.waiting.push_back(job),
            None => self.targets.push(Target { address, waiting: [job].into(), under_way: 0 }),
        }
    }

    /// The next job: of the target that has the fewest under way.
    pub fn next(&mut self) -> Option<usize> {
        let waits = self.targets.iter_mut().filter(|target| !target.waiting.is_empty());
        let target = waits.min_by_key(|target| target.under_way)?;
        target.under_way += 1;
        target.waiting.pop_front()
    }

    /// A job that was given has ended.
    pub fn ended(&mut self, address: IpAddr) {
        if let Some(target) = self.targets.iter_mut().find(|target| target.address == address) {
            target.under_way = target.under_way.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_the_fewest_under_way_is_next() {
        let (hung, honest): (IpAddr, IpAddr) = ([10, 0, 0, 1].into(), [10, 0, 0, 2].into());
        let mut turns = Turns::default();
        (0..6).for_each(|job| turns.add(hung, job));
        (6..12).for_each(|job| turns.add(honest, job));
        let four: Vec<_> = (0..4).filter_map(|_| turns.next()).collect();
        assert_eq!(four, [0, 6, 1, 7], "one after the other");
        for job in 8..12 {
            turns.ended(honest);
            assert_eq!(turns.next(), Some(job), "none of the other's has ended");
        }
        assert_eq!(turns.next(), Some(2));
        (3..6).for_each(|job| assert_eq!(turns.next(), Some(job)));
        assert_eq!(turns.next(), None);
    }
}
