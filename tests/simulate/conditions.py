"""What a seed makes of a world: how large, how slow, how faulty, how often the process ends. Values only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

FAULTS_END_S = 400.0           # reads fail no longer than this: then everything has to come to its end
ENDINGS = ("cutover", "cutover", "cutover", "rollback in tail", "rollback after the switch")
STEPS_S = (60.0, 3_600.0, 86_400.0, -60.0, -3_600.0)
STEPS_WITHIN_S = 160.0         # most worlds are through the switch by then
PARTS = ("", "", "kind:remark", "kind:quote", "kind:client", "phase:sample", "phase:backfill", "phase:tail")


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """The constants of one world; seconds are virtual."""

    seed: int
    clients: int
    crashes: int                   # processes that end before their time
    ending: str
    # the source
    page_size: int
    is_settled: bool               # it can be asked for what changed
    by_time: bool                  # lists are in order of change, so rows move between pages
    shows_late_s: float
    silent: float                  # share of edits that move no time of change
    read_faults: float             # share of reads that fail, those included that the client repeats by itself
    lies: int                      # reads that claim there is nothing (more)
    clock_off_s: int
    # the destination
    timeout_s: float
    late_commit_s: float
    search_lag_s: float
    write_faults: float            # share of writes with another end than "done, and said so"
    poison: float                  # share of records that it refuses for ever
    edits_notes: bool              # notes are changed in place; else removed and made anew
    # people
    works_until_s: float
    deeds: int                     # in the source
    edits: int                     # in the destination
    cheats: int                    # in the source after the switch
    batch: int
    strays: int                    # written in the source between the freeze and the switch
    part: str                      # that is undone while people work; the migration then goes on to its ending
    skips: float                   # share of the source's whole passes that leave out a record, which the next one shows
    # the operator, and the terms
    poll_s: float = 4.0
    sweep_every_s: float = 40.0
    looks_every_s: float = 3.0
    faults_end_s: float = FAULTS_END_S
    answers: float = 0.0           # share of the questions that somebody answers
    watch_s: float = 20.0          # of the window after the switch
    # people who make it hard; in a world of its own each, and in some together
    undeletes: int = 0             # records of ours that were removed, by whomever, and that people bring back
    early: int = 0                 # contacts of the account's own that people delete or merge before anybody is matched
    known: int = 0                 # people whom the source knows, or is about to, entered by hand in the destination
    toggles: int = 0               # records that are written one way, another way and the first way again after the switch
    # the machine
    steps: tuple[tuple[float, float], ...] = ()      # when somebody sets its wall clock, and by how much

    @classmethod
    def of(cls, seed: int) -> Conditions:
        """Give the conditions of a seed."""
        dice = Random(f"conditions {seed}")
        return cls(
            seed=seed, clients=dice.randint(4, 9), crashes=dice.choice((0, 1, 2, 3, 4, 6)), ending=dice.choice(ENDINGS),
            page_size=dice.choice((2, 3, 5, 50)), is_settled=dice.random() < 0.5, by_time=dice.random() < 0.5,
            shows_late_s=dice.choice((0.0, 2.0, 6.0)), silent=dice.choice((0.0, 0.3)), read_faults=dice.choice((0.0, 0.01, 0.04)),
            lies=dice.choice((0, 0, 1, 3)), clock_off_s=dice.choice((0, -90, 45)),
            timeout_s=3.0, late_commit_s=dice.choice((0.0, 2.0, 6.0)), search_lag_s=dice.choice((0.0, 3.0, 10.0)),
            write_faults=dice.choice((0.0, 0.1, 0.3)), poison=dice.choice((0.0, 0.0, 0.1)), edits_notes=dice.random() < 0.5,
            works_until_s=dice.choice((30.0, 90.0)), deeds=dice.randint(3, 14), edits=dice.choice((0, 2, 5)),
            cheats=dice.choice((0, 0, 2)), batch=dice.choice((2, 5, 40)),
            part=dice.choice(PARTS), strays=dice.choice((0, 0, 1, 3)), skips=dice.choice((0.0, 0.0, 0.1)),
            steps=_steps(Random(f"wall clock {seed}")), **_hard(Random(f"hard {seed}")),
        )  # fmt: skip


def _hard(dice: Random) -> dict[str, Any]:
    answers = dice.choice((0.0, 0.0, 0.6, 0.95))
    return {
        "answers": answers, "undeletes": dice.choice((0, 0, 2, 4)), "early": dice.choice((0, 0, 1, 3)), "known": dice.choice((0, 0, 1, 3)),
        "toggles": dice.choice((0, 2)) if answers else 0, "watch_s": 60.0 if answers else 20.0,
    }


def _steps(dice: Random) -> tuple[tuple[float, float], ...]:
    moments = sorted(dice.uniform(1.0, STEPS_WITHIN_S) for _ in range(dice.choice((0, 0, 1, 9))))
    return tuple((at, dice.choice(STEPS_S)) for at in moments)


def ahead_s(steps: Sequence[tuple[float, float]], now: float) -> float:
    """Give by how much a wall clock that is set so is ahead of the world's time."""
    return sum(step_s for at, step_s in steps if at <= now)
