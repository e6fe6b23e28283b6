"""How long a test waits for what must come: nothing is judged by it."""

from __future__ import annotations

HUNG_S = 240.0
"""Ends what hangs. What is merely slow takes its time: a machine that others use as well is none of what is tested."""
