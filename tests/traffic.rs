//! Traffic on a real Engine: what two containers send each other shows under the destination that it crossed,
//! as the kernel counted it at the other end of the wire, whoever counts.

use std::collections::BTreeMap;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use lab::{Error, Exporter, Lab, Result};

/// What is sent.
const PAYLOAD: f64 = 10_000_000.0;
/// Two looks, and a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// Nobody but the test sends anything.
const QUIET: &str = "probes: {dns: {enabled: false}, icmp: {enabled: false}, tcp: {enabled: false}, http: {enabled: false}}\n";
/// Takes what is sent, and throws it away.
const SINK: &str = "nc -ll -p 9000 -e /bin/sh -c 'cat >/dev/null'";

/// `api` on `shop` and `blog`; `db` on `shop`; and three that have no place of their own on either.
struct Town(Lab);

impl Town {
    fn build() -> Result<Self> {
        let lab = Lab::start()?;
        let busybox = lab.busybox_image()?;
        for network in ["shop", "blog"] {
            lab.docker(&["network", "create", network])?;
        }
        for (name, network, command) in [
            ("api", "shop", SINK),
            ("db", "shop", "sleep 9999"),
            ("onhost", "host", "sleep 9999"),
            ("sidecar", "container:api", "sleep 9999"),
            ("alone", "none", "sleep 9999"),
        ] {
            lab.docker(&["run", "-d", "--name", name, "--network", network, &busybox, "sh", "-c", command])?;
        }
        lab.docker(&["network", "connect", "blog", "api"])?;
        Ok(Self(lab))
    }

    fn exporter(&self, by: &[&str], traffic: &str) -> Result<Exporter> {
        let binary = Path::new(env!("CARGO_BIN_EXE_destination-exporter"));
        let mut exporter = Exporter::serve_by(&self.0, by, binary, &format!("{QUIET}{traffic}"), &[])?;
        exporter.wait_ready()?;
        Ok(exporter)
    }

    /// The payload, from `db` to `api` over `shop`.
    fn send(&self) -> Result<()> {
        let format = "{{.NetworkSettings.Networks.shop.IPAddress}}";
        let address = self.0.docker(&["inspect", "-f", format, "api"])?;
        let send = format!("head -c {PAYLOAD} /dev/zero | nc {address} 9000");
        self.0.docker(&["exec", "db", "sh", "-c", &send]).map(drop)
    }

    /// What the other ends of a container's interfaces counted, on the host, by the network whose bridge they
    /// are in: bytes that the container received, and that it sent.
    fn truth(&self, container: &str) -> Result<BTreeMap<String, [f64; 2]>> {
        let peers = "cat /sys/class/net/eth*/iflink";
        let peers = self.0.docker(&["exec", container, "sh", "-c", peers])?;
        let ends = "for v in /sys/class/net/veth*; do echo \"$(cat $v/ifindex) $(basename $(readlink $v/master)) \
                    $(cat $v/statistics/tx_bytes) $(cat $v/statistics/rx_bytes)\"; done";
        let ends = self.0.exec_on_host(&["sh", "-c", ends])?;
        let mut truth = BTreeMap::new();
        for network in ["shop", "blog"] {
            let id = self.0.docker(&["network", "inspect", "-f", "{{.Id}}", network])?;
            let bridge = format!("br-{}", id.get(..12).unwrap_or_default());
            for line in ends.lines() {
                let [index, master, sent, received] = line.split(' ').collect::<Vec<_>>()[..] else {
                    return Err(Error::new(format!("an odd line of the host's interfaces: {line:?}")));
                };
                if master == bridge && peers.lines().any(|peer| peer == index) {
                    truth.insert(network.to_owned(), [number(sent), number(received)]);
                }
            }
        }
        Ok(truth)
    }

    /// Waits until the exporter says of each of a container's places what the other end of the wire says,
    /// within 1 %.
    fn agree(&self, exporter: &Exporter, container: &str) -> Result<BTreeMap<String, [f64; 2]>> {
        until(&format!("{container} is counted as the kernel counts it"), || {
            let (truth, told) = (self.truth(container)?, told(&exporter.metrics()?, container));
            let near = |truth: &[f64; 2], told: &[f64; 2]| {
                truth.iter().zip(told).all(|(truth, told)| (truth - told).abs() <= truth / 100.0)
            };
            let agree = truth.len() == told.len()
                && truth.iter().zip(&told).all(|((a, truth), (b, told))| a == b && near(truth, told));
            if agree { Ok(told) } else { Err(Error::new(format!("told {told:?}, and it is {truth:?}"))) }
        })
    }
}

/// What the exporter tells of a container: bytes received and sent, by destination.
fn told(page: &str, container: &str) -> BTreeMap<String, [f64; 2]> {
    let mut told = BTreeMap::<_, [f64; 2]>::new();
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

fn sources(page: &str) -> Vec<&str> {
    page.lines().filter_map(|line| line.strip_prefix("destination_traffic_source{source=\"")).collect()
}

fn number(text: &str) -> f64 {
    text.parse().unwrap_or_else(|_| panic!("{text:?} is no number"))
}

/// The first answer that is none but `Err`; the last error where there is none in time.
fn until<T>(what: &str, mut look: impl FnMut() -> Result<T>) -> Result<T> {
    let began = Instant::now();
    loop {
        match look() {
            Ok(seen) => return Ok(seen),
            Err(error) if began.elapsed() > PATIENCE => panic!("not in {PATIENCE:?}: {what}: {error}"),
            Err(_) => sleep(Duration::from_millis(100)),
        }
    }
}

fn holds(what: bool) -> Result<()> {
    if what { Ok(()) } else { Err(Error::new("it does not hold")) }
}

#[test]
fn what_is_sent_shows_where_it_crossed_and_nowhere_else_whoever_counts() -> Result<()> {
    let town = Town::build()?;
    let exporter = town.exporter(&[], "")?;
    town.send()?;
    let api = town.agree(&exporter, "api")?;
    let db = town.agree(&exporter, "db")?;
    let all = PAYLOAD..PAYLOAD * 1.1;
    let little = 0.0..PAYLOAD / 20.0;
    assert!(all.contains(&api["shop"][0]) && little.contains(&api["shop"][1]), "{api:?}");
    assert!(api["blog"].iter().all(|bytes| little.contains(bytes)), "{api:?}");
    assert!(all.contains(&db["shop"][1]) && little.contains(&db["shop"][0]), "{db:?}");
    assert!(!db.contains_key("blog"), "{db:?}");
    let page = exporter.metrics()?;
    assert_eq!(sources(&page), ["kernel\"} 1"]);
    for stranger in ["onhost", "sidecar", "alone"] {
        assert_eq!(told(&page, stranger), BTreeMap::new(), "{stranger}");
    }
    lab::check_metrics(&page)?;
    drop(exporter);

    // The Engine names interfaces and not where they lead: what is on two networks is unknown.
    let exporter = town.exporter(&[], "traffic: {source: engine}\n")?;
    let by_engine = town.agree(&exporter, "db")?;
    assert!(all.contains(&by_engine["shop"][1]), "{by_engine:?}");
    let page = exporter.metrics()?;
    assert_eq!(sources(&page), ["engine\"} 1"]);
    assert_eq!(told(&page, "api"), BTreeMap::new());
    drop(exporter);

    // Who may enter no namespace asks the Engine of its own accord.
    let exporter = town.exporter(&["setpriv", "--bounding-set", "-sys_admin"], "")?;
    town.agree(&exporter, "db")?;
    assert_eq!(sources(&exporter.metrics()?), ["engine\"} 1"]);
    Ok(())
}

#[test]
fn who_is_gone_leaves_nothing_and_who_comes_after_under_the_name_has_counters_of_its_own() -> Result<()> {
    let town = Town::build()?;
    let exporter = town.exporter(&[], "")?;
    town.send()?;
    assert!(town.agree(&exporter, "db")?["shop"][1] >= PAYLOAD);

    // A redeploy.
    town.0.docker(&["rm", "-f", "db"])?;
    until("the old one's counters are gone", || holds(told(&exporter.metrics()?, "db").is_empty()))?;
    town.0.docker(&["run", "-d", "--name", "db", "--network", "shop", "busybox", "sleep", "9999"])?;
    let db = town.agree(&exporter, "db")?;
    assert!(db["shop"][1] < PAYLOAD / 20.0, "{db:?}");

    // The same container, taken off and put back: another interface.
    town.send()?;
    assert!(town.agree(&exporter, "db")?["shop"][1] >= PAYLOAD);
    town.0.docker(&["network", "disconnect", "shop", "db"])?;
    until("what is off the destination has no series", || {
        holds(told(&exporter.metrics()?, "db").is_empty())
    })?;
    town.0.docker(&["network", "connect", "shop", "db"])?;
    let db = town.agree(&exporter, "db")?;
    assert!(db["shop"][1] < PAYLOAD / 20.0, "{db:?}");

    // Begins anew with the container.
    town.send()?;
    assert!(town.agree(&exporter, "db")?["shop"][1] >= PAYLOAD);
    town.0.docker(&["restart", "-t", "0", "db"])?;
    let db = town.agree(&exporter, "db")?;
    assert!(db["shop"][1] < PAYLOAD / 20.0, "{db:?}");
    Ok(())
}
