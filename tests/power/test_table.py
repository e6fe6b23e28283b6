"""The table of power cuts: a line for each run, and what they come to for each pair and in all."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.flow.measures import Calls
from tests.flow.survival import Survived, Trial
from tests.judge.states import VERDICTS, Finding
from tests.power.end import End
from tests.power.table import COLUMNS, laid_out

LEADTREKKER, LEAD_PERFECTION = "leadtrekker-nutshell", "lead-perfection-nutshell"
DOUBLED = Finding(fault="doubled", what="lead 7", why="carried by two")


def survived(**told: Any) -> Survived:
    """Give a run that went well, but for what is told."""
    given = {
        "kills": 2, "phases": ("probe", "watch"), "code": 0, "findings": (), "points": {}, "missed": (),
        "doubts": {"adopted": 2, "resent": 1}, "calls": Calls(told_to_wait=0, exceeded=0), "peak_mib": 0.0, "resumes_s": (20.0, 30.0, 90.0),
        "leaks": (), "paused": 0, "restarts": 0, "deeds": 9, "edits": 8, "late_edits": 3, "strokes": {},
    }  # fmt: skip
    return Survived(**{**given, **told})


def end(seed: int, pair: str = LEADTREKKER, **told: Any) -> End:
    """Give the end of a run with two cuts, one of them at boot."""
    given = {"run": survived(), "phases": ("probe", "watch"), "ways": ("lost", "order"), "loose": (0, 4), "at_boot": 1}
    return End(trial=Trial(seed=seed, pair=pair, kills=2, life=0.02), took_s=120.0, **{**given, **told})


def lines(*ends: End) -> dict[tuple[str, str], dict[str, str]]:
    """Read the table: by pair and seed the cells of each column."""
    head, *rows = (re.split(" {2,}", line) for line in laid_out(ends).splitlines())
    assert tuple(head) == COLUMNS
    return {(row[0], row[1]): dict(zip(head, row, strict=True)) for row in rows}


def test_each_run_has_a_line_and_each_pair_its_sum() -> None:
    """By seed, however they ended; then each pair, then both."""
    table = lines(end(3), end(1), end(2, LEAD_PERFECTION, run=survived(findings=(DOUBLED,))))
    assert list(table) == [
        (LEADTREKKER, "1"), (LEAD_PERFECTION, "2"), (LEADTREKKER, "3"), (LEAD_PERFECTION, "all"), (LEADTREKKER, "all"), ("both", "all"),
    ]  # fmt: skip
    told = {
        "runs": "3", "cuts": "6", "at boot": "3", "in doubt": "9", "adopted": "6", "resent": "3", "doubled": "1", "lost": "0",
        "edits": "24", "late edits": "9", "acked lost": "0", "unfinished": "0",
        "minutes": "6.0", "back s": "30", "unflushed": "3 cuts, up to 2 KiB", "by what was left": "lost 3, order 3",
        "by phase": "probe 3, watch 3",
    }  # fmt: skip
    assert {name: table["both", "all"][name] for name in told} == told
    assert table[LEADTREKKER, "all"]["doubled"] == "0"
    assert set(VERDICTS) <= set(COLUMNS)


def test_a_run_that_came_to_no_end_tells_its_cuts() -> None:
    """What the plug saw is counted all the same."""
    [row] = [row for (_, seed), row in lines(end(1, run=None, lost=("an order",))).items() if seed == "1"]
    assert [row[name] for name in ("unfinished", "cuts", "acked lost", "by phase", "back s")] == ["1", "2", "1", "probe 1, watch 1", "-"]


def test_nothing_at_all_is_a_table_too() -> None:
    """Whoever ends it before the first run did sees the head alone."""
    assert lines() == {}


@pytest.mark.parametrize("told", [
    {"lost": ("an order",)}, {"run": None}, {"run": survived(findings=(DOUBLED,))}, {"run": survived(leaks=("a key",))},
    {"run": survived(doubts={"open": 1})}, {"run": survived(calls=Calls(told_to_wait=1, exceeded=1))},
])  # fmt: skip
def test_each_broken_promise_makes_a_run_wrong(told: dict[str, Any]) -> None:
    """What was said and is gone, no end, a finding, a leak, a write left in doubt, a call too fast."""
    assert end(1).is_right
    assert not end(1, **told).is_right
