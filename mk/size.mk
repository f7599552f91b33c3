# SPDX-License-Identifier: Apache-2.0
# `make size`: code and data of each room of lib/ at -Os, and the memory that a client takes, on x86-64 and on Cortex-M4, in the default and in
# the smallest configuration. Objects only: nothing is linked, so nothing is left out.

SIZE       := $(BUILD)/size
ARM        ?= arm-none-eabi-
ARM_FLAGS  := -mcpu=cortex-m4 -mthumb -isystem $(SIZE)/include -isystem $(SIZE)/include/coap3
ARM_FLAGS  += -Itest/size -DMBEDTLS_CONFIG_FILE='"mbedtls_config.h"'
size_flags := -std=c11 -Os $(WARN) -Iinclude -Ilib

size_variants := x86-64 cortex-m4 cortex-m4-smallest
size_src      := $(lib_src) test/size/sizes.c
size_obj      := $(foreach variant,$(size_variants),$(size_src:%.c=$(SIZE)/$(variant)/%.o))

.PHONY: size
size: deps-size $(size_obj)                 ## print code size per room and memory per client
	@$(PYTHON) tools/size.py $(SIZE) $(ARM)

# The libraries' headers without the rest of the system's, which is for another target.
$(SIZE)/include:
	@mkdir -p $@.new
	@for name in mbedtls coap3 cbor cbor.h; do ln -sfn /usr/include/$$name $@.new/$$name; done
	@mv $@.new $@

$(SIZE)/x86-64/%.o: %.c
	@mkdir -p $(@D)
	@$(CC) $(size_flags) $(COAP_CFLAGS) -MMD -MP -c -o $@ $<

$(SIZE)/cortex-m4/%.o: %.c test/size/mbedtls_config.h | $(SIZE)/include
	@mkdir -p $(@D)
	@$(ARM)gcc $(size_flags) $(ARM_FLAGS) -MMD -MP -c -o $@ $<

$(SIZE)/cortex-m4-smallest/%.o: %.c test/size/mbedtls_config.h test/size/smallest.h | $(SIZE)/include
	@mkdir -p $(@D)
	@$(ARM)gcc $(size_flags) $(ARM_FLAGS) -DDPS_CONFIG_FILE='"smallest.h"' -MMD -MP -c -o $@ $<
