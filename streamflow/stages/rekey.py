"""
Records whose key was made by the reader, since the source gives them none: they keep their place when what the key is made of changes.

Rule 1: a key that went and one that came are the same record only under one parent, in one reading that shows all of that parent's, and
when it is one for one. Anything less is two records.
Rule 2: where the key cannot change just now (a write of the record is open), the record is staged under the one it has; it changes later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from streamflow.model import AuditEntry, IntentState, Key, Kind, Page, Record, Staged
from streamflow.platforms.base import MADE_KEY, Stream
from streamflow.store.base import Audit, Change, Ledger, Rekey

SETTLED = (IntentState.CONFIRMED, IntentState.REJECTED, IntentState.ABANDONED)


def successors(gone: Sequence[Staged], fresh: Sequence[Record], same: Callable[[Record, Record], bool]) -> Sequence[tuple[Key, Key]]:
    """Give (former key, present key) of those that are one record by *same*, one for one. Pure."""
    after = {each.record.key: [record.key for record in fresh if same(each.record, record)] for each in gone}
    before: dict[Key, int] = {}
    for keys in after.values():
        for key in keys:
            before[key] = before.get(key, 0) + 1
    return [(old, keys[0]) for old, keys in after.items() if len(keys) == 1 and before[keys[0]] == 1]


def alike(names: Sequence[str]) -> Callable[[Record, Record], bool]:
    """Give what compares a former record with a present one by these fields; a key that the source itself gave never changes."""

    def same(one: Record, other: Record) -> bool:
        return one.key.startswith(MADE_KEY) and all(str(one.data.get(name) or "") == str(other.data.get(name) or "") for name in names)

    return same


async def hand_over(ledger: Ledger, streams: Iterable[Stream], page: Page) -> Page:
    """
    Let records of a page that is about to be staged go on under their new keys; answers the page as it is to be staged.

    Only kinds of which the page shows all that its own records have are looked at (`Stream.same_by`).
    """
    kinds = {each.kind: each.same_by for each in streams if each.same_by and page.kind in (each.via, *each.fed_by)}
    if not kinds or page.gaps:
        return page
    parents = [record.key for record in page.records if record.kind == page.kind]
    kept: dict[tuple[Kind, Key], Key] = {}
    for kind, names in kinds.items():
        pairs = await _pairs(ledger, kind, names, parents, [record for record in page.records if record.kind == kind])
        for old, new in pairs:
            if await _is_free(ledger, kind, (old, new)):
                await ledger.commit(_renamed(kind, old, new))
            else:
                kept[kind, new] = old
    return replace(page, records=tuple(replace(each, key=kept.get((each.kind, each.key), each.key)) for each in page.records))


async def _pairs(
    ledger: Ledger, kind: Kind, names: Sequence[str], parents: Sequence[Key], shown: Sequence[Record]
) -> list[tuple[Key, Key]]:
    known: Mapping[Key, Sequence[Staged]] = await ledger.children_of(kind, parents)
    keys = {record.key for record in shown}
    there = await ledger.staged(kind, sorted(keys))
    found: list[tuple[Key, Key]] = []
    for parent, children in known.items():
        gone = [each for each in children if each.record.key not in keys]
        fresh = {each.key: each for each in shown if each.parent == parent and each.key not in there}
        found += successors(gone, list(fresh.values()), alike(names)) if gone and fresh else []
    return found


async def _is_free(ledger: Ledger, kind: Kind, keys: Sequence[Key]) -> bool:
    """Say whether no write of these records waits for its outcome, and the new key has no line of its own."""
    intents = [intent for key in keys for intent in await ledger.intents_of(kind, key)]
    return all(intent.state in SETTLED for intent in intents) and not await ledger.links_of(kind, keys[1:])


def _renamed(kind: Kind, old: Key, new: Key) -> list[Change]:
    note = "the same record under another key"
    entry = AuditEntry(actor="streamflow", action="record.renamed", kind=kind, key=new, before=old, note=note)
    return [Rekey(kind=kind, old=old, new=new), Audit(entry=entry)]
