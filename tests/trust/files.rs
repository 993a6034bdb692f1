//! Files that are taken with a warning, and such as are none.

use std::fs;
use std::time::Duration;

use crate::authority::Authority;
use crate::program::{Served, run};
use crate::{ask_quietly, deployed};

#[test]
fn an_expired_certificate_is_served_and_told_each_time_it_is_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let authority = Authority::new();
    let tls = "tls_server_config: {cert_file: server.crt, key_file: server.key}\n";
    let expired = |day: u8| {
        let end = rcgen::date_time_ymd(2020, 1, day);
        authority.issue_as(&["127.0.0.1"], |it| it.not_after = end).write(folder.path(), "server");
    };
    expired(1);
    let told = |day: u8| format!("server.crt holds a certificate that expired at 2020-01-0{day}T00:00:00Z: ");
    let served = Served::start(folder.path(), tls);
    let warnings = |log: &str, day: u8| {
        log.lines().filter(|line| line.contains("level=warn") && line.contains(&told(day))).count()
    };
    assert_eq!(warnings(&served.log(), 1), 1, "{}", served.log());
    let file = folder.path().join("web.yml").display().to_string();
    let checked = run(&["--log.level", "error", "--config.check", "--web.config.file", &file]);
    let said = String::from_utf8_lossy(&checked.stderr).into_owned();
    assert_eq!(checked.status.code(), Some(0), "{said}");
    assert!(said.starts_with(&format!("warning: {file}: line 1, column 32: ")), "{said}");
    assert!(said.contains(&told(1)) && said.ends_with("\nthe configuration is good\n"), "{said}");
    // A reload reads it again, and so does whoever comes when it has changed.
    served.hang_up().expect("sent");
    served.until("it is told again", |log| warnings(log, 1) == 2);
    std::thread::sleep(Duration::from_millis(20));
    expired(2);
    served.until("the other one is told", |log| {
        ask_quietly(&served, authority.caller(None));
        warnings(log, 2) == 1
    });
    let healthy = run(&["healthcheck", &format!("--web.listen-address={}", served.at)]);
    assert_eq!(healthy.status.code(), Some(0), "{}", served.log());
}

#[test]
fn a_pipe_in_the_place_of_a_file_is_refused_and_not_waited_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let (good, _) = deployed(folder.path(), &Authority::new(), "");
    let pipe = folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo (coreutils)");
    assert!(made.success());
    let path = folder.path().join("web.yml");
    let [pipe, file] = [pipe, path.clone()].map(|path| path.display().to_string());
    let expected = format!("{pipe} cannot be read: it is a pipe; expected a regular file");
    for named in ["cert_file: server.crt", "key_file: server.key", "client_ca_file: ca.crt"] {
        let setting = named.split(':').next().expect("a setting");
        fs::write(&path, good.replace(named, &format!("{setting}: {pipe}"))).expect("written");
        for command in ["serve", "--config.check"] {
            let refused = run(&[command, "--web.config.file", &file]);
            let told = String::from_utf8_lossy(&refused.stderr).into_owned();
            assert_eq!(refused.status.code(), Some(2), "{told}");
            assert!(told.contains(&format!("{setting}: {expected}")), "{told}");
        }
    }
    for flag in ["--web.config.file", "--config.file"] {
        let refused = run(&["serve", flag, &pipe]);
        let told = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(refused.status.code() == Some(2) && told.contains(&expected), "{flag}: {told}");
    }
}
