# The Lambda bundles. ARCH (arm64, x86_64) and PYTHON_VERSION (3.11, 3.12, 3.13) choose another target
# than the one that suits the Python of the virtual environment.
LIGHT_FUNCTIONS := ApiFunction BufferedEventsFunction LogEventsFunction BacklogMetricFunction

.PHONY: bundle bundle-report build-MigrateFunction $(LIGHT_FUNCTIONS:%=build-%)

bundle: $(VENV)/.python ## the two Lambda bundles in .bundle/, from the lock files, without a container
	@$(PY) -m infra.bundle build light migrate

bundle-report: $(VENV)/.dev .venv-sam/.ready ## sizes and cold starts of the bundles, measured here
	@$(PY) -m infra.bundle report

# `sam build` calls these, with ARTIFACTS_DIR in the environment and nothing else.
$(LIGHT_FUNCTIONS:%=build-%): $(VENV)/.python
	@$(PY) -m infra.bundle build light --to "$(ARTIFACTS_DIR)"

build-MigrateFunction: $(VENV)/.python
	@$(PY) -m infra.bundle build migrate --to "$(ARTIFACTS_DIR)"
