"""
What a confirmed update replaced that nobody had read: told by what the destination says happened to the record.

Rule 1: only what a person had put into a field that we wrote next is lost; what was read before it was decided to write is not.
Rule 2: our own write is among the events of its record. Until it shows there, nothing can be said of what came before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from streamflow.errors import sure
from streamflow.model import Cursor, DestId, Fields, Intent, Kind, Link, QueueItem, Ref
from streamflow.platforms.destination import Happening, is_person
from streamflow.stages.kept import released
from streamflow.store.change import Change, PutSetting

UNLOOKED: Final = "unlooked:"
"""Prefix of the setting that keeps a confirmed update (`Done.noted`) by its intent until it was looked after."""
OVERWRITTEN: Final = "overwritten:"
"""Prefix of the questions about what was lost."""
SURELY_CUT: Final = 60     # characters from which on a value that an event shows may have been cut short


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A confirmed update: what was written, over what, to a record that was read when the feed stood at *seen*."""

    id: str                      # of the intent
    seen: Cursor
    ref: Ref
    dest_kind: Kind
    dest_id: DestId
    fields: Fields
    now: Fields                  # what these fields held when it was read
    before: Fields               # of these, what a rollback gave back by then
    at: float                    # Unix seconds by the steady clock: when it was surely carried out; 0.0: so long ago that all of it is told

    @classmethod
    def of(cls, intent: Intent, *, seen: Cursor, now: Mapping[str, Any], before: Mapping[str, Any] | None = None, at: float) -> Done:
        """Give what is to be looked after once a write is confirmed; *before* is the image of a record that was there before us."""
        dest_id = sure(intent.dest_id, "record that was written to")
        return cls(
            id=intent.id, seen=seen, ref=intent.ref, dest_kind=intent.dest_kind, dest_id=dest_id, fields=intent.fields,
            now={name: now.get(name) for name in intent.fields}, at=at,
            before={name: value for name, value in (before or {}).items() if name in intent.fields},
        )

    @property
    def noted(self) -> Change:
        """What keeps it over a restart; to be committed with its confirmation."""
        value = {
            "seen": self.seen, "ref": [self.ref.kind, self.ref.key, self.ref.part], "dest_kind": self.dest_kind, "dest_id": self.dest_id,
            "fields": self.fields, "now": self.now, "before": self.before, "at": self.at,
        }
        return PutSetting(name=f"{UNLOOKED}{self.id}", value=value)

    @property
    def over(self) -> Change:
        """What is noted once it was looked after."""
        return PutSetting(name=f"{UNLOOKED}{self.id}", value=None)

    @classmethod
    def from_setting(cls, name: str, value: Mapping[str, Any]) -> Done:
        """Give what was noted."""
        return cls(
            id=name.removeprefix(UNLOOKED), seen=value["seen"], ref=Ref(*value["ref"]), dest_kind=value["dest_kind"],
            dest_id=value["dest_id"], fields=dict(value["fields"]), now=dict(value["now"]), at=float(value.get("at", 0.0)),
            before=dict(value.get("before") or {}),
        )

    def field_of(self, attribute: str) -> str | None:
        """Name the field that an event means; None where we did not write it."""
        return next((name for name in self.fields if attribute in (name, name.partition(":")[2])), None)


def ours_among(done: Done, events: Sequence[Happening], *, guess: bool) -> list[Happening]:
    """
    Give the events that tell of this write, oldest first; none while it has not shown.

    Programs go before people, and what shows a value we wrote before all. With *guess* whatever may be ours is taken for it: of programs
    that do not say what they changed all, and where we write under the name of a person the last that touched our fields.
    """
    programs = [event for event in events if not is_person(event.actor)]
    ours = [event for event in programs or events if any(map(done.field_of, event.changes))]
    exact = [event for event in ours if any(
        name is not None and _shows(done.fields[name], new)
        for name, new in ((done.field_of(attribute), new) for attribute, (_, new) in event.changes.items())
    )]
    if exact:
        return exact
    if programs:
        return ours or [event for event in programs if guess or not event.changes]
    return ours[-1:] if guess else []


def lost_to(events: Sequence[Happening], ours: Sequence[Happening] | None = None) -> dict[str, Happening]:
    """
    Give what people had changed just before we wrote it, by attribute; *events* of one record, oldest first.

    Where nobody says which are *ours*, they are those of programs, or where we write under the name of a person the last of all. Only
    what both changed is lost.
    """
    if ours is None:
        ours = [event for event in events if not is_person(event.actor)] or events[-1:]
    places = {event.id for event in ours}
    theirs: dict[str, Happening] = {}
    lost: dict[str, Happening] = {}
    for event in events:
        if event.id in places:
            lost |= {attribute: theirs.pop(attribute) for attribute in event.changes if attribute in theirs}
        elif is_person(event.actor):
            theirs |= dict.fromkeys(event.changes, event)
    return lost


def items_of(done: Done, events: Sequence[Happening], ours: Sequence[Happening]) -> list[QueueItem]:
    """Ask about what was lost to this write; what had been read before it was decided on was not."""
    lost = lost_to(events, ours)
    return [_item(done, attribute, event, ours) for attribute, event in lost.items() if not _was_read(done, attribute, event)]


def _was_read(done: Done, attribute: str, event: Happening) -> bool:
    name = done.field_of(attribute)
    return name is not None and _shows(done.now.get(name), event.changes[attribute][1])


def _shows(value: Any, text: str) -> bool:
    """Say whether an event shows this very value; of lists nobody knows how they are shown."""
    if isinstance(value, list | dict):
        return False
    whole = "" if value is None else str(value)
    return whole == text or (len(text) >= SURELY_CUT and whole.startswith(text))


def _item(done: Done, attribute: str, lost: Happening, ours: Sequence[Happening]) -> QueueItem:
    ref, name = done.ref, done.field_of(attribute) or attribute
    theirs, wrote = lost.changes[attribute][1], done.fields.get(name)
    is_shown = isinstance(wrote, str) and any(_shows(wrote, event.changes[attribute][1]) for event in ours if attribute in event.changes)
    image = {"before": done.before[name], "is_whole": is_shown and len(theirs) < SURELY_CUT} if name in done.before else {}
    return QueueItem(
        id=f"{OVERWRITTEN}{ref.kind}:{ref.key}:{ref.part}:{attribute}:{lost.id}", cause="conflict", kind=ref.kind, key=ref.key,
        decisions=("accept",), suggested="accept",
        reason=f"{name} was changed by a person at the very moment it was written, and ours stands; what they had put there is kept here",
        details={"field": name, "base": done.now.get(name), "source": wrote, "destination": theirs, "dest_id": done.dest_id,
                 "by": lost.actor, **image},
    )


def with_lost(link: Link, lost: Iterable[QueueItem]) -> Link:
    """
    Give the line of a record that was there before us with what people had put under our writes, which is what they last had there.

    *lost* are the questions about it, the oldest first. A field of which the image is newer keeps that; one of which the events may not
    show all, or show it another way than it is written, counts as theirs and stays as it is.
    """
    before, unclear = dict(link.before or {}), set()
    for details in (item.details for item in lost):
        name = str(details["field"])
        if "before" not in details or (link.before or {}).get(name) != details["before"]:
            continue
        if details["is_whole"]:
            before[name] = details["destination"] or None
            unclear.discard(name)
        else:
            unclear.add(name)
    return replace(link, before=before, base=released(link.base, unclear)) if link.is_matched else link
