#!/bin/sh
# Fuzzes what reads the words of strangers; fuzz/README.md tells more.
#   scripts/fuzz.sh short RUNS               every target, on what was built for the tests, the same each time
#   scripts/fuzz.sh long SECONDS [TARGET]    what was found before is kept; all that parses is watched
set -eu
cd "$(dirname "$0")/.."

kind=$1
amount=$2
wanted=${3-}

targets=$(cd fuzz/fuzz_targets && ls -- *.rs | sed 's/\.rs$//')
if [ -n "$wanted" ]; then
  if ! echo "$targets" | grep -qxF -- "$wanted"; then
    echo "There is no target $wanted. There are:" >&2
    echo "$targets" >&2
    exit 1
  fi
  targets=$wanted
fi

# Others' crates that parse. Instrumented, each is another one than the tests' own: cargo tells them apart by the
# level. A long run is also worth the time that it takes to make ours fast.
also=
set --
case $kind in
short) ;;
long)
  also='hickory-proto httparse hyper serde_json serde-saphyr granit-parser surge-ping rustls-pki-types
    x509-parser der-parser asn1-rs'
  for name in destination-exporter $also; do
    set -- "$@" --config "profile.dev.package.$name.opt-level=2"
  done
  ;;
*)
  echo 'expected short or long' >&2
  exit 1
  ;;
esac

FUZZ_ALSO=$also RUSTC_WRAPPER=$PWD/fuzz/instrumented \
  cargo build --quiet --manifest-path fuzz/Cargo.toml --target-dir target --bins "$@"

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 1' HUP INT TERM

# One target, with a line that says what it did; its whole output where it found something.
cat >"$scratch/one" <<'EOF'
set -eu
target=$1
log=$scratch/$target.log
found=$scratch/$target
# A number of inputs, not of seconds: a faster machine is to try no others than a slower one.
set -- "-runs=$amount" -seed=1 -max_total_time=30
if [ "$kind" = long ]; then
  found=target/fuzz/corpus/$target
  set -- "-max_total_time=$amount"
fi
mkdir -p "$found" "fuzz/artifacts/$target"
set -- "$@" -timeout=10 -rss_limit_mb=2048 -max_len=8192 \
  -print_final_stats=1 "-artifact_prefix=fuzz/artifacts/$target/"
[ ! -f "fuzz/dictionaries/$target.dict" ] || set -- "$@" "-dict=fuzz/dictionaries/$target.dict"
if "target/debug/$target" "$@" "$found" "fuzz/corpus/$target" >"$log" 2>&1; then
  runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
  covered=$(sed -n 's/^#.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1)
  echo "fuzz: $target: $runs runs, ${covered:-0} places seen"
else
  cat "$log" >&2
  echo "fuzz: $target: FOUND SOMETHING; the input is in fuzz/artifacts/$target/, and does it again:" >&2
  echo "  target/debug/$target fuzz/artifacts/$target/crash-…" >&2
  exit 1
fi
EOF
export kind amount scratch
# shellcheck disable=SC2086 # a list of words
printf '%s\n' $targets | xargs -n 1 -P "$(nproc)" sh "$scratch/one"
