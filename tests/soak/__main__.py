"""
An hour in real time: `python -m tests.soak [--minutes 60] [--pair lead-perfection-nutshell] [--seed N]`.

A real daemon on the simulated accounts of a pair, both with a limit of calls, told to wait now and then, with people at work on both sides.
After so many minutes in the tail people stop, the switch is made, and both accounts are judged. Prints one table; 1 when a bar is broken.
"""

from __future__ import annotations

import argparse
import pickle
import random
import time
from collections.abc import Sequence
from pathlib import Path

from streamflow.sandbox.launcher import PAIRS
from tests.longrun import begin, say
from tests.soak.figures import Figures
from tests.soak.hour import Order, lived
from tests.soak.table import table


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the hour that was asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description="a real daemon for an hour on the simulated accounts")
    parser.add_argument("--minutes", type=float, default=60.0, help="in the tail; beginning and switch come on top")
    parser.add_argument("--pair", choices=PAIRS, default=PAIRS[0])
    parser.add_argument("--seed", type=int, help="by chance when not told")
    parser.add_argument("--records", type=int, default=400, help="source records of all kinds together, as the run begins")
    parser.add_argument("--life", type=float, default=1.0, metavar="RATE", help="changes a second that people make in the source")
    parser.add_argument("--rate", type=float, default=20.0, metavar="N", help="calls a second that the destination allows")
    parser.add_argument("--source-rate", type=float, default=20.0, metavar="N", help="calls a second that the source allows")
    parser.add_argument("--poll", type=int, default=5, metavar="S", help="pause between two looks at the source")
    parser.add_argument("--keep", type=Path, metavar="FILE", help="where all that was seen is kept, for whoever looks into a figure")
    given = parser.parse_args(arguments)
    order = Order(
        minutes=given.minutes, seed=random.randrange(10**6) if given.seed is None else given.seed, pair=given.pair, records=given.records,
        life=given.life, rate_per_s=given.rate, source_rate_per_s=given.source_rate, poll_s=given.poll,
    )  # fmt: skip
    say(f"seed {order.seed}: {order.minutes:g} minutes in the tail, {order.pair}, since {time.strftime('%H:%M:%S')}")
    survived, seen, failure = lived(order)
    if given.keep:
        given.keep.write_bytes(pickle.dumps((order, survived, seen, failure)))
    found = Figures.of(order, survived, seen, failure)
    for line in table(found):
        say(line)
    wrongs = list(found.wrongs())
    for wrong in wrongs:
        say(f"WRONG {wrong}")
    say("verdict: " + ("WRONG" if wrongs else "right"))
    return 1 if wrongs else 0


if __name__ == "__main__":
    begin(main)
