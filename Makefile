# Boxoffice. Two commands for a newcomer: `make run` and `make test`.
CARGO ?= cargo
TARGET = $(abspath $(or $(CARGO_TARGET_DIR),target))
BOXOFFICE = $(TARGET)/release/boxoffice
# Lints, documentation, programs and tests with the same features, or the dependencies would be compiled again for each.
EVERYTHING = --workspace --locked --features boxoffice-tests/everything,boxoffice-bench/rocketmq
export CATALOGUE ?= localstack/boxoffice/catalogue.toml

.DEFAULT_GOAL := help
.PHONY: help run demo test test-long build-tests check style lint doc fmt bench build clean up down status build-rocketmq \
	run-rocketmq demo-rocketmq test-rocketmq test-interop bench-rocketmq

# The broker of `make up`; any other cluster will do.
ROCKETMQ ?= rocketmq://127.0.0.1:9876
TOOLS = .local/tools/bin
FUNCTIONS = $(notdir $(wildcard functions/*))

help: ## print this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

build: ## the all-in-one program, in release mode
	@scripts/need.sh
	$(CARGO) build --release --locked -p boxoffice

run: build ## build, then serve the API and every function on 127.0.0.1:8080
	@$(BOXOFFICE) serve

demo: build ## 5,000 buyers race for 1,000 seats; checks the invariants (DEMO_ARGS="--seats 50" to change it)
	@$(BOXOFFICE) demo $(DEMO_ARGS)

# Most of the tests wait for servers, so there are more of them at a time than cores.
RUN_TESTS = BOXOFFICE_BIN_DIR=$(TARGET)/debug RUST_TEST_THREADS=$${RUST_TEST_THREADS:-4} \
	$(CARGO) --config "target.'cfg(all())'.runner='$(CURDIR)/scripts/timed.sh'" test

test: build-tests ## every test; starts what it needs by itself, and says how long each took
	$(RUN_TESTS) $(EVERYTHING)

test-long: ## the same with more sales, more seeds and more interruptions
	BOXOFFICE_TEST_LONG=1 $(MAKE) test

# The tests and the programs that they start; the examples too, which `cargo test` would build otherwise.
build-tests:
	@scripts/need.sh
	$(CARGO) build $(EVERYTHING) --tests --examples --bin boxoffice $(FUNCTIONS:%=--bin %)

check: style lint doc ## format, spelling, dependencies, lints and documentation, warnings denied

# In seconds. cargo-shear finds dependencies that nothing uses, and tests or examples that `test = false` would hide.
style:
	@scripts/need.sh
	@scripts/tools.sh
	$(CARGO) fmt --all --check
	$(TOOLS)/typos
	$(TOOLS)/cargo-deny --locked --log-level error check --hide-inclusion-graph bans licenses sources
	$(TOOLS)/cargo-shear --locked --check-test-targets --deny-warnings

# The second sees the program without RocketMQ, as `make run` builds it.
lint:
	@scripts/need.sh
	$(CARGO) clippy $(EVERYTHING) --all-targets -- -D warnings
	$(CARGO) clippy -p boxoffice --locked -- -D warnings

doc:
	@scripts/need.sh
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc $(EVERYTHING) --no-deps --quiet

fmt: ## format everything
	$(CARGO) fmt --all

bench: ## rates, latencies, CPU and memory of the embedded mode, beside the raw limits of this machine
	@scripts/need.sh
	$(CARGO) build --release --locked -p boxoffice-bench
	@$(TARGET)/release/boxoffice-bench $(BENCH_ARGS)

up: ## start a RocketMQ name server and broker on this machine, with Docker where there is one
	@localstack/stack.sh up

down: ## stop them
	@localstack/stack.sh down

status: ## show which of them are running
	@localstack/stack.sh status

build-rocketmq: ## every program, with RocketMQ, in release mode
	@scripts/need.sh
	$(CARGO) build --release --locked -p boxoffice $(FUNCTIONS:%=-p %) --features boxoffice-host/rocketmq

run-rocketmq: build-rocketmq up ## as `make run`, but the messages go through the broker
	@BUS=$(ROCKETMQ) $(BOXOFFICE) serve

demo-rocketmq: build-rocketmq up ## as `make demo`, with one process for each function and the broker (DEMO_ARGS=--kill-programs kills each in turn)
	@BUS=$(ROCKETMQ) $(BOXOFFICE) demo --programs $(DEMO_ARGS)

test-rocketmq: build-tests ## the tests that need the broker
	$(RUN_TESTS) $(EVERYTHING) --test it rocketmq

test-interop: build-tests ## messages from and to a Spring Boot program, both ways
	$(RUN_TESTS) $(EVERYTHING) --test it interop

bench-rocketmq: ## RocketMQ: our consumer and producer beside a Java consumer and the bare client library
	@scripts/need.sh
	$(CARGO) build --release --locked -p boxoffice-bench --features rocketmq
	@$(TARGET)/release/boxoffice-bench-rocketmq $(BENCH_ARGS)

clean: ## remove what was built
	$(CARGO) clean
