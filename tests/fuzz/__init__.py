"""Fuzzing of all that strangers may send: `python -m tests.fuzz`, or `make fuzz`; see docs/reliability.md."""
