"""The account that is moved to: its records with their whole past, an event feed, and what becomes of each request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from streamflow.model import DestId, Fields, Kind
from streamflow.platforms.destination import Happening
from tests.simulate.agenda import Agenda
from tests.simulate.conditions import Conditions
from tests.simulate.source import BEGIN

PROGRAM = "9-origins"
PERSON = "4-users"
FED = ("accounts", "contacts", "leads", "activities", "notes")
USERS = (
    {"id": "1-users", "name": "Office", "email": "office@sim.test", "enabled": True, "admin": True, "teams": []},
    {"id": "2-users", "name": "Ann Rep", "email": "ann@sim.test", "enabled": True, "admin": False, "teams": []},
    {"id": "3-users", "name": "Bob Rep", "email": "bob@sim.test", "enabled": True, "admin": False, "teams": []},
    {"id": PERSON, "name": "Cleo", "email": "cleo@sim.test", "enabled": True, "admin": False, "teams": []},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """Something that was done to a record."""

    at: float
    actor: str
    action: str                    # create | update | delete | restore | merge
    fields: Fields
    before: Fields = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Held:
    """A record as it is, with all that was done to it."""

    id: DestId
    kind: Kind
    fields: Fields
    found_at: float                # when searches begin to show it
    is_gone: bool = False
    into: DestId | None = None
    deeds: list[Deed] = field(default_factory=list)

    @property
    def maker(self) -> str:
        return self.deeds[0].actor

    @property
    def is_brought_back(self) -> bool:
        """Say whether it is there since people restored it."""
        last = next(deed for deed in reversed(self.deeds) if deed.action in ("create", "delete", "restore"))
        return last.action == "restore" and last.actor == PERSON

    @property
    def restored_at(self) -> float:
        """Give when people brought it back last, 0 for never."""
        return max((deed.at for deed in self.deeds if deed.action == "restore" and deed.actor == PERSON), default=0.0)


@dataclass(slots=True)
class Account:
    """The records, and who did what."""

    agenda: Agenda
    conditions: Conditions
    dice: Random
    records: dict[DestId, Held] = field(default_factory=dict)
    events: list[Happening] = field(default_factory=list)
    custom_fields: list[Any] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)     # markers and ids of what was not taken
    poisoned: Callable[[Fields], bool] = lambda fields: False
    away: tuple[float, float] = (0.0, 0.0)      # from when until when it takes nothing and says so
    on_effect: Callable[[str, Kind, DestId | None, Fields], None] = lambda what, kind, dest_id, fields: None

    def live(self, kind: Kind) -> dict[DestId, Held]:
        """Give the records of a kind that are there."""
        return {dest_id: held for dest_id, held in self.records.items() if held.kind == kind and not held.is_gone}

    def told_at(self, dest_id: DestId) -> int:
        """Give the position of the last event in which people did something to a record, 0 for none."""
        return max((at for at, event in enumerate(self.events, 1) if event.actor == PERSON and dest_id in event.ids), default=0)

    def create(self, kind: Kind, fields: Fields, actor: str) -> DestId:
        """Make a record."""
        dest_id = f"{len(self.records) + 100}-{kind}"
        lag = self.dice.random() ** 0.5 * self.conditions.search_lag_s if actor == PROGRAM else 0.0
        held = self.records[dest_id] = Held(id=dest_id, kind=kind, fields=dict(fields), found_at=self.agenda.now + lag)
        self._note(held, actor, "create", dict(fields))
        return dest_id

    def update(self, dest_id: DestId, changes: Fields, actor: str) -> bool:
        """Change a record; False when it is not there."""
        held = self.records.get(dest_id)
        if held is None or held.is_gone:
            return False
        before = {name: held.fields.get(name) for name in changes}
        for name, value in changes.items():
            if value is None:
                held.fields.pop(name, None)
            else:
                held.fields[name] = value
        self._note(held, actor, "update", dict(changes), before)
        return True

    def delete(self, dest_id: DestId, actor: str, *, into: DestId | None = None) -> bool:
        """Remove a record, or merge it into another; False when it is not there."""
        held = self.records.get(dest_id)
        if held is None or held.is_gone:
            return False
        held.is_gone, held.into = True, into
        self._note(held, actor, "delete", {}, dict(held.fields))
        if into is not None:
            self._move_links(dest_id, into)
        return True

    def restore(self, dest_id: DestId, actor: str) -> bool:
        """Bring a removed record back."""
        held = self.records.get(dest_id)
        if held is None:
            return False
        held.is_gone = False
        self._note(held, actor, "restore", {})
        return True

    def _move_links(self, lost: DestId, into: DestId) -> None:
        for held in self.records.values():
            for name, value in list(held.fields.items()):
                if name.startswith("link:"):
                    if isinstance(value, list) and lost in value:
                        held.fields[name] = list(dict.fromkeys(into if each == lost else each for each in value))
                    elif value == lost:
                        held.fields[name] = into

    def _note(self, held: Held, actor: str, action: str, fields: Fields, before: Fields | None = None) -> None:
        held.deeds.append(Deed(at=self.agenda.now, actor=actor, action=action, fields=fields, before=before or {}))
        self.agenda.tell("destination", action, held.id, actor, sorted(fields))
        if held.kind in FED:
            changes = {
                name.partition(":")[2] or name: (str((before or {}).get(name)), str(value)) for name, value in fields.items()
            } if action == "update" else {}
            self.events.append(Happening(
                id=f"{len(self.events) + 1}-events", at=int(BEGIN.timestamp() + self.agenda.now), actor=actor, kind=held.kind,
                action="update" if action == "restore" else action, ids=(held.id,), payloads={held.id: dict(held.fields)}, changes=changes,
            ))
