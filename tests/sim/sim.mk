# The simulator has a bus, a journal and a clock of its own: those of the library and the SDK
# stay out of it.
SIM_SRC := $(wildcard tests/sim/*.c)
SIM_LIB := $(filter-out common/bus%.c common/journal.c common/journal_env.c common/journal_redo.c \
             common/journal_lock.c common/child.c common/clock.c common/http.c \
             common/service_log.c common/service_main.c common/service_setup.c,$(LIB_SRC)) \
           $(filter-out %/zex_clock.c %/zex_socket.c %/zex_directory.c,$(SDK_SRC))
SIM_FLAGS := $(if $(filter release,$(MODE)),-O3 -flto=auto -fno-fat-lto-objects) # of what CI computes, it is the most
SIM_WRAPS := fdatasync pwrite ftruncate mmap munmap getrandom # files.c, child.c, guest_socket.c
$(OUT)/sim/sim: $(patsubst %.c,$(OUT)/sim/%.o,$(SIM_SRC) $(SIM_LIB))
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) $(SIM_FLAGS) $(SIM_WRAPS:%=-Wl,--wrap=%) $^ -o $@ -lsodium -lxxhash -lpthread

# ... and faults and ablations that no other build has.
$(OUT)/sim/%.o: %.c Makefile tests/sim/sim.mk
	@mkdir -p $(@D)
	$(if $(Q),@echo "  CC   $< (simulated)")
	$(Q)$(CC) $(CPPFLAGS) -DZEX_FAULT -DZEX_ABLATE $(CFLAGS) $(SIM_FLAGS) -MMD -MP -c $< -o $@

SEEDS ?= 1..500
sim: ## a seeded world of faults: SEED=n (VERBOSE=1 tells all) or SEEDS=a..b; COMMANDS=2200 each
sim: $(OUT)/sim/sim
	$(Q)VERBOSE=$(VERBOSE) COMMANDS=$(COMMANDS) $< $(or $(SEED),$(SEEDS))

STRIDE ?= 7
crashes: ## the power cut at every 7th disk operation of each service; STRIDE=1: at each
crashes: $(OUT)/sim/sim
	$(Q)VERBOSE=$(VERBOSE) $< $(if $(AT),--crash $(AT),--crashes $(STRIDE))

ablate: ## each mechanism off in turn: the simulator must notice
ablate: $(OUT)/sim/sim
	$(Q)$< --ablate
