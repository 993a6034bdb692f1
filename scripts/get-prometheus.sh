#!/bin/sh
# Makes target/lab/prometheus-SUITE/bin: Prometheus and promtool of another Debian release, with the C library that they were
# built for, for whoever puts that folder first into PATH. About 300 MB; deleted, it is made anew.
set -eu

suite=${1:?usage: get-prometheus.sh SUITE}
cd "$(dirname "$0")/.."
root=$PWD/target/lab/prometheus-$suite

mkdir -p target/lab
exec 9>"$root.lock"
flock 9
[ ! -x "$root/bin/promtool" ] || exit 0

rm -rf "$root.new"
mkdir -p "$root.new/lists/partial" "$root.new/archives/partial" "$root.new/debs" "$root.new/bin"
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian $suite main" \
  >"$root.new/sources.list"
# The machine's own lists, and what is installed, stay as they are.
apt() {
  apt-get -q -o Dir::Etc::sourcelist="$root.new/sources.list" -o Dir::Etc::sourceparts=- \
    -o Dir::State::lists="$root.new/lists" -o Dir::Cache::archives="$root.new/archives" \
    -o APT::Sandbox::User=root -o Dir::State::status=/dev/null "$@"
}
apt update >"$root.log" 2>&1 || { tail "$root.log" >&2; exit 1; }
(cd "$root.new/debs" && apt download prometheus promtool libc6 >>"$root.log" 2>&1) || { tail "$root.log" >&2; exit 1; }
for deb in "$root.new"/debs/*.deb; do
  dpkg-deb -x "$deb" "$root.new/system"
done
loader=$(cd "$root.new/system" && find . -name 'ld-linux*.so.*' ! -type d | head -n 1 | cut -c3-)
for program in prometheus promtool; do
  cat >"$root.new/bin/$program" <<END
#!/bin/sh
exec "$root/system/$loader" --library-path "$root/system/$(dirname "$loader")" "$root/system/usr/bin/$program" "\$@"
END
  chmod +x "$root.new/bin/$program"
done
rm -rf "$root.new/lists" "$root.new/archives" "$root.new/debs" "$root"
mv "$root.new" "$root"
