//! Writes `dashboards/*.json`.

use std::fs;
use std::path::Path;

fn main() -> std::io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (name, dashboard) in dashboards::all() {
        fs::write(folder.join(format!("{name}.json")), dashboards::text(&dashboard))?;
    }
    Ok(())
}
