"""A source that is only read: whatever function that writes was called, nobody but the run can have called it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tests.judge.states import Finding


def written(calls: Mapping[str, int]) -> Iterator[Finding]:
    """Find what a run wrote at the source, by the platform's own count of each function that writes."""
    for name, times in sorted(calls.items()):
        yield Finding(fault="foreign touched", what=name, why=f"writes at the source, and was called {times} times")
