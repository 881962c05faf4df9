"""`python -m infra.deploy`: from a checkout to a running Rootnote in an AWS account, and back."""
