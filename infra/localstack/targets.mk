# LocalStack: AWS on loopback, in a virtual environment of its own.
LOCALSTACK_VENV := .venv-localstack

.PHONY: localstack

localstack: $(VENV)/.dev $(LOCALSTACK_VENV)/.ready ## AWS on loopback, with functions as local processes; Ctrl-C stops it
	@exec $(PY) -m infra.localstack

$(LOCALSTACK_VENV)/.ready: requirements/localstack.txt
	@echo "installing LocalStack into $(LOCALSTACK_VENV) (about 80 seconds and 500 MB, once)"
	@$(PYTHON) -m venv --clear $(LOCALSTACK_VENV)
	@$(LOCALSTACK_VENV)/bin/python -m pip --disable-pip-version-check --quiet install \
	  --require-hashes -r requirements/localstack.txt && touch $@
