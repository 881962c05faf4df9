"""The worker's image on this machine: an engine, a base, the build. `python -m infra.containers --help`."""
