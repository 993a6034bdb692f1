//! Bytes of containers by destination: as the exporter tells them, and as the kernel counted them at the other
//! end of the wire.

use std::collections::BTreeMap;

use lab::{Error, Lab, Result};

/// Received and sent, by destination.
pub type Counted = BTreeMap<String, [f64; 2]>;

/// What the exporter's page tells of a container.
pub fn told(page: &str, container: &str) -> Counted {
    let mut told = Counted::new();
    for (way, place) in [("receive", 0), ("transmit", 1)] {
        let name = format!("destination_container_network_{way}_bytes_total{{");
        let of_container = format!("container=\"{container}\"");
        for line in page.lines().filter(|line| line.starts_with(&name) && line.contains(&of_container)) {
            let destination = line.split("destination=\"").nth(1).and_then(|rest| rest.split('"').next());
            let value = number(line.rsplit(' ').next().unwrap_or_default());
            told.entry(destination.unwrap_or_default().to_owned()).or_default()[place] = value;
        }
    }
    told
}

/// Who counts, as the page says: lines of `kernel"} 1`.
pub fn sources(page: &str) -> Vec<&str> {
    page.lines().filter_map(|line| line.strip_prefix("destination_traffic_source{source=\"")).collect()
}

/// What the other ends of a container's interfaces counted, on the host, by the network whose bridge they are in:
/// a bridge is known by the gateway's address.
pub fn truth(lab: &Lab, container: &str, networks: &[&str]) -> Result<Counted> {
    let peers = "cat /sys/class/net/eth*/iflink";
    let peers = lab.docker(&["exec", container, "sh", "-c", peers])?;
    let ends = "for v in /sys/class/net/veth*; do echo \"$(cat $v/ifindex) $(basename $(readlink $v/master)) \
                $(cat $v/statistics/tx_bytes) $(cat $v/statistics/rx_bytes)\"; done";
    let ends = lab.exec_on_host(&["sh", "-c", ends])?;
    let bridges = lab.exec_on_host(&["ip", "-o", "-4", "address"])?;
    let mut truth = Counted::new();
    for network in networks {
        let gateway =
            format!("{{{{with index .NetworkSettings.Networks {network:?}}}}}{{{{.Gateway}}}}{{{{end}}}}");
        let gateway = lab.docker(&["inspect", "-f", &gateway, container])?;
        if gateway.is_empty() {
            continue;
        }
        let gateway = format!("{gateway}/");
        for line in ends.lines() {
            let [index, master, sent, received] = line.split(' ').collect::<Vec<_>>()[..] else {
                return Err(Error::new(format!("an odd line of the host's interfaces: {line:?}")));
            };
            let is_here = bridges.lines().any(|line| {
                let mut words = line.split_whitespace().skip(1);
                words.next() == Some(master) && words.any(|word| word.starts_with(&gateway))
            });
            if is_here && peers.lines().any(|peer| peer == index) {
                truth.insert((*network).to_owned(), [number(sent), number(received)]);
            }
        }
    }
    Ok(truth)
}

/// Agrees within 1 %, of every destination and in both directions.
pub fn agrees(truth: &Counted, told: &Counted) -> bool {
    let near = |truth: &[f64; 2], told: &[f64; 2]| {
        truth.iter().zip(told).all(|(truth, told)| (truth - told).abs() <= truth / 100.0)
    };
    truth.len() == told.len()
        && truth.iter().zip(told).all(|((a, truth), (b, told))| a == b && near(truth, told))
}

fn number(text: &str) -> f64 {
    text.parse().unwrap_or_else(|_| panic!("{text:?} is no number"))
}
