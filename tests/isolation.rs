//! Isolation and exposure on a real Engine: what nothing may get through, what must, and what is open to all.

use std::collections::BTreeSet;
use std::ops::Deref;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use lab::watched::Watched;
use lab::{Exporter, Lab, Result};
use serde_json::Value;

/// Two turns, and a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);
/// A process is given this long from its container's start to its first connection.
const STARTS_WITHIN: Duration = Duration::from_secs(31);
const LISTEN: [&str; 6] = ["nc", "-ll", "-p", "8090", "-e", "/bin/cat"];
const TURN: Duration = Duration::from_secs(2);
/// A turn every two seconds. `open` is meant to be reached from `shop`.
const CONFIG: &str = r#"
probes:
  isolation: {interval: 2s, timeout: 500ms}
  published_port: {interval: 2s}
isolation: {shared: [[shop, open]]}
"#;
/// Containers outlive their Engine, and nobody answers in the place of firewall rules that are gone.
const ENGINE: &str = r#"{"live-restore": true, "userland-proxy": false}"#;

/// `web` and `db` on `shop`, `post` on `blog`.
struct Town {
    watched: Watched,
    began: Instant,
}

impl Deref for Town {
    type Target = Watched;

    fn deref(&self) -> &Watched {
        &self.watched
    }
}

impl Town {
    fn build() -> Result<Self> {
        let lab = Lab::start_set(ENGINE)?;
        lab.busybox_image()?;
        lab.docker(&["network", "create", "--subnet", "10.1.0.0/24", "shop"])?;
        lab.docker(&["network", "create", "--subnet", "10.2.0.0/24", "blog"])?;
        let began = Instant::now();
        run(&lab, "web", "shop", "10.1.0.10", "8080", &["-p", "8081:8080"])?;
        run(&lab, "db", "shop", "10.1.0.11", "5432", &["-p", "5432:5432", "-p", "127.0.0.1:5433:5432"])?;
        run(&lab, "cache", "shop", "10.1.0.12", "6379", &["-p", "127.0.0.1:6379:6379"])?;
        run(&lab, "post", "blog", "10.2.0.10", "3000", &[])?;
        let binary = Path::new(env!("CARGO_BIN_EXE_destination-exporter"));
        let mut exporter = Exporter::serve(&lab, binary, CONFIG, &[])?;
        exporter.wait_ready()?;
        Ok(Self { watched: Watched::new(lab, exporter, TURN), began })
    }

    /// `code subject` of everything that holds.
    fn findings(&self) -> Result<BTreeSet<String>> {
        let report = self.exporter.report()?;
        let of = |place: &Value| place["findings"].as_array().cloned().unwrap_or_default();
        let lists = report["destinations"].as_array().into_iter().flatten().chain([&report["host"]]);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let all = lists.flat_map(of).map(|f| format!("{} {}", text(&f["code"]), text(&f["subject"]["name"])));
        // While its Engine is away the exporter says so.
        Ok(all.filter(|found| !found.starts_with("exporter-blind")).collect())
    }

    /// Waits until just these and the open database are found; nothing else may be found meanwhile.
    fn expect(&self, wanted: &[&str]) -> Result<Duration> {
        let exposed = ["port-exposed-publicly db 5432/tcp"];
        let told = wanted.iter().copied().filter(|finding| *finding != SHARED).map(str::to_owned).collect();
        let wanted: BTreeSet<String> = wanted.iter().chain(&exposed).map(ToString::to_string).collect();
        let (before, began) = (self.findings()?, Instant::now());
        loop {
            let now = self.findings()?;
            if now == wanted {
                self.note(&told, PATIENCE);
                return Ok(began.elapsed());
            }
            let strangers: Vec<&String> =
                now.iter().filter(|found| !wanted.contains(*found) && !before.contains(*found)).collect();
            assert!(strangers.is_empty(), "found meanwhile: {strangers:?}\n{:#}", self.exporter.report()?);
            let waited = began.elapsed() > PATIENCE;
            assert!(
                !waited,
                "{now:?} and not {wanted:?}\n{}\n{}",
                self.exporter.metrics()?,
                self.exporter.log()
            );
            sleep(Duration::from_millis(50));
        }
    }

    /// For so long nothing but these.
    fn stays(&self, wanted: &[&str], long: Duration) -> Result<()> {
        let began = Instant::now();
        while began.elapsed() < long {
            self.expect(wanted)?;
            sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    fn iptables(&self, args: &[&str]) -> Result<()> {
        self.lab.exec_on_host(&[&["iptables"], args].concat()).map(drop)
    }

    fn series(&self, wanted: &str) -> Result<()> {
        let began = Instant::now();
        loop {
            let page = self.exporter.metrics()?;
            if page.lines().any(|line| line == wanted) {
                return Ok(());
            }
            assert!(began.elapsed() < PATIENCE, "{wanted} is not in {page}");
            sleep(Duration::from_millis(50));
        }
    }
}

fn run(lab: &Lab, name: &str, network: &str, address: &str, port: &str, more: &[&str]) -> Result<()> {
    let run = ["run", "-d", "--name", name, "--network", network, "--ip", address];
    let serve = ["busybox", "nc", "-ll", "-p", port, "-e", "/bin/cat"];
    lab.docker(&[&run[..], more, &serve].concat()).map(drop)
}

/// For information alone.
const SHARED: &str = "isolation-shared-container web";
const BREACHED: &str = "isolation-breached blog ↔ shop";

#[test]
fn what_is_apart_and_what_is_open() -> Result<()> {
    let town = Town::build()?;
    town.expect(&[])?;
    for series in [
        r#"destination_isolation_leaks{destination="shop",peer="blog"} 0"#,
        r#"destination_isolation_leaks{destination="blog",peer="shop"} 0"#,
        r#"destination_isolation_peers{destination="shop"} 1"#,
        r#"destination_isolation_leaking_peers{destination="shop"} 0"#,
        r#"destination_published_port_up{destination="shop",workload="web",host_ip="0.0.0.0",port="8081",protocol="tcp"} 1"#,
    ] {
        town.series(series)?;
    }

    // A rule that accepts what the Engine would drop.
    town.breaks(BREACHED, "a rule that accepts before the Engine's drop");
    town.iptables(&["-I", "DOCKER-USER", "-j", "ACCEPT"])?;
    let found = town.expect(&[BREACHED])?;
    // An echo and a handshake.
    town.series(r#"destination_isolation_leaks{destination="shop",peer="blog"} 2"#)?;
    town.series(r#"destination_isolation_leaking_peers{destination="blog"} 1"#)?;
    town.stays(&[BREACHED], Duration::from_secs(3))?;
    // Whoever is on both joins them, and nobody asks any more.
    town.lab.docker(&["network", "connect", "blog", "web"])?;
    town.expect(&[SHARED])?;
    town.stays(&[SHARED], Duration::from_secs(3))?;
    town.breaks(BREACHED, "two destinations that are open to each other, and share a container no more");
    town.lab.docker(&["network", "disconnect", "blog", "web"])?;
    town.expect(&[BREACHED])?;
    town.iptables(&["-D", "DOCKER-USER", "-j", "ACCEPT"])?;
    let gone = town.expect(&[])?;
    println!("an accepting rule: found after {} ms, gone after {} ms", found.as_millis(), gone.as_millis());
    town.series(r#"destination_isolation_leaks{destination="shop",peer="blog"} 0"#)?;

    // Another network takes the range, the address and the port of one that is gone, and is meant to be reached.
    for _ in 0..2 {
        town.lab.docker(&["rm", "-f", "post"])?;
        town.lab.docker(&["network", "rm", "blog"])?;
        town.lab.docker(&["network", "create", "--subnet", "10.2.0.0/24", "open"])?;
        town.iptables(&["-I", "DOCKER-USER", "-j", "ACCEPT"])?;
        run(&town.lab, "other", "open", "10.2.0.10", "3000", &[])?;
        town.stays(&[], Duration::from_millis(2500))?;
        town.lab.docker(&["rm", "-f", "other"])?;
        town.lab.docker(&["network", "rm", "open"])?;
        town.iptables(&["-D", "DOCKER-USER", "-j", "ACCEPT"])?;
        town.lab.docker(&["network", "create", "--subnet", "10.2.0.0/24", "blog"])?;
        run(&town.lab, "post", "blog", "10.2.0.10", "3000", &[])?;
        town.stays(&[], Duration::from_millis(500))?;
    }

    let started = Instant::now();
    let run = ["run", "-d", "--name", "idle", "--network", "shop", "--ip", "10.1.0.20", "-p", "8090:8090"];
    let listen = format!("{} & exec sleep 600", LISTEN.join(" "));
    town.lab.docker(&[&run[..], &["busybox", "sh", "-c", &listen]].concat())?;

    // Another firewall's reload: what keeps apart is gone, and what lets in.
    sleep(Duration::from_secs(31).saturating_sub(town.began.elapsed()));
    town.breaks("host-firewall-chains-missing host", "rules that keep apart and let in are flushed");
    town.iptables(&["-F", "DOCKER-ISOLATION-STAGE-1"])?;
    town.iptables(&["-t", "nat", "-F", "DOCKER"])?;
    // Four ports at once and what gets across are one fault.
    let found = town.expect(&["host-firewall-chains-missing host"])?;
    town.series(
        r#"destination_published_port_up{destination="shop",workload="web",host_ip="0.0.0.0",port="8081",protocol="tcp"} 0"#,
    )?;
    town.lab.end_engine("TERM")?;
    town.lab.start_engine()?;
    let gone = town.expect(&[])?;
    println!("flushed chains: found after {} ms, gone after {} ms", found.as_millis(), gone.as_millis());

    // Its process ends, and the container does not.
    let idle = "published-port-unreachable idle 8090/tcp";
    sleep(STARTS_WITHIN.saturating_sub(started.elapsed()));
    town.breaks(idle, "a published port behind which nobody listens any more");
    town.lab.docker(&["exec", "idle", "killall", "nc"])?;
    let found = town.expect(&[idle])?;
    town.lab.docker(&[&["exec", "-d", "idle"], &LISTEN[..]].concat())?;
    let gone = town.expect(&[])?;
    println!("an idle port: found after {} ms, gone after {} ms", found.as_millis(), gone.as_millis());
    Ok(())
}
