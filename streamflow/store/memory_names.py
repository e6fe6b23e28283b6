"""Other names in the ledger without a file: a record that goes by another key, a line of the crosswalk that another record has."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from streamflow.errors import InvariantBroken
from streamflow.model import Key, Kind, RecordState, Ref
from streamflow.store.base import MoveLink, Rekey
from streamflow.store.memory_reading import Book
from streamflow.store.plan import SETTLEABLE
from streamflow.store.staging import Name


def rename(book: Book, change: Rekey | MoveLink) -> None:
    """Carry out one change of names; raises InvariantBroken where the book stands against it."""
    if isinstance(change, MoveLink):
        _move_link(book, change.old, change.new)
    else:
        _rekey(book, change.kind, change.old, change.new)


def _refuse(what: str) -> InvariantBroken:
    return InvariantBroken(f"{what}: unknown, taken or with a write under way", hint="nothing was written")


def _has_open_write(book: Book, names: Iterable[Name]) -> bool:
    wanted = set(names)
    return any((each.ref.kind, each.ref.key) in wanted and each.state in SETTLEABLE for each in book.intents.values())


def _move_link(book: Book, old: Ref, new: Ref) -> None:
    link = book.links.get(old)
    if link is None or new in book.links or _has_open_write(book, [(old.kind, old.key), (new.kind, new.key)]):
        raise _refuse("copy link")
    _hand_over(book, old, new)


def _hand_over(book: Book, old: Ref, new: Ref) -> None:
    """Give line, verdicts and writes of a part to another."""
    if (link := book.links.get(old)) is not None:
        book.drop(book.links, old)
        book.put(book.links, new, replace(link, ref=new))
    if (checks := book.checks.get(old)) is not None:
        book.drop(book.checks, old)
        book.put(book.checks, new, tuple(replace(check, ref=new) for check in checks))
    for intent in [each for each in book.intents.values() if each.ref == old]:
        book.put(book.intents, intent.id, replace(intent, ref=new))


def _rekey(book: Book, kind: Kind, old: Key, new: Key) -> None:
    held = book.records.get((kind, old))
    is_taken = (kind, new) in book.records or any((ref.kind, ref.key) == (kind, new) for ref in book.links)
    if held is None or is_taken or _has_open_write(book, [(kind, old), (kind, new)]):
        raise _refuse("rekey")
    book.drop(book.records, (kind, old))
    book.put(book.records, (kind, new), replace(held, staged=replace(held.staged, record=replace(held.staged.record, key=new))))
    written = {each.ref for each in book.intents.values()}
    for ref in [each for each in {*book.links, *written} if (each.kind, each.key) == (kind, old)]:
        _hand_over(book, ref, Ref(kind, new, ref.part))
    _rekey_around(book, kind, old, new)


def _rekey_around(book: Book, kind: Kind, old: Key, new: Key) -> None:
    """Tell look-ups, records that wait for it, and the queue."""
    book.drop(book.lookups, ("src", kind, new))
    if (known := book.lookups.get(("src", kind, old))) is not None:
        book.drop(book.lookups, ("src", kind, old))
        book.put(book.lookups, ("src", kind, new), replace(known, id=new))
    thing, now = f"{kind}:{old}", f"{kind}:{new}"
    for name, held in list(book.records.items()):
        if held.staged.state is RecordState.PARKED and held.staged.waiting_on == thing:
            book.put(book.records, name, replace(held, staged=replace(held.staged, waiting_on=now)))
    if (number := book.wakes.get(thing)) is not None:
        book.drop(book.wakes, thing)
        book.put(book.wakes, now, number)
    for item in list(book.items.values()):
        if item.kind == kind and old in (item.key, item.details.get("now")):
            book.put(book.items, item.id, replace(item, details={**item.details, "now": new}))
