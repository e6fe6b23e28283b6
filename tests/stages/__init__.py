"""The engine between ledger and destination, against the simulated account."""
