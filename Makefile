# The commands of the project; `make help` lists them.
.PHONY: bench calm demo deps help picture run test

TRAEFIK := target/lab/traefik
HOST = $(shell rustc -vV | sed -n 's/^host: //p')

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

test: deps ## formatting, lints without warnings, and every test
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo test --workspace

calm: deps ## ten minutes of deployments of every kind, in which nobody may be alarmed
	REDEPLOY_SECONDS=600 cargo test --test redeploys -- --nocapture

deps: ## installs what the demo and the tests need and this machine lacks (Debian, Ubuntu; as root)
	@scripts/install-test-tools.sh

$(TRAEFIK):
	@scripts/get-traefik.sh $@
