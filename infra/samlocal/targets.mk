# The API as API Gateway and Lambda run it, on this machine.
.PHONY: sam-local sam-invoke

sam-local: $(VENV)/.dev .venv-sam/.ready ## the API as a Lambda function under `sam local`, with PostgreSQL, Valkey and worker (PORT=3000)
	@exec env $(if $(PORT),PORT=$(PORT)) $(PY) -m infra.samlocal run

sam-invoke: $(VENV)/.dev .venv-sam/.ready ## FUNCTION=BacklogMetricFunction: run it once beside `make sam-local` (EVENT=file.json)
	@$(PY) -m infra.samlocal invoke $(FUNCTION) $(if $(EVENT),--event $(EVENT))
