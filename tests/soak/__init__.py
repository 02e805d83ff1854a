"""Traffic without end on a veth pair, and the memory of `dissect live` watched meanwhile: `python -m tests.soak --minutes 10`."""
