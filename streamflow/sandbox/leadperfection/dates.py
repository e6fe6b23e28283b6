"""Which dates a prospect has, and an index over those of the whole account: the windows of GetLead and of the flat feeds.

A *date name* is what a bit of GetLead's `options` selects (lead-perfection.md 1.8), and two of the feeds' own: `start`, the
time of an appointment, and `stray_job`, the change of a job that GetLead does not know.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator, Mapping
from typing import Final

from streamflow.sandbox.leadperfection.account import Account, Dated
from streamflow.sandbox.leadperfection.stamps import number_of_text
from streamflow.sandbox.leadperfection.tree import Node

KIND_OF: Final[Mapping[str, str]] = {
    "entry": "leads", "entered": "leads", "lead": "leads", "appointment": "appointments", "job": "jobs",
    "milestone": "jobs", "note": "notes", "start": "appointments", "stray_job": "jobs",
}  # fmt: skip
"""The kind whose record each date belongs to."""
BITS: Final[Mapping[int, str]] = {
    1024: "entered", 2048: "lead", 4096: "entry", 8192: "appointment", 16384: "appointment", 32768: "job", 65536: "milestone",
    131072: "note",
}  # fmt: skip
"""`options` of GetLead; 0 is `entry`. Appointments and issued leads are one record here, with one date."""


def dates_of(tree: Node) -> Iterator[Dated]:
    """Yield every date of a prospect's tree."""
    for name, text, key in _texts(tree):
        number = number_of_text(text)
        if number is not None:
            yield name, number, int(key)


def _texts(tree: Node) -> Iterator[tuple[str, str, str]]:
    notes = list(tree["notes"])
    for lead in tree["leads"]:
        yield "entry", lead["entrydate"], lead["lds_id"]
        yield "entered", lead["dateentered"], lead["lds_id"]
        yield "lead", lead["lastchangedon"], lead["lds_id"]
        for row in lead["appointments"]:
            yield "start", row["apptdate"], row["ils_id"]
            if not row["stray"]:
                yield "appointment", row["changed"], row["ils_id"]
        for job in lead["jobs"]:
            yield "stray_job" if job["stray"] else "job", job["lastchanged"], job["job_id"]
            if job["milestones"] and not job["stray"]:
                yield "milestone", max(row["lastchangedon"] or row["enteredon"] for row in job["milestones"]), job["job_id"]
            notes += job["notes"]
        notes += lead["notes"]
    for note in notes:
        yield "note", note["updatedon"] or note["enteredon"], note["id"]


class DateIndex:
    """Records by date: a packed one over the generated account, made at first use, and a small one over what changed since."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._packed: dict[str, tuple[array[float], array[int]]] | None = None
        self._later: dict[str, list[tuple[float, int, str]]] = {name: [] for name in KIND_OF}

    def generated(self, name: str, low: float, high: float, *, inclusive: bool) -> Iterator[tuple[float, int, int]]:
        """Yield (moment, prospect index, record id) of the generated records dated in a window, oldest first."""
        if self._packed is None:
            self._packed = _packed(self._account)
        times, owners = self._packed[name]
        stop = bisect_right(times, high) if inclusive else bisect_left(times, high)
        for place in range(bisect_left(times, low), stop):
            index = self._account.plan.home_of(KIND_OF[name], owners[place])
            if index is not None:
                yield times[place], index, owners[place]

    def later(self, name: str, low: float, high: float, *, inclusive: bool) -> Iterator[tuple[float, str, int]]:
        """Yield (moment, cst_id, record id) of the records of changed prospects dated in a window, oldest first."""
        rows = self._later[name]
        stop = bisect_right(rows, (high, 2**62, "")) if inclusive else bisect_left(rows, (high, 0, ""))
        for at, owner, cst_id in rows[bisect_left(rows, (low, 0, "")) : stop]:
            yield at, cst_id, owner

    def replace(self, cst_id: str, old: Node | None, new: Node | None) -> None:
        """Take the dates of *old*, a changed prospect's tree, out and put those of *new* in."""
        for name, at, owner in dates_of(old) if old is not None else ():
            rows = self._later[name]
            place = bisect_left(rows, (at, owner, cst_id))
            del rows[place]
        for name, at, owner in dates_of(new) if new is not None else ():
            insort(self._later[name], (at, owner, cst_id))


def _packed(account: Account) -> dict[str, tuple[array[float], array[int]]]:
    """Sort the dates of the whole generated account; sixteen bytes a date."""
    rows: dict[str, list[tuple[float, int]]] = {name: [] for name in KIND_OF}
    for index in range(account.prospect_count):
        for name, at, owner in account.dates(index):
            rows[name].append((at, owner))
    packed = {}
    for name in KIND_OF:
        found = sorted(rows.pop(name))
        packed[name] = (array("d", (at for at, _ in found)), array("q", (owner for _, owner in found)))
    return packed
