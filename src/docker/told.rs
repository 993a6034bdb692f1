//! What a line of the event stream says that happened.

use std::time::{Duration, SystemTime};

use bollard::models::{EventMessage, EventMessageTypeEnum};

use crate::inventory::Health;
use crate::inventory::seen::bounded;
use crate::inventory::told::{Deed, Told};

/// Signals by which a container is stopped; others are a program's own affair. Apache ends by SIGWINCH, systemd by
/// SIGRTMIN+3.
const ENDING: [(&str, &str); 6] = [
    ("2", "SIGINT"),
    ("3", "SIGQUIT"),
    ("9", "SIGKILL"),
    ("15", "SIGTERM"),
    ("28", "SIGWINCH"),
    ("37", "SIGRTMIN+3"),
];

/// `None` for what changes nothing that anybody would set against a fault.
pub(super) fn told(message: &EventMessage) -> Option<Told> {
    let actor = message.actor.as_ref()?;
    let attribute =
        |name: &str| actor.attributes.as_ref().and_then(|all| all.get(name)).map(|text| bounded(text));
    let action = message.action.as_deref()?;
    let id = actor.id.as_deref().map(bounded);
    let nanos = message.time_nano.and_then(|nanos| u64::try_from(nanos).ok()).filter(|nanos| *nanos > 0);
    let (deed, container, network) = match message.typ? {
        EventMessageTypeEnum::CONTAINER => {
            let deed = match action {
                "start" => Deed::Started,
                "kill" => {
                    let sent = attribute("signal")?;
                    Deed::Signalled(ENDING.iter().find(|(number, name)| sent == *number || sent == *name)?.1)
                }
                "oom" => Deed::OutOfMemory,
                // The second word is Podman's.
                "die" | "died" => {
                    let code = attribute("exitCode").or_else(|| attribute("containerExitCode"));
                    Deed::Died { exit_code: code.and_then(|code| code.trim().parse().ok()) }
                }
                "destroy" | "remove" => Deed::Destroyed,
                "pause" => Deed::Paused,
                "unpause" => Deed::Unpaused,
                "rename" => {
                    let from = attribute("oldName").unwrap_or_default();
                    Deed::Renamed { from: from.trim_start_matches('/').to_owned() }
                }
                _ => Deed::Checked(health(action.strip_prefix("health_status:")?.trim())?),
            };
            (deed, id, None)
        }
        EventMessageTypeEnum::NETWORK => {
            let deed = match action {
                "create" => Deed::NetworkCreated,
                "destroy" | "remove" => Deed::NetworkRemoved,
                "connect" => Deed::Connected,
                "disconnect" => Deed::Disconnected,
                _ => return None,
            };
            (deed, attribute("container"), id)
        }
        _ => return None,
    };
    Some(Told {
        at: nanos.map(|nanos| SystemTime::UNIX_EPOCH + Duration::from_nanos(nanos)),
        deed,
        container: container.map(str::to_owned),
        network: network.map(str::to_owned),
    })
}

fn health(word: &str) -> Option<Health> {
    match word {
        "healthy" => Some(Health::Healthy),
        "unhealthy" => Some(Health::Unhealthy),
        "starting" => Some(Health::Starting),
        _ => None,
    }
}
