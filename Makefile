# The commands of the project; `make help` lists them.
.PHONY: bench calm demo deps fuzz help picture run test

TRAEFIK := target/lab/traefik
FUZZ_SECONDS ?= 60
TARGET ?=

help: ## lists the commands
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/ —/'

demo: deps $(TRAEFIK) ## a host as Coolify leaves it, with a fault in it: the report in this terminal, pages to open
	cargo build --release
	@cargo build --quiet --package lab --bin demo
	@target/debug/demo target/release/destination-exporter $(TRAEFIK)

picture: deps $(TRAEFIK) ## draws the README's picture anew: the report on the demo's host
	cargo build --release
	@cargo build --quiet --package lab --bin picture
	@target/debug/picture target/release/destination-exporter $(TRAEFIK) docs/images/check.svg

bench: ## what it costs and how right it is, against its goals and a peer; rewrites the table of docs/performance.md
	@scripts/install-test-tools.sh bench
	cargo build --release --bins --example sweep
	@cargo build --quiet --package lab --bin bench
	@target/debug/bench target/release/destination-exporter

run: ## watches the Engine of this machine; as root
	cargo run --release -- serve

test: deps ## formatting, lints without warnings, every test, and each fuzz target for a moment
	cargo fmt --all --check
	cargo fmt --manifest-path fuzz/Cargo.toml --check
	cargo clippy --workspace --all-targets --features fuzzing -- -D warnings
	cargo clippy --manifest-path fuzz/Cargo.toml --target-dir target --all-targets -- -D warnings
	cargo test --workspace
	@scripts/fuzz.sh short 4

fuzz: deps ## feeds every parser with bytes made up to break it: FUZZ_SECONDS each, TARGET one alone (fuzz/README.md)
	@scripts/fuzz.sh long $(FUZZ_SECONDS) $(TARGET)

calm: deps ## ten minutes of deployments of every kind, in which nobody may be alarmed
	REDEPLOY_SECONDS=600 cargo test --test redeploys -- --nocapture

deps: ## installs what the demo and the tests need and this machine lacks (Debian, Ubuntu; as root)
	@scripts/install-test-tools.sh

$(TRAEFIK):
	@scripts/get-traefik.sh $@
