"""The frame of an account: how many records of each kind, who belongs to whom, which ids, and when it all was.

20 prospects with their leads, appointments, jobs, notes and calls make a block of exactly 100 records; a block is repeated
until the number asked for is reached, and the last prospect gets what is left over as notes. So every count is arithmetic
and nothing is stored. Ids carry their place: from a lead, appointment, job or note id its prospect can be computed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import accumulate

from streamflow.sandbox.clock_changes import american_odd_hours
from streamflow.sandbox.dice import Deck, Dice, mix, salt

KINDS = ("prospects", "leads", "appointments", "jobs", "notes", "calls")


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """What hangs under one prospect: notes and calls of its own, and (appointments, jobs, notes) of each lead."""

    notes: int
    calls: int
    leads: tuple[tuple[int, int, int], ...]

    def count(self, kind: str) -> int:
        """Give how many records of *kind* the slot holds."""
        match kind:
            case "prospects":
                return 1
            case "leads":
                return len(self.leads)
            case "appointments":
                return sum(lead[0] for lead in self.leads)
            case "jobs":
                return sum(lead[1] for lead in self.leads)
            case "notes":
                return self.notes + sum(lead[2] for lead in self.leads)
        return self.calls

    @property
    def size(self) -> int:
        """Give the number of records of all kinds."""
        return sum(self.count(kind) for kind in KINDS)


def _slot(notes: int, calls: int, *leads: tuple[int, int, int]) -> Slot:
    return Slot(notes=notes, calls=calls, leads=leads)


SLOTS = (
    _slot(1, 1, (1, 1, 0)), _slot(0, 0, (0, 0, 1)), _slot(2, 1, (1, 0, 0), (1, 1, 1)), _slot(0, 0, (0, 0, 0)),
    _slot(1, 0, (1, 0, 0)), _slot(0, 2, (0, 0, 1)), _slot(1, 0, (1, 1, 0)), _slot(0, 0, (1, 0, 0)),
    _slot(2, 1, (1, 1, 0), (0, 0, 1), (2, 2, 0)),  # three jobs of one customer, two of them on one lead
    _slot(0, 0, (0, 0, 0)), _slot(1, 0, (1, 0, 0)), _slot(0, 1, (0, 0, 0)), _slot(0, 0, (1, 1, 0)),
    _slot(2, 0),  # a customer without an enquiry, of whom only notes are dated
    _slot(1, 0, (0, 0, 0), (1, 0, 0)), _slot(0, 1, (1, 0, 0)), _slot(0, 0, (1, 0, 1)),
    _slot(4, 1, (1, 1, 2), (1, 0, 0)), _slot(0, 0, (0, 0, 0)), _slot(1, 0, (1, 0, 0)),
)  # fmt: skip
RECORDS_PER_BLOCK = sum(slot.size for slot in SLOTS)
_BEFORE = {kind: (0, *accumulate(slot.count(kind) for slot in SLOTS)) for kind in KINDS}

_CST_BASE, _CST_STRIDE = 400_000, 3  # prospect, or prospect + 1; the third number is never one
_LDS_BASE, LEADS_MAX = 600_000, 8
_CHILD_BASE, CHILDREN_MAX = 700_000, 4  # appointments of a lead, jobs of a lead
_NOTE_BASE, _NOTE_STRIDE = 900_000, 64
SPAN_DAYS = 730
_WINDOW_DAYS = (0.1, 0.5, 2.0, 6.0, 15.0, 40.0, 90.0, 180.0)
_MILLISECONDS = (0, 0, 300, 960, 197, 43)
"""Of stored times; written without trailing zeros they show no to three digits (lead-perfection.md 1.7)."""

REPEATS = Deck("lead-repeats", {"later": 8, "seconds": 2})
"""When a prospect's further lead came: some time later, or seconds after the one before."""
HOURS = Deck("lp-hours", {"any": 19, "odd": 1})
"""`odd`: at a clock time that New York has twice or not at all, if the prospect was being worked on at such a time."""
APPOINTMENT_DAYS = Deck("appointment-days", {"usual": 23, "odd": 2, "future": 7, "absurd": 1})
CALL_DAYS = Deck("call-days", {"recent": 5, "old": 3})


class Plan:
    """Counts, ids and times of one account, all naive local times; every answer is a pure function of (seed, records, now)."""

    __slots__ = ("_last", "_memo", "_odd", "now", "prospect_count", "records", "seed", "start")

    def __init__(self, *, seed: int, records: int, now: datetime) -> None:
        if records < 1:
            raise ValueError(f"records must be at least 1, not {records}")
        self.seed, self.records = seed, records
        self.now = now.replace(microsecond=0, tzinfo=None)
        self.start = self.now - timedelta(days=SPAN_DAYS)
        self.prospect_count, self._last = _fit(records)
        self._memo: tuple[int, tuple[datetime, datetime]] | None = None
        self._odd = tuple(moment for moment in american_odd_hours(self.start.year, self.now.year) if moment < self.now)

    # --- counts and ordinals ---

    def slot(self, index: int) -> Slot:
        """Give what hangs under the prospect at *index*."""
        return self._last if index == self.prospect_count - 1 else SLOTS[index % len(SLOTS)]

    def total(self, kind: str) -> int:
        """Give how many records of *kind* the account holds."""
        return self.ordinal(kind, self.prospect_count - 1) + self._last.count(kind)

    def ordinal(self, kind: str, index: int, place: int = 0) -> int:
        """Give the number (from 0, in the whole account) of the *place*-th record of *kind* under a prospect."""
        block, slot = divmod(index, len(SLOTS))
        return block * _BEFORE[kind][-1] + _BEFORE[kind][slot] + place

    # --- ids ---

    def cst_id(self, index: int) -> int:
        """Give the id of a prospect; ascending, with gaps."""
        return _CST_BASE + index * _CST_STRIDE + mix(self.seed, salt("cst"), index) % 2

    def dead_cst_id(self, index: int) -> int:
        """Give the id of a prospect of whom nothing is left but a job."""
        return _CST_BASE + index * _CST_STRIDE + 2

    def index_of(self, cst_id: int) -> int | None:
        """Give the index of a prospect by its id, or None when no generated one has it."""
        index = (cst_id - _CST_BASE) // _CST_STRIDE
        return index if 0 <= index < self.prospect_count and self.cst_id(index) == cst_id else None

    def lds_id(self, index: int, place: int) -> int:
        """Give the id of a prospect's lead; the last of eight numbers is that of a lead long deleted."""
        return _LDS_BASE + index * LEADS_MAX + place

    def dead_lds_id(self, index: int) -> int:
        """Give the id of a lead of which nothing is left but a job or an appointment."""
        return self.lds_id(index, LEADS_MAX - 1)

    def child_id(self, index: int, lead_place: int, place: int) -> int:
        """Give the id of the *place*-th appointment, or job, of a lead; unique within a kind."""
        return _CHILD_BASE + (index * LEADS_MAX + lead_place) * CHILDREN_MAX + place

    def note_id(self, index: int, place: int) -> int:
        """Give the id of a prospect's *place*-th note, its own and its leads' counted through."""
        return _NOTE_BASE + index * _NOTE_STRIDE + place

    def home_of(self, kind: str, key: int) -> int | None:
        """Give the index of the prospect that a generated record of *kind* with id *key* would be under."""
        match kind:
            case "prospects":
                return self.index_of(key)
            case "leads":
                index = (key - _LDS_BASE) // LEADS_MAX
            case "notes":
                index = (key - _NOTE_BASE) // _NOTE_STRIDE
            case _:
                index = (key - _CHILD_BASE) // (LEADS_MAX * CHILDREN_MAX)
        return index if 0 <= index < self.prospect_count else None

    def first_free_id(self, kind: str) -> int:
        """Give a number above every id of *kind*: the first one for records made later."""
        count = self.prospect_count + 1
        match kind:
            case "prospects":
                return _CST_BASE + count * _CST_STRIDE
            case "leads":
                return _LDS_BASE + count * LEADS_MAX
            case "notes":
                return _NOTE_BASE + count * _NOTE_STRIDE
        return _CHILD_BASE + count * LEADS_MAX * CHILDREN_MAX

    # --- times ---

    def window(self, index: int) -> tuple[datetime, datetime]:
        """Give the moments a prospect was made and last worked on."""
        if self._memo is not None and self._memo[0] == index:  # everything about one prospect is asked in a row
            return self._memo[1]
        dice = Dice(self.seed, "lp-window", index)
        span = (self.now - self.start).total_seconds() - 600
        created = self.start + timedelta(seconds=int(span * (index + dice.share()) / self.prospect_count))
        length = timedelta(days=dice.pick(_WINDOW_DAYS) * (0.5 + dice.share()))
        touched = min(created + length, self.now - timedelta(seconds=120))
        found = _stored(created, dice), _stored(max(touched, created + timedelta(seconds=60)), dice)
        self._memo = (index, found)
        return found

    def lead_entered(self, index: int, place: int) -> datetime:
        """Give when a lead came in; the first with its prospect."""
        created, touched = self.window(index)
        if place == 0:
            return created
        if REPEATS.deal(self.seed, self.ordinal("leads", index, place)) == "seconds":
            return self.lead_entered(index, place - 1) + timedelta(seconds=7)
        share = place / len(self.slot(index).leads)
        return created + timedelta(seconds=int((touched - created).total_seconds() * share))

    def lead_changed(self, index: int, place: int) -> datetime:
        """Give a lead's `lastchangedon`."""
        entered = self.lead_entered(index, place)
        return self._between("lead-changed", entered, self.window(index)[1], index, place)

    def appointment_at(self, index: int, lead_place: int, place: int) -> datetime:
        """Give the start of an appointment, to the half hour: days after its lead, months ahead, or in the year 2046."""
        dice = Dice(self.seed, "appointment-at", index, lead_place, place)
        odd = self.odd_hour(index)
        match APPOINTMENT_DAYS.deal(self.seed, self.appointment_ordinal(index, lead_place, place)):
            case "future":
                day = self.now + timedelta(days=dice.between(1, 60))
            case "absurd":
                return datetime(2046, 8, 4, 17)
            case "odd" if odd is not None:
                return odd
            case _:
                day = self.lead_entered(index, lead_place) + timedelta(days=dice.between(1, 14))
        return day.replace(hour=dice.between(9, 19), minute=dice.pick((0, 0, 30)), second=0, microsecond=0)

    def appointment_changed(self, index: int, lead_place: int, place: int) -> datetime:
        """Give when an appointment was last changed; never after now, though its start may be."""
        return self._between("appointment", self.lead_entered(index, lead_place), self.window(index)[1], index, lead_place, place)

    def job_entered(self, index: int, lead_place: int, place: int) -> datetime:
        """Give when a job was entered."""
        return self._between("job-entered", self.lead_entered(index, lead_place), self.window(index)[1], index, lead_place, place)

    def job_changed(self, index: int, lead_place: int, place: int) -> datetime:
        """Give a job's `lastchanged`."""
        return self._between("job", self.job_entered(index, lead_place, place), self.window(index)[1], index, lead_place, place)

    def milestone_changed(self, index: int, lead_place: int, place: int) -> datetime:
        """Give when the newest milestone of a job was changed."""
        return self._between("milestone", self.job_entered(index, lead_place, place), self.window(index)[1], index, lead_place, place)

    def note_at(self, index: int, place: int) -> datetime:
        """Give when a prospect's *place*-th note was written."""
        created, touched = self.window(index)
        odd = self.odd_hour(index)
        if odd is not None and HOURS.deal(self.seed, self.ordinal("notes", index, place)) == "odd":
            return odd
        dice = Dice(self.seed, "note-at", index, place)
        step = (touched - created).total_seconds() / (self.slot(index).count("notes") + 1)
        return _stored(created + timedelta(seconds=int(step * (place + 0.5 + dice.share() * 0.5))), dice)

    def call_at(self, index: int, place: int) -> datetime:
        """Give when a call was made: within the last week, or at any time since the prospect came."""
        dice = Dice(self.seed, "call-at", index, place)
        if CALL_DAYS.deal(self.seed, self.ordinal("calls", index, place)) == "recent":
            at = self.now - timedelta(seconds=dice.between(600, int(6.5 * 86_400)))
        else:
            at = self.now - timedelta(days=8, seconds=dice.below(200 * 86_400))
        return max(at, self.window(index)[0] + timedelta(seconds=30)).replace(microsecond=0)

    def odd_hour(self, index: int) -> datetime | None:
        """Give a moment in the prospect's window that New York's clocks doubled or left out, if any."""
        created, touched = self.window(index)
        return next((moment for moment in self._odd if created <= moment <= touched), None)

    def appointment_ordinal(self, index: int, lead_place: int, place: int) -> int:
        """Give the number of an appointment in the whole account."""
        return self.ordinal("appointments", index, sum(lead[0] for lead in self.slot(index).leads[:lead_place]) + place)

    def job_ordinal(self, index: int, lead_place: int, place: int) -> int:
        """Give the number of a job in the whole account."""
        return self.ordinal("jobs", index, sum(lead[1] for lead in self.slot(index).leads[:lead_place]) + place)

    def _between(self, what: str, low: datetime, high: datetime, *place: int) -> datetime:
        dice = Dice(self.seed, what, *place)
        span = max(0.0, (high - low).total_seconds())
        return _stored(low + timedelta(seconds=int(span * dice.share())), dice)


def _stored(moment: datetime, dice: Dice) -> datetime:
    return moment.replace(microsecond=dice.pick(_MILLISECONDS) * 1000)


def _fit(records: int) -> tuple[int, Slot]:
    """Give the number of prospects for *records*, and what hangs under the last one."""
    blocks, rest = divmod(records, RECORDS_PER_BLOCK)
    count = blocks * len(SLOTS)
    last = SLOTS[-1] if blocks else None
    for slot in SLOTS:
        if slot.size > rest:
            break
        count, last, rest = count + 1, slot, rest - slot.size
    if rest >= 2:
        return count + 1, Slot(notes=rest - 2, calls=0, leads=((0, 0, 0),))
    if last is None:
        return 1, Slot(notes=0, calls=0, leads=())
    return count, replace(last, notes=last.notes + rest)


def text_of(moment: datetime) -> str:
    """Write a moment as the platform does: ISO, no zone, no to three digits after the second (lead-perfection.md 1.7)."""
    text = moment.isoformat(timespec="milliseconds")
    return text.rstrip("0").rstrip(".")


def day_of(moment: datetime) -> str:
    """Write a moment's day as date-only fields hold it: midnight."""
    return moment.date().isoformat() + "T00:00:00"
