"""`make crashes`: the ledger's files after many power cuts; and the same where SQLite is told to sync less, which must be found out."""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

import anyio

from .hunt import Aim, Hunt, Tally, in_memory

CONTROLS = ("NORMAL", "OFF")


def main() -> int:
    """Draw as many states as asked for; 1 when one of them is wrong, or when nothing is found where something must be."""
    options = _options()
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(10**9)
    print(f"seed {seed}")
    folder = Path(tempfile.mkdtemp(prefix="crashes", dir=in_memory()))
    aims = {"as shipped": Aim(states=options.states, opened=options.opened)}
    for control in CONTROLS:
        aims[control] = Aim(states=options.control, synchronous=control, ends=("stopped", "killed"), opened=0.0)
    is_well = True
    for name, aim in aims.items():
        begun = time.monotonic()
        tally = anyio.run(Hunt(folder / name.replace(" ", "-"), random.Random(f"{seed} {name}"), aim).run)
        _tell(name, tally, time.monotonic() - begun)
        if not _is_as_it_must_be(name, tally):
            is_well = False
            print(*(f"    {words}" for words in tally.told), sep="\n", flush=True)
    if is_well:
        shutil.rmtree(folder)
    print("as it must be" if is_well else f"NOT as it must be; what is left to look at is in {folder}")
    return 0 if is_well else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.crashes", description=__doc__)
    parser.add_argument("--states", type=int, default=100_000, help="distinct states of a ledger as it is shipped")
    parser.add_argument("--control", type=int, default=2_000, help="distinct states of one that syncs less, for each way of it")
    parser.add_argument("--opened", type=float, default=0.01, help="share of the states that the ledger itself opens")
    parser.add_argument("--seed", type=int, help="a random one is drawn and printed")
    return parser.parse_args()


def _is_as_it_must_be(name: str, tally: Tally) -> bool:
    if name == "NORMAL":
        return tally.lost > 0
    if name == "OFF":
        return tally.broken > 0
    return tally.lost == tally.broken == 0


def _tell(name: str, tally: Tally, seconds: float) -> None:
    print(f"\n{name}: {tally.distinct} distinct states of {tally.drawn} drawn, from {tally.operations} operations"
          f" in {tally.transactions} transactions; {seconds:.0f} s, {tally.distinct / seconds:.0f} a second")
    print(f"  {tally.books} books looked at in full, {tally.opened} states opened by the ledger itself")
    print(f"  drawn by {', '.join(f'{way} {count}' for way, count in sorted(tally.ways.items()))}")
    print(f"  {tally.lost} lost something acknowledged, {tally.broken} broken", flush=True)


if __name__ == "__main__":
    sys.exit(main())
