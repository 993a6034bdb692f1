# The commands of the project; `make help` lists them.
.PHONY: advisories bench calm dashboards demo demo-swarm deny deps faults fuzz help page-pictures picture rules run soak test test-matrix

TRAEFIK := target/lab/traefik
HOST = $(shell rustc -vV | sed -n 's/^host: //p')
DENY := target/lab/cargo-deny
RECORDING := target/dashboards
FUZZ_SECONDS ?= 60
SOAK_SECONDS ?= 1800
# Tests side by side: most have an Engine of their own and wait for what it does, so that a core bears two.
LABS = $(shell echo $$((2 * $$(nproc))))
TARGET ?=
IMAGE_TEST := it_is_built_of_local_images_and_probes_a_container_without_a_shell

help: ## lists the commands
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/ —/'

demo: deps $(TRAEFIK) ## a host as Coolify leaves it, with two faults in it: the report and the notifications in this terminal, pages to open
	cargo build --release
	@cargo build --quiet --package lab --bin demo
	@target/debug/demo target/release/destination-exporter $(TRAEFIK)

demo-swarm: deps ## three Engines that are one Swarm, an exporter on each: a node is cut off and comes back, and what each side tells of it
	cargo build --release
	@cargo build --quiet --package lab --bin demo
	@target/debug/demo target/release/destination-exporter swarm

picture: deps $(TRAEFIK) ## draws the README's picture anew: the report on the demo's host
	cargo build --release
	@cargo build --quiet --package lab --bin picture
	@target/debug/picture target/release/destination-exporter $(TRAEFIK) docs/images/check.svg

page-pictures: deps ## draws the pictures of the pages anew, of a small host with faults in it, in docs/images
	PAGE_PICTURES=$(CURDIR)/docs/images cargo test --test browser

dashboards: deps ## writes dashboards/*.json, holds them against Grafana's schema, draws them with Grafana's libraries: docs/images; 500 MB of npm
	cargo run --quiet --package dashboards
	cd tests/grafana && npm ci --ignore-scripts --legacy-peer-deps --no-audit --no-fund --loglevel error
	cd tests/grafana && node schema.mjs
	DASHBOARDS_RECORD=$(CURDIR)/$(RECORDING) cargo test --test dashboards
	cd tests/grafana && node build.mjs $(CURDIR)/$(RECORDING)/bundle/main.js
	cd tests/grafana && node render.mjs $(CURDIR)/$(RECORDING)/bundle $(CURDIR)/$(RECORDING) $(CURDIR)/docs/images

bench: ## what it costs and how right it is, against its goals and a peer; rewrites the table of docs/performance.md
	@scripts/install-test-tools.sh bench
	RUSTFLAGS='-C target-feature=+crt-static' \
	  cargo build --profile dist --locked --package destination-exporter --bins --examples --target $(HOST)
	@cargo build --quiet --package lab --bin bench
	@target/debug/bench target/$(HOST)/dist/destination-exporter

rules: ## writes the rule files of alerts/ anew, from the list in tests/lab/src/rules
	@cargo run --quiet --package lab --bin rules -- alerts

run: ## watches the Engine of this machine; as root
	cargo run --release -- serve

test: deps deny ## formatting, lints without warnings, licences and bans, every test (Docker 20.10 and 26.1), a moment of fuzzing
	cargo fmt --all --check
	cargo fmt --manifest-path fuzz/Cargo.toml --check
	cargo clippy --workspace --all-targets --features fuzzing -- -D warnings
	cargo clippy --manifest-path fuzz/Cargo.toml --target-dir target --all-targets -- -D warnings
	@scripts/get-engine-root.sh trixie
	cargo test --workspace --no-run
	@# The image's build has what the labs, which mostly wait, leave of the processor.
	@nice -n 19 cargo test --test image >target/image.log 2>&1 & image=$$!; \
	  RUST_TEST_THREADS=$(LABS) cargo test --workspace --no-fail-fast -- --skip $(IMAGE_TEST); tests=$$?; \
	  wait $$image; image=$$?; cat target/image.log; exit $$((tests | image))
	@scripts/fuzz.sh short 1500

fuzz: deps ## feeds every parser with bytes made up to break it: FUZZ_SECONDS each, TARGET one alone (fuzz/README.md)
	@scripts/fuzz.sh long $(FUZZ_SECONDS) $(TARGET)

test-matrix: deps ## what differs with who is watched and who watches: every supported Engine, Debian's newest Docker and Podman too; Prometheus 3
	cargo test --test engines -- --include-ignored --nocapture --test-threads 1
	cargo test --test faults -- --ignored --nocapture --test-threads 1
	@scripts/get-prometheus.sh sid
	PATH=$(CURDIR)/target/lab/prometheus-sid/bin:$$PATH cargo test --test alerts --test storm

deny: deps ## what the program is made of: licences, banned crates, doubles, sources, as deny.toml says
	@scripts/get-cargo-deny.sh $(DENY)
	$(DENY) --locked check --deny warnings --hide-inclusion-graph bans licenses sources

advisories: deps ## known holes and withdrawn releases among the dependencies; asks github.com and crates.io
	@scripts/get-cargo-deny.sh $(DENY)
	$(DENY) --locked check advisories

faults: deps ## every fault on real Engines: what is told of each, and how soon; rewrites docs/fault-matrix.md and the reports in docs/examples
	@rm -rf target/faults && mkdir -p target/faults
	cargo build --package lab --bin matrix
	FAULTS=$(CURDIR)/target/faults RUST_TEST_THREADS=$$(nproc) cargo test --no-fail-fast --test faults --test isolation --test routes --test swarm; \
	  tests=$$?; target/debug/matrix target/faults && exit $$tests

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
