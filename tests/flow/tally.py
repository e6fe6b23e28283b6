"""What came of many whole runs, laid out as one table: a line for each profile and pair, and how many kills a run had."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tests.flow.survival import Survived, Trial
from tests.judge.states import VERDICTS

COLUMNS = (
    "profile", "pair", "a run", "runs", "kills", "in doubt", "adopted", "resent", "queued", "open", *VERDICTS, "429", "too fast",
    "source/s", "dest/s", "leaks", "too large", "missed", "edits", "late edits", "let on", "restarts", "up s", "late up", "peak MiB",
)  # fmt: skip
NONE_ALLOWED = (*VERDICTS, "open", "too fast", "leaks", "too large", "missed", "late up")
"""What must be zero in every run."""
MOST_MIB = 320.0
"""A small account, and a body that is as large as one may be while it is read and parsed: what takes more holds what it should not."""

MOST_UP_S = 30.0
"""From a start to the first answer, on a machine that may be busy with other runs: what takes longer hangs. What 99 in 100 took is told."""
MOST_SEEN = ("source/s", "dest/s")
"""Calls within one second: of many runs the most is told."""


@dataclass(slots=True)
class Line:
    """What came of the runs of one profile and pair with so many kills each."""

    runs: int = 0
    failed: int = 0
    sums: Counter[str] = field(default_factory=Counter)
    resumes_s: list[float] = field(default_factory=list)
    peak_mib: float = 0.0

    def add(self, run: Survived) -> None:
        """Count a run that came to its end."""
        self.runs += 1
        for name, figure in figures(run).items():
            self.sums[name] = max(self.sums[name], figure) if name in MOST_SEEN else self.sums[name] + figure
        self.resumes_s.extend(run.resumes_s)
        self.peak_mib = max(self.peak_mib, run.peak_mib)

    @property
    def is_right(self) -> bool:
        """Say whether every promise held in all of them."""
        return not (self.failed or any(self.sums[name] for name in NONE_ALLOWED))

    def cells(self, profile: str, pair: str, kills: str) -> list[str]:
        """Give the line of the table; runs that came to no end stand beside those that did."""
        told = {name: str(self.sums[name]) for name in COLUMNS}
        runs = f"{self.runs}" + (f" (+{self.failed} unfinished)" if self.failed else "")
        up = f"{_hundredth(self.resumes_s):.1f}" if self.resumes_s else "-"
        given = {"profile": profile, "pair": pair, "a run": kills, "runs": runs, "up s": up, "peak MiB": f"{self.peak_mib:.0f}"}
        return [*{**told, **given}.values()]


def figures(run: Survived) -> Counter[str]:
    """Give what is counted of one run, by column."""
    figured = Counter(run.doubts)
    figured.update({
        "kills": run.kills, "in doubt": sum(run.doubts.values()), "429": run.calls.told_to_wait, "too fast": run.calls.exceeded,
        "leaks": len(run.leaks), "let on": run.paused, "restarts": run.restarts, "edits": run.edits, "late edits": run.late_edits,
        "too large": int(run.peak_mib > MOST_MIB),
        "missed": len(run.missed), "source/s": run.calls.source_per_s, "dest/s": run.calls.destination_per_s,
        "late up": sum(1 for took_s in run.resumes_s if took_s > MOST_UP_S),
    })  # fmt: skip
    figured.update(each.verdict for each in run.findings)
    return figured


def is_right(run: Survived) -> bool:
    """Say whether every promise held in this run."""
    return not any(figures(run)[name] for name in NONE_ALLOWED)


def name_of(trial: Trial) -> tuple[str, str, str]:
    """Give the line that a run belongs to: profile, pair, and how it is struck."""
    if trial.stops is not None:
        what = "points, undone" if trial.undone else "points, parts" if trial.parts else "points"
        return (trial.faults, trial.pair, f"{what}, people" if trial.meddled else what)
    what = f"{trial.backs} {'in parts' if trial.parts else 'undone'}"
    back = f"{what}, people" if trial.meddled else what
    return (trial.faults, trial.pair, back if trial.backs else str(trial.kills))


def laid_out(table: Mapping[tuple[str, str, str], Line]) -> str:
    """Give the table as text."""
    rows: list[Sequence[str]] = [COLUMNS, *(line.cells(*name) for name, line in table.items())]
    widths = [max(len(row[at]) for row in rows) for at in range(len(COLUMNS))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)


def _hundredth(times_s: Sequence[float]) -> float:
    """Give what all but one in a hundred stayed below."""
    ordered = sorted(times_s)
    return ordered[(len(ordered) - 1) * 99 // 100]
