"""
What a field holds: nothing, a value, or the items of a list; and which items of two lists are the same, by one rule for all who ask.

Rule: each item is found in one of its own. Two numbers that differ in their extension alone may count as one, and are still two.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

Same: TypeAlias = Callable[[str, Any, Any], bool]
"""
Says whether two values of the named field are the same after the destination's own normalisation; the one that was meant first, then the
one that is there: it may read as the destination writes it.
"""

_NUMBER: Final = re.compile(r"[\d\s()+./-]*(?:(?:x|ext\.?)\s*\d+)?")


def is_blank(value: Any) -> bool:
    """Say whether a field holds nothing."""
    return value is None or (isinstance(value, str) and not value.strip()) or value in ([], {}, ())


def listed(value: Any) -> list[Any]:
    """Give a value as a list; what is blank has no items."""
    if is_blank(value):
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]


def unranked(item: Any) -> Any:
    """Give an item of a list as it is wherever it stands: whether it comes first is no part of it."""
    return {**item, "isPrimary": False} if isinstance(item, Mapping) else item


def paired(field: str, items: Sequence[Any], there: Sequence[Any], same: Same) -> dict[int, int]:
    """
    Find items of a list in another one, first or not: the place of each that is there, and the place where it is.

    Those that are equal are found first, then those under another label or in another spelling, then those that the destination calls the
    same.
    """
    found: dict[int, int] = {}
    plain, left = [unranked(item) for item in items], {place: unranked(item) for place, item in enumerate(there)}
    rules: tuple[Callable[[Any, Any], bool], ...] = (
        lambda one, other: bool(one == other),
        lambda one, other: bool(_spelt(one) == _spelt(other)),
        lambda one, other: same(field, [one], [other]),
    )
    for is_same in rules:
        for place, item in enumerate(plain):
            match = next((other for other, each in left.items() if is_same(item, each)), None) if place not in found else None
            if match is not None:
                found[place] = match
                del left[match]
    return found


def shared(field: str, items: Any, there: Any, same: Same) -> list[Any]:
    """Give those items of a list that another one holds as well."""
    held = listed(items)
    return [held[place] for place in sorted(paired(field, held, listed(there), same))]


def lacking(field: str, items: Any, there: Any, same: Same) -> list[Any]:
    """Give those items of a list that another one does not hold."""
    held = listed(items)
    found = paired(field, held, listed(there), same)
    return [item for place, item in enumerate(held) if place not in found]


def _spelt(item: Any) -> Any:
    """Give what an item says, whatever its label, its case and the punctuation of its number."""
    value = item.get("value") if isinstance(item, Mapping) else item
    if isinstance(value, Mapping):
        return tuple(sorted((str(name), str(part).strip().casefold()) for name, part in value.items() if part))
    text = str(value).strip().casefold()
    digits = "".join(char for char in text if char.isdigit() or char == "x") if _NUMBER.fullmatch(text) else ""
    return digits or text
