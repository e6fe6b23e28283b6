"""
Appointments have their text in one call and whose they are in another; this joins the two into one record with one identity.

GetLead names the appointments of a lead by time alone (lead-perfection.md 2.2); the date-range call has their ids and texts and not whose
they are (2.4). Rule 1: two are the same where the time is, and name, phone or address tell one alone; where they do not, the platform is
asked whose it is. Rule 2: what has no counterpart keeps the key that the contract makes of lead and time. Rule 3: days are read by
stretches and kept for a while; a walk through the account reads whole months, up to a year at once where they hold little. Rule 4: a day
that was read before the rows were tells no more than identities: its texts may be older than what is known. They come with the
appointments' own list, which every walk reads as well; for rows that have changed, and for days which that list does not reach, the days
are read anew. Rule 5: a day for which nothing at all is answered is believed once it was asked for together with days that are known to
hold rows, and those came. Else the prospects who have an appointment there are left to a later reading: under rule 2 it would become a
second record. Nothing of this is kept over a restart: where no row was seen yet, such days are looked for first, around the silent ones
and around today. Where the platform answers with no row at all, the user may not have the right, and rule 2 holds.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from streamflow.clock import Clock
from streamflow.errors import PlatformUnavailable, ProtocolMismatch
from streamflow.model import Kind
from streamflow.platforms.api.forms import Completed, LookUp, Raw
from streamflow.platforms.leadperfection.dialect import DAY_FORMS, LeadPerfectionDialect
from streamflow.platforms.rows.canon import squeezed
from streamflow.platforms.rows.values import is_blank, text_of

KEEP_S = 600.0          # so long the days of a stretch are believed
KEPT_DAYS = 400
KEPT_ROWS = 4_000       # more days are kept as long as they hold no more than this
TRIES = 2
STRETCH_DAYS = 31
MONTHS = 12             # a walk reads so many in one call, as far as that would hold
MANY_ROWS = 500         # no more, going by what the last call held
GAP_DAYS = 7            # days nearer than this are read in one call
FAR_DAYS = 366
FIRST_REACH_DAYS = 31   # so far around a silent day, and
LAST_REACH_DAYS = 92    # around today, some row is looked for where none was seen yet
WITNESSES = 3           # days known to hold rows that may have lost them since
_PROSPECT, _APPOINTMENT = "prospect", "appointment"
_OWN_ID = ("ilsid", "id")
Table = dict[str, Any]


@dataclass(slots=True)
class _Day:
    """The rows of one day, by start; *turn* is the one in which they were read, *is_shown*: some row came then, be it of another day."""

    read_at: float
    turn: int
    is_shown: bool
    rows: dict[str, list[Table]] = field(default_factory=dict)


class Diary:
    """Completes the appointments inside rows of prospects; for one session."""

    def __init__(self, dialect: LeadPerfectionDialect, clock: Clock) -> None:
        self._dialect = dialect
        self._clock = clock
        self._days: OrderedDict[date, _Day] = OrderedDict()
        self._turn = 0               # counts what was asked for completion
        self._months = MONTHS        # so many at once were not found to hold much
        self._is_proved = False      # the form of days was seen to be understood
        self._looked_at: float | None = None
        self._first: date | None = None

    async def complete(self, kind: Kind, rows: Sequence[Raw], look_up: LookUp, *, are_changed: bool) -> Completed:
        """Give rows of prospects with what the date-range call tells of their appointments; other rows as they are."""
        if kind != _PROSPECT:
            return Completed(rows=rows)
        self._turn += 1
        self._forget()
        wanted = sorted({day for row in rows for day, _ in _times(row)})
        if not wanted:
            return Completed(rows=rows)
        self._first = min((day for day in (*wanted, self._first or date.max) if self._dialect.lists(day)), default=None)
        believed_from = self._clock.monotonic() - KEEP_S
        unknown = [day for day in wanted if are_changed or not self._dialect.lists(day) or not self._is_known(day, believed_from)]
        if not are_changed:      # the rows to come will ask for the days beside these
            await self._read_months([day for day in unknown if self._dialect.lists(day)], believed_from, look_up)
            unknown = [day for day in unknown if not self._is_known(day, believed_from)]
        await self._read(unknown, look_up)
        for _ in range(TRIES):      # made or moved since the day was read; or the answer was empty for a fault, which would make two of one
            await self._read(self._silent(rows), look_up)
        doubted = await self._doubted(self._silent(rows), look_up)
        sure = [row for row in rows if doubted.isdisjoint(self._missing(row))]
        return Completed(
            rows=[await self._completed(row, look_up) for row in sure],
            gaps=tuple(f"nothing is answered for the appointments of {day}, not even with days that had some" for day in sorted(doubted)),
        )

    def begins(self, kind: Kind) -> date | None:
        """Give the day of the earliest appointment of those that any prospect was seen to have, and that their list comes to."""
        return self._first if kind == _APPOINTMENT else None

    # --- one row

    async def _completed(self, row: Raw, look_up: LookUp) -> Raw:
        spelt = {squeezed(str(name)): name for name in row}
        if "leads" not in spelt or not isinstance(row[spelt["leads"]], list):
            return row
        taken: set[str] = set()
        leads = [await self._with_texts(row, lead, taken, look_up) if isinstance(lead, Mapping) else lead for lead in row[spelt["leads"]]]
        return {**row, spelt["leads"]: leads}

    async def _with_texts(self, row: Raw, lead: Raw, taken: set[str], look_up: LookUp) -> Raw:
        name = next((name for name in lead if squeezed(str(name)) == "appointments"), None)
        if name is None or not isinstance(lead[name], list):
            return lead
        found = []
        for each in lead[name]:
            twin = await self._counterpart(_squeezed(row), _squeezed(each), taken, look_up) if isinstance(each, Mapping) else None
            taken |= {_id(twin)} if twin is not None else set()
            found.append(each if twin is None else _merged(each, twin if self._is_fresh(twin) else {"id": _id(twin)}))
        return {**lead, name: found}

    async def _counterpart(self, prospect: Table, own: Table, taken: set[str], look_up: LookUp) -> Table | None:
        """Give the row of the date-range call that is this appointment; None where there is none."""
        free = [each for each in self._at(own) if _id(each) and _id(each) not in taken]
        named = next((text_of(own[name]).strip() for name in _OWN_ID if text_of(own.get(name)).strip()), "")
        if named:
            return next((each for each in free if _id(each) == named), None)
        told = [each for each in free if text_of(each.get("cstid")).strip()]
        if told:
            free = [each for each in told if text_of(each.get("cstid")).strip() == text_of(prospect.get("cstid")).strip()]
        marks = [(_likeness(prospect, each), each) for each in free]
        best = max((mark for mark, _ in marks), default=0)
        alike = [each for mark, each in marks if mark == best]
        if best and len(alike) == 1:
            return alike[0]
        same = [each for each in alike if text_of(each.get("disposition")).strip() == text_of(own.get("disposition")).strip()]
        for each in (*same, *(other for other in alike if other not in same)):
            if await self._is_of(each, prospect, look_up):
                return each
        return None

    async def _is_of(self, appointment: Table, prospect: Table, look_up: LookUp) -> bool:
        window = {"startdate": "1900-01-01 00:00:00", "enddate": "2100-01-01 00:00:00", "options": "0", "PageSize": "1", "StartIndex": "1"}
        rows = await look_up(_PROSPECT, {**window, "ils_id": _id(appointment)}, by_id=True)
        return any(text_of(_squeezed(row).get("cstid")).strip() == text_of(prospect.get("cstid")).strip() for row in rows)

    # --- days

    def _at(self, own: Table) -> list[Table]:
        day = self._days.get(_day_of(own) or date.min)
        return day.rows.get(_start(own), []) if day is not None else []

    def _missing(self, row: Raw) -> set[date]:
        """Give the days on which a prospect has appointments that no row begins with."""
        return {day for day, own in _times(row) if not self._at(own)}

    def _silent(self, rows: Sequence[Raw]) -> list[date]:
        """Give those of such days for which, since the rows were read, nothing came."""
        missing = {day for row in rows for day in self._missing(row)}
        return sorted(day for day in missing if (known := self._days.get(day)) is None or not (known.is_shown and known.turn == self._turn))

    def _is_known(self, day: date, believed_from: float) -> bool:
        known = self._days.get(day)
        return known is not None and known.read_at >= believed_from

    def _is_fresh(self, row: Table) -> bool:
        """Say whether a row was read after the rows that are being completed."""
        day = self._days.get(_day_of(row) or date.min)
        return day is not None and day.turn == self._turn

    async def _read_months(self, days: Sequence[date], believed_from: float, look_up: LookUp) -> None:
        """Read the months of days, as many at once as have held little so far."""
        for day in days:
            if not self._is_known(day, believed_from):
                first = day.replace(day=1)
                try:
                    rows = await self._read_stretch(first, _last_of(first, self._months), look_up)
                except (PlatformUnavailable, ProtocolMismatch):
                    if self._months == 1:
                        raise
                    self._months = 1      # so much at once may be too much for the server
                    rows = await self._read_stretch(first, _last_of(first, 1), look_up)
                self._months = max(1, min(2 * self._months, MONTHS, self._months * MANY_ROWS // max(1, rows)))

    async def _read(self, days: Sequence[date], look_up: LookUp) -> None:
        for first, last in _stretches(days):
            await self._read_stretch(first, last, look_up)

    async def _doubted(self, silent: Sequence[date], look_up: LookUp) -> set[date]:
        """Give those of the days for which nothing is answered, not even together with days that are known to hold rows."""
        if silent and not self._is_proved:
            await self._look_around(silent, look_up)
        if not self._is_proved:      # never was there an answer: the user may not have the right
            return set()
        stretches = [ends for ends in _stretches(silent) if await self._is_silent(*ends, look_up)]
        return {day for day in silent if any(first <= day <= last for first, last in stretches)}

    async def _look_around(self, silent: Sequence[date], look_up: LookUp) -> None:
        """Look for days that hold rows; once a while, since an account may show none at all."""
        now, today = self._clock.monotonic(), self._clock.now().date()
        if self._looked_at is not None and now - self._looked_at < KEEP_S:
            return
        self._looked_at = now
        near = min(silent, key=lambda day: abs(day - today))
        for middle, reach in ((near, FIRST_REACH_DAYS), (today, LAST_REACH_DAYS)):
            if await self._read_stretch(*_around(middle, reach), look_up):
                return

    async def _is_silent(self, first: date, last: date, look_up: LookUp) -> bool:
        """Ask for a stretch with a day that is known to hold rows, for that day alone where it is far; say whether nothing came."""
        busy = sorted((day for day, known in self._days.items() if known.rows), key=lambda day: max(first - day, day - last))
        for day in busy[:WITNESSES]:
            begin, end = min(first, day), max(last, day)
            if await self._read_stretch(*((begin, end) if (end - begin).days < FAR_DAYS else (day, day)), look_up):
                return False
        return True

    async def _read_stretch(self, first: date, last: date, look_up: LookUp) -> int:
        rows = await self._asked(first, last, look_up)
        for offset in range((last - first).days + 1):
            place = first + timedelta(days=offset)
            if rows or place not in self._days or not self._days[place].rows:      # silence does not undo what was seen
                self._days[place] = _Day(read_at=self._clock.monotonic(), turn=self._turn, is_shown=bool(rows))
                self._days.move_to_end(place)
        for row in map(_squeezed, rows):
            known = self._days.get(_day_of(row) or date.min)
            if known is not None and all(_id(each) != _id(row) for each in known.rows.get(_start(row), ())):
                known.rows.setdefault(_start(row), []).append(row)
        return len(rows)

    def _forget(self) -> None:
        """Let the days go that were read first, as far as they are too many."""
        held = sum(len(rows) for day in self._days.values() for rows in day.rows.values())
        while len(self._days) > KEPT_DAYS and held > KEPT_ROWS:
            held -= sum(map(len, self._days.popitem(last=False)[1].rows.values()))

    async def _asked(self, first: date, last: date, look_up: LookUp) -> Sequence[Raw]:
        """Ask for a stretch of days; until a form of days was understood, each is tried (lead-perfection.md 2.4)."""
        after = last + timedelta(days=1)      # whether the last day counts is not public
        for form in (self._dialect.day_form,) if self._is_proved else DAY_FORMS:
            before, self._dialect.day_form = self._dialect.day_form, form
            rows = await look_up(_APPOINTMENT, {"apptdates": first.strftime(form), "apptdatee": after.strftime(form)})
            if rows:
                self._is_proved = True
                return rows
            self._dialect.day_form = before
        return []


def _times(row: Raw) -> Iterator[tuple[date, Table]]:
    """Yield the appointments of a prospect that have a day, with it."""
    for lead in _listed(row, "leads"):
        for own in map(_squeezed, _listed(lead, "appointments")):
            if (day := _day_of(own)) is not None:
                yield day, own


def _listed(row: Raw, field: str) -> list[Raw]:
    """Give the rows that a field holds as a list, however its name is cased."""
    value = next((value for name, value in row.items() if squeezed(str(name)) == field), None)
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []


def _squeezed(row: Raw) -> Table:
    return {squeezed(str(name)): value for name, value in row.items()}


def _merged(own: Raw, twin: Table) -> Table:
    """Give one row: what the date-range call says, and of the other what that does not have or leaves blank."""
    bare = {name: value for name, value in _squeezed(own).items() if name not in _OWN_ID}
    return {**bare, **{name: value for name, value in twin.items() if not is_blank(value) or is_blank(bare.get(name))}}


def _id(row: Table) -> str:
    return next((text_of(row[name]).strip() for name in ("id", "ilsid") if text_of(row.get(name)).strip()), "")


def _start(row: Table) -> str:
    text = text_of(row.get("apptdate")).strip()
    try:
        return datetime.fromisoformat(text).replace(microsecond=0).isoformat()
    except ValueError:
        return text


def _day_of(row: Table) -> date | None:
    try:
        return datetime.fromisoformat(text_of(row.get("apptdate")).strip()).date()
    except ValueError:
        return None


def _likeness(prospect: Table, row: Table) -> int:
    """Count what of name, phone and address is the same on both, as far as both have it."""
    name = squeezed(text_of(prospect.get("firstname")) + text_of(prospect.get("lastname")))
    pairs = (
        (name, squeezed(text_of(row.get("custname")))),
        (_digits(prospect.get("phone1")), _digits(row.get("phone"))),
        (squeezed(text_of(prospect.get("address1"))), squeezed(text_of(row.get("address1")))),
    )
    return sum(one == other != "" for one, other in pairs)


def _digits(value: Any) -> str:
    return "".join(sign for sign in text_of(value) if sign.isdigit())[-10:]


def _last_of(first: date, months: int) -> date:
    """Give the last day of so many months of which the *first* day is given; never beyond the last month there can be."""
    passed = min(first.year * 12 + first.month - 1 + months, date.max.year * 12 + 11)
    return date(passed // 12, passed % 12 + 1, 1) - timedelta(days=1)


def _around(middle: date, days: int) -> tuple[date, date]:
    """Give so many days before and after a day, as far as there are any; the one after the last is asked for as well."""
    low, high = date.min.toordinal(), date.max.toordinal() - 1
    return date.fromordinal(max(low, middle.toordinal() - days)), date.fromordinal(min(high, middle.toordinal() + days))


def _stretches(days: Sequence[date]) -> Iterator[tuple[date, date]]:
    """Yield stretches of at most a month that hold all days, and few others."""
    first = last = None
    for day in days:
        if first is None or last is None:
            first = last = day
        elif (day - last).days <= GAP_DAYS and (day - first).days < STRETCH_DAYS:
            last = day
        else:
            yield first, last
            first = last = day
    if first is not None and last is not None:
        yield first, last
