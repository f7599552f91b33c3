# SPDX-License-Identifier: Apache-2.0
# The API reference, and the check that what the pages say is so.

DEPS_DOCS := doxygen

.PHONY: docs deps-docs check-docs
deps-docs:
	@tools/install-deps $(DEPS_DOCS)

docs: deps-docs                             ## make the API reference (Doxygen)
	@mkdir -p $(BUILD)/docs
	@{ cat docs/Doxyfile; echo 'PROJECT_NUMBER = $(VERSION)'; echo 'OUTPUT_DIRECTORY = $(BUILD)/docs'; } | doxygen -
	@echo "$(BUILD)/docs/html/index.html"

check-docs:                                 ## compare the pages with the code
	@$(PYTHON) tools/check-docs.py --selftest
	@$(PYTHON) tools/check-docs.py
