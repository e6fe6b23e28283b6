"""The frame of an account: how many records of each kind, who belongs to which lead, which ids, and when it all was.

25 leads with their 75 children make a block of exactly 100 records; a block is repeated until the number asked for is
reached, and the last lead is given fewer children where needed. So every count is arithmetic and nothing is stored.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from itertools import accumulate

from streamflow.sandbox.clock_changes import odd_hours
from streamflow.sandbox.dice import Dice, mix, salt

JOHANNESBURG = timezone(timedelta(hours=2), "SAST")
"""The account's clock: UTC+2 all year round (leadtrekker.md 1)."""

CHILD_KINDS = ("notes", "calls", "emails", "reminders", "attachments")
ID_FIELDS: Mapping[str, str] = {
    "leads": "leadid", "notes": "noteid", "calls": "callid", "emails": "emailid", "reminders": "reminderid",
    "attachments": "attachmentid", "users": "userid", "groups": "groupid", "sources": "sourceid",
    "statuses": "statusid",
}  # fmt: skip

_SHAPE: Mapping[str, tuple[int, ...]] = {
    "notes":       (1, 2, 0, 1, 0, 0, 3, 0, 1, 0, 6, 0, 1, 0, 2, 0, 1, 0, 9, 1, 0, 0, 2, 0, 2),
    "calls":       (1, 0, 0, 2, 0, 1, 0, 0, 1, 0, 3, 0, 0, 1, 0, 0, 2, 0, 3, 0, 0, 1, 0, 0, 0),
    "emails":      (0, 1, 0, 1, 0, 0, 2, 0, 0, 1, 2, 0, 0, 0, 1, 0, 0, 1, 4, 0, 0, 0, 1, 0, 0),
    "reminders":   (1, 0, 0, 0, 0, 1, 0, 0, 1, 0, 2, 0, 0, 1, 0, 0, 0, 0, 3, 0, 1, 0, 0, 0, 0),
    "attachments": (0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0),
}  # fmt: skip
LEADS_PER_BLOCK = 25
RECORDS_PER_BLOCK = LEADS_PER_BLOCK + sum(map(sum, _SHAPE.values()))
_BEFORE = {kind: (0, *accumulate(counts)) for kind, counts in _SHAPE.items()}

_LEAD_BASE = 10_000
_LEAD_STRIDE = 3  # lead, or lead + 1; the third number is never a lead: it is the id of one that was merged into it
_CHILD_BASE = 1_000
_CHILD_STRIDE = 64
_SPAN_DAYS = 730
_WINDOW_DAYS = (0.02, 0.3, 1.0, 3.0, 10.0, 30.0, 90.0, 200.0)


class Plan:
    """Counts, ids and times of one account; every answer is a pure function of (seed, records, now)."""

    __slots__ = ("_cut", "_dst", "lead_count", "now", "records", "seed", "start")

    def __init__(self, *, seed: int, records: int, now: datetime) -> None:
        if records < 1:
            raise ValueError(f"records must be at least 1, not {records}")
        self.seed = seed
        self.records = records
        local = now.astimezone(JOHANNESBURG).replace(tzinfo=None) if now.tzinfo else now
        self.now = local.replace(microsecond=0)
        self.start = self.now - timedelta(days=_SPAN_DAYS)
        self.lead_count, self._cut = _fit(records)
        self._dst = tuple(moment for moment in odd_hours(self.start.year, self.now.year) if moment < self.now)

    def child_count(self, kind: str, index: int) -> int:
        """Give how many children of *kind* the lead at *index* has."""
        if index == self.lead_count - 1 and self._cut is not None:
            return self._cut[kind]
        return _SHAPE[kind][index % LEADS_PER_BLOCK]

    def ordinal(self, kind: str, index: int, place: int) -> int:
        """Give the number (from 0, in the whole account) of the *place*-th child of *kind* of a lead."""
        block, slot = divmod(index, LEADS_PER_BLOCK)
        return block * _BEFORE[kind][-1] + _BEFORE[kind][slot] + place

    def total(self, kind: str) -> int:
        """Give how many children of *kind* the account holds."""
        last = self.lead_count - 1
        return self.ordinal(kind, last, self.child_count(kind, last))

    def leadid(self, index: int) -> str:
        """Give the id of the lead at *index*; ascending, with gaps."""
        return str(_LEAD_BASE + index * _LEAD_STRIDE + mix(self.seed, salt("leadid"), index) % 2)

    def merged_leadid(self, index: int) -> str:
        """Give the id of a lead that no longer exists, because it was merged into the one at *index*."""
        return str(_LEAD_BASE + index * _LEAD_STRIDE + 2)

    def orphan_leadid(self, index: int) -> str:
        """Give the id of a lead that was deleted long ago, and of which nothing else is left."""
        return str(1_000 + index % 9_000)

    def index_near(self, leadid: str) -> int | None:
        """Give the index whose id, or whose merged id, *leadid* can be; None when it is neither."""
        if not (leadid.isascii() and leadid.isdigit()):
            return None
        index = (int(leadid) - _LEAD_BASE) // _LEAD_STRIDE
        known = 0 <= index < self.lead_count and leadid in (self.leadid(index), self.merged_leadid(index))
        return index if known else None

    def childid(self, index: int, place: int) -> str:
        """Give the id of a lead's *place*-th child; ids are unique within a kind."""
        return str(_CHILD_BASE + index * _CHILD_STRIDE + place)

    def child_place(self, childid: str) -> tuple[int, int] | None:
        """Give (lead index, place) of a child id, or None when no child can have it."""
        if not (childid.isascii() and childid.isdigit()) or int(childid) < _CHILD_BASE:
            return None
        index, place = divmod(int(childid) - _CHILD_BASE, _CHILD_STRIDE)
        return (index, place) if index < self.lead_count else None

    def first_free_id(self, kind: str) -> int:
        """Give a number above every id of *kind*, dead ids included: the first one for records made later."""
        stride, base = (_LEAD_STRIDE, _LEAD_BASE) if kind == "leads" else (_CHILD_STRIDE, _CHILD_BASE)
        return base + (self.lead_count + 1) * stride

    def window(self, index: int) -> tuple[datetime, datetime]:
        """Give the moments a lead was made and last touched; everything that happened to it lies between."""
        dice = Dice(self.seed, "window", index)
        span = (self.now - self.start).total_seconds() - 120
        created = self.start + timedelta(seconds=int(span * (index + dice.share()) / self.lead_count))
        length = timedelta(days=dice.pick(_WINDOW_DAYS) * (0.5 + dice.share()))
        touched = min(created + length, self.now - timedelta(seconds=60))
        return created, touched.replace(microsecond=0)

    def moment(self, kind: str, index: int, place: int) -> datetime:
        """Give when a child came to be: inside the lead's window, in the order of places."""
        created, touched = self.window(index)
        dice = Dice(self.seed, kind + "-time", index, place)
        step = (touched - created).total_seconds() / (self.child_count(kind, index) + 1)
        return created + timedelta(seconds=int(step * (place + 0.5 + dice.share() * 0.5)))

    def odd_hour(self, index: int) -> datetime | None:
        """Give a moment in the lead's window that would be doubled or missing in a zone with summer time, if any."""
        created, touched = self.window(index)
        return next((moment for moment in self._dst if created <= moment <= touched), None)


def text_of(moment: datetime) -> str:
    """Write a moment as the platform does: local, to the second, without a zone."""
    return moment.isoformat(sep=" ", timespec="seconds")


def _fit(records: int) -> tuple[int, dict[str, int] | None]:
    """Give the number of leads for *records*, and the children left to the last lead where they had to be cut."""
    blocks, rest = divmod(records, RECORDS_PER_BLOCK)
    leads, slot = blocks * LEADS_PER_BLOCK, 0
    while rest:
        left = rest - 1
        wanted = {kind: counts[slot] for kind, counts in _SHAPE.items()}
        leads, slot, rest = leads + 1, slot + 1, left - sum(wanted.values())
        if rest < 0:
            given: dict[str, int] = {}
            for kind, count in wanted.items():
                given[kind] = min(count, left)
                left -= given[kind]
            return leads, given
    return leads, None
