//! The certificates of docs/deployment.md, made as it says: each end has its own, and none is the other's.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::authority::Paper;
use crate::caller::caller;
use crate::exchange::get;
use crate::program::Served;
use crate::read;

/// The lines of the page that call OpenSSL.
fn recipe() -> String {
    let page = read("docs/deployment.md");
    let from = page.find("new() {").expect("the recipe");
    let all = page.get(from..).unwrap_or_default();
    let end = all.find("destination-exporter --web.config.file").expect("its end");
    all.get(..end).unwrap_or_default().to_owned()
}

fn paper(folder: &Path, name: &str) -> Paper {
    let read = |kind: &str| fs::read_to_string(folder.join(format!("{name}.{kind}"))).expect("it was made");
    Paper { certificate: read("crt"), key: read("key") }
}

#[tokio::test]
async fn the_documented_key_of_a_server_opens_no_other() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let made = Command::new("sh").args(["-euc", &recipe()]).current_dir(folder).output();
    let made = made.expect("sh");
    assert!(made.status.success(), "(make deps) {}", String::from_utf8_lossy(&made.stderr));
    let certificates = read("deploy/web.yml").split("# And a password").next().expect("before").to_owned();
    let served = Served::start(folder, &certificates);
    let authority = fs::read_to_string(folder.join("ca.crt")).expect("it was made");
    let ask =
        async |name: &str| get(served.at, caller(&authority, Some(&paper(folder, name))), "/", "").await;
    let told = ask("prometheus").await.expect("answered");
    assert!(told.starts_with("HTTP/1.1 200"), "{told}");
    let refused = ask("server").await;
    assert!(refused.as_ref().is_err_and(|error| error.to_string().contains("ertificate")), "{refused:?}");
}
