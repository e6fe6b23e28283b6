"""A real daemon for an hour on the simulated accounts, measured from outside: `python -m tests.soak --minutes 60`."""
