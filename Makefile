# A thin front: the work is in CMake, the packages in debian/control.
.PHONY: build test demo bench fuzz check format format-check layers tidy sanitize deps install clean
.DEFAULT_GOAL := build

SUDO := $(shell test $$(id -u) = 0 || echo sudo)
FUZZ_SECONDS ?= 60

deps:            # every package is named once, in debian/control
	@tools/install-deps

build: deps
	cmake --preset release
	cmake --build --preset release

test: build
	$(SUDO) ctest --test-dir build/release --output-on-failure --no-tests=error

demo: build
	$(SUDO) build/release/weir demo

bench: build
	$(SUDO) bench/run

fuzz: deps
	cmake --preset fuzz
	cmake --build --preset fuzz
	fuzz/run $(FUZZ_SECONDS)

check: format-check layers tidy sanitize

format:
	git ls-files '*.h' '*.cc' '*.c' | xargs clang-format-19 -i

format-check: deps
	git ls-files '*.h' '*.cc' '*.c' | xargs clang-format-19 --dry-run --Werror

layers:
	python3 tools/layers.py

TIDY = run-clang-tidy-19 -load=$(CURDIR)/build/tidy_scope.so -quiet -p build/release -j $$(nproc)
tidy: build build/tidy_scope.so  # tests are small, and nobody waits for them
	$(TIDY) '^$(CURDIR)/(src|lab|bench)/.*(?<!_test)\.cc$$'
	$(TIDY) -checks='-performance-*,-cppcoreguidelines-virtual-class-destructor,-bugprone-implicit-widening-*' '^$(CURDIR)/(src|lab|bench)/.*_test\.cc$$'

build/tidy_scope.so: tools/tidy_scope.cc | build
	clang++-19 -std=c++17 -fno-rtti -O1 -shared -fPIC -isystem $$(llvm-config-19 --includedir) $< -o $@

sanitize: deps   # ASan and UBSan over every test, TSan over the unit tests: the API has a worker thread
	cmake --preset dev
	cmake --build --preset dev
	$(SUDO) ctest --test-dir build/dev --output-on-failure --no-tests=error
	cmake --preset tsan
	cmake --build --preset tsan --target unit_test
	build/tsan/tests/unit_test --gtest_brief=1

install: build
	cmake --install build/release

clean:
	rm -rf build
