# SPDX-License-Identifier: Apache-2.0
# The library on Mbed TLS 3.6: Debian 12 has 2.28, so the packages of Debian 13 are unpacked below the build directory, and what uses
# Mbed TLS is built and tested against them. Not a part of `make check`, because it fetches.

MBEDTLS3_SUITE ?= trixie
MBEDTLS3_BUILD := $(BUILD)/mbedtls3
MBEDTLS3_ROOT  := $(abspath $(MBEDTLS3_BUILD))/packages/root
MBEDTLS3_LIB    = $(MBEDTLS3_ROOT)/usr/lib/$(shell gcc -print-multiarch)

# The environment's flags are the Makefile's to add to: these come first, before those of the system.
mbedtls3 = CPPFLAGS="-isystem $(MBEDTLS3_ROOT)/usr/include" LDFLAGS="-L$(MBEDTLS3_LIB) -Wl,-rpath,$(MBEDTLS3_LIB)" \
  $(submake) -s BUILD=$(MBEDTLS3_BUILD)

mbedtls3_unit := $(filter test_pki_% test_mbedtls_% test_plgd%,$(unit_src:test/unit/%.c=%))
# Those of the integration tests in which TLS decides: towards services, at hubs with sessions that are resumed, and behind faults of both.
mbedtls3_integration := test_device_flow test_device_identity test_device_trust test_device_hostile test_device_redirect test_device_recovery \
  test_device_online test_device_online_life test_device_online_anyway test_device_hostile_gateway test_device_hostile_hub \
  test_scenario_online test_scenario_online_renewal test_scenario_renewal
mbedtls3_bin  := $(mbedtls3_unit:%=$(MBEDTLS3_BUILD)/test/unit/%) $(mbedtls3_integration:%=$(MBEDTLS3_BUILD)/test/integration/%)

.PHONY: check-mbedtls3
check-mbedtls3: deps-check $(MBEDTLS3_BUILD)/packages/fetched ## build against Mbed TLS 3.6 and test what uses it (fetches)
	@+$(mbedtls3) lib programs $(mbedtls3_bin)
	@+CC=clang $(mbedtls3) BUILD=$(MBEDTLS3_BUILD)/clang lib-objects
	@$(run_tests) --logs $(MBEDTLS3_BUILD)/test/logs \
	  --command 'links-3.6=test $$(ldd $(MBEDTLS3_BUILD)/dps-device | grep -c "=> $(MBEDTLS3_LIB)/libmbed") -eq 3' \
	  --command "demo=tools/demo $(MBEDTLS3_BUILD)" $(mbedtls3_bin)

$(MBEDTLS3_BUILD)/packages/fetched: tools/fetch-packages
	@echo "Fetching Mbed TLS of Debian's $(MBEDTLS3_SUITE) ..."
	@tools/fetch-packages $(MBEDTLS3_SUITE) $(@D) libmbedtls-dev libmbed
	@touch $@

# This test plays a Mbed TLS of another make; `override`, because LDFLAGS may come from the command line.
$(BUILD)/test/unit/test_mbedtls_bridge: override LDFLAGS += -Wl,--wrap=mbedtls_version_get_number,--wrap=mbedtls_pk_setup
