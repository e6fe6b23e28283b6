"""
What became of a migration, decided from the truth of both accounts and the ledger's own book.

Shares no code with the engine: it imports nothing that maps, decides, writes or moves through phases.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from streamflow.model import DestId, Disposition, Intent, IntentState, Key, Kind, Link, Op, QueueItem, RecordState, Ref, Staged
from streamflow.store.audit import Head, first_break
from streamflow.store.memory import MemoryLedger
from tests.simulate import watching
from tests.simulate.conditions import Conditions, ahead_s
from tests.simulate.destination import PERSON, PROGRAM, Account, Held
from tests.simulate.doors import marker_of
from tests.simulate.source import BEGIN, CHILDREN, Books, Row, content, record_of

DEST_KINDS = {"client": "contacts", "quote": "leads", "visit": "activities", "remark": "notes", "errand": "tasks"}
PARENT_LINKS = {"quote": "link:contacts", "visit": "link:participants", "remark": "link:parent", "errand": "link:relatedEntity"}
SCALARS = ("name", "body", "manualValue", "custom:Town", "custom:Phase")
TRIES = 5      # writes of a record that come to nothing before it is left to a person
EXPLAINED = (Disposition.FLAGGED, Disposition.FAILED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Everything there is to look at when a world is over."""

    books: Books
    account: Account
    conditions: Conditions
    staged: dict[tuple[Kind, Key], Staged]
    links: dict[Ref, Link]
    items: dict[str, QueueItem]
    phase: str
    ledger: MemoryLedger
    answered: Mapping[str, float] = field(default_factory=dict)     # queue item -> when somebody answered

    @classmethod
    def of(
        cls, books: Books, account: Account, ledger: MemoryLedger, conditions: Conditions, answered: Mapping[str, float] | None = None
    ) -> Evidence:  # fmt: skip
        """Take down what is there."""
        book = ledger._book
        return cls(
            books=books, account=account, conditions=conditions, staged={name: held.staged for name, held in book.records.items()},
            links=dict(book.links), items=dict(book.items), phase=(book.settings.get("phase") or {}).get("state", ""), ledger=ledger,
            answered=answered or {},
        )

    def asked_about(self, kind: Kind, key: Key) -> list[QueueItem]:
        """Give the questions about a record."""
        return [item for item in self.items.values() if item.kind == kind and item.key == key]

    @property
    def heard(self) -> int:
        """Give how far the destination's feed was followed."""
        return watching.heard(self.ledger)

    def stands(self, dest_id: DestId | None) -> DestId | None:
        """Give the live record that a record is or was merged into, None when there is none."""
        held = self.account.records.get(dest_id or "")
        while held is not None and held.is_gone:
            held = self.account.records.get(held.into or "")
        return held.id if held is not None else None


def judge(seen: Evidence) -> list[str]:
    """Give every fault of a finished world; none is what was promised."""
    found = [*_book(seen), *_receipts(seen), *_doubled(seen), *_returned(seen), *_removed(seen)]
    if seen.conditions.ending.startswith("rollback"):
        found += _undone(seen)
    else:
        found += [*_records(seen), *_overwritten(seen), *_false_questions(seen)]
    return found


# ------------------------------------------------------------------------------------------------ the book


def _book(seen: Evidence) -> Iterator[str]:
    wanted = "rolled_back" if seen.conditions.ending.startswith("rollback") else "done"
    if seen.phase != wanted:
        yield f"unfinished: the migration ended in {seen.phase}, not {wanted}"
    book = seen.ledger._book
    for intent in book.intents.values():
        if intent.state in (IntentState.MEANT, IntentState.IN_DOUBT):
            yield f"open: intent {intent.id} ({intent.op} of {intent.ref.kind} {intent.ref.key}) is {intent.state}"
        if intent.state is IntentState.PARKED:
            yield f"open: intent {intent.id} ({intent.op} of {intent.ref.kind} {intent.ref.key}) was left to a person: {intent.reason}"
    if wanted == "done":
        for (kind, key), staged in seen.staged.items():
            if staged.state is RecordState.PENDING or staged.disposition is None:
                yield f"unexplained: {kind} {key} is {staged.state} with disposition {staged.disposition}"
    if (broken := first_break(Head(), list(book.audit.values()))[0]) is not None:
        yield f"audit: entry {broken} is broken"


def _receipts(seen: Evidence) -> Iterator[str]:
    """One switch, one receipt, for a freeze that was not told before people stopped; none where nobody was to switch."""
    book = seen.ledger._book
    entries = [json.loads(line.text) for line in book.audit.values()]
    given = [entry["after"] for entry in entries if entry["action"] == "cutover.switched"]
    if len(given) != (seen.conditions.ending != "rollback in tail"):
        yield f"cutover: {len(given)} receipts"
    frozen_at, steps = seen.books.frozen_at or 0.0, seen.conditions.steps
    least_ahead_s = min(ahead_s(steps, at) for at in (frozen_at, *(at for at, _ in steps if at > frozen_at)))
    stopped = BEGIN + timedelta(seconds=int(frozen_at) + least_ahead_s)
    for receipt in given:
        if book.settings.get("switched") != receipt:
            yield f"cutover: the receipt {receipt['id']} is not the one that is kept"
        if datetime.fromisoformat(receipt["frozen_at"]) < stopped:
            yield f"cutover: the receipt speaks of a freeze at {receipt['frozen_at']}, people stopped at {stopped}"


def _doubled(seen: Evidence) -> Iterator[str]:
    markers: dict[str, list[DestId]] = {}
    for dest_id, held in seen.account.records.items():
        if held.maker == PROGRAM and not held.is_gone and (marker := marker_of(held)):
            markers.setdefault(marker, []).append(dest_id)
    heard = seen.heard
    told = {item.details.get("dest_id") for item in seen.items.values() if item.cause == "doubled_marker"}
    for marker, ids in markers.items():
        back = [each for each in ids if seen.account.records[each].is_brought_back]
        untold = [each for each in back if each not in told and seen.account.told_at(each) <= heard]
        if len(ids) - len(back) > 1:
            yield f"doubled: {marker} is {', '.join(ids)}"
        elif len(ids) - len(back) + len(untold) > 1:
            yield f"unexplained: {marker} is {', '.join(ids)}, since people brought back {', '.join(back)}, and nobody was told"


# ------------------------------------------------------------------------------------------------ the records


def _records(seen: Evidence) -> Iterator[str]:
    closed_at = _closed_early_at(seen)
    for kind in ("client", *CHILDREN):
        for key in seen.books.true(kind):
            if (row := seen.books.at(kind, key, closed_at)) is not None:
                found = list(_record(seen, kind, key, row))
                yield from _as_read_last(seen, kind, key, row) if found and closed_at is not None else found
    for (kind, key), versions in seen.books.rows.items():
        if versions[-1].row is None and (kind, key) in seen.staged and kind in DEST_KINDS and seen.staged[kind, key].missing_scans < 2:
            if not any(item.cause == "deleted_at_source" for item in seen.asked_about(kind, key)):
                yield f"unexplained: {kind} {key} was removed from the source and nobody was told"


def _as_read_last(seen: Evidence, kind: Kind, key: Key, row: Row) -> Iterator[str]:
    """
    Judge by what the last complete reading showed of a record: what came behind that, until the window ended, nobody can have seen.

    Only a reading of the process that ended the window is its last one.
    """
    listed_at = seen.books.listed_at.get(kind, 0.0)
    shown = seen.books.shown_by(kind, key, listed_at) if listed_at >= seen.books.begun_at else row
    if shown is not None:
        yield from _record(seen, kind, key, shown)


def _closed_early_at(seen: Evidence) -> float | None:
    """
    Give when the window after the switch ended before its time, since a process began in it under a clock that somebody had set forward.

    What is written later is not looked for. None where it lasted, and where nothing but a fault can have ended it.
    """
    books, steps = seen.books, seen.conditions.steps
    if books.switched_at is None or books.closed_at is None or books.begun_at <= books.switched_at:
        return None
    lasted_s = books.closed_at - books.switched_at
    set_forward_s = ahead_s(steps, books.begun_at) - ahead_s(steps, books.switched_at)
    return books.closed_at if lasted_s < seen.conditions.watch_s <= lasted_s + set_forward_s else None


def _record(seen: Evidence, kind: Kind, key: Key, row: Row) -> Iterator[str]:
    agreed = seen.books.at(kind, key, seen.books.frozen_at)
    if content(agreed) == content(row) and not _taken(seen, kind, key):
        yield from _moved(seen, kind, key, row)
        return
    asked = [item for item in seen.asked_about(kind, key) if item.cause == "after_freeze"]
    if asked:
        is_late = content(seen.books.at(kind, key, seen.books.switched_at)) != content(row)
        written_at = seen.books.rows[kind, key][-1].at
        about = _about_now(asked, _digest(kind, key, row))
        is_answered = any(item.state == "open" or seen.answered.get(item.id, 0.0) >= written_at for item in about)
        if is_late and _version(asked[-1]) != _digest(kind, key, row) and not is_answered:
            yield f"unexplained: {kind} {key} was written again after what was asked about, and nobody was asked"
        yield from _late(seen, kind, key, row)
    elif content(seen.books.at(kind, key, seen.books.switched_at)) != content(row):
        yield f"unexplained: {kind} {key} was written after the switch, and nobody was asked"
    elif (staged := seen.staged.get((kind, key))) is None or content(staged.record.data) != content(row):
        yield f"lost: {kind} {key} was written between freeze and switch, was not carried over, and nobody was asked"
    else:
        yield from _moved(seen, kind, key, row)


def _moved(seen: Evidence, kind: Kind, key: Key, row: Row) -> Iterator[str]:
    """A row that is to be in the destination is there, or has its reason."""
    staged, link = seen.staged.get((kind, key)), seen.links.get(Ref(kind, key))
    there = seen.stands(link.dest_id) if link is not None else None
    held = seen.account.records.get(there or "")
    yield from _parts(seen, kind, key)
    if staged is None:
        yield f"lost: {kind} {key} was never read"
    elif held is None:
        yield from _missing(seen, kind, key, row, staged, link)
    else:
        yield from (f"orphaned: {kind} {key} ({there}) {each}" for each in _orphaned(seen, kind, row, held))
        if link is not None and not link.is_merged and staged.disposition not in EXPLAINED:
            yield from (f"wrong: {kind} {key} ({there}) {each}" for each in _wrong(seen, kind, key, row, held))


def _late(seen: Evidence, kind: Kind, key: Key, row: Row) -> Iterator[str]:
    """
    Written in the source though people were to have stopped, and somebody was asked.

    What came before the switch may have been carried over, all of it or the first of it; what came after it may not.
    """
    frozen, switched = seen.books.frozen_at or 0.0, seen.books.switched_at or 0.0
    between = [each.row for each in seen.books.rows[kind, key] if frozen < each.at <= switched]
    taken = _taken(seen, kind, key)
    about = _about_now([each for each in seen.asked_about(kind, key) if each.cause == "after_freeze"], _digest(kind, key, row))
    written_at = seen.books.rows[kind, key][-1].at
    if any(each.decision == "take" and seen.answered.get(each.id, 0.0) >= written_at for each in about):
        yield from _moved(seen, kind, key, row)      # somebody wanted just that
        return
    since = [each.row for each in seen.books.rows[kind, key] if each.row is not None and _digest(kind, key, each.row) in taken]
    allowed = [each for each in (seen.books.at(kind, key, frozen), *between, *since) if each is not None]
    link = seen.links.get(Ref(kind, key))
    held = seen.account.records.get(seen.stands(link.dest_id) or "") if link is not None else None
    if held is not None:
        before = [expected(kind, each) for each in allowed]
        for name, value in expected(kind, row).items():
            if all(value != each.get(name) for each in before) and _holds(name, value, held.fields.get(name)):
                yield f"unasked: {name} of {kind} {key} was written after the switch, and carried over"
    elif seen.books.at(kind, key, frozen) is None:
        return        # it was not there when people were to stop, and waits for an answer
    found = [list(_moved(seen, kind, key, each)) for each in allowed]
    if found and all(found):
        yield from found[0]


def _about_now(asked: Sequence[QueueItem], version: str) -> list[QueueItem]:
    """
    Give the questions about a version since it came back, where another one was asked about in between, or since an answer means more.

    Who answers an earlier one of them by then speaks of a row that was seen otherwise meanwhile: that it came back is asked about anew.
    So is a version whose answer decides by now what somebody wants made again, too.
    """
    about: list[QueueItem] = []
    since: list[QueueItem] = []
    for item in asked:
        if _version(item) != version or "wish" in item.details:
            since = []
        if _version(item) == version:
            since = [*since, item]
            about = since
    return about


def _taken(seen: Evidence, kind: Kind, key: Key) -> set[str]:
    """Give the versions, written late, that somebody took."""
    asked = (item for item in seen.asked_about(kind, key) if item.cause == "after_freeze")
    return {_version(item) for item in asked if item.decision == "take"}


def _is_held_late(seen: Evidence, kind: Kind, key: Key) -> bool:
    """Say whether it was asked about as written late, and the last answer was not to take it."""
    asked = [item for item in seen.asked_about(kind, key) if item.cause == "after_freeze"]
    return bool(asked) and asked[-1].decision != "take"


def _version(item: QueueItem) -> str:
    return item.id.split(":")[3]


def _digest(kind: Kind, key: Key, row: Row) -> str:
    return record_of(kind, key, row).digest[:8]


def _missing(seen: Evidence, kind: Kind, key: Key, row: Row, staged: Staged, link: Link | None) -> Iterator[str]:
    """There is no record: that has a reason which the accounts themselves bear out, and whoever is to know it was told."""
    if link is not None and (why := _taken_away(seen, link)):
        yield f"lost: {kind} {key} is {staged.disposition} ({staged.reason}), and {link.dest_id} {why}"
    elif link is None and not _is_excused(seen, kind, key, row, staged):
        yield f"lost: {kind} {key} is {staged.disposition} ({staged.reason}), and no record is there"


def _parts(seen: Evidence, kind: Kind, key: Key) -> Iterator[str]:
    """What else was written of a record, such as the note about one that is merged into another, stands as well."""
    for ref, link in seen.links.items():
        if (ref.kind, ref.key) == (kind, key) and ref.part and seen.stands(link.dest_id) is None and (why := _taken_away(seen, link)):
            yield f"lost: {kind} {key} has {link.dest_id} as its {ref.part}, which {why}"


def _taken_away(seen: Evidence, link: Link) -> str:
    """Say what is wrong about a record that was there, "" when people removed it and somebody was asked about that."""
    held = seen.account.records.get(link.dest_id)
    while held is not None and held.into is not None:
        held = seen.account.records.get(held.into)
    if held is None or held.deeds[-1].actor != PERSON:
        return "was not removed by people"
    is_asked = any(item.cause == "deleted_at_destination" and item.details.get("dest_id") == link.dest_id for item in seen.items.values())
    answers = [item for item in seen.items.values() if item.cause == "deleted_at_destination" and item.details.get("dest_id") == held.id]
    wanted_at = seen.answered.get(answers[-1].id, 0.0) if answers else 0.0
    is_held = any(      # what it would be made of was written late, and nobody wanted that since
        item.cause == "after_freeze" and item.decision != "take"
        and (item.state == "open" or seen.answered.get(item.id, 0.0) >= wanted_at)
        for item in seen.asked_about(link.ref.kind, link.ref.key)
    )
    if answers and answers[-1].decision == "recreate" and not is_held:
        return "was removed by people, was to be made again, and was not"
    return "" if is_asked else "was removed by people, and nobody was asked"


def _is_excused(seen: Evidence, kind: Kind, key: Key, row: Row, staged: Staged) -> bool:
    """Say whether a record rightly has none in the destination: refused, undone, unclear who it is, or what it belongs to is not there."""
    if staged.disposition not in EXPLAINED:
        return False
    open_ones = {item.cause for item in seen.asked_about(kind, key) if item.state == "open"}
    is_late = _is_held_late(seen, kind, key)
    why = {
        "refused": ("rejected" in open_ones or is_late) and _was_refused(seen, kind, key),
        "unclear": bool(open_ones & {"several_candidates", "unclear_name"}) and kind == "client",
        "unanswered": "unanswered" in open_ones and len(_intents(seen, kind, key)) >= TRIES,
        "undone": _is_undone(seen, kind, key, staged, is_late=is_late),
        "with a refused one": kind == "client" and _waits_for_a_refused_one(seen, staged),
        "with a deleted one": kind == "client" and _waits_for_a_deleted_one(seen, staged),
        "written late, with a refused one": kind == "client" and is_late and _is_as_one_refused(seen, key),
        "its client came late": kind != "client" and is_late and _came_late(seen, row),
        "alone": kind != "client" and _is_alone(seen, row, staged, is_late=is_late),
    }
    return any(why.values())


def _waits_for_a_refused_one(seen: Evidence, staged: Staged) -> bool:
    """Say whether it is the same person as a client whom the destination refuses, which was asked about, or let pass late."""
    kind, _, key = (staged.waiting_on or "").partition(":")
    is_asked = any(item.cause == "rejected" and item.state == "open" for item in seen.asked_about(kind, key))
    is_asked |= _is_held_late(seen, kind, key)      # the other was to be tried again, and what was written in it since decides that now
    return staged.state is RecordState.PARKED and kind == "client" and is_asked and _was_refused(seen, kind, key)


def _waits_for_a_deleted_one(seen: Evidence, staged: Staged) -> bool:
    """Say whether it is the same person as a client whose record people deleted, which was asked about."""
    if staged.state is not RecordState.PARKED:
        return False
    lines = [link for ref, link in seen.links.items() if ref.kind == "client" and f"gone:{link.dest_id}" == staged.waiting_on]
    return any(_are_one(seen, staged.record.key, link.ref.key) and not _taken_away(seen, link) for link in lines)


def _is_as_one_refused(seen: Evidence, key: Key) -> bool:
    """Say whether it was never tried, and another client of its name and of an address or number of its own is refused, and asked about."""
    if _intents(seen, "client", key):
        return False
    for kind, other in seen.books.rows:
        if kind == "client" and other != key and _was_refused(seen, kind, other) and _are_one(seen, key, other):
            if any(item.cause == "rejected" and item.state == "open" for item in seen.asked_about(kind, other)):
                return True
    return False


def _are_one(seen: Evidence, key: Key, other: Key) -> bool:
    """Say whether two clients had the same name and an address or number in common at any time."""
    mine, theirs = ([each.row for each in seen.books.rows["client", each_key] if each.row is not None] for each_key in (key, other))
    return any(
        one["fullname"] == two["fullname"] and (one["email"] == two["email"] or one["phone"] == two["phone"])
        for one in mine for two in theirs
    )


def _was_refused(seen: Evidence, kind: Kind, key: Key) -> bool:
    return any({each.marker, each.dest_id or ""} & seen.account.refused for each in _intents(seen, kind, key))


def _intents(seen: Evidence, kind: Kind, key: Key) -> list[Intent]:
    return [each for each in seen.ledger._book.intents.values() if (each.ref.kind, each.ref.key) == (kind, key)]


def _is_undone(seen: Evidence, kind: Kind, key: Key, staged: Staged, *, is_late: bool) -> bool:
    """Say whether it was undone with a part of the run, which the queue holds open to be taken back."""
    asked = any(
        item.cause == "rolled_back" and item.details["scope"] == seen.conditions.part and item.decision != "retry"
        for item in seen.items.values()
    )
    entries = [json.loads(line.text) for line in seen.ledger._book.audit.values()]
    done = any((each["kind"], each["key"]) == (kind, key) and each["action"].startswith("rollback.") for each in entries)
    return asked and done and staged.state is RecordState.HELD and (is_late or seen.conditions.part in staged.reason)


def _came_late(seen: Evidence, row: Row) -> bool:
    """Say whether the client it belongs to was made, or brought back by people, after the switch: whether it comes as well is asked."""
    link = seen.links.get(Ref("client", row["clientid"]))
    held = seen.account.records.get(link.dest_id) if link is not None else None
    return held is not None and (held.deeds[0].at > (seen.books.switched_at or 0.0) or _is_back_late(seen, held))


def _is_back_late(seen: Evidence, held: Held) -> bool:
    """Say whether people brought a record back after the switch, or so short before it that the feed told of it only afterwards."""
    theirs = [deed.action for deed in held.deeds if deed.actor == PERSON]
    is_unheard = theirs[-1:] == ["restore"] and seen.account.told_at(held.id) > seen.books.heard_at_switch
    return is_unheard or held.restored_at > (seen.books.switched_at or 0.0)


def _is_alone(seen: Evidence, row: Row, staged: Staged, *, is_late: bool) -> bool:
    """Say whether the client it belongs to is truly not there; `_record` asks why it is not."""
    client = Ref("client", row["clientid"])
    link = seen.links.get(client)
    if link is not None and seen.stands(link.dest_id) is not None:
        return False
    waits_for = {f"client:{client.key}", *({f"gone:{link.dest_id}"} if link is not None else ())}
    return is_late or (staged.state is RecordState.PARKED and staged.waiting_on in waits_for)


def _orphaned(seen: Evidence, kind: Kind, row: Row, held: Held) -> Iterator[str]:
    if kind == "client" or any(deed.actor == PERSON and PARENT_LINKS[kind] in deed.fields for deed in held.deeds):
        return
    parent = seen.links.get(Ref("client", row["clientid"]))
    stands = seen.stands(parent.dest_id) if parent is not None else None
    value = held.fields.get(PARENT_LINKS[kind])
    hangs_on = value if isinstance(value, list) else [value]
    if _is_held_late(seen, kind, str(row[f"{kind}id"])) and _were_homes(seen, kind, row) & {*hangs_on}:
        return      # whether it is to move with its client was asked after the switch, and nobody wanted it
    if _is_back_undone(seen, kind, str(row[f"{kind}id"]), held) and _were_homes(seen, kind, row) & {*hangs_on}:
        return      # its part was undone and stays so until somebody says otherwise: it is theirs, as they took it out of the trash
    if stands is not None and stands not in hangs_on:
        if PARENT_LINKS[kind] not in _in_dispute(seen, kind, str(row[f"{kind}id"])):
            yield f"hangs on {value}, its client is {stands}"


def _is_back_undone(seen: Evidence, kind: Kind, key: Key, held: Held) -> bool:
    """Say whether people brought back what we had removed with a part of the run that the queue holds open to be taken back."""
    staged = seen.staged.get((kind, key))
    was_removed = any((deed.actor, deed.action) == (PROGRAM, "delete") for deed in held.deeds) and held.is_brought_back
    return staged is not None and was_removed and _is_undone(seen, kind, key, staged, is_late=False)


def _were_homes(seen: Evidence, kind: Kind, row: Row) -> set[DestId]:
    """Name the contacts that are or were those of the clients it belonged to at any time."""
    versions = [each.row for each in seen.books.rows[kind, str(row[f"{kind}id"])] if each.row is not None]
    return {each for client in {str(each["clientid"]) for each in versions} for each in _were(seen, Ref("client", client))}


def _were(seen: Evidence, ref: Ref) -> set[DestId]:
    """Name the records of the destination that a source record is or was, as the book has it."""
    link = seen.links.get(ref)
    return {each.dest_id for each in _intents(seen, ref.kind, ref.key) if each.dest_id} | ({link.dest_id} if link is not None else set())


def _wrong(seen: Evidence, kind: Kind, key: Key, row: Row, held: Held) -> Iterator[str]:
    theirs = {name for deed in held.deeds if deed.actor == PERSON for name in deed.fields}
    if _is_held_late(seen, kind, key) and _is_back_late(seen, held):      # what the source said meanwhile was asked about
        before = [expected(kind, each.row) for each in seen.books.rows[kind, key] if each.row is not None]
        theirs |= {name for name, wanted in expected(kind, row).items() if any(each.get(name) != wanted for each in before)}
    decided = _decided_for_ours(seen, kind, key, row, held)
    asked = _in_dispute(seen, kind, key)
    for name, wanted in expected(kind, row).items():
        actual = held.fields.get(name)
        if not _holds(name, wanted, actual) and (name in decided or name not in theirs | asked):
            yield f"{name} is {actual!r}, the source says {wanted!r}{' and somebody took that' if name in decided else ''}"


def _decided_for_ours(seen: Evidence, kind: Kind, key: Key, row: Row, held: Held) -> set[str]:
    """Name the fields of which somebody took the source's value over the one that people had last put there."""
    found: dict[str, bool] = {}
    if content(row) != content(seen.books.now(kind, key)):
        return set()      # the source says something else by now
    for item in seen.asked_about(kind, key):
        name = str(item.details.get("field"))
        if item.cause == "conflict" and item.details.get("dest_id") == held.id and name in SCALARS:
            last = [deed.fields[name] for deed in held.deeds if deed.actor == PERSON and name in deed.fields][-1:]
            is_about = str(item.details.get("source")) == str(expected(kind, row).get(name)) and last == [item.details.get("destination")]
            found[name] = is_about and item.decision == "take"
    return {name for name, is_ours in found.items() if is_ours}


def _in_dispute(seen: Evidence, kind: Kind, key: Key) -> set[str]:
    """Name the fields of a record whose two values somebody was shown."""
    return {str(item.details.get("field")) for item in seen.asked_about(kind, key) if item.cause == "conflict"}


def expected(kind: Kind, row: Row) -> dict[str, Any]:
    """Give what of a row must be found in the destination, by field."""
    if kind == "client":
        return {"name": row["fullname"], "custom:Town": row["town"], "emails": row["email"]}
    if kind == "quote":
        outcome = {"Paid": "1-outcomes", "Dead": "2-outcomes"}.get(row["state"])
        return {"manualValue": row["amount"], "custom:Phase": row["phase"], **({"outcome": outcome} if outcome else {})}
    return {{"visit": "description", "remark": "body", "errand": "description"}[kind]: row["text"]}


def _holds(name: str, wanted: Any, actual: Any) -> bool:
    if name == "emails":
        return wanted in [each.get("value") for each in actual or []]
    if name in ("description", "body"):
        return any(line.strip() == wanted for line in str(actual or "").splitlines())
    return str(actual if actual is not None else "") == str(wanted)


# ------------------------------------------------------------------------------------------------ people's work


def _removed(seen: Evidence) -> Iterator[str]:
    """What people had made is never removed, also where they brought it back."""
    for dest_id, held in seen.account.records.items():
        if held.maker == PERSON and any((deed.action, deed.actor) == ("delete", PROGRAM) for deed in held.deeds):
            yield f"overwritten: {dest_id} is of people's own making, and was removed"


def _overwritten(seen: Evidence) -> Iterator[str]:
    """What a person wrote last into a field stands, or somebody was told what it was."""
    told = [
        str(item.details.get("destination")) for item in seen.items.values()
        if item.cause != "conflict" or item.decision == "take" or item.id.startswith("overwritten:")
    ]      # by any other question it was said that theirs stays
    for dest_id, held in seen.account.records.items():
        last: dict[str, Any] = {}
        for deed in held.deeds:
            if deed.actor == PERSON:
                last.update({name: value for name, value in deed.fields.items() if name in SCALARS})
        if held.is_gone and held.deeds[-1].actor == PROGRAM and last and dest_id not in _removable(seen):
            yield f"overwritten: {dest_id}, on which people worked, was removed"
        for name, value in last.items():
            if not held.is_gone and held.fields.get(name) != value and str(value) not in told:
                yield f"overwritten: {name} of {dest_id} is {held.fields.get(name)!r}; a person wrote {value!r}, and nobody was told"


def _removable(seen: Evidence) -> set[DestId]:
    """Name the records of which somebody said that they are to be removed though people worked on them."""
    return {str(item.details.get("dest_id")) for item in seen.items.values() if item.cause == "conflict" and item.decision == "remove"}


def _false_questions(seen: Evidence) -> Iterator[str]:
    for item in seen.items.values():
        if item.cause == "deleted_at_source" and item.state == "open":
            versions = seen.books.rows.get((item.kind, item.key), [])
            if all(version.row is not None for version in versions):
                yield f"unexplained: {item.kind} {item.key} is called deleted in the source, and never was"
        if item.cause == "after_freeze" and item.reason.startswith("written in the source"):
            if all(version.at <= (seen.books.frozen_at or 0.0) for version in seen.books.rows.get((item.kind, item.key), [])):
                yield f"unexplained: {item.kind} {item.key} is called written after the switch, and was not"


# ------------------------------------------------------------------------------------------------ undone


def _returned(seen: Evidence) -> Iterator[str]:
    """What was undone with a part of the run stays away until the source changes it, or somebody has it brought back."""
    if any(item.cause == "rolled_back" and item.decision == "retry" for item in seen.items.values()):
        return
    live = {marker_of(held): dest_id for dest_id, held in seen.account.records.items() if not held.is_gone}
    for intent in seen.ledger._book.intents.values():
        gone = seen.account.records.get(intent.dest_id or "")
        if intent.op is not Op.DELETE or intent.seq or intent.state is not IntentState.CONFIRMED or gone is None or not gone.is_gone:
            continue
        versions = seen.books.rows[intent.ref.kind, intent.ref.key]
        again = any(item.decision == "recreate" for item in seen.asked_about(intent.ref.kind, intent.ref.key))
        if (marker := marker_of(gone)) in live and len(versions) == 1 and not again:
            yield f"returned: {intent.ref.kind} {intent.ref.key} was undone and is {live[marker]} now, and nobody changed it"


def _undone(seen: Evidence) -> Iterator[str]:
    result = seen.ledger._book.settings.get("rollback:result") or {}
    listed = {str(each["id"]) for each in result.get("spared", ())}
    by_people = _touched(seen)
    doubles = {str(item.details.get("dest_id")) for item in seen.items.values() if item.cause == "doubled_marker"}     # told already
    for dest_id, held in seen.account.records.items():
        if held.maker == PROGRAM and not held.is_gone and not (dest_id in by_people or _carries(seen, dest_id)):
            yield f"not undone: {dest_id} ({marker_of(held)}) is still there, and nobody touched it"
        is_late = held.restored_at > (seen.books.undoing_at or 0.0)
        is_unheard = seen.account.told_at(dest_id) > seen.heard
        if held.is_brought_back and (is_late or is_unheard):
            continue      # behind the back of this rollback: theirs to know
        if held.maker == PROGRAM and not held.is_gone and dest_id not in listed | doubles:
            yield f"unexplained: {dest_id} ({marker_of(held)}) stayed, and the report does not say so"
        if held.maker == PERSON:
            if held.is_gone and held.deeds[-1].actor == PROGRAM:
                yield f"overwritten: {dest_id} was there before, and was removed"
            if not (held.is_brought_back and dest_id in doubles):      # given up for another one by decision, and told when it came back
                yield from _restored(dest_id, held)
        elif held.is_gone and held.deeds[-1].actor == PROGRAM and any(deed.actor == PERSON for deed in held.deeds):
            yield f"overwritten: {dest_id}, on which people worked, was removed"


def _touched(seen: Evidence) -> set[DestId]:
    """Name the records that people changed, merged others into, or moved by merging."""
    survivors = {held.into for held in seen.account.records.values() if held.into is not None}
    return {
        dest_id for dest_id, held in seen.account.records.items()
        if dest_id in survivors or survivors & set(_links(held)) or any(deed.actor == PERSON for deed in held.deeds)
    }


def _links(held: Held) -> list[DestId]:
    values = [value for name, value in held.fields.items() if name.startswith("link:")]
    return [each for value in values for each in (value if isinstance(value, list) else [value])]


def _carries(seen: Evidence, dest_id: DestId) -> bool:
    """Say whether records of people, or spared ones, hang on it."""
    return any(dest_id in _links(held) for held in seen.account.records.values() if not held.is_gone)


def _restored(dest_id: DestId, held: Held) -> Iterator[str]:
    """A record of theirs holds what people wrote, and nothing else."""
    theirs: dict[str, Any] = {}
    for deed in held.deeds:
        if deed.actor == PERSON:
            theirs.update(deed.fields)
    for name in {*theirs, *held.fields}:
        if name.startswith("link:") or held.is_gone:
            continue
        if (held.fields.get(name) or None) != (theirs.get(name) or None):
            yield f"not undone: {name} of {dest_id} is {held.fields.get(name)!r}, people had {theirs.get(name)!r}"
