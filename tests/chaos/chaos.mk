# Chaos: many clients trade while services are killed and networks fail.
CHAOS_LIB := $(filter-out %_test.c %/point.c,$(wildcard tests/chaos/*.c)) \
             tests/faults/cluster.c tests/faults/draw.c tests/faults/reference.c
$(OUT)/chaos/%: $(OUT)/tests/chaos/%.o $(call object,$(CHAOS_LIB)) $(CLI) $(SDK) $(LIB)
	$(call link,-lcmocka)

KILLS ?= 100
# kill-sanitize: under ASan and UBSan
KILL_MODE ?= kill
.PHONY: kill
kill: ## SIGKILL at named points and at random times while 16 clients trade: KILLS=100 SEED=
	$(Q)$(MAKE) -s MODE=$(KILL_MODE) all build/$(KILL_MODE)/chaos/kill_test
	$(Q)MODE=$(KILL_MODE) tests/chaos/kill.sh $(KILLS) $(SEED)

.PHONY: net
net: ## three hosts whose network fails in every way while clients trade (root); SEED=
net: all $(OUT)/chaos/net_test
	$(Q)MODE=$(MODE) tests/chaos/net.sh $(SEED)
