"""Other names in the ledger without a file: a record that goes by another key, a line of the crosswalk that another record has."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from streamflow.errors import InvariantBroken
from streamflow.model import UNSETTLED_INTENTS, Key, Kind, RecordState, Ref, name_of
from streamflow.store.change import Fold, MoveLink
from streamflow.store.memory_reading import Book
from streamflow.store.plan import Renaming
from streamflow.store.staging import Name


def rename(book: Book, change: Renaming) -> None:
    """Carry out one change of names; raises InvariantBroken where the book stands against it."""
    if isinstance(change, MoveLink):
        _move_link(book, change.old, change.new)
    elif isinstance(change, Fold):
        _fold(book, change.kind, change.old, change.into)
    else:
        _rekey(book, change.kind, change.old, change.new)


def _refuse(what: str) -> InvariantBroken:
    return InvariantBroken(f"{what}: unknown, taken or with a write under way", hint="nothing was written")


def _has_open_write(book: Book, names: Iterable[Name]) -> bool:
    wanted = set(names)
    return any((each.ref.kind, each.ref.key) in wanted and each.state in UNSETTLED_INTENTS for each in book.intents.values())


def _move_link(book: Book, old: Ref, new: Ref) -> None:
    link = book.links.get(old)
    if link is None or new in book.links or _has_open_write(book, [(old.kind, old.key), (new.kind, new.key)]):
        raise _refuse("copy link")
    _hand_over(book, old, new)


def _hand_over(book: Book, old: Ref, new: Ref) -> None:
    """Give line, verdicts and writes of a part to another."""
    _hand_over_line(book, old, new)
    for intent in [each for each in book.intents.values() if each.ref == old]:
        book.put(book.intents, intent.id, replace(intent, ref=new))


def _hand_over_line(book: Book, old: Ref, new: Ref) -> None:
    if (link := book.links.get(old)) is not None:
        book.drop(book.links, old)
        book.put(book.links, new, replace(link, ref=new))
    if (checks := book.checks.get(old)) is not None:
        book.drop(book.checks, old)
        book.put(book.checks, new, tuple(replace(check, ref=new) for check in checks))


def _rekey(book: Book, kind: Kind, old: Key, new: Key) -> None:
    held = book.records.get((kind, old))
    is_taken = (kind, new) in book.records or any((ref.kind, ref.key) == (kind, new) for ref in book.links)
    if held is None or is_taken or _has_open_write(book, [(kind, old), (kind, new)]):
        raise _refuse("rekey")
    book.drop(book.records, (kind, old))
    book.put(book.records, (kind, new), replace(held, staged=replace(held.staged, record=replace(held.staged.record, key=new))))
    for ref in _refs_of(book, kind, old):
        _hand_over(book, ref, Ref(kind, new, ref.part))
    _rekey_lookups(book, kind, old, new)
    _tell_others(book, kind, old, new)
    thing, now = name_of(kind, old), name_of(kind, new)
    if (number := book.wakes.get(thing)) is not None:
        book.drop(book.wakes, thing)
        book.put(book.wakes, now, number)


def _fold(book: Book, kind: Kind, old: Key, into: Key) -> None:
    is_there = old != into and {(kind, old), (kind, into)} <= book.records.keys()
    if not is_there or _has_open_write(book, [(kind, old), (kind, into)]):
        raise _refuse("fold")
    book.drop(book.records, (kind, old))
    book.drop(book.lookups, ("src", kind, old))
    taken = {ref.part for ref in book.links if (ref.kind, ref.key) == (kind, into)}
    for ref in _refs_of(book, kind, old):
        if (link := book.links.get(ref)) is not None and ref.part in taken:
            book.put(book.links, ref, replace(link, verified="verified"))
            _hand_over_line(book, ref, Ref(kind, into, f"{ref.part}~{link.dest_id}"))
        _hand_over(book, ref, Ref(kind, into, ref.part))
    _tell_others(book, kind, old, into)


def _refs_of(book: Book, kind: Kind, key: Key) -> list[Ref]:
    written = {each.ref for each in book.intents.values()}
    return [each for each in {*book.links, *written} if (each.kind, each.key) == (kind, key)]


def _rekey_lookups(book: Book, kind: Kind, old: Key, new: Key) -> None:
    book.drop(book.lookups, ("src", kind, new))
    if (known := book.lookups.get(("src", kind, old))) is not None:
        book.drop(book.lookups, ("src", kind, old))
        book.put(book.lookups, ("src", kind, new), replace(known, id=new))


def _tell_others(book: Book, kind: Kind, old: Key, new: Key) -> None:
    """Let records that wait for it, and items of the queue, name the other key."""
    thing, now = name_of(kind, old), name_of(kind, new)
    for name, held in list(book.records.items()):
        if held.staged.state is RecordState.PARKED and held.staged.waiting_on == thing:
            book.put(book.records, name, replace(held, staged=replace(held.staged, waiting_on=now)))
    for item in list(book.items.values()):
        if item.kind == kind and old in (item.key, item.details.get("now")):
            book.put(book.items, item.id, replace(item, details={**item.details, "now": new}))
