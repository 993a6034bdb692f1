# The commands of the project; `make help` lists them.
.PHONY: demo deps help run test

TRAEFIK := target/lab/traefik

help: ## lists the commands
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/ —/'

demo: deps $(TRAEFIK) ## a host as Coolify leaves it, with a fault in it: the report in this terminal, pages to open
	cargo build --release
	@cargo build --quiet --package lab --bin demo
	@target/debug/demo target/release/destination-exporter $(TRAEFIK)

run: ## watches the Engine of this machine; as root
	cargo run --release -- serve

test: deps ## formatting, lints without warnings, and every test
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo test --workspace

deps: ## installs what the demo and the tests need and this machine lacks (Debian, Ubuntu; as root)
	@scripts/install-test-tools.sh

$(TRAEFIK):
	@scripts/get-traefik.sh $@
