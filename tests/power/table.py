"""One table of all runs: a line for each, one for each pair, and one for all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from tests.judge.states import VERDICTS
from tests.power.end import End
from tests.power.medium import SECTOR

COUNTED = (
    "runs", "unfinished", "cuts", "at boot", "acked lost", *VERDICTS, "in doubt", "adopted", "resent", "queued", "open", "too fast",
    "leaks", "edits", "late edits",
)  # fmt: skip
COLUMNS = ("pair", "seed", *COUNTED, "back s", "minutes", "unflushed", "by what was left", "by phase")


def laid_out(ends: Sequence[End]) -> str:
    """Give the table as text."""
    rows = [COLUMNS, *_rows(sorted(ends, key=lambda each: each.trial.seed))]
    widths = [max(len(row[at]) for row in rows) for at in range(len(COLUMNS))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)


def _rows(ends: Sequence[End]) -> Iterator[Sequence[str]]:
    for end in ends:
        yield _cells(end.trial.pair, str(end.trial.seed), [end])
    pairs = sorted({end.trial.pair for end in ends})
    for pair in pairs:
        yield _cells(pair, "all", [end for end in ends if end.trial.pair == pair])
    if len(pairs) > 1:
        yield _cells("both", "all", ends)


def _cells(pair: str, seed: str, ends: Sequence[End]) -> Sequence[str]:
    counted = sum((end.figures for end in ends), Counter[str]())
    back = sorted(took_s for end in ends if end.run is not None for took_s in end.run.resumes_s)
    loose = [sectors for end in ends for sectors in end.loose]
    ways, phases = Counter(way for end in ends for way in end.ways), Counter(phase for end in ends for phase in end.phases)
    return (
        pair, seed, *(str(counted[name]) for name in COUNTED), f"{back[len(back) // 2]:.0f}" if back else "-",
        f"{sum(end.took_s for end in ends) / 60:.1f}", _unflushed(loose), _listed(ways), _listed(phases),
    )  # fmt: skip


def _listed(what: Counter[str]) -> str:
    return ", ".join(f"{name} {number}" for name, number in what.items()) or "-"


def _unflushed(loose: Sequence[int]) -> str:
    """Tell at how many cuts something was in the disk's cache, and how much at most: what is flushed no cut can take."""
    return f"{sum(map(bool, loose))} cuts, up to {max(loose, default=0) * SECTOR >> 10} KiB"
