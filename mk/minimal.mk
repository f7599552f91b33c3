# SPDX-License-Identifier: Apache-2.0
# The program that docs/integration.md shows. It is built with everything else, so that it cannot fall behind the headers.

minimal_src := examples/minimal/minimal.c
minimal_obj := $(minimal_src:%.c=$(BUILD)/%.o)

programs: $(BUILD)/minimal

$(BUILD)/minimal: $(minimal_obj) $(BUILD)/libdps.a
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)

objects: $(minimal_obj)
