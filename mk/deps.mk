# SPDX-License-Identifier: Apache-2.0
# What the project needs of Debian, by package name. Nothing is fetched when all is there.

DEPS_BUILD := build-essential pkg-config libmbedtls-dev libcoap3-dev libcbor-dev libc-ares-dev libcjson-dev libssl-dev libtss2-dev
DEPS_TPM   := swtpm swtpm-tools tpm2-tools
DEPS_CHECK := $(DEPS_BUILD) libcmocka-dev openssl clang clang-format python3-kconfiglib libclang-rt-14-dev jq faketime $(DEPS_TPM)
DEPS_BENCH := $(DEPS_BUILD) libcmocka-dev openssl valgrind iproute2 jq $(DEPS_TPM)
DEPS_DEMO  := $(DEPS_BUILD) openssl $(DEPS_TPM)
DEPS_SIZE  := $(DEPS_BUILD) gcc-arm-none-eabi libnewlib-arm-none-eabi
DEPS_CONFIG := python3-kconfiglib

.PHONY: deps-build deps-check deps-bench deps-demo deps-size deps-config
deps-build:
	@tools/install-deps $(DEPS_BUILD)
deps-check:                                 ## install what the tests need (apt)
	@tools/install-deps $(DEPS_CHECK)
deps-bench:
	@tools/install-deps $(DEPS_BENCH)
deps-demo:
	@tools/install-deps $(DEPS_DEMO)
deps-size:
	@tools/install-deps $(DEPS_SIZE)
deps-config:
	@tools/install-deps $(DEPS_CONFIG)
