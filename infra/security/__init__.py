"""What Rootnote is made of: locks, audits, bills of materials. `python -m infra.security --help`."""
