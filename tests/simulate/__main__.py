"""
Many worlds, or one of them once more: `python -m tests.simulate [--worlds N] [--first SEED] [--jobs N] | --seed N [--planted NAME]`.

The bugs that they must find: `--bugs`, or some of them by the beginnings of their names: `--bug NAME [--bug NAME ...]`.

Long lives of a few things, from the seed `--first`: `--days N` in tail, `--pace DAYS` of calls, `--lag MINUTES` of a change a second.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from functools import partial

from tests.simulate import days, lag, pace
from tests.simulate.conditions import ENDINGS
from tests.simulate.orders import MANNERS
from tests.simulate.planted import PLANTED, found_by
from tests.simulate.world import Verdict, simulate

FEW = 20      # failures told in full
ENOUGH = 200  # worlds in which a planted bug is looked for: the rarest needs some hundred


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what was asked for; 1 when a world broke a promise."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulate", description="the real engine in seeded worlds")
    parser.add_argument("--worlds", type=int, default=2000, help="how many worlds")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--seed", type=int, help="one world, with all that happens in it")
    parser.add_argument("--planted", choices=sorted(PLANTED), help="with this bug in the engine")
    parser.add_argument("--bugs", action="store_true", help="plant each bug, and tell in which of two hundred worlds it is found first")
    parser.add_argument("--bug", action="append", metavar="NAME", help="the same of those alone whose names begin so")
    parser.add_argument("--days", type=float, help="so many days in tail on the ledger's file, then the switch")
    parser.add_argument("--pace", type=float, metavar="DAYS", help="so many days of calls against a server that counts for itself")
    parser.add_argument("--lag", type=float, metavar="MINUTES", help="so long a change a second: how soon each is there, and what is told")
    parser.add_argument("--poll", type=float, default=30.0, metavar="SECONDS", help="pause between polls, for --days and --lag")
    asked = parser.parse_args(arguments)
    sys.unraisablehook = lambda _: None      # dead processes that are let go of
    if asked.bugs or asked.bug:
        names = [name for name in PLANTED if name.startswith(tuple(asked.bug or ("",)))]
        return _bugs(names, asked.first, asked.jobs) if names else parser.error("no bug is called so")
    if asked.days is not None:
        return _told(days.live(asked.first, days=asked.days, poll_s=asked.poll))
    if asked.pace is not None:
        return _told(pace.live(asked.first, days=asked.pace))
    if asked.lag is not None:
        return _told(lag.live(asked.first, minutes=asked.lag, poll_s=asked.poll))
    if asked.seed is not None:
        return _one(asked.seed, asked.planted)
    return _many(range(asked.first, asked.first + asked.worlds), asked.jobs)


def _told(told: days.Told | pace.Told | lag.Told) -> int:
    print(*told.facts(), sep="\n")
    print(*(told.faults or ["nothing broken"]), sep="\n")
    return int(bool(told.faults))


def _one(seed: int, planted: str | None) -> int:
    verdict = simulate(seed, keep_lines=True, planted=PLANTED[planted].plant if planted else nullcontext)
    print(*verdict.lines, sep="\n")
    print(f"\nseed {seed}: {verdict.ending}, {verdict.crashes} processes ended before their time, trace {verdict.trace}")
    print(*(verdict.faults or ["nothing broken"]), sep="\n")
    return int(bool(verdict.faults))


def _many(seeds: range, jobs: int) -> int:
    begun = time.monotonic()
    with ProcessPoolExecutor(max_workers=jobs, initializer=_quietly) as pool:
        verdicts = list(pool.map(simulate, seeds, chunksize=20))
    print(*_table(verdicts), "", *_cutovers(verdicts), "", _unknown(verdicts), _deeds(verdicts), sep="\n")
    failed = [verdict for verdict in verdicts if verdict.faults]
    print(f"\nseeds {seeds.start} to {seeds.stop - 1} in {time.monotonic() - begun:.0f} s; {len(failed)} broke a promise")
    for verdict in failed[:FEW]:
        print(f"  --seed {verdict.seed}: {'; '.join(verdict.faults[:3])}")
    if len(failed) > FEW:
        print(f"  and {len(failed) - FEW} more, the first of them {' '.join(str(verdict.seed) for verdict in failed[FEW : 5 * FEW])}")
    return int(bool(failed))


def _quietly() -> None:
    sys.unraisablehook = lambda _: None


def _table(verdicts: Sequence[Verdict]) -> Iterator[str]:
    kinds = ("lost", "doubled", "orphaned", "wrong", "overwritten", "unexplained", "cutover", "other")
    yield f"{'ending':28}{'worlds':>8}{'crashes':>9}{'records':>9}{'doubts':>8}{'hours':>7}" + "".join(f"{kind:>13}" for kind in kinds)
    for ending in (*dict.fromkeys(ENDINGS), "all"):
        some = [verdict for verdict in verdicts if ending in (verdict.ending, "all")]
        faults = Counter(_kind(fault, kinds) for verdict in some for fault in verdict.faults)
        figures = (len(some), sum(v.crashes for v in some), sum(v.records for v in some), sum(v.doubts for v in some))
        hours = sum(verdict.seconds for verdict in some) / 3600
        yield "{:28}{:>8,}{:>9,}{:>9,}{:>8,}{:>7.0f}".format(ending, *figures, hours) + "".join(f"{faults[kind]:>13}" for kind in kinds)


def _cutovers(verdicts: Sequence[Verdict]) -> Iterator[str]:
    """How the switch was ordered, what was answered, and how many receipts there are of it; one world may be of several sorts."""
    said = ("started", "refused", "failed", "already_running", "freeze_confirmed", "already_switched", "cancelled", "killed", "given up")
    yield f"{'cutovers':18}{'worlds':>8}" + "".join(f"{word.replace('_', ' '):>18}" for word in said) + f"{'receipts':>10}{'one each':>10}"
    asked = [verdict for verdict in verdicts if verdict.said["started"]]
    for manner in (*MANNERS, "late to show", "all"):
        some = [verdict for verdict in asked if manner in (*verdict.manners, "all")]
        ones = sum(verdict.receipts == 1 for verdict in some)
        counts = "".join(f"{sum(verdict.said[word] for verdict in some):>18,}" for word in said)
        yield f"{manner:18}{len(some):>8,}{counts}{sum(verdict.receipts for verdict in some):>10,}{ones:>10,}"


def _unknown(verdicts: Sequence[Verdict]) -> str:
    """How the creates ended of which nobody could say whether they had happened: one that is left to a person is a fault."""
    ends = sum((verdict.unknown for verdict in verdicts), Counter[str]())
    told = ", ".join(f"{state} {count:,}" for state, count in sorted(ends.items()))
    return f"creates with an unknown outcome: {sum(ends.values()):,} ({told or 'none'})"


def _deeds(verdicts: Sequence[Verdict]) -> str:
    """What people answered, and what those did who make it hard."""
    done = sum((verdict.deeds for verdict in verdicts), Counter[str]())
    return f"answered and done: {', '.join(f'{what} {count:,}' for what, count in sorted(done.items())) or 'nothing'}"


def _kind(fault: str, kinds: Sequence[str]) -> str:
    word = fault.partition(":")[0]
    return word if word in kinds else "other"


def _bugs(names: Sequence[str], first: int, jobs: int) -> int:
    missed = 0
    with ProcessPoolExecutor(max_workers=jobs, initializer=_quietly) as pool:
        for name, (found, fault) in zip(names, pool.map(partial(found_by, seeds=range(first, first + ENOUGH)), names), strict=True):
            missed += found is None
            print(f"{name:82} {'not found' if found is None else f'seed {found}: {fault[:90]}'}", flush=True)
    return int(bool(missed))


if __name__ == "__main__":
    raise SystemExit(main())
