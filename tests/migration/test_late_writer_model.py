"""
Every order of events from the confirmed freeze to the end of the watch, up to small bounds, with somebody who does not stop writing.

A record that is there and one that is yet to be made, on two pages of the source. Each write shows in the list of changes or moves no time
of change, and is shown at once or one horizon later. The process may end at any moment; a person takes what it is asked about, or leaves
it. The writes end when the last reading begins, and what shows late has shown by then, unless there is no window at all. What a drain has
to read, when a reading counts as quiet, and what waits for a person after the switch are the engine's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import pytest

from streamflow.ledger_names import LATE
from streamflow.migration.cutover import CHANGED, EVERYTHING, PASSES
from streamflow.migration.decided import Answer
from streamflow.migration.late_rulings import Known, goes_on
from streamflow.migration.round import Reading
from streamflow.model import Record, RecordState, Staged
from streamflow.stages.tally import Tally
from tests.stages.exploring import explorer

ATTEMPTS, WRITES, CRASHES = 2, 2, 1
ENDS = ("closed", "unwatched")           # with a window, and without one


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """Drain, switch and watch as they are, or weakened in one place."""

    has_window: bool = True              # False: `watch_days = 0`, one look at what changed
    reads_all_at_last: bool = True       # the last reading is a complete one
    follows_from_freeze: bool = True     # what shows as changed is looked for from before the freeze on, not from the switch
    follows_from_begin: bool = True      # behind a complete pass, from when it began
    leaves_room: bool = True             # the mark of what changed passes nothing that may show late
    holds_what_is_left: bool = True      # what an earlier process read and did not come to hold
    asks_for_each: bool = True           # about each version of a record, not once about the record
    takes_one: bool = True               # to take a version takes no later one
    looks_up_behind: bool = True         # what was taken is looked up behind what is pending, not before


class Row(NamedTuple):
    """A record by its versions: what is true, what the ledger and the destination hold, and what a person was asked and said."""

    written: int = 0                     # 0: as it was agreed, or not made yet
    shown: int = 0
    openly: bool = False                 # what the ledger does not hold was written so that it shows as changed,
    listed: bool = False                 # and the list of changes that is read next shows it,
    coming: bool = False                 # or will once time has passed
    staged: int = 0
    pending: bool = False
    left: bool = False                   # so by an earlier process that did not come to hold it; noted where that matters
    there: int = 0
    asked: int = 0                       # the version that is held, or was
    taken: tuple[int, ...] = ()


class World(NamedTuple):
    """The two records, and how far the attempt or the look of the watch has come."""

    rows: tuple[Row, Row] = (Row(), Row())
    writes: int = WRITES
    crashes: int = CRASHES
    attempts: int = 1
    step: str = "drain"                  # drain | verify | switch | tail | watch | closed | unwatched
    rested: bool = False                 # a horizon has passed since the freeze
    quiet: int = 0
    page: int = 0                        # of the reading under way; 2: it is at its end
    found: bool = False                  # by the part of it that this process has read
    resumed: bool = False
    differs: bool = False                # the count showed a record that the ledger does not know
    place: str = ""                      # in a look: "" | hold | read | held
    last: bool = False                   # the last look has begun
    known: tuple[tuple[int, ...], ...] = ()   # what was taken, as far as it was looked up before
    slipped: bool = False                # something moved after the switch that nobody had taken


def steps(world: World, protocol: Protocol) -> Iterator[World]:
    """Give every world that may come next."""
    if world.step in ENDS:
        return
    if world.writes and not world.last:
        for place in (0, 1):
            for openly in (False, True):
                for late in (False, True):
                    yield _with(world, place, _written(world.rows[place], openly, late))._replace(writes=world.writes - 1)
    if (_is_hidden(world) and not world.last) or not world.rested:
        shown = [row._replace(shown=row.written, listed=row.listed or row.coming, coming=False) for row in world.rows]
        yield _both(world, shown)._replace(rested=True)
    if world.crashes:
        yield _restarted(world, protocol)
    if world.step == "watch":
        if not world.last:
            yield from _decided(world)
        yield from _watch(world, protocol)
    else:
        yield from _cutover(world, protocol)


def _written(row: Row, openly: bool, late: bool) -> Row:
    row = row._replace(written=row.written + 1, openly=row.openly or openly, coming=row.coming or openly)
    return row if late else row._replace(shown=row.written, listed=row.listed or row.coming, coming=False)


def _is_hidden(world: World) -> bool:
    return any(row.shown != row.written for row in world.rows)


def _restarted(world: World, protocol: Protocol) -> World:
    """The process ends, and another one knows what the ledger holds."""
    if not protocol.holds_what_is_left:
        world = _both(world, [row._replace(left=row.pending) for row in world.rows])
    world = world._replace(crashes=world.crashes - 1, found=False, known=())
    if world.step == "drain" and world.page == 1:
        return world._replace(resumed=True)
    return world._replace(page=0, resumed=False, place="")


def _decided(world: World) -> Iterator[World]:
    for place, row in enumerate(world.rows):
        if row.asked and row.asked not in row.taken:
            yield _with(world, place, row._replace(taken=(*row.taken, row.asked), pending=True))


# --- the cutover


def _cutover(world: World, protocol: Protocol) -> Iterator[World]:
    if world.step == "drain" and world.rested:
        yield _drain(world, protocol)
    elif world.step == "verify":
        again = world._replace(step="tail", quiet=0, page=0, resumed=False, differs=False)
        yield again if world.differs else world._replace(step="switch")
    elif world.step == "switch":
        world = world if protocol.follows_from_freeze else _both(world, [row._replace(listed=False) for row in world.rows])
        yield world._replace(step="watch", quiet=0)
    elif world.step == "tail" and world.attempts < ATTEMPTS:
        yield world._replace(step="drain", attempts=world.attempts + 1, rested=False)


def _drain(world: World, protocol: Protocol) -> World:
    passes = PASSES["freeze"]
    if world.quiet == len(passes):
        return world._replace(step="verify", differs=any(row.shown and not row.staged for row in world.rows))
    if world.page <= 1:
        return _read(world, passes[world.quiet], protocol)
    reading = Reading(tallies={"lead": Tally(changed=int(world.found), ended=True)}, is_resumed=world.resumed)
    carried = [row._replace(there=row.staged, pending=False) for row in world.rows]
    quiet = world.quiet + 1 if reading.is_quiet else 0
    return _both(world, carried)._replace(quiet=quiet, page=0, found=False, resumed=False)


def _read(world: World, what: str, protocol: Protocol) -> World:
    """Read on: all that shows as changed, or one page of everything."""
    if what == EVERYTHING:
        world = _staged(world, world.page)._replace(page=world.page + 1)
        if world.page == 2 and not protocol.follows_from_begin:
            world = _both(world, [row._replace(listed=False) for row in world.rows])
        return world
    for place, row in enumerate(world.rows):
        world = _staged(world, place) if row.listed else world
        if not protocol.leaves_room:
            world = _with(world, place, world.rows[place]._replace(coming=False))
    return world._replace(page=2)


def _staged(world: World, place: int) -> World:
    row = world.rows[place]._replace(listed=False)
    if row.shown == row.staged:
        return _with(world, place, row)
    return _with(world, place, row._replace(staged=row.shown, pending=True, openly=row.coming))._replace(found=True)


# --- the watch


def _watch(world: World, protocol: Protocol) -> Iterator[World]:
    if world.place == "":
        known = () if protocol.looks_up_behind else tuple(row.taken for row in world.rows)
        if not world.last and protocol.has_window:
            yield world._replace(place="hold", known=known)
        if not protocol.has_window or not _is_hidden(world):
            yield world._replace(place="hold", known=known, last=True)
    elif world.place == "hold":
        yield _held(world, protocol)._replace(place="read")
    elif world.place == "read" and world.page <= 1:
        is_whole = world.last and protocol.has_window and protocol.reads_all_at_last
        yield _read(world, EVERYTHING if is_whole else CHANGED, protocol)
    elif world.place == "read":
        yield _held(world, protocol)._replace(place="held", page=0, found=False)
    else:
        yield _delivered(world, protocol)


def _held(world: World, protocol: Protocol) -> World:
    """Hold what is pending and was not let go, and ask about it."""
    for place, row in enumerate(world.rows):
        taken = world.known[place] if world.known else row.taken
        if row.pending and not row.left and _waits(row.staged, row.staged == row.asked, taken, protocol):
            asked = row.staged if protocol.asks_for_each or not row.asked else row.asked
            world = _with(world, place, row._replace(pending=False, asked=asked))
    return world


@cache
def _waits(version: int, was_asked: bool, taken: tuple[int, ...], protocol: Protocol) -> bool:
    """Ask the engine whether a version waits for a person."""
    record = Record(kind="lead", key="7", data={}, digest=f"{version:08}")
    staged = Staged(record=record, seq=version, state=RecordState.PENDING, ground=LATE if was_asked else "")
    takes = tuple(Answer(id=f"{LATE}:lead:7:{each:08}", decision="take") for each in taken)
    anyhow = (Answer(id="another", decision="retry"),) if taken and not protocol.takes_one else ()
    return not goes_on(Known(staged=staged, taken=takes, answers=anyhow))


def _delivered(world: World, protocol: Protocol) -> World:
    """Carry out what was taken; the last look ends the watch."""
    for place, row in enumerate(world.rows):
        if row.pending:
            slipped = world.slipped or row.staged not in row.taken
            world = _with(world, place, row._replace(there=row.staged, pending=False, left=False))._replace(slipped=slipped)
    end = "closed" if protocol.has_window else "unwatched"
    return world._replace(place="", known=(), step=end if world.last else "watch")


def _with(world: World, place: int, row: Row) -> World:
    return world._replace(rows=(row, world.rows[1]) if place == 0 else (world.rows[0], row))


def _both(world: World, rows: list[Row]) -> World:
    return world._replace(rows=(rows[0], rows[1]))


# --- what has to hold


def _is_lost(row: Row) -> bool:
    """Say whether the newest version is neither there nor asked about; what was taken has to be there."""
    return row.there != row.written and (row.asked != row.written or row.written in row.taken)


def is_broken(world: World) -> bool:
    """
    Say whether something moved by itself after the switch, or was lost when the watch ended.

    Without a window only what shows as changed by then is to be found.
    """
    if world.slipped or world.step not in ENDS:
        return world.slipped
    return any(_is_lost(row) and (world.step == "closed" or (row.openly and row.shown == row.written)) for row in world.rows)


explored = explorer(World(), steps, is_broken)


def test_what_is_written_behind_the_freeze_is_carried_over_or_asked_about() -> None:
    """In no order of writes, crashes, attempts and decisions is one lost when the window ends, and none moves untaken after the switch."""
    seen, broken = explored(Protocol())
    assert broken is None
    ends = [row for world in seen if world.step == "closed" for row in world.rows if row.written]
    assert any(not row.asked for row in ends), "none is carried over"
    assert {len(row.taken) for row in ends} == {0, 1, 2}
    assert any(world.attempts > 1 for world in seen), "no count gives an attempt up"
    assert len(seen) > 5_000, "the model has lost its branches"


def test_without_a_window_what_shows_as_changed_is_asked_about() -> None:
    """With `watch_days = 0` nothing is lost that shows as changed in the one look; what does not is, as the operator is told."""
    seen, broken = explored(Protocol(has_window=False))
    assert broken is None
    lost = [row for world in seen if world.step == "unwatched" for row in world.rows if _is_lost(row)]
    assert any(not row.openly for row in lost), "a silent edit"
    assert any(row.openly for row in lost), "one that shows late"


@pytest.mark.parametrize("weakened", [
    Protocol(reads_all_at_last=False),
    Protocol(has_window=False, follows_from_freeze=False),
    Protocol(has_window=False, follows_from_begin=False),
    Protocol(has_window=False, leaves_room=False),
    Protocol(holds_what_is_left=False),
    Protocol(asks_for_each=False),
    Protocol(takes_one=False),
    Protocol(looks_up_behind=False),
], ids=[
    "no last reading", "from the switch", "from the end of a pass", "a mark too near", "left by a crash", "asked once", "taken for good",
    "looked up before",
])  # fmt: skip
def test_a_weakened_watch_is_found_out(weakened: Protocol) -> None:
    """Each rule is needed: without it the model finds a write that is lost, or one that moved and nobody had taken."""
    _, broken = explored(weakened)
    assert broken is not None
