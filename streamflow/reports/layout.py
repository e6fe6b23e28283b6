"""
Report data → parts of a page. Pure.

Any JSON-like data has a layout: lists of objects become tables, single values facts, other lists bullets, objects sections.
Tones are named by words and signs as well, so that no meaning rests on colour alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import orjson

from streamflow.reports.about import label
from streamflow.reports.rows import HELD, Rows
from streamflow.reports.tables import columns_of

MAX_ROWS: Final = HELD
_MAX_CHARS: Final = 400
_MAX_DEPTH: Final = 4
_FIGURE_CHARS: Final = 36
_WHOLE_CHARS: Final = 20
_AMOUNT: Final = re.compile(r"-?\d+\.\d\d")

_SAID: Final = {
    "good": frozenset({"equal", "normalised", "verified", "good", "already active", "holds"}),
    "warn": frozenset(
        {
            "lossy",
            "pending",
            "unreadable",
            "open",
            "attention",
            "to invite",
            "none yet",
            "unmatched",
            "fallback",
            "flagged",
            "parked",
            "held",
        }
    ),
    "bad": frozenset({"differs", "failed", "bad", "broken", "rejected"}),
}
_TONE_OF: Final = {word: tone for tone, words in _SAID.items() for word in words}
_JUDGED: Final = frozenset({"verdict", "verified", "state", "disposition", "status", "destination_team", "tone", "via"})
_YES_IS_GOOD: Final = frozenset({"sums", "accounted", "ok", "chain_intact", "explained"})
_YES_IS_WARN: Final = frozenset({"low", "blocking"})
_BAD_COUNTS: Final = frozenset({"differs", "failed", "orphans", "without_link", "unaccounted"})
_WARN_COUNTS: Final = frozenset({"flagged", "pending", "unreadable", "unmatched"})
_SIGNS: Final = {"good": "✓", "warn": "!", "bad": "✗", "": ""}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One value as shown."""

    text: str
    tone: str = ""  # good | warn | bad | ""
    is_number: bool = False

    @property
    def is_long(self) -> bool:
        """Whether it needs more room than a figure."""
        return len(self.text) > _FIGURE_CHARS

    @property
    def may_break(self) -> bool:
        """Whether a narrow column may break it, also within a word; short words and keys stay whole."""
        return not self.is_number and any(len(word) > _WHOLE_CHARS for word in self.text.split())

    @property
    def sign(self) -> str:
        """The tone as a sign, for people who see no colours and for paper."""
        return _SIGNS[self.tone]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """A table; *total* counts all rows, of which the first are here."""

    path: str
    title: str
    heads: tuple[tuple[str, bool], ...]  # (label, is a column of numbers)
    rows: tuple[tuple[Cell, ...], ...]
    total: int
    kind: str = "grid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Names with single values."""

    path: str
    title: str
    items: tuple[tuple[str, Cell], ...]
    kind: str = "facts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bullets:
    """A list of texts; empty says that there is nothing of the kind."""

    path: str
    title: str
    items: tuple[str, ...]
    total: int
    kind: str = "bullets"


Block: TypeAlias = Grid | Facts | Bullets


def blocks(data: Mapping[str, Any], *, path: str = "") -> Iterator[Block]:
    """Lay out *data* in its own order; single values of one object come together and first."""
    single = {name: value for name, value in data.items() if _is_single(value)}
    if single:
        yield _facts(path, single)
    depth = path.count(".") + 1 if path else 0
    for name, value in data.items():
        place = f"{path}.{name}" if path else str(name)
        if isinstance(value, Mapping):
            yield from _object(place, value, depth)
        elif not _is_single(value):
            yield _list(place, value)


def row_lists(data: Mapping[str, Any], *, path: str = "") -> Iterator[tuple[str, Sequence[Mapping[str, Any]]]]:
    """Give every list of objects with its path: what becomes CSV. Empty lists are given too."""
    for name, value in data.items():
        place = f"{path}.{name}" if path else str(name)
        if isinstance(value, Mapping):
            yield from row_lists(value, path=place)
        elif _is_rows(value):
            yield place, value


def _object(place: str, value: Mapping[str, Any], depth: int) -> Iterator[Block]:
    if not value:
        yield Bullets(path=place, title=label(place), items=(), total=0)
    elif _is_table(value):
        yield _grid(place, [{"": name, **each} for name, each in value.items()])
    elif depth < _MAX_DEPTH:
        yield from blocks(value, path=place)
    else:
        yield Bullets(path=place, title=label(place), items=(shown(value),), total=1)


def _list(place: str, value: Sequence[Any]) -> Block:
    if value and _is_rows(value):
        return _grid(place, value)
    return Bullets(path=place, title=label(place), items=tuple(shown(each) for each in value[:MAX_ROWS]), total=len(value))


def _facts(path: str, single: Mapping[str, Any]) -> Facts:
    items = tuple((label(str(name)), _cell(str(name), value)) for name, value in single.items())
    return Facts(path=path, title=label(path) if path else "", items=items)


def _grid(place: str, rows: Sequence[Mapping[str, Any]]) -> Grid:
    # A column that says nothing in any row shown takes room from those that do; JSON and CSV have it.
    names = [name for name in columns_of(rows) if any(shown(row.get(name)) for row in rows[:MAX_ROWS])]
    numbers = {name for name in names if _is_numeric(row.get(name) for row in rows[:MAX_ROWS])}
    return Grid(
        path=place,
        title=label(place),
        heads=tuple((label(name), name in numbers) for name in names),
        total=len(rows),
        rows=tuple(tuple(_cell(name, row.get(name)) for name in names) for row in rows[:MAX_ROWS]),
    )


def _cell(name: str, value: Any) -> Cell:
    return Cell(text=shown(value), tone=tone(name, value), is_number=_is_figure(value))


def tone(name: str, value: Any) -> str:
    """Judge a value by the column it stands in: good, warn, bad or nothing said."""
    if isinstance(value, bool):
        if name in _YES_IS_GOOD:
            return "good" if value else "bad"
        return "warn" if name in _YES_IS_WARN and value else ""
    if isinstance(value, int | float):
        return ("bad" if name in _BAD_COUNTS else "warn" if name in _WARN_COUNTS else "") if value else ""
    return _TONE_OF.get(str(value), "") if name in _JUDGED else ""


def shown(value: Any) -> str:
    """Say a value in a line for people; long ones are cut, the JSON has them whole."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.2f}".rstrip("0").rstrip(".")
    text = value if isinstance(value, str) else _said(value)
    return text if len(text) <= _MAX_CHARS else f"{text[: _MAX_CHARS - 1]}…"


def _said(value: Any) -> str:
    if isinstance(value, Mapping) and all(map(_is_single, value.values())):
        return ", ".join(f"{name}: {shown(each)}" for name, each in value.items() if each not in (None, ""))
    if isinstance(value, list | tuple) and all(map(_is_single, value)):
        return ", ".join(shown(each) for each in value)
    if isinstance(value, list | tuple) and all(isinstance(each, Mapping) for each in value):
        return "; ".join(shown(each) for each in value)
    return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS, default=str).decode()


def _is_table(value: Mapping[str, Any]) -> bool:
    """Say whether an object's values are lines of one table: objects with the same names and single values."""
    lines = list(value.values())
    return all(isinstance(each, Mapping) and each.keys() == lines[0].keys() and all(map(_is_single, each.values())) for each in lines)


def _is_single(value: Any) -> bool:
    return not isinstance(value, Mapping | list | tuple | Rows)


def _is_rows(value: Any) -> bool:
    return isinstance(value, Rows) or (isinstance(value, list | tuple) and all(isinstance(each, Mapping) for each in value))


def _is_numeric(values: Iterable[Any]) -> bool:
    held = [value for value in values if value is not None and value != ""]
    return bool(held) and all(map(_is_figure, held))


def _is_figure(value: Any) -> bool:
    """Say whether a value stands to the right: a number, or an amount, which is text so that no cent is lost. Keys are neither."""
    if isinstance(value, str):
        return _AMOUNT.fullmatch(value) is not None
    return isinstance(value, int | float) and not isinstance(value, bool)
