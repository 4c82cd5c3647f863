# Boxoffice. Two commands for a newcomer: `make run` and `make test`.
CARGO ?= cargo
BOXOFFICE = target/release/boxoffice
export CATALOGUE ?= localstack/boxoffice/catalogue.toml

.DEFAULT_GOAL := help
.PHONY: help run demo test check fmt bench build clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

build: ## the all-in-one program, in release mode
	@scripts/need.sh
	$(CARGO) build --release --locked -p boxoffice

run: build ## build, then serve the API and every function on 127.0.0.1:8080
	@$(BOXOFFICE) serve

demo: build ## 5,000 buyers race for 1,000 seats; checks the invariants (DEMO_ARGS="--seats 50" to change it)
	@$(BOXOFFICE) demo $(DEMO_ARGS)

test: ## every test; starts what it needs by itself
	@scripts/need.sh
	$(CARGO) test --workspace --locked

check: ## format, lints and documentation, warnings denied
	@scripts/need.sh
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --locked --quiet

fmt: ## format everything
	$(CARGO) fmt --all

bench: ## rates, latencies, CPU and memory of the embedded mode, beside the raw limits of this machine
	@scripts/need.sh
	$(CARGO) build --release --locked -p boxoffice-bench
	@target/release/boxoffice-bench $(BENCH_ARGS)

clean: ## remove what was built
	$(CARGO) clean
