# Rootnote on LocalStack: AWS on loopback, without Docker.
.PHONY: localstack

localstack: $(VENV)/.dev .venv-localstack/.ready ## template.yaml whole on LocalStack, functions as local processes; Ctrl-C stops it (ARGS=--empty: LocalStack alone)
	@exec $(PY) -m infra.localstack $(ARGS)
