# SPDX-License-Identifier: Apache-2.0
# `make install PREFIX= DESTDIR=` and its test: a small program is compiled against the installed tree with pkg-config.

BINDIR     ?= $(PREFIX)/bin
INCLUDEDIR ?= $(PREFIX)/include

install_headers := $(patsubst include/%,%,$(sort $(shell find include -name '*.h')))
install_bins    := dps-device dps-onboard dps-service dps-factory
dest_lib         = $(DESTDIR)$(LIBDIR)
dest_include     = $(DESTDIR)$(INCLUDEDIR)
dest_bin         = $(DESTDIR)$(BINDIR)

# The installed config.h names the values that the library was built with, else programs would lay out its structures otherwise.
.PHONY: install uninstall check-install
install: lib programs $(CONFIG_HEADER)      ## install headers, libraries, dps.pc and programs below DESTDIR and PREFIX
	@set -e; for header in $(install_headers); do install -D -m 644 include/$$header $(dest_include)/$$header; done
ifneq ($(CONFIG_HEADER),)
	install -D -m 644 $(CONFIG_HEADER) $(dest_include)/dps/config_values.h
	sed -i -e 's|^#ifdef DPS_CONFIG_FILE$$|#if 1|' -e 's|^#include DPS_CONFIG_FILE$$|#include "dps/config_values.h"|' $(dest_include)/dps/config.h
endif
	install -D -m 644 $(BUILD)/libdps.a $(dest_lib)/libdps.a
	install -D -m 755 $(BUILD)/libdps.so.$(VERSION) $(dest_lib)/libdps.so.$(VERSION)
	ln -sf libdps.so.$(VERSION) $(dest_lib)/libdps.so.$(ABI)
	ln -sf libdps.so.$(ABI) $(dest_lib)/libdps.so
	install -d -m 755 $(dest_lib)/pkgconfig
	sed -e 's|^prefix=.*|prefix=$(PREFIX)|' -e 's|^libdir=.*|libdir=$(LIBDIR)|' $(BUILD)/dps.pc >$(dest_lib)/pkgconfig/dps.pc
	install -d -m 755 $(dest_bin)
	install -m 755 $(install_bins:%=$(BUILD)/%) $(dest_bin)

uninstall:                                  ## remove what `make install` with the same variables put there
	rm -f $(install_headers:%=$(dest_include)/%) $(dest_include)/dps/config_values.h
	-@rmdir $(dest_include)/dps/detail $(dest_include)/dps/port $(dest_include)/dps 2>/dev/null
	rm -f $(dest_lib)/libdps.a $(dest_lib)/libdps.so $(dest_lib)/libdps.so.$(ABI) $(dest_lib)/libdps.so.$(VERSION)
	rm -f $(dest_lib)/pkgconfig/dps.pc $(install_bins:%=$(dest_bin)/%)

check-install: lib programs                 ## test the installation in a temporary directory
	@tools/check-install "$(MAKE)" $(BUILD) $(CC)
