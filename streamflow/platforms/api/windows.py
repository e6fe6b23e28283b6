"""
A stretch of time as windows that are read one after the other: from where, to where, what comes next, how one is cut. Pure.

Rules of this file. (1) All moments are naive and by the source's wall clock, as the source compares them; where the clock was set does not
matter to a window, since each text of a moment lies in exactly one. Only the beginning of a changed-since stretch looks at the zone.
(2) Windows end at midnight, the last one at the midnight to come, so that nothing depends on whose clock goes right; where records lie
ahead, windows go on for some days, and one more takes what lies beyond. (3) What comes next follows from the window that was drained, so
that a cursor is one window and one page, also after windows were cut: behind a sparse one a window twice as long, else one of its length.
(4) A whole list that comes by pages begins with one window for all of time, so that years of nothing cost nothing; what is too full is cut
near its end, since accounts are fuller there. Where the beginning of what was cut holds nothing, the rest is too full, and is cut unasked.
Where a reading was cut, the next one, and the second walk of the same, are cut at once.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from streamflow.errors import ProtocolMismatch
from streamflow.model import Cursor
from streamflow.platforms.spec import Window

_CURSOR = re.compile(r"(whole|changed|recent|ever):([^/#]+)/([^/#]+)#(\d{1,9})", re.ASCII)
_DAY = timedelta(days=1)
_LONG = timedelta(days=8 * 365)             # so much up to the present is cut near its end
LONGEST_UNPAGED = timedelta(days=366)       # all of it comes in one answer
RECENT, EVER = "recent", "ever"


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """
    One window; *end* is not part of it. *changed*: it is of a stretch of changes, else of the whole list.

    *part* of the whole list: RECENT, the latest alone; EVER, its second walk, which selects by time of change and so lists what has no
    time by which the first one goes. *full_to*: up to there is more than a window may hold, as far as it is known.
    """

    begin: datetime
    end: datetime
    changed: bool = False
    part: str = ""
    full_to: datetime | None = field(default=None, compare=False)


def opening(
    rules: Window, *, since: datetime | None, now: datetime, zone: ZoneInfo, is_paged: bool = False, quiet_to: date | None = None
) -> Span:
    """
    Give the first window of what changed at *since* or later, or of the whole list where that is None.

    *quiet_to*: of a list that comes at once, before that day hardly anything is expected.
    """
    if since is None and is_paged:
        return everything(rules, now=now)
    begin = _first(rules, now) if since is None else _before_repeats(since, zone)
    begin = begin.replace(microsecond=0)
    if begin >= _midnight(now) + _DAY:      # of a clock that is ahead of ours
        begin = _midnight(now)
    is_changed = since is not None
    length = timedelta(days=rules.step_days)
    if quiet_to is not None and not is_changed:
        length = max(length, datetime.combine(quiet_to, time()) - _midnight(begin))
    return Span(begin=begin, end=_end(begin, length, rules, now, is_changed=is_changed), changed=is_changed)


def recent(rules: Window, *, now: datetime, is_paged: bool = False) -> Span:
    """Give the first window of the latest part of the whole list, as far back as the rules say."""
    begin = max(_first(rules, now), _midnight(now) - rules.recent_days * _DAY)
    end = _last(rules, now, is_changed=False) if is_paged else _end(begin, timedelta(days=rules.step_days), rules, now, is_changed=False)
    return Span(begin=begin, end=end, part=RECENT)


def everything(rules: Window, *, now: datetime) -> Span:
    """Give the whole list as one window."""
    return Span(begin=_first(rules, now), end=_last(rules, now, is_changed=False))


def second(span: Span, rules: Window, *, now: datetime) -> Span | None:
    """Give the first window of the second walk through a whole list, behind the last one of the first; None where there is no such walk."""
    return replace(everything(rules, now=now), part=EVER) if rules.twice and not span.changed and not span.part else None


def after(
    span: Span, rules: Window, *, now: datetime, is_sparse: bool = False, is_paged: bool = False, is_empty: bool = False
) -> Span | None:
    """
    Give the window after one that was drained; None when that one reached the end of everything.

    Of a whole list, behind one that *is_sparse* comes one twice as long: years with few records cost a few calls, and one too full is
    cut. Behind one that is not comes one of the same length, since what was cut once would be cut again.
    """
    last = _last(rules, now, is_changed=span.changed)
    if is_empty and span.full_to is not None and span.end < span.full_to:
        rest = replace(span, begin=span.end, end=span.full_to)
        return half(rest, rules, now=now) or rest
    if span.end >= last:
        return None
    length = span.end - span.begin
    if is_paged and not span.changed:
        length = 2 * length if is_sparse else length
        is_to_end = span.end + length >= _usual_end(rules, now, is_changed=False)      # little lies ahead
        return replace(span, begin=span.end, end=last if is_to_end else _whole(span.end, length), full_to=None)
    if span.end >= _usual_end(rules, now, is_changed=span.changed):
        return replace(span, begin=span.end, end=last)
    usual = timedelta(days=rules.step_days)
    length = min(2 * length, max(LONGEST_UNPAGED, usual)) if is_sparse and not span.changed else usual
    return replace(span, begin=span.end, end=_end(span.end, length, rules, now, is_changed=span.changed))


def between(span: Span, ends: Sequence[datetime], rules: Window, *, now: datetime) -> Span:
    """Give a window of a whole list so that it ends where an earlier reading was cut, at the next of *ends*; beyond them to the last."""
    end = next((end for end in ends if end > span.begin), _last(rules, now, is_changed=False))
    return replace(span, end=end, full_to=None)


def half(span: Span, rules: Window, *, now: datetime | None = None) -> Span | None:
    """
    Give the beginning of a window that holds too much, cut at midnight where it has several days; None when it is not to be cut.

    It is the first half of what lies before *now*, where it goes beyond; of many years up to now it is the first three quarters.
    """
    length = span.end - span.begin
    if length < timedelta(seconds=2 * rules.least_s):
        return None
    past = now - span.begin if now is not None and span.end > now > span.begin + _DAY else length
    middle = (span.begin + (past * 0.75 if past != length and past > _LONG else past / 2)).replace(microsecond=0)
    if length > _DAY and _midnight(middle) > span.begin:
        middle = _midnight(middle)
    told = datetime.strptime(middle.strftime(rules.format), rules.format)     # a form without times cannot say half a day
    return replace(span, end=middle, full_to=span.end) if told == middle and span.begin < middle < span.end else None


def usual(span: Span, rules: Window, *, now: datetime) -> Span:
    """Give the beginning of a window of a whole list, as long as usual; the one that takes all that lies beyond stays as it is."""
    if span.begin >= _usual_end(rules, now, is_changed=False):
        return span
    return replace(span, end=min(span.end, span.begin + timedelta(days=rules.step_days)))


def params(span: Span, rules: Window) -> dict[str, str]:
    """Give the parameters that select the window."""
    ends = {rules.from_param: span.begin.strftime(rules.format), rules.to_param: span.end.strftime(rules.format)}
    return {**(rules.changed if span.changed or span.part == EVER else rules.whole), **ends}


def told(span: Span) -> str:
    """Say which window it is, so that another one is told otherwise: "changed from 2026-08-01 to 2026-08-02"."""
    walks = {RECENT: "of the latest part, ", EVER: "by time of change, "}
    begin, end = (each.isoformat(" ") if each.time() != time() else str(each.date()) for each in (span.begin, span.end))
    return f"{'changed ' if span.changed else walks.get(span.part, '')}from {begin} to {end}"


def write_cursor(span: Span, number: int) -> Cursor:
    """Give the cursor of a page of a window: "changed:2026-08-01T00:00:00/2026-08-02T00:00:00#3"."""
    return f"{'changed' if span.changed else span.part or 'whole'}:{span.begin.isoformat()}/{span.end.isoformat()}#{number}"


def read_cursor(cursor: Cursor, *, stream: str) -> tuple[Span, int]:
    """Give the window and the page of a cursor. Raises ProtocolMismatch for one that is not ours."""
    found = _CURSOR.fullmatch(cursor)
    try:
        if found is not None:
            begin, end = datetime.fromisoformat(found[2]), datetime.fromisoformat(found[3])
            if begin < end:
                part = found[1] if found[1] in (RECENT, EVER) else ""
                return Span(begin=begin, end=end, changed=found[1] == "changed", part=part), int(found[4])
    except (ValueError, TypeError):      # no moments, or one with a zone and one without
        pass
    raise ProtocolMismatch("a cursor that this reader did not write", stream=stream, hint="the stream's reader was changed")


def _first(rules: Window, now: datetime) -> datetime:
    return datetime.combine(date.fromisoformat(rules.start), time()) if rules.start else _midnight(now) - rules.back_days * _DAY


def _end(begin: datetime, length: timedelta, rules: Window, now: datetime, *, is_changed: bool) -> datetime:
    """Give the end of a window of about *length*: a midnight where it has days, and never beyond what is usually read."""
    return min(_whole(begin, length), max(_usual_end(rules, now, is_changed=is_changed), _midnight(begin) + _DAY))


def _whole(begin: datetime, length: timedelta) -> datetime:
    return begin + length if length < _DAY else _midnight(_midnight(begin) + length)


def _usual_end(rules: Window, now: datetime, *, is_changed: bool) -> datetime:
    return _midnight(now) + _DAY * (1 if is_changed else 1 + rules.ahead_days)


def _last(rules: Window, now: datetime, *, is_changed: bool) -> datetime:
    usual = _usual_end(rules, now, is_changed=is_changed)
    return usual if is_changed or not rules.end else max(usual, datetime.combine(date.fromisoformat(rules.end), time()))


def _midnight(moment: datetime) -> datetime:
    return datetime.combine(moment.date(), time())


def _before_repeats(since: datetime, zone: ZoneInfo) -> datetime:
    """
    Give *since*, or where its text comes twice in the night the clock goes back, a moment before all of those texts.

    What changed after the first 01:50 may say 01:05, being of the second hour of that name.
    """
    first, second = (since.replace(tzinfo=zone, fold=fold).utcoffset() for fold in (0, 1))
    return since - (first - second) if first is not None and second is not None and first > second else since
