"""Large generated captures, and how long who takes to read them: `python -m tests.bench --help`."""
