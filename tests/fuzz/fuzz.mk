# A target with libFuzzer (MODE=fuzz CC=clang), or with a main that replays its corpus.
FUZZ := $(patsubst tests/fuzz/%_fuzz.c,%,$(wildcard tests/fuzz/*_fuzz.c))
FUZZ_LIB := $(call object,tests/fuzz/market.c tests/fuzz/kept.c tests/fuzz/feature.c) $(CLI) $(SDK) $(LIB)
$(OUT)/fuzz/%_replay: $(OUT)/tests/fuzz/%_fuzz.o $(OUT)/tests/fuzz/replay.o $(FUZZ_LIB)
	$(call link,-lcmocka)

$(OUT)/fuzz/%: $(OUT)/tests/fuzz/%_fuzz.o $(FUZZ_LIB)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) -fsanitize=fuzzer $^ -o $@ -lcmocka $(LDLIBS)

.PHONY: fuzz fuzzers replays
fuzzers: $(FUZZ:%=$(OUT)/fuzz/%) $(FUZZ:%=$(OUT)/fuzz/%_replay)
replays: $(FUZZ:%=$(OUT)/fuzz/%_replay)
fuzz: ## libFuzzer, ASan and UBSan on what reads bytes: corpora, then FUZZ_S seconds each
	$(Q)$(MAKE) -s MODE=fuzz CC=clang fuzzers
	$(Q)tests/fuzz/fuzz.sh $(or $(FUZZ_S),5) $(FUZZ)

cover: ## lines of the decoders that the fuzz corpora and unit tests reach
	$(Q)$(MAKE) -s MODE=cover replays
	$(Q)tests/fuzz/cover.sh build/cover $(FUZZ)
