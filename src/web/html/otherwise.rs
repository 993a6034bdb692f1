//! What is otherwise than the operator approved, as a page tells it.

use crate::baseline::words;
use crate::report::{Destination, Difference, Drift, Report};

/// As much of it as a glance takes; the command that shows all of it stands below.
const MOST: usize = 10;

/// The first of it, and what shows all.
#[derive(Debug, Default)]
pub struct Otherwise<'a> {
    /// Nothing where nothing was approved.
    pub of: Option<&'a Drift>,
    pub told: Vec<String>,
    pub more: usize,
}

impl<'a> Otherwise<'a> {
    /// Of the host and every destination.
    pub fn of(report: &'a Report) -> Self {
        let Some(drift) = &report.drift else { return Self::default() };
        let of_destinations = report.destinations.iter().flat_map(|on| {
            on.drift.iter().flatten().map(move |one| format!("on {}, {}", on.display_name, said(one)))
        });
        let told: Vec<String> = drift.host.iter().map(said).chain(of_destinations).take(MOST).collect();
        let more = drift.differences.unwrap_or_default().saturating_sub(told.len());
        Self { of: Some(drift), told, more }
    }

    /// Of one destination alone.
    pub fn on(of: &Destination, report: &'a Report) -> Self {
        let all = of.drift.as_deref().unwrap_or_default();
        let told: Vec<String> = all.iter().take(MOST).map(said).collect();
        Self { of: report.drift.as_ref(), more: all.len().saturating_sub(told.len()), told }
    }
}

fn said(one: &Difference) -> String {
    format!("{} {}: {}", one.kind.as_label(), one.subject, words(one))
}
