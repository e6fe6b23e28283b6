"""What people added in the source, when it was there in the destination, and whether the lag that was told in between was true."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from tests.judge.marks import Marks
from tests.soak.samples import Sample

A_WHILE_S = 120.0
GRAIN_S = 1.0
"""Both accounts write times down in whole seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """
    A record that somebody added; times are Unix seconds, `there` None when it never came.

    Of one that people touched since nobody can tell by the end when it came first: what is there may have been made anew.
    """

    kind: str
    key: str
    made: float
    there: float | None
    was_touched: bool = False

    @property
    def wait_s(self) -> float:
        """Give how long it took; what came is told in whole seconds at both ends."""
        assert self.there is not None
        return max(0.0, self.there - self.made)


def added(life: Iterable[Mapping[str, Any]], marks: Marks, zone: ZoneInfo) -> list[Change]:
    """Give what was added by people before the freeze, by the source's own book and the marks in the destination."""
    deeds = list(life)
    touched = {_identity(each) for each in deeds if each["op"] != "create"}
    moved = {_owner(each) for each in deeds if each["op"] == "merge" or (each["op"] == "delete" and str(each["id"]) == _owner(each))}
    moved |= {str(each["into"]) for each in deeds if each.get("into")}
    changes = []
    for deed in deeds:
        if deed["op"] == "create" and deed["by"] == "life" and not deed["after_freeze"]:
            kind, key = str(deed["kind"]).removesuffix("s"), str(deed["id"])
            made = datetime.fromisoformat(str(deed["time"])).replace(tzinfo=zone).timestamp()
            times = [float(row["createdTime"]) for _, (_, row) in marks.of(kind, key)]
            there = max((at for at in times if at >= made - GRAIN_S), default=None)      # of several parts all must be there
            if there is not None or not times:       # who joined somebody that was there before leaves no time of their own
                was_touched = _identity(deed) in touched or _owner(deed) in moved
                changes.append(Change(kind=kind, key=key, made=made, there=there, was_touched=was_touched))
    return changes


def _identity(deed: Mapping[str, Any]) -> tuple[str, str]:
    return str(deed["kind"]), str(deed["id"])


def _owner(deed: Mapping[str, Any]) -> str:
    """Give whose record it is, by either source's name for that."""
    return str(deed.get("leadid") or deed.get("cst_id") or "")


def only_added(life: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """Give the kinds of which people did nothing but add: of these alone it is known from outside what waited when."""
    deeds = defaultdict(set)
    for deed in life:
        deeds[str(deed["kind"]).removesuffix("s")].add(deed["op"])
    return frozenset(kind for kind, done in deeds.items() if done == {"create"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Off:
    """At one look, Unix seconds, by how many seconds the told lag of a kind was too low or too high for certain; 0 where it may be so."""

    kind: str
    at: float
    told_s: float
    below_s: float
    above_s: float


def off_by(samples: Iterable[Sample], changes: Sequence[Change], rounds: Sequence[float], kind: str) -> Iterator[Off]:
    """
    Hold the told lag of a kind against what is known from outside, look by look.

    A change is at most as old as since it was made. At least as old as since the end of the round at whose beginning it was there:
    by then it has been read. Changes that never came, or that people touched since, may have waited for a while or not.
    """
    mine = sorted((each for each in changes if each.kind == kind), key=lambda each: each.made)
    for sample in samples:
        now = sample.taken_at
        if not now:
            continue
        told = sample.figure("delta_lag_seconds", kind)
        waiting = [each for each in mine if each.made <= now < _waited_until(each)]
        most = max((now - each.made for each in waiting), default=0.0)
        surely = (each for each in waiting if not each.was_touched and each.there is not None and each.there > now)
        least = max((now - read for each in surely if (read := read_by(each.made + GRAIN_S, rounds)) is not None), default=0.0)
        yield Off(kind=kind, at=now, told_s=told, below_s=max(0.0, least - told), above_s=max(0.0, told - most))


def _waited_until(change: Change) -> float:
    """Give until when it may have waited at most, by whole seconds."""
    return change.made + A_WHILE_S if change.there is None or change.was_touched else change.there + GRAIN_S


def read_by(made: float, rounds: Sequence[float]) -> float | None:
    """Give when what was there at *made* had been read for certain: by the start of the round after the first one that began later."""
    after_next = bisect_left(rounds, made) + 1
    return rounds[after_next] if after_next < len(rounds) else None


def behind(changes: Iterable[Change], rounds: Sequence[float]) -> Iterator[float]:
    """
    Give by how many seconds each change was there later than the end of the round that had to find it; 0 within it.

    How long a round takes hangs on the pace that platforms allow and on how busy the machine is; that nothing outlasts its own does not.
    """
    for each in changes:
        if each.there is not None and not each.was_touched and (ends := read_by(each.made + GRAIN_S, rounds)) is not None:
            yield max(0.0, each.there - ends)


def quantile(values: Sequence[float], share: float) -> float:
    """Give the value that so much of all does not exceed; 0 for none."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))] if values else 0.0
