//! A container whose inspection failed: its row of the listing, and what was known of it before.

use bollard::models::{ContainerInspectResponse, ContainerSummary};

use super::translate;
use crate::inventory::seen::SeenContainer;

/// What was known still holds while the container is in the same state; what its row says is newer.
pub(super) fn container(row: ContainerSummary, known: Option<&SeenContainer>) -> SeenContainer {
    let row = translate::container(row, ContainerInspectResponse::default(), "");
    // One that runs and has no process was never inspected.
    let was_inspected = |known: &&SeenContainer| known.pid > 0 || !known.state.has_namespace();
    match known.filter(|known| known.state == row.state).filter(was_inspected) {
        Some(known) => SeenContainer { exit_code: row.exit_code.or(known.exit_code), ..known.clone() },
        None => row,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::inventory::RunState;

    fn row(state: &str, status: &str) -> ContainerSummary {
        serde_json::from_value(json!({"Id": "a", "Names": ["/web"], "State": state, "Status": status}))
            .unwrap()
    }

    fn inspected(state: &str, pid: i64, code: i64) -> SeenContainer {
        let told: Value = json!({
            "State": {"Status": state, "Pid": pid, "ExitCode": code},
            "HostConfig": {"RestartPolicy": {"Name": "always"}},
        });
        translate::container(row(state, ""), serde_json::from_value(told).unwrap(), "")
    }

    #[test]
    fn what_was_known_holds_in_the_same_state() {
        for (state, pid, code) in [("exited", 0, 3), ("created", 0, 0), ("running", 7, 0), ("paused", 7, 0)] {
            let known = inspected(state, pid, code);
            let found = container(row(state, ""), Some(&known));
            let facts = (found.pid, found.exit_code, found.restart_policy.as_str());
            assert_eq!(facts, (known.pid, known.exit_code, "always"), "{state}");
        }
        let known = inspected("running", 7, 0);
        let found = container(row("exited", "Exited (1) 2 minutes ago"), Some(&known));
        assert_eq!((found.state, found.pid, found.exit_code), (RunState::Exited, 0, Some(1)));
        // Only its row was ever seen.
        let found = container(row("running", ""), Some(&inspected("running", 0, 0)));
        assert_eq!(found.restart_policy, "");
    }

    #[test]
    fn how_it_ended_is_in_its_row_too() {
        for (status, known, expected) in [
            ("Exited (0) 2 hours ago", None, Some(0)),
            ("Exited (137) About a minute ago", None, Some(137)),
            // It ran again since.
            ("Exited (1) 1 second ago", Some(0), Some(1)),
            ("", Some(3), Some(3)),
            ("Exited (x) 1 second ago", None, None),
            ("Exited (0", None, None),
            ("Dead", None, None),
            ("", None, None),
        ] {
            let known = known.map(|code| inspected("exited", 0, code));
            let found = container(row("exited", status), known.as_ref());
            assert_eq!(found.exit_code, expected, "{status:?}");
        }
        let found = container(row("running", "Exited (1) 1 second ago"), None);
        assert_eq!(found.exit_code, None, "what runs has not ended");
    }
}
