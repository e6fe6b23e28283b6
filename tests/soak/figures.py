"""What the hour came to, in figures, and which of them are not as they must be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from streamflow.sandbox.pair_config import SHARE_OF_ALLOWED
from tests.flow.sides import SIDES
from tests.flow.survival import Survived
from tests.flow.tally import NONE_ALLOWED, figures
from tests.soak.budget import Use, use
from tests.soak.calls import Call, Silence, above, most_per_s, rounds, silences
from tests.soak.changes import Change, Off, behind, off_by, quantile
from tests.soak.hour import Order, Seen
from tests.soak.samples import Sample, grows, slope_per_minute

BURST = 20.0
"""Calls that the simulated platforms take at once."""
IN_FLIGHT = 8
"""Calls of ours that may be under way at once, as the sandbox configures it."""
ROUND = {
    "leadtrekker": ("POST /api/getusers", "POST /api/getreminders"),
    "lead_perfection": ("POST /api/SalesApi/GetSalesApptDetailDateRange", "POST /api/Customers/GetJobStatusChanges"),
}  # fmt: skip
"""By source: a list with which a round of looks begins, but for a moment, and that with which it ends."""
LONG_MINUTES = 10.0
"""From so long a run on each form of silence, and need of the whole pace, must have been met."""
NEED_S = 60.0
LEAST_SHARE = 0.95
MOST_RSS_MIB = 150.0
MOST_SLOPE_KIB = 100.0
"""A minute, in the second half. By how much the ledger grew is told beside it, since each connection keeps up to 16 MB of its pages."""
FDS_ROOM = 2
"""Lines to the two platforms come and go."""
MOST_WAL_MIB = 64.0
ROOM_S = 5.0
"""Beyond the round that has to find them, until 99 of 100 changes are there; beyond what lies between two looks, until half of them are."""
LEAST_OFF_S = 1.25 + 1.0
"""How much too low the told age may be: as in `tests.simulate.lag`, and the whole seconds by which both accounts tell time."""
FORMS = ("seconds", "date")
KIB, MIB = 1024, 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """One platform's side of it."""

    name: str
    calls: int
    missed: int               # calls that were not looked at
    most_per_s: int
    above: int
    silences: tuple[Silence, ...]
    use: Use

    @property
    def early(self) -> int:
        """Give how many calls came in spite of a silence."""
        return sum(each.early for each in self.silences)

    @property
    def forms(self) -> Counter[str]:
        """Count the silences by the form in which they were asked for."""
        return Counter(each.form for each in self.silences)

    def wrongs(self, *, is_long: bool) -> Iterator[str]:
        """Name what is not as it must be."""
        if self.above:
            yield f"{self.name}: {self.above} calls above the limit"
        if self.early:
            yield f"{self.name}: {self.early} calls while silence was asked for"
        if self.missed:
            yield f"{self.name}: {self.missed} calls were not looked at"
        if self.use.share < LEAST_SHARE and self.use.seconds >= NEED_S:
            yield f"{self.name}: only {self.use.share:.1%} of the pace was used while there was need"
        if is_long and (unmet := [form for form in FORMS if not self.forms[form]]):
            yield f"{self.name}: nobody asked for silence by {' or '.join(unmet)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What the process held in the tail: memory in KiB, its slope in KiB a minute in the second half, open files, and sizes in bytes."""

    rss_kib: tuple[int, float, int]      # first, in the middle, last
    peak_kib: int
    slope_kib: float
    ledger_slope_kib: float
    fds: tuple[int, int]
    fds_grow: bool
    wal_bytes: int
    ledger_bytes: int

    @classmethod
    def of(cls, tail: Sequence[Sample], every: Sequence[Sample]) -> Memory:
        """Measure it by the looks at the tail; the log of writes by *every* look of the run."""
        rss, fds, half = [each.rss_kib for each in tail], [each.fds for each in tail], tail[len(tail) // 2 :]
        return cls(
            rss_kib=(rss[0], median(rss), rss[-1]), peak_kib=max(each.rss_kib for each in every),
            slope_kib=slope_per_minute([each.at for each in half], [each.rss_kib for each in half]), fds=(min(fds), max(fds)),
            ledger_slope_kib=slope_per_minute([each.at for each in half], [each.ledger_bytes / KIB for each in half]),
            fds_grow=grows(fds, room=FDS_ROOM), wal_bytes=max(each.wal_bytes for each in every), ledger_bytes=tail[-1].ledger_bytes,
        )  # fmt: skip

    def wrongs(self, *, is_long: bool) -> Iterator[str]:
        """Name what is not as it must be; by a short run nobody can tell what grows."""
        if self.peak_kib / KIB > MOST_RSS_MIB:
            yield f"memory: {self.peak_kib / KIB:.0f} MiB"
        if is_long and self.slope_kib > MOST_SLOPE_KIB:
            yield f"memory grows by {self.slope_kib:.0f} KiB a minute, the ledger by {self.ledger_slope_kib:.0f}"
        if is_long and self.fds_grow:
            yield f"open files grow: {self.fds[0]} to {self.fds[1]}"
        if self.wal_bytes / MIB > MOST_WAL_MIB:
            yield f"the write-ahead log had {self.wal_bytes / MIB:.0f} MiB"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lag:
    """
    How soon what people added was there.

    Args:
        interval_s: What lies between the beginnings of two looks at the source, in the middle.
        behind_s: Of each change, how long after the round that had to find it.
    """

    interval_s: float
    changes: tuple[Change, ...]
    behind_s: tuple[float, ...]
    never: int                # that never came: deleted or merged away before, or refused; the judge tells what is lost
    off: tuple[Off, ...]

    @property
    def below_s(self) -> float:
        """Give by how much the told lag was too low at most."""
        return max((each.below_s for each in self.off), default=0.0)

    @property
    def above_s(self) -> float:
        """Give by how much it was too high at most."""
        return max((each.above_s for each in self.off), default=0.0)

    def wrongs(self) -> Iterator[str]:
        """Name what is not as it must be."""
        if (half_s := quantile([each.wait_s for each in self.changes], 0.5)) > self.interval_s + ROOM_S:
            yield f"late: half of the changes were there after {half_s:.0f} s, looks are every {self.interval_s:.1f} s"
        if (late_s := quantile(self.behind_s, 0.99)) > ROOM_S:
            yield f"late: one in a hundred changes was there {late_s:.0f} s after the end of the round that had to find it"
        if self.below_s > LEAST_OFF_S:      # too high it is also where people merged, which moves what nobody touched: that is told alone
            yield f"untrue: the told lag was up to {self.below_s:.1f} s too low"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """All of it."""

    order: Order
    minutes: float
    platforms: tuple[Platform, Platform]
    memory: Memory
    lag: Lag
    unseen: int
    survived: Survived | None        # None: it came to no end, for what `failure` says
    failure: str

    @classmethod
    def of(cls, order: Order, survived: Survived | None, seen: Seen, failure: str = "") -> Figures:
        """Measure what was seen."""
        source = SIDES[order.pair].platform
        platforms = (
            _platform(source, seen, seen.source.calls, seen.source.missed, order.source_rate_per_s),
            _platform("nutshell", seen, seen.destination.calls, seen.destination.missed, order.rate_per_s),
        )
        return cls(
            order=order, minutes=(seen.frozen - seen.begun) / 60.0, platforms=platforms, memory=Memory.of(seen.tail, seen.samples),
            lag=_lag(order, seen, source), unseen=seen.unseen, survived=survived, failure=failure,
        )  # fmt: skip

    def wrongs(self) -> Iterator[str]:
        """Name what is not as it must be."""
        is_long = self.minutes >= LONG_MINUTES
        for platform in self.platforms:
            yield from platform.wrongs(is_long=is_long)
        yield from self.memory.wrongs(is_long=is_long)
        yield from self.lag.wrongs()
        if self.unseen > 0.01 * 60.0 * self.minutes + 3:
            yield f"the daemon could not be looked at {self.unseen} times"
        if self.survived is None:
            yield f"it came to no end: {self.failure}"
            return
        counted = figures(self.survived)
        yield from (f"{name}: {counted[name]}" for name in NONE_ALLOWED if counted[name])
        yield from map(str, self.survived.findings)
        yield from self.survived.leaks


def _platform(name: str, seen: Seen, calls: Sequence[Call], missed: int, allowed_per_s: float) -> Platform:
    return Platform(
        name=name, calls=len(calls), missed=missed, most_per_s=most_per_s(calls), above=above(calls, rate_per_s=allowed_per_s, burst=BURST),
        silences=tuple(silences(calls, in_flight=IN_FLIGHT)),
        use=use(seen.samples, calls, name, cap_per_s=allowed_per_s * SHARE_OF_ALLOWED),
    )  # fmt: skip


def _lag(order: Order, seen: Seen, source: str) -> Lag:
    first, last = ROUND[source]
    begun = rounds(seen.source.calls, first=first, last=last)
    between = [after - before for before, after in pairwise(begun) if seen.begun <= before and after <= seen.frozen]
    interval_s = median(between) if between else float(order.poll_s)
    tail = [each for each in seen.changes if seen.begun <= each.made <= seen.frozen and not each.was_touched]
    came = [each for each in tail if each.there is not None]
    off = [each for kind in sorted(seen.told_of) for each in off_by(seen.tail, seen.changes, begun, kind)]
    return Lag(
        interval_s=interval_s, changes=tuple(came), behind_s=tuple(behind(came, begun)), never=len(tail) - len(came), off=tuple(off),
    )
