//! Sites whose only container does not run, or by moments.

use super::*;

/// `web` ended with this code, and nobody else serves the site: a visitor gets the proxy's 404.
fn ended(state: RunState, code: i64) -> Host {
    let mut host = Host::new();
    host.through(Reason::HttpStatus, 404, "404 page not found\n");
    host.sample.probes.retain(|key, _| !matches!(key.detail, Detail::Backend(..)));
    let backend = &mut host.route().backends[0];
    (backend.standing, backend.place) = (Standing::Stopped, Placed::Nowhere);
    host.sample.container("web").state = state;
    host.sample.container("web").exit_code = Some(code);
    let missing = host.sample.missing("web");
    host.sample.on("shop").endpoints.retain(|endpoint| &*endpoint.name != "web");
    host.sample.on("shop").stopped.push(missing);
    host
}

#[test]
fn who_crashed_and_leaves_a_site_to_nobody_wakes_somebody() {
    for (state, code, expected) in [
        (RunState::Exited, 1, "page container-unreachable web"),
        (RunState::Exited, 139, "page container-unreachable web"),
        // Somebody asked it to end.
        (RunState::Exited, 0, "ticket container-unreachable web"),
        (RunState::Exited, 137, "ticket container-unreachable web"),
        (RunState::Exited, 143, "ticket container-unreachable web"),
        (RunState::Restarting, 1, "page container-restarting web"),
    ] {
        let host = ended(state, code);
        assert_eq!(host.told(), [expected], "{state:?} {code}");
        let verdict = settled(host.sample.snapshot(), &mut Ledger::default());
        assert_eq!(verdict.passages[0].up, Some(false), "{state:?} {code}");
        assert!(verdict.findings[0].explains.iter().any(|line| line.starts_with("route shop.example.com: ")));
    }
    let mut killed = ended(RunState::Exited, 137);
    killed.sample.container("web").out_of_memory = true;
    assert_eq!(killed.told(), ["page container-unreachable web"]);
}

#[test]
fn who_ends_again_and_again_is_the_cause_of_what_its_site_looks_like_in_between() {
    let mut host = Host::new();
    host.refused();
    host.listeners = Some(Vec::new());
    host.sample.container("web").restarts = 5;
    host.sample.container("web").started_at = Some(at(40));
    assert_eq!(host.told(), ["page container-restarting web"]);
}
