"""Where a reading of a list stands, and where it goes on: page after page, window after window. Decisions alone; nothing is asked here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

from streamflow.model import Cursor
from streamflow.platforms.api import paging, windows
from streamflow.platforms.api.listing import Learned
from streamflow.platforms.spec import StreamSpec

SPARSE = 2      # of what comes at once: so many windows of its like are no more than one may hold


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a reading stands: a page, and what it is confined to."""

    number: int
    since: str = ""                       # a stretch without an end, as text of the source
    span: windows.Span | None = None      # one window of a stretch

    @property
    def cursor(self) -> Cursor:
        """What `Walk.begin` finds the place again by."""
        if self.span is None:
            return paging.write_cursor(self.number, self.since)
        return windows.write_cursor(self.span, self.number)

    @property
    def is_of_changes(self) -> bool:
        """Whether it is in a window of changes."""
        return self.span is not None and self.span.changed

    @property
    def part(self) -> str:
        """Of several walks through one list, the one in which this place lies."""
        return self.span.part if self.span is not None else ""


class Walk:
    """The way through the list of one stream. *now*: the present by the source's wall clock, naive."""

    def __init__(self, stream: StreamSpec, *, learned: Learned, now: Callable[[], datetime]) -> None:
        self._stream = stream
        self._learned = learned
        self._now = now
        self.is_paged = stream.paging.style in ("page", "row")

    # --- where it begins

    def begin(self, cursor: Cursor | None, *, quiet_to: date | None) -> Place:
        """Give the place of a cursor, for None that of a whole list; hardly anything is expected before *quiet_to*."""
        stream, rules = self._stream, self._stream.window
        if rules is None or not rules.step_days:
            number, since = paging.read_cursor(stream, cursor)
            return Place(number=number, since=since)
        if cursor is not None:
            span, number = windows.read_cursor(cursor, stream=stream.kind)
            return Place(number=number, span=span)
        zone = ZoneInfo(stream.timezone)
        span = windows.opening(rules, since=None, now=self._now(), zone=zone, is_paged=self.is_paged, quiet_to=quiet_to)
        return self._first(self._as_before(span))

    def recent(self) -> Cursor | None:
        """Give the cursor at which the latest part of a whole list begins; None where the spec names none."""
        rules = self._stream.window
        if rules is None or not rules.recent_days or not rules.step_days:
            return None
        return self._first(windows.recent(rules, now=self._now(), is_paged=self.is_paged)).cursor

    def changed(self, since: datetime) -> Cursor | None:
        """Give the cursor of what changed at *since* (naive, by the source's wall clock) or later; None where there is no such filter."""
        rules = self._stream.window
        if rules is None or not rules.changes:
            return None
        if not rules.step_days:
            return Place(number=paging.first_number(self._stream), since=since.strftime(rules.format)).cursor
        return self._first(windows.opening(rules, since=since, now=self._now(), zone=ZoneInfo(self._stream.timezone))).cursor

    # --- where it goes on

    def confined(self, place: Place) -> dict[str, str]:
        """Give the parameters that select what a place is confined to."""
        rules = self._stream.window
        if rules is None:
            return {}
        if place.span is not None:
            return windows.params(place.span, rules)
        return paging.since_params(rules, place.since) if place.since else {}

    def following(self, place: Place, number: int | None, *, rows: int) -> Place | None:
        """Give the place after a page of so many rows, of which *number* is the next in its list or None; None at the end of everything."""
        if number is not None:
            return replace(place, number=number)
        span, rules = place.span, self._stream.window
        if span is None or rules is None:
            return None
        is_first, now = self._is_first(place), self._now()
        is_sparse = is_first and (self.is_paged or SPARSE * rows <= rules.split_rows)
        after = windows.after(span, rules, now=now, is_sparse=is_sparse, is_paged=self.is_paged, is_empty=is_first and rows == 0)
        if self.is_paged and not span.changed and not span.part:
            self._learned.drained(self._stream.kind, span.end if not is_first or rows else None, is_last=after is None)
        after = after or windows.second(span, rules, now=now)
        return None if after is None else self._first(self._as_before(after))

    def half(self, place: Place) -> Place | None:
        """Give the first half of a window at whose first page this is, in case it holds more than it may; None where it cannot be cut."""
        if place.span is None or self._stream.window is None or not self._is_first(place):
            return None
        span = windows.half(place.span, self._stream.window, now=self._now())
        return replace(place, span=span) if span is not None else None

    def usual(self, place: Place) -> Place | None:
        """Give the window of usual length in place of one that had grown and whose first page does not come; None where it had not."""
        if place.span is None or place.span.changed or self._stream.window is None or not self._is_first(place):
            return None
        span = windows.usual(place.span, self._stream.window, now=self._now())
        return replace(place, span=span) if span.end < place.span.end else None

    # --- below

    def _first(self, span: windows.Span) -> Place:
        return Place(number=paging.first_number(self._stream), span=span)

    def _is_first(self, place: Place) -> bool:
        return place.number == paging.first_number(self._stream)

    def _as_before(self, span: windows.Span) -> windows.Span:
        """Give a window of a whole list as the last reading found it to hold as many rows as it may; any other as it is."""
        ends = self._learned.ends.get(self._stream.kind)
        if not ends or self._stream.window is None or span.changed or span.part == windows.RECENT:
            return span
        return windows.between(span, ends, self._stream.window, now=self._now())
