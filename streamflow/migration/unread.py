"""
What the source holds and did not show: told by name, blocking the cutover until it was read or a person gives it up.

Rule 1: what could not be read is never taken for empty; only the platform's own word "there is none" is.
Rule 2: a person gives up one failure; once it was read again, the next failure is asked about anew. What fails beside it is a failure of
its own: a record by its id, or where that is not known by its place in the list.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from zlib import crc32

from streamflow.errors import OURS, StreamflowError
from streamflow.ledger_names import COVERAGE
from streamflow.migration.context import Migration
from streamflow.model import Key, Kind, QueueItem
from streamflow.platforms.source import Stream
from streamflow.stages.questions import closed, next_question, numbered
from streamflow.stages.tally import Tally
from streamflow.store.change import Change, Enqueue, PutSetting

UNREAD = "unread"              # setting: kind, or "kind/part" -> {"why", "items"} of what could not be read
WAIVE = "waive"
CAUSE = "source_unread"
EACH_BY_NAME = 20              # so many parents have an item each; of more the whole kind is told

Known = dict[str, dict[str, Any]]


class Asked(NamedTuple):
    """One question to a person: the name that tells it from others, why, and the record where it is known."""

    name: str
    reason: str
    key: Key = ""


async def tell(migration: Migration, stream: Stream, tally: Tally) -> None:
    """
    Keep what a pass could not read, or that it read all of it, in the queue and for the reason that is shown.

    A whole list closes everything of its kind; a part of one only what was not read of that part.
    """
    known = await _known(migration)
    place = _place(stream.kind, tally.part)
    if not tally.gaps:
        over = [place] if tally.part else _places(known, stream.kind)
        if tally.ended and tally.asked:
            await _close(migration, over, known)
        return
    why = "; ".join(sorted(tally.gaps))
    if stream.parent is None:
        asked = _of_list(stream.kind, tally)
        told = f"{stream.kind} records cannot be read ({why})"
    elif tally.halted_after is not None or len(tally.unread) > EACH_BY_NAME:
        asked = [Asked(stream.kind, f"{stream.kind} records could not be read: {why}")]
        told = f"{stream.kind} records cannot be read ({why})"
    else:
        parents = sorted(set(tally.unread))
        asked = [
            Asked(f"{stream.kind}:{key}", f"the {stream.kind} records of {stream.parent} {key} could not be read: {why}") for key in parents
        ]
        told = f"{stream.kind} records of {len(parents)} {stream.parent} records cannot be read ({why})"
    await _open(migration, stream.kind, place, known, asked, told)


def _of_list(kind: Kind, tally: Tally) -> list[Asked]:
    """Give a question for each record that does not come, by its id; for those without one by their place, which may be one of several."""
    asked = [Asked(f"{kind}:{key}", f"{kind} {key} never comes, neither in a list nor by its id", key) for key in tally.named]
    if tally.named and tally.more_holes <= 0:
        return asked
    gaps = sorted(tally.gaps)
    if tally.named or len(gaps) > EACH_BY_NAME:
        count, where = tally.more_holes if tally.named else len(gaps), "; ".join(gaps)
        return [*asked, Asked(f"{kind}:at:{_mark(where)}", f"{count} more {kind} records could not be read, among: {where}")]
    return [Asked(f"{kind}:at:{_mark(gap)}", f"{kind} records could not be read: {gap}") for gap in gaps]


async def named(migration: Migration, kind: Kind) -> list[Key]:
    """Give the records of a kind that are known not to come, by the last whole list."""
    return [item.key for item in await _by_name(migration, kind)]


async def given_up_by_name(migration: Migration, kind: Kind) -> list[Key]:
    """Give those of `named` that a person gave up."""
    return [item.key for item in await _by_name(migration, kind) if item.decision == WAIVE]


async def is_given_up(migration: Migration, kind: Kind, part: str | None = None) -> bool:
    """Say whether a person has given up everything of this kind that cannot be read now, or that a read of one part ("": all) left out."""
    known = await _known(migration)
    items = await _items(migration, known, _places(known, kind) if part is None else [_place(kind, part)])
    return bool(items) and all(item.decision == WAIVE for item in items)


async def told(migration: Migration) -> str:
    """Say what cannot be read and was not given up, "" when everything can."""
    known = await _known(migration)
    said: list[str] = []
    for place in sorted(known):
        items = await _items(migration, known, [place])
        left = [item.reason for item in items if item.decision != WAIVE]
        said += ([known[place]["why"]] if len(left) == len(items) else left)
    return "; ".join(said)


async def look_again(migration: Migration) -> list[str]:
    """
    Ask the source for each stream once more, and say which of those that are moved cannot be read now and were not given up.

    Writes nothing to either side; what it finds is put into the queue, so that a person can give it up.
    """
    try:
        now = await migration.source.check()
    except OURS:
        raise     # trouble of our own, which says nothing of the source
    except StreamflowError as error:
        return [f"the source cannot be asked: {error.message}"]
    before: Mapping[Kind, str] = await migration.ledger.setting(COVERAGE) or {}
    for stream in migration.source.streams():
        state = now.get(stream.kind, "ok")
        if state != "ok" and before.get(stream.kind, "ok") == "ok":
            known = await _known(migration)
            why = f"{stream.kind} records could be read at the probe and cannot now ({state})"
            await _open(migration, stream.kind, _place(stream.kind), known, [Asked(stream.kind, why)], why)
    said = await told(migration)
    return [said] if said else []


async def close_parts(migration: Migration, kind: Kind) -> None:
    """Close what reads of a part left out, since all of the list was read but for what was given up."""
    known = await _known(migration)
    await _close(migration, [place for place in _places(known, kind) if place != kind], known)


# ------------------------------------------------------------------------------------------------ in the ledger


async def _known(migration: Migration) -> Known:
    return await migration.ledger.setting(UNREAD) or {}


def _place(kind: Kind, part: str = "") -> str:
    """Give where in the setting it is kept what a list, or a part of one, left out."""
    return f"{kind}/{part}" if part else kind


def _places(known: Known, kind: Kind) -> list[str]:
    return [place for place in known if place.partition("/")[0] == kind]


async def _by_name(migration: Migration, kind: Kind) -> list[QueueItem]:
    return [item for item in await _items(migration, await _known(migration), [_place(kind)]) if item.key]


async def _items(migration: Migration, known: Known, places: Sequence[str]) -> list[QueueItem]:
    found = [await migration.ledger.item(name) for place in places for name in known.get(place, {}).get("items", ())]
    return [item for item in found if item is not None]


def _mark(gap: str) -> str:
    return f"{crc32(gap.encode()):08x}"


async def _open(migration: Migration, kind: Kind, place: str, known: Known, asked: Sequence[Asked], told: str) -> None:
    changes: list[Change] = []
    items: list[str] = []
    for each in asked:
        question = await next_question(migration.ledger, numbered(f"{UNREAD}:{each.name}"))
        items.append(question.name)
        if question.standing is None:
            changes.append(Enqueue(item=QueueItem(
                id=question.name, cause=CAUSE, kind=kind, key=each.key, reason=each.reason, blocking=True, decisions=(WAIVE,), suggested="",
            )))
    elsewhere = {name for other, entry in known.items() if other != place for name in entry["items"]}
    dropped = [each for each in known.get(place, {}).get("items", ()) if each not in items and each not in elsewhere]
    changes += await _over(migration, dropped, place, "told anew")
    entry = {"why": told, "items": items}
    if changes or known.get(place) != entry:
        await migration.ledger.commit([*changes, PutSetting(name=UNREAD, value={**known, place: entry})])
        migration.log("read.gap", kind=kind, reason=told)


async def _close(migration: Migration, places: Sequence[str], known: Known) -> None:
    over = [place for place in places if place in known]
    if not over:
        return
    left = {place: entry for place, entry in known.items() if place not in over}
    kept = {name for entry in left.values() for name in entry["items"]}
    names_of = {place: [name for name in known[place]["items"] if name not in kept] for place in over}
    changes = [change for place in over for change in await _over(migration, names_of[place], place, "read")]
    await migration.ledger.commit([*changes, PutSetting(name=UNREAD, value=left or None)])
    migration.log("read.gap_closed", kind=over[0].partition("/")[0])


async def _over(migration: Migration, names: Sequence[str], place: str, how: str) -> list[Change]:
    """Give what ends questions; what was given up of a part stays so, since the next read of it looks at another stretch."""
    items = [item for name in names if (item := await migration.ledger.item(name)) is not None]
    return [
        change for item in items if "/" not in place or item.decision != WAIVE
        for change in closed(item, "read" if item.key else how)
    ]
