//! Files that the operator names: regular ones, of a bounded size, opened without waiting for anybody.

use std::fs::{File, FileType, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::Path;

use super::MOST_BYTES;

/// The bytes of a regular file; `None` where there are more than [`MOST_BYTES`].
///
/// # Errors
/// As the kernel refuses it, and for what is no regular file: a pipe that nobody writes into has no end.
pub fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    read_up_to(path, MOST_BYTES as u64)
}

/// The same of a file that may be larger, or smaller.
///
/// # Errors
/// As [`read`].
pub fn read_up_to(path: &Path, most: u64) -> io::Result<Option<Vec<u8>>> {
    let file = open(path)?;
    let mut bytes = Vec::new();
    // One byte more than allowed tells a file that is too large, however much it holds.
    file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= most).then_some(bytes))
}

fn open(path: &Path) -> io::Result<File> {
    // Non-blocking: a pipe is opened at once, and refused. A regular file is read as ever.
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path)?;
    let kind = file.metadata()?.file_type();
    if kind.is_file() {
        return Ok(file);
    }
    Err(io::Error::other(format!("it is {}; expected a regular file", word(kind))))
}

fn word(kind: FileType) -> &'static str {
    if kind.is_fifo() {
        "a pipe"
    } else if kind.is_dir() {
        "a folder"
    } else {
        "a device"
    }
}
