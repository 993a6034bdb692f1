#!/bin/sh
# Makes, at the path given, the file system that the image's tests build in: this machine's distribution with a C
# compiler, this machine's Rust, and the sources of every dependency. No registry of images is asked, and the build needs
# no network.
set -eu

root=${1:?usage: get-build-root.sh PATH}
cd "$(dirname "$0")/.."
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

rust=$(rustc --print sysroot)
# What the folder holds beyond the distribution; made anew where that changes.
holds="$(rustc -vV; cksum <Cargo.lock)"
[ "$(cat "$root/holds" 2>/dev/null || true)" != "$holds" ] || exit 0
if [ "$(id -u)" -ne 0 ]; then
  echo 'A file system with its owners takes root: sudo make test' >&2
  exit 1
fi

if [ ! -d "$root" ]; then
  if ! command -v debootstrap >/dev/null; then
    apt-get update
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends debootstrap
  fi
  . /etc/os-release
  rm -rf "$root.new"
  mkdir -p "$root.new"
  debootstrap --variant=minbase --include=gcc,libc6-dev,ca-certificates "$VERSION_CODENAME" "$root.new"
  rm -rf "$root.new"/var/cache/apt/archives/*.deb "$root.new"/usr/share/doc "$root.new"/usr/share/man
  # Within one folder the last step is one rename: nobody meets half a file system.
  mv "$root.new" "$root"
fi

rm -rf "$root/holds" "$root/rust" "$root/cargo"
mkdir -p "$root/rust" "$root/cargo/registry"
for part in bin lib libexec; do
  [ ! -e "$rust/$part" ] || cp -a "$rust/$part" "$root/rust/"
done
# A home of its own: what this machine's has from other projects stays out.
CARGO_HOME="$root/cargo" cargo fetch --locked --quiet
rm -rf "$root/cargo/registry/src"
echo "$holds" >"$root/holds"
