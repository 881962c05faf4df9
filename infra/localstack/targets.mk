# LocalStack: AWS on loopback, in a virtual environment of its own.
.PHONY: localstack

localstack: $(VENV)/.dev .venv-localstack/.ready ## AWS on loopback, with functions as local processes; Ctrl-C stops it
	@exec $(PY) -m infra.localstack
