"""Lives of one ledger, each after another kind of end of the one before, with everything that was done to its files."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from streamflow.store import connection, files
from tests.store.values import TO_FIRST

from .medium import Medium
from .operations import Named, Op, State
from .recorder import UNKEPT, Recorder
from .work import life

ENDS = ("stopped", "killed", "cut", "older")
"""How the life before ended: by itself, by the end of its process, by a power cut; or by itself, with a ledger of the first version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """Operations done to files that were *base* when the power came on; the newest life begins with operation number *start*."""

    base: State
    ops: tuple[Op, ...]
    start: int
    how: str

    def medium(self, upto: int) -> Medium:
        """Give the disk after that many operations."""
        medium = Medium(self.base)
        for op in self.ops[:upto]:
            medium.take(op)
        return medium


async def story(folder: Path, dice: random.Random, *, synchronous: str, ends: tuple[str, ...], turns: int) -> AsyncIterator[Log]:
    """Give the log of a first life, and of one more after each of *ends*; *synchronous* is what SQLite is told in place of FULL."""
    log = await _lived(folder, dice, Log(base={}, ops=(), start=0, how="new"), synchronous=synchronous, turns=turns)
    yield log
    for end in ends:
        log = await _lived(folder, dice, _after(folder, dice, log, end), synchronous=synchronous, turns=turns)
        yield log


def put(state: State, folder: Path) -> Path:
    """Make the folder hold these files and nothing else."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    for name, content in state.items():
        (folder / name).write_bytes(content)
    return folder


def _after(folder: Path, dice: random.Random, log: Log, end: str) -> Log:
    upto = dice.randrange(log.start, len(log.ops)) if end in ("killed", "cut") else len(log.ops)
    if end == "cut":
        return Log(base=log.medium(upto).cut(dice)[1], ops=(), start=0, how=end)
    if end == "older":
        return Log(base=_older(put(log.medium(upto).whole(), folder / "older")), ops=(), start=0, how=end)
    return Log(base=log.base, ops=log.ops[:upto], start=upto, how=end)


async def _lived(folder: Path, dice: random.Random, log: Log, *, synchronous: str, turns: int) -> Log:
    medium = log.medium(len(log.ops))
    home = put(medium.whole(), folder / "home")
    first = len(log.base) + sum(isinstance(op, Named) for op in log.ops)
    with patch.object(connection, "_WRITER_PRAGMAS", _pragmas(synchronous, dice)), Recorder(home, medium.names(), first=first) as recorder:
        await life(home, dice, recorder.acknowledged, turns=turns)
    return Log(base=log.base, ops=(*log.ops, *recorder.ops), start=log.start, how=log.how)


def _pragmas(synchronous: str, dice: random.Random) -> tuple[str, ...]:
    """Give what the product tells SQLite, with another way of syncing if there is one, and when pages leave the log file."""
    shipped = connection._WRITER_PRAGMAS
    others = tuple(pragma for pragma in shipped if "synchronous" not in pragma)
    assert len(others) == len(shipped) - 1
    # Within a short life pages leave the log file only if few are enough; 1000 is SQLite's own threshold.
    threshold = f"PRAGMA wal_autocheckpoint = {dice.choice((20, 40, 80, 1000))}"
    return (*others, f"PRAGMA synchronous = {synchronous}", threshold) if synchronous else (*shipped, threshold)


def _older(home: Path) -> State:
    """Bring a ledger back to the first version, and give its files."""
    with sqlite3.connect(home / files.LEDGER_FILE) as raw:
        raw.executescript(TO_FIRST)
    raw.close()
    return {path.name: path.read_bytes() for path in home.iterdir() if not path.name.endswith(UNKEPT)}
