# Boxoffice. Two commands for a newcomer: `make run` and `make test`.
CARGO ?= cargo
BOXOFFICE = target/release/boxoffice
export CATALOGUE ?= localstack/boxoffice/catalogue.toml

.DEFAULT_GOAL := help
.PHONY: help run demo test check fmt bench build clean up down status build-rocketmq run-rocketmq demo-rocketmq test-rocketmq test-interop bench-rocketmq

# The broker of `make up`; any other cluster will do.
ROCKETMQ ?= rocketmq://127.0.0.1:9876
FUNCTIONS = order-api order-process order-paid order-cancelled order-timeout stock-management sms-notification \
	email-notification push-notification dlq-handler outbox-relay stock-reconcile

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

build: ## the all-in-one program, in release mode
	@scripts/need.sh
	$(CARGO) build --release --locked -p boxoffice

run: build ## build, then serve the API and every function on 127.0.0.1:8080
	@$(BOXOFFICE) serve

demo: build ## 5,000 buyers race for 1,000 seats; checks the invariants (DEMO_ARGS="--seats 50" to change it)
	@$(BOXOFFICE) demo $(DEMO_ARGS)

# Most of the tests wait for servers, so there are more of them at a time than cores.
test: ## every test; starts what it needs by itself
	@scripts/need.sh
	RUST_TEST_THREADS=$${RUST_TEST_THREADS:-4} $(CARGO) test --workspace --locked

# The second clippy sees the program without RocketMQ, as `make run` builds it.
check: ## format, lints and documentation, warnings denied
	@scripts/need.sh
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --features boxoffice-bench/rocketmq --locked -- -D warnings
	$(CARGO) clippy -p boxoffice --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --locked --quiet

fmt: ## format everything
	$(CARGO) fmt --all

bench: ## rates, latencies, CPU and memory of the embedded mode, beside the raw limits of this machine
	@scripts/need.sh
	$(CARGO) build --release --locked -p boxoffice-bench
	@target/release/boxoffice-bench $(BENCH_ARGS)

up: ## start a RocketMQ name server and broker on this machine, with Docker where there is one
	@localstack/stack.sh up

down: ## stop them
	@localstack/stack.sh down

status: ## what of them runs
	@localstack/stack.sh status

build-rocketmq: ## every program, with RocketMQ, in release mode
	@scripts/need.sh
	$(CARGO) build --release --locked -p boxoffice $(FUNCTIONS:%=-p %) --features boxoffice-host/rocketmq

run-rocketmq: build-rocketmq up ## as `make run`, but the messages go through the broker
	@BUS=$(ROCKETMQ) $(BOXOFFICE) serve

demo-rocketmq: build-rocketmq up ## as `make demo`, on twelve processes and the broker (DEMO_ARGS=--kill-programs kills each in turn)
	@BUS=$(ROCKETMQ) $(BOXOFFICE) demo --programs $(DEMO_ARGS)

test-rocketmq: ## the tests that need the broker
	@scripts/need.sh
	$(CARGO) test --locked -p boxoffice-tests --test it rocketmq

test-interop: ## messages from and to a Spring Boot program, both ways
	@scripts/need.sh
	$(CARGO) test --locked -p boxoffice-tests --test it interop

bench-rocketmq: ## RocketMQ: our consumer and producer beside a Java consumer and the bare client library
	@scripts/need.sh
	$(CARGO) build --release --locked -p boxoffice-bench --features rocketmq
	@target/release/boxoffice-bench-rocketmq $(BENCH_ARGS)

clean: ## remove what was built
	$(CARGO) clean
