//! Traffic on a real Engine: what two containers send each other shows under the destination that it crossed,
//! as the kernel counted it at the other end of the wire, whoever counts.

#[path = "traffic/counted.rs"]
mod counted;

use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use lab::{Error, Exporter, Lab, Result};

use counted::{Counted, agrees, sources, told, truth};

/// What is sent.
const PAYLOAD: f64 = 10_000_000.0;
/// Two looks, and a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// Nobody but the test sends anything.
const QUIET: &str = "probes: {dns: {enabled: false}, icmp: {enabled: false}, tcp: {enabled: false}, http: {enabled: false}, path_mtu: {enabled: false}}\n";
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

    /// Waits until the exporter says of each of a container's places what the other end of the wire says,
    /// within 1 %.
    fn agree(&self, exporter: &Exporter, container: &str) -> Result<Counted> {
        until(&format!("{container} is counted as the kernel counts it"), || {
            let truth = truth(&self.0, container, &["shop", "blog"])?;
            let told = told(&exporter.metrics()?, container);
            let agree = agrees(&truth, &told);
            if agree { Ok(told) } else { Err(Error::new(format!("told {told:?}, and it is {truth:?}"))) }
        })
    }
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
        assert_eq!(told(&page, stranger), Counted::new(), "{stranger}");
    }
    lab::check_metrics(&page)?;
    drop(exporter);

    // The Engine names interfaces and not where they lead: what is on two networks is unknown.
    let exporter = town.exporter(&[], "traffic: {source: engine}\n")?;
    let by_engine = town.agree(&exporter, "db")?;
    assert!(all.contains(&by_engine["shop"][1]), "{by_engine:?}");
    let page = exporter.metrics()?;
    assert_eq!(sources(&page), ["engine\"} 1"]);
    assert_eq!(told(&page, "api"), Counted::new());
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
