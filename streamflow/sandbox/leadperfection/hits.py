"""Which records a window or an id asks for, in the order in which they are paged; the last answers are remembered."""

from __future__ import annotations

import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from itertools import chain
from typing import Any, TypeVar

from streamflow.sandbox.forms import within
from streamflow.sandbox.leadperfection.dates import BITS
from streamflow.sandbox.leadperfection.stamps import number_of
from streamflow.sandbox.leadperfection.state import State

T = TypeVar("T")
_KEPT = 32
Key = tuple[str, str]
"""(cst_id, id of the record)."""


class Hits:
    """Answers to windows, computed once until something changes: a reader asks for page after page of one."""

    def __init__(self, state: State, switches: Mapping[str, Any], *, wall_clock: Callable[[], datetime]) -> None:
        self._state, self._switches, self._wall_clock = state, switches, wall_clock
        self._memo: OrderedDict[tuple[object, ...], Any] = OrderedDict()

    def prospects(self, options: int, low: float, high: float) -> list[str]:
        """Give the cst_ids of which anything is dated in a window, by the bits of *options* (lead-perfection.md 1.8)."""
        blind = set(self._switches["blind_bits"])
        names = {name for bit, name in BITS.items() if options & bit and bit not in blind} if options else {"entry"}
        ask = ("prospects", tuple(sorted(names)), low, high, self._inclusive, self._order)
        return self._once(ask, lambda: self._ordered({cst_id: cst_id for _, cst_id, _ in self._dated(names, low, high, self._inclusive)}))

    def jobs(self, low: float, high: float) -> list[Key]:
        """Give the jobs changed in a window, those without a lead included."""
        ask = ("jobs", low, high, self._inclusive, self._order)
        return self._once(ask, lambda: self._ordered(self._keyed(("job", "stray_job"), low, high, inclusive=self._inclusive)))

    def milestones(self, low: float, high: float) -> list[Key]:
        """Give the jobs of which a milestone changed in a window."""
        ask = ("milestones", low, high, self._inclusive, self._order)
        return self._once(ask, lambda: self._ordered(self._keyed(("milestone",), low, high, inclusive=self._inclusive)))

    def appointments(self, low: float, high: float) -> list[Key]:
        """Give the appointments that start in a window, its end not included."""
        ask = ("appointments", low, high, self._order)
        return self._once(ask, lambda: self._ordered(self._keyed(("start",), low, high, inclusive=False)))

    @property
    def _inclusive(self) -> bool:
        return bool(self._switches["end_bound"] == "inclusive")

    @property
    def _order(self) -> str:
        return str(self._switches["order"])

    def _dated(self, names: Iterable[str], low: float, high: float, inclusive: bool) -> Iterable[tuple[float, str, int]]:
        """Give what is dated in a window, for the order `newest` latest first."""
        names, late_s = sorted(names), self._switches["late_visibility_s"]
        found: Iterable[tuple[float, str, int]]
        found = chain.from_iterable(self._state.dated(name, low, high, inclusive=inclusive) for name in names)
        if late_s and names != ["start"]:
            now = number_of(self._wall_clock())
            found = (row for row in found if row[0] + within(late_s, zlib.crc32(f"{row}".encode()) / 2**32) <= now)
        return sorted(found, reverse=True) if self._order == "newest" else found

    def _keyed(self, names: Iterable[str], low: float, high: float, *, inclusive: bool) -> dict[str, Key]:
        return {str(key): (cst_id, str(key)) for _, cst_id, key in self._dated(names, low, high, inclusive)}

    def _ordered(self, rows: Mapping[str, T]) -> list[T]:
        """Order *rows*; all but the order by key moves with the account."""
        match self._order:
            case "newest":
                return list(rows.values())
            case "shuffled":
                salt = str(self._state.version)
                return [rows[key] for key in sorted(rows, key=lambda key: zlib.crc32(f"{salt}-{key}".encode()))]
        return [rows[key] for key in sorted(rows, key=int)]

    def _once(self, ask: tuple[object, ...], answer: Callable[[], list[T]]) -> list[T]:
        if self._switches["late_visibility_s"]:  # then the answer depends on the time of day
            return answer()
        ask = (self._state.version, *ask)
        if ask not in self._memo:
            self._memo[ask] = answer()
            if len(self._memo) > _KEPT:
                self._memo.popitem(last=False)
        found: list[T] = self._memo[ask]
        return found
