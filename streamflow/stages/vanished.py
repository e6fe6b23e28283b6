"""
Records of ours that people deleted or merged in the destination: found out, followed, and told.

Rule 1: a record merged into another is followed: every line of the crosswalk that led to it leads to the one that stayed, and every line
that named it names that one, wherever the source shows what belongs to it by now.
Rule 2: the one that stayed is people's work: of it only what still reads as we wrote it is ours, and a rollback spares it.
Rule 3: a deleted record is remembered, so that what belongs to it waits instead of being refused, and is woken when it is back.
Rule 4: what was there before us and went before anything was taken for it is no loss of ours: it is as if it had never been found.
Rule 5: what runs again by any of this is not what a rollback of a part took back: that stays away.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import anyio

from streamflow.ledger_names import UNDONE
from streamflow.model import AuditEntry, DestId, Fields, Key, Kind, Link, Ref, Verdict, kind_of
from streamflow.platforms.destination import Reader
from streamflow.stages.gone import GONE, GONE_KINDS, MERGED, as_written, gone_item, gone_place, waits_for
from streamflow.stages.kept import expected, field_of, known, rebuilt, released
from streamflow.stages.planning import Compare
from streamflow.stages.reopened import run_along
from streamflow.store.base import Ledger
from streamflow.store.change import Audit, Change, DropLookup, Enqueue, PutLink, PutSetting, Reopen, Wake


class Vanished:
    """Looks what became of records that are not there; one instance serves all stages of a pipeline."""

    def __init__(self, *, ledger: Ledger, reader: Reader) -> None:
        self._ledger = ledger
        self._reader = reader
        self.gone: set[DestId] = set()      # known to be deleted
        self._hung: dict[DestId, set[Ref]] = {}         # who was hung onto those, as far as asked for since the last `recall`
        self._fates: dict[DestId, DestId | None] = {}   # found since the last `recall`
        self._seen: set[DestId] = set()     # looked at since then
        self._lock = anyio.Lock()           # several loaders meet the same loss

    async def recall(self) -> None:
        """Take up what is known by now; what was looked at before is looked at again when it matters."""
        self.gone = {name.removeprefix(GONE) for name in await self._ledger.settings(GONE)}
        self._fates.clear()
        self._seen.clear()
        self._hung.clear()

    async def look(self, kind: Kind, dest_ids: Iterable[DestId]) -> Mapping[DestId, DestId | None]:
        """
        See what became of records of the crosswalk, once each a pass, and note it.

        Answers those that are gone: with the record they were merged into, None for deleted ones.
        """
        wanted = set(dest_ids)
        async with self._lock:
            asked = sorted(wanted - self.gone - self._seen) if kind in GONE_KINDS else []
            fates = await self._reader.fates(kind, asked) if asked else {}
            ours = {link.dest_id for link in await self._ledger.links_to(sorted(fates))} if fates else set()
            for dest_id in sorted(each for each in ours if fates[each] is None):
                await self._note_gone(kind, dest_id)
            await self._relinked(kind, {dest_id: survivor for dest_id in sorted(ours) if (survivor := fates[dest_id]) is not None})
            self._fates |= {dest_id: fates[dest_id] for dest_id in ours}
            self._seen.update(asked)
        return {dest_id: self._fates.get(dest_id) for dest_id in wanted if dest_id in self._fates or dest_id in self.gone}

    async def taken_for(self, kind: Kind, lines: Sequence[Link], *, decided: Collection[Ref] = ()) -> bool:
        """
        See what became of records of others that were just taken for source records, and are not there; say whether to decide anew.

        One that was merged is followed like any record of ours. A deleted one is nobody any more, unless a person *decided* on it.
        """
        async with self._lock:
            fates = await self._reader.fates(kind, sorted({line.dest_id for line in lines}))
            merged = [line for line in lines if fates.get(line.dest_id) is not None]
            deleted = sorted({line.dest_id for line in lines if fates.get(line.dest_id, line) is None and line.ref not in decided})
            changes: list[Change] = [PutLink(link=line) for line in merged]
            for dest_id in deleted:
                entry = AuditEntry(actor="streamflow", action="destination.gone", dest_id=dest_id, note="deleted by people, never ours")
                changes += [DropLookup(side="dest", kind=kind, id=dest_id), Audit(entry=entry)]
            await self._ledger.commit(changes)
            self._seen -= fates.keys()     # nothing of ours led to them when they were looked at
        await self.look(kind, [line.dest_id for line in merged])
        return bool(merged or deleted)

    async def follow(self, lines: Mapping[Ref, Collection[DestId]]) -> bool:
        """
        See what became of records that lines lead to or name, and that are not there or are named no more; say whether a line has changed.

        One that comes to name a record only after that was followed has not followed it: it does now.
        """
        asked: dict[Kind, set[DestId]] = defaultdict(set)
        for ids in lines.values():
            for dest_id in ids:
                asked[kind_of(dest_id)].add(dest_id)
        before = await self._ledger.links(sorted(lines))
        for kind, wanted in sorted(asked.items()):
            await self.look(kind, wanted)
        after = await self._ledger.links(sorted(lines))
        fates = await self._fates_named([line for ref, line in after.items() if not set(lines[ref]).isdisjoint(_named(line.base))])
        now = await self._ledger.links(sorted(lines))     # behind the call: another batch may have written to one of them meanwhile
        moved = _following(now.values(), fates)
        await self._ledger.commit([PutLink(link=line) for line in moved.values()])
        return bool(moved) or now != before

    async def followed(self, links: Sequence[Link]) -> dict[Ref, Link]:
        """
        Give those lines, as they are to read, whose relations name a record that people merged into another one since.

        Whoever led to that record may have left the crosswalk before anybody saw the merge (a rollback of a part), and followed nothing.
        """
        return _following(links, await self._fates_named(links))

    async def _fates_named(self, links: Iterable[Link]) -> dict[DestId, DestId | None]:
        """Ask what became of those whom the relations of lines name; those who are there are missing from the answer."""
        named: dict[Kind, set[DestId]] = defaultdict(set)
        for link in links:
            for dest_id in _named(link.base):
                named[kind_of(dest_id)].add(dest_id)
        fates: dict[DestId, DestId | None] = {}
        for kind in sorted(GONE_KINDS & named.keys()):
            fates |= await self._reader.fates(kind, sorted(named[kind]))
        return fates

    async def hung_on(self, dest_id: DestId) -> list[Change]:
        """
        Let everything run again whose line names a record that is gone, whatever in the source says that it belongs there.

        Looks through the crosswalk once a pass, for all records known to be gone together.
        """
        if dest_id not in self._hung:
            self._hung = await self._naming({dest_id, *self.gone}, lambda link: _named(link.base))
        keys: dict[Kind, set[Key]] = defaultdict(set)
        for ref in self._hung[dest_id]:
            keys[ref.kind].add(ref.key)
        return [Reopen(kind=kind, keys=tuple(sorted(those)), but=UNDONE) for kind, those in sorted(keys.items())]

    async def returned(self, kind: Kind, dest_ids: Iterable[DestId]) -> None:
        """
        See which records known to be deleted are back, and let what waited for them go on.

        Others that are gone may have been merged into one that is back: while that was deleted too, nobody could tell.
        """
        asked = sorted(self.gone & set(dest_ids))
        fates = dict(await self._reader.fates(kind, asked)) if asked else {}
        back = [dest_id for dest_id in asked if dest_id not in fates]
        if others := sorted(each for each in self.gone.difference(asked) if kind_of(each) == kind) if back else []:
            fates |= await self._reader.fates(kind, others)
        for dest_id in back:
            await self._note_back(dest_id)
        await self._relinked(kind, {each: survivor for each in (*asked, *others) if (survivor := fates.get(each)) is not None})

    # ------------------------------------------------------------------------------------------ deleted, and back

    async def _note_gone(self, kind: Kind, dest_id: DestId) -> None:
        self.gone.add(dest_id)
        changes: list[Change] = [PutSetting(name=waits_for(dest_id), value={"kind": kind})]
        for link in await self._lines(kind, dest_id):
            changes.append(Audit(entry=_entry("destination.gone", link, "deleted by people")))
            changes += [] if link.is_merged else [Enqueue(item=gone_item(link, await gone_place(self._ledger, link)))]
        await self._ledger.commit(changes)

    async def _note_back(self, dest_id: DestId) -> None:
        """What the source said of it meanwhile is compared again; a question about it stays open, for it may be deleted again."""
        self.gone.discard(dest_id)
        changes: list[Change] = [PutSetting(name=waits_for(dest_id), value=None), Wake(on=(waits_for(dest_id),))]
        for link in await self._ledger.links_to([dest_id]):
            was, over = await as_written(self._ledger, link)
            changes += [PutLink(link=was), *over] if over else []
            changes += [
                Audit(entry=_entry("destination.back", link, "restored by people")),
                Reopen(kind=link.ref.kind, keys=(link.ref.key,), but=UNDONE),
            ]
        await self._ledger.commit([*changes, *await run_along(self._ledger, changes, by_people=True)])

    # ------------------------------------------------------------------------------------------ merged

    async def _lines(self, kind: Kind, dest_id: DestId) -> list[Link]:
        return sorted(
            (link for link in await self._ledger.links_to([dest_id]) if link.dest_kind == kind), key=lambda each: (each.is_merged, each.ref)
        )

    async def _relinked(self, kind: Kind, merged: Mapping[DestId, DestId]) -> None:
        """Follow records that people merged, each into the one that stayed."""
        naming = await self._naming(merged, _named_anyhow) if merged else {}
        for lost, survivor in merged.items():
            await self._relink(kind, lost, survivor, naming[lost])

    async def _naming(self, dest_ids: Iterable[DestId], named: Callable[[Link], Iterable[DestId]]) -> dict[DestId, set[Ref]]:
        """
        Give by record whose lines name it, in one pass over the crosswalk.

        The source does not tell it: it may show what belongs to a record under another one by now, or a person said whose it is.
        """
        found: dict[DestId, set[Ref]] = {each: set() for each in dest_ids}
        async for page in self._ledger.crosswalk():
            for link in page:
                for each in found.keys() & named(link):
                    found[each].add(link.ref)
        return found

    async def _relink(self, kind: Kind, lost: DestId, survivor: DestId, naming: set[Ref]) -> None:
        """Let everything that led to *lost* lead to *survivor*, and all that is *naming* the one name the other, in one transaction."""
        self.gone.discard(lost)
        now = (await self._reader.read(kind, [survivor], custom=True)).get(survivor, {})
        lines, held = await self._lines(kind, lost), await self._lines(kind, survivor)
        head = next((link for link in held if not link.is_merged), None)
        changes: list[Change] = []
        if head is not None:
            changes.append(PutLink(link=as_it_reads(head, now, self._reader.compare)))
        for line in lines:
            moved = joined(line, survivor) if head is not None or line.is_merged else as_it_reads(
                replace(line, dest_id=survivor, ours=False, before={}), now, self._reader.compare
            )
            head = head or moved
            changes += [PutLink(link=moved), Audit(entry=replace(
                _entry("link.moved", moved, "people merged it"), before={"dest_id": lost}, after={"dest_id": survivor},
            ))]
        changes += await self._renaming(naming - {line.ref for line in lines}, lost, survivor)
        earlier = (await self._ledger.setting(f"{MERGED}{lost}") or {}).get("refs", [])
        refs = [*earlier, *([link.ref.kind, link.ref.key, link.ref.part] for link in lines)]
        changes += [
            PutSetting(name=f"{MERGED}{lost}", value={"kind": kind, "into": survivor, "refs": refs}),
            PutSetting(name=waits_for(lost), value=None), Wake(on=(waits_for(lost),)), DropLookup(side="dest", kind=kind, id=lost),
        ]
        await self._ledger.commit([*changes, *await run_along(self._ledger, changes, by_people=True)])

    async def _renaming(self, refs: Collection[Ref], lost: DestId, survivor: DestId) -> list[Change]:
        """Lines of what hung on the one merged away: the destination moved it along, so that is what is expected of it."""
        return [
            PutLink(link=replace(
                link, base=_renamed(link.base, lost, survivor),
                before=None if link.before is None else _renamed(link.before, lost, survivor),     # of what was there before us as well
            ))
            for link in (await self._ledger.links(sorted(refs))).values()
        ]


def _following(links: Iterable[Link], fates: Mapping[DestId, DestId | None]) -> dict[Ref, Link]:
    """Give those lines, as they are to read, whose relations name a record that was merged into another one."""
    found: dict[Ref, Link] = {}
    for link in links:
        base = link.base
        for dest_id in _named(link.base):
            if (survivor := fates.get(dest_id)) is not None:
                base = _renamed(base, dest_id, survivor)
        if base != link.base:
            found[link.ref] = replace(link, base=base)
    return found


def as_it_reads(link: Link, now: Fields, compare: Compare) -> Link:
    """Of the record that stayed only that is ours which still reads as we wrote it; of the rest people's version stands."""
    differing = [
        name for name, value in expected(link.base).items() if compare(link.dest_kind, name, value, now.get(name)) is Verdict.DIFFERS
    ]
    return replace(link, base=released(link.base, differing), verified="pending")


async def moved_by_merging(ledger: Ledger) -> set[tuple[DestId, Ref]]:
    """Name the lines that lead to a record only because people merged another one into it: (the record, the line)."""
    return {(each["into"], Ref(*ref)) for each in (await ledger.settings(MERGED)).values() for ref in each["refs"]}


def joined(line: Link, survivor: DestId) -> Link:
    """The line of a record whose destination record is led by another source record from now on; what it wanted is remembered."""
    return replace(
        line, dest_id=survivor, base=rebuilt({}, known(line.base)) if line.ref.part else {}, ours=False, before=None, verified="verified",
    )


def _named(base: Mapping[str, Any]) -> list[DestId]:
    """Give the records that a base names in its links."""
    values = [value for name, value in base.items() if field_of(name).startswith("link:")]
    return [each for value in values for each in (value if isinstance(value, list) else [value]) if isinstance(each, str)]


def _named_anyhow(link: Link) -> list[DestId]:
    """Give the records that a line names, in its base or in the image of what was there before us."""
    return [*_named(link.base), *_named(link.before or {})]


def _renamed(base: Mapping[str, Any], lost: DestId, survivor: DestId) -> Fields:
    """Put one id in place of another in all links of a base."""

    def moved(value: Any) -> Any:
        if isinstance(value, list):
            return list(dict.fromkeys(survivor if each == lost else each for each in value))
        return survivor if value == lost else value

    return {name: moved(value) if field_of(name).startswith("link:") else value for name, value in base.items()}


def _entry(action: str, link: Link, note: str) -> AuditEntry:
    return AuditEntry(actor="streamflow", action=action, kind=link.ref.kind, key=link.ref.key, dest_id=link.dest_id, note=note)
