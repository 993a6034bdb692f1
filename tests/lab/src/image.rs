//! Images from nothing: a folder with static binaries, imported. No registry is ever asked.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::Lab;
use crate::error::{Error, Result, text_of};
use crate::needs;

pub fn busybox(lab: &Lab) -> Result<String> {
    let binary = needs::find("busybox").ok_or_else(|| Error::new("busybox is missing: make deps"))?;
    let root = Root::new(lab)?;
    root.add(&binary, "bin/busybox")?;
    for applet in text_of(Command::new(&binary).arg("--list"))?.lines().filter(|applet| *applet != "busybox")
    {
        symlink("busybox", root.0.join("bin").join(applet)).map_err(|e| Error::io("linking an applet", e))?;
    }
    root.import(lab, "busybox", r#"CMD ["/bin/sh"]"#)
}

pub fn of_binary(lab: &Lab, name: &str, binary: &Path) -> Result<String> {
    of_binary_with(lab, name, binary, &[])
}

/// As [`of_binary`], with these instructions of a Dockerfile.
pub fn of_binary_with(lab: &Lab, name: &str, binary: &Path, changes: &[&str]) -> Result<String> {
    let file = entry_point(binary)?;
    let root = Root::new(lab)?;
    root.add(binary, file)?;
    let entry = format!(r#"ENTRYPOINT ["/{file}"]"#);
    import(lab, &root.0, name, &[&[&*entry], changes].concat())
}

/// As [`of_binary`], with the shared libraries that the binary names, where it looks for them; nothing else.
pub fn with_libraries(lab: &Lab, name: &str, binary: &Path) -> Result<String> {
    let root = Root::new(lab)?;
    let file = entry_point(binary)?;
    root.add(binary, file)?;
    let named = text_of(Command::new("ldd").arg(binary))?;
    let libraries: Vec<&str> = libraries(&named).collect();
    if libraries.is_empty() {
        return Err(Error::new(format!("ldd names no library of {}:\n{named}", binary.display())));
    }
    for library in libraries {
        let inside = library.trim_start_matches('/');
        let folder = root.0.join(inside).parent().map(Path::to_path_buf).unwrap_or_default();
        fs::create_dir_all(folder).map_err(|e| Error::io("making a library's folder", e))?;
        root.add(Path::new(library), inside)?;
    }
    root.import(lab, name, &format!(r#"ENTRYPOINT ["/{file}"]"#))
}

/// What the project's Dockerfile builds in: as `scripts/get-build-root.sh` makes it of this machine, without a network.
pub fn build_root(lab: &Lab, project: &Path) -> Result<String> {
    let root = project.join("target/lab/build-root");
    let script = project.join("scripts/get-build-root.sh");
    text_of(Command::new(script).arg(&root).stdin(Stdio::null()))?;
    let changes = [
        "ENV PATH=/rust/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "ENV CARGO_HOME=/cargo",
        "ENV CARGO_NET_OFFLINE=true",
    ];
    import(lab, &root, "build-root", &changes)
}

/// The paths in what `ldd` prints: `NAME => PATH (ADDRESS)`, and the loader's `PATH (ADDRESS)`.
fn libraries(ldd: &str) -> impl Iterator<Item = &str> {
    ldd.lines().filter_map(|line| line.split_whitespace().find(|word| word.starts_with('/')))
}

/// The binary's file name, where it can stand in a line of JSON as it is.
fn entry_point(binary: &Path) -> Result<&str> {
    binary
        .file_name()
        .and_then(|file| file.to_str())
        .filter(|file| !file.contains(['"', '\\']))
        .ok_or_else(|| Error::new(format!("{} cannot be an entry point", binary.display())))
}

/// The folder that becomes an image's file system; gone when it is imported.
struct Root(PathBuf);

impl Root {
    fn new(lab: &Lab) -> Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let root = Self(lab.folder.join(format!("image-{}", NEXT.fetch_add(1, Ordering::Relaxed))));
        for folder in ["bin", "etc", "tmp"] {
            fs::create_dir_all(root.0.join(folder)).map_err(|e| Error::io("making an image's folder", e))?;
        }
        Ok(root)
    }

    /// Copies with the permissions.
    fn add(&self, binary: &Path, to: &str) -> Result<()> {
        let copied = fs::copy(binary, self.0.join(to));
        copied.map(drop).map_err(|e| Error::io(&format!("copying {}", binary.display()), e))
    }

    fn import(&self, lab: &Lab, name: &str, change: &str) -> Result<String> {
        import(lab, &self.0, name, &[change])
    }
}

fn import(lab: &Lab, folder: &Path, name: &str, changes: &[&str]) -> Result<String> {
    let mut tar = Command::new("tar")
        .arg("-C")
        .arg(folder)
        .args(["-c", "."])
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|e| Error::io("starting tar", e))?;
    let archive = tar.stdout.take().ok_or_else(|| Error::new("tar came without an output"))?;
    let mut client = lab.client();
    client.arg("import");
    for change in changes {
        client.args(["-c", change]);
    }
    let imported = text_of(client.args(["-", name]).stdin(archive));
    let packed = tar.wait().map_err(|e| Error::io("waiting for tar", e))?;
    imported?;
    if packed.success() { Ok(name.to_owned()) } else { Err(Error::new(format!("tar ended with {packed}"))) }
}

impl Drop for Root {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
