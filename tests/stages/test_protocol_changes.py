"""
Every order of events of writes to what is there, up to small bounds, with the real ruling: updates, lead actions, remade notes and tasks.

An update may take effect late, when a newer one has been confirmed: then the older would overwrite the newer. A lead action is an update of
several calls, which may stop half way. A remade text is a deletion and a creation: it may end as two, or as none. Weakened protocols show
that the models find each of these.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache

import pytest

from streamflow.model import Intent, IntentState, Op, Ref
from streamflow.stages.doubt import QuietTime, Ruling, rule_change, rule_create
from tests.stages.exploring import LAG, LATE, QUIET, TIMEOUT, WEAK_QUIETS, explore, explorer

END = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """The protocol as it is, or weakened in one place."""

    calls: int = 1                       # of one update: 2 for a lead that is moved and closed
    quiet: QuietTime = QUIET
    is_blind: bool = False               # a lost answer is followed by the next write at once
    counts_from_intent: bool = False     # the quiet time counts from when the write was meant
    trusts_the_first: bool = False       # the first of several calls stands for all of them
    forgets_the_half: bool = False       # what was deleted and not made anew is taken for deleted by people


# ------------------------------------------------------------------------------------------------ updates and lead actions


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What is known where, of a record whose values are to become version 1, and from some moment on version 2."""

    now: int = 0
    wanted: int = 1
    ledger: str = "pending"              # pending | meant | doubt | confirmed
    version: int = 0                     # of the write under way, or the last one confirmed
    meant_at: int = 0
    since: int = 0
    call: int = 0                        # which call of the write is next
    waits: int | None = None             # the process waits for the answer to the request sent then
    alive: bool = True
    crashes: int = 1
    flights: tuple[tuple[int, int, int], ...] = ()     # sent at, call, version
    owed: tuple[tuple[int, int, int], ...] = ()        # due at, call, version
    values: tuple[int, ...] = (0,)


def _intent(kind: str) -> Intent:
    return Intent(id="1", ref=Ref("lead", "1"), op=Op.UPDATE, dest_kind=kind, fields={}, dest_id=f"1-{kind}")


def steps(world: World, protocol: Protocol) -> Iterator[World]:
    """Give every world that may come next."""
    yield from _far_side(world, protocol)
    overdue = any(world.now >= sent + TIMEOUT for sent, _, _ in world.flights) or any(world.now >= due for due, _, _ in world.owed)
    if overdue:
        return      # the bounds hold: what is due has happened before anybody judges by them
    yield from _process(world, protocol)
    if world.wanted == 1:
        yield replace(world, wanted=2, ledger="pending" if world.ledger == "confirmed" else world.ledger)
    if world.crashes and world.ledger in ("meant", "doubt"):
        yield replace(world, crashes=0, alive=False, waits=None)
    if world.now < END and (world.waits is None or world.now < world.waits + TIMEOUT):
        yield replace(world, now=world.now + 1)


def _process(world: World, protocol: Protocol) -> Iterator[World]:
    if world.ledger == "pending":
        if world.values == (world.wanted,) * protocol.calls:
            yield replace(world, ledger="confirmed", version=world.wanted)
        else:
            yield replace(world, ledger="meant", version=world.wanted, meant_at=world.now, call=0, alive=True)
    if world.ledger == "meant" and world.alive and world.waits is None:
        yield replace(world, waits=world.now, flights=(*world.flights, (world.now, world.call, world.version)))
    if world.ledger == "meant" and not world.alive:
        yield replace(world, alive=True, ledger="doubt", since=world.now)
    if world.waits is not None and world.now >= world.waits + TIMEOUT:
        lost = replace(world, waits=None)
        yield _settled(lost, "pending") if protocol.is_blind else replace(lost, ledger="doubt", since=world.now)
    if world.ledger == "doubt":
        yield _ruled(world, protocol)


def _ruled(world: World, protocol: Protocol) -> World:
    looked_at = world.values[:1] if protocol.trusts_the_first else world.values
    waited = world.now - (world.meant_at if protocol.counts_from_intent else world.since)
    applied = all(value == world.version for value in looked_at)
    ruling = rule_change(_intent("leads"), {"name": "x"}, (), applied=applied, waited_s=waited, quiet=protocol.quiet)
    after = {None: "doubt", IntentState.CONFIRMED: "confirmed", IntentState.ABANDONED: "pending"}[ruling.state]
    return _settled(world, after)


def _settled(world: World, ledger: str) -> World:
    """A confirmed write is followed by the next one when the source has moved on."""
    moved_on = ledger == "confirmed" and world.wanted != world.version
    return replace(world, ledger="pending" if moved_on else ledger)


def _far_side(world: World, protocol: Protocol) -> Iterator[World]:
    for place, (sent, call, version) in enumerate(world.flights):
        rest = replace(world, flights=world.flights[:place] + world.flights[place + 1 :])
        yield rest                                                             # it got lost on the way
        done = replace(rest, values=_with(rest.values, call, version))
        yield done                                                             # it took effect, the answer got lost
        if world.waits == sent:
            answered = replace(done, waits=None, call=call + 1)
            yield answered if call + 1 < protocol.calls else _settled(answered, "confirmed")
        yield from (replace(rest, owed=(*world.owed, (world.now + late, call, version))) for late in (1, LATE))
    for place, (due, call, version) in enumerate(world.owed):
        if due <= world.now:
            rest = replace(world, owed=world.owed[:place] + world.owed[place + 1 :])
            yield replace(rest, values=_with(rest.values, call, version))


def _with(values: tuple[int, ...], call: int, version: int) -> tuple[int, ...]:
    return (*values[:call], version, *values[call + 1 :])


@cache
def explored(protocol: Protocol) -> tuple[set[World], World | None]:
    """Give the worlds a protocol leads to, and the first in which a confirmed version is not what the record holds."""
    start = World(values=(0,) * protocol.calls)
    return explore(
        start, lambda world: steps(world, protocol),
        lambda world: world.ledger == "confirmed" and world.values != (world.version,) * protocol.calls,
    )


@pytest.mark.parametrize("calls", [1, 2], ids=["update", "lead actions"])
def test_the_older_never_overwrites_the_newer(calls: int) -> None:
    """In no order of events does a record hold anything but the version last confirmed, in whole; and both versions are reached."""
    seen, broken = explored(Protocol(calls=calls))
    assert broken is None
    assert {world.version for world in seen if world.ledger == "confirmed"} == {1, 2}
    assert len(seen) > 1_000, "the model has lost its branches"


@pytest.mark.parametrize("weakened", [
    Protocol(quiet=QuietTime(timeout_s=0, late_commit_s=0, search_lag_s=0)),
    Protocol(quiet=QuietTime(timeout_s=TIMEOUT, late_commit_s=0, search_lag_s=LAG)),
    Protocol(is_blind=True),
    Protocol(counts_from_intent=True),
    Protocol(calls=2, trusts_the_first=True),
    Protocol(calls=2, is_blind=True),
], ids=["no quiet time", "without late commits", "blind", "counted from the intent", "half an action", "blind actions"])
def test_a_weakened_update_is_found_out(weakened: Protocol) -> None:
    """Each rule is needed: without it the model finds an older value over a newer one, or half an action taken for the whole."""
    _, broken = explored(weakened)
    assert broken is not None


# ------------------------------------------------------------------------------------------------ texts that are made anew


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """What is known where, of a note or task that is deleted and made anew under its marker."""

    now: int = 0
    op: str = "update"                   # update: delete, then make; create: make
    ledger: str = "pending"              # pending | meant | doubt | confirmed | parked | gone
    meant_at: int = 0
    since: int = 0
    deleted: bool = False                # the deletion of this write was answered
    waits: int | None = None
    alive: bool = True
    crashes: int = 1
    flights: tuple[tuple[int, str], ...] = ()
    owed: tuple[tuple[int, str], ...] = ()
    old: bool = True                     # the former record is there
    made: tuple[int, ...] = ()           # when each new one becomes visible


def text_steps(text: Text, protocol: Protocol) -> Iterator[Text]:
    """Give every state that may come next."""
    yield from _text_far_side(text)
    if any(text.now >= sent + TIMEOUT for sent, _ in text.flights) or any(text.now >= due for due, _ in text.owed):
        return
    yield from _text_process(text, protocol)
    if text.crashes and text.ledger in ("meant", "doubt"):
        yield replace(text, crashes=0, alive=False, waits=None)
    if text.now < END and (text.waits is None or text.now < text.waits + TIMEOUT):
        yield replace(text, now=text.now + 1)


def _text_process(text: Text, protocol: Protocol) -> Iterator[Text]:
    if text.ledger == "pending" and text.op == "update" and not text.old:
        yield replace(text, ledger="gone")                                     # taken for deleted by people
    elif text.ledger == "pending":
        yield replace(text, ledger="meant", meant_at=text.now, deleted=text.op == "create", alive=True)
    if text.ledger == "meant" and text.alive and text.waits is None:
        yield replace(text, waits=text.now, flights=(*text.flights, (text.now, "make" if text.deleted else "delete")))
    if text.ledger == "meant" and not text.alive:
        yield replace(text, alive=True, ledger="doubt", since=text.now)
    if text.waits is not None and text.now >= text.waits + TIMEOUT:
        lost = replace(text, waits=None)
        again = replace(lost, ledger="pending", op="create" if text.deleted else "update")
        yield again if protocol.is_blind else replace(lost, ledger="doubt", since=text.now)
    if text.ledger == "doubt":
        yield _text_ruled(text, protocol)


def _text_ruled(text: Text, protocol: Protocol) -> Text:
    seen = [f"{n + 2}-notes" for n, visible in enumerate(text.made) if visible <= text.now]
    waited = text.now - (text.meant_at if protocol.counts_from_intent else text.since)
    if text.op == "create":
        ruling = rule_create(replace(_intent("notes"), op=Op.CREATE, marker="[m]"), seen, waited_s=waited, quiet=protocol.quiet)
    else:
        now = {"body": "former"} if text.old else None
        ruling = rule_change(_intent("notes"), now, seen, applied=False, waited_s=waited, quiet=protocol.quiet)
    after = {None: "doubt", IntentState.CONFIRMED: "confirmed", IntentState.ABANDONED: "pending", IntentState.PARKED: "parked"}
    return replace(text, ledger=after[ruling.state], op=_op_after(text, ruling, protocol))


def _op_after(text: Text, ruling: Ruling, protocol: Protocol) -> str:
    return "create" if ruling.lost and not protocol.forgets_the_half else text.op


def _text_far_side(text: Text) -> Iterator[Text]:
    for place, (sent, what) in enumerate(text.flights):
        rest = replace(text, flights=text.flights[:place] + text.flights[place + 1 :])
        yield rest
        for done in _effects(rest, what):
            yield done
            if text.waits == sent:
                yield replace(done, waits=None, deleted=True) if what == "delete" else replace(done, waits=None, ledger="confirmed")
        yield from (replace(rest, owed=(*text.owed, (text.now + late, what))) for late in (1, LATE))
    for place, (due, what) in enumerate(text.owed):
        if due <= text.now:
            yield from _effects(replace(text, owed=text.owed[:place] + text.owed[place + 1 :]), what)


def _effects(text: Text, what: str) -> Iterator[Text]:
    if what == "delete":
        yield replace(text, old=False)
    else:
        yield from (replace(text, made=(*text.made, text.now + lag)) for lag in (0, LAG))


def is_broken(text: Text) -> bool:
    """Say whether there are two copies, none that is called done, or it is left to a person."""
    return text.old + len(text.made) > 1 or (text.ledger == "confirmed" and not text.made) or text.ledger in ("parked", "gone")


explored_text = explorer(Text(), text_steps, is_broken)


def test_a_remade_text_is_never_two_and_never_none() -> None:
    """In no order of events are there two copies, or none that counts as made, or as deleted by people."""
    seen, broken = explored_text(Protocol())
    assert broken is None
    assert any(text.ledger == "confirmed" and text.op == "create" for text in seen), "made again after it was lost half way"
    assert any(text.ledger == "confirmed" and text.op == "update" for text in seen)
    assert len(seen) > 1_000, "the model has lost its branches"


@pytest.mark.parametrize("weakened", [
    *(Protocol(quiet=quiet) for quiet in WEAK_QUIETS.values()),
    Protocol(is_blind=True),
    Protocol(counts_from_intent=True),
    Protocol(forgets_the_half=True),
], ids=[*WEAK_QUIETS, "blind", "counted from the intent", "half forgotten"])
def test_a_weakened_remaking_is_found_out(weakened: Protocol) -> None:
    """Each rule is needed: without it the model finds two copies, or none."""
    _, broken = explored_text(weakened)
    assert broken is not None
