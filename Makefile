# The commands of the project; `make help` lists them.
.PHONY: advisories bench calm demo deny deps help picture run test test-matrix

TRAEFIK := target/lab/traefik
HOST = $(shell rustc -vV | sed -n 's/^host: //p')
DENY := target/lab/cargo-deny

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
	cargo build --release --example sweep
	cargo build --release --bins
	RUSTFLAGS='-C target-feature=+crt-static' \
	  cargo build --profile dist --locked --package destination-exporter --target $(HOST)
	@cargo build --quiet --package lab --bin bench
	@target/debug/bench target/release/destination-exporter target/$(HOST)/dist/destination-exporter

run: ## watches the Engine of this machine; as root
	cargo run --release -- serve

test: deps deny ## formatting, lints without warnings, licences and bans, and every test, on Docker 20.10 and 26.1
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	@scripts/get-engine-root.sh trixie
	cargo test --workspace

test-matrix: deps ## the tests that compare Engines, on every one that is supported: Debian's newest Docker and Podman too
	cargo test --test engines -- --include-ignored --nocapture --test-threads 1

deny: deps ## what the program is made of: licences, banned crates, doubles, sources, as deny.toml says
	@scripts/get-cargo-deny.sh $(DENY)
	$(DENY) --locked check --deny warnings --hide-inclusion-graph bans licenses sources

advisories: deps ## known holes and withdrawn releases among the dependencies; asks github.com and crates.io
	@scripts/get-cargo-deny.sh $(DENY)
	$(DENY) --locked check advisories

calm: deps ## ten minutes of deployments of every kind, in which nobody may be alarmed
	REDEPLOY_SECONDS=600 cargo test --test redeploys -- --nocapture

deps: ## installs what the demo and the tests need and this machine lacks (Debian, Ubuntu; as root)
	@scripts/install-test-tools.sh

$(TRAEFIK):
	@scripts/get-traefik.sh $@
