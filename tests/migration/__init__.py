"""Tests of the phases of a migration, on real ledgers and simulated platforms in this process."""
