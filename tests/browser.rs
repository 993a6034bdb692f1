//! What a real browser makes of the pages: headless Chromium, led by `tests/browser/look.mjs`, which says what it finds.
//!
//! `PAGE_PICTURES=FOLDER` has it write pictures there and check nothing (`make page-pictures`).

#[path = "web/stand.rs"]
#[allow(dead_code, reason = "the tests of tests/web.rs use all of it")]
mod stand;
#[path = "web/town.rs"]
mod town;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use destination_exporter::web::{self, Limits};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

use stand::{Server, app};

/// A browser on a machine that others work on, too.
const PATIENCE: Duration = Duration::from_secs(300);

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser")
}

/// What package-lock.json names, where it is not there yet; npm checks it by its hashes.
fn install() {
    let mark = folder().join("node_modules/.package-lock.json");
    let is_there = || {
        let age = |path: &Path| path.metadata().and_then(|it| it.modified()).ok();
        age(&mark).is_some_and(|installed| Some(installed) >= age(&folder().join("package-lock.json")))
    };
    if is_there() {
        return;
    }
    let npm = Command::new("npm").args(["ci", "--no-fund", "--no-audit"]).current_dir(folder()).output();
    let npm = npm.expect("npm: scripts/install-test-tools.sh installs it");
    assert!(npm.status.success(), "npm ci: {}", String::from_utf8_lossy(&npm.stderr));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_shows_what_is_told_to_everyone_and_strangers_names_do_nothing_in_it() {
    install();
    let now = SystemTime::now();
    let mut app = app("/metrics", town::verdict(now));
    app.history = Arc::new(ArcSwap::from_pointee(town::history(now)));
    let (latest, broken) = (Arc::clone(&app.verdict), app.verdict.load_full());
    // One address asks for much in a short time here.
    let limits = Limits { connections_each: 256, ..Limits::default() };
    let server = Server::start(web::router(app), limits).await;
    let mut look = tokio::process::Command::new("node");
    look.arg("look.mjs").arg(format!("http://{}", server.address)).arg(town::SHOP);
    look.args(std::env::var_os("PAGE_PICTURES")).current_dir(folder()).kill_on_drop(true);
    let look = look.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut look = look.expect("node: scripts/install-test-tools.sh installs it");
    let mut said = BufReader::new(look.stdout.take().expect("piped")).lines();
    let mut told = look.stdin.take().expect("piped");
    let followed = tokio::time::timeout(PATIENCE, async {
        while let Some(line) = said.next_line().await.expect("text") {
            match &*line {
                "repair" => latest.store(Arc::new(town::repaired(SystemTime::now()))),
                "break" => latest.store(Arc::clone(&broken)),
                _ => {
                    println!("{line}");
                    continue;
                }
            }
            told.write_all(b"done\n").await.expect("it listens");
        }
        look.wait().await.expect("it ends")
    });
    let ended = followed.await.expect("it ends in time");
    assert!(ended.success(), "{ended}: what failed is above");
}
