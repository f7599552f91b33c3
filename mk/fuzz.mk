# SPDX-License-Identifier: Apache-2.0
# Fuzzing: every test/fuzz/fuzz_*.c is a target (see test/fuzz/fuzz.h). `make fuzz` runs each with libFuzzer, `make check-fuzz` replays seeds
# and a bounded number of mutations with the compiler at hand. Both with AddressSanitizer and UndefinedBehaviorSanitizer, in objects of their own.

FUZZ_CC      ?= clang
FUZZ_SECONDS ?= 60
FUZZ_RUNS    ?= 10000

fuzz_src   := $(sort $(wildcard test/fuzz/fuzz_*.c))
fuzz_names := $(fuzz_src:test/fuzz/%.c=%)
fuzz_dir   := $(BUILD)/fuzz
replay_dir := $(BUILD)/check-fuzz
FUZZ_FLAGS := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all -Wno-unused-result

.PHONY: fuzz check-fuzz
fuzz: $(fuzz_names:%=$(fuzz_dir)/%)         ## fuzz each target for FUZZ_SECONDS (clang, libFuzzer); corpora stay in $(BUILD)/fuzz
	@set -e; for name in $(fuzz_names); do mkdir -p $(fuzz_dir)/corpus-$$name; echo "$$name:"; \
	  $(fuzz_dir)/$$name -max_total_time=$(FUZZ_SECONDS) -print_final_stats=1 -artifact_prefix=$(fuzz_dir)/$$name- $(fuzz_dir)/corpus-$$name; done

check-fuzz: $(fuzz_names:%=$(replay_dir)/%)  ## replay the fuzz targets' seeds and a few mutations of them
	@set -e; for name in $(fuzz_names); do $(replay_dir)/$$name -runs=$(FUZZ_RUNS); done

$(fuzz_dir)/lib/coap/%.o $(replay_dir)/lib/coap/%.o: CPPFLAGS += $(COAP_CFLAGS)
$(fuzz_dir)/test/%.o $(replay_dir)/test/%.o: CPPFLAGS += -D_GNU_SOURCE -Itest

$(fuzz_dir)/%.o: %.c $(CONFIG_HEADER)
	@mkdir -p $(@D)
	@$(FUZZ_CC) $(CPPFLAGS) -std=c11 $(WARN) $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link -MMD -MP -c -o $@ $<

$(replay_dir)/%.o: %.c $(CONFIG_HEADER)
	@mkdir -p $(@D)
	@$(CC) $(CPPFLAGS) -std=c11 $(WARN) $(FUZZ_FLAGS) -MMD -MP -c -o $@ $<

# Targets take what they need from an archive of lib/; ports stay outside.
$(fuzz_dir)/libdps.a: $(lib_src:%.c=$(fuzz_dir)/%.o)
$(replay_dir)/libdps.a: $(lib_src:%.c=$(replay_dir)/%.o)
$(fuzz_dir)/libdps.a $(replay_dir)/libdps.a:
	@rm -f $@
	@$(AR) rcs $@ $^

$(fuzz_names:%=$(fuzz_dir)/%): $(fuzz_dir)/%: $(fuzz_dir)/test/fuzz/%.o $(fuzz_dir)/libdps.a
	@$(FUZZ_CC) $(LDFLAGS) $(FUZZ_FLAGS) -fsanitize=fuzzer -o $@ $^ $(LIBS)

$(fuzz_names:%=$(replay_dir)/%): $(replay_dir)/%: $(replay_dir)/test/fuzz/%.o $(replay_dir)/test/fuzz/standalone.o $(replay_dir)/libdps.a
	@$(CC) $(LDFLAGS) $(FUZZ_FLAGS) -o $@ $^ $(LIBS)
