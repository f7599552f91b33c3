# SPDX-License-Identifier: Apache-2.0
KEYS ?= tpm
.PHONY: demo
demo: deps-demo programs                   ## run the main job: a device provisions itself, its keys in a TPM (KEYS=file: in files)
	@tools/demo $(BUILD) $(KEYS)
