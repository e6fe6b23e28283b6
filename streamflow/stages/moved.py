"""
Records of whole tables whose key was made by the reader: they keep their place when people merge their parent into another at the source.

Rule 1: one that a whole table no longer shows, and one that it shows for the first time under another parent, are the same record where all
else agrees by which such records are known (`Stream.moved_by`), the former parent is gone, and it is one for one over the whole table.
Anything less is two records.
Rule 2: the table is looked through before anything of it goes by another key, since the former one may stand on a later page.
Rule 3: where the key cannot change just now (a write of the record is open), the record is staged under the one it has; a later table
shows it under the other one, and changes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from streamflow.ledger_names import read_mark
from streamflow.model import Key, Kind, Page, Record, Staged
from streamflow.platforms.source import MADE_KEY, Source, Stream
from streamflow.stages.permit import Permit
from streamflow.stages.rekey import renamed, successors
from streamflow.store.base import Ledger
from streamflow.store.change import PutSetting

Facts: TypeAlias = tuple[str, ...]
_OWED = "rename:"


@dataclass(slots=True)
class Shown:
    """What a whole table shows of records that may be others'."""

    keys: set[Key] = field(default_factory=set)
    alike: dict[Key, Record] = field(default_factory=dict)      # those that a record without its parent could be


class Moved:
    """Follows such records through one pass over one table."""

    def __init__(self, *, ledger: Ledger, source: Source, stream: Stream, permit: Permit) -> None:
        self._ledger = ledger
        self._source = source
        self._stream = stream
        self._permit = permit
        self._left: Mapping[Key, Staged] | None = None      # whose parent is gone; None before the first page
        self._owed: frozenset[Key] = frozenset()            # of these, the ones that should have another key already
        self._facts: frozenset[Facts] = frozenset()         # of all of these
        self._former: Mapping[Key, Key] | None = None       # present key -> former one; None before the table was looked through

    async def hand_over(self, page: Page) -> Page | None:
        """
        Let records of a page that is about to be staged go by their new keys; answers the page as it is to be staged.

        None where the run drains: nothing of the page was taken.
        """
        if not self._stream.moved_by:
            return page
        if self._left is None:
            self._left = await self._look_up()
            self._facts = frozenset(self._facts_of(each.record) for each in self._left.values())
        if not self._left:
            return page
        alike = [record.key for record in page.records if self._is_like_one(record)]
        known = await self._ledger.staged(self._stream.kind, alike)
        fresh = [key for key in alike if key not in known]
        if fresh and self._former is None:
            shown = await self._look_through()
            if shown is None:
                return None
            self._former = await self._judged(shown)
        kept = await self._renamed({key: self._former[key] for key in fresh if key in self._former}) if self._former else {}
        return replace(page, records=tuple(
            replace(each, key=kept.get(each.key, each.key)) if each.kind == self._stream.kind else each for each in page.records
        ))  # fmt: skip

    async def _look_up(self) -> Mapping[Key, Staged]:
        """Give the records that the last table showed and whose parent is gone, and those that could not change their key then."""
        kind, parents = self._stream.kind, self._stream.refers_to
        owed = await self._ledger.settings(f"{_OWED}{kind}:")
        left = dict(await self._ledger.staged(kind, [name.removeprefix(f"{_OWED}{kind}:") for name in owed]))
        self._owed = frozenset(left)
        if parents is None:
            return left
        unseen = await self._unseen(parents)
        if unseen or (await self._ledger.held(parents))[1]:
            async for page in self._ledger.every(kind):
                last = [each for each in page if not each.missing_scans and each.record.parent and self._is_known(each.record)]
                homes = await self._ledger.staged(parents, sorted({each.record.parent or "" for each in last}))
                gone = {key for key, home in homes.items() if home.missing_scans or key in unseen}
                left |= {each.record.key: each for each in last if each.record.parent in gone}
        return left

    async def _unseen(self, parents: Kind) -> set[Key]:
        """Give the parents that the latest complete pass over them did not show, counted as missed by then or not."""
        mark = await self._ledger.mark(read_mark(parents))
        note = mark.note if mark is not None else {}
        is_proof = note.get("complete") and note.get("shown") and not note.get("gaps")
        return set(await self._ledger.unseen(parents, scan=str(note["scan"]))) if is_proof else set()

    async def _look_through(self) -> Shown | None:
        """Read the whole table once without taking anything of it; None where the run drains."""
        shown = Shown()
        async with aclosing(self._source.pages(self._stream.kind, None)) as pages:
            async for page in pages:
                if not await self._permit():
                    return None
                if page.gaps:
                    return Shown()
                own = [record for record in page.records if record.kind == self._stream.kind]
                shown.keys |= {record.key for record in own if self._left and record.key in self._left}
                shown.alike |= {record.key: record for record in own if self._is_like_one(record)}
        return shown

    async def _judged(self, shown: Shown) -> Mapping[Key, Key]:
        """Give the former key of each that goes on under another one."""
        left = {key: each for key, each in (self._left or {}).items() if key not in shown.keys}
        known = await self._ledger.staged(self._stream.kind, sorted(shown.alike))

        def same(old: Record, new: Record) -> bool:
            there = known.get(new.key)
            is_new = there is None or there.first_seen > left[old.key].last_seen
            elsewhere = bool(new.parent) and (new.parent != old.parent or old.key in self._owed)
            return is_new and elsewhere and self._facts_of(old) == self._facts_of(new)

        pairs = successors([each.record for each in left.values()], list(shown.alike.values()), same)
        return {new: old for old, new in pairs}

    async def _renamed(self, pairs: Mapping[Key, Key]) -> Mapping[Key, Key]:
        """Change the keys that can be changed now; answers under which the others are to be staged."""
        kind, kept = self._stream.kind, {}
        for new, old in pairs.items():
            owed = f"{_OWED}{kind}:{old}"
            paid = [PutSetting(name=owed, value=None)] if old in self._owed else []
            if not await renamed(self._ledger, kind, old, new, *paid):
                kept[new] = old
                await self._ledger.commit([PutSetting(name=owed, value=new)])
        return kept

    def _is_like_one(self, record: Record) -> bool:
        return record.kind == self._stream.kind and self._is_known(record) and self._facts_of(record) in self._facts

    def _is_known(self, record: Record) -> bool:
        """Say whether a record's key was made, and the first field by which it is known without its parent tells something."""
        is_made = record.key.startswith(MADE_KEY) or self._stream.role == "file"     # a file has none but its path
        return is_made and bool(self._facts_of(record)[0])

    def _facts_of(self, record: Record) -> Facts:
        told = ([str(record.data.get(name) or "") for name in rule.split("|")] for rule in self._stream.moved_by)
        return tuple(next(filter(None, values), "") for values in told)
