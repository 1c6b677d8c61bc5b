# Fault injection: a shim that is preloaded into the services, and what judges the result.
FAULTS := $(patsubst tests/%.c,%,$(wildcard tests/faults/*_test.c tests/faults/record.c))
FAULT_LIB := $(filter-out $(FAULTS:%=tests/%.c) tests/faults/shim.c,$(wildcard tests/faults/*.c))
# In a service with a sanitizer it has none itself.
$(OUT)/faults/shim.so: CFLAGS_sanitize := -O1
$(OUT)/faults/shim.so: $(OUT)/tests/faults/shim.o
	@mkdir -p $(@D)
	$(Q)$(CC) -shared $(WHOLE) $< -o $@ -lpthread -ldl

$(OUT)/faults/%: $(OUT)/tests/faults/%.o $(call object,$(FAULT_LIB)) $(CLI) $(SDK) $(LIB)
	$(link)

.PHONY: faults
faults: ## power cuts, disk errors, bit rot, no memory: amounts of CI, or NIGHTLY=1
faults: all $(OUT)/faults/shim.so $(FAULTS:%=$(OUT)/%)
	$(Q)tests/faults/run.sh
