"""
Every order of events of one create, up to small bounds, with the real ruling: never two records, never none.

The model holds what the ledger, the process and the far side know. A request may be processed until the client's time-out, take
effect late, and be seen later still; the process may end at any moment. Weakened protocols show that the model can find the bugs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

from streamflow.model import Intent, IntentState, Op, Ref
from streamflow.stages.doubt import QuietTime, rule_create
from tests.stages.exploring import LAG, LATE, QUIET, TIMEOUT, WEAK_QUIETS, explorer

END = 11
INTENT = Intent(id="1", ref=Ref("lead", "1"), op=Op.CREATE, dest_kind="contacts", fields={}, marker="lt:lead:1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """The protocol as it is, or weakened in one place."""

    quiet: QuietTime = QUIET
    is_blind: bool = False               # a lost answer is followed by the same write again
    sends_first: bool = False            # the intent is noted only with the outcome
    counts_from_intent: bool = False     # the quiet time counts from when the write was meant


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What is known where. Times count from 0; *flights* are requests that no one has processed yet, by when they were sent."""

    now: int = 0
    ledger: str = "nothing"              # nothing | meant | doubt | confirmed | parked
    meant_at: int = 0
    since: int = 0
    waits: int | None = None             # the process waits for the answer to the request sent then
    alive: bool = True                   # False: a process that knows nothing but the ledger
    crashes: int = 1
    flights: tuple[int, ...] = ()
    owed: tuple[int, ...] = ()           # when requests that were taken on will take effect
    records: tuple[int, ...] = ()        # when each record becomes visible


def steps(world: World, protocol: Protocol) -> Iterator[World]:
    """Give every world that may come next."""
    yield from _process(world, protocol)
    yield from _far_side(world)
    if world.crashes and world.ledger in ("nothing", "meant", "doubt"):
        yield replace(world, crashes=world.crashes - 1, alive=False, waits=None)
    if world.now < END and not _must_act(world):
        yield replace(world, now=world.now + 1)


def _must_act(world: World) -> bool:
    """Say whether something is due that time may not pass over: requests end with the time-out, effects come when they are due."""
    overdue = any(world.now >= sent + TIMEOUT for sent in world.flights) or any(world.now >= due for due in world.owed)
    return overdue or (world.waits is not None and world.now >= world.waits + TIMEOUT)


def _process(world: World, protocol: Protocol) -> Iterator[World]:
    if world.ledger == "nothing" and world.waits is None:
        if protocol.sends_first:
            yield replace(world, alive=True, waits=world.now, flights=(*world.flights, world.now))
        else:
            yield replace(world, alive=True, ledger="meant", meant_at=world.now)
    if world.ledger == "meant" and world.alive and world.waits is None:
        yield replace(world, waits=world.now, flights=(*world.flights, world.now))
    if world.ledger == "meant" and not world.alive:
        yield replace(world, alive=True, ledger="doubt", since=world.now)
    if world.waits is not None and world.now >= world.waits + TIMEOUT:
        yield _doubt(world, protocol)
    if world.ledger == "doubt":
        yield _ruled(world, protocol)


def _doubt(world: World, protocol: Protocol) -> World:
    lost = replace(world, waits=None)
    return replace(lost, ledger="nothing") if protocol.is_blind else replace(lost, ledger="doubt", since=world.now)


def _ruled(world: World, protocol: Protocol) -> World:
    seen = [f"{n}-contacts" for n, visible in enumerate(world.records) if visible <= world.now]
    began = world.meant_at if protocol.counts_from_intent else world.since
    ruling = rule_create(INTENT, seen, waited_s=world.now - began, quiet=protocol.quiet)
    after = {None: "doubt", IntentState.CONFIRMED: "confirmed", IntentState.ABANDONED: "nothing", IntentState.PARKED: "parked"}
    return replace(world, ledger=after[ruling.state])


def _far_side(world: World) -> Iterator[World]:
    for place, sent in enumerate(world.flights):
        rest = replace(world, flights=world.flights[:place] + world.flights[place + 1 :])
        yield rest                                                             # it got lost on the way
        for lag in (0, LAG):
            done = replace(rest, records=(*world.records, world.now + lag))
            yield done                                                         # it took effect, the answer got lost
            if world.waits == sent:
                yield replace(done, ledger="confirmed", waits=None)            # and the answer arrived
        yield from (replace(rest, owed=(*world.owed, world.now + late)) for late in (1, LATE))
    for place, due in enumerate(world.owed):
        if due <= world.now:
            rest = replace(world, owed=world.owed[:place] + world.owed[place + 1 :])
            yield from (replace(rest, records=(*world.records, world.now + lag)) for lag in (0, LAG))


def is_broken(world: World) -> bool:
    """Say whether a record is there twice, called confirmed without being there, or left to a person."""
    return len(world.records) > 1 or (world.ledger == "confirmed" and not world.records) or world.ledger == "parked"


explored = explorer(World(), steps, is_broken)


def test_never_two_and_never_none() -> None:
    """In no order of events are there two records, or a confirmed write without one."""
    seen, broken = explored(Protocol())
    assert broken is None
    assert len(seen) > 2_000, "the model has lost its branches"


def test_every_world_can_still_end_well() -> None:
    """From wherever a run may have come to, faults ended, the record comes to exist and is confirmed."""
    seen, _ = explored(Protocol())
    for world in seen:
        assert _ends_well(world), world


def _ends_well(world: World) -> bool:
    for _ in range(60):
        if world.ledger == "confirmed":
            return len(world.records) == 1
        if world.flights and world.waits == world.flights[-1]:
            world = replace(world, flights=world.flights[:-1], records=(*world.records, world.now), ledger="confirmed", waits=None)
            continue
        if world.flights:
            world = replace(world, flights=world.flights[1:])
        if world.owed and world.owed[0] <= world.now:
            world = replace(world, owed=world.owed[1:], records=(*world.records, world.now))
        acted = next(_process(world, Protocol()), world)
        world = replace(acted, now=acted.now + (acted == world or acted.ledger == "doubt"))
    return False


@pytest.mark.parametrize("weakened", [
    *(Protocol(quiet=quiet) for quiet in WEAK_QUIETS.values()),
    Protocol(is_blind=True),
    Protocol(sends_first=True),
    Protocol(counts_from_intent=True),
], ids=[*WEAK_QUIETS, "blind retry", "send before intent", "counted from the intent"])
def test_a_weakened_protocol_is_found_out(weakened: Protocol) -> None:
    """Each rule is needed: without it the model finds a double."""
    _, broken = explored(weakened)
    assert broken is not None
    assert len(broken.records) > 1 or broken.ledger == "parked"
