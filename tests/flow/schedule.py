"""Which runs a torture is made of: every profile, pair and reader in turn until all kills are dealt out, and the tours of the points."""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator
from itertools import count

from streamflow.sandbox.profiles import SHIPPED
from tests.flow.sides import SIDES
from tests.flow.stopping import PARTS, Stops
from tests.flow.survival import Trial

READERS = ("api", "files")
PEOPLE = ("without", "with")
MANY = 15
MANY_BACK = 10
"""In one rollback: it is soon over."""
UNDONE_UNDER = ("calm", "flaky", "hostile")
"""Profiles under which runs are killed while they are rolled back, where all are asked for."""
RATE_PER_S = 40.0
"""What each platform allows where all calls are answered, less than a run would make of itself: a call too many is seen."""
AMPLE_PER_S = 120.0
"""The same where calls fail: the daemon is slow there by itself, and from a low limit it would be minutes in coming up again."""
ANSWERED = ("calm", "slow")
"""Profiles under which they are."""


def parser() -> argparse.ArgumentParser:
    """Give what can be asked for on the command line."""
    given = argparse.ArgumentParser(prog="python -m tests.flow.torture", description="Whole runs under kills, and one table of them.")
    add = given.add_argument
    add("--kills", type=int, default=60, help="how many random kills in all")
    add("--per-run", type=int, default=0, help=f"kills in one run; else what one round of all profiles and pairs needs, {MANY} at most")
    add("--points", type=int, default=1, metavar="N", help="strike at every named point N times, once more in runs that are kept")
    add("--tours", choices=("undone", "kept", "parts", "all"), default="all", help="which runs are struck at named points")
    add("--undone", type=int, default=0, metavar="KILLS", help="how many random kills more, in runs that are rolled back meanwhile")
    add("--parts", type=int, default=0, metavar="KILLS", help="how many random kills more, while parts of runs are rolled back")
    add("--people", choices=(*PEOPLE, "both"), default="both", help="whether people work in the destination while these, or parts, go back")
    add("--records", type=int, default=100, help="source records of a run")
    add("--life", type=float, default=0.2, help="changes a second that people make in the source")
    add("--limit", type=float, default=1200.0, help="seconds that a run may take")
    add("--seed", type=int, default=1, help="of the first run; each further one takes the next")
    add("--jobs", type=int, default=1, help="how many runs go on side by side")
    add("--pair", choices=tuple(SIDES), nargs="+", default=list(SIDES))
    add("--profiles", choices=SHIPPED, nargs="+", default=list(SHIPPED), metavar="PROFILE", help=", ".join(SHIPPED))
    add("--reader", choices=(*READERS, "both"), default="both", help="both: runs take turns, beginning with the API")
    return given


def schedule(given: argparse.Namespace) -> list[Trial]:
    """Give all runs in order, the long ones first."""
    return [*tours(given), *undone(given, given.undone), *undone(given, given.parts, parts=True), *trials(given)]


def trials(given: argparse.Namespace) -> Iterator[Trial]:
    """Give a run for each profile, pair and reader in turn, until all kills are dealt out; each run has a seed of its own."""
    left, turns = given.kills, _turns(given)
    each = given.per_run or min(MANY, math.ceil(left / (len(given.profiles) * len(given.pair))))
    for seed in count(given.seed):
        if left <= 0:
            return
        profile, pair, reader = next(turns)
        yield Trial(
            seed=seed, kills=min(left, each), pair=pair, reader=reader, records=given.records, faults=profile, life=given.life,
            rate_per_s=_rate(profile), source_rate_per_s=_rate(profile), limit_s=given.limit,
        )  # fmt: skip
        left -= each


def _rate(profile: str) -> float:
    return RATE_PER_S if profile in ANSWERED else AMPLE_PER_S


def _turns(given: argparse.Namespace) -> Iterator[tuple[str, str, str]]:
    """Go round the profiles and pairs; from one to the next and from one round to the next the reader changes."""
    readers = READERS if given.reader == "both" else (given.reader,)
    places = [(profile, pair) for pair in given.pair for profile in given.profiles]
    for turn in count():
        for at, (profile, pair) in enumerate(places):
            yield profile, pair, readers[(at + turn) % len(readers)]


def tours(given: argparse.Namespace) -> Iterator[Trial]:
    """
    Give the runs that are struck at every named point of a run or of a rollback.

    For each pair: one by each reader that is rolled back, one that stays, and one of which parts are rolled back, without people at work
    and with them.
    """
    readers = READERS if given.reader == "both" else (given.reader,)
    for pair in given.pair if given.points else ():
        for reader in readers if given.tours in ("undone", "all") else ():
            yield _tour(given, pair, reader, Stops(times=given.points), undone=True)
        if given.tours in ("kept", "all"):
            yield _tour(given, pair, readers[0], Stops(times=given.points + 1))
        for at, word in enumerate(PEOPLE) if given.tours in ("parts", "all") else ():
            if given.people in (word, "both"):
                stops = Stops(times=given.points, within=tuple(PARTS))
                yield _tour(given, pair, readers[at % len(readers)], stops, parts=True, meddled=word == "with")


def _tour(given: argparse.Namespace, pair: str, reader: str, stops: Stops, **how: bool) -> Trial:
    return Trial(
        seed=given.seed, stops=stops, pair=pair, reader=reader, records=given.records, life=given.life, rate_per_s=RATE_PER_S,
        source_rate_per_s=RATE_PER_S, limit_s=3 * given.limit, **how,
    )  # fmt: skip


def undone(given: argparse.Namespace, left: int, *, parts: bool = False) -> Iterator[Trial]:
    """Give runs that are killed while they, or *parts* of them, are rolled back, with people at work and without, so often in all."""
    profiles = [each for each in UNDONE_UNDER if each in given.profiles] or given.profiles
    places = [(pair, word, profile) for profile in profiles for word in PEOPLE if given.people in (word, "both") for pair in given.pair]
    each = given.per_run or min(MANY_BACK, math.ceil(left / len(places)))
    readers = READERS if given.reader == "both" else (given.reader,)
    for turn in count():
        if left <= 0:
            return
        pair, word, profile = places[turn % len(places)]
        yield Trial(
            seed=given.seed + turn, pair=pair, reader=readers[turn // len(places) % len(readers)], records=given.records, faults=profile,
            life=given.life, undone=not parts, parts=parts, backs=min(left, each), meddled=word == "with",
            rate_per_s=_rate(profile), source_rate_per_s=_rate(profile), limit_s=given.limit * (len(PARTS) if parts else 1),
        )  # fmt: skip
        left -= each


def again(trial: Trial) -> str:
    """Give the words that repeat this run alone."""
    what = (
        f"--points 0 --kills 0 --{'parts' if trial.parts else 'undone'} {trial.backs} --per-run {trial.backs} --profiles {trial.faults} "
        f"--people {PEOPLE[trial.meddled]}" if trial.backs
        else f"--points 0 --kills {trial.kills} --per-run {trial.kills} --profiles {trial.faults}" if trial.stops is None
        else f"--kills 0 --tours undone --points {trial.stops.times}" if trial.undone
        else f"--kills 0 --tours parts --people {PEOPLE[trial.meddled]} --points {trial.stops.times}" if trial.parts
        else f"--kills 0 --tours kept --points {trial.stops.times - 1}"
    )  # fmt: skip
    where = f"--pair {trial.pair} --reader {trial.reader} --records {trial.records} --life {trial.life} --seed {trial.seed}"
    return f"python -m tests.flow.torture {what} {where}"
