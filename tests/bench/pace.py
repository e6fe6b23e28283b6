"""
The share of the allowed rate that a steady backfill uses, against a bucket of twenty that refills at exactly the configured cap.

What counts as steady: the seconds from a moment after the backfill began, and after an adaptive pace has found the cap, to a moment at
which the backfill still had work. How long the climb took is shown beside it; a 429 counts wherever in the run it came. The source is
read from files, so that nothing but the daemon and one simulator shares the machine.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import anyio

from tests.bench.rig import BenchError, Case, Daemon, Moment, daemon_for
from tests.bench.table import Figure

AT_LEAST = 0.95
SETTLE_S = 3.0        # of the backfill left out at its beginning
CLIMB_S = 10.0        # the longest that an adaptive pace is waited for
ROOM = 1.2            # records to spare, so that the backfill never runs out of work before the time is over


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One cap; the account is as large as *seconds* of steady work at it take."""

    cap_per_s: float
    seconds: float
    adaptive: bool

    @property
    def records(self) -> int:
        """Give how many source records keep the destination busy for that long, with one call for each."""
        climb_s = CLIMB_S if self.adaptive else 0.0
        return int(self.cap_per_s * ROOM * (SETTLE_S + climb_s + self.seconds))


TRIALS = (
    (Trial(cap_per_s=10, seconds=40, adaptive=False), Trial(cap_per_s=10, seconds=40, adaptive=True)),
    (Trial(cap_per_s=50, seconds=30, adaptive=False),),
    (Trial(cap_per_s=50, seconds=30, adaptive=True),),
    (Trial(cap_per_s=200, seconds=30, adaptive=False),),
    (Trial(cap_per_s=200, seconds=30, adaptive=True),),
)
"""Trials in one row run at the same time: those of ten calls a second leave the machine idle."""


async def figures(pair: str, records: int) -> list[Figure]:
    """Measure all caps; the size of the accounts follows from the caps."""
    found: dict[Trial, Figure] = {}

    async def one(trial: Trial) -> None:
        found[trial] = await _share(pair, trial)

    for row in TRIALS:
        async with anyio.create_task_group() as group:
            for trial in row:
                group.start_soon(one, trial)
    return [found[trial] for row in TRIALS for trial in row]


async def _share(pair: str, trial: Trial) -> Figure:
    case = Case(
        pair=pair, records=trial.records, reader="files", allowed_per_s=trial.cap_per_s, adaptive=trial.adaptive, sample=10, limit_s=600.0
    )
    async with daemon_for(case) as daemon:
        entered = await daemon.until("backfill")
        await anyio.sleep(SETTLE_S)
        climb_s = await _at_cap(daemon, trial)
        begun = await daemon.moment("steady")
        steady = await _after(daemon, trial)
    spent_s = steady.at_s - begun.at_s
    calls = sum(steady.destination.values()) - sum(begun.destination.values())
    mode = "adaptive" if trial.adaptive else "fixed"
    return Figure(
        name=f"share of {trial.cap_per_s:g} calls/s used in steady backfill, {mode}, {steady.throttled} x 429",
        value=calls / (trial.cap_per_s * spent_s) if not steady.throttled else 0.0, at_least=AT_LEAST, unit="share",
        details={
            "calls": calls, "seconds": round(spent_s, 2), "throttled": steady.throttled, "records": trial.records,
            "cpu_share": round((steady.cpu_s - begun.cpu_s) / spent_s, 3), "calls_before_backfill": sum(entered.destination.values()),
            "climb_s": round(climb_s, 1),
        },
    )  # fmt: skip


async def _at_cap(daemon: Daemon, trial: Trial) -> float:
    """Wait until an adaptive pace has found the cap, within reason; gives how long that took."""
    started = time.monotonic()
    while trial.adaptive and time.monotonic() - started < CLIMB_S:
        status = await daemon.get("/v1/status")
        if status["pace"]["nutshell"]["rate_per_s"] >= trial.cap_per_s:
            break
        await anyio.sleep(0.5)
    return time.monotonic() - started


async def _after(daemon: Daemon, trial: Trial) -> Moment:
    """Give the numbers after the seconds of a trial; raises BenchError when the backfill ended before."""
    with anyio.move_on_after(trial.seconds):
        await daemon.until("tail")
    if daemon.has_reached("tail"):
        raise BenchError(f"the backfill at {trial.cap_per_s:g}/s ended within the {trial.seconds:g} s that were to be measured")
    return await daemon.moment("steady")
