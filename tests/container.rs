//! The exporter in a container of a real Engine: with the privileges that `docs/deployment.md` asks for it sees
//! everything, and without one of them it says which, calls nothing down, and does the rest.

#[path = "container/stage.rs"]
mod stage;

use lab::Result;

use stage::{KINDS, Stage, capability, page, probes};

#[test]
fn with_the_documented_privileges_it_sees_everything_and_has_nothing_more() -> Result<()> {
    let stage = Stage::set()?;
    let exporter = stage.run(&stage.documented())?;
    stage.deploy("after")?;

    for kind in KINDS {
        for (source, target) in [("before", "after"), ("after", "before")] {
            stage.until(&format!("{kind} {source} → {target}"), || {
                let metrics = page(&exporter)?;
                Ok(probes(&metrics, kind, source, target) == [1.0])
            })?;
        }
    }
    let metrics = page(&exporter)?;
    for name in ["docker_api", "network_namespaces", "icmp", "socket_diagnostics"] {
        assert_eq!(capability(&metrics, name), Some(1.0), "{name}");
    }
    assert_eq!(stage::blind(&exporter)?, Vec::<String>::new());

    let status = stage.lab.exec_on_host(&["cat", &format!("/proc/{}/status", exporter.pid())])?;
    let line = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    assert_eq!(line("CapEff:"), Some("0000000000200000"), "CAP_SYS_ADMIN is bit 21, and alone");
    assert_eq!(line("CapPrm:"), Some("0000000000200000"));
    assert_eq!(line("NoNewPrivs:"), Some("1"));
    Ok(())
}
