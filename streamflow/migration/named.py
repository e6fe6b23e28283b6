"""Verdicts of the sample under the names that the pair gives them: what a customer asked to see is told apart from the rest. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from streamflow.mapping.pair import NamedCheck
from streamflow.model import Kind, Verdict
from streamflow.stages.verify import GOOD


class NamedChecks:
    """Counts verdicts by check."""

    def __init__(self, checks: Sequence[NamedCheck]) -> None:
        self._checks = checks
        self._verdicts: dict[str, Counter[Verdict]] = {check.name: Counter() for check in checks}

    def add(self, kind: Kind, sources: Sequence[str], verdict: Verdict) -> None:
        """Count the verdict of a destination field that these source fields of a kind fill."""
        named = {f"{kind}.{source}" for source in sources}
        for check in self._checks:
            if named & set(check.fields):
                self._verdicts[check.name][verdict] += 1

    def rows(self) -> list[dict[str, Any]]:
        """Give a line a check; one that saw nothing at all is not ok, since it shows nothing."""
        return [
            {
                "check": name,
                "compared": found.total(),
                **{verdict.value: found[verdict] for verdict in Verdict if found[verdict]},
                "ok": bool(found) and all(verdict in GOOD for verdict in found),
            }
            for name, found in self._verdicts.items()
        ]
