"""Faults on purpose: `python -m tests.faults` breaks a running Rootnote in every way that a name here
stands for, and counts what became of each event that it had accepted."""
