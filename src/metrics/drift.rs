//! What is otherwise than the operator approved; nothing where nobody approved anything.

use crate::state::Snapshot;

use super::exposition::Exposition;
use super::families::put_time;
use super::table;

/// What could not be compared has no series: that is not 0.
pub fn drift(page: &mut Exposition, snapshot: &Snapshot) {
    let Some(drift) = snapshot.drift.as_deref() else { return };
    page.put_bool(&table::DRIFT_READABLE, [], drift.refused.is_none());
    put_time(page, &table::DRIFT_APPROVED_AT, [], drift.approved_at());
    for ((destination, kind), count) in drift.found.iter().flat_map(|found| &found.counts) {
        page.put_count(&table::DRIFT, [destination, kind.as_label()], *count as u64);
    }
}
