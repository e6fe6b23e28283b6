"""How good the data of each kind is, as a score with its parts, and which records are worth work, in order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final

from streamflow.mapping.pair import KindPlan, Pair
from streamflow.model import Key, Kind, QueueItem, Staged
from streamflow.reports.queue import is_of_data
from streamflow.reports.rows import Rows
from streamflow.store.base import Ledger

FORMULA: Final = "score = mean of the parts that a kind has, each 0 to 100"
PARTS: Final = {
    "filled": "share of the checked fields that are filled",
    "sound": "share of records of which the review queue tells nothing about their data",
    "linked": "share of records whose parent is known",
    "single": "share of people who share their record with no other one",
}
_AT_ONCE: Final = 2_000
_PER_ITEM: Final = 2      # an item of the queue weighs as much as two empty fields
_HEAVIEST: Final = 20


async def quality_score(ledger: Ledger, pair: Pair) -> dict[str, Any]:
    """Give the score of every kind with its formula and parts, and a work list, the records in most need first (LP-43, LP-44)."""
    by_weight: dict[int, Rows] = defaultdict(Rows)
    scores = [score for kind in pair.written if (score := await _score(ledger, pair, kind, by_weight)) is not None]
    rows = Rows()
    for weight in sorted(by_weight, reverse=True):
        rows.extend(by_weight[weight])
    return {
        "formula": FORMULA,
        "parts": [{"part": name, "says": says} for name, says in PARTS.items()],
        "scores": scores,
        "records_to_work_on": len(rows),
        "rows": rows,
    }


async def _score(ledger: Ledger, pair: Pair, kind: Kind, by_weight: dict[int, Rows]) -> dict[str, Any] | None:
    plan, count = pair.of(kind), _Count()
    async for page in ledger.every(kind, page=_AT_ONCE):
        keys = [staged.record.key for staged in page]
        items = await _items(ledger, kind, keys)
        merged = {link.ref.key for link in await ledger.links_of(kind, keys) if link.is_merged} if kind == pair.person.kind else set()
        for staged in page:
            row = count.add(staged, plan, items.get(staged.record.key, ()), is_merged=staged.record.key in merged)
            if row is not None:
                by_weight[row["weight"]].append(row)
    return count.row(plan, is_people=kind == pair.person.kind) if count.records else None


async def _items(ledger: Ledger, kind: Kind, keys: Sequence[Key]) -> dict[Key, list[QueueItem]]:
    found: dict[Key, list[QueueItem]] = defaultdict(list)
    for item in await ledger.items_about(kind, keys):
        if is_of_data(item.cause):
            found[item.present_key].append(item)
    return found


class _Count:
    """What was counted of one kind."""

    def __init__(self) -> None:
        self.records = 0
        self._filled = 0
        self._sound = 0
        self._linked = 0
        self._single = 0

    def add(self, staged: Staged, plan: KindPlan, items: Sequence[QueueItem], *, is_merged: bool) -> dict[str, Any] | None:
        """Count a record; answers its line of the work list, if it needs any work."""
        record = staged.record
        missing = plan.missing(record.data)
        is_lost = plan.parent is not None and not record.parent
        self.records += 1
        self._filled += len(plan.checked) - len(missing)
        self._sound += not items
        self._linked += not is_lost
        self._single += not is_merged
        weight = min(_HEAVIEST, len(missing) + _PER_ITEM * len(items) + is_lost + is_merged)
        if not weight:
            return None
        return {
            "weight": weight,
            "kind": record.kind,
            "key": record.key,
            "missing": ", ".join(names.replace("|", " or ") for names in missing),
            "flagged": ", ".join(sorted({item.cause for item in items})),
            "to_do": _to_do(missing, items, is_lost=is_lost, is_merged=is_merged),
        }

    def row(self, plan: KindPlan, *, is_people: bool) -> dict[str, Any]:
        """Give the score with its parts."""
        parts = {
            "filled": _percent(self._filled, self.records * len(plan.checked)),
            "sound": _percent(self._sound, self.records),
            "linked": _percent(self._linked, self.records) if plan.parent is not None else None,
            "single": _percent(self._single, self.records) if is_people else None,
        }
        known = [part for part in parts.values() if part is not None]
        return {"kind": plan.kind, "records": self.records, "score": round(sum(known) / len(known), 1), **parts}


def _to_do(missing: Sequence[str], items: Sequence[QueueItem], *, is_lost: bool, is_merged: bool) -> str:
    steps = [
        "name its parent" if is_lost else "",
        "look at what is flagged" if items else "",
        "fill in what is missing" if missing else "",
        "see whether both are one person" if is_merged else "",
    ]
    return "; ".join(step for step in steps if step)


def _percent(part: int, whole: int) -> float | None:
    return round(100 * part / whole, 1) if whole else None
