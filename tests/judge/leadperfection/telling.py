"""What a destination record tells: its custom fields and the labelled lines of texts, and whether a value is among them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.judge import texts
from tests.judge.leadperfection import values

_LINE = re.compile(r"^(\S[^:\n]{0,60}):(?: (.*))?$")
_SHORT = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """Values under labels, and the text they were found in."""

    labelled: tuple[tuple[str, str], ...]
    text: str

    def says(self, value: object, label: str = "") -> bool:
        """
        Say whether a value is told: under a label with one of the words of *label*, or, if it is long enough, to the letter anywhere.

        A date, an amount or a yes may be written another way where it has a label.
        """
        wanted = texts.lines_of(str(value))
        words = set(texts.words(label))
        for name, held in self.labelled:
            if words & set(texts.words(name)) and (values.same(wanted, held) or _line_of(wanted, held)):
                return True
        return len(wanted) >= _SHORT and not _is_number(wanted) and texts.holds(self.text, wanted)

    def under(self, *words: str) -> list[str]:
        """Give all values whose label has all of these words."""
        return [held for name, held in self.labelled if set(words) <= set(parted(name))]


def telling(fields: Mapping[str, Any] | None, bodies: Iterable[str]) -> Telling:
    """Read custom fields and texts; a field of details is a text, line by line."""
    filled = {name: held for name, held in (fields or {}).items() if held not in (None, "", [])}
    told = [(name, _shown(held)) for name, held in filled.items() if not is_details(name)]
    whole = [*bodies, *(_shown(held) for name, held in filled.items() if is_details(name))]
    for body in whole:
        told += _lines(body)
    return Telling(labelled=tuple(told), text="\n".join([*(held for _, held in told), *whole]))


def parted(label: str) -> list[str]:
    """Give the words of a label, those of "Additional_Phone_1__c" too."""
    return [word for word in re.split(r"[\W_]+", label.casefold()) if word]


def is_details(label: str) -> bool:
    """Say whether a custom field holds lines that have no field of their own."""
    return parted(label)[-1:] == ["details"]


def _shown(held: Any) -> str:
    return "\n".join(str(each) for each in held) if isinstance(held, list) else str(held)


def _lines(body: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    is_open = False
    for line in body.split("\n"):
        if is_open and line.startswith("  "):
            label, value = found[-1]
            found[-1] = (label, f"{value}\n{line.strip()}")
        elif match := _LINE.match(line):
            found.append((match[1], match[2] or ""))
            is_open = True
        else:
            is_open = False
    return found


def _line_of(wanted: str, held: str) -> bool:
    """Say whether *held* is a list of which one line or part is *wanted*."""
    return any(values.same(wanted, part) for part in re.split(r"[\n;]|,\s", held))


def _is_number(text: str) -> bool:
    return values.amount(text) is not None or values.day(text) is not None
