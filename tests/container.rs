//! The exporter in a container of a real Engine: with the privileges that `docs/deployment.md` asks for it sees
//! everything, and without one of them it says which, calls nothing down, and does the rest.

#[path = "trust/authority.rs"]
mod authority;
#[path = "container/files.rs"]
mod files;
#[path = "container/monitoring.rs"]
mod monitoring;
#[path = "container/own_user.rs"]
mod own_user;
#[path = "container/proxied.rs"]
mod proxied;
#[path = "container/remote.rs"]
mod remote;
#[path = "container/stage.rs"]
mod stage;

use std::fs;
use std::path::Path;

use lab::{Contained, Exporter, Result};

use stage::{KINDS, Serves, Stage, capability, page, probes, values};

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
    // It does not ask for what only names causes.
    assert_eq!(capability(&metrics, "firewall"), Some(0.0));

    may_no_more(&stage, exporter.pid(), SYS_ADMIN)?;
    // As the image's own HEALTHCHECK, from inside.
    let asks = ["exec", "exporter", "/destination-exporter", "healthcheck", "--web.listen-address=:10061"];
    assert_eq!(stage.lab.docker(&asks)?, "healthy: http://127.0.0.1:10061/-/healthy");
    Ok(())
}

#[test]
fn with_net_admin_besides_it_reads_the_hosts_firewall() -> Result<()> {
    let stage = Stage::set()?;
    let more = ["--cap-add", "NET_ADMIN"].map(str::to_owned);
    let exporter = stage.run(&[&stage.documented()[..], &more].concat())?;
    stage.until("the firewall is read", || Ok(capability(&page(&exporter)?, "firewall") == Some(1.0)))?;
    assert_eq!(stage::blind(&exporter)?, Vec::<String>::new());
    // Bits 21 and 12.
    may_no_more(&stage, exporter.pid(), "0000000000201000")
}

/// Bit 21, alone.
const SYS_ADMIN: &str = "0000000000200000";
/// And bits 19, 13 and 12: `CAP_SYS_PTRACE`, `CAP_NET_RAW`, `CAP_NET_ADMIN`.
const OF_ROOT: &str = "0000000000283000";

/// Every thread has these capabilities and gets no further one.
fn may_no_more(stage: &Stage, pid: &str, set: &str) -> Result<()> {
    let every = format!("cat /proc/{pid}/task/*/status");
    let status = stage.lab.exec_on_host(&["sh", "-c", &every])?;
    let lines = |name: &str| -> Vec<String> {
        let of = status.lines().filter_map(|line| line.strip_prefix(name));
        of.map(|value| value.trim().to_owned()).collect()
    };
    let threads = lines("Name:").len();
    assert!(threads > 1, "the one that enters namespaces, too: {status}");
    let none = "0000000000000000";
    for (name, value) in [
        ("CapInh:", none),
        ("CapPrm:", set),
        ("CapEff:", set),
        ("CapBnd:", set),
        ("CapAmb:", none),
        ("NoNewPrivs:", "1"),
    ] {
        assert_eq!(lines(name), vec![value; threads], "{name}");
    }
    Ok(())
}

/// What every kind of blindness to namespaces has in common. `says` are words of the finding.
fn is_blind_to_namespaces(stage: &Stage, exporter: &impl Serves, says: &[&str]) -> Result<()> {
    stage.until("told in words", || {
        let blind = stage::blind(exporter)?.concat();
        Ok(says.iter().all(|words| blind.contains(words)))
    })?;
    stage.until("the capability is 0", || {
        Ok(capability(&page(exporter)?, "network_namespaces") == Some(0.0))
    })?;
    stage.unknown_grows(exporter)?;
    stage.shop_has(exporter, 1)?;
    let metrics = page(exporter)?;
    assert_eq!(values(&metrics, "destination_probe_success", &[]), Vec::<f64>::new(), "nobody looked");
    assert_eq!(capability(&metrics, "docker_api"), Some(1.0));
    assert_eq!(stage::down(exporter)?, Vec::<String>::new());
    Ok(())
}

#[test]
fn as_documented_the_server_itself_reads_and_acts_and_no_container_reaches_it() -> Result<()> {
    let stage = Stage::set()?;
    let exporter = stage.run(&stage.documented())?;
    stage.until("the first round", || Ok(exporter.get("/-/ready")?.status == 200))?;
    assert_eq!(exporter.ask("POST", "/diagnostics/run")?.status, 200);
    let from_a_container = stage.reads("before", &stage.gateway()?)?;
    assert!(!from_a_container.contains("HTTP/1"), "{from_a_container}");
    Ok(())
}

#[test]
fn with_a_network_of_its_own_its_neighbours_read_and_nobody_acts() -> Result<()> {
    let stage = Stage::set()?;
    let mut options = stage.documented();
    let at = options.iter().position(|option| option == "--network").expect("it is documented");
    options[at + 1] = "shop".into();
    let exporter = stage.run(&options)?;
    stage.until("the first round", || Ok(exporter.get("/-/ready")?.status == 200))?;
    assert_eq!(exporter.ask("POST", "/diagnostics/run")?.status, 403);
    let from_a_container = stage.reads("before", "exporter")?;
    assert!(from_a_container.starts_with("HTTP/1.0 200"), "{from_a_container}");
    Ok(())
}

#[test]
fn a_neighbour_that_takes_many_connections_leaves_the_others_theirs() -> Result<()> {
    let stage = Stage::set()?;
    let mut options = stage.documented();
    let at = options.iter().position(|option| option == "--network").expect("it is documented");
    options[at + 1] = "shop".into();
    let exporter = stage.run(&options)?;
    stage.until("it answers", || Ok(exporter.get("/-/healthy")?.status == 200))?;
    // They end when the exporter has waited long enough for a request.
    let hold = "for i in $(seq 16); do sleep 60 | nc exporter 10061 >/dev/null 2>&1 & done; sleep 3600";
    stage.lab.docker(&["exec", "-d", "before", "sh", "-c", hold])?;
    let mut refused = false;
    for _ in 0..50 {
        refused = !stage.reads("before", "exporter")?.contains("HTTP/1");
        if refused {
            break;
        }
    }
    assert!(refused, "one more was let in each time");
    assert_eq!(exporter.get("/-/healthy")?.status, 200, "another caller");
    stage.until("its places are given back", || Ok(stage.reads("before", "exporter")?.contains("HTTP/1")))
}

#[test]
fn without_sys_admin_it_says_so_and_the_inventory_is_served() -> Result<()> {
    let stage = Stage::set()?;
    let mut options = stage.documented();
    let at = options.iter().position(|option| option == "SYS_ADMIN").expect("it is documented");
    options.drain(at - 1..=at);
    let exporter = stage.run(&options)?;
    is_blind_to_namespaces(&stage, &exporter, &["CAP_SYS_ADMIN is missing", "--cap-add SYS_ADMIN"])
}

#[test]
fn without_the_folder_of_namespaces_it_says_which_and_the_inventory_is_served() -> Result<()> {
    let stage = Stage::set()?;
    let options = Stage::privileges().into_iter().chain(stage.socket()).collect::<Vec<_>>();
    let exporter = stage.run(&options)?;
    let folder = stage.lab.namespaces();
    let option = format!("-v {0}:{0}:ro,rslave", folder.display());
    is_blind_to_namespaces(&stage, &exporter, &["is not there", &option])
}

#[test]
fn a_private_mount_is_told_before_a_container_is_missed_and_the_later_one_is_unknown() -> Result<()> {
    let stage = Stage::set()?;
    let mounts = stage.socket().into_iter().chain(stage.namespaces("ro"));
    let exporter = stage.run(&Stage::privileges().into_iter().chain(mounts).collect::<Vec<_>>())?;
    stage.until("told at start", || {
        let blind = stage::blind(&exporter)?.concat();
        Ok(blind.contains("as they were when it started") && blind.contains(":ro,rslave"))
    })?;
    let log = Contained::log(&stage.lab)?;
    assert!(log.contains("level=error") && log.contains("is mounted private"), "{log}");

    stage.deploy("after")?;
    // Who was there before still looks, and the later one is reached; its ports nobody can read, nor look from it.
    for kind in ["dns", "icmp"] {
        // Whoever was looked into last: what can still be entered takes nothing back.
        assert_eq!(capability(&page(&exporter)?, "network_namespaces"), Some(0.0));
        stage.until(&format!("{kind} before → after"), || {
            Ok(probes(&page(&exporter)?, kind, "before", "after") == [1.0])
        })?;
    }
    stage.unknown_grows(&exporter)?;
    stage.shop_has(&exporter, 2)?;
    let metrics = page(&exporter)?;
    for kind in KINDS {
        assert_eq!(probes(&metrics, kind, "after", "before"), Vec::<f64>::new(), "{kind}");
    }
    assert_eq!(capability(&metrics, "network_namespaces"), Some(0.0));
    assert_eq!(stage::down(&exporter)?, Vec::<String>::new());
    Ok(())
}

/// Without the Engine nothing is known, and nothing is said but that.
fn has_no_engine(stage: &Stage, exporter: &Contained, says: &[&str]) -> Result<()> {
    stage.until("told in words", || {
        let blind = stage::blind(exporter)?.concat();
        Ok(says.iter().all(|words| blind.contains(words)))
    })?;
    let metrics = page(exporter)?;
    assert_eq!(capability(&metrics, "docker_api"), Some(0.0));
    assert_eq!(values(&metrics, "destination_exporter_docker_up", &[]), [0.0]);
    assert_eq!(values(&metrics, "destination_probe_success", &[]), Vec::<f64>::new());
    assert_eq!(values(&metrics, "destination_healthy", &[]), Vec::<f64>::new());
    assert_eq!(stage::down(exporter)?, Vec::<String>::new());
    assert_eq!(exporter.get("/-/healthy")?.status, 200, "the exporter itself lives");
    assert_eq!(exporter.get("/-/ready")?.status, 503);
    Ok(())
}

#[test]
fn without_the_socket_it_says_so() -> Result<()> {
    let stage = Stage::set()?;
    let options: Vec<String> = Stage::privileges().into_iter().chain(stage.namespaces("ro,rslave")).collect();
    let exporter = stage.run(&options)?;
    has_no_engine(
        &stage,
        &exporter,
        &["/var/run/docker.sock", "-v /var/run/docker.sock:/var/run/docker.sock:ro"],
    )
}

#[test]
fn a_socket_that_may_not_be_opened_is_told_from_one_that_is_not_there() -> Result<()> {
    let stage = Stage::set()?;
    // As a rootless Engine's: root without CAP_DAC_OVERRIDE is a stranger to it.
    stage.lab.exec_on_host(&["chown", "1000:1000", "/run/docker.sock"])?;
    let socket = ["-v".to_owned(), "/run/docker.sock:/var/run/docker.sock:ro".to_owned()];
    let mounts = socket.into_iter().chain(stage.namespaces("ro,rslave"));
    let mut options: Vec<String> = Stage::privileges().into_iter().chain(mounts).collect();
    let exporter = stage.run(&options)?;
    has_no_engine(&stage, &exporter, &["ermission denied", "--group-add"])?;

    stage.lab.docker(&["rm", "-f", "exporter"])?;
    options.extend(["--group-add".to_owned(), "1000".to_owned()]);
    let exporter = stage.run(&options)?;
    stage.until("the option that was named gives it", || {
        let metrics = page(&exporter)?;
        Ok(["docker_api", "network_namespaces"].iter().all(|name| capability(&metrics, name) == Some(1.0)))
    })
}

#[test]
fn root_on_the_host_sees_everything() -> Result<()> {
    let stage = Stage::set()?;
    let exporter = stage.on_host(&[])?;
    sees_everything_from_the_host(&stage, &exporter)?;
    may_no_more(&stage, &exporter.pid()?, OF_ROOT)
}

#[test]
fn root_on_the_host_opens_another_users_socket_and_keeps_what_that_takes() -> Result<()> {
    let stage = Stage::set()?;
    stage.lab.exec_on_host(&["chown", "1000:1000", "/run/docker.sock"])?;
    let exporter = stage.on_host(&[])?;
    sees_everything_from_the_host(&stage, &exporter)?;
    // And bit 1: CAP_DAC_OVERRIDE.
    may_no_more(&stage, &exporter.pid()?, "0000000000283002")
}

#[test]
fn root_on_the_host_goes_by_proc_where_the_folder_of_namespaces_is_hidden() -> Result<()> {
    let stage = Stage::set()?;
    let folder = stage.lab.namespaces().display().to_string();
    // In a mount namespace of its own, in which nothing of the folder shows.
    let hide = format!("mount -t tmpfs tmpfs '{folder}' && exec \"$@\"");
    let exporter = stage.on_host(&["unshare", "--mount", "sh", "-c", &hide, "sh"])?;
    sees_everything_from_the_host(&stage, &exporter)
}

#[test]
fn on_the_host_the_one_capability_of_its_unit_is_enough() -> Result<()> {
    let stage = Stage::set()?;
    // As deploy/destination-exporter.service: mounts arrive and do not go back, SYS_ADMIN alone, no new privileges.
    let exporter = stage.on_host(&[
        "prlimit",
        "--nofile=256:3000",
        "unshare",
        "--mount",
        "--propagation",
        "slave",
        "setpriv",
        "--bounding-set",
        "-all,+sys_admin",
        "--no-new-privs",
    ])?;
    sees_everything_from_the_host(&stage, &exporter)?;
    may_no_more(&stage, &exporter.pid()?, SYS_ADMIN)?;
    let descriptors = values(&page(&exporter)?, "process_max_fds", &[]);
    assert_eq!(descriptors, [3000.0], "systemd gives 1024 and lets it be raised");
    Ok(())
}

fn sees_everything_from_the_host(stage: &Stage, exporter: &Exporter) -> Result<()> {
    stage.deploy("after")?;
    for kind in KINDS {
        for (source, target) in [("before", "after"), ("after", "before")] {
            stage.until(&format!("{kind} {source} → {target}"), || {
                Ok(probes(&page(exporter)?, kind, source, target) == [1.0])
            })?;
        }
    }
    let metrics = page(exporter)?;
    for name in ["docker_api", "network_namespaces", "icmp", "socket_diagnostics"] {
        assert_eq!(capability(&metrics, name), Some(1.0), "{name}");
    }
    assert_eq!(stage::blind(exporter)?, Vec::<String>::new());
    Ok(())
}

#[test]
fn what_is_documented_is_what_is_tested() {
    let read = |file: &str| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    let page = read("docs/deployment.md").replace("\\\n ", "");
    let command = page.lines().find(|line| line.starts_with("docker run -d")).expect("the command");
    let words: Vec<&str> = command.split_whitespace().collect();
    let tested = Stage::privileges();
    assert!(words.windows(tested.len()).any(|some| some == tested), "{tested:?} is not in {command}");
    assert_eq!(words.iter().filter(|word| **word == "--cap-add").count(), 1);
    let listen = "--web.listen-address=127.0.0.1:10061";
    assert!(command.ends_with(&format!("destination-exporter serve {listen}")), "on loopback: {command}");
    for mount in [
        "/var/run/docker.sock:/var/run/docker.sock:ro",
        "/var/run/docker/netns:/var/run/docker/netns:ro,rslave",
    ] {
        assert!(words.contains(&mount), "{mount}");
    }
    // The files that say the same in other words.
    for (file, lines) in [
        (
            "deploy/compose.yaml",
            &[
                "read_only: true",
                "cap_drop: [ALL]",
                "cap_add: [SYS_ADMIN]",
                "security_opt: [\"no-new-privileges:true\"]",
                "network_mode: host",
                "command: [\"serve\", \"--web.listen-address=127.0.0.1:10061\"]",
                "test: [\"CMD\", \"/destination-exporter\", \"healthcheck\"]",
                "- /var/run/docker.sock:/var/run/docker.sock:ro",
                "- /var/run/docker/netns:/var/run/docker/netns:ro,rslave",
            ][..],
        ),
        (
            "deploy/destination-exporter.service",
            &["CapabilityBoundingSet=CAP_SYS_ADMIN", "NoNewPrivileges=yes", "MountFlags=slave"][..],
        ),
    ] {
        let text = read(file);
        for line in lines {
            assert!(text.lines().any(|found| found.trim() == *line), "{file}: {line}");
        }
    }
    for (file, begins) in [
        ("deploy/web.yml", "tls_server_config:"),
        (
            "deploy/prometheus-tls.yml",
            "scrape_configs:\n  - job_name: destination-exporter\n    scrape_interval: 15s\n    scheme",
        ),
        (
            "deploy/prometheus.yml",
            "scrape_configs:\n  - job_name: destination-exporter\n    scrape_interval: 15s\n    static",
        ),
    ] {
        let shown = page.split("```yaml\n").filter_map(|rest| rest.split("```").next());
        let shown: Vec<&str> = shown.filter(|block| block.starts_with(begins)).collect();
        let plain: String = read(file)
            .lines()
            .filter(|l| !l.trim_start().starts_with('#'))
            .map(|l| format!("{l}\n"))
            .collect();
        assert_eq!(shown, [plain], "{file}");
    }
    let over = read("deploy/own-user.conf");
    let over: Vec<&str> = over.lines().filter(|line| !line.starts_with('#')).collect();
    assert!(page.contains(&format!("```ini\n{}\n```", over.join("\n"))), "{over:?}");
    // The image and the Compose file ask as the program answers.
    let asks = "HEALTHCHECK --interval=30s --timeout=10s CMD [\"/destination-exporter\", \"healthcheck\", \"--web.listen-address=:10061\"]";
    assert!(read("Dockerfile").lines().any(|line| line == asks));
}
