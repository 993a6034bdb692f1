//! A visit whose jobs are of several sorts: a handshake here, a request there.

use crate::namespace::Hopper;
use crate::outcome::{Blindness, Run};

use super::{Job, Spec, Visit, http, icmp, tcp};

/// Runs the visit: each sort together, the runs in the order of the jobs.
pub async fn run(hopper: &Hopper, visit: Visit) -> Vec<Run> {
    let of = |wanted: fn(&Spec) -> bool| {
        let (places, jobs): (Vec<usize>, Vec<Job>) =
            visit.jobs.iter().cloned().enumerate().filter(|(_, job)| wanted(&job.spec)).unzip();
        (places, Visit { jobs: jobs.into(), ..visit.clone() })
    };
    let (echoes_at, echoes) = of(|spec| matches!(spec, Spec::Icmp { .. }));
    let (handshakes_at, handshakes) = of(|spec| matches!(spec, Spec::Tcp { .. }));
    let (requests_at, requests) = of(|spec| matches!(spec, Spec::Http { .. }));
    let (echoed, shook, answered) = tokio::join!(
        some(echoes, |visit| icmp::run(hopper, visit)),
        some(handshakes, |visit| tcp::run(hopper, visit)),
        some(requests, |visit| http::run(hopper, visit)),
    );
    let mut runs = visit.blind(Blindness::Overrun, "no probe of this sort");
    let places = echoes_at.into_iter().chain(handshakes_at).chain(requests_at);
    for (at, run) in places.zip(echoed.into_iter().chain(shook).chain(answered)) {
        if let Some(place) = runs.get_mut(at) {
            *place = run;
        }
    }
    runs
}

/// Nobody goes where there is nothing to do.
async fn some<F: Future<Output = Vec<Run>>>(visit: Visit, go: impl FnOnce(Visit) -> F) -> Vec<Run> {
    if visit.jobs.is_empty() { Vec::new() } else { go(visit).await }
}
