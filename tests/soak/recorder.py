"""Both platforms' logs of calls, fetched often enough that no call is lost on the way."""

from __future__ import annotations

from tests.judge.states import ask
from tests.soak.calls import Call


class Recorder:
    """All calls of one platform; its log holds the last thousand."""

    def __init__(self, admin: str) -> None:
        self._admin = admin
        self.calls: list[Call] = []
        self.missed = 0          # calls that were forgotten there before anybody asked

    def fetch(self) -> None:
        """Ask for what came since."""
        log = ask(f"{self._admin}log")
        new = int(log["total"]) - len(self.calls) - self.missed
        rows = log["last"][-new:] if new else []
        self.missed += new - len(rows)
        self.calls += [Call.of(row) for row in rows]
