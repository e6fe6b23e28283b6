"""Where random kills strike: in each part of a run alike many, soon after it is at work there, and the watch waits for them."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.flow import hands as of_hands
from tests.flow.box import Box
from tests.flow.hands import DAY_S, STILL_S, Hands
from tests.flow.strikes import AT_WORK_S, LIFETIME_S, PHASES, by_place, dealt, told
from tests.flow.survival import Trial, _watch_s

RATES = {"lag_s": 3.0, "eta_s": 60.0}


class Struck:
    """A daemon in name, that is killed and started."""

    process = None

    def kill(self) -> None:
        """Be no more."""

    def start(self) -> None:
        """Be there again."""


class Now:
    """A clock that stands still until somebody sets it."""

    now_s = 1000.0

    def monotonic(self) -> float:
        """Give the time."""
        return self.now_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Now:
    """Give the clock of the hands."""
    now = Now()
    monkeypatch.setattr(of_hands, "time", now)
    return now


def _hands(folder: Path, *wanted: str) -> Hands:
    (folder / "keys").mkdir()
    (folder / "streamflow.toml").write_text(f"[cutover]\nwatch_days = {1.0:.6f}\ndeadline_s = 120\n", encoding="utf-8")
    hands = Hands(Box(dir=folder, source_admin="", destination_admin=""), random.Random(1), list(wanted))
    hands.daemon = Struck()  # type: ignore[assignment]
    hands._measure = lambda: None  # type: ignore[method-assign]
    return hands


def _see(hands: Hands, phase: str, *, read: int = 0, **more: float) -> float:
    """Show the hands a status; gives in how many seconds they strike."""
    hands._phase = phase
    status: Mapping[str, Any] = {"phase": phase, "streams": {"lead": {"read": read, "backlog": 0, **RATES, **more}}}
    hands._aim(status)
    return hands._kill_at - of_hands.time.monotonic()


@pytest.mark.parametrize("kills", [5, 15, 1000])
def test_kills_are_dealt_out_evenly_over_a_run(kills: int) -> None:
    """Each part of a run gets as many as any other, or one more; those of the odd ones differ from seed to seed."""
    wanted = dealt(kills, random.Random(1))
    assert wanted == sorted(wanted, key=PHASES.index)
    parts = by_place(Counter(wanted))
    assert sum(parts.values()) == kills
    assert max(parts.values()) - min(parts.values()) <= 1
    of_seeds = [by_place(Counter(dealt(kills, random.Random(seed)))) for seed in range(9)]
    assert any(each != parts for each in of_seeds)


def test_a_kill_strikes_where_it_is_meant_to_or_later(tmp_path: Path, clock: Now) -> None:
    """Not before the run is there, soon once something is done there, whatever the time does to it; in a later phase where it is over."""
    hands = _hands(tmp_path, "backfill", "backfill")
    assert _see(hands, "sample") == float("inf")
    assert LIFETIME_S[0] <= (left_s := _see(hands, "backfill")) <= LIFETIME_S[1]
    assert _see(hands, "backfill", lag_s=9.0, eta_s=5.0) == left_s
    assert _see(hands, "backfill", read=1) <= min(left_s, AT_WORK_S[1])
    hands._strike()
    assert hands.struck == ["backfill"]
    assert _see(hands, "tail", read=1) <= LIFETIME_S[1], "a phase that is over is not waited for"
    assert _see(hands, "tail", read=2) <= AT_WORK_S[1]


def test_what_is_at_work_is_never_struck_later_for_it(tmp_path: Path, clock: Now) -> None:
    """A life that was to be short stays as short."""
    hands = _hands(tmp_path, "sample")
    _see(hands, "sample")
    hands._kill_at = clock.now_s
    assert _see(hands, "sample", read=1) == 0


@pytest.mark.parametrize(("watch_s", "in_watch_s", "ends_s"), [
    (STILL_S, None, STILL_S), (STILL_S, 30.0, 30.0 + STILL_S), (53.0, 30.0, 53.0), (53.0, 60.0, 60.0 + STILL_S), (0.0, 30.0, 30.0),
])  # fmt: skip
def test_the_watch_lasts_until_all_kills_have_struck_and_some_time_more(
    watch_s: float, in_watch_s: float | None, ends_s: float, tmp_path: Path, clock: Now
) -> None:
    """So long since somebody saw the switch, and some time behind the last kill, for a start and some looks; till then it has no end."""
    hands = _hands(tmp_path, "cutover", "watch" if in_watch_s is not None else "cutover")
    hands.watch_s = watch_s
    hands._strike()
    assert "watch_days = 1.000000\n" in hands.box.config.read_text(encoding="utf-8")
    if in_watch_s is not None:
        hands._watched_at, hands._switched_s = clock.now_s, 5.0
        clock.now_s += in_watch_s
    hands._strike()
    [days] = [line.split(" = ")[1] for line in hands.box.config.read_text(encoding="utf-8").splitlines() if line.startswith("watch_days")]
    unseen_s = 0.0 if in_watch_s is None else 5.0
    assert float(days) * DAY_S == pytest.approx(unseen_s + ends_s, abs=0.1)


@pytest.mark.parametrize(("more", "shown_s"), [
    ({"faults": "calm"}, 0.0), ({"faults": "slow"}, 45.0), ({"faults": "lying"}, 20.0), ({"faults": "slow", "reader": "files"}, 0.0),
])  # fmt: skip
def test_what_is_written_after_the_switch_shows_before_the_watch_is_over(more: dict[str, str], shown_s: float, tmp_path: Path) -> None:
    """The watch is longer than the source takes to show it; files show what was exported at once."""
    box = Box(dir=tmp_path, source_admin="", destination_admin="")
    assert _watch_s(Trial(seed=1, life=0.2, **more), box) == shown_s + STILL_S  # type: ignore[arg-type]


def test_where_kills_struck_is_told_in_the_order_of_a_life() -> None:
    """And where none did that should have."""
    assert told(Counter(("watch", "tail", "map", "tail"))) == "map 1, sample 0, backfill 0, tail 2, cutover 0, watch 1"
