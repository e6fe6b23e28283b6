"""Which runs a torture is made of, and what its table says of them: the runs themselves are in test_kills.py and test_points.py."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.flow import strokes, torture
from tests.flow.box import Box
from tests.flow.measures import Calls
from tests.flow.schedule import MANY, UNDONE_UNDER, again, parser, schedule
from tests.flow.strikes import PLACES
from tests.flow.strokes import Stroke
from tests.flow.survival import Survived, Trial
from tests.flow.tally import MOST_MIB, MOST_UP_S
from tests.flow.wanting import ENOUGH, KILLS, SURE, Met
from tests.judge.states import Finding

ONE = ("--kills", "3", "--points", "0", "--profiles", "calm", "--pair", "leadtrekker-nutshell")
LOST = Finding(fault="lost", what="lead 7", why="is not there")


def _scheduled(*words: str) -> list[Trial]:
    return schedule(parser().parse_args(words))


def _survived(**told: Any) -> Survived:
    given = {
        "kills": 3, "phases": ("probe", "tail", "tail"), "code": 0, "findings": (), "points": {}, "missed": (),
        "doubts": {"adopted": 2, "queued": 1},
        "calls": Calls(told_to_wait=4, exceeded=0, source_per_s=17, destination_per_s=31),
        "peak_mib": 70.0, "resumes_s": (0.5, 2.0), "leaks": (), "paused": 1, "deeds": 9,
        "edits": 8, "late_edits": 3, "restarts": 2, "strokes": {},
    }  # fmt: skip
    return Survived(**{**given, **told})


@pytest.fixture
def ends(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """Give the list of what the runs to come end with, an exception for one that does not."""
    planned: list[Any] = []

    def survive(trial: Trial) -> Survived:
        end = planned.pop(0)
        if isinstance(end, BaseException):
            raise end
        assert isinstance(end, Survived)
        return end

    attempt = torture._attempt
    monkeypatch.setattr(torture, "_attempt", lambda trial: attempt(trial, survive))
    yield planned
    assert not planned


def test_every_kill_is_dealt_out_over_all_profiles_pairs_and_readers() -> None:
    """A thousand kills are a thousand, in runs of as many as one can bear, and no reader belongs to one profile."""
    runs = _scheduled("--kills", "1000", "--points", "0")
    assert sum(run.kills for run in runs) == 1000
    assert max(run.kills for run in runs) == MANY
    assert len({(run.faults, run.pair, run.reader) for run in runs}) == 5 * 2 * 2
    assert len({run.seed for run in runs}) == len(runs)


def test_a_few_kills_still_go_round() -> None:
    """A short torture has a run of each profile and pair."""
    runs = _scheduled("--kills", "60", "--points", "0")
    assert Counter((run.faults, run.pair) for run in runs) == dict.fromkeys({(run.faults, run.pair) for run in runs}, 1)
    assert len(runs) == 10


def test_every_pair_and_reader_is_toured() -> None:
    """
    The named points are struck in a run of their own each that is taken back, and again and again in one that stays, among people.

    Those of rollbacks of a part are struck with people at work and without.
    """
    runs = _scheduled("--kills", "0")
    undone = [(run.pair, run.reader) for run in runs if run.undone]
    assert sorted(undone) == sorted({(run.pair, run.reader) for run in _scheduled("--kills", "400", "--points", "0")})
    parts = [run for run in runs if run.parts]
    assert {(run.pair, run.meddled) for run in parts} == {(pair, meddled) for pair, _ in undone for meddled in (False, True)}
    assert all(run.stops is not None and run.stops.within for run in parts)
    kept = [run for run in runs if not run.undone and not run.parts]
    assert {run.pair for run in kept} == {pair for pair, _ in undone}
    assert all(run.life and run.stops is not None and run.stops.times > 1 for run in kept)


@pytest.mark.parametrize("what", ["undone", "parts"])
def test_rollbacks_are_killed_with_people_at_work_and_without(what: str) -> None:
    """A hundred kills while all or parts are taken back are a hundred, of both pairs, in calm accounts and in others."""
    runs = _scheduled("--kills", "0", "--points", "0", f"--{what}", "100")
    assert sum(run.backs for run in runs) == 100
    assert {(run.pair, run.meddled, run.faults) for run in runs} == {
        (pair, meddled, profile) for pair in {run.pair for run in _scheduled("--kills", "0")} for meddled in (False, True)
        for profile in UNDONE_UNDER
    }  # fmt: skip
    assert all((run.undone, run.parts) == (what == "undone", what == "parts") for run in runs)


def test_both_platforms_have_a_limit_in_every_run() -> None:
    """A call too many is seen at either; where calls fail the limit is not what makes a run long."""
    for run in _scheduled("--kills", "40", "--undone", "20"):
        assert run.options["rate"] == run.options["source_rate"] == (40 if run.faults in ("calm", "slow") else 120)


@pytest.mark.parametrize(
    "words",
    [("--kills", "40", "--points", "0", "--seed", "7"), ("--kills", "0", "--undone", "30", "--parts", "30"), ("--kills", "0")],
)
def test_a_run_is_repeated_by_what_is_printed(words: tuple[str, ...]) -> None:
    """The words at the end of a torture schedule exactly the run that went wrong."""
    for run in _scheduled(*words):
        said = again(run).split()
        assert said[:3] == ["python", "-m", "tests.flow.torture"]
        assert _scheduled(*said[3:]) == [run]


def test_the_table_tells_what_came_of_every_run(ends: list[Any], capsys: pytest.CaptureFixture[str]) -> None:
    """Figures are summed, what is wrong or without an end makes the exit code, and how to repeat it stands below."""
    ends[:] = [_survived(), _survived(findings=(LOST,)), ValueError("broken")]
    assert torture.main([*ONE, "--kills", "9", "--per-run", "3"]) == 1
    said = capsys.readouterr().out
    assert "lost: lead 7: is not there" in said
    assert "UNFINISHED after 0 s: ValueError: broken" in said
    heads, cells = (line.split("  ") for line in said.splitlines() if line.startswith(("profile", "calm")))
    row = dict(zip([head.strip() for head in heads if head], [cell.strip() for cell in cells if cell], strict=True))
    assert row["runs"] == "2 (+1 unfinished)"
    figures = {
        "kills": "6", "in doubt": "6", "adopted": "4", "queued": "2", "lost": "1", "doubled": "0", "429": "8", "up s": "2.0",
        "peak MiB": "70", "edits": "16", "late edits": "6",
        "too large": "0", "source/s": "17", "dest/s": "31", "restarts": "4", "late up": "0",
    }  # fmt: skip
    assert {name: row[name] for name in figures} == figures
    assert [line.split("--seed ")[1] for line in said.splitlines() if line.startswith("again: ")] == ["2", "3"]


def test_a_torture_ended_early_tells_what_it_did(ends: list[Any], capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever stops it gets the table of the runs that ended."""
    ends[:] = [_survived(), SystemExit(143)]
    with pytest.raises(SystemExit):
        torture.main([*ONE, "--kills", "6", "--per-run", "3"])
    assert "3 kills in 0 minutes" in capsys.readouterr().out


def test_nothing_wrong_is_said_in_one_number(ends: list[Any], capsys: pytest.CaptureFixture[str]) -> None:
    """The exit code is 0 and nothing is left to repeat."""
    ends[:] = [_survived()]
    assert torture.main(ONE) == 0
    assert "again" not in capsys.readouterr().out


@pytest.mark.parametrize(
    "wrong", [{"leaks": ("a key in a log",)}, {"calls": Calls(told_to_wait=1, exceeded=1)}, {"doubts": {"open": 1}}, {"findings": (LOST,)},
     {"peak_mib": 2 * MOST_MIB}, {"missed": ("after:decision",)}, {"resumes_s": (0.5, 2 * MOST_UP_S)}],
)
def test_each_broken_promise_makes_a_run_wrong(ends: list[Any], wrong: dict[str, Any]) -> None:
    """A leak, a call too fast, a write left in doubt, memory without bound, a point not struck, a long start count as much as a finding."""
    ends[:] = [_survived(**wrong)]
    assert torture.main(ONE) == 1


def _met(runs: int, *, likely: float = SURE, times: int = 0, **told: Any) -> Met:
    """Give what so many runs met, in which one fault was to be expected so often, and struck so often, at one platform."""
    met = Met()
    struck = {("leadtrekker", "same_page"): Stroke(times=times, likely=likely / runs)}
    for _ in range(runs):
        met.add(Trial(seed=1, faults="lying", life=0.2), _survived(**{"strokes": struck, **told}))
    return met


def test_a_fault_that_never_struck_in_a_table_is_named_and_wrong() -> None:
    """Where runs and calls were enough for it to strike; in fewer it is named alone."""
    assert (list(_met(ENOUGH, times=1).words()), _met(ENOUGH, times=1).is_wanting) == ([], False)
    assert _met(ENOUGH).is_wanting
    [words] = _met(ENOUGH).words()
    assert words.startswith("WRONG: same_page of lying never struck at leadtrekker")
    for few in (_met(ENOUGH - 1), _met(ENOUGH, likely=SURE / 2)):
        assert not few.is_wanting
        assert [words.rpartition("; ")[2] for words in few.words()] == ["too few to tell"]


def test_a_table_in_which_nobody_worked_after_the_switch_is_wrong() -> None:
    """Edits that all came before it show nothing of what the watch does to people's work."""
    assert _met(ENOUGH, times=1, late_edits=0).is_wanting
    assert not _met(ENOUGH, times=1, late_edits=1).is_wanting
    assert not _met(ENOUGH - 1, times=1, late_edits=0).is_wanting


def test_a_table_whose_kills_spared_a_part_of_the_run_is_wrong() -> None:
    """Of many kills some strike in each part; of few none may have."""
    everywhere = [place for place in PLACES for _ in range(KILLS // len(PLACES) + 1)]
    met = _met(1, times=1, phases=tuple(everywhere))
    assert not met.is_wanting
    for spared in PLACES:
        rest = tuple(phase for phase in everywhere * 2 if phase != spared)
        assert (met := _met(1, times=1, phases=rest)).is_wanting
        assert list(met.words()) == [f"WRONG: none of {len(rest)} random kills struck in {spared}"]
        assert not _met(1, times=1, phases=rest[: KILLS - 1]).is_wanting
    assert list(_met(1, times=1, phases=()).words()) == [], "a tour has none"


def test_what_a_table_lacks_makes_its_exit_code(ends: list[Any], capsys: pytest.CaptureFixture[str]) -> None:
    """Every run right, and yet nothing shown of what was to be shown."""
    ends[:] = [_survived(late_edits=0) for _ in range(ENOUGH)]
    assert torture.main([*ONE, "--kills", str(3 * ENOUGH), "--per-run", "3"]) == 1
    assert "nobody worked in the destination after the switch" in capsys.readouterr().out


def test_what_is_to_be_expected_of_a_fault_hangs_on_its_rules_and_the_calls(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """By path, chance and the calls that are spared; lies count where they changed an answer; what holds all the time is no stroke."""
    calls = {"POST /rest/contacts": 32, "POST /rest/notes": 112, "GET /rest/users": 856}
    log = {"total": 1000, "calls": calls, "faults": {"poison": 3, "same_page": 20}, "lied": {"same_page": 2},
           "could_lie": {"same_page": 60, "moved_rows": 50}}  # fmt: skip
    monkeypatch.setattr(strokes, "ask", lambda url: log if url == "there/log" else {**log, "total": 0})
    box = Box(dir=tmp_path, source_admin="nobody/", destination_admin="there/")
    hostile = strokes.strokes(box, "hostile")
    assert {platform for platform, _ in hostile} == {"nutshell"}, "of a source that nobody calls nothing is expected"
    assert (hostile["nutshell", "poison"].times, hostile["nutshell", "reset_after"].times) == (3, 0)
    assert hostile["nutshell", "poison"].likely == pytest.approx(144 * 0.01 / 2)
    assert hostile["nutshell", "reset_after"].likely == pytest.approx(8)
    assert hostile["nutshell", "plan_limit"].likely == 6
    assert hostile["nutshell", "deny"].likely == 10
    lying = strokes.strokes(box, "lying")
    assert lying["nutshell", "same_page"].times == 2
    assert [lying["nutshell", name].likely for name in ("same_page", "moved_rows")] == pytest.approx([60 * 0.02, 50 * 2 * 0.02])
    assert set(strokes.provided("lying", "leadtrekker")) == {"empty_200", "error_200", "same_page", "no_paging", "no_filter", "moved_rows"}
