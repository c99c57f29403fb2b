# SPDX-FileCopyrightText: 2026 The Koine authors
# SPDX-License-Identifier: Apache-2.0
#
# What people and CI call; `make help` lists it.

SWIFT ?= swift
# Extra flags for every build and test, such as `SWIFT_FLAGS="--jobs 1"`.
SWIFT_FLAGS ?=
# How long `make fuzz` runs.
FUZZ_MINUTES ?= 5
# On Linux Swift's libraries go into the program, which then starts sooner (docs/benchmarks.md) and
# runs where there is no toolchain. Empty: use the toolchain's.
STATIC ?= $(if $(filter Linux,$(shell uname -s)),--static-swift-stdlib)
RECIPE ?= Examples/quickstart/recipe.yaml
KOINE = .build/release/koine

.PHONY: help setup build release test fuzz demo smoke check format format-check arrows headers bench bench-merge bench-infer bench-train bench-tokenize docs clean

help:  ## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

setup:  ## checks the toolchain, installs system packages, unpacks MLX into .deps/
	@scripts/setup

build: setup  ## debug build
	$(SWIFT) build $(SWIFT_FLAGS)

release: setup  ## release build; the program is .build/release/koine
	$(SWIFT) build $(SWIFT_FLAGS) -c release $(STATIC) --product koine

test: setup  ## all tests, debug build
	@scripts/run-tests $(SWIFT) test $(SWIFT_FLAGS)

fuzz: setup  ## damaged inputs for all readers, FUZZ_MINUTES=5, release build
	@SWIFT="$(SWIFT)" SWIFT_FLAGS="$(SWIFT_FLAGS)" scripts/fuzz $(FUZZ_MINUTES)

demo: release  ## the whole path on the laboratory languages, in minutes (RECIPE=… for another)
	$(KOINE) run $(RECIPE)

smoke: release  ## the demo's path with a budget of seconds
	@rm -rf .build/smoke/run/report.html
	$(KOINE) run Examples/quickstart/smoke.yaml --out .build/smoke/run --cache .build/smoke/cache
	@test -s .build/smoke/run/report.html || { echo "smoke: the run left no report" >&2; exit 1; }

check: format-check headers arrows  ## format, headers and module arrows

format:  ## formats every Swift file in place
	$(SWIFT) format --in-place --parallel --recursive Package.swift Sources Tests \
	  Benchmarks/Package.swift Benchmarks/Sources

format-check:
	$(SWIFT) format lint --strict --parallel --recursive Package.swift Sources Tests \
	  Benchmarks/Package.swift Benchmarks/Sources

headers:
	@scripts/check-headers

arrows: setup
	@scripts/check-arrows
	$(SWIFT) build $(SWIFT_FLAGS) --explicit-target-dependency-import-check error

bench: bench-merge bench-infer bench-train bench-tokenize  ## all benchmarks

BENCH = $(SWIFT) run -c release --package-path Benchmarks koine-bench
BENCH_FLAGS ?=

bench-merge: release  ## merging against copying; BENCH_FLAGS="--quick", "--mergekit PATH"
	$(BENCH) merge --koine $(KOINE) $(BENCH_FLAGS)

BENCH_DATA ?= ../shared/data

BENCH_TEXTS ?= $(BENCH_DATA)/text/eng.openstax.txt.gz,$(BENCH_DATA)/text/fao.tingmal.txt.gz

bench-tokenize:  ## encoding against Hugging Face; BENCH_FLAGS="--python PATH"
	$(BENCH) tokenize --tokenizers $(BENCH_DATA)/tokenizers --texts $(BENCH_TEXTS) $(BENCH_FLAGS)

bench-infer: setup  ## scoring, generating, loading; BENCH_FLAGS="--quick", "--python PATH"
	$(SWIFT) build -c release --package-path Benchmarks
	Benchmarks/.build/release/koine-bench infer $(BENCH_FLAGS)

bench-train: setup  ## steps of training; BENCH_FLAGS="--quick", "--python PATH", "--only 30M"
	$(SWIFT) build -c release --package-path Benchmarks
	Benchmarks/.build/release/koine-bench train $(BENCH_FLAGS)

docs: setup  ## symbol graphs for DocC in .build
	$(SWIFT) package $(SWIFT_FLAGS) dump-symbol-graph --minimum-access-level public

clean:  ## removes build products; keeps .deps/ and runs/
	$(SWIFT) package clean
	rm -rf .build/smoke
