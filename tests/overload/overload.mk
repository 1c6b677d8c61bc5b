# Overload: ten times what the venue can take, by the clock; consumers that are slow or dead.
OVERLOAD_LIB := $(filter-out %_test.c,$(wildcard tests/overload/*.c))
$(OUT)/overload/%: $(OUT)/tests/overload/%.o $(call object,$(OVERLOAD_LIB)) $(CLI) $(SDK) $(LIB)
	$(call link,-lcmocka)

.PHONY: overload
overload: ## ten times the capacity for S seconds (30), then slow and dead consumers
overload: all $(OUT)/overload/overload_test
	$(Q)MODE=$(MODE) tests/overload/overload.sh $(or $(S),30) $(SEED)
