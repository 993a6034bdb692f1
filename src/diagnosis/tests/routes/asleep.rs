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
    if state == RunState::Restarting {
        host.sample.inventory.taken_at = at(60);
        host.sample.restarted("web", &[10, 20, 50]);
    }
    host
}

#[test]
fn who_crashed_and_leaves_a_site_to_nobody_wakes_somebody() {
    for (state, code, expected) in [
        (RunState::Exited, 1, "page container-unreachable web"),
        (RunState::Exited, 139, "page container-unreachable web"),
        // Somebody asked it to end.
        (RunState::Exited, 0, "ticket container-unreachable web"),
        (RunState::Exited, 130, "ticket container-unreachable web"),
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
    let mut host = ended(RunState::Exited, 137);
    host.sample.container("web").out_of_memory = true;
    assert_eq!(host.told(), ["page container-unreachable web"]);
    // The Engine starts it again whatever it ends by: somebody stopped it, or it cannot be started.
    let mut host = ended(RunState::Exited, 1);
    host.sample.container("web").always = true;
    assert_eq!(host.told(), ["ticket container-unreachable web"]);
    host.sample.container("web").error = Some("exec: \"node\": executable file not found".into());
    assert_eq!(host.told(), ["page container-unreachable web"]);
}

#[test]
fn who_ends_again_and_again_is_the_cause_of_what_its_site_looks_like_in_between() {
    let mut host = Host::new();
    host.sample.inventory.taken_at = at(60);
    host.sample.restarted("web", &[10, 20, 50]);
    assert_eq!(host.told(), ["ticket container-restarting web"], "its site is served");
    host.refused();
    host.listeners = Some(Vec::new());
    assert_eq!(host.told(), ["page container-restarting web"]);
}
