# zex - `make help` lists what there is. No recursion; a new service or test is found by its
# place in the tree and needs no line here. What belongs to one folder is in its .mk file.
MODE ?= release
CC   ?= gcc
V    ?= 0
OUT  := build/$(MODE)
PREFIX ?= /usr/local
Q    := $(if $(filter 1,$(V)),,@)

# A release's programs are optimised whole; its tests are linked of what each file became.
LTO   := $(if $(filter release,$(MODE)),$(if $(findstring clang,$(CC)),,-flto=auto))
WHOLE := -fno-lto
$(OUT)/bin/%: WHOLE := $(if $(LTO),-O2 $(LTO))

PKGS     := libzmq libczmq libsodium liblzma libxxhash jansson libcyaml libwebsockets
CPPFLAGS += -I. -D_GNU_SOURCE
CFLAGS   += -std=c11 -g -fPIC -Wall -Wextra -Wpedantic -Wshadow -Wconversion \
            -Wstrict-prototypes -Wmissing-prototypes -Werror \
            -fstack-protector-strong -fno-common $(CFLAGS_$(MODE))
CFLAGS_release   = -O2 $(LTO:%=% -ffat-lto-objects -frandom-seed=$@) -fno-semantic-interposition \
                   -D_FORTIFY_SOURCE=2 -ftrivial-auto-var-init=zero -fcf-protection
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
CFLAGS_kill-sanitize  := $(CFLAGS_sanitize) -DZEX_FAULT -finstrument-functions
LDFLAGS_kill-sanitize := -rdynamic
LDFLAGS  += -pie -Wl,--as-needed,-z,relro,-z,now $(filter -fsanitize=% --coverage,$(CFLAGS_$(MODE))) \
            $(LDFLAGS_$(MODE))
LDLIBS   := $(shell pkg-config --libs $(PKGS) 2>/dev/null) -llmdb -lmsgpackc -lpthread

SERVICES := $(patsubst services/%/main.c,%,$(wildcard services/*/main.c))
PROTO_SRC := $(filter-out proto/catalogue.c,$(wildcard proto/*.c))
LIB_SRC  := $(PROTO_SRC) $(wildcard common/*.c) \
            $(filter-out %/main.c,$(wildcard services/*/*.c)) \
            $(if $(filter kill%,$(MODE)),tests/chaos/point.c)
SDK_SRC  := $(wildcard sdk/src/*.c)
CLI_SRC  := $(wildcard deploy/cli/*.c)
object    = $(patsubst %.c,$(OUT)/%.o,$(1))

# With libraries beside those of all.
define link
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) $(WHOLE) $^ -o $@ $(1) $(LDLIBS)
endef

LIB := $(OUT)/libzexcore.a
SDK := $(OUT)/libzex.a
CLI := $(OUT)/libzexcli.a

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all help run deps docs lint fmt clean

all: ## build every service, the CLI and the SDK
all: programs $(OUT)/bin/catalogue $(if $(CLI_SRC),$(OUT)/bin/zex) $(if $(SDK_SRC),$(SDK) $(OUT)/libzex.so)

.PHONY: programs
programs: $(SERVICES:%=$(OUT)/bin/zex-%)

$(OUT)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(if $(Q),@echo "  CC   $<")
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@

$(LIB): $(call object,$(LIB_SRC))
	$(Q)rm -f $@ && ar rcs $@ $^

$(CLI): $(call object,$(filter-out %/main.c,$(CLI_SRC)))
	$(Q)rm -f $@ && ar rcs $@ $^

$(OUT)/bin/zex-%: $(OUT)/services/%/main.o $(LIB)
	$(link)

$(OUT)/bin/catalogue: $(call object,proto/catalogue.c proto/msg.c)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) $(WHOLE) $^ -o $@

$(OUT)/bin/zex: $(call object,$(CLI_SRC)) $(SDK) $(LIB)
	$(link)

run: ## a whole venue with a synthetic market in this process, data in data/
run: deps
	$(Q)$(MAKE) -s all
	$(Q)exec $(OUT)/bin/zex up --dir data --venue deploy/venues/demo.yaml --bots 4 $(ARGS)

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
	@sed -n 's/^\([a-z][a-z0-9-]*\): ## /  \1\t/p' Makefile $(PARTS) | expand -t 16

clean: ## remove build/
	$(Q)rm -rf build

PARTS := $(wildcard */*.mk */*/*.mk) # an image is built without some
include $(PARTS)
-include $(shell find $(OUT) -name '*.d' 2>/dev/null)
