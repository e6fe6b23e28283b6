"""Whole faults of the machine beneath the daemon: disk, memory, files, clocks, signals, and whoever reads the log."""
