# The security linter, in a virtual environment of its own: its pins do not agree with ours.
.PHONY: checkov

.venv-checkov/.ready: requirements/checkov.txt
	@echo "installing checkov into .venv-checkov (a minute or two, once)"
	@$(PYTHON) -m venv .venv-checkov
	@.venv-checkov/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes -r $<
	@touch $@

checkov: .venv-checkov/.ready ## the AWS templates under checkov's eyes, offline; reasons for what is left out: .checkov.yaml
	@echo "checking template.yaml and infra/*.yaml (about 20 s)"
	@.venv-checkov/bin/checkov --config-file .checkov.yaml --file template.yaml $(wildcard infra/*.yaml)
