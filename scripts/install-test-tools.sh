#!/bin/sh
# Installs what the tests need on Debian or Ubuntu: only what is missing, so a second run does nothing.
# With the word `bench`: also what `make bench` measures with and against.
set -eu

PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

# Each line: a program, the package that brings it.
needs='
cc gcc
c++ g++
dockerd docker.io
iptables iptables
ip iproute2
busybox busybox-static
haproxy haproxy
dot graphviz
promtool prometheus
prometheus prometheus
prometheus-alertmanager prometheus-alertmanager
amtool prometheus-alertmanager
unshare util-linux
nsenter util-linux
systemd-analyze systemd
mount mount
mountpoint util-linux
tar tar
openssl openssl
curl curl
dnsmasq dnsmasq-base
nft nftables
node nodejs
npm npm
chromium chromium
'
[ "${1-}" != bench ] || needs="$needs
prometheus-blackbox-exporter prometheus-blackbox-exporter
tcpdump tcpdump
prometheus-smokeping-prober prometheus-smokeping-prober
"

has() {
  command -v "$1" >/dev/null 2>&1
}

is_static_busybox() {
  has busybox && ! ldd "$(command -v busybox)" >/dev/null 2>&1
}

packages=
missing=$(echo "$needs" | while read -r program package; do
  [ -n "$program" ] || continue
  case $program in
    # A dynamic busybox runs here and in no image.
    busybox) is_static_busybox || echo "$package" ;;
    *) has "$program" || echo "$package" ;;
  esac
done | sort -u)

# gcc alone comes without the C library's headers; whoever has a compiler already has them.
for package in $missing; do
  packages="$packages $package"
  [ "$package" != gcc ] || packages="$packages libc6-dev"
done

as_root() {
  if [ "$(id -u)" -ne 0 ]; then
    echo "Missing:$packages. Installing takes root: sudo make deps" >&2
    exit 1
  fi
}

install_packages() {
  DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"
}

# The tests start their own Engines: no package may start a service on this machine.
no_services=/usr/sbin/policy-rc.d
forbid_services() {
  [ ! -e "$no_services" ] || return 0
  trap 'rm -f "$no_services"' EXIT
  trap 'exit 1' HUP INT TERM
  printf '#!/bin/sh\nexit 101\n' >"$no_services"
  chmod 755 "$no_services"
}

if [ -n "$packages" ]; then
  as_root
  if ! has apt-get; then
    echo "Missing:$packages (named as Debian names them), and there is no apt-get to install them with." >&2
    exit 1
  fi
  forbid_services
  apt-get update
  # shellcheck disable=SC2086 # a list of words
  install_packages $packages
fi

# Newer releases ship the client apart from the daemon.
if ! has docker; then
  packages=' docker-cli'
  as_root
  forbid_services
  install_packages docker-cli
fi

if ! has cargo; then
  echo 'Missing: cargo. Install Rust from https://rustup.rs and run this again.' >&2
  exit 1
fi
