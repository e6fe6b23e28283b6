"""
Every order of events of a cutover, up to small bounds: what people wrote before they stopped is in the destination when it switches.

Two records on two pages of the source, which people change once each, openly or so that no time of change moves, shown at once or one
horizon later. Attempts are asked for, confirmed, cancelled and tried again; the process may end at any moment, in the middle of a pass
as well; an answer of the destination may get lost. What a drain has to read and when a reading counts as quiet are the engine's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

from streamflow.migration.cutover import CHANGED, PASSES
from streamflow.migration.round import Reading
from streamflow.stages.tally import Tally
from tests.stages.exploring import explorer

HORIZON = 1          # steps of time after which every change has shown
ATTEMPTS = 2
RECORDS = (0, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """The cutover as it is, or weakened in one place."""

    passes: tuple[str, ...] = PASSES["freeze"]
    waits_for_horizon: bool = True
    starts_anew: bool = True             # a pass that an earlier attempt had begun is given up with the freeze
    notices_resumed: bool = True         # the second half of a pass that a restart cut in two does not speak for the first
    awaits_outcomes: bool = True         # nothing is switched while the outcome of a write is unknown
    delivers_rest: bool = True           # what turned out not to have happened is written before anything is switched
    hears_cancel: bool = True            # what the operator says meanwhile goes before what the step has in hand
    is_one_transaction: bool = True      # receipt and step of the switch are committed together


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What is true, what was read, what was carried over, and what the ledger and the process know of the attempt."""

    edited: tuple[bool, bool] = (False, False)
    silent: tuple[bool, bool] = (False, False)
    hidden: tuple[bool, bool] = (False, False)    # until time passes
    people: bool = True                  # they write to the source
    staged: tuple[bool, bool] = (False, False)
    there: tuple[bool, bool] = (False, False)     # in the destination, confirmed
    doubtful: tuple[bool, bool] = (False, False)  # sent, outcome unknown
    # the ledger's plan
    step: str = "tail"                   # tail | freeze | drain | verify | switched
    attempts: int = 0
    rested: int = 0                      # steps of time since the freeze, at most a horizon
    quiet: int = 0
    page: int = 0                        # of the complete pass under way: a mark, kept over restarts and attempts
    receipt: bool = False
    cancelled: bool = False
    # the process
    found: bool = False                  # by the part of the pass that this process has read
    resumed: bool = False                # an earlier process read a part of it
    held: str = ""                       # the step it is about to commit, with the plan it has read before
    crashes: int = 1


def steps(world: World, protocol: Protocol) -> Iterator[World]:
    """Give every world that may come next."""
    yield from _people(world)
    yield from _operator(world)
    yield from _outcomes(world)
    yield from _process(world, protocol)
    if world.crashes and world.step != "switched":
        yield replace(world, crashes=0, found=False, resumed=world.page > 0, held="")
    if any(world.hidden) or (world.step == "drain" and world.rested < HORIZON):
        yield replace(world, hidden=(False, False), rested=HORIZON)


def _people(world: World) -> Iterator[World]:
    if not world.people:
        return
    if world.step in ("tail", "freeze"):
        yield replace(world, people=False)
    for record in RECORDS:
        if not world.edited[record]:
            for silent in (False, True):
                for late in (False, True):
                    yield replace(
                        world, edited=_with(world.edited, record, True), silent=_with(world.silent, record, silent),
                        hidden=_with(world.hidden, record, late),
                    )


def _operator(world: World) -> Iterator[World]:
    if world.step == "tail" and world.attempts < ATTEMPTS:
        yield replace(world, step="freeze", attempts=world.attempts + 1, cancelled=False)
    if world.step in ("freeze", "drain", "verify") and not world.cancelled:
        yield replace(world, cancelled=True)


def _outcomes(world: World) -> Iterator[World]:
    """What was unknown is found out; that it did not happen leads to another try."""
    for record in RECORDS:
        if world.doubtful[record]:
            known = replace(world, doubtful=_with(world.doubtful, record, False))
            yield replace(known, there=_with(world.there, record, True))
            yield known


def _process(world: World, protocol: Protocol) -> Iterator[World]:
    if world.held:
        yield _committed(world, protocol)
    elif world.cancelled and world.step != "switched":
        yield replace(world, step="tail", cancelled=False, people=True, quiet=0, found=False, resumed=world.page > 0)
    elif world.step == "freeze" and not world.people:
        page, resumed = (0, False) if protocol.starts_anew else (world.page, world.resumed)
        yield replace(world, step="drain", rested=0, quiet=0, page=page, resumed=resumed, found=False)
    elif world.step == "drain" and (world.rested >= HORIZON or not protocol.waits_for_horizon):
        yield from _drain(world, protocol)
    elif world.step == "verify":
        yield replace(world, held="switched")
    elif world.receipt and world.step != "switched":
        yield replace(world, step="switched")


def _committed(world: World, protocol: Protocol) -> World:
    """Commit what the process has in hand; the plan is read once more before."""
    if world.cancelled and protocol.hears_cancel:
        return replace(world, held="")
    if world.held == "switched" and not protocol.is_one_transaction and not world.receipt:
        return replace(world, receipt=True)
    return replace(world, step=world.held, held="", receipt=world.receipt or world.held == "switched")


def _drain(world: World, protocol: Protocol) -> Iterator[World]:
    if world.quiet >= len(protocol.passes):
        due = [record for record in RECORDS if world.staged[record] and not world.there[record] and not world.doubtful[record]]
        if due and protocol.delivers_rest:
            yield from _carried(world, due)
        elif not (protocol.awaits_outcomes and any(world.doubtful)):
            yield replace(world, held="verify")
        return
    if protocol.passes[world.quiet] == CHANGED:
        staged, fresh = world.staged, False
        for record in RECORDS:
            if _shows(world, record) and not world.silent[record] and not staged[record]:
                staged, fresh = _with(staged, record, True), True
        yield from _passed(replace(world, staged=staged), fresh, False, protocol)
        return
    fresh = _shows(world, world.page) and not world.staged[world.page]
    read = replace(world, staged=_with(world.staged, world.page, True) if fresh else world.staged, found=world.found or fresh)
    if world.page < RECORDS[-1]:
        yield replace(read, page=world.page + 1)
    else:
        yield from _passed(replace(read, page=0, found=False, resumed=False), read.found, world.resumed, protocol)


def _passed(world: World, fresh: bool, resumed: bool, protocol: Protocol) -> Iterator[World]:
    """A pass came to its end: carry over what is staged, whose answers may get lost, and count the pass if it was quiet."""
    reading = Reading(tallies={"lead": Tally(changed=int(fresh), ended=True)}, is_resumed=resumed and protocol.notices_resumed)
    due = [record for record in RECORDS if world.staged[record] and not world.there[record] and not world.doubtful[record]]
    quiet = world.quiet + 1 if reading.is_quiet else 0
    yield from _carried(replace(world, quiet=quiet), due)


def _carried(world: World, due: list[int]) -> Iterator[World]:
    """Write what is due; all is answered, or one answer gets lost."""
    for lost in (None, *due):
        there, doubtful = world.there, world.doubtful
        for record in due:
            there, doubtful = _with(there, record, record != lost), _with(doubtful, record, record == lost)
        yield replace(world, there=there, doubtful=doubtful)


def _shows(world: World, record: int) -> bool:
    return world.edited[record] and not world.hidden[record]


def _with(values: tuple[bool, bool], place: int, value: bool) -> tuple[bool, bool]:
    return (value, values[1]) if place == 0 else (values[0], value)


def is_broken(world: World) -> bool:
    """Say whether it switched without something, after a cancel that was answered, or stands half switched."""
    if world.step == "switched":
        return world.there != world.edited or any(world.doubtful) or world.cancelled
    return world.receipt and (world.step == "tail" or world.cancelled)


explored = explorer(World(), steps, is_broken)


def test_nothing_written_before_the_freeze_is_left_behind() -> None:
    """In no order of edits, attempts, cancels, crashes and lost answers does it switch without what people had written."""
    seen, broken = explored(Protocol())
    assert broken is None
    assert len(seen) > 5_000, "the model has lost its branches"
    assert {world.edited for world in seen if world.step == "switched"} == {(a, b) for a in (False, True) for b in (False, True)}


@pytest.mark.parametrize("weakened", [
    Protocol(waits_for_horizon=False),
    Protocol(passes=(CHANGED,)),
    Protocol(starts_anew=False, notices_resumed=False),
    Protocol(awaits_outcomes=False),
    Protocol(delivers_rest=False),
    Protocol(hears_cancel=False),
    Protocol(is_one_transaction=False),
], ids=["no horizon", "only what changed", "an old pass", "open outcomes", "rest left", "deaf", "two steps"])
def test_a_weakened_cutover_is_found_out(weakened: Protocol) -> None:
    """Each rule is needed: without it the model finds a switch that leaves something behind, or one nobody wanted any more."""
    _, broken = explored(weakened)
    assert broken is not None
