//! The lab itself: an Engine whose containers find each other by name, and that leaves nothing behind.

use std::path::Path;
use std::process::Command;

use lab::{Lab, Result};

#[test]
fn containers_find_each_other_by_name() -> Result<()> {
    let lab = Lab::start()?;
    let image = lab.busybox_image()?;
    lab.docker(&["network", "create", "destination"])?;
    lab.docker(&["run", "-d", "--name", "shop", "--network", "destination", &image, "sleep", "600"])?;
    lab.docker(&["run", "-d", "--name", "database", "--network", "destination", &image, "sleep", "600"])?;

    let address = lab.docker(&[
        "inspect",
        "-f",
        "{{(index .NetworkSettings.Networks \"destination\").IPAddress}}",
        "database",
    ])?;
    let answer = lab.docker(&["exec", "shop", "nslookup", "-type=a", "database"])?;
    assert!(answer.contains(&format!("Address: {address}")), "{address} is not in:\n{answer}");
    lab.docker(&["exec", "shop", "ping", "-c", "1", "-W", "5", "database"])?;
    Ok(())
}

#[test]
fn a_command_on_the_host_sees_the_lab_alone() -> Result<()> {
    let lab = Lab::start()?;
    let outside = std::fs::read_link("/proc/self/ns/net").expect("this test has a network namespace");
    let inside = lab.exec_on_host(&["readlink", "/proc/self/ns/net"])?;
    assert_ne!(Path::new(&inside), outside);
    // The Engine's bridge stands beside the loopback in both views of the interfaces.
    assert_eq!(lab.exec_on_host(&["ls", "/sys/class/net"])?, "docker0\nlo");
    assert!(lab.exec_on_host(&["ip", "-br", "link"])?.contains("docker0"));
    assert_eq!(lab.exec_on_host(&["cat", "/proc/1/comm"])?, "sh");
    lab.exec_on_host(&["test", "-S", "/run/docker.sock"])?;
    Ok(())
}

#[test]
fn a_frozen_engine_is_silent_until_it_thaws() -> Result<()> {
    let lab = Lab::start()?;
    lab.freeze()?;
    let mut asked = lab.client();
    let asked = asked.arg("version").stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    let mut asked = asked.spawn().expect("the Docker client starts");
    std::thread::sleep(std::time::Duration::from_secs(1));
    assert!(asked.try_wait().expect("a status").is_none(), "a frozen Engine answered");
    lab.thaw()?;
    assert!(asked.wait().expect("a status").success());
    Ok(())
}

#[test]
fn an_engine_comes_again_and_containers_live_on_where_it_was_told_so() -> Result<()> {
    let lab = Lab::start_set("{\"live-restore\": true}")?;
    let image = lab.busybox_image()?;
    let run = ["run", "-d", "--name", "app", "--restart", "always", "--stop-timeout", "0"];
    lab.docker(&[&run[..], &[&image, "sleep", "600"]].concat())?;
    let process = || lab.docker(&["inspect", "-f", "{{.State.Pid}}", "app"]);
    let again = |signal: &str| -> Result<String> {
        lab.end_engine(signal)?;
        assert!(!lab.answers(), "it was ended by {signal}");
        lab.start_engine()?;
        while !lab.answers() {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        process()
    };
    let first = process()?;
    assert_eq!(again("TERM")?, first);
    assert_eq!(again("KILL")?, first);
    lab.reload_engine("{\"live-restore\": false}")?;
    let second = again("TERM")?;
    assert!(second != first && second != "0", "{first} lives on, or nobody took its place: {second}");
    Ok(())
}

#[test]
fn a_dropped_lab_leaves_nothing_behind() -> Result<()> {
    let lab = Lab::start()?;
    let image = lab.busybox_image()?;
    lab.docker(&["run", "-d", &image, "sleep", "600"])?;
    lab.docker(&["run", "-d", "--name", "paused", &image, "sleep", "600"])?;
    lab.docker(&["pause", "paused"])?;
    // Even a daemon that cannot be asked any more goes.
    lab.freeze()?;
    let mut left = lab.on_host("sleep").arg("600").spawn().expect("nsenter starts");
    let (name, socket) = (lab.name().to_owned(), lab.socket());
    drop(lab);

    left.wait().expect("what ran on the lab's host ends with the lab");
    assert!(!socket.parent().expect("a folder").exists());
    let found = Command::new("find").args(["/sys/fs/cgroup", "-name", &name]).output().expect("find runs");
    assert_eq!(String::from_utf8_lossy(&found.stdout), "");
    let mounts = std::fs::read_to_string("/proc/self/mounts").expect("mounts");
    assert!(!mounts.contains(&name), "a mount of {name} stays:\n{mounts}");
    Ok(())
}

#[test]
fn an_image_of_one_binary_runs_it() -> Result<()> {
    let lab = Lab::start()?;
    let busybox = ["/bin/busybox", "/usr/bin/busybox"].map(Path::new);
    let binary = busybox.into_iter().find(|path| path.exists()).expect("busybox: make deps");
    let image = lab.static_image("tool", binary)?;
    assert_eq!(lab.docker(&["run", "--rm", &image, "echo", "hello"])?, "hello");
    Ok(())
}
