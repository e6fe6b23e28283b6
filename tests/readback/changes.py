"""
What becomes of a value: ways in which a platform loses or alters it, and ways that mean nothing.

A change is given the flat value of a field, a dice and what other records hold in that field; it answers the new value, or `NOT_HERE`
where it cannot be made. None is an empty field.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any, Final, TypeAlias

NOT_HERE: Final = object()
Change: TypeAlias = Callable[[Any, Random, Sequence[Any]], Any]
Place: TypeAlias = Callable[[str, Any], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way to change a value; *kinds* of destination records and *place* (field, value) say where."""

    name: str
    change: Change
    place: Place
    kinds: tuple[str, ...] = ("contacts", "leads", "notes", "activities", "tasks")


def _is_text(field: str, value: Any) -> bool:
    return isinstance(value, str) and not field.startswith("link:") and field not in ("activityType", "stageset")


def _is_block(field: str, value: Any) -> bool:
    return field in ("body", "description", "custom:Message") and isinstance(value, str)


def _is_custom(field: str, value: Any) -> bool:
    return field.startswith("custom:") and isinstance(value, str)


def _is_number(field: str, value: Any) -> bool:
    return field == "custom:Message" and isinstance(value, str) and value.replace(".", "", 1).isdecimal()


def _is_list(field: str, value: Any) -> bool:
    return field.startswith("link:") and isinstance(value, list) and bool(value)


def _named(*fields: str) -> Place:
    return lambda field, value: field in fields and value not in (None, "", [])


def _text(change: Callable[[str], str]) -> Change:
    """Change a text; not where nothing but space would change."""

    def changed(value: Any, dice: Random, others: Sequence[Any]) -> Any:
        new = change(value)
        return new if new.strip() and new.strip() != value.strip() else NOT_HERE

    return changed


def _words(change: Callable[[list[str], Random], list[str]]) -> Change:
    def changed(value: Any, dice: Random, others: Sequence[Any]) -> Any:
        words = str(value).split(" ")
        new = " ".join(change(list(words), dice)) if len(words) > 2 else value
        return new if new.split() != value.split() else NOT_HERE

    return changed


def _without_one(items: list[str], dice: Random) -> list[str]:
    items.pop(dice.randrange(1, len(items)))
    return items


def _two_exchanged(items: list[str], dice: Random) -> list[str]:
    at = dice.randrange(len(items) - 1)
    items[at], items[at + 1] = items[at + 1], items[at]
    return items


def _line_lost(value: Any, dice: Random, others: Sequence[Any]) -> Any:
    lines = value.split("\n")
    full = [place for place, line in enumerate(lines) if line.strip()]
    if len(full) < 2:
        return NOT_HERE
    lines.pop(dice.choice(full))
    return "\n".join(lines)


def _escaped_twice(text: str) -> str:
    return html.escape(html.escape(text, quote=False), quote=False)


def _moved(**span: int) -> Change:
    """Move a moment, a day or Unix seconds."""

    def changed(value: Any, dice: Random, others: Sequence[Any]) -> Any:
        by = dice.choice((-1, 1)) * timedelta(**span)
        if isinstance(value, int):
            return value + int(by.total_seconds())
        return (datetime.fromisoformat(value) + by).isoformat() if "T" in value else (date.fromisoformat(value) + by).isoformat()

    return changed


def _other(value: Any, dice: Random, others: Sequence[Any]) -> Any:
    found = [each for each in others if each not in (value, None, "", [])]
    return dice.choice(found) if found else NOT_HERE


def _item(change: Callable[[dict[str, Any], Random], dict[str, Any]]) -> Change:
    """Change one item of e-mails, phones or addresses."""

    def changed(value: Any, dice: Random, others: Sequence[Any]) -> Any:
        at = dice.randrange(len(value))
        return [change(dict(item), dice) if place == at else item for place, item in enumerate(value)]

    return changed


def _several(change: Callable[[list[dict[str, Any]], Random], list[dict[str, Any]]]) -> Change:
    return lambda value, dice, others: change([dict(item) for item in value], dice) if len(value) > 1 else NOT_HERE


def _first_moved(items: list[dict[str, Any]], dice: Random) -> list[dict[str, Any]]:
    return [{**item, "isPrimary": place == 1} for place, item in enumerate(items)]


def _mistyped(item: dict[str, Any], dice: Random) -> dict[str, Any]:
    at = dice.randrange(item["value"].index("@"))
    return {**item, "value": f"{item['value'][:at]}z9{item['value'][at + 1:]}"}


def _digit_changed(item: dict[str, Any], dice: Random) -> dict[str, Any]:
    at = dice.randrange(4, len(item["value"]))
    return {**item, "value": f"{item['value'][:at]}{(int(item['value'][at]) + 1) % 10}{item['value'][at + 1:]}"}


def _part(name: str, to: str) -> Callable[[dict[str, Any], Random], dict[str, Any]]:
    return lambda item, dice: {**item, "value": {**item["value"], name: to}}


def _lost(empty: Any) -> Change:
    return lambda value, dice, others: empty


def _utc(value: Any, dice: Random, others: Sequence[Any]) -> Any:
    return datetime.fromisoformat(value).astimezone(UTC).isoformat().replace("+00:00", "Z")


LOSSES: Final = (
    Way(name="a custom field is emptied", change=_lost(None), place=_is_custom),
    Way(name="a text is emptied", change=_lost(""), place=_named("body", "description", "title"), kinds=("notes", "activities", "tasks")),
    Way(name="a text is cut in half", change=_text(lambda text: text[: len(text) // 2]), place=_is_text),
    Way(name="the last sign is lost", change=_text(lambda text: text[:-1]), place=_is_text),
    Way(name="signs outside ASCII are lost", change=_text(lambda text: text.encode("ascii", "ignore").decode()), place=_is_text),
    Way(name="signs outside ASCII are question marks", change=_text(lambda text: text.encode("ascii", "replace").decode()),
        place=_is_text),
    Way(name="a text is read in another encoding", change=_text(lambda text: text.encode().decode("latin-1")), place=_is_text),
    Way(name="letters are of the other case", change=_text(str.swapcase), place=_is_text),
    Way(name="a word is lost", change=_words(_without_one), place=_is_text),
    Way(name="two words are exchanged", change=_words(_two_exchanged), place=_is_text),
    Way(name="words run together", change=_text(lambda text: text.replace(" ", "")), place=_is_text),
    Way(name="a line is lost", change=_line_lost, place=_is_block),
    Way(name="lines run together", change=_text(lambda text: text.replace("\n", "")), place=_is_block),
    Way(name="lines become one, with spaces", change=_text(lambda text: text.replace("\n", " ")), place=_is_block),
    Way(name="signs of HTML are escaped twice", change=_text(_escaped_twice), place=_is_text),
    Way(name="what looks like a tag is lost", change=_text(lambda text: text.replace("<", "").replace(">", "")), place=_is_text),
    Way(name="a moment is an hour off", change=_moved(hours=1), place=_named("custom:Original created at")),
    Way(name="a moment lost its zone", change=lambda value, dice, others: value[:-6] + "+00:00",
        place=_named("custom:Original created at")),
    Way(name="a day is one off", change=_moved(days=1), place=_named("custom:Original created")),
    Way(name="a time is an hour off", change=_moved(hours=1),
        place=_named("startTime", "endTime", "dueTime"), kinds=("activities", "tasks")),
    Way(name="a time is a day off", change=_moved(days=1),
        place=_named("startTime", "endTime", "dueTime"), kinds=("activities", "tasks")),
    Way(name="a number is rounded", change=lambda value, dice, others: f"{float(value):.0f}", place=_is_number),
    Way(name="an amount is a hundredfold", change=lambda value, dice, others: f"{float(value) * 100:.2f}", place=_is_number),
    Way(name="a yes is a no", change=lambda value, dice, others: not value, place=lambda field, value: isinstance(value, bool)),
    Way(name="e-mails are lost", change=_lost([]), place=_named("emails")),
    Way(name="one of several e-mails is lost", change=_several(lambda items, dice: items[:-1]), place=_named("emails")),
    Way(name="an e-mail is mistyped", change=_item(_mistyped), place=_named("emails")),
    Way(name="another e-mail comes first", change=_several(_first_moved), place=_named("emails")),
    Way(name="an e-mail is there twice in place of another",
        change=_several(lambda items, dice: [items[0], {**items[1], "value": items[0]["value"]}]), place=_named("emails")),
    Way(name="phones are lost", change=_lost([]), place=_named("phones")),
    Way(name="a digit of a phone is another", change=_item(_digit_changed), place=_named("phones")),
    Way(name="the first digits of a phone are lost",
        change=_item(lambda item, dice: {**item, "value": item["value"][-dice.choice((7, 8)):]}),
        place=_named("phones")),
    Way(name="a part of an address is lost", change=_item(_part("postalCode", "")), place=_named("addresses")),
    Way(name="a part of an address is another", change=_item(_part("city", "Elsewhere")), place=_named("addresses")),
    Way(name="the owner is another", change=lambda value, dice, others: "19-users", place=_named("link:owner")),
    Way(name="the owner is lost", change=_lost(None), place=_named("link:owner")),
    Way(name="it hangs on another record", change=_other,
        place=_named("link:parent", "link:relatedEntity", "link:contacts", "link:participants")),
    Way(name="it hangs on nothing", change=_lost([]), place=_is_list),
    Way(name="it has no parent", change=_lost(""), place=_named("link:parent", "link:relatedEntity")),
    Way(name="it is in another pipeline", change=lambda value, dice, others: "3-stagesets", place=_named("stageset")),
    Way(name="it is of another type", change=lambda value, dice, others: "5-activityTypes", place=_named("activityType")),
)
"""What a platform does to a value in a way that loses something."""

HARMLESS: Final = (
    Way(name="line ends are of the other sort", change=_text(lambda text: text.replace("\n", "\r\n") if "\n" in text else ""),
        place=_is_block),
    Way(name="spaces are doubled and added", change=lambda value, dice, others: value.replace(" ", "  ") + " \n", place=_is_text),
    Way(name="signs of HTML are escaped once", change=_text(lambda text: html.escape(text, quote=False)), place=_is_text),
    Way(name="an e-mail is in capitals", change=_item(lambda item, dice: {**item, "value": item["value"].upper()}),
        place=_named("emails")),
    Way(name="a list is in another order", change=_several(lambda items, dice: items[::-1]), place=_named("emails")),
    Way(name="a phone is in its national form", change=_item(lambda item, dice: {**item, "value": "0" + item["value"][3:]}),
        place=_named("phones")),
    Way(name="a moment is told in UTC", change=_utc, place=_named("custom:Original created at")),
    Way(name="an amount has more zeros", change=lambda value, dice, others: f"{value}0", place=_is_number),
    Way(name="somebody's address stands beside ours",
        change=lambda value, dice, others: [*value, {"name": "own", "value": "theirs@own.test", "isPrimary": False}],
        place=_named("emails")),
    Way(name="somebody's lines stand around ours", change=lambda value, dice, others: f"Before\n{value}\nAfter",
        place=_named("description")),
    Way(name="somebody else is there as well", change=lambda value, dice, others: list(dict.fromkeys([*value, *others[0]])),
        place=_named("link:contacts", "link:participants")),
)  # fmt: skip
"""What a platform does to a value without losing anything, or people add: no difference."""
