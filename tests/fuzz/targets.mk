.PHONY: fuzz fuzz-parsers

fuzz: $(VENV)/.dev ## the gate's fuzzing for longer and with another seed: make fuzz ARGS='--minutes 30 --seed 7'
	@$(PY) -m tests.fuzz $(ARGS)

fuzz-parsers: .venv-fuzz/.ready ## coverage-guided fuzzing of the parsers (Linux x86_64): ARGS='--seconds 600 stack'
	@.venv-fuzz/bin/python -m tests.fuzz.parsers $(ARGS)
