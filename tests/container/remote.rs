//! Who asks from elsewhere than the exporter's own machine.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use lab::{Error, Result};

use crate::authority::Authority;
use crate::stage::Stage;

/// Asks from the lab's host, which is not the container: the exit status, and what was said.
fn asks(stage: &Stage, url: &str) -> (Option<i32>, String) {
    let mut command = stage.lab.on_host(env!("CARGO_BIN_EXE_destination-exporter"));
    let asked = command.args(["healthcheck", url]).stdin(Stdio::null()).output().expect("the program starts");
    (
        asked.status.code(),
        [asked.stdout, asked.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat(),
    )
}

fn served(stage: &Stage, web: &str) -> Result<String> {
    let folder = stage.lab.folder().join("web");
    fs::create_dir_all(&folder).map_err(|e| Error::io("making a folder", e))?;
    write(&folder, web);
    let mut options = stage.documented();
    let at = options.iter().position(|option| option == "--network").expect("it is documented");
    options[at + 1] = "shop".into();
    options.extend(["-v".into(), format!("{}:/web:ro", folder.display())]);
    let exporter = stage.run_with(&options, &["--web.config.file", "/web/web.yml"])?;
    drop(exporter);
    let within = ["exec", "exporter", "/destination-exporter", "healthcheck", "--web.listen-address=:10061"];
    stage.until("it lives, as its own machine sees it", || {
        Ok(stage.lab.docker(&within).is_ok_and(|said| said.starts_with("healthy: ")))
    })?;
    stage.lab.docker(&["inspect", "-f", "{{.NetworkSettings.Networks.shop.IPAddress}}", "exporter"])
}

fn write(folder: &Path, web: &str) {
    let authority = Authority::new();
    authority.issue(&["exporter"]).write(folder, "server");
    fs::write(folder.join("ca.crt"), &authority.certificate).expect("written");
    fs::write(folder.join("web.yml"), web).expect("written");
}

#[test]
fn without_a_certificate_nobody_from_elsewhere_gets_past_the_handshake() -> Result<()> {
    let stage = Stage::set()?;
    let web = "tls_server_config: {cert_file: server.crt, key_file: server.key, client_ca_file: ca.crt, \
        client_auth_type: RequireAndVerifyClientCert}\n";
    let address = served(&stage, web)?;
    let (status, said) = asks(&stage, &format!("https://{address}:10061"));
    assert_eq!(status, Some(1), "{said}");
    assert!(said.contains("CertificateRequired") && !said.contains("it answers"), "{said}");
    let (status, said) = asks(&stage, &format!("http://{address}:10061"));
    assert_eq!(status, Some(1), "{said}");
    Ok(())
}

#[test]
fn without_a_password_whoever_is_elsewhere_learns_that_it_lives_and_no_more() -> Result<()> {
    let stage = Stage::set()?;
    let hash = bcrypt::hash("a", 4).expect("hashed");
    let tls = "tls_server_config: {cert_file: server.crt, key_file: server.key}";
    let address = served(&stage, &format!("{tls}\nbasic_auth_users: {{a: {hash}}}\n"))?;
    assert_eq!(asks(&stage, &format!("https://{address}:10061")).0, Some(0));
    for path in ["/metrics", "/diagnostics", "/probe"] {
        let (status, said) = asks(&stage, &format!("https://{address}:10061{path}"));
        assert!(status == Some(1) && said.contains("it answers 401"), "{said}");
    }
    Ok(())
}
