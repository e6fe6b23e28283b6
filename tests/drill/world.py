"""
One account in which creates come to unknown ends, and what became of each by the account's own tables.

The engine, its client and its prober are the real ones, over real connections; the account is the simulated one, its time is virtual.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Literal

import orjson

from streamflow.daemon.book import read_book
from streamflow.migration import work
from streamflow.model import IntentState, QueueItem, Record, Ref
from streamflow.platforms.nutshell.flags import Flags
from tests.drill.fates import FATES, LATE_COMMIT_S, TABLES, Create, switches
from tests.platforms.nutshell_rig import Journal
from tests.stages.rig import Rig, lead, note, reminder, rig

Arm = Literal["within", "unmeasured", "beyond"]
ARMS: tuple[Arm, ...] = ("within", "unmeasured", "beyond")
EACH = {"lead": 11, "note": 8, "reminder": 6}       # creates of a world, by source kind
TIMEOUT_S = 1.0                                     # of the client, the only time that truly passes
LOOK_EVERY_S = 5.0                                  # as the daemon looks at open outcomes
LOOKS = 80
LISTS_WERE_S = 90.0                                 # as it was probed, where no lag could be measured: the probe looks for a minute
ENDS: dict[IntentState, str] = {IntentState.CONFIRMED: "adopted", IntentState.ABANDONED: "resent", IntentState.PARKED: "parked"}


@dataclass(slots=True, kw_only=True)
class Result:
    """What became of the creates of one world: by (fate, arm) how many ended how, and every broken promise in words."""

    seed: int
    arm: Arm
    tally: dict[str, Counter[str]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    bound_s: float | None = None
    answered: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Lag:
    """How late the account shows what is made: its lists from *least* to *most* by record, its feed *feed_s*."""

    least: float
    most: float
    feed_s: float

    @classmethod
    def of(cls, bound_s: float | None, arm: Arm, dice: Random) -> Lag:
        """Draw one that is true to the arm: within the bound that was measured and up to a minute, or where there is none."""
        if arm == "beyond":
            least = dice.uniform(LISTS_WERE_S, 120.0)
            return cls(least=least, most=least + 60.0, feed_s=least)
        most = min(60.0, bound_s or 60.0) * dice.uniform(0.5, 1.0)
        return cls(least=0.0, most=most, feed_s=dice.choice((0.0, most)))


async def drill(seed: int, arm: Arm) -> Result:
    """Let every create of a world come to an unknown end, wait it out, let a person answer what is asked, and count."""
    dice = Random(f"drill {seed} {arm}")
    creates = _creates(dice)
    result = Result(seed=seed, arm=arm)
    async with rig(flags={"search_lag_s": Flags().search_lag_s}, total_s=TIMEOUT_S) as one:
        probed_s = dice.uniform(0.0, 45.0) if arm == "within" else LISTS_WERE_S
        one.switch(search_lag_s=probed_s)
        await _probe(one, result)
        if (arm == "within") != (result.bound_s is not None):
            result.faults.append(f"probe: a bound of {result.bound_s} s was taken from an account whose lists lag {probed_s} s")
        lag = Lag.of(result.bound_s, arm, dice)
        await one.stage(lead("9999"))
        await one.run_dry()
        one.clock.account.advance(LISTS_WERE_S)
        one.switch(search_lag_s=[lag.least, lag.most], events_lag_s=lag.feed_s, **switches(creates, dice))
        before = one.site.faults.log.faults.copy()
        await one.stage(*[_staged(each) for each in creates])
        await one.deliver()
        if dice.random() < 0.3:
            await one.restart()
        await _settle(one, result)
        _struck(one, creates, before, result)
        items = await one.ledger.queue(cause="in_doubt")
        await _count(one, creates, result, items)
        await _is_told(one, result, items)
        one.clock.account.advance(lag.most + LATE_COMMIT_S)
        await _answer(one, creates, result, items)
        for each in creates:
            if (live := len(_there(one, each))) != 1:
                result.faults.append(f"{'doubled' if live else 'lost'}: {each.marker} ({each.fate.name}) is there {live} times in the end")
    return result


def _creates(dice: Random) -> list[Create]:
    fates = [*FATES, *dice.choices(FATES, k=sum(EACH.values()) - len(FATES))]
    dice.shuffle(fates)
    kinds = [kind for kind, number in EACH.items() for _ in range(number)]
    return [Create(kind=kind, key=str(1001 + place), fate=fate) for place, (kind, fate) in enumerate(zip(kinds, fates, strict=True))]


def _staged(each: Create) -> Record:
    match each.kind:
        case "lead":
            return lead(each.key)
        case "note":
            return note(each.key, "9999", f"A note {each.key}")
        case _:
            return reminder(each.key, "9999")


async def _probe(one: Rig, result: Result) -> None:
    """Probe the account as the schema phase does, and take the bounds that the engine takes then."""
    learned = dict(await one.nutshell.prober.probe(Journal()))
    one.nutshell.adopt({**learned, "timeout_s": TIMEOUT_S, "late_commit_s": LATE_COMMIT_S})
    one.quiet = work.quiet_time(one.nutshell.flags, is_lag_known="search_lag_s" in learned)
    result.bound_s = one.quiet.search_lag_s


async def _settle(one: Rig, result: Result) -> None:
    """Look as often as the daemon does until no outcome is open and nothing is left to send."""
    for _ in range(LOOKS):
        left = await one.resolve_doubts()
        await one.deliver()
        if not left and not await one.ledger.open_intents() and not await one.pending():
            return
        one.clock.account.advance(LOOK_EVERY_S)
    result.faults.append(f"open: {len(await one.ledger.open_intents())} outcomes, {await one.pending()} records pending")


def _struck(one: Rig, creates: Sequence[Create], before: Counter[str], result: Result) -> None:
    """No fate may have missed its create: an account that did nothing wrong would show nothing."""
    struck = one.site.faults.log.faults - before
    meant = Counter(each.fate.switch for each in creates)
    if struck != meant:
        result.faults.append(f"drill: {dict(meant)} were to strike, {dict(struck)} did")


def _there(one: Rig, each: Create) -> list[str]:
    """Give the ids of the live records that carry the marker, by the account's own table."""
    wanted = each.marker.encode()
    return [str(row["id"]) for row in one.live(TABLES[each.kind]) if wanted in orjson.dumps(row)]


async def _count(one: Rig, creates: Sequence[Create], result: Result, items: Sequence[QueueItem]) -> None:
    """Count how each create ended before anybody was asked, and hold the arm to its word."""
    asked = {(item.kind, item.key) for item in items}
    for each in creates:
        tally = result.tally.setdefault(each.fate.name, Counter())
        intents = await one.ledger.intents_of(each.kind, each.key)
        ends = {ENDS[intent.state] for intent in intents if intent.state in ENDS and intent.reason}     # an ordinary end needs no reason
        ends = {"resent"} if "resent" in ends else ends
        live, is_asked = len(_there(one, each)), (each.kind, each.key) in asked
        tally["creates"] += 1
        tally["doubled"] += live > 1
        tally["lost"] += live == 0 and not is_asked
        tally.update(ends)
        if live > 1:
            result.faults.append(f"doubled: {each.marker} ({each.fate.name}) is there {live} times")
        if live == 0 and not is_asked:
            result.faults.append(f"lost: {each.marker} ({each.fate.name}) is not there, and nobody is asked")
        if len(ends) != 1 or ("parked" in ends) != is_asked or not _fits(ends, result.arm):
            result.faults.append(f"ended: {each.marker} ({each.fate.name}) ended {sorted(ends) or 'unnoticed'}, asked about: {is_asked}")


def _fits(ends: set[str], arm: Arm) -> bool:
    """Say whether a create may end so: with a bound by itself, without one never sent again, and what cannot be seen with a person."""
    allowed = {"within": {"adopted", "resent"}, "unmeasured": {"adopted", "parked"}, "beyond": {"parked"}}[arm]
    return ends <= allowed


async def _is_told(one: Rig, result: Result, items: Sequence[QueueItem]) -> None:
    """Each item says why and holds up the switch, and the figure behind the alert counts it."""
    told = (await read_book(one.ledger, now=one.clock.monotonic())).left_in_doubt
    if told != len(items):
        result.faults.append(f"untold: {len(items)} creates are left to a person, the figure says {told}")
    result.faults += [f"untold: {item.id} gives no reason, or blocks nothing" for item in items if not item.reason or not item.blocking]


async def _answer(one: Rig, creates: Sequence[Create], result: Result, items: Sequence[QueueItem]) -> None:
    """Let a person look into the account and answer each item by what is there; then go on until nothing is left."""
    by_ref = {(each.kind, each.key): each for each in creates}
    one.switch(search_lag_s=0.0, events_lag_s=0.0)
    for item in items:
        there = _there(one, by_ref[item.kind, item.key])
        await one.decide(item.id, f"adopt:{there[0]}" if there else "recreate", reopen=Ref(item.kind, item.key))
        result.answered += 1
    await _settle(one, result)
