# Programs where a system keeps them, and images.

install: ## the programs and the client library, below PREFIX (/usr/local)
install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/include $(DESTDIR)$(PREFIX)/lib/pkgconfig
	install $(OUT)/bin/zex $(SERVICES:%=$(OUT)/bin/zex-%) $(DESTDIR)$(PREFIX)/bin
	install -m 644 sdk/include/zex.h $(DESTDIR)$(PREFIX)/include
	install -m 644 $(SDK) $(DESTDIR)$(PREFIX)/lib
	objcopy -w -R '.gnu.*lto_*' $(DESTDIR)$(PREFIX)/lib/$(notdir $(SDK)) # for one compiler only
	install $(OUT)/libzex.so $(DESTDIR)$(PREFIX)/lib/libzex.so.0
	ln -sf libzex.so.0 $(DESTDIR)$(PREFIX)/lib/libzex.so
	sed 's|@PREFIX@|$(PREFIX)|' sdk/zex.pc.in > $(DESTDIR)$(PREFIX)/lib/pkgconfig/zex.pc

images: ## one image per service, with podman or docker; TAG=dev
	$(Q)deploy/images.sh build
