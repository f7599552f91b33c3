# SPDX-License-Identifier: Apache-2.0
# Configuration: Kconfig -> .config -> one generated header. Without .config the defaults of include/dps/config.h hold.

.PHONY: menuconfig defconfig check-config

menuconfig: deps-config                     ## change the configuration in a menu
	KCONFIG_CONFIG=.config $(PYTHON) -m menuconfig Kconfig

defconfig: deps-config                      ## write .config with all defaults
	$(PYTHON) tools/genconfig.py defconfig Kconfig .config

ifneq ($(CONFIG_HEADER),)
$(CONFIG_HEADER): .config Kconfig tools/genconfig.py
	@mkdir -p $(@D)
	$(PYTHON) tools/genconfig.py header Kconfig .config $@
else
# .config is gone: so must be what was made of it, and with it the objects that depend on it.
$(shell rm -f $(BUILD)/generated/dps_config.h)
endif

check-config:                               ## compare Kconfig with include/dps/config.h
	$(PYTHON) tools/genconfig.py drift Kconfig include/dps/config.h $(CC)
