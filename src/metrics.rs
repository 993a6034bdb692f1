//! What is known, as Prometheus reads it.
//!
//! One [`table`] names every metric: the exposition ([`families`]), `docs/metrics.md` ([`docs`]) and
//! the tests all come from it, so none of the three can drift from the others. Every scrape is made
//! from one immutable [`Verdict`]: counters live in `state`, and nothing here remembers anything.
//!
//! What must never happen here: a call to the Engine, a wait for a probe, or an answer to what is not
//! known. A value that nobody has seen has no series; it is not 0.

mod beyond;
pub mod docs;
mod drift;
pub mod exposition;
pub mod families;
mod host;
pub mod process;
mod routes;
mod swarm;
pub mod table;
mod traffic;

use crate::diagnosis::Verdict;

use exposition::Exposition;

/// The content type of what [`encode`] gives.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Which build of the exporter this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BuildInfo {
    /// The version.
    pub version: &'static str,
    /// The commit that it was built from; `unknown` where nobody said.
    pub revision: &'static str,
    /// The compiler's version.
    pub rustc: &'static str,
}

/// The whole exposition, in Prometheus' text format.
pub fn encode(verdict: &Verdict, build: &BuildInfo) -> String {
    let mut page = Exposition::default();
    families::exporter(&mut page, &verdict.snapshot, build);
    if let Some(inventory) = verdict.snapshot.inventory.as_deref() {
        families::inventory(&mut page, inventory, &verdict.snapshot);
        routes::routes(&mut page, inventory, verdict);
        traffic::traffic(&mut page, inventory, &verdict.snapshot);
        traffic::conversations_of(&mut page, inventory, &verdict.snapshot);
        beyond::isolation(&mut page, inventory, &verdict.snapshot);
        beyond::path_mtus(&mut page, &verdict.snapshot);
        swarm::nodes(&mut page, inventory);
        swarm::peers(&mut page, inventory, &verdict.snapshot);
        swarm::covers(&mut page, &verdict.snapshot);
        beyond::published_ports(&mut page, inventory, &verdict.snapshot);
        host::host(&mut page, inventory, &verdict.snapshot);
    }
    drift::drift(&mut page, &verdict.snapshot);
    families::probes(&mut page, &verdict.snapshot);
    families::verdicts(&mut page, verdict);
    process::read().put(&mut page);
    page.into_text()
}
