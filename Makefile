# SPDX-License-Identifier: Apache-2.0
# libdps: `make help` lists what can be asked for. Everything is built below $(BUILD).

VERSION := $(shell sed -n 's/^.define DPS_VERSION_STRING "\(.*\)"/\1/p' include/dps/version.h)
ABI     := 0

BUILD  ?= build
PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
CC     := $(if $(filter default,$(origin CC)),gcc,$(CC))
AR     := $(if $(filter default,$(origin AR)),ar,$(AR))
OPT    ?= -O2 -g
PYTHON ?= /usr/bin/python3

# The rooms of the design, in the order of its arrows. A part of them can be built alone: make lib ROOMS="codec store".
ROOMS ?= codec pki store coap plgd hub client
PORTS ?= posix mbedtls tpm2

WARN     := -Wall -Wextra -Wshadow -Wconversion -Werror -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wpointer-arith -Wundef
HARDEN   := -fstack-protector-strong -D_FORTIFY_SOURCE=2
CPPFLAGS += -Iinclude -Ilib -Iport
CFLAGS   += -std=c11 $(OPT) $(WARN) -fPIC -fvisibility=hidden $(if $(findstring -O0,$(OPT)),,$(HARDEN))

# `make menuconfig` or `make defconfig` leave .config; it is turned into one header which every object is compiled with.
ifneq ($(wildcard .config),)
CONFIG_HEADER := $(BUILD)/generated/dps_config.h
CPPFLAGS      += -I$(BUILD)/generated -DDPS_CONFIG_FILE='"dps_config.h"'
endif

# Third-party headers are system headers: our warnings are about our code. libcoap: the option codec only, from the variant without TLS.
COAP_CFLAGS   := -isystem /usr/include/coap3
LIBS_CODEC    := -lcbor
LIBS_COAP     := -lcoap-3-notls
LIBS_TLS      := -lmbedtls -lmbedx509 -lmbedcrypto
LIBS_POSIX    := -lcares
LIBS_TPM      := $(if $(filter tpm2,$(PORTS)),-ltss2-esys -ltss2-mu -ltss2-rc -ltss2-tctildr)
# A program that is linked with libdps.a and uses no TPM needs no library for one.
LIBS          := $(LIBS_COAP) $(LIBS_CODEC) $(LIBS_TLS) $(LIBS_POSIX) -lm
LIBS_ALL      := $(LIBS) $(LIBS_TPM)
LIBS_DTLS     := $(patsubst $(LIBS_COAP),-lcoap-3-openssl,$(LIBS_ALL))

lib_src  := $(sort $(foreach room,$(ROOMS),$(wildcard lib/$(room)/*.c)))
port_src := $(sort $(foreach port,$(PORTS),$(wildcard port/$(port)/*.c)))
lib_obj  := $(lib_src:%.c=$(BUILD)/%.o)
port_obj := $(port_src:%.c=$(BUILD)/%.o)

unit_src  := $(sort $(wildcard test/unit/test_*.c))
unit_bin  := $(unit_src:test/unit/%.c=$(BUILD)/test/unit/%)
integ_src := $(sort $(wildcard test/integration/test_*.c))
integ_bin := $(integ_src:test/integration/%.c=$(BUILD)/test/integration/%)
support_src := $(sort $(wildcard test/support/*.c))
support_obj := $(support_src:%.c=$(BUILD)/%.o)

device_src  := $(sort $(wildcard examples/linux-device/*.c examples/common/*.c))
service_src := $(sort $(wildcard examples/local-service/*.c))
device_obj  := $(device_src:%.c=$(BUILD)/%.o)
service_obj := $(service_src:%.c=$(BUILD)/%.o)
onboard_src := $(sort $(wildcard examples/onboard/*.c) examples/common/onboarding_code.c examples/common/decimal.c)
onboard_obj := $(onboard_src:%.c=$(BUILD)/%.o)
factory_src := $(sort $(wildcard examples/factory/*.c examples/common/*.c))
factory_obj := $(factory_src:%.c=$(BUILD)/%.o)

# What is run is shown in short; V=1 shows it whole.
V ?= 0
ifeq ($(V),0)
Q := @
say = @printf '  %-8s %s\n' $(1) $(2)
endif

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.PHONY: all lib programs tests help

all: deps-build lib programs                ## build the library and the programs
	@true

lib: $(BUILD)/libdps.a $(BUILD)/libdps.so $(BUILD)/dps.pc ## build libdps.a, libdps.so and dps.pc only

programs: $(BUILD)/dps-device $(BUILD)/dps-onboard $(BUILD)/dps-service $(BUILD)/dps-factory

help:                                       ## this list
	@sed -n 's/^\([a-z][a-z0-9-]*\):.*##  *\(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | sort | awk -F'\t' '{printf "  make %-18s %s\n", $$1, $$2}'

include $(sort $(wildcard mk/*.mk))

# --- objects -----------------------------------------------------------------------------------------------------------------------

$(BUILD)/lib/coap/%.o: CPPFLAGS += $(COAP_CFLAGS)
$(BUILD)/port/posix/%.o $(BUILD)/port/tpm2/%.o $(BUILD)/test/%.o $(BUILD)/examples/%.o: CPPFLAGS += -D_GNU_SOURCE
$(BUILD)/test/%.o: CPPFLAGS += -Itest
# Tests are compiled more often than they are run: quickly, then.
$(BUILD)/test/%.o: CFLAGS += -O0 -U_FORTIFY_SOURCE

$(BUILD)/%.o: %.c $(CONFIG_HEADER)
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

-include $(shell test -d $(BUILD) && find $(BUILD) -name '*.d')

# --- the library -------------------------------------------------------------------------------------------------------------------

$(BUILD)/libdps.a: $(lib_obj) $(port_obj)
	@rm -f $@
	$(call say,AR,$@)
	$(Q)$(AR) rcs $@ $^

$(BUILD)/libdps.so.$(VERSION): $(lib_obj) $(port_obj)
	$(call say,LD,$@)
	$(Q)$(CC) -shared -Wl,-soname,libdps.so.$(ABI) -Wl,--no-undefined $(LDFLAGS) -o $@ $^ $(LIBS_ALL)

$(BUILD)/libdps.so: $(BUILD)/libdps.so.$(VERSION)
	@ln -sf libdps.so.$(VERSION) $(BUILD)/libdps.so.$(ABI)
	@ln -sf libdps.so.$(ABI) $@

$(BUILD)/dps.pc: Makefile include/dps/version.h
	@mkdir -p $(@D)
	@printf '%s\n' 'prefix=$(PREFIX)' 'libdir=$(LIBDIR)' 'includedir=$${prefix}/include' '' 'Name: libdps' \
	  'Description: Zero-touch provisioning of IoT devices' 'Version: $(VERSION)' 'Cflags: -I$${includedir}' 'Libs: -L$${libdir} -ldps' \
	  'Libs.private: $(LIBS_ALL)' >$@

# --- the programs ------------------------------------------------------------------------------------------------------------------
# Exactly one variant of libcoap in each: two in one process would share their symbols. Those that serve or ask over DTLS take the one with OpenSSL.

$(device_obj) $(onboard_obj): CPPFLAGS += $(COAP_CFLAGS)
$(BUILD)/dps-device: $(device_obj) $(BUILD)/libdps.a
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ -lcjson $(LIBS_DTLS)

$(BUILD)/dps-onboard: $(onboard_obj) $(BUILD)/libdps.a
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ -lcjson $(LIBS_DTLS)

$(service_obj): CPPFLAGS += -isystem /usr/include/coap3
$(BUILD)/dps-service: $(service_obj)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ -lcoap-3-openssl -lssl -lcrypto -lcjson -lcbor -lm

$(BUILD)/dps-factory: $(factory_obj) $(BUILD)/libdps.a
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ -lcrypto -lcjson $(LIBS_ALL)

# --- tests -------------------------------------------------------------------------------------------------------------------------

tests: $(unit_bin) $(integ_bin) programs    ## build all tests without running them

$(BUILD)/test/unit/%: $(BUILD)/test/unit/%.o $(support_obj) $(BUILD)/libdps.a
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) -lcmocka -lcjson $(LIBS_ALL)

# A part of a program that is tested alone.
$(BUILD)/test/unit/test_device_lease: $(BUILD)/examples/linux-device/lease.o
$(BUILD)/test/unit/test_onboarding_code: $(BUILD)/examples/common/onboarding_code.o
$(BUILD)/test/unit/test_onboarding_limits: $(BUILD)/examples/linux-device/onboarding_limits.o
$(BUILD)/test/unit/test_onboarding_links: $(BUILD)/examples/linux-device/onboarding_links.o $(BUILD)/examples/onboard/cbor.o
$(BUILD)/test/unit/test_run_limits: $(BUILD)/examples/linux-device/run_limits.o
$(BUILD)/test/unit/test_onboarding_message: $(BUILD)/examples/onboard/message.o $(BUILD)/examples/onboard/plain.o

$(BUILD)/test/integration/%: $(BUILD)/test/integration/%.o $(support_obj) $(BUILD)/libdps.a
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) -lcmocka -lcjson $(LIBS_ALL)

$(BUILD)/test/integration/test_onboarding $(BUILD)/test/integration/test_onboarding_strangers: $(BUILD)/examples/common/onboarding_code.o $(BUILD)/examples/onboard/plain.o $(BUILD)/examples/onboard/message.o

.PRECIOUS: $(BUILD)/%.o
.PHONY: clean
clean:                                      ## remove what was built
	rm -rf $(BUILD)
