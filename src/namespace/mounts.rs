//! Whether the folder of the Engine's namespaces shows the present or only the past.
//!
//! Each container's namespace is a mount in that folder. A container that has the folder mounted
//! sees mounts come and go only where its own mount is a slave of the host's, or shared with it. With
//! Docker's default, private, containers that start later cannot be entered, and those that end stay
//! pinned here: their addresses go on answering though nobody lives there. Nothing fails at first, so
//! it must be known from the table of mounts, before a container is missed.

use std::fs;
use std::path::{Path, PathBuf};

/// The file system of namespaces, as the table names it.
const NAMESPACES: &str = "nsfs";

/// One line of `/proc/self/mountinfo`, without what nobody reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// The mount's number.
    pub id: u32,
    /// The number of the mount that it stands on.
    pub parent: u32,
    /// Which part of the file system is mounted; `/` is all of it.
    pub root: String,
    /// Where.
    pub point: PathBuf,
    /// What is mounted elsewhere arrives here: it is shared with a peer, or a slave of one.
    pub follows: bool,
    /// The file system's type.
    pub kind: String,
}

/// Reads one line: `ID PARENT MAJOR:MINOR ROOT POINT OPTIONS [OPTIONAL…] - TYPE SOURCE OPTIONS`.
pub fn parse(line: &str) -> Option<Mount> {
    let mut fields = line.split(' ');
    let id = fields.next()?.parse().ok()?;
    let parent = fields.next()?.parse().ok()?;
    let root = plain(fields.nth(1)?);
    let point = PathBuf::from(plain(fields.next()?));
    let _options = fields.next()?;
    // Any number of optional fields, more in kernels to come; a lone hyphen ends them.
    let mut follows = false;
    loop {
        match fields.next()? {
            "-" => break,
            optional => follows |= optional.starts_with("shared:") || optional.starts_with("master:"),
        }
    }
    let kind = fields.next()?.to_owned();
    Some(Mount { id, parent, root, point, follows, kind })
}

/// A path without the kernel's escapes: `\040` is a space, and likewise tab, line feed and backslash.
fn plain(escaped: &str) -> String {
    let mut plain = String::with_capacity(escaped.len());
    let mut rest = escaped;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        plain.push_str(before);
        let code = escape.get(1..4).and_then(|digits| u8::from_str_radix(digits, 8).ok());
        if let Some(code) = code.filter(u8::is_ascii) {
            plain.push(char::from(code));
            rest = escape.get(4..).unwrap_or_default();
        } else {
            plain.push('\\');
            rest = escape.get(1..).unwrap_or_default();
        }
    }
    plain.push_str(rest);
    plain
}

/// What a folder shows of the namespaces that are mounted in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// They come and go as on the host, as far as the table tells.
    Live,
    /// As [`View::Live`], and not one is there.
    Empty,
    /// Those of the moment at which the folder was mounted.
    Frozen,
}

/// Judges a folder by the table. `folder` is free of symbolic links.
///
/// The host's own mounts may be private as well (where no systemd makes them shared), and that does no
/// harm: the Engine mounts in the same place. So a private mount is held against the folder only
/// where it shows that it was made for somebody: it is a part of a file system, or it is a whole one with
/// namespaces in it below a container's root.
pub fn view(mounts: &[Mount], folder: &Path) -> View {
    let Some(mount) = mount_of(mounts, folder) else { return View::Empty };
    let any = mounts
        .iter()
        .any(|inner| inner.kind == NAMESPACES && inner.parent == mount.id && inner.point.starts_with(folder));
    let is_root = mount.point == Path::new("/");
    let layered = mount_of(mounts, Path::new("/")).is_some_and(|root| root.kind.contains("overlay"));
    if !mount.follows && !is_root && (mount.root != "/" || (any && layered)) {
        View::Frozen
    } else if any {
        View::Live
    } else {
        View::Empty
    }
}

/// The mount that a path is on: of those that lead to it the longest, of equals the last one, which
/// covers the others.
fn mount_of<'a>(mounts: &'a [Mount], path: &Path) -> Option<&'a Mount> {
    mounts
        .iter()
        .filter(|mount| path.starts_with(&mount.point))
        .max_by_key(|mount| mount.point.components().count())
}

/// Looks at the table of this process. What cannot be read tells nothing, and nothing is said of it.
pub fn look(folder: &Path) -> Option<View> {
    let folder = fs::canonicalize(folder).ok()?;
    let table = fs::read("/proc/self/mountinfo").ok()?;
    let mounts: Vec<Mount> = String::from_utf8_lossy(&table).lines().filter_map(parse).collect();
    Some(view(&mounts, &folder))
}

/// Whether something is mounted on this very path, or on what it is a link to; `None` where that cannot be told.
pub fn is_mount(path: &Path) -> Option<bool> {
    let path = fs::canonicalize(path).ok()?;
    let table = fs::read("/proc/self/mountinfo").ok()?;
    let table = String::from_utf8_lossy(&table);
    Some(table.lines().filter_map(parse).any(|mount| mount.point == path))
}

/// Why the folder shows only the past, and what to do; `None` where it follows the Engine, or is not
/// there, which the first visit tells.
pub fn frozen(folder: &Path) -> Option<String> {
    (look(folder)? == View::Frozen).then(|| frozen_words(folder))
}

pub(super) fn frozen_words(folder: &Path) -> String {
    format!(
        "{} is mounted private: containers that start from now on cannot be entered, and the networks of \
         those that end stay pinned (mount it ro,rslave)",
        folder.display()
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NETNS: &str = "/var/run/docker/netns";

    fn table(lines: &[&str]) -> Vec<Mount> {
        lines.iter().map(|line| parse(line).unwrap_or_else(|| panic!("{line}"))).collect()
    }

    fn one(id: u32, parent: u32, root: &str, point: &str, follows: bool, kind: &str) -> Option<Mount> {
        Some(Mount { id, parent, root: root.into(), point: point.into(), follows, kind: kind.into() })
    }

    #[test]
    fn lines_of_the_kernel_are_read() {
        for (line, mount) in [
            (
                "25 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro",
                one(25, 1, "/", "/", true, "ext4"),
            ),
            (
                "411 348 0:121 / / rw,relatime - overlay overlay rw,lowerdir=/a:/b",
                one(411, 348, "/", "/", false, "overlay"),
            ),
            (
                "431 411 0:23 /docker/netns /var/run/docker/netns ro,nosuid master:5 - tmpfs tmpfs rw",
                one(431, 411, "/docker/netns", NETNS, true, "tmpfs"),
            ),
            (
                "432 431 0:4 net:[4026532712] /var/run/docker/netns/default rw shared:7 master:12 - nsfs nsfs rw",
                one(432, 431, "net:[4026532712]", "/var/run/docker/netns/default", true, "nsfs"),
            ),
            (
                r"9 8 0:4 / /mnt/a\040b\134c rw propagate_from:2 unbindable - tmpfs none rw",
                one(9, 8, "/", r"/mnt/a b\c", false, "tmpfs"),
            ),
            // An empty source leaves two spaces.
            ("9 8 0:4 / /x rw - tmpfs  rw", one(9, 8, "/", "/x", false, "tmpfs")),
            ("9 8 0:4 / /x rw", None),
            ("9 8 0:4 / /x rw shared:1", None),
            ("x 8 0:4 / /x rw - tmpfs none rw", None),
            ("", None),
        ] {
            assert_eq!(parse(line), mount, "{line}");
        }
    }

    #[test]
    fn a_folder_shows_the_present_or_the_past() {
        let host = "25 1 8:1 / / rw shared:1 - ext4 /dev/sda1 rw";
        let private_host = "25 1 8:1 / / rw - ext4 /dev/sda1 rw";
        let overlay = "411 348 0:121 / / rw - overlay overlay rw";
        let follows = "431 411 0:23 /docker/netns /var/run/docker/netns ro master:5 - tmpfs tmpfs rw";
        let private = "431 411 0:23 /docker/netns /var/run/docker/netns ro - tmpfs tmpfs rw";
        let namespace = "432 431 0:4 net:[1] /var/run/docker/netns/default rw - nsfs nsfs rw";
        for (what, mounts, seen) in [
            ("a host under systemd", vec![host], View::Empty),
            (
                "a host without it, whose mounts are all private",
                vec![
                    private_host,
                    "30 25 0:23 / /var/run rw - tmpfs tmpfs rw",
                    "31 30 0:4 net:[1] /var/run/docker/netns/default rw - nsfs nsfs rw",
                ],
                View::Live,
            ),
            ("rslave", vec![overlay, follows, namespace], View::Live),
            ("rslave before any container", vec![overlay, follows], View::Empty),
            ("private", vec![overlay, private, namespace], View::Frozen),
            ("private before any container", vec![overlay, private], View::Frozen),
            ("a part of a server that has no overlay", vec![private_host, private, namespace], View::Frozen),
            (
                "all of /var/run, private, as others' instructions have it",
                vec![
                    overlay,
                    "430 411 0:23 / /var/run ro - tmpfs tmpfs rw",
                    "432 430 0:4 net:[1] /var/run/docker/netns/default rw - nsfs nsfs rw",
                ],
                View::Frozen,
            ),
            ("no mount at all in a container", vec![overlay], View::Empty),
            (
                "a private mount next to it",
                vec![overlay, "431 411 0:23 /docker /var/run/docker/netns-of-old ro - tmpfs tmpfs rw"],
                View::Empty,
            ),
            (
                "covered by an empty file system: what is below is out of sight",
                vec![host, namespace, "440 25 0:99 / /var/run/docker/netns rw - tmpfs tmpfs rw"],
                View::Empty,
            ),
            ("a table that cannot be read", vec![], View::Empty),
        ] {
            assert_eq!(view(&table(&mounts), Path::new(NETNS)), seen, "{what}");
        }
    }

    #[test]
    fn the_own_table_is_read_whole() {
        let text = fs::read_to_string("/proc/self/mountinfo").expect("there");
        for line in text.lines() {
            assert!(parse(line).is_some(), "{line}");
        }
        assert!(look(Path::new("/")).is_some());
        assert_eq!(look(Path::new("/nonexistent/netns")), None);
    }

    proptest! {
        #[test]
        fn no_text_trips_the_parser(line in "\\PC*", path in "[\\\\0-7a-zé]*") {
            let _ = (parse(&line), plain(&path));
        }

        #[test]
        fn what_the_kernel_escapes_comes_back(path in "/[ \\t\\n\\\\a-zé0-9/]*", follows: bool) {
            let escaped = path
                .replace('\\', "\\134")
                .replace(' ', "\\040")
                .replace('\t', "\\011")
                .replace('\n', "\\012");
            let optional = if follows { "master:3 " } else { "" };
            let read = parse(&format!("7 6 0:1 {escaped} {escaped} ro {optional}- tmpfs none rw"));
            prop_assert_eq!(read, one(7, 6, &path, &path, follows, "tmpfs"));
        }

        #[test]
        fn a_folder_on_a_mount_that_follows_is_never_frozen(
            root in "(/[a-z]{0,3}){1,3}", at in 0usize..5, kind in "overlay|ext4|tmpfs", inner: bool,
        ) {
            let point: PathBuf = Path::new(NETNS).components().take(at + 1).collect();
            let mut mounts = vec![
                Mount { id: 1, parent: 0, root: "/".into(), point: "/".into(), follows: at == 0, kind },
                Mount { id: 2, parent: 1, root, point, follows: true, kind: "tmpfs".into() },
            ];
            if inner {
                let point = Path::new(NETNS).join("abc");
                mounts.push(Mount {
                    id: 3, parent: 2, root: "net:[1]".into(), point, follows: false, kind: NAMESPACES.into(),
                });
            }
            let seen = view(&mounts, Path::new(NETNS));
            prop_assert_eq!(seen, if inner { View::Live } else { View::Empty });
        }
    }
}
