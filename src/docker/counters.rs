//! What the Engine counted of a container's traffic.
//!
//! Its statistics are one look (`stream=false`, `one-shot=true`), which an older Engine takes up to a second
//! for: never to be asked in a scrape. It names interfaces, and does not say which leads to which network.

use std::io;

use bollard::errors::Error;
use bollard::models::ContainerStatsResponse;
use bollard::query_parameters::StatsOptionsBuilder;
use futures_util::StreamExt as _;

use crate::inventory::ContainerId;
use crate::netstack::{Direction, Interface};

use super::allowance::{Allowance, WORD};
use super::engine::Engine;
use super::error::EngineError;

/// As many as of the kernel's are read.
const MOST_INTERFACES: usize = 256;

impl Engine {
    /// The interfaces of a running container and what they counted, without MACs and addresses; none where
    /// it has vanished or uses another's.
    ///
    /// # Errors
    /// When there is no answer within the deadline, or none that can be understood.
    pub async fn counters(&self, container: &ContainerId) -> Result<Vec<Interface>, EngineError> {
        let allowance = Allowance::of(WORD);
        let of_the_answer = allowance.clone();
        let docker = self.client_within("stats", move || of_the_answer.clone())?;
        let once = StatsOptionsBuilder::new().stream(false).one_shot(true).build();
        let mut answers = Box::pin(docker.stats(container.as_str(), Some(once)));
        let first = async {
            // The client reads it as a stream, and does not always say why that broke.
            let why = |error| allowance.exceeded().map_or(error, |why| Error::from(io::Error::other(why)));
            answers.next().await.transpose().map_err(why)
        };
        let answer = match self.ask("stats", first).await {
            Ok(answer) => answer,
            Err(error) if error.reason == "not_found" => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        answer.map_or_else(|| Ok(Vec::new()), |answer| interfaces(answer, container))
    }
}

/// Each interface with all its counters, or not at all.
pub(super) fn interfaces(
    answer: ContainerStatsResponse,
    container: &ContainerId,
) -> Result<Vec<Interface>, EngineError> {
    // Whoever answers for another container would have its counters stand under this one's name.
    if answer.id.as_deref().is_some_and(|id| id != container.as_str()) {
        return Err(EngineError::strange("stats", "it is of another container"));
    }
    let named = answer.networks.unwrap_or_default().into_iter().take(MOST_INTERFACES);
    let read = named.filter_map(|(name, counted)| {
        let direction =
            |bytes: Option<u64>, packets: Option<u64>, errors: Option<u64>, drops: Option<u64>| {
                Some(Direction { bytes: bytes?, packets: packets?, errors: errors?, drops: drops? })
            };
        let receive = direction(counted.rx_bytes, counted.rx_packets, counted.rx_errors, counted.rx_dropped)?;
        let transmit =
            direction(counted.tx_bytes, counted.tx_packets, counted.tx_errors, counted.tx_dropped)?;
        Some(Interface { name, receive, transmit, ..Interface::default() })
    });
    Ok(read.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(answer: &str) -> Result<Vec<Interface>, EngineError> {
        let answer = serde_json::from_str(answer).expect("what the client understands");
        interfaces(answer, &ContainerId::new("abc"))
    }

    #[test]
    fn an_interface_is_read_whole_or_not_at_all() {
        let whole = r#""rx_bytes":1,"rx_packets":2,"rx_errors":3,"rx_dropped":4,"tx_bytes":5,"tx_packets":6,"tx_errors":7,"tx_dropped":8"#;
        let found = read(&format!(r#"{{"id":"abc","networks":{{"eth0":{{{whole}}}}}}}"#)).expect("read");
        let receive = Direction { bytes: 1, packets: 2, errors: 3, drops: 4 };
        let transmit = Direction { bytes: 5, packets: 6, errors: 7, drops: 8 };
        let eth0 = Interface { name: "eth0".into(), receive, transmit, ..Interface::default() };
        assert_eq!(found, [eth0]);
        for none in [
            r#"{"id":"abc"}"#,
            r#"{"id":"abc","networks":null}"#,
            r#"{"id":"abc","networks":{"eth0":{}}}"#,
            r#"{"id":"abc","networks":{"eth0":{"rx_bytes":1,"rx_packets":1,"rx_errors":1,"tx_bytes":1}}}"#,
        ] {
            assert_eq!(read(none).expect("read"), [], "{none}");
        }
    }

    #[test]
    fn another_containers_counters_are_refused() {
        let error = read(r#"{"id":"other","networks":{}}"#).expect_err("refused");
        assert_eq!(error.reason, "bad_answer");
    }
}
