# `make demo` and `make test` do all of their own set-up: they need Rust, a C compiler and Python 3.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

VENV := .venv
PYTHON := $(VENV)/bin/python
DEMO_ARGUMENTS ?= --save-frame last-frame.png

export RUST_BACKTRACE ?= 1

.PHONY: help demo dora-demo test lint figures dora-figures

help:
	@echo "make demo          build and run the camera example (DEMO_ARGUMENTS='--fps 0 --json' changes how)"
	@echo "make dora-demo     run the dora example: a camera, an unmodified Python node and a GPU consumer"
	@echo "make test          formatting, lints, documentation and every test"
	@echo "make lint          only formatting, lints and documentation"
	@echo "make figures       measure against stock zenoh shared memory, some two minutes"
	@echo "make dora-figures  measure dataflows against dora's own outputs, some three minutes"

demo: $(VENV)/.ready
	cargo build --release -p camera
	cargo run --quiet --release -p camera -- run $(DEMO_ARGUMENTS)

# dora starts Python nodes with the Python of VIRTUAL_ENV, and hands its own environment on to all nodes.
dora-demo: $(VENV)/.ready
	cargo build --release -p dora-camera
	install -D -t examples/dora-camera/bin "$${CARGO_TARGET_DIR:-target}"/release/{camera,device}-node
	export VIRTUAL_ENV="$$(realpath $(VENV))"; \
	export PATH="$$VIRTUAL_ENV/bin:$$PATH"; \
	cd examples/dora-camera; \
	dora run dataflow.yml

test: lint $(VENV)/.ready
	# The driver double is a shared library that the tests find by its file, so cargo does not build
	# it for them.
	cargo build -p cuda-driver-double
	export ZENOH_PINNED_PYTHON="$$PWD/$(PYTHON)"; \
	if cargo nextest --version > /dev/null 2>&1; then \
		cargo nextest run --workspace --all-features; \
	else \
		cargo test --workspace --all-features --lib --bins --tests; \
	fi
	cargo test --workspace --all-features --doc

lint:
	cargo fmt --all --check
	cargo clippy --workspace --all-features --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --all-features --no-deps --document-private-items

figures:
	cargo build --release -p zenoh-pinned-transport-bench
	cargo run --quiet --release -p zenoh-pinned-transport-bench

dora-figures: $(VENV)/.ready
	cargo build --release -p zenoh-pinned-dora-bench
	cargo run --quiet --release -p zenoh-pinned-dora-bench -- "$(PYTHON)"

# eclipse-zenoh and dora-rs are the unmodified peers of the tests, imageio-ffmpeg brings a decoder in its wheel.
$(VENV)/.ready: requirements.txt
	@python3 -m venv $(VENV) > /dev/null 2>&1 || { \
		echo "Python's venv module is missing; installing python3-venv."; \
		apt-get install -y python3-venv > /dev/null || { \
			echo "Install it as root: apt-get install python3-venv"; exit 1; }; \
		python3 -m venv $(VENV); }
	$(PYTHON) -m pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@
