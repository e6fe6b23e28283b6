"""Whole runs in an emulated machine whose power is cut at seeded moments, and one whose disk lies, which must be found out; one table."""

from __future__ import annotations

import argparse
import os
import random
import signal
import tempfile
import time
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import count
from multiprocessing import get_context
from pathlib import Path

from tests.flow.box import Box
from tests.flow.schedule import RATE_PER_S
from tests.flow.sides import SIDES
from tests.flow.survival import Trial, survive
from tests.flow.wanting import Met
from tests.judge.comparison import told
from tests.longrun import leave, say
from tests.power.device import device
from tests.power.end import End
from tests.power.image import Image, build, wanting
from tests.power.machine import Machine, new_disk
from tests.power.plug import Plug
from tests.power.table import laid_out


def main(arguments: Sequence[str] | None = None) -> int:
    """
    Run until so many cuts were survived, and print the table.

    Gives 0 when every promise held in all of them, people worked in both accounts, and the liar was found out.
    """
    given = _options(arguments)
    if missing := wanting():
        say(f"make power needs root and the tools qemu-system-x86_64, mmdebstrap and e2fsprogs; not here: {', '.join(missing)}")
        return os.EX_UNAVAILABLE
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="sf-power-") as folder:
        image = build(given.image or Path(folder))
        say(f"seed {given.seed}; the machine was made in {time.monotonic() - began:.0f} s")
        is_right = _run(list(_trials(given)), image, given.jobs)
        is_found = not given.control or _is_found_out(_attempt(_control(given), image, obeys=False))
    return 0 if is_right and is_found else 1


def _run(trials: Sequence[Trial], image: Image, jobs: int) -> bool:
    """Make all runs, and tell what came of them also when somebody ends it early; says whether all is as it must be."""
    began = time.monotonic()
    ends: list[End] = []
    met = Met()
    try:
        for end in _ends(trials, image, jobs):
            ends.append(end)
            if end.run is not None:
                met.add(end.trial, end.run)
            _tell(end)
    finally:     # what took so long is not lost to whoever ends it early
        cuts, took_s = sum(len(end.ways) for end in ends), time.monotonic() - began
        say(f"\n{laid_out(ends)}\n\n{cuts} cuts in {took_s / 60:.0f} minutes, {took_s / max(cuts, 1):.0f} s each")
        for words in (*met.words(), *(f"again: {again(end.trial)}" for end in ends if not end.is_right)):
            say(words)
    return all(end.is_right for end in ends) and not met.is_wanting


def again(trial: Trial) -> str:
    """Give the words that repeat this run alone."""
    how = f"--cuts {trial.kills} --per-run {trial.kills} --records {trial.records} --life {trial.life}"
    return f"python -m tests.power {how} --pair {trial.pair} --seed {trial.seed}"


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.power", description=__doc__)
    add = parser.add_argument
    add("--cuts", type=int, default=100)
    add("--per-run", type=int, default=10)
    add("--control", type=int, default=4, help="cuts of the run on a disk that lies; 0 for none")
    add("--records", type=int, default=150, help="source records of a run: enough for writing to go on from one cut to the next")
    add("--life", type=float, default=0.05, help="changes a second that people make in the source; a run takes some ten minutes")
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
    return Trial(
        seed=seed, kills=kills, pair=pair, records=given.records, life=given.life, limit_s=given.limit, rate_per_s=RATE_PER_S,
        source_rate_per_s=RATE_PER_S,
    )  # fmt: skip


def _ends(trials: Sequence[Trial], image: Image, jobs: int) -> Iterator[End]:
    if jobs == 1:
        yield from map(partial(_attempt, image=image), trials)
        return
    with get_context("spawn").Pool(jobs, signal.signal, (signal.SIGTERM, leave), maxtasksperchild=1) as pool:
        yield from pool.imap_unordered(partial(_attempt, image=image), trials)
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
        phases=tuple(plug.struck if plug else ()), ways=tuple(plug.machine.ways if plug else ()),
        loose=tuple(plug.machine.loose if plug else ()), at_boot=plug.at_boot if plug else 0,
    )  # fmt: skip


def _is_found_out(end: End) -> bool:
    """Say, and tell, whether a disk that only answers a flush was noticed: by what is lost, or since nothing goes on there."""
    found = not end.is_right
    why = (*end.lost, *end.failure.splitlines(), "its accounts are wrong")[0]
    say(f"control, a disk that forgets what it flushed: {f'found out by cut {len(end.ways)}: {why}' if found else 'NOT found out'}")
    return found


def _tell(end: End) -> None:
    trial, run = end.trial, end.run
    where = f"run {trial.seed} {trial.pair}: {len(end.ways)} cuts in {end.took_s / 60:.1f} minutes"
    say(f"{where}: {'UNFINISHED: ' + end.failure if run is None else 'right' if end.is_right else 'WRONG'}")
    for words in end.lost:
        say(f"acked and lost: {words}")
    if run is not None and run.findings:
        say(told(run.findings))
    for words in run.leaks if run is not None else ():
        say(words)
