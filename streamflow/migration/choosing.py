"""Choosing the sample: people of every sort, their companies, and of what hangs on them some of every kind."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from heapq import nsmallest

from streamflow.mapping.pair import KindPlan
from streamflow.migration.context import Migration
from streamflow.model import Key, Kind, Record, RecordState
from streamflow.reports.spot import rank

PERSON_SHARE = 0.4    # of the sample; the rest are children of these people, and more people where there are not enough children
KIND_SHARE = 1 / 3    # of the children, at most, for each kind as long as others are to be had
LOOKED_AT = 100       # records of a rare kind in which one is looked for that hangs on a person


def stratum(record: Record, plan: KindPlan) -> tuple[str, ...]:
    """
    What makes a record unlike others: by the pair's `strata`, fields of which the first filled one counts ("status|statusid").

    A mark at the end ("company?") asks only whether there is anything.
    """
    found: list[str] = []
    for names in plan.strata:
        value = next((str(value) for name in names.removesuffix("?").split("|") if (value := record.data.get(name))), "")
        found.append("filled" if value and names.endswith("?") else value)
    return tuple(found)


def choose(strata: dict[tuple[str, ...], list[Key]], size: int, seed: int) -> list[Key]:
    """Take from each stratum in turn, at random but repeatably, until *size* are chosen."""
    dice = random.Random(seed)  # noqa: S311 - a sample is to be drawn the same way again; nothing here is a secret
    pools = [sorted(keys) for _, keys in sorted(strata.items())]
    for pool in pools:
        dice.shuffle(pool)
    chosen: list[Key] = []
    while len(chosen) < size and any(pools):
        for pool in pools:
            if pool and len(chosen) < size:
                chosen.append(pool.pop())
    return chosen


async def choose_sample(migration: Migration, company_of: Callable[[Record], Key | None]) -> dict[Kind, list[Key]]:
    """Give the keys to move by kind, as many as the terms ask for where there are so many; a child always comes with its person."""
    size = migration.terms.sample_size
    ordered = await _ordered_people(migration, size)
    ordered = list(dict.fromkeys([*await _people_with_rare_kinds(migration), *ordered]))[: max(size, 1)]
    person, company = migration.pair.person.kind, migration.pair.company
    chosen: dict[Kind, list[Key]] = {person: ordered[: max(1, int(size * PERSON_SHARE))]}
    limit = (size - len(chosen[person])) * KIND_SHARE
    await _add_children(migration, chosen, chosen[person], size, lambda kind: len(chosen.get(kind, ())) < limit)
    await _add_children(migration, chosen, chosen[person], size, lambda kind: True)
    for one in ordered[len(chosen[person]) :]:
        if _total(chosen) >= size:
            break
        chosen[person].append(one)
        await _add_children(migration, chosen, [one], size, lambda kind: True)
    found = await migration.ledger.staged(person, chosen[person])
    if company is not None:
        chosen[company.kind] = sorted({key for each in found.values() if (key := company_of(each.record)) is not None})
    return chosen


def _total(chosen: dict[Kind, list[Key]]) -> int:
    return sum(len(keys) for keys in chosen.values())


async def _ordered_people(migration: Migration, size: int) -> list[Key]:
    """Give people of all strata in turn; of each no more are held than could be chosen."""
    seed, plan, strata = migration.terms.seed, migration.pair.person, dict[tuple[str, ...], list[Key]]()
    async for page in migration.ledger.every(plan.kind):
        for staged in page:
            if staged.state is RecordState.PENDING:
                strata.setdefault(stratum(staged.record, plan), []).append(staged.record.key)
        for name, keys in strata.items():
            if len(keys) > 2 * size:
                strata[name] = nsmallest(size, keys, key=lambda key: rank(seed, key))
    return choose(strata, size, seed)


async def _people_with_rare_kinds(migration: Migration) -> list[Key]:
    """One person for each kind of child, so that every kind is in the sample."""
    people: list[Key] = []
    person = migration.pair.person.kind
    for kind in migration.pair.hanging_on(person):
        keys = await migration.ledger.keys(kind, limit=LOOKED_AT)
        staged = await migration.ledger.staged(kind, keys)
        parents = [parent for key in keys if key in staged and (parent := staged[key].record.parent) is not None]
        there = await migration.ledger.staged(person, parents)
        people += [parent for parent in parents if parent in there and there[parent].state is RecordState.PENDING][:1]
    return people


async def _add_children(
    migration: Migration, chosen: dict[Kind, list[Key]], people: list[Key], size: int, has_room: Callable[[Kind], bool]
) -> None:
    """Add children of these people, one of each kind in turn, as long as there is room."""
    for person in people:
        if _total(chosen) >= size:
            return
        for kind, key in await _children(migration, person):
            if _total(chosen) < size and has_room(kind) and key not in chosen.get(kind, ()):
                chosen.setdefault(kind, []).append(key)


async def _children(migration: Migration, person: Key) -> list[tuple[Kind, Key]]:
    by_kind: list[Iterator[tuple[Kind, Key]]] = []
    for kind in migration.pair.hanging_on(migration.pair.person.kind):
        staged = await migration.ledger.children(kind, person)
        by_kind.append(iter([(kind, each.record.key) for each in staged if each.state is RecordState.PENDING]))
    found: list[tuple[Kind, Key]] = []
    while by_kind:
        for each in list(by_kind):
            if (child := next(each, None)) is None:
                by_kind.remove(each)
            else:
                found.append(child)
    return found
