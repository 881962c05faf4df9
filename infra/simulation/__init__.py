"""A simulation of the workers' scaling, by the numbers of `infra/scaling.yaml` and the rules of `core`."""
