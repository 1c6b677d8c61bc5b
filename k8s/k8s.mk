# The manifests, and the settings in them.

k8s-check: ## the manifests of k8s/: rendered, typed, held against rules of our own
k8s-check: all
	$(Q)tests/k8s/check.sh

k8s-config: ## k8s/base/settings.env, from the settings table
	$(Q)mkdir -p build && k8s/settings.sh > build/settings.env && mv build/settings.env k8s/base/settings.env
