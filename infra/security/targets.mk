.PHONY: audit checkov sbom

audit: $(VENV)/.dev .venv-audit/.ready ## known vulnerabilities and withdrawn versions in all locks (OSV_URL: another source; ALLOW_UNREACHABLE=1)
	@$(PY) -m infra.security audit $(if $(OSV_URL),--osv-url $(OSV_URL)) $(if $(ALLOW_UNREACHABLE),--allow-unreachable)

sbom: $(VENV)/.dev .venv-audit/.ready ## bills of materials of bundles and image in .sbom/, as CycloneDX JSON
	@$(PY) -m infra.security sbom

checkov: .venv-checkov/.ready ## the AWS templates under checkov's eyes, offline; reasons for what is left out: .checkov.yaml
	@echo "checking template.yaml and infra/*.yaml (about 20 s)"
	@.venv-checkov/bin/checkov --config-file .checkov.yaml --file template.yaml $(wildcard infra/*.yaml)
