# The commands of the project; `make help` lists them.
.PHONY: deps help test

help: ## lists the commands
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/ —/'

deps: ## installs what the tests need and this machine lacks (Debian, Ubuntu; as root)
	@scripts/install-test-tools.sh

test: deps ## formatting, lints without warnings, and every test
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo test --workspace
