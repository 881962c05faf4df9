# From a checkout to an AWS account. ENV is a section of samconfig.toml; docs/aws.md walks through it.
.PHONY: build deploy deploy-status logs destroy

DEPLOY = $(PY) -m infra.deploy
WHERE = --env $(or $(ENV),staging) $(if $(REGION),--region $(REGION)) $(if $(PROFILE),--profile $(PROFILE))

build: $(VENV)/.dev .venv-sam/.ready ## Lambda bundles and template for AWS, into .aws-sam/build
	@$(DEPLOY) build --env $(or $(ENV),default)

deploy: $(VENV)/.dev .venv-sam/.ready ## ENV=staging: build, push and deploy to your AWS account (YES=1: without questions)
	@$(DEPLOY) deploy $(WHERE) $(if $(YES),--yes)

deploy-status: $(VENV)/.dev ## ENV=staging: what is deployed, and how it is
	@$(DEPLOY) status $(WHERE)

logs: $(VENV)/.dev ## ENV=staging: what all functions and containers say (FOLLOW=1, SINCE=2h, FILTER=ERROR)
	@$(DEPLOY) logs $(WHERE) $(if $(FOLLOW),--follow) $(if $(SINCE),--since $(SINCE)) $(if $(FILTER),--filter '$(FILTER)')

destroy: $(VENV)/.dev ## ENV=staging: delete the deployment, after asking (YES=1: without)
	@$(DEPLOY) destroy $(WHERE) $(if $(YES),--yes)
