"""The doors a process writes and reads the destination through: requests that get lost, take effect late, or are never answered."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from random import Random
from typing import Any

import anyio

from streamflow.errors import NotFound, PlatformUnavailable, RecordRejected, Stale, Throttled, TransientError, Uncertain
from streamflow.model import Cursor, DestId, Fields, Kind, Verdict
from streamflow.platforms.destination import HUNG, FieldSpec, Happening, Ours, ProbeJournal, Reference, position_of
from streamflow.platforms.nutshell.dialect.compare import compare
from streamflow.platforms.nutshell.flags import Flags
from tests.simulate.destination import FED, PROGRAM, USERS, Account, Held

PORTION = 7


class Line:
    """The wire of one process: decides the fate of each request when it is sent, since the far side goes on without the process."""

    def __init__(self, account: Account, dice: Random) -> None:
        self.account = account
        self._dice = dice
        self.is_cut = False      # the process is no more: what it had not quite sent does not arrive

    async def ask(self) -> None:
        """Carry a read; it may fail, and then tells nothing."""
        await anyio.sleep(0.005 + 0.05 * self._dice.random())
        self._refuse_away()
        chance = self.account.conditions.read_faults / 2
        if self._dice.random() < chance and self.account.agenda.now < self.account.conditions.faults_end_s:
            raise self._dice.choice((TransientError, PlatformUnavailable))("it did not answer", platform="nutshell")

    def _refuse_away(self) -> None:
        begins, ends = self.account.away
        if begins <= self.account.agenda.now < ends:
            refusal = (Throttled("slow down", retry_after_s=2.0, platform="nutshell"), TransientError("503", platform="nutshell"))
            raise self._dice.choice(refusal)

    async def send(self, effect: Callable[[], Any]) -> Any:
        """Carry a write; answers what the effect gave, or raises what a client can know."""
        self._refuse_away()
        conditions, dice, agenda = self.account.conditions, self._dice, self.account.agenda
        fate = dice.random()
        share = conditions.write_faults
        way, back = 0.01 + 0.2 * dice.random(), 0.01 + 0.2 * dice.random()
        answer: list[Any] = []
        answered = anyio.Event()
        is_out = dice.random() < 0.5

        def arrive() -> None:
            if is_out or not self.is_cut:
                answer.append(_outcome(effect))

        if fate >= share:                                   # done, and said so
            agenda.at(agenda.now + way, arrive)
            agenda.at(agenda.now + way + back, lambda: None if self.is_cut else answered.set())
            await answered.wait()
            if isinstance(answer[0], Exception):
                raise answer[0]
            return answer[0]
        which = dice.randrange(6)
        agenda.tell("write", ("lost", "unanswered", "late", "throttled", "away", "garbled")[which])
        if which == 3:
            await anyio.sleep(way)
            raise Throttled("slow down", retry_after_s=dice.choice((None, 0.5)), platform="nutshell")
        if which == 4:
            await anyio.sleep(way)
            raise TransientError("no connection", platform="nutshell")
        if which in (1, 5):
            agenda.at(agenda.now + way, arrive)
        if which == 2:                                      # taken on, and carried out when nobody waits any more
            agenda.at(agenda.now + conditions.timeout_s + dice.random() * conditions.late_commit_s, arrive)
        await anyio.sleep(way + back if which in (1, 5) and dice.random() < 0.5 else conditions.timeout_s)
        raise Uncertain(("no answer", "the answer cannot be read")[which == 5], platform="nutshell")


def _outcome(effect: Callable[[], Any]) -> Any:
    try:
        return effect()
    except (RecordRejected, NotFound, Stale) as refusal:
        return refusal


class WriteDoor:
    """Single writes."""

    def __init__(self, line: Line, account: Account) -> None:
        self._line = line
        self._account = account

    async def create(self, kind: Kind, fields: Fields, *, author: DestId | None = None) -> DestId:
        return str(await self._line.send(lambda: self._create(kind, dict(fields))))

    def _create(self, kind: Kind, fields: Fields) -> DestId:
        self._refuse(fields, marker_in(fields))
        self._account.on_effect("create", kind, None, fields)
        return self._account.create(kind, fields, PROGRAM)

    def _refuse(self, fields: Fields, name: str) -> None:
        """Take no poisoned value and no link to what is gone; it is written down whose that was."""
        links = [value if isinstance(value, list) else [value] for field, value in fields.items() if field.startswith("link:")]
        held = [self._account.records.get(each) for some in links for each in some if isinstance(each, str)]
        why = [f"{each.id} is not there" for each in held if each is not None and each.is_gone]
        if self._account.poisoned(fields):
            why.insert(0, "a value is not taken")
        if why:
            self._account.refused.add(name)
            raise RecordRejected(why[0], platform="nutshell", status=400)

    async def update(
        self, kind: Kind, dest_id: DestId, changes: Fields, *, now: Fields, author: DestId | None = None, force: bool = False
    ) -> DestId:  # fmt: skip
        remade = kind == "tasks" or (kind == "notes" and not self._account.conditions.edits_notes)
        if kind in ("activities", "notes", "tasks"):
            await self._line.ask()
            self._ensure(dest_id, now)
        if not remade:
            await self._line.send(lambda: self._update(kind, dest_id, dict(changes)))
            return dest_id
        whole = {**self._account.records[dest_id].fields, **changes}
        await self._line.send(lambda: self._delete(kind, dest_id, missing_ok=False))
        try:
            return str(await self._line.send(lambda: self._create(kind, whole)))
        except (Throttled, TransientError, RecordRejected) as error:
            raise Uncertain("it was deleted and not made anew", platform="nutshell") from error

    def _ensure(self, dest_id: DestId, now: Fields) -> None:
        held = self._account.records[dest_id]
        if held.is_gone:
            raise NotFound(f"{dest_id} is gone", platform="nutshell")
        shown = _fields(self._account, held, True)
        if [name for name, value in now.items() if compare(held.kind, name, value, shown.get(name)) is Verdict.DIFFERS]:
            raise Stale("it changed since it was read", platform="nutshell")

    def _update(self, kind: Kind, dest_id: DestId, changes: Fields) -> None:
        self._refuse(changes, dest_id)
        self._there(dest_id)
        self._account.on_effect("update", kind, dest_id, changes)
        self._account.update(dest_id, changes, PROGRAM)

    def _there(self, dest_id: DestId) -> None:
        if self._account.records[dest_id].is_gone:
            raise NotFound(f"{dest_id} is gone", platform="nutshell")

    def edits(self, kind: Kind) -> bool:
        return kind == "notes" and self._account.conditions.edits_notes

    def fills(self, _kind: Kind) -> tuple[str, ...]:
        return ()     # this account gives a record nothing by itself

    async def delete(self, kind: Kind, dest_id: DestId) -> None:
        await self._line.send(lambda: self._delete(kind, dest_id, missing_ok=False))

    def _delete(self, kind: Kind, dest_id: DestId, *, missing_ok: bool) -> None:
        if not (missing_ok and self._account.records[dest_id].is_gone):
            self._there(dest_id)
            self._account.on_effect("delete", kind, dest_id, {})
            self._account.delete(dest_id, PROGRAM)

    async def delete_all(self, kind: Kind, dest_ids: Sequence[DestId]) -> bool:
        if kind not in ("contacts", "notes"):
            return False
        await self._line.send(lambda: self._delete_those(kind, dest_ids))
        return True

    def _delete_those(self, kind: Kind, dest_ids: Sequence[DestId]) -> None:
        for dest_id in dest_ids:
            self._delete(kind, dest_id, missing_ok=True)

    async def delete_unchanged(self, kind: Kind, dest_id: DestId, ours: Ours) -> None:
        await self._line.send(lambda: self._delete_unchanged(kind, dest_id))

    def _delete_unchanged(self, kind: Kind, dest_id: DestId) -> None:
        held = self._account.records[dest_id]
        if held.deeds[-1].actor != PROGRAM:
            raise Stale("a person was there", platform="nutshell")
        self._delete(kind, dest_id, missing_ok=False)

    async def restore(self, kind: Kind, dest_id: DestId) -> None:
        await self._line.send(lambda: self._restore(kind, dest_id))

    def _restore(self, kind: Kind, dest_id: DestId) -> None:
        self._account.on_effect("restore", kind, dest_id, {})
        self._account.restore(dest_id, PROGRAM)


class ReadDoor:
    """Reading back."""

    def __init__(self, line: Line, account: Account) -> None:
        self._line = line
        self._account = account

    async def read(self, kind: Kind, ids: Sequence[DestId], *, custom: bool) -> Mapping[DestId, Fields]:
        await self._line.ask()
        live = self._account.live(kind)
        return {dest_id: _fields(self._account, live[dest_id], custom) for dest_id in ids if dest_id in live}

    async def fates(self, kind: Kind, ids: Sequence[DestId]) -> Mapping[DestId, DestId | None]:
        await self._line.ask()
        found: dict[DestId, DestId | None] = {}
        for dest_id in ids:
            held = self._account.records.get(dest_id)
            if held is not None and not held.is_gone:
                continue
            while held is not None and held.is_gone:
                held = self._account.records.get(held.into or "")
            found[dest_id] = held.id if held is not None else None
        return found

    async def everything(self, kind: Kind, *, custom: bool) -> AsyncIterator[Mapping[DestId, Fields]]:
        await self._line.ask()
        held = [(dest_id, each) for dest_id, each in self._account.live(kind).items() if each.found_at <= self._account.agenda.now]
        for start in range(0, len(held), PORTION):
            yield {dest_id: _fields(self._account, each, custom) for dest_id, each in held[start : start + PORTION] if not each.is_gone}
            await self._line.ask()

    async def find(self, kind: Kind, marker: str, hints: Fields) -> Sequence[DestId]:
        await self._line.ask()
        now = self._account.agenda.now
        return sorted(dest_id for dest_id, held in self._account.live(kind).items() if held.found_at <= now and marker_of(held) == marker)

    async def remains(self, kind: Kind, dest_id: DestId) -> Fields | None:
        await self._line.ask()
        people = {each: held for each, held in self._account.live("contacts").items() if kind == "accounts"}
        hung = [each for each, held in people.items() if dest_id in (held.fields.get("link:accounts") or ())]
        return {**_fields(self._account, self._account.records[dest_id], False), HUNG: hung}

    def route(self, kind: Kind) -> str:
        return "payload" if kind in ("contacts", "notes") else "search" if kind == "leads" else "single"

    def compare(self, kind: Kind, field: str, expected: Any, actual: Any) -> Verdict:
        return compare(kind, field, expected, actual)


def _fields(account: Account, held: Held, custom: bool) -> Fields:
    """Give what is shown of a record: no list of links names one that is gone, whatever is kept of it."""
    return {
        name: [each for each in value if not _is_gone(account, each)] if isinstance(value, list) and name.startswith("link:") else value
        for name, value in held.fields.items() if custom or not name.startswith("custom:")
    }


def _is_gone(account: Account, dest_id: DestId) -> bool:
    held = account.records.get(dest_id)
    return held is not None and held.is_gone


def _linked(fields: Fields) -> set[str]:
    values = [value for name, value in fields.items() if name.startswith("link:")]
    return {str(each) for value in values for each in (value if isinstance(value, list) else [value])}


def marker_of(held: Held) -> str:
    """Give the marker a record carries, "" for none."""
    return marker_in(held.fields)


def marker_in(fields: Fields) -> str:
    """Give the marker in the fields of a write, "" for none."""
    text = str(fields.get("body") or fields.get("description") or "").rstrip()
    last = text.rsplit("\n", 1)[-1].strip()
    return str(fields.get("custom:Streamflow ID") or (last if last.startswith("[sf:") else ""))


class FeedDoor:
    """The account of what happened; tasks do not appear in it."""

    def __init__(self, line: Line, account: Account) -> None:
        self._line = line
        self._account = account

    async def cursor(self, *, fresh: bool = False) -> Cursor:
        await self._line.ask()
        return f"{len(self._account.events)}-events"

    async def changed(self, cursor: Cursor, kinds: Sequence[Kind] = ()) -> AsyncIterator[tuple[Sequence[Happening], Cursor]]:
        at = position_of(cursor)
        while True:
            await self._line.ask()
            found = self._account.events[at : at + PORTION]
            if not found:
                return
            at += len(found)
            yield [event for event in found if event.action != "delete" and (not kinds or event.kind in kinds)], f"{at}-events"

    async def about(self, dest_id: DestId, cursor: Cursor) -> Mapping[DestId, int]:
        await self._line.ask()
        return {
            event.ids[0]: position_of(event.id) for event in self._account.events[position_of(cursor) :]
            if event.action != "delete" and (dest_id in event.ids or dest_id in _linked(event.payloads[event.ids[0]]))
        }

    async def since(self, cursor: Cursor) -> tuple[Sequence[Happening], Cursor]:
        await self._line.ask()
        return self._account.events[position_of(cursor) :], f"{len(self._account.events)}-events"

    async def portions(self, cursor: Cursor) -> AsyncIterator[tuple[Sequence[Happening], Cursor]]:
        at = position_of(cursor)
        while True:
            await self._line.ask()
            found = self._account.events[at : at + PORTION]
            at += len(found)
            yield found, f"{at}-events"
            if len(found) < PORTION:
                return

    def carries(self, kind: Kind) -> bool:
        return kind in FED

    async def our_user(self) -> DestId | None:
        return None


class SchemaDoor:
    """Reference data and custom fields."""

    def __init__(self, line: Line, account: Account) -> None:
        self._line = line
        self._account = account

    async def check(self) -> Mapping[str, Any]:
        await anyio.sleep(0.05)
        return {"user": "office@sim.test", "plan": "pro"}

    async def reference(self) -> Reference:
        await self._line.ask()
        return Reference(
            users=USERS, activity_types={"meeting": "3-activityTypes"}, outcomes={"won": "1-outcomes", "lost": "2-outcomes"},
            custom_fields=tuple(self._account.custom_fields),
        )

    async def custom_fields(self, entities: Collection[Kind] | None = None) -> tuple[FieldSpec, ...]:
        await self._line.ask()
        return tuple(each for each in self._account.custom_fields if entities is None or each.entity in entities)

    async def define(self, spec: FieldSpec) -> None:
        await self._line.ask()
        if all((each.entity, each.label) != (spec.entity, spec.label) for each in self._account.custom_fields):
            self._account.custom_fields.append(spec)

    async def sources(self) -> Mapping[DestId, str]:
        await self._line.ask()
        return {}

    async def source(self, name: str) -> DestId:
        raise RecordRejected("no map of this world names lead sources", platform="nutshell")


class ProbeDoor:
    """Nothing is tried out: the flags are given."""

    async def probe(self, journal: ProbeJournal, long_text: FieldSpec | None = None) -> Mapping[str, Any]:
        return {}

    async def sweep_probes(self, journal: ProbeJournal, *, patiently: bool = True) -> None:
        return None


class DestinationDoor:
    """All doors of the account, as one process has them."""

    name = "nutshell"

    def __init__(self, account: Account, dice: Random) -> None:
        self.line = line = Line(account, dice)
        self.writer = WriteDoor(line, account)
        self.reader = ReadDoor(line, account)
        self.feed = FeedDoor(line, account)
        self.schema = SchemaDoor(line, account)
        self.prober = ProbeDoor()
        self.flags = Flags()

    def adopt(self, flags: Mapping[str, Any]) -> None:
        self.flags = self.flags.with_(flags)
