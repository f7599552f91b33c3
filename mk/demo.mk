# SPDX-License-Identifier: Apache-2.0
KEYS ?= tpm
.PHONY: demo check-demo
demo: deps-demo programs                   ## run a device's life: found, provisioned, online, renewed, off again; its keys in a TPM (KEYS=file: in files)
	@tools/demo $(BUILD) $(KEYS)

check-demo: programs                       ## test that the demo works, with keys in files
	@tools/check-demo $(BUILD)
