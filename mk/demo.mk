# SPDX-License-Identifier: Apache-2.0
.PHONY: demo
demo: deps-demo programs                   ## run the main job: a device provisions itself from a local service
	@tools/demo $(BUILD)
