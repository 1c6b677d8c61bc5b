# Soak: hours of modest load, clients that come and go; nothing may grow.
SOAK_LIB := tests/soak/diary.c tests/soak/guests.c tests/soak/meter.c tests/soak/slope.c \
            tests/overload/gauge.c
$(OUT)/soak/%: $(OUT)/tests/soak/%.o $(call object,$(SOAK_LIB) $(CHAOS_LIB)) $(CLI) $(SDK) $(LIB)
	$(call link,-lcmocka -lm)

.PHONY: soak
soak: ## clients come and go for HOURS (8) or MINUTES=; nothing grows: RATE=100 SEED=
soak: all $(OUT)/soak/soak_test $(OUT)/soak/client
	$(Q)MODE=$(MODE) tests/soak/soak.sh $(or $(MINUTES),$(shell awk "BEGIN {print 60 * $(or $(HOURS),8)}")) $(or $(RATE),100) $(SEED)
