//! The exporter as a user of its own: on the host, with the Engine's group and two capabilities, it does all of its
//! work, and without the second it says what it cannot open. In a container no such user gets a capability.

use std::path::Path;

use lab::{Exporter, Result};

use crate::stage::{self, BRISK, Stage};
use crate::{is_blind_to_namespaces, may_no_more, sees_everything_from_the_host};

/// The socket's group here, whatever the machine calls its own.
const GROUP: &str = "4242";

/// A stage whose folder of namespaces is behind one of root's alone, as Docker's `/run/docker` is.
fn closed() -> Result<Stage> {
    let stage = Stage::set()?;
    let folder = stage.lab.namespaces();
    let outer = folder.parent().expect("it is in one").display();
    let program = env!("CARGO_BIN_EXE_destination-exporter");
    // The program is reached by everyone, wherever it was built.
    let prepare = format!(
        "chgrp {GROUP} /run/docker.sock; chmod 660 /run/docker.sock; chmod 700 '{outer}'
         : >/run/exporter; mount --bind '{program}' /run/exporter"
    );
    stage.lab.exec_on_host(&["sh", "-euc", &prepare])?;
    Ok(stage)
}

/// Starts it as deploy/own-user.conf does, with these capabilities.
fn as_itself(stage: &Stage, capabilities: &str) -> Result<Exporter> {
    let by = ["setpriv", "--reuid=65534", "--regid=65534", "--groups", GROUP, "--no-new-privs"];
    let set = format!("-all,{capabilities}");
    let sets = ["--bounding-set", &set, "--inh-caps", &set, "--ambient-caps", &set, "--"];
    // No settings that name the folder: only the Engine does.
    Exporter::serve_by(&stage.lab, &[&by[..], &sets].concat(), Path::new("/run/exporter"), BRISK, &[])
}

#[test]
fn a_user_of_its_own_with_two_capabilities_sees_everything_and_keeps_both_alone() -> Result<()> {
    let stage = closed()?;
    let exporter = as_itself(&stage, "+sys_admin,+dac_read_search")?;
    sees_everything_from_the_host(&stage, &exporter)?;
    let pid = exporter.pid()?;
    may_no_more(&stage, &pid, "0000000000200004")?;
    let status = stage.lab.exec_on_host(&["cat", &format!("/proc/{pid}/status")])?;
    assert!(status.contains("Uid:\t65534\t65534\t65534\t65534"), "{status}");
    let log = exporter.log();
    assert!(log.contains("CAP_SYS_ADMIN (enters") && log.contains("CAP_DAC_READ_SEARCH (reads"), "{log}");
    assert!(log.contains("folder of namespaces"), "{log}");
    Ok(())
}

#[test]
fn a_user_of_its_own_that_may_not_open_the_folder_says_what_is_missing() -> Result<()> {
    let stage = closed()?;
    let exporter = as_itself(&stage, "+sys_admin")?;
    let gives = "AmbientCapabilities=CAP_SYS_ADMIN CAP_DAC_READ_SEARCH";
    is_blind_to_namespaces(&stage, &exporter, &["ermission denied", "CAP_DAC_READ_SEARCH is missing", gives])
}

#[test]
fn a_user_of_its_own_goes_by_proc_with_the_other_capability_for_it() -> Result<()> {
    let stage = closed()?;
    let exporter = as_itself(&stage, "+sys_admin,+sys_ptrace")?;
    sees_everything_from_the_host(&stage, &exporter)
}

#[test]
fn a_user_of_its_own_without_the_sockets_group_is_told_which_line_gives_it() -> Result<()> {
    let stage = closed()?;
    stage.lab.exec_on_host(&["chgrp", "4243", "/run/docker.sock"])?;
    let exporter = as_itself(&stage, "+sys_admin,+dac_read_search")?;
    stage.until("told in words", || {
        let blind = stage::blind(&exporter)?.concat();
        Ok(blind.contains("ermission denied") && blind.contains("SupplementaryGroups=docker"))
    })
}

#[test]
fn in_a_container_another_user_than_root_gets_no_capability() -> Result<()> {
    let stage = Stage::set()?;
    let group = stage.lab.exec_on_host(&["stat", "-c", "%g", "/run/docker.sock"])?;
    let mut options = stage.documented();
    options.extend(["--user", "65534:65534", "--group-add", &group].map(str::to_owned));
    let exporter = stage.run(&options)?;
    is_blind_to_namespaces(&stage, &exporter, &["CAP_SYS_ADMIN is missing"])?;
    let status = stage.lab.exec_on_host(&["cat", &format!("/proc/{}/status", exporter.pid())])?;
    assert!(status.contains("Uid:\t65534") && status.contains("CapEff:\t0000000000000000"), "{status}");
    Ok(())
}
