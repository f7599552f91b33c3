# SPDX-License-Identifier: Apache-2.0
# `make check`: all tests, in less than ten minutes on two slow cores. What is built is built first, in parallel; then tools/run-tests runs the test
# programs, and the checks that are commands, and adds them up: "N passed, N failed" is the last line.

JOBS         ?= $(shell nproc 2>/dev/null || echo 2)
TEST_TIMEOUT ?= 300

# A -j of the caller's holds for sub-makes, too.
submake = $(MAKE) --no-print-directory $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(JOBS))

# The same sources for another compiler, and with sanitizers. The unit tests, with the library, the ports and the test support under them, are
# built by clang with the sanitizers, warnings being errors, and run; what is left, the programs and their tests, clang compiles for its warnings only.
CLANG_BUILD    := $(BUILD)/clang
SANITIZE_BUILD := $(BUILD)/sanitize
SANITIZE_FLAGS := -fsanitize=address,undefined -fno-sanitize-recover=all
sanitize        = $(submake) BUILD=$(SANITIZE_BUILD) CC=clang OPT="-O1 -g -fno-omit-frame-pointer $(SANITIZE_FLAGS)" LDFLAGS="$(SANITIZE_FLAGS)"
sanitize_bin    = $(unit_bin:$(BUILD)/%=$(SANITIZE_BUILD)/%)

# These take long, and what they find they find with the sanitizers: they run once, and first, so that nobody waits for them in the end. `make check-unit` runs
# them without.
run_once     := test_tpm2_breaks test_tpm2_bad test_tpm2_factory test_store_loss test_life_power test_tpm2_keys
run_plain     = $(filter-out $(run_once:%=$(BUILD)/test/unit/%),$(unit_bin))
run_sanitized = $(run_once:%=$(SANITIZE_BUILD)/test/unit/%)

clang_objects   = $(MAKE) -s -k -j1 BUILD=$(CLANG_BUILD) CC=clang OPT=-O0 program-objects

# The library in its smallest configuration: what is switched off must not be missed. CFLAGS of the environment are the Makefile's to add to.
smallest = CFLAGS="-include test/size/smallest.h -UDPS_CONFIG_FILE" $(MAKE) -s -k -j1 BUILD=$(BUILD)/smallest lib-objects

template_src := $(wildcard port/template/*.c)
template_obj := $(template_src:%.c=$(BUILD)/%.o)
integ_obj    := $(integ_src:%.c=$(BUILD)/%.o)

# Below run-tests there is no job server any more: everything is built, one job is enough.
# Most tests wait for programs and clocks more than they compute: more of them at once than there are processors.
TEST_JOBS ?= $(shell echo $$(($(JOBS) * 3 / 2)))
subtest   = $(MAKE) -s -j1 BUILD=$(BUILD)
run_tests = $(PYTHON) tools/run-tests --jobs $(TEST_JOBS) --timeout $(TEST_TIMEOUT) --logs $(BUILD)/test/logs

.PHONY: check check-build check-unit check-integration lib-objects program-objects unit-tests template

lib-objects: $(lib_obj) $(port_obj)
program-objects: $(template_obj) $(device_obj) $(service_obj) $(factory_obj) $(onboard_obj) $(integ_obj)
unit-tests: $(unit_bin)
template: $(template_obj)

# Without a build of its own nothing can be tested; what the sanitizers' build lacks is a failed test each. clang's and the smallest build are made
# here, in parallel, and their tests, which are bounded in time, make what is missing once more to show why.
check-build: lib programs $(integ_bin) $(run_plain) template
	-@+$(sanitize) -s -k unit-tests
	-@+$(submake) -s -k BUILD=$(CLANG_BUILD) CC=clang OPT=-O0 program-objects >/dev/null 2>&1
	-@+CFLAGS="-include test/size/smallest.h -UDPS_CONFIG_FILE" $(submake) -s -k BUILD=$(BUILD)/smallest lib-objects >/dev/null 2>&1

check: deps-check                           ## build everything and run all tests
	@echo "Building ..."
	@+$(submake) -s check-build
	@$(run_tests) \
	  --command "run-tests-selftest=$(PYTHON) tools/run-tests --selftest" \
	  --command "config-drift=$(subtest) check-config" \
	  --command "rules=$(subtest) check-rules" \
	  --command "clang=$(clang_objects)" \
	  --command 'smallest=$(smallest)' \
	  --command "docs=$(subtest) check-docs" \
	  --command "install=$(subtest) check-install" \
	  --command "demo=$(subtest) check-demo" \
	  $(if $(wildcard mk/fuzz.mk),--command "fuzz=$(subtest) check-fuzz") \
	  $(run_sanitized) $(integ_bin) $(run_plain) $(filter-out $(run_sanitized),$(sanitize_bin))

check-unit: deps-check                      ## run the unit tests
	@+$(submake) -s unit-tests
	@$(run_tests) $(unit_bin)

check-integration: deps-check               ## run the tests that drive the programs
	@+$(submake) -s programs $(integ_bin)
	@$(run_tests) $(integ_bin)
