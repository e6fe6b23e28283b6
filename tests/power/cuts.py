"""Whole runs in an emulated machine whose power is cut at seeded moments, and one whose disk lies, which must be found out; one table."""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from tests.flow.box import Box
from tests.flow.sides import SIDES
from tests.flow.survival import Survived, Trial, survive
from tests.judge.comparison import told
from tests.judge.states import VERDICTS
from tests.power.device import device
from tests.power.image import Image, build, wanting
from tests.power.machine import Machine, new_disk
from tests.power.medium import SECTOR
from tests.power.plug import Plug

COLUMNS = (
    "seed", "pair", "cuts", "at boot", "by phase", "by what was left", "unflushed", "acked lost", *VERDICTS, "in doubt", "adopted",
    "resent", "queued", "open", "too fast", "leaks", "edits", "back s", "minutes",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """What became of one run, or why it came to no end; what the plug saw is there in any case."""

    trial: Trial
    took_s: float
    run: Survived | None = None
    failure: str = ""
    lost: tuple[str, ...] = ()
    ways: tuple[str, ...] = ()
    loose: tuple[int, ...] = ()
    at_boot: int = 0

    @property
    def is_right(self) -> bool:
        """Say whether it ended, and with every promise kept."""
        run = self.run
        return run is not None and not (self.lost or run.findings or run.leaks or run.doubts.get("open") or run.calls.exceeded)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until so many cuts were survived, and print the table; 0 when every promise held in all of them, and the liar was found out."""
    given = _options(arguments)
    if missing := wanting():
        _say(f"make power needs root and the tools qemu-system-x86_64, mmdebstrap and e2fsprogs; not here: {', '.join(missing)}")
        return os.EX_UNAVAILABLE
    began = time.monotonic()
    bad: list[End] = []
    rows: list[Sequence[str]] = [COLUMNS]
    with tempfile.TemporaryDirectory(prefix="sf-power-") as folder:
        image = build(given.image or Path(folder))
        _say(f"seed {given.seed}; the machine was made in {time.monotonic() - began:.0f} s")
        try:
            for end in _ends(list(_trials(given)), image, given.jobs):
                rows.append(_cells(end))
                bad += [] if end.is_right else [end]
                _tell(end)
        finally:     # what took so long is not lost to whoever ends it early
            _say("\n" + _laid_out(rows))
        is_found = not given.control or _is_found_out(_attempt(_control(given), image, obeys=False))
    for end in bad:
        trial = end.trial
        _say(f"again: python -m tests.power --cuts {trial.kills} --per-run {trial.kills} --pair {trial.pair} --seed {trial.seed}")
    _say(f"{sum(int(row[2]) for row in rows[1:])} cuts in {(time.monotonic() - began) / 60:.0f} minutes")
    return 1 if bad or not is_found else 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.power", description=__doc__)
    add = parser.add_argument
    add("--cuts", type=int, default=100)
    add("--per-run", type=int, default=10)
    add("--control", type=int, default=4, help="cuts of the run on a disk that lies; 0 for none")
    add("--records", type=int, default=60)
    add("--life", type=float, default=0.02, help="changes a second that people make in the source; a run takes some quarter of an hour")
    add("--limit", type=float, default=3600.0, help="seconds that a run may take")
    add("--seed", type=int, default=1, help="of the first run; each further one takes the next")
    add("--image", type=Path, help="folder in which the machine is made and kept; one that is there is taken as it is")
    add("--jobs", type=int, default=1, help="how many runs go on side by side")
    add("--pair", choices=tuple(SIDES), nargs="+", default=list(SIDES))
    return parser.parse_args(arguments)


def _trials(given: argparse.Namespace) -> Iterator[Trial]:
    """Give runs of the pairs in turn, until all cuts are dealt out."""
    left = given.cuts
    for turn in count():
        if left <= 0:
            return
        yield _trial(given, seed=given.seed + turn, kills=min(left, given.per_run), pair=given.pair[turn % len(given.pair)])
        left -= given.per_run


def _control(given: argparse.Namespace) -> Trial:
    return _trial(given, seed=given.seed, kills=given.control, pair=given.pair[0])


def _trial(given: argparse.Namespace, *, seed: int, kills: int, pair: str) -> Trial:
    return Trial(seed=seed, kills=kills, pair=pair, records=given.records, life=given.life, limit_s=given.limit)


def _ends(trials: Sequence[Trial], image: Image, jobs: int) -> Iterator[End]:
    if jobs == 1:
        yield from map(partial(_attempt, image=image), trials)
        return
    with get_context("spawn").Pool(jobs, signal.signal, (signal.SIGTERM, leave), maxtasksperchild=1) as pool:
        yield from pool.imap(partial(_attempt, image=image), trials)
        pool.close()
        pool.join()


def _attempt(trial: Trial, image: Image, obeys: bool = True) -> End:
    """Make one run, on a disk of its own."""
    began = time.monotonic()
    plugs: list[Plug] = []
    run, failure = None, ""
    with tempfile.TemporaryDirectory(prefix="sf-power-") as folder:
        place = Path(folder)
        with device(new_disk(place / "state.img"), place / "disk", obeys=obeys) as disk:

            def handed(_trial: Trial, box: Box, dice: random.Random, wanted: list[str]) -> Plug:
                plugs.append(Plug(box, dice, wanted, Machine(box=box, image=image, device=disk, folder=place)))
                return plugs[-1]

            try:
                run = survive(trial, handed=handed)
            except Exception as error:  # one run that breaks down must not take the others along: it stands in the table as unfinished
                failure = f"{type(error).__name__}: {error}"
    plug = plugs[0] if plugs else None
    return End(
        trial=trial, took_s=time.monotonic() - began, run=run, failure=failure, lost=tuple(plug.lost if plug else ()),
        ways=tuple(plug.machine.ways if plug else ()), loose=tuple(plug.machine.loose if plug else ()), at_boot=plug.at_boot if plug else 0,
    )  # fmt: skip


def _is_found_out(end: End) -> bool:
    """Say, and tell, whether a disk that only answers a flush was noticed: by what is lost, or since nothing goes on there."""
    found = not end.is_right
    why = (*end.lost, *end.failure.splitlines(), "its accounts are wrong")[0]
    _say(f"control, a disk that forgets what it flushed: {f'found out by cut {len(end.ways)}: {why}' if found else 'NOT found out'}")
    return found


def _tell(end: End) -> None:
    trial, run = end.trial, end.run
    where = f"run {trial.seed} {trial.pair}: {len(end.ways)} cuts in {end.took_s / 60:.1f} minutes"
    _say(f"{where}: {'UNFINISHED: ' + end.failure if run is None else 'right' if end.is_right else 'WRONG'}")
    for words in end.lost:
        _say(f"acked and lost: {words}")
    if run is not None and run.findings:
        _say(told(run.findings))
    for words in run.leaks if run is not None else ():
        _say(words)


def _cells(end: End) -> list[str]:
    run, trial = end.run, end.trial
    phases = Counter(run.phases) if run else Counter()
    verdicts = Counter(each.verdict for each in run.findings) if run else Counter()
    doubts = Counter(run.doubts) if run else Counter()
    back = sorted(run.resumes_s)[len(run.resumes_s) // 2] if run and run.resumes_s else 0.0
    figures: dict[str, Any] = {
        **{name: verdicts[name] for name in VERDICTS}, **{name: doubts[name] for name in ("adopted", "resent", "queued", "open")},
        "seed": trial.seed, "pair": trial.pair, "cuts": len(end.ways), "at boot": end.at_boot, "acked lost": len(end.lost),
        "by phase": _counted(phases), "by what was left": _counted(Counter(end.ways)), "unflushed": _unflushed(end.loose),
        "in doubt": doubts.total(), "too fast": run.calls.exceeded if run else 0, "leaks": len(run.leaks) if run else 0,
        "edits": run.edits if run else "unfinished", "back s": f"{back:.0f}", "minutes": f"{end.took_s / 60:.1f}",
    }  # fmt: skip
    return [str(figures[name]) for name in COLUMNS]


def _counted(what: Counter[str]) -> str:
    return ", ".join(f"{name} {number}" for name, number in what.items()) or "-"


def _unflushed(loose: Sequence[int]) -> str:
    """Tell at how many cuts something was in the disk's cache, and how much at most: what is flushed no cut can take."""
    return f"{sum(map(bool, loose))} cuts, up to {max(loose, default=0) * SECTOR >> 10} KiB"


def _laid_out(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[at]) for row in rows) for at in range(len(COLUMNS))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)


def leave(*_: Any) -> None:
    """Leave in order when told to end, so that no machine and no sandbox is left behind."""
    sys.exit(128 + signal.SIGTERM)


def _say(words: str) -> None:
    sys.stdout.write(words + "\n")
    sys.stdout.flush()
