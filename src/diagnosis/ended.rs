//! Containers that do not run, or by moments: how they ended, whether they will be started again, and whom they leave
//! alone meanwhile.

use std::time::{Duration, SystemTime};

use crate::inventory::{Container, ContainerId, RunState};
use crate::state::Snapshot;

use super::Evidence;
use super::route::cause::Cause;
use super::route::walk::{Hop, Walk};
use super::scene::Scene;
use super::words::{listed, saw};

/// So often within ten minutes: one that was started again once or twice may have waited for another.
const OFTEN: usize = 3;
/// And for so long: the Engine tries four times within two seconds, while a database starts.
const STAYS: Duration = Duration::from_secs(10);
/// The Engine waits longer from start to start, up to a minute.
const APART: Duration = Duration::from_secs(120);

/// Whether it ends again and again; also while it runs between two ends.
pub(super) fn restarts(snapshot: &Snapshot, container: &Container) -> bool {
    let Some(times) = snapshot.restarts.of_late.get(&container.id) else { return false };
    let Some(inventory) = snapshot.inventory.as_deref() else { return false };
    // As of the last picture: while nobody looks nothing is over.
    let since = |time: &SystemTime| inventory.taken_at.duration_since(*time).unwrap_or_default();
    let goes_on =
        container.state == RunState::Restarting || times.last().is_some_and(|last| since(last) < APART);
    times.len() >= OFTEN && goes_on && times.first().is_some_and(|first| since(first) >= STAYS)
}

/// Whether it may come to that: it is between two starts and has had one of late.
pub(super) fn may_restart(snapshot: &Snapshot, container: &Container) -> bool {
    container.state == RunState::Restarting && snapshot.restarts.of_late.contains_key(&container.id)
}

/// The sites that nobody serves while the container does not run, or for moments alone.
pub(super) fn serves(scene: &Scene<'_>, container: &ContainerId) -> Vec<String> {
    let restarts = |hop: &Hop<'_>| hop.container.is_some_and(|container| restarts(scene.snapshot, container));
    let is_down = |walk: &&Walk<'_>| {
        walk.is_asleep() || (walk.cause == Some(Cause::Elsewhere) && walk.hops.iter().all(restarts))
    };
    let alone = scene.walks.iter().filter(is_down);
    let its = alone.filter(|walk| walk.hops.iter().any(|hop| hop.backend.container == *container));
    listed(its.map(|walk| format!("route {}: nobody serves it meanwhile", walk.route.title())))
}

/// It ended by itself, or could not be started, and nobody starts it again. Where the Engine does that whatever it ended
/// by, somebody stopped it. Else an end by a signal (of `docker stop`: SIGINT, SIGQUIT, SIGTERM, SIGKILL) was asked for.
pub(super) fn crashed(container: &Container) -> bool {
    let by_itself =
        container.out_of_memory || !matches!(container.exit_code, None | Some(0 | 130 | 131 | 137 | 143));
    container.error.is_some() || (!container.always && by_itself)
}

/// That it does not run, in words that follow a name.
pub(super) fn ended(container: &Container) -> String {
    let code = container.exit_code.map(|code| format!(" (exit code {code})")).unwrap_or_default();
    match container.state {
        RunState::Exited => format!("has stopped{code}"),
        RunState::Created => "was made and never started".to_owned(),
        state => format!("is {}{code}", state.as_label()),
    }
}

/// What the Engine says of how it ended.
pub(super) fn why(container: Option<&Container>) -> Vec<Evidence> {
    let mut evidence = Vec::new();
    let Some(container) = container else { return evidence };
    if let Some(error) = &container.error {
        evidence.push(saw("what the Engine says", &**error, "nothing"));
    }
    if container.out_of_memory {
        evidence.push(saw("memory", "the kernel ended a process of it for want of memory", "enough"));
    } else if let Some(meaning) = container.exit_code.and_then(meaning) {
        evidence.push(saw("exit code", meaning, "0"));
    }
    evidence
}

fn meaning(code: i64) -> Option<&'static str> {
    Some(match code {
        125 => "the Engine could not run it",
        126 => "its command cannot be executed",
        127 => "its command was not found",
        137 => "killed: docker stop lost patience, or memory ran out",
        139 => "it crashed (segmentation fault)",
        143 => "it was asked to stop",
        _ => return None,
    })
}
