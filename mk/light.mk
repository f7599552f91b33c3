# SPDX-License-Identifier: Apache-2.0
# The light that docs/resources.md shows: compiled with the programs; test/unit/test_resource_light.c runs it.

light_obj := $(patsubst %.c,$(BUILD)/%.o,$(wildcard examples/light/*.c))

programs program-objects: $(light_obj)
$(BUILD)/test/unit/test_resource_light: $(light_obj)
