"""Windows of a stretch of time: every moment in exactly one, cut where they hold too much, over both changes of the clock."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamflow.errors import ProtocolMismatch
from streamflow.platforms.api.windows import (
    Span,
    after,
    between,
    everything,
    half,
    opening,
    params,
    read_cursor,
    recent,
    second,
    write_cursor,
)
from streamflow.platforms.spec import Window

ZONE = ZoneInfo("America/New_York")
RULES = Window(from_param="startdate", to_param="enddate", step_days=1, start="2026-03-01")
NOW = datetime(2026, 3, 10, 15, 30)


def walked(rules: Window, since: datetime | None, now: datetime, holds: list[datetime] | None = None) -> list[Span]:
    """Go through a stretch as a reader does; *holds* are the moments of the rows there are."""
    span: Span | None = opening(rules, since=since, now=now, zone=ZONE)
    done: list[Span] = []
    while span is not None:
        inside = sum(span.begin <= moment < span.end for moment in holds or [])
        shorter = half(span, rules) if inside > rules.split_rows else None
        if shorter is None:
            done.append(span)
            span = after(span, rules, now=now)
        else:
            span = shorter
    return done


def test_a_whole_list_goes_day_by_day_to_the_next_midnight() -> None:
    """From the day of the start, gapless, to the midnight after now; the parameters tell the ends in the source's form."""
    spans = walked(RULES, None, NOW)
    assert [span.begin for span in spans] == [datetime(2026, 3, day) for day in range(1, 11)]
    assert [span.end for span in spans] == [datetime(2026, 3, day) for day in range(2, 12)]
    assert params(spans[0], RULES) == {"startdate": "2026-03-01 00:00:00", "enddate": "2026-03-02 00:00:00"}


def test_what_changed_begins_at_its_moment_and_is_asked_for_as_such() -> None:
    """The first window begins at the second asked for; whole and changed readings carry their own parameters."""
    rules = Window(
        from_param="s", to_param="e", step_days=7, start="2026-03-01", whole={"options": "0"}, changed={"options": "261120"}
    )
    [span] = walked(rules, datetime(2026, 3, 10, 14, 29, 59, 999_999), NOW)
    assert params(span, rules) == {"options": "261120", "s": "2026-03-10 14:29:59", "e": "2026-03-11 00:00:00"}
    assert params(walked(rules, None, NOW)[0], rules)["options"] == "0"


def test_a_moment_ahead_of_our_clock_is_no_inverted_window() -> None:
    """A source whose clock is ahead is asked for the present day."""
    [span] = walked(RULES, datetime(2026, 4, 1), NOW)
    assert span == Span(begin=datetime(2026, 3, 10), end=datetime(2026, 3, 11), changed=True)


def test_the_hour_that_comes_twice_is_read_from_before_its_first_text() -> None:
    """After the first 01:50 of the autumn night a change may say 01:05; in spring and on other nights nothing is asked twice."""
    now = datetime(2026, 11, 1, 9, 0)
    assert walked(RULES, datetime(2026, 11, 1, 1, 50), now)[0].begin == datetime(2026, 11, 1, 0, 50)
    for since in (datetime(2026, 11, 1, 0, 59, 59), datetime(2026, 11, 1, 2, 0), datetime(2026, 3, 8, 2, 30)):
        assert opening(RULES, since=since, now=now, zone=ZONE).begin == since


@settings(deadline=None, max_examples=60)
@given(
    passed=st.integers(0, 40 * 3600), later=st.integers(0, 12 * 3600),
    around=st.sampled_from([datetime(2026, 3, 7, 18, tzinfo=UTC), datetime(2026, 10, 31, 18, tzinfo=UTC)]),
)
def test_no_change_after_a_mark_is_missed_over_changes_of_the_clock(passed: int, later: int, around: datetime) -> None:
    """Whatever happens at or after the moment of a mark has a wall-clock text inside the windows asked for from that mark's text."""
    mark = around + timedelta(seconds=passed)
    happened = mark + timedelta(seconds=later)
    text_of_mark, text = (moment.astimezone(ZONE).replace(tzinfo=None, microsecond=0) for moment in (mark, happened))
    spans = walked(RULES, text_of_mark, (happened + timedelta(seconds=5)).astimezone(ZONE).replace(tzinfo=None))
    assert sum(span.begin <= text < span.end for span in spans) == 1


@settings(deadline=None, max_examples=60)
@given(
    moments=st.lists(st.integers(0, 10 * 86_400 - 1), max_size=60), pile=st.integers(0, 12), most=st.integers(1, 6),
    days=st.integers(1, 40),
)
def test_cut_windows_cover_everything_once(moments: list[int], pile: int, most: int, days: int) -> None:
    """Every row lies in exactly one window that is drained, in order; only the shortest windows hold more than they may."""
    rows = [datetime(2026, 3, 1) + timedelta(seconds=second) for second in moments] + [datetime(2026, 3, 4)] * pile
    rules = Window(from_param="s", to_param="e", step_days=days, start="2026-03-01", split_rows=most)
    spans = walked(rules, None, NOW, rows)
    assert [span.end for span in spans[:-1]] == [span.begin for span in spans[1:]]
    assert (spans[0].begin, spans[-1].end) == (datetime(2026, 3, 1), datetime(2026, 3, 11))
    for span in spans:
        inside = sum(span.begin <= moment < span.end for moment in rows)
        assert inside <= most or span.end - span.begin < timedelta(seconds=2 * rules.least_s)


def test_windows_of_days_are_cut_at_midnight_and_not_at_all_where_no_time_can_be_said() -> None:
    """A source that takes days only is never asked for half a day, which would be a window without end."""
    span = Span(begin=datetime(2026, 3, 1), end=datetime(2026, 3, 4))
    by_day = Window(from_param="s", to_param="e", step_days=3, start="2026-03-01", format="%m/%d/%Y")
    first = half(span, by_day)
    assert first == Span(begin=datetime(2026, 3, 1), end=datetime(2026, 3, 2))
    assert half(first, by_day) is None
    assert half(first, RULES) == Span(begin=datetime(2026, 3, 1), end=datetime(2026, 3, 1, 12))


def test_cursors_say_window_and_page_and_foreign_ones_are_refused() -> None:
    """A cursor is read back as it was; page numbers, snapshots and broken ones are not taken for one."""
    span = Span(begin=datetime(2026, 8, 1), end=datetime(2026, 8, 2), changed=True)
    text = write_cursor(span, 3)
    assert text == "changed:2026-08-01T00:00:00/2026-08-02T00:00:00#3"
    assert read_cursor(text, stream="lead") == (span, 3)
    for odd in ("7", "7@2026-05-11 09:00:00", "20260601T080000Z-abc/500", "whole:a/b#1", text.replace("08-02", "08-01"),
                "whole:2026-08-01T00:00:00/2026-08-02T00:00:00+00:00#1"):  # fmt: skip
        with pytest.raises(ProtocolMismatch):
            read_cursor(odd, stream="lead")


@pytest.mark.parametrize(("is_paged", "first", "longest", "most"), [(False, 31, 366, 60), (True, 9566, 9566, 2)])
def test_windows_grow_while_there_is_little_and_keep_their_length_where_there_is_more(
    is_paged: bool, first: int, longest: int, most: int
) -> None:
    """Behind a sparse window comes one twice as long, up to a bound; never past the end; what changed goes by the usual length."""
    rules = Window(from_param="s", to_param="e", step_days=31, start="2000-01-01")
    span: Span | None = opening(rules, since=None, now=NOW, zone=ZONE, is_paged=is_paged)
    lengths = []
    while span is not None:
        lengths.append((span.end - span.begin).days)
        assert span.end <= datetime(2026, 3, 11)
        span = after(span, rules, now=NOW, is_sparse=True, is_paged=is_paged)
    assert (lengths[0], max(lengths)) == (first, longest)
    assert len(lengths) < most
    changed = opening(rules, since=NOW - timedelta(days=400), now=NOW, zone=ZONE, is_paged=is_paged)
    found = after(changed, rules, now=NOW, is_sparse=True, is_paged=is_paged)
    assert found is not None
    assert (found.end - found.begin).days == 31


def test_all_of_time_is_one_window_until_it_is_too_full() -> None:
    """Years up to now are cut near their end; where the beginning was empty the rest is cut unasked, else the next one is longer."""
    rules = Window(from_param="s", to_param="e", step_days=31, start="1900-01-01", end="2100-01-01")
    whole = opening(rules, since=None, now=NOW, zone=ZONE, is_paged=True)
    assert (whole.begin.year, whole.end.year) == (1900, 2100)
    past = half(whole, rules, now=NOW)
    assert past is not None
    assert (past.begin, past.end.year) == (whole.begin, 1994)
    later = after(past, rules, now=NOW, is_sparse=True, is_paged=True, is_empty=True)
    assert later is not None
    assert (later.begin, later.end.year, later.full_to) == (past.end, 2018, whole.end)
    assert after(later, rules, now=NOW, is_sparse=True, is_paged=True) == Span(begin=later.end, end=whole.end)
    early = Span(begin=whole.begin, end=datetime(1940, 1, 1))
    longer = Span(begin=early.end, end=early.end + 2 * (early.end - early.begin))
    assert after(early, rules, now=NOW, is_sparse=True, is_paged=True) == longer
    assert half(Span(begin=datetime(2025, 3, 10), end=whole.end), rules, now=NOW) == Span(
        begin=datetime(2025, 3, 10), end=datetime(2025, 9, 8)
    ), "little lies ahead: the past is halved"
    assert after(past, rules, now=NOW, is_sparse=True, is_paged=True) == Span(begin=past.end, end=whole.end)


def test_a_list_that_was_read_before_is_cut_where_it_was() -> None:
    """Each window ends at the next of the ends known; behind the last of them one takes all there is."""
    rules = Window(from_param="s", to_param="e", step_days=31, start="1900-01-01", end="2100-01-01")
    whole = opening(rules, since=None, now=NOW, zone=ZONE, is_paged=True)
    ends = [datetime(2024, 1, 1), datetime(2025, 1, 1)]
    first = between(whole, ends, rules, now=NOW)
    assert first == Span(begin=whole.begin, end=ends[0])
    assert between(Span(begin=datetime(2024, 5, 1), end=datetime(2024, 6, 1)), ends, rules, now=NOW).end == ends[1]
    assert between(Span(begin=ends[1], end=datetime(2025, 2, 1)), ends, rules, now=NOW).end == whole.end


def test_a_second_walk_follows_the_whole_list_alone() -> None:
    """It goes through all of time by the parameters of changes; no read of a part, and no read of what changed, is followed by it."""
    rules = Window(from_param="s", to_param="e", step_days=31, start="1900-01-01", whole={"by": "0"}, changed={"by": "1"}, twice=True)
    walks = [opening(rules, since=None, now=NOW, zone=ZONE, is_paged=True)]
    again = second(walks[0], rules, now=NOW)
    assert again is not None
    assert (params(walks[0], rules)["by"], params(again, rules)["by"]) == ("0", "1")
    assert (again.begin, again.end) == (walks[0].begin, walks[0].end)
    assert read_cursor(write_cursor(again, 4), stream="lead") == (again, 4)
    latest = recent(replace(rules, recent_days=90), now=NOW, is_paged=True)
    assert read_cursor(write_cursor(latest, 1), stream="lead") == (latest, 1)
    changes = opening(rules, since=NOW, now=NOW, zone=ZONE)
    assert [second(span, rules, now=NOW) for span in (again, latest, changes)] == [None, None, None]
    assert second(walks[0], replace(rules, twice=False), now=NOW) is None


def test_a_window_that_was_cut_is_followed_by_one_of_its_length() -> None:
    """What was too full once is not read whole again only to be cut again; what comes at once goes back to the usual length."""
    rules = Window(from_param="s", to_param="e", step_days=31, start="2000-01-01")
    short = Span(begin=datetime(2025, 3, 1), end=datetime(2025, 3, 4))
    half_a_day = Span(begin=datetime(2025, 3, 1), end=datetime(2025, 3, 1, 12))
    assert after(short, rules, now=NOW, is_paged=True) == Span(begin=datetime(2025, 3, 4), end=datetime(2025, 3, 7))
    for is_sparse in (False, True):
        found = after(half_a_day, rules, now=NOW, is_paged=True, is_sparse=is_sparse)
        assert found == Span(begin=datetime(2025, 3, 1, 12), end=datetime(2025, 3, 2))
    assert after(short, rules, now=NOW) == Span(begin=datetime(2025, 3, 4), end=datetime(2025, 4, 4))


def test_lists_that_lie_ahead_are_read_to_their_end() -> None:
    """Windows go on for the days ahead, one more takes what lies beyond; changes end at the midnight to come."""
    rules = Window(from_param="s", to_param="e", step_days=31, back_days=10, ahead_days=60, end="2100-01-01", recent_days=5)
    spans = walked(rules, None, NOW)
    assert (spans[0].begin, spans[-2].end) == (datetime(2026, 2, 28), datetime(2026, 5, 10))
    assert (spans[-1].begin, spans[-1].end) == (datetime(2026, 5, 10), datetime(2100, 1, 1))
    assert walked(rules, NOW - timedelta(days=1), NOW)[-1].end == datetime(2026, 3, 11)
    assert recent(rules, now=NOW).begin == datetime(2026, 3, 5)
    assert (everything(rules, now=NOW).begin, everything(rules, now=NOW).end) == (datetime(2026, 2, 28), datetime(2100, 1, 1))
