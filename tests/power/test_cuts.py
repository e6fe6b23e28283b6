"""Which runs the power is cut in, and what is told of them; the runs themselves are those of `make power`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.flow.survival import Trial
from tests.flow.wanting import ENOUGH
from tests.power import cuts
from tests.power.end import End
from tests.power.test_table import LEAD_PERFECTION, LEADTREKKER, end, survived


@pytest.fixture
def ends(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """Give the list of what the runs to come end with, an exception for one in which somebody ends it all."""
    planned: list[Any] = []

    def attempt(trial: Trial, image: Any, obeys: bool = True) -> End:
        planned_end = planned.pop(0)
        if isinstance(planned_end, BaseException):
            raise planned_end
        assert isinstance(planned_end, End)
        return planned_end

    monkeypatch.setattr(cuts, "_attempt", attempt)
    monkeypatch.setattr(cuts, "wanting", list)
    monkeypatch.setattr(cuts, "build", lambda folder: None)
    yield planned
    assert not planned


def trials(*words: str) -> list[Trial]:
    return list(cuts._trials(cuts._options(words)))


def test_a_hundred_cuts_are_a_hundred() -> None:
    """Dealt out to both pairs in turn, each run with a seed of its own, and with a limit at both platforms."""
    runs = trials("--cuts", "95", "--per-run", "10", "--seed", "7")
    assert sum(run.kills for run in runs) == 95
    assert [run.seed for run in runs] == list(range(7, 17))
    assert [run.pair for run in runs[:2]] == [LEADTREKKER, LEAD_PERFECTION]
    assert all(run.life and run.rate_per_s and run.source_rate_per_s for run in runs)


def test_a_run_is_repeated_by_what_is_printed() -> None:
    """The words at the end give exactly the run that went wrong."""
    for run in trials("--cuts", "25", "--records", "40", "--life", "0.1", "--seed", "3"):
        said = cuts.again(run).split()
        assert said[:3] == ["python", "-m", "tests.power"]
        assert trials(*said[3:]) == [run]


def test_whoever_ends_it_early_gets_what_there_is(ends: list[Any], capsys: pytest.CaptureFixture[str]) -> None:
    """The table of the runs that ended, and how to repeat those that went wrong."""
    ends[:] = [end(1, run=None), SystemExit(143)]
    with pytest.raises(SystemExit):
        cuts.main(["--cuts", "4", "--per-run", "2"])
    said = capsys.readouterr().out
    assert "2 cuts in 0 minutes" in said
    assert [line.split("--seed ")[1] for line in said.splitlines() if line.startswith("again: ")] == ["1"]


LIAR = end(9, lost=("an order",))


@pytest.mark.parametrize(("last", "control", "code"), [
    (end(2), LIAR, 0), (end(2, lost=("an order",)), LIAR, 1), (end(2), end(9), 1),
])  # fmt: skip
def test_all_is_well_when_every_run_is_right_and_the_liar_is_found_out(
    ends: list[Any], last: End, control: End, code: int
) -> None:
    """The exit code is 0 then, and in no other case."""
    ends[:] = [end(1), last, control]
    assert cuts.main(["--cuts", "4", "--per-run", "2"]) == code


def test_runs_in_which_nobody_worked_after_the_switch_show_nothing(ends: list[Any], capsys: pytest.CaptureFixture[str]) -> None:
    """As in a torture: so many of them are wrong, a few are too few to tell."""
    ends[:] = [end(seed, run=survived(late_edits=0)) for seed in range(ENOUGH)]
    assert cuts.main(["--cuts", str(ENOUGH), "--per-run", "1", "--control", "0"]) == 1
    assert "nobody worked in the destination after the switch" in capsys.readouterr().out
