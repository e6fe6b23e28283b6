"""
What a difference between what we wrote and what is read back means: a person was there, or something is wrong.

Rule 1: it is a person's when the destination's own events since we wrote that field name somebody else for that record.
Rule 2: a field that this run only compared and never wrote can be changed by others alone.
Rule 3: what is a person's stays theirs: the field is no longer ours to verify, and the source's value is remembered as answered.
Rule 4: anything else is asked about, once for each record, and counts as wrong until somebody accepts it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from streamflow.mapping.changes import APPENDED
from streamflow.model import AuditEntry, Cursor, DestId, Intent, IntentState, Link, QueueItem, Ref, Verdict
from streamflow.platforms.destination import Feed, Happening, is_person, position_of
from streamflow.stages.gone import GONE_KINDS, gone_item, gone_place, written_name
from streamflow.stages.kept import released
from streamflow.store.base import Ledger
from streamflow.store.change import Audit, Change, Enqueue, MarkVerified, PutLink, PutSetting

WRITTEN_AS: Final = ("notes", "tasks")
"""Kinds that we also change in the name of an author; others are made in it at most."""
_WHY_GONE: Final = "{} is gone from the destination since it was written"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """A link whose fields somebody else may have changed since the feed stood where we wrote them."""

    link: Link
    cursors: frozenset[Cursor]
    ours: tuple[Intent, ...]      # confirmed


class Differences:
    """Settles links that were read twice and differ both times."""

    def __init__(self, *, ledger: Ledger, feed: Feed | None) -> None:
        self._ledger = ledger
        self._feed = feed

    async def waiting(self, links: Sequence[Link]) -> set[Ref]:
        """Say about which of these somebody was asked, as they were read last, who has not answered yet."""
        found = set()
        for link in links:
            checks = await self._ledger.checks_of(link.ref.kind, link.ref.key)
            fields = sorted(check.field for check in checks if check.ref == link.ref and check.verdict is Verdict.DIFFERS)
            items = [await self._ledger.item(name) for name in (_item(link, fields).id, await gone_place(self._ledger, link))]
            if any(item is not None and item.state == "open" for item in items):
                found.add(link.ref)
        return found

    async def settle(
        self, links: Sequence[Link], marks: Mapping[Ref, MarkVerified], *, gone: Collection[Ref]
    ) -> list[tuple[Link, list[Change]]]:
        """
        Give the links whose differences are settled, as they are from now on, with the changes that say so.

        What stays wrong is put into the queue here. *gone*: records that cannot be read any more.
        """
        settled: list[tuple[Link, list[Change]]] = []
        asked: list[Change] = []
        named = {link.ref: sorted(check.field for check in marks[link.ref].checks if check.verdict is Verdict.DIFFERS) for link in links}
        persons = await self._persons(links, named)
        for link in links:
            fields = named[link.ref]
            item = await self._gone(link) if link.ref in gone else _item(link, fields)
            held = await self._ledger.item(item.id)
            accepted = held is not None and held.state == "resolved" and held.decision in ("accept", "keep")
            if accepted or link.ref in persons:
                after = replace(link, base=released(link.base, fields), verified="pending")
                note = "accepted by a decision" if accepted else "changed by a person since"
                entry = AuditEntry(
                    actor="streamflow", action="verify.released", kind=link.ref.kind, key=link.ref.key, dest_id=link.dest_id,
                    note=f"{note}: {', '.join(fields)}",
                )
                told: list[Change] = [Enqueue(item=item)] if link.ref in gone and not accepted else []
                if link.ref in gone and link.dest_kind in GONE_KINDS:      # nobody changed it: back again, it is as we wrote it
                    told.append(PutSetting(name=written_name(link), value=dict(link.base)))
                settled.append((after, [PutLink(link=after), Audit(entry=entry), *told]))
            else:
                asked.append(Enqueue(item=item))
        if asked:
            await self._ledger.commit(asked)
        return settled

    async def _gone(self, link: Link) -> QueueItem:
        return gone_item(link, await gone_place(self._ledger, link), _WHY_GONE.format(link.dest_id))

    async def _persons(self, links: Sequence[Link], named: Mapping[Ref, Sequence[str]]) -> set[Ref]:
        """Say which of these somebody else has changed since each of the fields *named* was last written by us, if it ever was."""
        found: set[Ref] = set()
        asked: list[_Asked] = []
        for link in links:
            intents = [intent for intent in await self._ledger.intents_of(link.ref.kind, link.ref.key) if intent.dest_id == link.dest_id]
            since = [_written(intents, name) for name in named[link.ref]]
            cursors = frozenset(intent.feed_cursor or "" for intent in since if intent is not None)
            if not cursors:
                found |= {link.ref} if named[link.ref] else set()
            elif self._feed is not None and self._feed.carries(link.dest_kind) and all(cursors):
                ours = tuple(intent for intent in intents if intent.state is IntentState.CONFIRMED)
                asked.append(_Asked(link=link, cursors=cursors, ours=ours))
        events = await self._events(asked)
        return found | {
            each.link.ref for each in asked
            if all(is_strangers(each.link, _since(events.get(each.link.dest_id, ()), cursor), each.ours) for cursor in each.cursors)
        }

    async def _events(self, asked: Sequence[_Asked]) -> dict[DestId, list[Happening]]:
        """Walk through the feed once, from the earliest of all cursors, and keep what concerns these records."""
        found: dict[DestId, list[Happening]] = {each.link.dest_id: [] for each in asked}
        if self._feed is None or not found:
            return found
        start = min((cursor for each in asked for cursor in each.cursors), key=position_of)
        async for portion, _ in self._feed.portions(start):
            for event in portion:
                for dest_id in found.keys() & set(event.ids):
                    found[dest_id].append(replace(event, payloads={}))
        return found


def _since(events: Sequence[Happening], cursor: Cursor) -> list[Happening]:
    """Give what came after a cursor; deletions are numbered apart, and all of them count."""
    return [event for event in events if event.action == "delete" or position_of(event.id) > position_of(cursor)]


def _written(intents: Sequence[Intent], name: str) -> Intent | None:
    """
    Give the last write that named a field and may have taken effect; of a list the one before, if there is one.

    A list is written together with what people made of it: what they took out before our last write is not in that one either.
    """
    named = [each for each in intents if each.state is not IntentState.REJECTED and name in each.fields]
    return named[-2:][0 if name in APPENDED else -1] if named else None


def is_strangers(link: Link, events: Sequence[Happening], intents: Sequence[Intent]) -> bool:
    """
    Say whether somebody who is not us changed the record since our last write.

    We write as a program, or in the name of an author. Where our own writes show as those of the configured person, it takes a second
    person to be sure; where they show as a program's, an author who changes what is not changed in authors' names is on their own.
    """
    events = [event for event in events if link.dest_id in event.ids]
    authors = {intent.author for intent in intents}
    is_program = any(not is_person(event.actor) for event in events)
    people = {event.actor for event in events if is_person(event.actor) and not (
        event.actor in authors and (not is_program or event.action == "create" or event.kind in WRITTEN_AS))}
    may_be_us = None in authors and not is_program
    return len(people) > (1 if may_be_us else 0)


def _item(link: Link, fields: Sequence[str]) -> QueueItem:
    ref = link.ref
    names = ",".join(fields)
    return QueueItem(
        id=f"differs:{ref.kind}:{ref.key}:{ref.part}:{link.dest_id}:{names}", cause="read_back_differs", kind=ref.kind, key=ref.key,
        reason=f"{link.dest_id} reads back differently from what was written ({names})", decisions=("accept",), suggested="accept",
        details={"dest_id": link.dest_id, "fields": list(fields)},
    )
