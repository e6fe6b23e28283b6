"""The log of every call a simulated server was asked, and how each ended."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from typing import Any


class CallLog:
    """Counts every call and keeps the last few; `snapshot` is what `GET /_sandbox/log` answers."""

    def __init__(self, keep: int = 1000) -> None:
        self._keep = keep
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self.calls: Counter[str] = Counter()
        self.statuses: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self.lied: Counter[str] = Counter()     # lies of lists that changed what was answered; of one page most change nothing
        self.could_lie: Counter[str] = Counter()     # answers that they would have changed, these among them
        self.last: deque[dict[str, Any]] = deque(maxlen=self._keep)
        self.poisoned: dict[tuple[str, str], None] = {}     # line and body of what is never carried out, each once
        self.spoken = 0     # hostile answers that came to their end, if they have one
        self.max_rate_seen = 0
        self.count_429 = 0
        self._arrivals: deque[float] = deque()

    def arrive(self, now: float) -> None:
        """Count one arrival in the sliding window of one second."""
        self._arrivals.append(now)
        while self._arrivals and self._arrivals[0] <= now - 1.0:
            self._arrivals.popleft()
        self.max_rate_seen = max(self.max_rate_seen, len(self._arrivals))

    def finish(
        self, *, name: str, method: str, path: str, status: int | str, now: float, answered: float, retry_after: str = ""
    ) -> None:
        """
        Record how a call ended.

        Args:
            status: A number, or the fault's name when nothing was answered.
            now: When the call came, in Unix seconds.
            answered: When that was over.
            retry_after: What the answer asked for, as it stood in its head.
        """
        self.calls[name] += 1
        self.statuses[str(status)] += 1
        if status == 429:
            self.count_429 += 1
        self.last.append({
            "name": name, "method": method, "path": path, "status": status, "time": now, "answered": answered, "retry_after": retry_after,
        })  # fmt: skip

    def lie(self, told: Iterable[str], possible: Iterable[str]) -> None:
        """Count the lies that changed an answer, and those that would have."""
        self.lied.update(told)
        self.could_lie.update(possible)

    def refuse(self, line: str, body: bytes) -> None:
        """Keep a request that is refused as poison, or never answered: whoever judges a run must know what could not be had or given."""
        if len(self.poisoned) < self._keep:
            self.poisoned[line, body.decode("utf-8", "replace")] = None

    def snapshot(self) -> dict[str, Any]:
        """Return the log as plain JSON values."""
        return {
            "total": sum(self.calls.values()),
            "calls": dict(self.calls),
            "statuses": dict(self.statuses),
            "faults": dict(self.faults),
            "lied": dict(self.lied),
            "could_lie": dict(self.could_lie),
            "last": list(self.last),
            "poisoned": [{"line": line, "body": body} for line, body in self.poisoned],
            "max_rate_seen": self.max_rate_seen,
            "count_429": self.count_429,
        }
