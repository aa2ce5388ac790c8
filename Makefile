# provenkey: what a person types. `make demo` and `make test` need nothing before them on Debian 12 with Swift 6.3.

SWIFT       ?= swift
# Functions are looked up at start (-z now): a later look-up would save registers, with secrets in them, on the stack.
BUILD_FLAGS := --explicit-target-dependency-import-check error -Xlinker -z -Xlinker now
PYTHON      := .venv/bin/python
DEBUG_TOOL   = $(shell $(SWIFT) build --show-bin-path)/provenkey
RELEASE_FLAGS := -c release --static-swift-stdlib $(BUILD_FLAGS)
PREFIX      ?= /usr/local

# Where the Swift tests write reports for the tests that look at them with a browser.
SAMPLE_REPORTS := $(CURDIR)/.build/sample-reports

# A build of its own, optimised but with the tests' access, in which every branch of the Swift code is counted.
FUZZ_FLAGS  := --scratch-path .build/fuzzing --product Fuzzer $(BUILD_FLAGS) -Xswiftc -O -Xswiftc -sanitize=fuzzer,address
FUZZER       = $(shell PROVENKEY_FUZZING=1 $(SWIFT) build $(FUZZ_FLAGS) --show-bin-path)/Fuzzer

# The same seed and count give the same mutations; a run that was broken off goes on where it stopped.
SEED        ?= 2026-11-23
COUNT       ?= 2000

.PHONY: help install-needs build test lint demo release install bench mutations fuzzer fuzz fuzz-keep clean

help:
	@echo "make demo     install what is missing, build, and run the main job on the sample instance"
	@echo "make test     install what is missing, build, check the style, run every test"
	@echo "make release  build the command with the Swift library inside: .build/release/provenkey"
	@echo "make install  put it into $(PREFIX)/bin"
	@echo "make bench    measure against openssl speed and MariaDB's import, and write docs/performance.md"
	@echo "make mutations  damage backups at random, SEED=… COUNT=…, and see whether the drill notices; takes long"
	@echo "make fuzz     throw hostile input at every parser, a minute each; FUZZ_SECONDS=600 or FUZZ_RUNS=1000000 for more"

# Debian's packages and a virtual environment for Python; does nothing when all is there.
install-needs:
	@scripts/install-needs

build: install-needs
	$(SWIFT) build $(BUILD_FLAGS) --product provenkey

demo: build
	@PYTHON=$(PYTHON) scripts/demo $(DEBUG_TOOL)

lint:
	$(SWIFT) format lint --strict --recursive Sources Tests Package.swift

test: install-needs lint
	$(SWIFT) build $(BUILD_FLAGS) --build-tests
	rm -rf $(SAMPLE_REPORTS) && mkdir -p $(SAMPLE_REPORTS)
	PROVENKEY_SAMPLE_REPORTS=$(SAMPLE_REPORTS) $(SWIFT) test $(BUILD_FLAGS) --skip-build
	PROVENKEY=$(DEBUG_TOOL) $(PYTHON) -m pytest -q -n auto --dist worksteal Tests/CommandLine Tests/Rescue
	PROVENKEY=$(DEBUG_TOOL) $(PYTHON) -m pytest -q -n auto Tests/Mutations
	PROVENKEY=$(DEBUG_TOOL) PROVENKEY_SAMPLE_REPORTS=$(SAMPLE_REPORTS) $(PYTHON) -m pytest -q -n auto Tests/Reports

release: install-needs
	$(SWIFT) build $(RELEASE_FLAGS) --product provenkey

install: release
	install -D -m 0755 $$($(SWIFT) build $(RELEASE_FLAGS) --show-bin-path)/provenkey $(DESTDIR)$(PREFIX)/bin/provenkey

bench: release
	$(SWIFT) build -c release --static-swift-stdlib --package-path Benchmarks
	$(PYTHON) Benchmarks/run --write $$($(SWIFT) build $(RELEASE_FLAGS) --show-bin-path)/provenkey \
		$$($(SWIFT) build -c release --static-swift-stdlib --package-path Benchmarks --show-bin-path)/limits

mutations: release
	$(PYTHON) Tests/Mutations/run.py $$($(SWIFT) build $(RELEASE_FLAGS) --show-bin-path)/provenkey --seed $(SEED) \
		--count $(COUNT) --results .build/mutations-$(SEED).jsonl --scoreboard .build/mutations-$(SEED).md

fuzzer: install-needs
	PROVENKEY_FUZZING=1 $(SWIFT) build $(FUZZ_FLAGS)

# FUZZ_INPUTS="dump content" fuzzes only these.
fuzz: fuzzer
	@PYTHON=$(PYTHON) scripts/fuzz $(FUZZER) $(FUZZ_INPUTS)

# Puts what the last runs found interesting into Vectors/fuzzing, from where `make test` reads it.
fuzz-keep: fuzzer
	@scripts/fuzz --keep $(FUZZER) $(FUZZ_INPUTS)

clean:
	rm -rf .build .venv
