"""
The orders in the audit: each as it was given, before it is carried out, with who gave it; and each that came to nothing, with why.

Rule 1: what an order holds is told by known words and numbers alone; texts of people, addresses and documents are not.
Rule 2: a flood fills no disk. What comes faster than room is made is counted, by who gave it and what it was, and the count is an entry.
Rule 3: the deeds have entries of their own, which no flood shortens: these here tell what was asked.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

from streamflow.clock import Clock
from streamflow.model import AuditEntry
from streamflow.store.base import Ledger
from streamflow.store.change import Audit

BURST = 1000          # entries at once,
PER_S = 1.0           # and so many a second in the long run

WITHHELD = "withheld"
_NAME = re.compile(r"[a-z_]{1,32}(:[A-Za-z0-9_.~-]{1,64}){0,4}")     # "lead:48213", "phase:sample", "shared_email:lead:48213"
_SHOWN = {
    "scope": _NAME, "id": _NAME, "platform": re.compile(r"[a-z_]{1,32}"), "decision": re.compile(r"[a-z_]{1,32}"),
    "digest": re.compile(r"[0-9a-f]{6,12}"),
}  # fmt: skip


def words(values: Mapping[str, Any]) -> str:
    """Tell what an order holds: flags, numbers, and names of the known form ("scope=lead:48213 dry_run=true")."""
    return " ".join(f"{name}={told}" for name, value in values.items() if (told := _word(name, value)))


def _word(name: str, value: Any) -> str:
    if name == "wait_s":
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}"
    if name not in _SHOWN or not isinstance(value, str):
        return WITHHELD if value else ""
    part = {"decision": value.partition(":")[0], "digest": value[:12]}.get(name, value)     # "match:<id>" names a record of theirs
    return part if _SHOWN[name].fullmatch(part) else WITHHELD


class Orders:
    """Writes them down, at a bounded rate; one for each start."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock
        self._room = float(BURST)
        self._at = clock.monotonic()
        self._more: dict[str, Counter[str]] = {}      # by actor: what was counted and is not told yet

    async def given(self, *, actor: str, order: str, said: str) -> None:
        """Take down an order before it is carried out; *order* is the path of its verb, *said* as `words` tells."""
        await self._note(actor, "order.given", order, f"{order} {said}".strip())

    async def refused(self, *, actor: str, order: str, code: str) -> None:
        """Take down that an order came to nothing, and by which code of an error."""
        await self._note(actor, "order.refused", f"{order}: {code}", f"{order}: {code}")

    async def end(self) -> None:
        """Tell what was only counted so far."""
        more, self._more = self._more, {}
        if more:
            await self._ledger.commit([_counted(actor, counts) for actor, counts in sorted(more.items())])

    # --- below

    async def _note(self, actor: str, action: str, what: str, note: str) -> None:
        if not self._has_room():
            self._more.setdefault(actor, Counter())[what] += 1
            return
        counts = self._more.pop(actor, Counter())
        told = [_counted(actor, counts)] if counts else []
        try:
            await self._ledger.commit([*told, Audit(entry=AuditEntry(actor=actor, action=action, note=note))])
        except BaseException:
            if counts:
                self._more.setdefault(actor, Counter()).update(counts)
            raise

    def _has_room(self) -> bool:
        now = self._clock.monotonic()
        self._room, self._at = min(BURST, self._room + max(0.0, now - self._at) * PER_S), now
        if self._room < 1.0:
            return False
        self._room -= 1.0
        return True


def _counted(actor: str, counts: Counter[str]) -> Audit:
    note = ", ".join(f"{count} × {what}" for what, count in sorted(counts.items()))
    return Audit(entry=AuditEntry(actor=actor, action="order.more", note=f"too fast to be told one by one: {note}", after=dict(counts)))
