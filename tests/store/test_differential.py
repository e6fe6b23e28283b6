"""The two ledgers side by side: seeded random changes, and every answer the same."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from streamflow.errors import InvariantBroken
from streamflow.model import Disposition, Ending, IntentState, Op, RecordState, Ref, Staged, Verdict
from streamflow.store.base import Ledger
from streamflow.store.change import (
    Change,
    DropLink,
    DropLookup,
    Enqueue,
    Fold,
    MarkVerified,
    Missed,
    MoveLink,
    MoveMark,
    PutIntent,
    PutLink,
    PutLookup,
    PutSetting,
    Rekey,
    Reopen,
    ResolveItem,
    SettleIntent,
    Wake,
)
from streamflow.store.memory import MemoryLedger
from streamflow.store.sqlite import SqliteLedger

from .values import StillClock, audit, checks, finish, intent, item, link, parked, record

KEYS = [str(n) for n in range(8)]
KINDS = ("lead", "note")


def some_change(dice: random.Random, held: dict[tuple[str, str], int], step: int) -> Change:
    """Draw one change of any sort; finishes mostly name the true number in *held*."""
    key, kind, other = dice.choice(KEYS), dice.choice(KINDS), dice.choice(KEYS)
    seq = held.get((kind, key), 0) - (dice.random() < 0.1)
    number = f"i{dice.randrange(60)}"
    makers: list[Any] = [
        lambda: finish(key, seq, kind=kind, disposition=dice.choice(list(Disposition)), reason=f"r{step}",
                       ground=dice.choice(["", f"c{step}"])),
        lambda: finish(key, seq, kind=kind, state=RecordState.HELD, disposition=None, ground=dice.choice(["", "undone:it"])),
        lambda: parked(key, seq, f"lead:{other}", kind=kind),
        lambda: Reopen(kind=kind, keys=dice.choice([(), (key, other)]), but=dice.choice(["", "undone:"])),
        lambda: Wake(on=(f"lead:{key}", f"lead:{other}")),
        lambda: Missed(kind=kind, keys=(key,)),
        lambda: PutIntent(intent=intent(number, key, op=dice.choice([Op.CREATE, Op.UPDATE]), part=dice.choice(["", "x"]))),
        lambda: SettleIntent(id=number, state=dice.choice(list(IntentState)), dest_id=dice.choice([None, "9-x"]), reason="s",
                             ending=dice.choice(list(Ending)), unknown_since=dice.choice(["", f"u{step}"])),
        lambda: PutLink(link=link(key, kind=kind, dest_id=f"{other}-d", verified=dice.choice(["pending", "verified"]), phase=f"p{step}")),
        lambda: DropLink(ref=Ref(kind, key)),
        lambda: MarkVerified(ref=Ref("lead", key), verified=dice.choice(["verified", "differs"]),
                             checks=checks(key, [(name, dice.choice(list(Verdict))) for name in dice.sample(["a", "b", "c"], 2)])),
        lambda: PutLookup(side=dice.choice(["src", "dest"]), kind="contacts", id=key,
                          values={"email": (f"{other}@x",), "name": ("n", key)}),
        lambda: DropLookup(side="src", kind="contacts", id=key),
        lambda: Enqueue(item=item(f"q{other}", reason=f"r{step}", details={"step": step})),
        lambda: ResolveItem(id=f"q{other}", decision="keep", by="uid:0"),
        lambda: MoveMark(name=kind, cursor=str(step)),
        lambda: PutSetting(name=f"s{other}", value=dice.choice([None, step, {"a": [step]}])),
        lambda: audit(f"a{step}", key, after={"b": step, "a": None}),
        lambda: Rekey(kind=kind, old=key, new=dice.choice([other, f"n{step}"])),
        lambda: Fold(kind=kind, old=key, into=other),
        lambda: MoveLink(old=Ref(kind, key), new=Ref(dice.choice(KINDS), other, dice.choice(["", "x"]))),
    ]
    change: Change = dice.choice(makers)()
    return change


def bare(staged: Staged) -> Staged:
    """Leave the number out: how many were used up in between is each ledger's own affair."""
    return replace(staged, seq=0)


async def answers(ledger: Ledger) -> dict[str, Any]:
    """Ask everything there is to ask."""
    found: dict[str, Any] = {
        "counts": Counter({(c.kind, c.state, c.disposition): c.count for c in await ledger.counts()}),
        "links": [one async for page in ledger.crosswalk(page=3) for one in page],
        "to": await ledger.links_to([f"{key}-d" for key in KEYS]),
        "link_counts": await ledger.link_counts(),
        "unverified": await ledger.unverified("contacts", limit=4, after="1"),
        "differing": [await ledger.differing(kind, limit=3, after=Ref("lead", "1")) for kind in ("contacts", "leads")],
        "open": await ledger.open_intents(),
        "intents": [await ledger.intents_of("lead", key) for key in KEYS] + [await ledger.intents_by_key(kind, KEYS) for kind in KINDS],
        "others": [
            (each.id, others.taken, set(others.unanswered)) for key in KEYS for each in await ledger.intents_of("lead", key)
            for others in [await ledger.others_meanwhile(each.id, limit=1000)]
        ],
        "intent_counts": await ledger.intent_counts(),
        "candidates": await ledger.candidates("contacts", {"name": ["n"], "email": ["1@x", "2@x"]}),
        "queue": [await ledger.queue(state=None), await ledger.queue_counts(), await ledger.decisions()],
        "items": [one async for page in ledger.items(page=2) for one in page] + [await ledger.items_about(kind, KEYS) for kind in KINDS],
        "marks": await ledger.marks(),
        "settings": [await ledger.settings("s"), await ledger.settings_named([f"s{number}" for number in range(4)])],
        "check_counts": await ledger.check_counts(),
        "checks": await ledger.checks(verdicts=["differs", "lossy"]),
        "checks_of": [await ledger.checks_of("lead", key) for key in KEYS],
        "audit": [row async for page in ledger.audit(page=7) for row in page],
        "audit_of": await ledger.audit_of("lead", "1", limit=3),
        "verified": await ledger.verify_audit(),
    }
    for kind in KINDS:
        found[kind] = [bare(one) async for page in ledger.every(kind, page=3) for one in page]
        found[kind + " keys"] = await ledger.keys(kind)
        found[kind + " children_of"] = {
            parent: [bare(one) for one in children] for parent, children in (await ledger.children_of(kind, ["p1", "p2", "no"])).items()
        }
        found[kind + " children"] = [bare(one) for one in await ledger.children(kind, "p1")]
        found[kind + " held"] = await ledger.held(kind)
        found[kind + " unseen"] = [
            await ledger.unseen(kind, scan=f"s:{n}", parents=parents) for n in range(4) for parents in (None, ["p1"])
        ]
        found[kind + " pending"] = Counter(one.record.key for one in await ledger.pending(kind, limit=99))
    return found


async def numbers(ledger: Ledger) -> dict[tuple[str, str], int]:
    return {(kind, key): one.seq for kind in KINDS for key, one in (await ledger.staged(kind, KEYS)).items()}


async def outcome(ledger: Ledger, changes: list[Change], staging: list[Any] | None, scan: str) -> Any:
    try:
        if staging is None:
            await ledger.commit(changes)
            return None
        result = await ledger.stage(staging, scan=scan, changes=changes)
        return replace(result, touched=tuple((kind, key, 0) for kind, key, _ in result.touched), revived=tuple(sorted(result.revived)))
    except InvariantBroken:
        return "refused"


@pytest.mark.parametrize("seed", range(6))
async def test_both_ledgers_tell_the_same_story(tmp_path: Path, clock: StillClock, seed: int) -> None:
    """After the same changes, accepted or refused alike, every question gets the same answer from both."""
    dice = random.Random(seed)
    memory = MemoryLedger(clock=clock)
    refused = 0
    async with SqliteLedger.open(tmp_path, clock=clock) as ledger:
        for step in range(60):
            await clock.sleep(1)
            mine, theirs = await numbers(ledger), await numbers(memory)
            size, state = dice.randrange(1, 5), dice.getstate()
            changes = [some_change(dice, mine, step) for _ in range(size)]
            dice.setstate(state)
            twins = [some_change(dice, theirs, step) for _ in range(size)]
            staging = None
            if dice.random() < 0.4:
                staging = [record(dice.choice(KEYS), kind=dice.choice(KINDS), digest=dice.choice("ab"), parent=dice.choice([None, "p1"]))
                           for _ in range(dice.randrange(6))]
            scan = f"s:{dice.randrange(4)}"
            told = await outcome(ledger, changes, staging, scan)
            assert told == await outcome(memory, twins, staging, scan), (step, changes)
            refused += told == "refused"
            if step % 4 == 3:
                expected, found = await answers(memory), await answers(ledger)
                for question, answer in expected.items():
                    assert found[question] == answer, (step, question)
        assert 0 < refused < 60
