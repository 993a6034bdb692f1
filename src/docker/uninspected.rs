//! A container whose inspection failed: its row of the listing, and what was known of it before.

use bollard::models::{ContainerInspectResponse, ContainerSummary};

use super::translate;
use crate::inventory::seen::{SeenContainer, SeenEndpoint};

/// What was known still holds while the container is in the same state; what its row says is newer: what it
/// is called, and where it is.
pub(super) fn container(row: ContainerSummary, known: Option<&SeenContainer>) -> SeenContainer {
    let says_where = row.network_settings.as_ref().is_some_and(|settings| settings.networks.is_some());
    let row = translate::container(row, ContainerInspectResponse::default(), "");
    // One that runs and has no process was never inspected.
    let was_inspected = |known: &&SeenContainer| known.pid > 0 || !known.state.has_namespace();
    let Some(known) = known.filter(|known| known.state == row.state).filter(was_inspected) else {
        return row;
    };
    SeenContainer {
        name: if row.name.is_empty() { known.name.clone() } else { row.name },
        exit_code: row.exit_code.or(known.exit_code),
        endpoints: if says_where { placed(row.endpoints, known) } else { known.endpoints.clone() },
        ..known.clone()
    }
}

/// The endpoints of the row; one that is where it was has the names that it had.
fn placed(endpoints: Vec<SeenEndpoint>, known: &SeenContainer) -> Vec<SeenEndpoint> {
    let as_known = |of_row: SeenEndpoint| {
        let stayed = known.endpoints.iter().find(|e| place(e) == place(&of_row)).cloned();
        stayed.unwrap_or(of_row)
    };
    endpoints.into_iter().map(as_known).collect()
}

fn place(endpoint: &SeenEndpoint) -> [&str; 4] {
    [&endpoint.network_id, &endpoint.ipv4, &endpoint.ipv6, &endpoint.mac]
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
    fn where_it_is_is_in_its_row() {
        let on = |network: &str, address: &str, mac: &str, names: Value| json!({"NetworkID": network, "IPAddress": address, "MacAddress": mac, "DNSNames": names});
        let here = on("1", "10.0.1.2", "02:42:0A:00:01:02", json!(["web", "www"]));
        let told = json!({
            "State": {"Status": "running", "Pid": 7},
            "NetworkSettings": {"SandboxKey": "/netns/1", "Networks": {
                "shop": here, "blog": on("2", "10.0.2.2", "", json!(["web", "news"])),
            }},
        });
        let known = translate::container(row("running", ""), serde_json::from_value(told).unwrap(), "");
        let stays = || on("1", "10.0.1.2", "02:42:0a:00:01:02", Value::Null);
        let not_told = ["10.0.2.2 web,news", "10.0.1.2 web,www"];
        for (networks, expected) in [
            (json!({"shop": stays()}), vec!["10.0.1.2 web,www"]),
            (json!({"shop": on("1", "10.0.1.9", "", Value::Null)}), vec!["10.0.1.9 "]),
            (json!({"shop": on("1", "10.0.1.2", "02:42:0a:00:01:99", Value::Null)}), vec!["10.0.1.2 "]),
            (json!({"shop": on("9", "10.0.1.2", "02:42:0a:00:01:02", Value::Null)}), vec!["10.0.1.2 "]),
            (
                json!({"shop": stays(), "town": on("3", "10.0.3.2", "", Value::Null)}),
                vec!["10.0.1.2 web,www", "10.0.3.2 "],
            ),
            (json!({}), vec![]),
            // Not told where: as it was.
            (Value::Null, not_told.to_vec()),
        ] {
            let row = json!({
                "Id": "a", "Names": ["/renamed"], "State": "running", "NetworkSettings": {"Networks": networks},
            });
            let found = container(serde_json::from_value(row).unwrap(), Some(&known));
            assert_eq!(
                (found.name.as_str(), found.sandbox_key.as_str(), found.pid),
                ("renamed", "/netns/1", 7)
            );
            let endpoints = found.endpoints.iter().map(|e| format!("{} {}", e.ipv4, e.dns_names.join(",")));
            assert_eq!(endpoints.collect::<Vec<_>>(), expected);
        }
        let nothing = serde_json::from_value(json!({"Id": "a", "State": "running"})).unwrap();
        let found = container(nothing, Some(&known));
        assert_eq!((found.name.as_str(), found.endpoints.len()), ("web", 2));
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
