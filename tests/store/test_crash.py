"""Killed without warning: everything acknowledged is there, and nothing is there by halves."""

from __future__ import annotations

import os
import random
import selectors
import subprocess
import sys
from pathlib import Path

from streamflow.model import IntentState, RecordState
from streamflow.store.sqlite import SqliteLedger

from .crasher import SIZE
from .values import StillClock

KILLS = 12


def run_and_kill(directory: Path, dice: random.Random) -> tuple[int, int]:
    """Start the process, kill it some acknowledgements and a random moment later; answer the last turns it called meant and done."""
    tests = str(Path(__file__).parents[1])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([tests, str(Path(__file__).parents[2])])}
    last = {"meant": -1, "done": -1}
    with subprocess.Popen([sys.executable, "-m", "store.crasher", str(directory)], stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        for _ in range(dice.randrange(1, 25)):
            note(process.stdout.readline(), last)
        with selectors.DefaultSelector() as wait:  # a moment of random length, in which more may be acknowledged
            wait.register(process.stderr or process.stdout, selectors.EVENT_READ)
            for _ in range(dice.randrange(3)):
                wait.select(dice.random() * 0.004)
        process.kill()
        for line in process.stdout:
            note(line, last)
    return last["meant"], last["done"]


def note(line: bytes, last: dict[str, int]) -> None:
    word, _, turn = line.decode().strip().partition(" ")
    assert word in last, "the process ended by itself"
    if line.endswith(b"\n"):
        last[word] = int(turn)


async def check_whole(directory: Path, clock: StillClock, meant: int, done: int) -> None:
    """Reopen and compare the book with what was acknowledged."""
    async with SqliteLedger.open_readonly(directory, clock=clock) as look:  # with the daemon down and its last words still in the log file
        assert (await look.verify_audit())[1] is None
    async with SqliteLedger.open(directory, clock=clock) as ledger:
        entries, broken = await ledger.verify_audit()
        assert broken is None
        mark = await ledger.mark("turn")
        turns = int(mark.cursor) + 1 if mark else 0
        assert turns >= done + 1
        links = [one async for page in ledger.crosswalk() for one in page]
        assert len(links) == turns * SIZE
        counts = await ledger.intent_counts()
        assert counts.get(IntentState.CONFIRMED, 0) == turns * SIZE
        assert counts.get(IntentState.MEANT, 0) in (0, SIZE)
        assert counts.get(IntentState.MEANT, 0) + turns * SIZE >= (meant + 1) * SIZE
        states = {count.state: count.count for count in await ledger.counts()}
        assert states.get(RecordState.DONE, 0) == turns * SIZE
        assert states.get(RecordState.PENDING, 0) in (0, SIZE)
        assert entries >= turns * (SIZE + 1)


async def test_a_killed_process_loses_nothing_acknowledged_and_leaves_nothing_half(tmp_path: Path, clock: StillClock) -> None:
    """Through many kills at random moments the book goes on where it stood, with its chain unbroken."""
    dice = random.Random(7)
    for _ in range(KILLS):
        meant, done = run_and_kill(tmp_path, dice)
        await check_whole(tmp_path, clock, meant, done)
