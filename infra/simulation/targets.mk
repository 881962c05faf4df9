.PHONY: simulate capacity

simulate: $(VENV)/.dev ## the workers' scaling in fourteen scenarios: figures and plots for docs/scaling.md
	@$(PY) -m infra.simulation scenarios --plots docs/images --write

capacity: $(VENV)/.dev ## measure an event's cost here; reckon what saturates first at 100 million a day
	@$(PY) -m infra.simulation capacity --write
