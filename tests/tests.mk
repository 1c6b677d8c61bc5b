# What `make test` runs, and the same under other tools.

TESTS    := $(patsubst tests/%.c,%,$(wildcard tests/unit/*_test.c tests/model/*_test.c))
PROGRAMS := $(patsubst tests/e2e/%.c,$(OUT)/e2e/%,$(wildcard tests/e2e/*.c))
BENCHES  := $(patsubst tests/%.c,%,$(wildcard tests/bench/*_bench.c))
EXAMPLES := $(patsubst sdk/examples/%.c,$(OUT)/examples/%,$(wildcard sdk/examples/*.c))
E2E      := $(wildcard tests/e2e/*_test.sh)

$(OUT)/unit/%: $(OUT)/tests/unit/%.o $(CLI) $(SDK) $(LIB)
	$(call link,-lcmocka)

$(OUT)/model/%: $(OUT)/tests/model/%.o $(SDK) $(LIB)
	$(call link,-lcmocka)

$(OUT)/e2e/%: $(OUT)/tests/e2e/%.o $(SDK) $(LIB)
	$(call link,-lcmocka)

$(OUT)/bench/%: $(OUT)/tests/bench/%.o $(CLI) $(SDK) $(LIB)
	$(link)

test: ## unit, model and trace tests; ends with `N passed, N failed`
test: deps
	$(Q)$(MAKE) --no-print-directory tested

.PHONY: tested # what was installed a moment ago is found by a make that starts after it
tested: all $(EXAMPLES) $(PROGRAMS) $(TESTS:%=$(OUT)/%) $(OUT)/chaos/checks_test $(OUT)/soak/slope_test $(OUT)/sim/sim
	$(Q)MODE=$(MODE) tests/run.sh $(OUT) $(TESTS:%=$(OUT)/%) $(OUT)/chaos/checks_test $(OUT)/soak/slope_test $(OUT)/sim/sim $(E2E)

bench: ## every benchmark with its floors
bench: all $(BENCHES:%=$(OUT)/%)
	$(Q)for b in $(BENCHES:%=$(OUT)/%); do $$b || exit 1; done
	$(Q)$(OUT)/bin/zex bench

THREADED := $(patsubst %,$(OUT)/unit/%_test,bus bus_watch http service_rights sdk_session)
.PHONY: threads threaded memcheck memchecked
threads: ## what has threads, and a venue in one process, under ThreadSanitizer
	$(Q)$(MAKE) -s MODE=thread threaded
threaded: all $(THREADED) $(PROGRAMS)
	$(Q)MODE=$(MODE) tests/threads.sh $(OUT) $(THREADED) $(addprefix tests/e2e/,run_test.sh \
	  metrics_test.sh bad_input_test.sh)

memcheck: ## unit and model tests under valgrind; ROUNDS= of the random ones
	$(Q)$(MAKE) -s MODE=memcheck memchecked
memchecked: all $(TESTS:%=$(OUT)/%)
	$(Q)tests/memcheck.sh $(OUT) $(TESTS:%=$(OUT)/%)

nightly: ## simulation, kills, network, faults, fuzz, overload, soak, threads, memory: a night and more
	+$(Q)tests/nightly.sh
