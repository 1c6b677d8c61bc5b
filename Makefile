# zex - `make help` lists what there is. One Makefile, no recursion; a new service or
# test is found by its place in the tree and needs no line here.
MODE ?= release
CC   ?= gcc
V    ?= 0
OUT  := build/$(MODE)
PREFIX ?= /usr/local
Q    := $(if $(filter 1,$(V)),,@)

PKGS     := libzmq libczmq libsodium liblzma libxxhash jansson libcyaml libwebsockets
CPPFLAGS += -I. -D_GNU_SOURCE
CFLAGS   += -std=c11 -g -fPIC -Wall -Wextra -Wpedantic -Wshadow -Wconversion \
            -Wstrict-prototypes -Wmissing-prototypes -Werror \
            -fstack-protector-strong -fno-common $(CFLAGS_$(MODE))
CFLAGS_release  := -O2 -fno-semantic-interposition -D_FORTIFY_SOURCE=2 -ftrivial-auto-var-init=zero -fcf-protection
CFLAGS_debug    := -O0
CFLAGS_clang    := -O2
CFLAGS_sanitize := -O1 -fsanitize=address,undefined -fno-sanitize-recover=all \
                   -fno-omit-frame-pointer
CFLAGS_cover    := -O0 --coverage
CFLAGS_memcheck := -O1 -Wno-maybe-uninitialized
CFLAGS_thread   := -O1 -fsanitize=thread -fno-omit-frame-pointer \
                   -Wno-maybe-uninitialized
CFLAGS_fuzz     := $(CFLAGS_sanitize) -fsanitize=fuzzer-no-link
CFLAGS_kill     := -O2 -DZEX_FAULT -finstrument-functions -Wno-maybe-uninitialized
LDFLAGS_kill    := -rdynamic
LDFLAGS  += -pie -Wl,--as-needed,-z,relro,-z,now $(filter -fsanitize=% --coverage,$(CFLAGS_$(MODE))) \
            $(LDFLAGS_$(MODE))
LDLIBS   := $(shell pkg-config --libs $(PKGS) 2>/dev/null) -llmdb -lmsgpackc -lpthread

SERVICES := $(patsubst services/%/main.c,%,$(wildcard services/*/main.c))
PROTO_SRC := $(filter-out proto/catalogue.c,$(wildcard proto/*.c))
LIB_SRC  := $(PROTO_SRC) $(wildcard common/*.c) \
            $(filter-out %/main.c,$(wildcard services/*/*.c)) \
            $(if $(filter kill,$(MODE)),tests/chaos/point.c)
SDK_SRC  := $(wildcard sdk/src/*.c)
CLI_SRC  := $(wildcard deploy/cli/*.c)
TESTS    := $(patsubst tests/%.c,%,$(wildcard tests/unit/*_test.c tests/model/*_test.c))
PROGRAMS := $(patsubst tests/e2e/%.c,$(OUT)/e2e/%,$(wildcard tests/e2e/*.c))
BENCHES  := $(patsubst tests/%.c,%,$(wildcard tests/bench/*_bench.c))
EXAMPLES := $(patsubst sdk/examples/%.c,$(OUT)/examples/%,$(wildcard sdk/examples/*.c))
E2E      := $(wildcard tests/e2e/*_test.sh)
object    = $(patsubst %.c,$(OUT)/%.o,$(1))

LIB := $(OUT)/libzexcore.a
SDK := $(OUT)/libzex.a
CLI := $(OUT)/libzexcli.a

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all help

all: ## build every service, the CLI and the SDK
all: programs $(OUT)/bin/catalogue $(if $(CLI_SRC),$(OUT)/bin/zex) $(if $(SDK_SRC),$(SDK) $(OUT)/libzex.so)

.PHONY: programs images
programs: $(SERVICES:%=$(OUT)/bin/zex-%)

$(OUT)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(if $(Q),@echo "  CC   $<")
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@

$(LIB): $(call object,$(LIB_SRC))
	$(Q)rm -f $@ && ar rcs $@ $^

$(CLI): $(call object,$(filter-out %/main.c,$(CLI_SRC)))
	$(Q)rm -f $@ && ar rcs $@ $^

$(SDK): $(call object,$(SDK_SRC) $(PROTO_SRC))
	$(Q)rm -f $@ && ar rcs $@ $^

$(OUT)/libzex.so: $(call object,$(SDK_SRC) $(PROTO_SRC)) sdk/zex.map
	$(Q)$(CC) -shared -Wl,--version-script=sdk/zex.map,-soname,libzex.so.0 $(LDFLAGS:-pie=) \
	  $(filter %.o,$^) -o $@ -lzmq
	$(Q)ln -sf libzex.so $@.0

$(OUT)/examples/%: sdk/examples/%.c sdk/include/zex.h $(OUT)/libzex.so
	@mkdir -p $(@D)
	$(Q)$(CC) -Isdk/include $(CFLAGS) $(LDFLAGS) $< -o $@ -L$(OUT) -lzex -Wl,-rpath,'$$ORIGIN/..'

$(OUT)/bin/zex-%: $(OUT)/services/%/main.o $(LIB)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) $^ -o $@ $(LDLIBS)

$(OUT)/bin/catalogue: $(call object,proto/catalogue.c proto/msg.c)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) $^ -o $@

$(OUT)/bin/zex: $(call object,$(CLI_SRC)) $(SDK) $(LIB)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) $(call object,$(CLI_SRC)) $(SDK) $(LIB) -o $@ $(LDLIBS)

$(OUT)/unit/%: $(OUT)/tests/unit/%.o $(CLI) $(SDK) $(LIB)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) $^ -o $@ -lcmocka $(LDLIBS)

$(OUT)/model/%: $(OUT)/tests/model/%.o $(SDK) $(LIB)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) $^ -o $@ -lcmocka $(LDLIBS)

$(OUT)/e2e/%: $(OUT)/tests/e2e/%.o $(SDK) $(LIB)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) $^ -o $@ -lcmocka $(LDLIBS)

$(OUT)/bench/%: $(OUT)/tests/bench/%.o $(CLI) $(SDK) $(LIB)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) $^ -o $@ $(LDLIBS)

# The simulator has a bus, a journal and a clock of its own: the library's stay out of it.
SIM_SRC := $(wildcard tests/sim/*.c)
SIM_LIB := $(filter-out common/bus%.c common/journal.c common/child.c common/clock.c common/http.c \
             common/service_log.c common/service_main.c common/service_setup.c,$(LIB_SRC))
SIM_WRAPS := fdatasync pwrite ftruncate # tests/sim/files.c
$(OUT)/sim/sim: $(patsubst %.c,$(OUT)/sim/%.o,$(SIM_SRC) $(SIM_LIB))
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) $(SIM_WRAPS:%=-Wl,--wrap=%) $^ -o $@ -lsodium -lxxhash -lpthread

# ... and faults and ablations that no other build has.
$(OUT)/sim/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(if $(Q),@echo "  CC   $< (simulated)")
	$(Q)$(CC) $(CPPFLAGS) -DZEX_FAULT -DZEX_ABLATE $(CFLAGS) -MMD -MP -c $< -o $@

# Fault injection: a shim that is preloaded into the services, and what judges the result.
FAULTS := $(patsubst tests/%.c,%,$(wildcard tests/faults/*_test.c tests/faults/record.c))
FAULT_LIB := $(filter-out $(FAULTS:%=tests/%.c) tests/faults/shim.c,$(wildcard tests/faults/*.c))
$(OUT)/faults/shim.so: $(OUT)/tests/faults/shim.o
	@mkdir -p $(@D)
	$(Q)$(CC) -shared $< -o $@ -lpthread -ldl

$(OUT)/faults/%: $(OUT)/tests/faults/%.o $(call object,$(FAULT_LIB)) $(CLI) $(SDK) $(LIB)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) $^ -o $@ $(LDLIBS)

# A target with libFuzzer (MODE=fuzz CC=clang), or with a main that replays its corpus.
FUZZ := $(patsubst tests/fuzz/%_fuzz.c,%,$(wildcard tests/fuzz/*_fuzz.c))
FUZZ_LIB := $(call object,tests/fuzz/market.c tests/fuzz/kept.c) $(CLI) $(SDK) $(LIB)
$(OUT)/fuzz/%_replay: $(OUT)/tests/fuzz/%_fuzz.o $(OUT)/tests/fuzz/replay.o $(FUZZ_LIB)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) $^ -o $@ -lcmocka $(LDLIBS)

$(OUT)/fuzz/%: $(OUT)/tests/fuzz/%_fuzz.o $(FUZZ_LIB)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) -fsanitize=fuzzer $^ -o $@ -lcmocka $(LDLIBS)

.PHONY: fuzz fuzzers replays
fuzzers: $(FUZZ:%=$(OUT)/fuzz/%) $(FUZZ:%=$(OUT)/fuzz/%_replay)
replays: $(FUZZ:%=$(OUT)/fuzz/%_replay)
fuzz: ## libFuzzer, ASan and UBSan on what reads bytes: corpora, then FUZZ_S seconds each
	$(Q)$(MAKE) -s MODE=fuzz CC=clang fuzzers
	$(Q)tests/fuzz/fuzz.sh $(or $(FUZZ_S),5) $(FUZZ)

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

nightly: ## faults and fuzz with large amounts, threads, memory: hours
	$(Q)$(MAKE) faults NIGHTLY=1
	$(Q)$(MAKE) fuzz FUZZ_S=3600
	$(Q)$(MAKE) threads
	$(Q)$(MAKE) memcheck ROUNDS=20000

cover: ## lines of the decoders that the fuzz corpora and unit tests reach
	$(Q)$(MAKE) -s MODE=cover replays
	$(Q)tests/fuzz/cover.sh build/cover $(FUZZ)

.PHONY: faults
faults: ## power cuts, disk errors, bit rot, no memory: amounts of CI, or NIGHTLY=1
faults: all $(OUT)/faults/shim.so $(FAULTS:%=$(OUT)/%)
	$(Q)tests/faults/run.sh

# Chaos: many clients trade while services are killed and networks fail.
CHAOS_LIB := $(filter-out %_test.c %/point.c,$(wildcard tests/chaos/*.c)) \
             tests/faults/cluster.c tests/faults/reference.c
$(OUT)/chaos/%: $(OUT)/tests/chaos/%.o $(call object,$(CHAOS_LIB)) $(CLI) $(SDK) $(LIB)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) $^ -o $@ -lcmocka $(LDLIBS)

KILLS ?= 100
.PHONY: kill
kill: ## SIGKILL at named points and at random times while 16 clients trade: KILLS=100 SEED=
	$(Q)$(MAKE) -s MODE=kill all build/kill/chaos/kill_test
	$(Q)tests/chaos/kill.sh $(KILLS) $(SEED)

.PHONY: net
net: ## three hosts whose network fails in every way while clients trade (root); SEED=
net: all $(OUT)/chaos/net_test
	$(Q)MODE=$(MODE) tests/chaos/net.sh $(SEED)

$(OUT)/cluster/%: $(OUT)/tests/cluster/%.o $(call object,$(CHAOS_LIB)) $(CLI) $(SDK) $(LIB)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) $^ -o $@ -lcmocka $(LDLIBS)

.PHONY: cluster-test
cluster-test: ## the images as a cluster to which everything happens (root, podman); SEED=
cluster-test: all $(OUT)/cluster/cluster_test
	$(Q)MODE=$(MODE) tests/cluster/cluster.sh $(SEED)

# Overload: ten times what the venue can take, by the clock; consumers that are slow or dead.
OVERLOAD_LIB := $(filter-out %_test.c,$(wildcard tests/overload/*.c))
$(OUT)/overload/%: $(OUT)/tests/overload/%.o $(call object,$(OVERLOAD_LIB)) $(CLI) $(SDK) $(LIB)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) $^ -o $@ -lcmocka $(LDLIBS)

.PHONY: overload
overload: ## ten times the capacity for S seconds (30), then slow and dead consumers
overload: all $(OUT)/overload/overload_test
	$(Q)MODE=$(MODE) tests/overload/overload.sh $(or $(S),30) $(SEED)

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

test: ## unit, model and trace tests; ends with `N passed, N failed`
test: deps
	$(Q)$(MAKE) --no-print-directory tested

.PHONY: tested # what was installed a moment ago is found by a make that starts after it
tested: all $(EXAMPLES) $(PROGRAMS) $(TESTS:%=$(OUT)/%) $(OUT)/chaos/checks_test $(OUT)/sim/sim
	$(Q)MODE=$(MODE) tests/run.sh $(OUT) $(TESTS:%=$(OUT)/%) $(OUT)/chaos/checks_test $(OUT)/sim/sim $(E2E)

run: ## a whole venue with a synthetic market in this process, data in data/
run: deps
	$(Q)$(MAKE) -s all
	$(Q)exec $(OUT)/bin/zex up --dir data --venue deploy/venues/demo.yaml --bots 4 $(ARGS)

install: ## the programs and the client library, below PREFIX (/usr/local)
install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/include $(DESTDIR)$(PREFIX)/lib/pkgconfig
	install $(OUT)/bin/zex $(SERVICES:%=$(OUT)/bin/zex-%) $(DESTDIR)$(PREFIX)/bin
	install -m 644 sdk/include/zex.h $(DESTDIR)$(PREFIX)/include
	install -m 644 $(SDK) $(DESTDIR)$(PREFIX)/lib
	install $(OUT)/libzex.so $(DESTDIR)$(PREFIX)/lib/libzex.so.0
	ln -sf libzex.so.0 $(DESTDIR)$(PREFIX)/lib/libzex.so
	sed 's|@PREFIX@|$(PREFIX)|' sdk/zex.pc.in > $(DESTDIR)$(PREFIX)/lib/pkgconfig/zex.pc

bench: ## every benchmark with its floors
bench: all $(BENCHES:%=$(OUT)/%)
	$(Q)for b in $(BENCHES:%=$(OUT)/%); do $$b || exit 1; done
	$(Q)$(OUT)/bin/zex bench

images: ## one image per service, with podman or docker; TAG=dev
	$(Q)deploy/images.sh build

k8s-check: ## the manifests of k8s/: rendered, typed, held against rules of our own
k8s-check: all
	$(Q)tests/k8s/check.sh

k8s-config: ## k8s/base/settings.env, from the settings table
	$(Q)mkdir -p build && k8s/settings.sh > build/settings.env && mv build/settings.env k8s/base/settings.env

deps: ## install the Debian packages that are missing
	$(Q)deploy/install.sh

docs: ## proto/messages.md, from the tables
docs: $(OUT)/bin/catalogue
	$(Q)$< > proto/messages.md

lint: ## style and purity rules a machine can check
	$(Q)tests/lint/lint.sh $(OUT)

fmt: ## lay the sources out
	$(Q)clang-format -i $$(git ls-files '*.c' '*.h')

help: ## this list
	@sed -n 's/^\([a-z][a-z0-9-]*\): ## /  \1\t/p' Makefile | expand -t 16

clean: ## remove build/
	$(Q)rm -rf build

-include $(shell find $(OUT) -name '*.d' 2>/dev/null)
