"""Whole migrations between the simulated accounts, driven from outside as an operator would, and judged by tests/judge."""
