# The commands of the project; `make help` lists them.
.PHONY: advisories bench calm demo deny deps fuzz help picture run soak test test-matrix

TRAEFIK := target/lab/traefik
HOST = $(shell rustc -vV | sed -n 's/^host: //p')
DENY := target/lab/cargo-deny
FUZZ_SECONDS ?= 60
SOAK_SECONDS ?= 1800
# Tests side by side: most have an Engine of their own and wait for what it does, so that a core bears two.
LABS = $(shell echo $$((2 * $$(nproc))))
TARGET ?=

help: ## lists the commands
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/ —/'

demo: deps $(TRAEFIK) ## a host as Coolify leaves it, with two faults in it: the report in this terminal, pages to open
	cargo build --release
	@cargo build --quiet --package lab --bin demo
	@target/debug/demo target/release/destination-exporter $(TRAEFIK)

picture: deps $(TRAEFIK) ## draws the README's picture anew: the report on the demo's host
	cargo build --release
	@cargo build --quiet --package lab --bin picture
	@target/debug/picture target/release/destination-exporter $(TRAEFIK) docs/images/check.svg

bench: ## what it costs and how right it is, against its goals and a peer; rewrites the table of docs/performance.md
	@scripts/install-test-tools.sh bench
	cargo build --release --example sweep
	RUSTFLAGS='-C target-feature=+crt-static' \
	  cargo build --profile dist --locked --package destination-exporter --target $(HOST)
	@cargo build --quiet --package lab --bin bench
	@target/debug/bench target/$(HOST)/dist/destination-exporter

run: ## watches the Engine of this machine; as root
	cargo run --release -- serve

test: deps deny ## formatting, lints without warnings, licences and bans, every test (Docker 20.10 and 26.1), a moment of fuzzing
	cargo fmt --all --check
	cargo fmt --manifest-path fuzz/Cargo.toml --check
	cargo clippy --workspace --all-targets --features fuzzing -- -D warnings
	cargo clippy --manifest-path fuzz/Cargo.toml --target-dir target --all-targets -- -D warnings
	@scripts/get-engine-root.sh trixie
	RUST_TEST_THREADS=$(LABS) cargo test --workspace
	@scripts/fuzz.sh short 1500

fuzz: deps ## feeds every parser with bytes made up to break it: FUZZ_SECONDS each, TARGET one alone (fuzz/README.md)
	@scripts/fuzz.sh long $(FUZZ_SECONDS) $(TARGET)

test-matrix: deps ## the tests that compare Engines, on every one that is supported: Debian's newest Docker and Podman too
	cargo test --test engines -- --include-ignored --nocapture --test-threads 1

deny: deps ## what the program is made of: licences, banned crates, doubles, sources, as deny.toml says
	@scripts/get-cargo-deny.sh $(DENY)
	$(DENY) --locked check --deny warnings --hide-inclusion-graph bans licenses sources

advisories: deps ## known holes and withdrawn releases among the dependencies; asks github.com and crates.io
	@scripts/get-cargo-deny.sh $(DENY)
	$(DENY) --locked check advisories

calm: deps ## ten minutes of deployments of every kind, in which nobody may be alarmed
	REDEPLOY_SECONDS=600 cargo test --test redeploys --test calm -- --nocapture

soak: deps ## half an hour (SOAK_SECONDS) of deployments, outages and scrapes; rewrites the table of docs/reliability.md
	cargo build --release
	@cargo build --quiet --package lab --bin soak
	@target/debug/soak target/release/destination-exporter $(SOAK_SECONDS) --write

deps: ## installs what the demo and the tests need and this machine lacks (Debian, Ubuntu; as root)
	@scripts/install-test-tools.sh

$(TRAEFIK):
	@scripts/get-traefik.sh $@
