"""Many kills over whole runs: `python -m tests.flow.torture --kills 60`; prints one table of what was done and what came of it."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import cycle

from streamflow.sandbox.profiles import SHIPPED
from tests.flow.sides import SIDES
from tests.flow.stopping import POINTS, Stops
from tests.flow.survival import Survived, Trial, survive
from tests.judge.comparison import told
from tests.judge.states import VERDICTS

READERS = ("api", "files")
RATE_PER_S = 120.0
"""What the destination allows in every run: a call too many is seen."""
COLUMNS = (
    "profile", "pair", "runs", "kills", "in doubt", "adopted", "resent", "queued", *VERDICTS, "429", "too fast", "leaks", "let on",
    "peak MiB",
)  # fmt: skip


@dataclass(slots=True)
class Line:
    """What came of the runs of one profile and pair."""

    runs: int = 0
    failed: int = 0
    sums: Counter[str] = field(default_factory=Counter)
    peak_mib: float = 0.0

    def add(self, run: Survived) -> None:
        """Count a run that came to its end."""
        self.runs += 1
        self.sums.update(run.doubts)
        self.sums.update({
            "kills": run.kills, "in doubt": sum(run.doubts.values()), "429": run.calls.told_to_wait, "too fast": run.calls.exceeded,
            "leaks": len(run.leaks), "let on": run.paused,
        })  # fmt: skip
        self.sums.update(each.verdict for each in run.findings)
        self.peak_mib = max(self.peak_mib, run.peak_mib)

    @property
    def is_right(self) -> bool:
        """Say whether every promise held in all of them."""
        return not (self.failed or any(self.sums[name] for name in (*VERDICTS, "too fast", "leaks")))

    def cells(self, profile: str, pair: str) -> list[str]:
        """Give the line of the table; runs that came to no end stand beside those that did."""
        sums = {name: str(self.sums[name]) for name in COLUMNS}
        runs = f"{self.runs}" + (f" (+{self.failed} unfinished)" if self.failed else "")
        return [*{**sums, "profile": profile, "pair": pair, "runs": runs, "peak MiB": f"{self.peak_mib:.0f}"}.values()]


def trials(given: argparse.Namespace) -> Iterator[Trial]:
    """Give the runs in order: each profile and pair in turn, until all kills are dealt out; each run has a seed of its own."""
    readers = cycle(READERS if given.reader == "both" else (given.reader,))
    turns = cycle([(profile, pair) for pair in given.pair for profile in given.profiles])
    left, seed = given.kills, given.seed
    for profile, pair in turns:
        if left <= 0:
            return
        kills = min(left, given.per_run)
        yield Trial(
            seed=seed, kills=kills, pair=pair, reader=next(readers), records=given.records, faults=profile, life=given.life,
            rate_per_s=RATE_PER_S, limit_s=given.limit,
        )  # fmt: skip
        left, seed = left - kills, seed + 1


def tours(given: argparse.Namespace) -> Iterator[Trial]:
    """Give a run for each pair that is struck at every named point there is, and rolled back at its end."""
    for pair in given.pair if given.points else ():
        yield Trial(
            seed=given.seed, stops=Stops(times=given.points), pair=pair, records=given.records, life=given.life, undone=True,
            rate_per_s=RATE_PER_S, limit_s=3 * given.limit,
        )  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Run migrations until so many kills were survived, print the table, and give 0 when every promise held in all of them."""
    given = _parser().parse_args(arguments)
    table: dict[tuple[str, str], Line] = {}
    for trial in (*tours(given), *trials(given)):
        name = trial.faults if trial.stops is None else "points"
        line = table.setdefault((name, trial.pair), Line())
        began = time.monotonic()
        try:
            run = survive(trial)
        except AssertionError as failure:
            line.failed += 1
            _say(f"run {trial.seed} {name} {trial.pair} by {trial.reader}: UNFINISHED: {failure}")
            continue
        line.add(run)
        struck = ", ".join(f"{phase} {count}" for phase, count in Counter(run.phases).items()) or f"{len(run.points)} points"
        verdict = "WRONG" if run.findings or run.leaks or run.calls.exceeded else "right"
        where = f"run {trial.seed} {name} {trial.pair} by {trial.reader}"
        _say(f"{where}: {run.kills} kills ({struck}), exit code {run.code}, {time.monotonic() - began:.0f} s: {verdict}")
        for words in (told(run.findings) if run.findings else "", *run.leaks, *_missed(trial, run)):
            if words:
                _say(words)
    _say("\n" + "\n".join(_laid_out([list(COLUMNS), *(line.cells(*key) for key, line in table.items())])))
    return 0 if all(line.is_right for line in table.values()) else 1


def _missed(trial: Trial, run: Survived) -> Iterator[str]:
    """Name the points that a run for all of them did not come by."""
    if trial.stops is not None and (missed := [point for point in POINTS if f"before:{point}" not in run.points]):
        yield f"never struck: {', '.join(missed)}"


def _laid_out(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _say(words: str) -> None:
    sys.stdout.write(words + "\n")
    sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.flow.torture", description=main.__doc__)
    parser.add_argument("--kills", type=int, default=60, help="how many random kills in all")
    parser.add_argument("--per-run", type=int, default=6, help="kills in one run")
    parser.add_argument("--points", type=int, default=1, metavar="N", help="strike every named point N times, a run for each pair")
    parser.add_argument("--records", type=int, default=100, help="source records of a run")
    parser.add_argument("--life", type=float, default=0.2, help="changes a second that people make in the source")
    parser.add_argument("--limit", type=float, default=600.0, help="seconds that a run may take")
    parser.add_argument("--seed", type=int, default=1, help="of the first run; each further one takes the next")
    parser.add_argument("--pair", choices=tuple(SIDES), nargs="+", default=list(SIDES))
    parser.add_argument("--profiles", choices=SHIPPED, nargs="+", default=list(SHIPPED), metavar="PROFILE", help=", ".join(SHIPPED))
    parser.add_argument("--reader", choices=(*READERS, "both"), default="both", help="both: runs take turns, beginning with the API")
    return parser


if __name__ == "__main__":
    sys.exit(main())
