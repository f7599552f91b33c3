# SPDX-License-Identifier: Apache-2.0
# `make bench`: round trips, packets, bytes, durable writes, instructions, TPM commands, time and memory of a provisioning run, and a device at its hub;
# docs/performance.md says how. It fails when a run fails, never because of a figure. BENCH="lag network" measures a part, BENCH_RUNS=N takes N runs each.

BENCH      ?= loopback lag network hub instructions tpm
BENCH_RUNS ?= 5

bench_tools := $(addprefix $(BUILD)/test/bench/,lagproxy tunlag measure)

.PHONY: bench
bench: deps-bench programs $(bench_tools)   ## measure round trips, packets, bytes, instructions, TPM commands, time, memory
	@$(PYTHON) -B test/bench/bench.py --build $(BUILD) --runs $(BENCH_RUNS) $(BENCH)

$(bench_tools): $(BUILD)/test/bench/%: $(BUILD)/test/bench/%.o $(BUILD)/test/bench/delay_line.o
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^
