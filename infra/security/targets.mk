.PHONY: checkov

checkov: .venv-checkov/.ready ## the AWS templates under checkov's eyes, offline; reasons for what is left out: .checkov.yaml
	@echo "checking template.yaml and infra/*.yaml (about 20 s)"
	@.venv-checkov/bin/checkov --config-file .checkov.yaml --file template.yaml $(wildcard infra/*.yaml)
