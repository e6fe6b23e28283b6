"""How late a source shows its changes, measured by its own times."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from streamflow.migration.freshness import FORM
from streamflow.migration.lateness import Lateness
from streamflow.migration.life import State
from streamflow.model import Record
from tests.migration.rig import ASK_CUTOVER, voyage

NOON = datetime(2026, 3, 2, 12, 0, 0)


def passed(late: Lateness, *shown: tuple[str, float], kind: str = "lead", is_whole: bool = True, now_s: float = 7_200) -> float | None:
    """Read a list once, a record a page; each by its key and the seconds after noon at which it was changed."""
    for key, at_s in shown:
        late.look(kind, [Record(kind=kind, key=key, data={}, digest="", changed_at=_text(at_s))], now=_text(now_s))
    return late.close(kind, is_whole=is_whole)


def _text(seconds: float) -> str:
    return (NOON + timedelta(seconds=seconds)).strftime(FORM)


def watching(*more: tuple[str, float]) -> Lateness:
    """Give one that has seen two passes, so that changes after noon count."""
    late = Lateness()
    assert passed(late, ("1", 0)) is None
    assert passed(late, ("1", 0), *more) is None
    return late


def test_a_change_that_a_pass_did_not_show_was_late() -> None:
    """It is older than what was shown when that pass began; the most of it is kept, and half as much again is waited for."""
    late = watching(("2", 100))
    assert passed(late, ("2", 100), ("3", 110)) is None, "it can have been made between the two"
    assert passed(late, ("2", 100), ("3", 110), ("4", 70)) == 30.0
    assert passed(late, ("2", 100), ("3", 110), ("4", 70), ("5", 90)) is None, "less than before is nothing new"
    assert (late.at_least(1.0), late.at_least(1.0, "lead"), late.at_least(1.0, "note")) == (45.0, 45.0, 1.0)
    assert late.at_least(300.0) == 300.0, "what the operator told is the least"


def test_a_change_that_is_shown_at_once_is_not_late() -> None:
    """Of records that were seen before, and of new ones, as long as they come in their order."""
    late = watching()
    for at_s in range(10, 600, 10):
        assert passed(late, ("1", 0), ("2", at_s), (f"new {at_s}", at_s)) is None
    assert late.most_s == {}


def test_kinds_share_the_clock_of_the_source() -> None:
    """What one kind shows says how late it is; another kind that comes with an earlier time was held back."""
    late = watching()
    assert passed(late, ("9", 200), kind="note") is None
    assert passed(late, ("1", 0)) is None
    assert passed(late, ("1", 0), ("2", 150)) == 50.0


@pytest.mark.parametrize(
    ("at_s", "why"), [(-10, "before this start looked"), (5_000, "ahead of the clock"), (1_000, "further back than is believed")]
)
def test_what_tells_nothing_is_not_counted(at_s: float, why: str) -> None:
    """Records brought along with old dates, and times to come, make nobody wait."""
    late = watching(("2", 3_000))
    passed(late, ("2", 3_000))
    assert passed(late, ("1", 0), ("3", at_s), now_s=4_000) is None, why
    assert late.most_s == {}


def test_a_pass_that_left_something_out_proves_nothing() -> None:
    """What it did not show may be what it left out; what it showed is not counted again."""
    late = watching()
    passed(late, ("1", 0), ("2", 100))
    assert passed(late, ("1", 0), ("2", 100), ("3", 200), is_whole=False) is None
    assert passed(late, ("1", 0), ("2", 100), ("3", 200), ("4", 150)) is None
    assert passed(late, ("4", 150), ("5", 190)) == 10.0


async def test_the_switch_waits_for_what_was_seen_to_come_late(tmp_path: Path) -> None:
    """A lead that showed forty seconds late in the tail makes the horizon a minute, whatever was told, and a restart knows it."""
    async with voyage(tmp_path, at=State.TAIL, records=30, gates=ASK_CUTOVER) as trip:
        reader, numbers = trip.work.reader, iter(range(10, 20))
        for _ in range(2):
            await reader.poll(next(numbers))
        trip.in_source("edit", "leads", trip.source_rows("leads")[0]["leadid"], address="1 New Street")
        for _ in range(2):
            await reader.poll(next(numbers))
        assert trip.m.horizon_s == trip.terms.horizon_s
        shown = max(str(row["updated"]) for row in trip.source_rows("leads"))
        at = (datetime.strptime(shown, FORM) - timedelta(seconds=40)).strftime(FORM)
        trip.in_source("create", "leads", name="Shows Late", email="late@example.com", silent=True, created=at, updated=at)
        await reader.poll(next(numbers))
        assert trip.m.horizon_s == trip.m.settle_of("lead") == 60.0
        assert trip.m.settle_of("note") == trip.terms.settle_of("note")
        trip.m.lateness = Lateness()
        await trip.m.recall_lateness()
        assert trip.m.horizon_s == 60.0
