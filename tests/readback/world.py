"""
One migrated account: read back as it is, spoilt by a dice, and read back again by processes that are killed in the middle.

What is spoilt looks as if the platform had held it since it was written: nothing was read back before, and its history is silent. The same
changes by people, and changes that mean nothing, are made beside them on other records; of these nothing may be told.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any, Final

from streamflow.model import DestId, FieldCheck, Kind, Link, Verdict
from streamflow.store.change import PutLink
from streamflow.store.sqlite import SqliteLedger
from tests.readback import stored
from tests.readback.changes import HARMLESS, LOSSES, NOT_HERE, Way
from tests.readback.reading import read_back
from tests.readback.records import drawn
from tests.stages.rig import PERSON, Rig, rig

EXCHANGED: Final = "values of two records are exchanged"
PARTS_EXCHANGED: Final = "parts of a note are exchanged"
GONE: Final = "a record is not there"
LOSS_NAMES: Final = (*(way.name for way in LOSSES), EXCHANGED, PARTS_EXCHANGED, GONE)
ROUTES: Final = ({}, {"payload_custom_fields": True}, {"rpc_find_custom_fields": False})
"""Flags by which custom fields are read: from pages of a search, with the record, or by a call for each."""
_LEAVES: Final = ("notes", "activities", "tasks", "leads")
_OWN: Final = "custom:Streamflow ID"      # a record that lost its mark is looked at by those who look for marks


@dataclass(frozen=True, slots=True)
class Planted:
    """A value that is not what was written; no field: the whole record."""

    name: str
    link: Link
    field: str = ""


@dataclass(slots=True, kw_only=True)
class Result:
    """What came of one world."""

    seed: int
    fields: int = 0                                              # read back untouched, before anything was spoilt
    planted: list[Planted] = field(default_factory=list)
    spared: int = 0                                              # changes by people and such that mean nothing
    kills: int = 0
    faults: list[str] = field(default_factory=list)

    @property
    def by_name(self) -> Counter[str]:
        return Counter(each.name for each in self.planted)


async def world(seed: int, home: Path, *, leads: int, losses: int, kills: int) -> Result:
    """Build a world below *home*, plant so many losses, kill so often, and judge."""
    dice, result = Random(seed), Result(seed=seed)
    switches: dict[str, Any] = {"payload_custom_fields": True} if seed % 3 == 1 else {}
    flags = {**ROUTES[seed % 3], "note_max_chars": 400}
    async with rig(switches=switches, flags=flags, batch_size=50, unqualified="lead", rule="always", stageset="Repairs") as one:
        async with _ledger_of(one, home):
            await one.stage(*drawn(dice, leads))
            await one.run_dry()
            totals = await one.verify()
            result.faults += [f"false alarm before anything was spoilt: {each}" for each in await _told(one)]
            result.faults += [f"not verified: {totals}"] if set(totals) != {"verified"} else []
            result.fields = sum((await one.ledger.check_counts()).values())
            links = [link async for page in one.ledger.crosswalk() for link in page if not link.is_merged]
            await one.ledger.commit([PutLink(link=replace(link, verified="pending")) for link in links])
            _Planting(one, dice, links, result).plant(losses)
        await _read_back(one, home, flags, dice, kills, result)
        async with _ledger_of(one, home):
            result.faults += [fault async for fault in _judged(one, result.planted)]
    return result


@asynccontextmanager
async def _ledger_of(one: Rig, home: Path) -> AsyncIterator[None]:
    own = one.ledger
    async with SqliteLedger.open(home, clock=one.clock) as one.ledger:
        yield
    one.ledger = own


class _Planting:
    """Spoils values, each record once."""

    def __init__(self, one: Rig, dice: Random, links: list[Link], result: Result) -> None:
        self._site, self._dice, self._result = one.site, dice, result
        self._links = sorted(links, key=lambda link: link.ref)
        dice.shuffle(self._links)
        self._used: set[DestId] = set()
        self._held: dict[tuple[Kind, str], list[Any]] = {}
        for link in self._links:
            for name, value in link.base.items():
                self._held.setdefault((link.dest_kind, name), []).append(value)

    def plant(self, losses: int) -> None:
        """Plant so many losses, the ways in turn, and beside them a fifth as many by people and half as many harmless ones."""
        first = self._dice.randrange(len(LOSS_NAMES))
        ways = {way.name: way for way in LOSSES}
        for turn in range(first, first + 3 * losses):
            if len(self._result.planted) < losses:
                name = LOSS_NAMES[turn % len(LOSS_NAMES)]
                self._result.planted += self._lose(name, ways.get(name))
        somebody = stored.person(self._site, PERSON)
        for way in self._dice.sample(LOSSES, min(losses // 5 or 1, len(LOSSES))):
            self._spare(way, by=somebody)
        for turn in range(losses // 2):
            self._spare(HARMLESS[(first + turn) % len(HARMLESS)], by=None)

    def _lose(self, name: str, way: Way | None) -> list[Planted]:
        if way is not None:
            return [Planted(name, *place)] if (place := self._changed(way, by=None)) else []
        if name == GONE:
            link = next(link for link in self._free() if link.dest_kind in _LEAVES)
            stored.drop(self._site, link.dest_id)
            self._used.add(link.dest_id)
            return [Planted(name, link)]
        return [Planted(name, link, field) for link, field in self._exchange(parts=name == PARTS_EXCHANGED)]

    def _spare(self, way: Way, *, by: Any) -> None:
        if by is not None and way.kinds == ("activities", "tasks"):
            way = replace(way, kinds=("activities",))       # no feed tells of tasks
        elif by is not None:
            way = replace(way, kinds=tuple(kind for kind in way.kinds if kind != "tasks"))
        self._result.spared += self._changed(way, by=by) is not None

    def _changed(self, way: Way, *, by: Any) -> tuple[Link, str] | None:
        for link in self._free():
            if link.dest_kind not in way.kinds:
                continue
            names = [name for name, value in link.base.items() if name != _OWN and way.place(name, value)]
            self._dice.shuffle(names)
            for name in names:
                new = way.change(link.base[name], self._dice, self._held[link.dest_kind, name])
                if new is not NOT_HERE:
                    stored.put(self._site, link.dest_id, name, new, by=by)
                    self._used.add(link.dest_id)
                    return link, name
        return None

    def _exchange(self, *, parts: bool) -> list[tuple[Link, str]]:
        """Exchange a value of two records, or the texts of two parts of one note."""
        free = list(self._free())
        for link in free:
            names = [name for name in link.base if name in ("body", "description") or (name.startswith("custom:") and name != _OWN)]
            if not names or (parts and not (link.dest_kind == "notes" and link.ref.part)):
                continue
            name = self._dice.choice(names) if not parts else "body"
            for other in free:
                is_of_it = (other.ref.kind, other.ref.key) == (link.ref.kind, link.ref.key)
                if other.dest_kind == link.dest_kind and is_of_it == parts and other.base.get(name) not in (None, link.base[name]):
                    stored.put(self._site, link.dest_id, name, other.base[name])
                    stored.put(self._site, other.dest_id, name, link.base[name])
                    self._used |= {link.dest_id, other.dest_id}
                    return [(link, name), (other, name)]
        return []

    def _free(self) -> Iterator[Link]:
        return (link for link in self._links if link.dest_id not in self._used)


async def _read_back(one: Rig, home: Path, flags: dict[str, Any], dice: Random, kills: int, result: Result) -> None:
    """Read back in processes that are killed at transactions drawn by the dice, and by what goes on to the end after the last of them."""
    for _ in range(kills):
        end = dice.randrange(1, 16)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.readback.reading", str(home), one.url, json.dumps(flags), str(end)
        )
        code = await process.wait()
        result.kills += code == -signal.SIGKILL
        if code not in (0, -signal.SIGKILL):
            result.faults.append(f"reading back ended with {code}")
    await read_back(str(home), one.url, flags, end=0)


async def _told(one: Rig) -> list[FieldCheck]:
    return list(await one.ledger.checks(verdicts=(Verdict.DIFFERS.value, Verdict.UNREADABLE.value), limit=1_000_000))


async def _judged(one: Rig, planted: list[Planted]) -> AsyncIterator[str]:
    """Hold what was told against what was planted: each by its kind, record and field, asked and noted once, and nothing else."""
    wanted = {(each.link.ref, name) for each in planted for name in ([each.field] if each.field else each.link.base)}
    told = {(check.ref, check.field) for check in await _told(one)}
    why = {each.link.ref: each.name for each in planted}
    for ref, name in sorted(wanted - told):
        yield f"not told: {why[ref]}, {name} of {ref}"
    for ref, name in sorted(told - wanted):
        yield f"false alarm: {name} of {ref} ({why.get(ref, 'untouched, harmless or a person was there')})"
    counts = Counter(state for (_, _, state), number in (await one.ledger.link_counts()).items() for _ in range(number))
    if set(counts) - {"verified", "differs"} or counts["differs"] != len(planted):
        yield f"{len(planted)} links were spoilt, and their states are {dict(counts)}"
    asked = Counter((item.details["dest_id"], ",".join(item.details.get("fields", ()))) for item in await one.ledger.queue()
                    if item.cause in ("read_back_differs", "deleted_at_destination"))
    if asked != Counter((each.link.dest_id, each.field) for each in planted):
        yield f"asked about {asked}"
    noted = Counter([row.entry.dest_id async for page in one.ledger.audit() for row in page if row.entry.action == "verify.differs"])
    for each in planted:
        if noted[each.link.dest_id] != 1:
            yield f"noted {noted[each.link.dest_id]} times: {each.name}, {each.link.ref}"

