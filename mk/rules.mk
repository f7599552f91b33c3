# SPDX-License-Identifier: Apache-2.0
# The rules of the design that a compiler does not see: tools/check-rules.py names each breach. It wants GCC's call graphs, whatever CC is.

.PHONY: check-rules
check-rules: lib                            ## check the rules of the design: arrows, symbols, comments, format
	@$(PYTHON) tools/check-rules.py --selftest
	@$(PYTHON) tools/check-rules.py --build $(BUILD)
