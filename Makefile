# `make demo` and `make test` do all of their own set-up: they need Rust, a C compiler and Python 3.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

VENV := .venv
TOOLS := .tools
PYTHON := $(VENV)/bin/python
PACKAGE := bindings/python
TARGET = $(or $(CARGO_TARGET_DIR),target)
DEMO_ARGUMENTS ?= --save-frame last-frame.png
LOAD_BALANCER_ARGUMENTS ?=
MATRIX_ARGUMENTS ?=

export RUST_BACKTRACE ?= 1

.PHONY: help demo dora-demo load-balancer-demo matrix-demo camera-models-demo voice-demo test test-python test-page lint corpus fuzz miri sanitize bench \
	micro-figures camera-figures figures dora-figures exchange-figures hand-over-figures python-figures c-figures \
	observe-figures observe-pictures worker-figures matrix-figures model-figures soak wheel install gpu-kit gpu-lane-double gpu-results

help:
	@echo "Run"
	@echo "  make demo              a real clip from one process to another (DEMO_ARGUMENTS='--fps 0 --json')"
	@echo "  make dora-demo         the same as dora dataflows, in Rust and Python"
	@echo "  make load-balancer-demo  a data plane in C, an agent that learns (LOAD_BALANCER_ARGUMENTS=--compare)"
	@echo "  make matrix-demo       large arrays compressed and stored by processes that may die (MATRIX_ARGUMENTS='--count 0')"
	@echo "  make camera-models-demo  cameras whose numbers a real model reads, by workers that share one copy of it"
	@echo "  make voice-demo        the same with a voice model and made-up sound"
	@echo
	@echo "Test"
	@echo "  make test              formatting, lints, documentation and every test"
	@echo "  make test-python       only the tests of the Python package"
	@echo "  make test-page         only the tests of the page in a browser; installs chromium where it is missing"
	@echo "  make lint              only formatting, lints and documentation"
	@echo "  make fuzz              every parser of foreign bytes under libFuzzer (FUZZ_SECONDS=60 each, SANITIZER=address)"
	@echo "  make corpus            the seeds of the fuzz targets, into provider/fuzz/corpus"
	@echo "  make miri              the fuzz targets' properties and the exchange's protocol, under Miri"
	@echo "  make sanitize          the same, and the provider's unit tests, with the sanitizers"
	@echo "  make soak              a thousand kills three times, stops, and coming and going (SOAK_SECONDS=600); half an hour"
	@echo
	@echo "Measure"
	@echo "  make figures           transport beside stock zenoh, also by size; two minutes"
	@echo "  make bench             micro-figures, figures and camera-figures; ten minutes"
	@echo "  make micro-figures     operations in one process by Criterion, with a GPU copies to it; two minutes"
	@echo "  make camera-figures    the camera workload; CAMERA_LENGTH=full for half an hour of it"
	@echo "  make dora-figures      dataflows beside dora's own outputs; six minutes"
	@echo "  make exchange-figures  newest values beside iceoryx2's blackboard and a mutex; two minutes"
	@echo "  make hand-over-figures  one frame from publisher to subscriber beside zenoh, iceoryx2 and a bare wake-up; three minutes"
	@echo "  make observe-pictures  the page as its README and that of examples/matrices show it; a minute"
	@echo "  make observe-figures   what it costs a process that a page looks at it; a minute and a half"
	@echo "  make worker-figures    a pool of workers beside mosec, Ray Serve and multiprocessing.Pool; fifteen minutes"
	@echo "  make matrix-figures    the pipeline of matrices beside multiprocessing.shared_memory and bare zstd; five minutes"
	@echo "  make model-figures     weights of a registry beside files that every process loads for itself; two minutes"
	@echo "  make python-figures    single calls of the Python package; half a minute"
	@echo "  make c-figures         single calls from C beside Rust; half a minute"
	@echo "  make gpu-kit           tests and benchmarks for a machine with a GPU, into dist/gpu-kit"
	@echo "  make gpu-lane-double   the same here against the driver double, with each stage broken in turn"
	@echo "  make gpu-results       what it brought home (OUT=FOLDER), into benches/results, README and RFC"
	@echo
	@echo "Release"
	@echo "  make wheel             the Python package, into dist/"
	@echo "  make install           the library for C and C++ (PREFIX=/usr/local DESTDIR=)"

demo: $(VENV)/.ready
	cargo build --release -p camera
	cargo run --quiet --release -p camera -- run $(DEMO_ARGUMENTS)

# dora starts Python nodes with the Python of VIRTUAL_ENV, and hands its own environment on to all nodes.
dora-demo: $(VENV)/.ready
	cargo build --release -p dora-camera -p zenoh-pinned-python
	install -D -t examples/dora-camera/bin "$(TARGET)"/release/{camera,device}-node
	install "$(TARGET)/release/lib_native.so" $(PACKAGE)/python/zenoh_pinned/_native.abi3.so
	export VIRTUAL_ENV="$$(realpath $(VENV))" PYTHONPATH="$$PWD/$(PACKAGE)/python"; \
	export PATH="$$VIRTUAL_ENV/bin:$$PATH"; \
	cd examples/dora-camera; \
	dora run dataflow.yml; \
	dora run dataflow-python.yml

load-balancer-demo: $(VENV)/.ready
	cargo build --release -p zenoh-pinned-exchange -p zenoh-pinned-python
	install "$(TARGET)/release/lib_native.so" $(PACKAGE)/python/zenoh_pinned/_native.abi3.so
	$(CC) -std=c11 -O2 -Wall -Wextra -pedantic -Werror -Inode-api/exchange/include examples/load-balancer/data_plane.c \
		-o "$(TARGET)/release/load-balancer-data-plane" "$(TARGET)/release/libzenoh_pinned_exchange.a" -lm -lpthread -ldl
	PYTHONPATH="$$PWD/$(PACKAGE)/python" $(PYTHON) examples/load-balancer/run.py \
		"$(TARGET)/release/load-balancer-data-plane" $(LOAD_BALANCER_ARGUMENTS)

matrix-demo:
	cargo build --release -p matrices
	"$(TARGET)/release/matrices" --overwrite $(MATRIX_ARGUMENTS)

CAMERA_MODELS_ARGUMENTS ?= --save last-reading.png

camera-models-demo: $(VENV)/.models
	cargo build --release -p zenoh-pinned-python
	install "$(TARGET)/release/lib_native.so" $(PACKAGE)/python/zenoh_pinned/_native.abi3.so
	PYTHONPATH="$$PWD/$(PACKAGE)/python" $(PYTHON) examples/camera-models/run.py $(CAMERA_MODELS_ARGUMENTS)

voice-demo: $(VENV)/.models
	cargo build --release -p zenoh-pinned-python
	install "$(TARGET)/release/lib_native.so" $(PACKAGE)/python/zenoh_pinned/_native.abi3.so
	PYTHONPATH="$$PWD/$(PACKAGE)/python" $(PYTHON) examples/camera-models/voice.py

# Tests that nextest counts as skipped are the other processes of tests.
test: lint $(VENV)/.ready $(TOOLS)/promtool
	# The driver double and the Python extension are libraries that the tests find by their files, so cargo
	# does not build them for the tests.
	cargo build --workspace --all-features
	export ZENOH_PINNED_PYTHON="$$PWD/$(PYTHON)" ZENOH_PINNED_PROMTOOL="$$PWD/$(TOOLS)/promtool"; \
	if cargo nextest --version > /dev/null 2>&1; then \
		cargo nextest run --workspace --all-features; \
	else \
		cargo test --workspace --all-features --lib --bins --tests; \
	fi
	cargo test --workspace --all-features --doc
	$(MAKE) test-python
	$(MAKE) test-page

# Tried again as in .config/nextest.toml, and because dora can give a node's endpoint to its daemon meanwhile.
test-python: $(VENV)/.ready $(VENV)/.models $(VENV)/others/.ready
	cargo build --workspace --all-features
	install "$(TARGET)/debug/lib_native.so" $(PACKAGE)/python/zenoh_pinned/_native.abi3.so
	export ZENOH_PINNED_CUDA_DOUBLE="$$(realpath $(TARGET))/debug/libcuda_driver_double.so"; \
	export ZENOH_PINNED_OTHER_PYTHONS="$$PWD/$(VENV)/others" PYTHONPATH="$$PWD/$(PACKAGE)/python"; \
	python="$$PWD/$(PYTHON)"; \
	cd $(PACKAGE); \
	"$$python" -m pytest --reruns 2
	$(PYTHON) -m pytest --quiet benches/gpu-kit/tests

BROWSER_TESTS := node-api/observe/tests/browser

test-page: $(VENV)/.ready $(VENV)/.browser
	cargo build --workspace --all-features
	install "$(TARGET)/debug/lib_native.so" $(PACKAGE)/python/zenoh_pinned/_native.abi3.so
	export ZENOH_PINNED_COMMAND="$$(realpath $(TARGET))/debug/zenoh-pinned" PYTHONPATH="$$PWD/$(PACKAGE)/python"; \
	export ZENOH_PINNED_MATRICES="$$(realpath $(TARGET))/debug/matrices"; \
	$(PYTHON) -m pytest --quiet $(BROWSER_TESTS)

observe-pictures: $(VENV)/.ready $(VENV)/.browser
	$(PYTHON) -m pytest --quiet $(BROWSER_TESTS)/test_pictures.py --pictures node-api/observe/pictures
	$(PYTHON) -m pytest --quiet $(BROWSER_TESTS)/test_own_cards.py -k pictures --pictures examples/matrices/pictures

# A browser and its driver, which the tests of the page start.
$(VENV)/.browser: $(VENV)/.ready
	@if [ -z "$${ZENOH_PINNED_BROWSER:-}" ] && ! { command -v chromium && command -v chromedriver; } > /dev/null; then \
		echo "Chromium or its driver is missing; installing chromium and chromium-driver."; \
		{ apt-get update && apt-get install -y chromium chromium-driver; } > /dev/null || { \
			echo "Install them as root: apt-get install chromium chromium-driver"; \
			echo "Or name others: ZENOH_PINNED_BROWSER=/path/of/chrome ZENOH_PINNED_BROWSER_DRIVER=/path/of/chromedriver"; \
			exit 1; }; \
	fi
	touch $@

SOAK_SECONDS ?= 600
SOAK_RESULTS ?= $(TARGET)/soak

soak: $(VENV)/.ready
	cargo build -p zenoh-pinned -p cuda-driver-double
	ZENOH_PINNED_PYTHON="$$PWD/$(PYTHON)" ZENOH_PINNED_KILLS=1000 ZENOH_PINNED_STALL_SECONDS=10 \
		cargo test -p zenoh-pinned --test crashes -- --nocapture --test-threads 1
	ZENOH_PINNED_WORKER_KILLS=1000 cargo test -p zenoh-pinned-workers --all-features --test workers -- \
		--nocapture --exact dying::kills_at_random_lose_and_double_nothing
	cargo build --release -p zenoh-pinned-soak -p cuda-driver-double
	mkdir -p "$(TARGET)/release/driver-double"
	for name in libcuda.so libcuda.so.1; do \
		ln -sf ../libcuda_driver_double.so "$(TARGET)/release/driver-double/$$name"; \
	done
	"$(TARGET)/release/soak" $(SOAK_SECONDS) "$(SOAK_RESULTS)" "$$(realpath $(TARGET))/release/driver-double"

wheel: $(VENV)/.ready
	PATH="$(abspath $(VENV))/bin:$$PATH" $(PYTHON) -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist ./$(PACKAGE)

PREFIX ?= /usr/local
# Where the libraries are that are to be installed; those of the release build are made.
C_LIBRARIES ?= $(TARGET)/release
C_VERSION := $(shell sed -n '/^.workspace.package/,/^version/s/^version = "\(.*\)"/\1/p' Cargo.toml)
C_SO_VERSION := $(basename $(C_VERSION))
INSTALLED = $(DESTDIR)$(PREFIX)

.PHONY: $(TARGET)/release/libzenoh_pinned.so
$(TARGET)/release/libzenoh_pinned.so:
	cargo build --release -p zenoh-pinned-c

install: $(C_LIBRARIES)/libzenoh_pinned.so
	install -D -m 644 -t "$(INSTALLED)/include" bindings/c/include/*
	install -D -m 755 "$(C_LIBRARIES)/libzenoh_pinned.so" "$(INSTALLED)/lib/libzenoh_pinned.so.$(C_VERSION)"
	ln -sf libzenoh_pinned.so.$(C_VERSION) "$(INSTALLED)/lib/libzenoh_pinned.so.$(C_SO_VERSION)"
	ln -sf libzenoh_pinned.so.$(C_SO_VERSION) "$(INSTALLED)/lib/libzenoh_pinned.so"
	install -D -m 644 -t "$(INSTALLED)/lib" "$(C_LIBRARIES)/libzenoh_pinned.a"
	mkdir -p "$(INSTALLED)/lib/pkgconfig" "$(INSTALLED)/lib/cmake/zenoh_pinned"
	sed 's|@PREFIX@|$(PREFIX)|; s|@VERSION@|$(C_VERSION)|' bindings/c/cmake/zenoh_pinned.pc.in \
		> "$(INSTALLED)/lib/pkgconfig/zenoh_pinned.pc"
	sed 's|@VERSION@|$(C_VERSION)|; s|@SO_VERSION@|$(C_SO_VERSION)|' bindings/c/cmake/zenoh_pinnedConfigVersion.cmake.in \
		> "$(INSTALLED)/lib/cmake/zenoh_pinned/zenoh_pinnedConfigVersion.cmake"
	install -m 644 -t "$(INSTALLED)/lib/cmake/zenoh_pinned" bindings/c/cmake/zenoh_pinnedConfig.cmake

# Everything that a device or its driver could change, which is nearly all there is. dora's need its command.
GPU_KIT_TESTS := attacks backend_conformance beside_others budget context_lost crashes delivery device_copy ending exits failures fork \
	giving_back holders hostile_descriptors lifecycle limits pool pubsub registering registration_conformance
GPU_KIT_BENCHES := zenoh-pinned-camera-bench zenoh-pinned-micro-bench

gpu-kit: $(VENV)/.ready
	$(PYTHON) benches/gpu-kit/pack.py --tests $(GPU_KIT_TESTS) --benches $(GPU_KIT_BENCHES) \
		--peer "$$($(PYTHON) -c 'import zenoh; print(*zenoh.__path__)')" --out dist/gpu-kit

gpu-lane-double: gpu-kit
	$(PYTHON) benches/gpu-kit/try_with_double.py dist/gpu-kit dist/gpu-lane-double

gpu-results: $(VENV)/.ready
	cargo build --release -p zenoh-pinned-camera-bench
	$(PYTHON) benches/gpu-kit/bring_home.py "$(OUT)" --tool "$(TARGET)/release/camera-bench"

lint:
	cargo fmt --all --check
	cargo clippy --workspace --all-features --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --all-features --no-deps --document-private-items
	# Modules of one folder that use each other.
	python3 .ci/floors.py provider/src node-api/exchange/src
	python3 .ci/floors.py node-api/node/src node-api/observe/src node-api/workers/src node-api/models/src node-api/command/src
	python3 .ci/floors.py bindings/python/src bindings/c/src examples/matrices/src
	# What documentation shows badly without a warning: a path in front of a name, a table that says nothing.
	! grep -rnE '^\s*///.*\[`(crate|super)::' --include=*.rs provider/src node-api/*/src
	! grep -rnE '\| *\|$$' $$(git ls-files "*README.md")

corpus:
	cargo run --quiet -p zenoh-pinned-fuzz-properties --bin write-corpus

# The sanitizers need unstable flags: of the nightly compiler, or of another one that is told to take them.
NIGHTLY = $(shell cargo +nightly --version > /dev/null 2>&1 && echo +nightly)
UNSTABLE = $(if $(NIGHTLY),,RUSTC_BOOTSTRAP=1)
HOST = $(shell rustc -vV | sed -n 's/^host: //p')
FUZZ_SECONDS ?= 60
SANITIZER ?= address

# New inputs go to the target folder; one that shows a fault belongs into provider/fuzz/corpus as regression-<what it shows>.
fuzz:
	cargo fuzz --version > /dev/null 2>&1 || cargo install cargo-fuzz --locked
	export CARGO_TARGET_DIR="$(abspath $(TARGET))/fuzz" $(UNSTABLE); \
	cd provider/fuzz; \
	for target in $$(cargo $(NIGHTLY) fuzz list --fuzz-dir .); do \
		mkdir -p "$$CARGO_TARGET_DIR/found/$$target"; \
		cargo $(NIGHTLY) fuzz run --fuzz-dir . -O --sanitizer $(SANITIZER) "$$target" \
			"$$CARGO_TARGET_DIR/found/$$target" "corpus/$$target" -- \
			-max_total_time=$(FUZZ_SECONDS) -max_len=4096 -malloc_limit_mb=64 -print_final_stats=1; \
	done

miri:
	@if rustup component add --toolchain nightly miri rust-src > /dev/null 2>&1; then \
		export CARGO_TARGET_DIR="$(abspath $(TARGET))/miri" MIRIFLAGS=-Zmiri-disable-isolation; \
		cargo +nightly miri test -p zenoh-pinned-fuzz-properties --test corpus; \
		cargo +nightly miri test -p zenoh-pinned-exchange --lib protocol; \
	else \
		echo "Skipped: Miri is a component of the nightly toolchain, which cannot be reached here"; \
		echo "(rustup toolchain install nightly --component miri --component rust-src)."; \
	fi

# The model checker switches stacks by itself, which the sanitizers do not follow. The thread sanitizer has to see
# the standard library too, so that is built with it; its sources are the component rust-src. It does not see that
# rustix unmaps memory, so tests whose mappings get one address after the other must not run beside each other.
sanitize:
	export CARGO_TARGET_DIR="$(abspath $(TARGET))/sanitize-address" RUSTFLAGS=-Zsanitizer=address $(UNSTABLE); \
	cargo $(NIGHTLY) test --target $(HOST) -p zenoh-pinned --lib -- --skip segment::release::tests; \
	cargo $(NIGHTLY) test --target $(HOST) -p zenoh-pinned-fuzz-properties --test corpus
	export CARGO_TARGET_DIR="$(abspath $(TARGET))/sanitize-thread" RUSTFLAGS=-Zsanitizer=thread $(UNSTABLE); \
	cargo $(NIGHTLY) test -Zbuild-std --target $(HOST) -p zenoh-pinned --lib -- \
		--test-threads=1 --skip segment::release::tests

# One after the other, also under make -j.
bench:
	$(MAKE) micro-figures
	$(MAKE) figures
	$(MAKE) camera-figures

CAMERA_LENGTH ?= short
CAMERA_RESULTS ?= $(TARGET)/camera-figures

camera-figures: $(VENV)/.ready
	cargo build --release -p zenoh-pinned-camera-bench
	"$(TARGET)/release/camera-bench" run "$(CAMERA_RESULTS)" --length $(CAMERA_LENGTH) --dora "$$PWD/$(VENV)/bin/dora"

figures:
	cargo build --release -p zenoh-pinned-transport-bench
	"$(TARGET)/release/transport-bench"
	"$(TARGET)/release/transport-bench" sizes

# Building the benchmark builds the program that prints its tables as well.
micro-figures: export CRITERION_HOME = $(abspath $(TARGET))/micro-figures
micro-figures:
	rm -rf "$$CRITERION_HOME"
	cargo bench -p zenoh-pinned-micro-bench --bench micro -- --quiet
	"$(TARGET)/release/micro-tables"

dora-figures: $(VENV)/.ready
	cargo build --release -p zenoh-pinned-dora-bench -p zenoh-pinned-python
	install "$(TARGET)/release/lib_native.so" $(PACKAGE)/python/zenoh_pinned/_native.abi3.so
	PYTHONPATH="$$PWD/$(PACKAGE)/python" "$(TARGET)/release/dora-bench" "$$PWD/$(PYTHON)"
	PYTHONPATH="$$PWD/$(PACKAGE)/python" $(PYTHON) benches/dora/src/sizes.py "$$PWD/$(VENV)/bin/dora"

exchange-figures: $(VENV)/.ready
	cargo build --release -p zenoh-pinned-exchange -p zenoh-pinned-exchange-bench -p zenoh-pinned-python
	install "$(TARGET)/release/lib_native.so" $(PACKAGE)/python/zenoh_pinned/_native.abi3.so
	$(CC) -std=c11 -O2 -Wall -Wextra -pedantic -Werror -Inode-api/exchange/include benches/exchange/src/operations.c \
		-o "$(TARGET)/release/exchange-operations" "$(TARGET)/release/libzenoh_pinned_exchange.a" -lm -lpthread -ldl
	PYTHONPATH="$$PWD/$(PACKAGE)/python" "$(TARGET)/release/exchange-bench" "$(TARGET)/exchange/record.json" \
		"$$PWD/$(PYTHON)"

hand-over-figures:
	cargo build --release -p zenoh-pinned-hand-over-bench
	"$(TARGET)/release/hand-over-bench" "$(TARGET)/hand-over/record.json"

WORKER_PEERS := benches/workers/peers

worker-figures: $(VENV)/peers/.ready
	cargo build --release -p zenoh-pinned-workers-bench
	"$(TARGET)/release/workers-bench" "$(TARGET)/workers/record.json" "$$PWD/$(VENV)/peers/bin/python"

MATRIX_PEERS := benches/matrices/peers

matrix-figures: $(VENV)/peers/.ready
	cargo build --release -p matrices -p zenoh-pinned-matrices-bench
	"$(TARGET)/release/matrices-bench" "$(TARGET)/matrices/record.json" "$(TARGET)/release/matrices" \
		"$$PWD/$(VENV)/peers/bin/python"

MODEL_PEERS := benches/models/peers

model-figures: $(VENV)/peers/.models
	cargo build --release -p zenoh-pinned-models-bench -p zenoh-pinned-python
	install "$(TARGET)/release/lib_native.so" $(PACKAGE)/python/zenoh_pinned/_native.abi3.so
	PYTHONPATH="$$PWD/$(PACKAGE)/python" "$(TARGET)/release/models-bench" "$(TARGET)/models/record.json" \
		"$$PWD/$(VENV)/peers/bin/python"

# What is measured beside them, apart from what the tests need.
$(VENV)/peers/.ready: $(WORKER_PEERS)/requirements.txt $(MATRIX_PEERS)/requirements.txt $(VENV)/.ready
	$(PYTHON) -m venv $(VENV)/peers
	$(VENV)/peers/bin/python -m pip install --quiet --disable-pip-version-check \
		-r $(WORKER_PEERS)/requirements.txt -r $(MATRIX_PEERS)/requirements.txt
	touch $@

# The models' alone, as torch is large; and what the example needs, without what its packages ask for and do not use.
$(VENV)/peers/.models: $(MODEL_PEERS)/requirements.txt examples/camera-models/requirements.txt $(VENV)/peers/.ready
	$(VENV)/peers/bin/python -m pip install --quiet --disable-pip-version-check -r $(MODEL_PEERS)/requirements.txt
	$(VENV)/peers/bin/python -m pip install --quiet --disable-pip-version-check --no-deps \
		-r examples/camera-models/requirements.txt
	touch $@

$(VENV)/.ready: $(PACKAGE)/requirements.txt $(PACKAGE)/requirements-alone.txt
	@python3 -m venv $(VENV) > /dev/null 2>&1 || { \
		echo "Python's venv module is missing; installing python3-venv."; \
		apt-get install -y python3-venv > /dev/null || { \
			echo "Install it as root: apt-get install python3-venv"; exit 1; }; \
		python3 -m venv $(VENV); }
	$(PYTHON) -m pip install --quiet --disable-pip-version-check -r $(PACKAGE)/requirements.txt
	$(PYTHON) -m pip install --quiet --disable-pip-version-check --no-deps -r $(PACKAGE)/requirements-alone.txt
	touch $@

# As they are: what they ask for is not used here.
$(VENV)/.models: examples/camera-models/requirements.txt $(VENV)/.ready
	$(PYTHON) -m pip install --quiet --disable-pip-version-check --no-deps -r examples/camera-models/requirements.txt
	touch $@

observe-figures: $(VENV)/.ready
	cargo build --release -p zenoh-pinned-python
	install "$(TARGET)/release/lib_native.so" $(PACKAGE)/python/zenoh_pinned/_native.abi3.so
	PYTHONPATH="$$PWD/$(PACKAGE)/python" $(PYTHON) benches/observe/cost.py "$(TARGET)/observe/record.json"

# Prometheus' own check of metrics, out of Debian's package, which is not installed: no service of it starts.
$(TOOLS)/promtool:
	@mkdir -p $(TOOLS)
	@if command -v promtool > /dev/null; then \
		ln -sf "$$(command -v promtool)" $@; \
	else \
		cd $(TOOLS); \
		apt-get download prometheus > /dev/null 2>&1 || { apt-get update && apt-get download prometheus; } > /dev/null 2>&1 || { \
			echo "promtool is missing, and apt-get cannot download it: put it on the PATH"; exit 1; }; \
		dpkg --fsys-tarfile prometheus_*.deb | tar -x --strip-components 3 ./usr/bin/promtool; \
		rm prometheus_*.deb; \
	fi

python-figures: $(VENV)/.ready
	cargo build --release -p zenoh-pinned-python -p cuda-driver-double
	install "$(TARGET)/release/lib_native.so" $(PACKAGE)/python/zenoh_pinned/_native.abi3.so
	mkdir -p "$(TARGET)/release/driver-double"
	for name in libcuda.so libcuda.so.1; do \
		ln -sf ../libcuda_driver_double.so "$(TARGET)/release/driver-double/$$name"; \
	done
	PYTHONPATH="$$PWD/$(PACKAGE)/python" $(PYTHON) benches/python/calls.py "$$(realpath $(TARGET))/release/driver-double"

c-figures:
	cargo build --release -p zenoh-pinned-c
	$(CC) -std=c11 -O2 -Wall -Wextra -pedantic -Werror -Ibindings/c/include bindings/c/benches/calls/calls.c \
		-o "$(TARGET)/release/c-calls" "$(TARGET)/release/libzenoh_pinned.a" -lgcc_s -lpthread -ldl -lm
	cargo bench -p zenoh-pinned-c --bench calls -- "$(abspath $(TARGET))/release/c-calls"

# Other versions of Python that are there, by their names or under pyenv, for the one library that all of them load.
$(VENV)/others/.ready: $(PACKAGE)/requirements.txt
	@mkdir -p $(VENV)/others
	@for version in 3.10 3.12 3.13 3.14; do \
		for python in "python$$version" "$$(pyenv root 2>/dev/null || echo /nowhere)/versions/$$version."*/bin/python; do \
			if "$$python" -c 'import ensurepip' > /dev/null 2>&1; then \
				echo "Python $$version: $$("$$python" --version)"; \
				"$$python" -m venv "$(VENV)/others/$$version"; \
				"$(VENV)/others/$$version/bin/pip" install --quiet --disable-pip-version-check \
					ml_dtypes numpy pytest pytest-rerunfailures eclipse-zenoh==1.10.2; \
				break; \
			fi; \
		done; \
	done
	touch $@
