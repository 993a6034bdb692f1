//! Who probes whom on one destination.

use std::collections::BTreeMap;

pub use crate::inventory::part::{fnv1a, fnv1a_of};

/// For each name, the indices of the peers that it probes.
///
/// Up to `full_mesh_up_to` names everyone probes everyone. Above, names stand on a ring ordered by
/// a hash, and each probes the next `ring`: so each is probed by `ring` others, and one name more
/// or less moves the edges of its `ring` neighbours only.
pub fn peers(names: &[&str], ring: usize, full_mesh_up_to: usize) -> Vec<Vec<usize>> {
    let n = names.len();
    let reach = if n <= full_mesh_up_to { n.saturating_sub(1) } else { ring.min(n.saturating_sub(1)) };
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by_key(|at| (fnv1a(names[*at]), names[*at]));
    let mut mesh = vec![Vec::with_capacity(reach); n];
    for (place, at) in order.iter().enumerate() {
        for step in 1..=reach {
            mesh[*at].push(order[(place + step) % n]);
        }
    }
    mesh
}

/// For each target, the one source that asks it what should be asked once only (HTTP): the first
/// that has it as its nearest peer, so that the load spreads over the ring.
pub fn first_askers(mesh: &[Vec<usize>]) -> BTreeMap<usize, usize> {
    mesh.iter().enumerate().filter_map(|(source, row)| row.first().map(|target| (*target, source))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn few_containers_probe_everyone() {
        let mesh = peers(&["a", "b", "c"], 1, 6);
        for (at, row) in mesh.iter().enumerate() {
            let mut row = row.clone();
            row.sort_unstable();
            assert_eq!(row, (0..3).filter(|other| *other != at).collect::<Vec<_>>());
        }
    }

    #[test]
    fn nobody_alone_probes_itself() {
        assert_eq!(peers(&["a"], 3, 6), vec![Vec::<usize>::new()]);
        assert!(peers(&[], 3, 6).is_empty());
    }

    proptest! {
        #[test]
        fn each_is_probed_by_as_many_as_it_probes(n in 0_usize..60, ring in 0_usize..8) {
            let names: Vec<String> = (0..n).map(|i| format!("app-{i}")).collect();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let mesh = peers(&names, ring, 6);
            let reach = if n <= 6 { n.saturating_sub(1) } else { ring.min(n - 1) };
            let mut probed = vec![0; n];
            for (at, row) in mesh.iter().enumerate() {
                prop_assert_eq!(row.len(), reach);
                prop_assert!(!row.contains(&at));
                for target in row { probed[*target] += 1; }
            }
            prop_assert!(probed.iter().all(|times| *times == reach));
            if reach > 0 { prop_assert_eq!(first_askers(&mesh).len(), n); }
        }

        #[test]
        fn one_more_container_moves_few_edges(n in 10_usize..60) {
            let names: Vec<String> = (0..=n).map(|i| format!("app-{i}")).collect();
            let all: Vec<&str> = names.iter().map(String::as_str).collect();
            let (before, after) = (peers(&all[..n], 3, 6), peers(&all, 3, 6));
            let moved: usize = (0..n).map(|at| after[at].iter().filter(|to| !before[at].contains(to)).count()).sum();
            prop_assert!(moved <= 3, "{moved} edges moved");
        }
    }
}
