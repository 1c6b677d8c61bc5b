# The images of deploy/, as a cluster of containers.
$(OUT)/cluster/%: $(OUT)/tests/cluster/%.o $(call object,$(CHAOS_LIB)) $(CLI) $(SDK) $(LIB)
	$(call link,-lcmocka)

.PHONY: cluster-test
cluster-test: ## the images as a cluster to which everything happens (root, podman); SEED=
cluster-test: all $(OUT)/cluster/cluster_test
	$(Q)MODE=$(MODE) tests/cluster/cluster.sh $(SEED)
