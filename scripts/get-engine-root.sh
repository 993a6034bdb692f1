#!/bin/sh
# Makes target/lab/engine-NAME: the programs and settings (/usr and /etc) of a Debian release with its own Engine, which
# a lab lays over the machine's. No registry of images is asked. About 350 MB; deleted, it is made anew.
set -eu

name=${1:?usage: get-engine-root.sh SUITE|SUITE-podman}
cd "$(dirname "$0")/.."
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

suite=${name%-podman}
case $name in
  *-podman) packages=podman,netavark,aardvark-dns,crun,nftables,docker-cli,iptables,iproute2,ca-certificates ;;
  bookworm) packages=docker.io,iptables,iproute2 ;;
  *) packages=docker.io,docker-cli,iptables,iproute2 ;;
esac
root=target/lab/engine-$name

# Tests run side by side, and each asks for what it needs.
mkdir -p target/lab
exec 9>"$root.lock"
flock 9

# Made anew where its packages change.
[ "$(cat "$root/holds" 2>/dev/null || true)" != "$packages" ] || exit 0
if [ "$(id -u)" -ne 0 ]; then
  echo 'A file system with its owners takes root: sudo make test' >&2
  exit 1
fi
if ! command -v debootstrap >/dev/null || [ ! -e /usr/share/keyrings/debian-archive-keyring.gpg ]; then
  apt-get update
  DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends debootstrap debian-archive-keyring
fi

rm -rf "$root.new"
mkdir "$root.new"
# What is mounted while the packages are set up goes with the namespace, however this ends.
unshare --mount debootstrap --variant=minbase --include="$packages" "$suite" "$root.new" >"$root.log" || {
  tail "$root.log" "$root.new/debootstrap/debootstrap.log" >&2
  exit 1
}
find "$root.new" -mindepth 1 -maxdepth 1 ! -name usr ! -name etc -exec rm -rf {} +
for part in doc info locale man zoneinfo; do
  rm -rf "$root.new/usr/share/$part"
done
mkdir -p "$root.new/etc/docker"
echo "$packages" >"$root.new/holds"
# Within one folder the last step is one rename: nobody meets half a file system.
rm -rf "$root"
mv "$root.new" "$root"
