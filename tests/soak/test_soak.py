"""That the measures of `make soak` find what they are for; the hour itself is run by `make soak`."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from email.utils import formatdate
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.flow.measures import Calls
from tests.flow.survival import Survived
from tests.judge.marks import read_marks
from tests.judge.states import Destination, Finding
from tests.soak import recorder
from tests.soak.__main__ import main
from tests.soak.budget import use
from tests.soak.calls import Call, above, most_per_s, rounds, silences
from tests.soak.changes import Change, added, behind, off_by, only_added
from tests.soak.figures import Figures, Lag, Memory
from tests.soak.hour import Order, Seen
from tests.soak.recorder import Recorder
from tests.soak.samples import Sample, grows, look, read_figures, slope_per_minute
from tests.soak.table import table

T0 = 1_800_000_000.0
FIRST, LAST = "POST /api/getusers", "POST /api/getreminders"


def _called(*times_s: float, status: str = "200", name: str = "GET /x") -> list[Call]:
    return [Call(came=T0 + at, answered=T0 + at + 0.01, status=status, name=name) for at in times_s]


def _asks(at: float, seconds: int, form: str, status: str = "429") -> Call:
    asked = str(seconds) if form == "seconds" else formatdate(T0 + at + seconds, usegmt=True)
    return Call(came=T0 + at, answered=T0 + at, status=status, retry_after=asked)


def _looked(at: float, **more: Any) -> Sample:
    figures = {("snapshot_timestamp_seconds",): T0 + at, **more.pop("figures", {})}
    return Sample(at=T0 + at, **{"rss_kib": 90_000, "fds": 30, "wal_bytes": 0, "ledger_bytes": 0, **more}, figures=figures)


def test_calls_above_what_is_allowed_are_counted() -> None:
    """A bucket of twenty that is refilled by ten a second lets in so many and no more; the most within a second is told."""
    assert above(_called(*[0.0] * 20, *(0.1 * at for at in range(1, 50))), rate_per_s=10.0, burst=20.0) == 0
    assert above(_called(*[0.0] * 22, 0.1), rate_per_s=10.0, burst=20.0) == 2
    assert above(reversed(_called(*(0.05 * at for at in range(100)))), rate_per_s=10.0, burst=20.0) > 20
    assert most_per_s(_called(0.0, 0.5, 0.9, 1.2, 3.0)) == 3


@pytest.mark.parametrize("form", ["seconds", "date"])
@pytest.mark.parametrize("status", ["429", "503"])
def test_a_call_too_early_is_told(form: str, status: str) -> None:
    """While silence was asked for only calls that were on their way may come: as many as fit, and at once."""
    asking = _asks(10.0, 5, form, status)

    def seen(*times_s: float) -> tuple[int, int]:
        one = next(silences([asking, *_called(*times_s)], in_flight=3))
        return one.late, one.early

    assert seen(9.9, 10.2, 15.0, 15.1) == (1, 0)
    assert seen(12.0) == (0, 1)
    assert seen(14.8) == (0, 1)
    assert seen(10.1, 10.2, 10.3) == (2, 1)


def test_what_asks_for_no_silence_is_none() -> None:
    """Words that nobody can read, none at all, and another status ask for nothing."""
    odd = [replace(_asks(1.0, 5, "seconds"), retry_after=said) for said in ("", "in a while")]
    assert list(silences([*odd, _asks(1.0, 5, "seconds", status="200")], in_flight=8)) == []


def test_calls_that_the_log_forgot_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each call is taken over once, and those that fell out of the log before anybody asked are counted."""
    rows = [{"time": T0 + at, "answered": T0 + at, "status": 200, "name": "x", "retry_after": ""} for at in range(9)]
    logs = iter([rows[:2], rows[:2], rows[:4], rows])
    monkeypatch.setattr(recorder, "ask", lambda _url: {"total": len(log := next(logs)), "last": log[-3:]})
    one = Recorder("http://nowhere/")
    for _ in range(4):
        one.fetch()
    assert [call.came - T0 for call in one.calls] == [0, 1, 2, 3, 6, 7, 8]
    assert one.missed == 2


def _pressed(rate_waits: Sequence[float], rates: Sequence[float] = (10.0,) * 9) -> list[Sample]:
    """Looks ten seconds apart at which so many seconds had been waited for the rate."""
    return [
        _looked(10.0 * at, figures={
            ("throttled_seconds_total", "p", "rate"): waited, ("pace_rate_per_second", "p"): rates[at],
        })
        for at, waited in enumerate(rate_waits)
    ]  # fmt: skip


def test_only_what_is_used_while_there_is_need_counts() -> None:
    """Half of a pace is told as half, of a time without need nothing is said, and a pace that changes in between is no measure."""
    half = use(_pressed([0.0, 10.0]), _called(*(0.2 * at for at in range(50))), "p", cap_per_s=20.0)
    assert (half.share, half.of_cap, half.seconds) == (0.5, 0.25, 10.0)
    assert use(_pressed([0.0, 5.0]), [], "p", cap_per_s=20.0).seconds == 0.0
    assert use(_pressed([0.0, 10.0], (10.0, 5.0)), [], "p", cap_per_s=20.0).share == 1.0


def test_growth_is_told_from_jitter() -> None:
    """A count that grows is told, one that comes and goes is not; a slope is that of all looks."""
    assert grows([20 + at // 10 for at in range(90)], room=2)
    assert grows([20] * 60 + [24] * 30, room=2)
    assert not grows([20 + at % 3 for at in range(90)], room=2)
    assert slope_per_minute([0.0, 30.0, 60.0], [5.0, 6.0, 7.0]) == pytest.approx(2.0)
    assert slope_per_minute([0.0], [5.0]) == 0.0


def test_a_process_is_looked_at_as_it_is(tmp_path: Path) -> None:
    """Files that are opened are seen, and so is the size of the ledger's files."""
    (tmp_path / "ledger.sqlite-wal").write_bytes(b"x" * 1000)
    before = look(os.getpid(), tmp_path, at=1.0, address="")
    held = [(tmp_path / "ledger.sqlite-wal").open("rb") for _ in range(3)]
    after = look(os.getpid(), tmp_path, at=2.0, address="")
    for each in held:
        each.close()
    assert (after.fds - before.fds, after.wal_bytes, after.ledger_bytes) == (3, 1000, 0)
    assert after.rss_kib > 1000
    with pytest.raises(FileNotFoundError):
        look(2**22 + 1, tmp_path, at=3.0, address="")


def test_figures_are_read_by_name_and_labels() -> None:
    """What a scrape says is found by the name and the labels."""
    text = (
        'streamflow_snapshot_timestamp_seconds 5.0\nstreamflow_delta_lag_seconds{kind="note"} 2.5\nstreamflow_wal_bytes 3.0\n'
        'streamflow_throttled_seconds_total{platform="a",reason="b"} 7.0\n'
    )
    assert read_figures(text) == {
        ("snapshot_timestamp_seconds",): 5.0, ("delta_lag_seconds", "note"): 2.5, ("throttled_seconds_total", "a", "b"): 7.0,
    }  # fmt: skip


def _lags(*told: tuple[float, float]) -> list[Sample]:
    return [_looked(at, figures={("delta_lag_seconds", "note"): lag}) for at, lag in told]


def test_a_round_lasts_from_its_first_list_to_the_next_one_behind_its_last() -> None:
    """A first list that is asked for twice, and what is asked for between two rounds, begins none."""
    calls = [
        *_called(0.0, 0.1, 20.0, 40.0, name=FIRST), *_called(5.0, 5.1, 30.0, name=LAST), *_called(10.0, name="POST /api/getlead"),
    ]  # fmt: skip
    assert [at - T0 for at in rounds(calls, first=FIRST, last=LAST)] == [0.0, 20.0, 40.0]


def test_a_lag_that_is_not_true_is_told() -> None:
    """A change is at most as old as since it was made, and at least as since it was read for certain."""
    changes = [Change(kind="note", key="1", made=T0, there=T0 + 20.0)]
    begun = [T0 + 2.0, T0 + 7.0, T0 + 12.0, T0 + 17.0]

    def off(at: float, told: float) -> tuple[float, float]:
        found = next(off_by(_lags((at, told)), changes, begun, "note"))
        return found.below_s, found.above_s

    assert off(15.0, 9.0) == (0.0, 0.0)
    assert off(15.0, 3.0) == (5.0, 0.0)
    assert off(15.0, 0.0) == (8.0, 0.0)
    assert off(15.0, 18.0) == (0.0, 3.0)
    assert off(30.0, 4.0) == (0.0, 4.0)
    assert off(5.0, 0.0) == (0.0, 0.0)


def test_what_people_added_is_found_by_its_mark() -> None:
    """Of what people added before the freeze it is known when it was made and when it was there; what joined somebody older is left out."""
    deed = {"op": "create", "by": "life", "after_freeze": False, "kind": "notes", "time": "2027-01-15 10:00:00"}
    life = [
        {**deed, "id": "1"}, {**deed, "id": "2"}, {**deed, "id": "3"}, {**deed, "id": "4", "after_freeze": True},
        {**deed, "id": "9", "kind": "leads"}, {**deed, "id": "9", "kind": "leads", "op": "edit"},
    ]  # fmt: skip
    zone = ZoneInfo("Africa/Johannesburg")
    made = 1_800_000_000.0      # that very moment
    rows = {key: {"id": key, "body": f"x\n[sf:lt:note:{key}]", "createdTime": made + late} for key, late in (("1", 7.0), ("3", -50.0))}
    found = added(life, read_marks(Destination(live={"notes": rows}, deleted=frozenset())), zone)
    assert [(each.kind, each.key, each.made - made, each.there and each.there - made) for each in found] == [
        ("note", "1", 0.0, 7.0), ("note", "2", 0.0, None), ("lead", "9", 0.0, None),
    ]  # fmt: skip
    assert only_added(life) == {"note"}


def _survived(**more: Any) -> Survived:
    calls = Calls(told_to_wait=4, exceeded=0)
    given: dict[str, Any] = {
        "kills": 0, "phases": (), "code": 0, "findings": (), "points": {}, "missed": (), "doubts": {}, "calls": calls, "peak_mib": 90.0,
        "resumes_s": (), "leaks": (), "paused": 0, "restarts": 0, "deeds": 9, "edits": 5, "late_edits": 1, "strokes": {},
    }  # fmt: skip
    return Survived(**{**given, **more})


def _hour(minutes: int = 12) -> tuple[Order, Seen]:
    """A good run of a few minutes, as it would have been seen."""
    seen = Seen(source=Recorder(""), destination=Recorder(""), begun=T0, frozen=T0 + 60.0 * minutes)
    for one in (seen.source, seen.destination):
        one.calls = [_asks(30.0, 5, "seconds"), _asks(300.0, 5, "date"), *_called(*range(0, 60 * minutes, 5))]
    seen.source.calls += [*_called(*range(0, 60 * minutes, 10), name=FIRST), *_called(*range(3, 60 * minutes, 10), name=LAST)]
    silent = [(each.came, each.came + 5.0) for each in _called(30.0, 300.0)]
    for one in (seen.source, seen.destination):
        one.calls = [each for each in one.calls if not any(begun < each.came < ends for begun, ends in silent)]
    seen.samples = [_looked(at) for at in range(0, 60 * minutes)]
    seen.changes = [Change(kind="note", key=str(at), made=T0 + at, there=T0 + at + 8) for at in range(1, 60 * minutes - 60, 7)]
    return Order(minutes=minutes, seed=1), seen


def _set(what: Any, **values: Any) -> None:
    for name, value in values.items():
        setattr(what, name, value)


def _spoilt() -> Iterator[tuple[str, Any]]:
    yield "", lambda seen: None
    yield "leadtrekker: 30 calls above the limit", lambda seen: seen.source.calls.extend(_called(*[100.5] * 50))
    yield "nutshell: 1 calls while silence was asked for", lambda seen: seen.destination.calls.extend(_called(32.5))
    yield "nutshell: 4 calls were not looked at", lambda seen: _set(seen.destination, missed=4)
    yield "nobody asked for silence by date", lambda seen: _set(
        seen.source, calls=[each for each in seen.source.calls if each.form != "date"]
    )
    yield "open files grow", lambda seen: seen.samples.extend(_looked(719.0 + at / 1000, fds=40 + at) for at in range(9))
    yield "the write-ahead log had 65 MiB", lambda seen: seen.samples.append(_looked(20.0, wal_bytes=65 * 2**20))
    yield "memory: 151 MiB", lambda seen: seen.samples.append(_looked(20.0, rss_kib=151 * 1024))
    yield "memory grows by", lambda seen: _set(
        seen, samples=[replace(each, rss_kib=int(90_000 + 3 * (each.at - T0))) for each in seen.samples]
    )
    yield "the daemon could not be looked at 99 times", lambda seen: _set(seen, unseen=99)
    yield "late: half of", lambda seen: _set(seen, changes=[replace(each, there=each.made + 16) for each in seen.changes])
    yield "late: one in a hundred", lambda seen: _set(seen, changes=[replace(each, there=each.made + 28) for each in seen.changes])
    yield "untrue: the told lag", lambda seen: _set(seen, told_of={"note"}, changes=[
        replace(each, there=each.made + 14.0 + 30.0 * (each.key == "302")) for each in seen.changes
    ])  # fmt: skip


@pytest.mark.parametrize(("wrong", "spoil"), list(_spoilt()))
def test_each_bar_that_is_broken_is_told(wrong: str, spoil: Any) -> None:
    """A good hour is right; each planted fault is named."""
    order, seen = _hour()
    spoil(seen)
    found = Figures.of(order, _survived(), seen)
    told = list(found.wrongs())
    assert bool(told) == bool(wrong), told
    assert any(wrong in each for each in told) or not wrong, told
    assert all(table(found))


def test_what_the_judge_finds_breaks_the_hour() -> None:
    """A lost record, a leak and a call that the platform itself refused each make it wrong."""
    order, seen = _hour()
    lost = Finding(fault="lost", what="lead 7", why="is not there")
    for survived, wrong in (
        (_survived(findings=(lost,)), "lost: lead 7"), (_survived(leaks=("log: a name",)), "log: a name"),
        (_survived(calls=Calls(told_to_wait=4, exceeded=1)), "too fast: 1"),
    ):  # fmt: skip
        assert any(wrong in each for each in Figures.of(order, survived, seen).wrongs())


def test_an_hour_without_an_end_is_told_with_what_was_seen() -> None:
    """What was measured until then is not lost, and the hour is wrong."""
    order, seen = _hour()
    found = Figures.of(order, None, seen, "AssertionError: not done within 9 s")
    assert list(found.wrongs()) == ["it came to no end: AssertionError: not done within 9 s"]
    assert any(line.startswith("memory, slope") for line in table(found))


def test_an_hour_is_measured_by_what_was_seen_in_the_tail() -> None:
    """Memory and lag are those of the tail, and a change is late by the end of the round that had to find it."""
    order, seen = _hour()
    found = Figures.of(order, _survived(), seen)
    assert isinstance(found.memory, Memory)
    assert isinstance(found.lag, Lag)
    assert found.lag.interval_s == 10.0
    assert len(found.lag.changes) == len(seen.changes)
    assert list(behind([Change(kind="note", key="1", made=T0, there=T0 + at) for at in (9.0, 30.0)], [T0 + 2, T0 + 12])) == [0.0, 18.0]


def test_an_unknown_pair_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """A pair that does not exist ends the command before anything is started."""
    with pytest.raises(SystemExit):
        main(["--pair", "nothing-nutshell"])
    assert "invalid choice" in capsys.readouterr().err
