//! The host's own files of name servers, where the exporter sees them.
//!
//! In a container it does not: there the Engine mounts a file over `/etc/resolv.conf` that it made when the container
//! started, and that says nothing of the host now.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;

use crate::inventory::{HostFile, HostFiles, HostServers};
use crate::namespace::mounts;

use super::resolv_conf::{self, MOST_BYTES};

/// Both files; nothing of what is not seen. Blocks, for a moment.
pub(super) fn read() -> HostFiles {
    // A table of mounts that cannot be read leaves it open whose file it is.
    let is_own = |file: &HostFile| mounts::is_mount(Path::new(file.path())) == Some(false);
    let seen = HostFile::ALL.into_iter().filter(is_own);
    seen.filter_map(|file| Some((file, servers(Path::new(file.path()))?))).collect()
}

/// Of one file; it may be a link, as systemd-resolved has it.
fn servers(path: &Path) -> Option<HostServers> {
    let about = fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(MOST_BYTES).read_to_end(&mut bytes).ok()?;
    let servers = resolv_conf::all_servers(&String::from_utf8_lossy(&bytes));
    Some(HostServers { servers, changed_at: about.modified().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_and_a_link_to_one_and_nothing_else() {
        let folder = tempfile::tempdir().expect("a folder");
        let (file, link) = (folder.path().join("resolv.conf"), folder.path().join("link"));
        fs::write(&file, "# ours\nnameserver 10.0.0.2\nnameserver fd00::2\n").expect("written");
        std::os::unix::fs::symlink(&file, &link).expect("linked");
        let read = servers(&file).expect("read");
        assert_eq!(read.servers.len(), 2);
        assert_eq!(servers(&link), Some(read));
        assert_eq!(servers(folder.path()), None);
        assert_eq!(servers(&folder.path().join("none")), None);
    }
}
