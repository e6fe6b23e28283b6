"""Numbers of a prospect: the first in the standard field, two further ones labelled, the rest not lost (LP-09, LP-10, LP-11)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from tests.judge import texts
from tests.judge.leadperfection import values
from tests.judge.leadperfection.telling import Telling, parted
from tests.judge.states import Row

_SLOTS = 2


def judge_phones(row: Row, contact: Row, told: Telling, *, is_joined: bool, shows_types: bool) -> Iterator[str]:
    """Yield what is wrong with the numbers of one prospect on its contact."""
    first = texts.present(row.get("phone1"))
    there = {texts.digits((each.get("value") or {}).get("E164")) for each in contact.get("phones") or ()}
    if first and values.phone(first) not in there and (not _is_told(first, told) or (values.is_sure(first) and not is_joined)):
        yield f"number {first} is not in the standard field (there: {sorted(there)})"
    for place, extra in enumerate(row.get("altphones") or (), start=1):
        number, kind = str(extra["phone"]), texts.present(extra.get("type")) if shows_types else ""
        if not texts.present(number) or values.bare_digits(number) == values.bare_digits(first):
            continue
        if place > _SLOTS or is_joined:
            if not _is_told(number, told):
                yield f"further number {place}, {number}, is lost"
        elif not (held := _slot(contact, place)[1]):
            yield f"further number {place}, {number}, is not in a field of its own"
        elif values.bare_digits(number) not in texts.digits(held):
            yield f"further number {place} is {held!r}, not {number}"
        else:
            yield from _label(held, place, number, kind)


def judge_slots(group: Sequence[Row], contact: Row, *, is_ghost: bool, edited: Callable[[str], bool]) -> Iterator[str]:
    """Yield fields of further numbers that hold none of the people behind the contact, or nothing although there are some."""
    known = {values.bare_digits(extra["phone"]) for row in group for extra in row.get("altphones") or () if texts.present(extra["phone"])}
    known -= {values.bare_digits(row.get("phone1")) for row in group}
    for place in range(1, _SLOTS + 1):
        label, held = _slot(contact, place)
        if edited(f"custom:{label or 'Additional Phone'}") or is_ghost:
            continue
        if held and not any(number in texts.digits(held) for number in known | {values.bare_digits(row.get("phone1")) for row in group}):
            yield f"{label} holds {held!r}, which is nobody's"
        elif not held and len(known) >= place:
            yield f"further number {place} is missing"


def _label(held: str, place: int, number: str, kind: str) -> Iterator[str]:
    """The label and the type stand before the number."""
    label = held[: held.find(number[:3])].strip()
    if not label or str(place) not in label:
        yield f"further number {place} has no label: {held!r}"
    elif kind and kind.casefold() not in label.casefold():
        yield f"further number {place} has lost its type {kind!r}: {held!r}"


def _slot(contact: Row, place: int) -> tuple[str, str]:
    for name, held in (contact.get("customFields") or {}).items():
        if {"phone", str(place)} <= set(parted(name)) and held:
            return name, str(held)
    return "", ""


def _is_told(number: str, told: Telling) -> bool:
    """Say whether a number is in any line, or as written."""
    bare = values.bare_digits(number)
    return texts.shows(told.text, number) or any(len(bare) > 0 and bare in texts.digits(line) for line in told.text.split("\n"))
