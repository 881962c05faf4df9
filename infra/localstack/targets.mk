# LocalStack: AWS on loopback, without Docker.
.PHONY: localstack

localstack: $(VENV)/.dev .venv-localstack/.ready ## AWS on loopback, with functions as local processes; Ctrl-C stops it
	@exec $(PY) -m infra.localstack
