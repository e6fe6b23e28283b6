"""
Many kills over whole runs: `python -m tests.flow.torture --kills 60 --undone 40`; prints one table of what was done and what came of it.
"""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import get_context

from tests.flow.schedule import again, parser, schedule
from tests.flow.strikes import told as told_by_phase
from tests.flow.survival import Survived, Trial, survive
from tests.flow.tally import Line, is_right, laid_out, name_of
from tests.flow.wanting import Met
from tests.judge.comparison import told
from tests.longrun import begin, leave, say


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """What became of one run: what it survived, or why it came to no end."""

    trial: Trial
    took_s: float
    run: Survived | None = None
    failure: str = ""

    @property
    def is_right(self) -> bool:
        """Say whether it ended, and with every promise kept."""
        return self.run is not None and is_right(self.run)


def main(arguments: Sequence[str] | None = None) -> int:
    """
    Run migrations until so many kills were survived, and print the table.

    Gives 0 when every promise held in all of them, and they met what they had to meet.
    """
    given = parser().parse_args(arguments)
    table: dict[tuple[str, str, str], Line] = {}
    bad: list[Trial] = []
    met = Met()
    began = time.monotonic()
    try:
        for end in _ends(schedule(given), given.jobs):
            line = table.setdefault(name_of(end.trial), Line())
            if end.run is None:
                line.failed += 1
            else:
                line.add(end.run)
                met.add(end.trial, end.run)
            if not end.is_right:
                bad.append(end.trial)
            for words in _words(end):
                say(words)
    finally:    # hours of runs are not lost to whoever ends them early
        say(f"\n{laid_out(table)}\n\n{_cost(table.values(), time.monotonic() - began)}")
        if met.phases:
            say(f"random kills by phase: {told_by_phase(met.phases)}")
        for words in met.words():
            say(words)
        for trial in bad:
            say(f"again: {again(trial)}")
    return 1 if bad or met.is_wanting else 0


def _ends(trials: Sequence[Trial], jobs: int) -> Iterator[End]:
    """Run so many side by side, each in a process of its own, and give their ends in the order they were asked for."""
    if jobs == 1:
        yield from map(_attempt, trials)
        return
    with get_context("spawn").Pool(jobs, signal.signal, (signal.SIGTERM, leave), maxtasksperchild=1) as pool:
        yield from pool.imap(_attempt, trials)
        pool.close()
        pool.join()


def _attempt(trial: Trial, survives: Callable[[Trial], Survived] = survive) -> End:
    began = time.monotonic()
    try:
        run = survives(trial)
    except Exception as failure:  # one run that breaks down must not take the others along: it stands in the table as unfinished
        return End(trial=trial, took_s=time.monotonic() - began, failure=f"{type(failure).__name__}: {failure}")
    return End(trial=trial, took_s=time.monotonic() - began, run=run)


def _words(end: End) -> Iterator[str]:
    """Tell of one run."""
    trial, run = end.trial, end.run
    profile, pair, how = name_of(trial)
    where = f"run {trial.seed} {profile} {pair} by {trial.reader}"
    if run is None:
        yield f"{where}: UNFINISHED after {end.took_s:.0f} s: {end.failure}"
        return
    struck = ", ".join(f"{phase} {count}" for phase, count in Counter(run.phases).items()) or f"{len(run.points)} {how}"
    yield f"{where}: {run.kills} kills ({struck}), exit code {run.code}, {end.took_s:.0f} s: {'right' if end.is_right else 'WRONG'}"
    if run.findings:
        yield told(run.findings)
    yield from run.leaks
    if run.missed:
        yield f"never struck: {', '.join(run.missed)}"


def _cost(lines: Iterable[Line], took_s: float) -> str:
    kills = sum(line.sums["kills"] for line in lines)
    return f"{kills} kills in {took_s / 60:.0f} minutes, {took_s / max(kills, 1):.1f} s each"


if __name__ == "__main__":
    begin(main)
