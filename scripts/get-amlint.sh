#!/bin/sh
# Puts amlint, which reads Alertmanager's file against the rules, into a folder of its own at the path given: from PyPI,
# pinned by hash with all that it needs.
set -eu

path=${1:?usage: get-amlint.sh FOLDER}

[ "$("$path/bin/amlint" --version 2>/dev/null || true)" != 'amlint 0.8.5' ] || exit 0
if ! python3 -c 'import ensurepip' 2>/dev/null; then
  if [ "$(id -u)" -ne 0 ]; then
    echo 'Missing: python3-venv. Installing takes root.' >&2
    exit 1
  fi
  apt-get update
  DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends python3-venv
fi

# Tests run side by side, and each asks for what it needs.
mkdir -p "$(dirname "$path")"
exec 9>"$path.lock"
flock 9
[ "$("$path/bin/amlint" --version 2>/dev/null || true)" != 'amlint 0.8.5' ] || exit 0
rm -rf "$path"
python3 -m venv "$path"
"$path/bin/pip" install --quiet --disable-pip-version-check --no-deps --require-hashes --requirement \
  "$(dirname "$0")/amlint.txt"
