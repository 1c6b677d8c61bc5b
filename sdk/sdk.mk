# The client library, and its examples.

$(SDK): $(call object,$(SDK_SRC) $(PROTO_SRC))
	$(Q)rm -f $@ && ar rcs $@ $^

$(OUT)/libzex.so: $(call object,$(SDK_SRC) $(PROTO_SRC)) sdk/zex.map
	$(Q)$(CC) -shared -Wl,--version-script=sdk/zex.map,-soname,libzex.so.0 $(LDFLAGS:-pie=) $(WHOLE) \
	  $(filter %.o,$^) -o $@ -lzmq
	$(Q)ln -sf libzex.so $@.0

$(OUT)/examples/%: sdk/examples/%.c sdk/include/zex.h $(OUT)/libzex.so
	@mkdir -p $(@D)
	$(Q)$(CC) -Isdk/include $(CFLAGS) $(LDFLAGS) $< $(WHOLE) -o $@ -L$(OUT) -lzex -Wl,-rpath,'$$ORIGIN/..'
