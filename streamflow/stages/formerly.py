"""
What records were to us that leave the crosswalk since they are gone, whoever removed them: remembered, should people bring them back.

Rule 1: a source record is led to what is there again only while it has none; nothing is made beside it then.
Rule 2: so whoever is about to make something, and whoever finds that nothing was made, looks first whether what was there before is back
(`restored`), heard of or not. What people bring back between that look and the write stands beside the new one, and is told (`doubled`).
Rule 3: what was of our making is people's from then on: no rollback removes it, and the one of the whole run lists it.
Rule 4: what was there before us is what it was: what we wrote, and what was there before that, is known again, and can be undone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any, Final

from streamflow.model import ADOPTED, BROUGHT_BACK, AuditEntry, DestId, Intent, Key, Kind, Link, Op, QueueItem, Ref, name_of
from streamflow.platforms.destination import Reader
from streamflow.stages.gone import GONE_KINDS, as_written, waits_for
from streamflow.store.base import Ledger
from streamflow.store.change import Audit, Change, DropLink, DropLookup, PutLink, PutLookup, PutSetting, Wake

REMOVED: Final = "removed"
"""The side on which they are looked up by "id", by "ref" and by "record", whose they were; nobody is matched with what stands there."""
RESTORABLE: Final[frozenset[Kind]] = GONE_KINDS | {"notes"}
"""Kinds of which people can take out of the trash what was removed; of activities and tasks nothing comes back."""


def remembered(line: Link) -> PutLookup:
    """Remember whose record this was, and what it was to us."""
    ref = line.ref
    values = {"id": (line.dest_id,), "ref": (_name(ref),), "record": (name_of(ref.kind, ref.key),)}
    return PutLookup(side=REMOVED, kind=line.dest_kind, id=line.dest_id, values=values, info=asdict(line))


async def dropped(ledger: Ledger, line: Link) -> list[Change]:
    """
    Take a line out of the crosswalk whose record is gone and is made again; it is remembered whose it was, if it was made for it.

    What was ours of it is remembered with that, though it was let go when it was read back.
    """
    was, over = await as_written(ledger, line)
    leads = line.dest_kind in RESTORABLE and not line.is_merged
    return [DropLink(ref=line.ref), *([remembered(was)] if leads else []), *over]


def taken_away(intent: Intent, now: Link | None) -> list[Change]:
    """
    Remember what a confirmed write of ours removed: the record of a part that went (*now* is None), or a text that was made anew.

    *now* is the line as it is from now on; people may bring back what it led to before.
    """
    dest_id = intent.dest_id
    if intent.op is Op.CREATE or dest_id is None or intent.dest_kind not in RESTORABLE or (now is not None and now.dest_id == dest_id):
        return []
    line = now or Link(ref=intent.ref, dest_kind=intent.dest_kind, dest_id=dest_id, base={}, ours=True)
    return [remembered(replace(line, dest_id=dest_id))]


async def following(ledger: Ledger, kind: Kind, old: Key, new: Key) -> list[Change]:
    """Remember under the key that a record goes by from now on what was its own."""
    values = {"record": [name_of(kind, old)]}
    lines = [
        line_in(each.info) for dest_kind in sorted(RESTORABLE) for each in await ledger.candidates(dest_kind, values, side=REMOVED)
    ]
    return [remembered(replace(line, ref=replace(line.ref, key=new))) for line in lines]


def forgotten(kind: Kind, dest_id: DestId) -> DropLookup:
    """Forget it: it is in the crosswalk again."""
    return DropLookup(side=REMOVED, kind=kind, id=dest_id)


def line_in(info: Mapping[str, Any]) -> Link:
    """Give the line that led to it."""
    return Link(**{**info, "ref": Ref(**info["ref"])})


async def restored(ledger: Ledger, reader: Reader, wanted: Mapping[Ref, Kind]) -> dict[Ref, DestId]:
    """
    Give the records that parts of source records had before, of those where people brought it back.

    Costs calls for the parts that had one, and none for the others.

    Args:
        wanted: The kind of record that is to be made of each part.
    """
    back: dict[Ref, DestId] = {}
    for kind in sorted(RESTORABLE.intersection(wanted.values())):
        names = {_name(ref): ref for ref, each in wanted.items() if each == kind}
        had = {each.id: names[each.value] for each in await ledger.candidates(kind, {"ref": sorted(names)}, side=REMOVED)}
        there = await reader.read(kind, sorted(had), custom=False) if had else {}
        for dest_id in sorted(there):
            back.setdefault(had[dest_id], dest_id)
    return back


def adopted(kind: Kind, dest_id: DestId, ref: Ref, note: str) -> list[Change]:
    """Lead a source record to what was there before this run; the *note* goes into the audit."""
    return _led(Link(ref=ref, dest_kind=kind, dest_id=dest_id, base={}, ours=False, before={}, verified="verified", phase=ADOPTED), note)


def doubled(ref: Ref, other: DestId, first: DestId, reason: str) -> QueueItem:
    """Tell of another record that carries the mark of the one that is followed ("" where that is not known yet): once, whoever finds it."""
    return QueueItem(
        id=f"doubled:{other}", cause="doubled_marker", kind=ref.kind, key=ref.key, decisions=("accept",), suggested="accept",
        reason=reason, details={"dest_id": other, "first": first},
    )


async def taken_again(ledger: Ledger, kind: Kind, dest_id: DestId) -> list[Change]:
    """Lead a source record to what people brought back of it, and wake what belongs to it and waited for it, or for one made again."""
    [found] = await ledger.candidates(kind, {"id": [dest_id]}, side=REMOVED)
    was, waited = line_in(found.info), waits_for(dest_id)
    theirs = replace(was, base={}, ours=False, before={}, verified="verified", phase=BROUGHT_BACK)
    return [
        *_led(theirs if was.ours else was, "brought back by people"), forgotten(kind, dest_id), PutSetting(name=waited, value=None),
        Wake(on=(name_of(was.ref.kind, was.ref.key), waited)),
    ]


def _led(link: Link, note: str) -> list[Change]:
    entry = AuditEntry(actor="streamflow", action="link", kind=link.ref.kind, key=link.ref.key, dest_id=link.dest_id, note=note)
    return [PutLink(link=link), Audit(entry=entry)]


def _name(ref: Ref) -> str:
    return ":".join((ref.kind, ref.key, ref.part))
