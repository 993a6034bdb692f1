//! Every import of the house runs down: no room uses one on its own floor or above.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

const FLOORS: &[&[&str]] = &[
    &["proxy", "certificate", "strangers"],
    &["inventory", "netstack", "outcome", "config", "cli", "log", "heap"],
    &["namespace"],
    &["probe", "docker", "baseline"],
    &["plan", "state"],
    &["schedule", "diagnosis", "traffic"],
    &["metrics", "report", "timeline"],
    &["topology", "monitor"],
    &["web"],
    &["commands"],
];

/// Imports on one floor that are wanted: all of them are pure values.
const NEIGHBOURS: &[(&str, &str)] = &[
    ("config", "outcome"),
    ("cli", "config"),
    ("inventory", "config"),
    ("proxy", "strangers"),
    ("certificate", "strangers"),
];

fn rust_files(folder: &Path, into: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(folder).expect("src is there") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            rust_files(&path, into);
        } else if path.extension().is_some_and(|e| e == "rs") {
            into.push(path);
        }
    }
}

#[test]
fn imports_run_down() {
    let floor: BTreeMap<&str, usize> =
        FLOORS.iter().enumerate().flat_map(|(n, rooms)| rooms.iter().map(move |room| (*room, n))).collect();
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    rust_files(&src, &mut files);
    let mut wrong = Vec::new();
    let mut arrows = 0;
    for file in files {
        let inside = file.strip_prefix(&src).expect("below src");
        let room = inside.iter().next().and_then(|p| p.to_str()).expect("a name").trim_end_matches(".rs");
        // Tests may use what stands above: samples of whole snapshots do.
        let is_test = inside.iter().any(|part| part == "tests" || part == "tests.rs");
        if is_test || matches!(room, "main" | "lib") {
            continue;
        }
        let from = *floor.get(room).unwrap_or_else(|| panic!("room {room} stands on no floor: add it"));
        let text = fs::read_to_string(&file).expect("readable");
        let code = text.split("#[cfg(test)]").next().unwrap_or(&text);
        for piece in code.split("crate::").skip(1) {
            let name: String = piece.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            let Some(to) = floor.get(name.as_str()) else { continue };
            arrows += 1;
            if name != room && *to >= from && !NEIGHBOURS.contains(&(room, name.as_str())) {
                wrong.push(format!("{}: {room} → {name}", inside.display()));
            }
        }
    }
    assert!(arrows > 5, "the test reads nothing: {arrows} imports");
    assert!(wrong.is_empty(), "imports that run up or sideways:\n{}", wrong.join("\n"));
}
