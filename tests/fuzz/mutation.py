"""
Many odd values for little time: mutants of examples that were drawn once.

Drawing an example costs far more than most parsers take for it. Here some hundreds are drawn, and each value fed is one of them with a few
places changed: texts and bytes cut, doubled and stuffed, values put in each other's places. What a place may hold is learnt from the
examples, so that mutants stay what a target is fed with: where only few different values stand, such as names of kinds, nothing else does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, TypeAlias

from tests.fuzz.target import HARD

Path: TypeAlias = tuple[Hashable, ...]
_FEW = 40          # different values of a place, up to which it takes no other ones
_KNOWN = 4         # dicts at a place that have a key, from which on its values are a place of their own
_EDITS = (1, 1, 1, 2, 2, 3, 5)
_LONGEST = 20_000  # letters or bytes of one value: doubling must not make a fuzzer slow
_HARD_BYTES = tuple(each.encode() for each in HARD)


@dataclass(slots=True)
class _Place:
    """What stands at one place of the examples."""

    seen: list[Any] = field(default_factory=list)
    keys: frozenset[Any] = frozenset()         # of dicts: those that have a place of their own
    needed: frozenset[Any] = frozenset()       # of dicts: those that each one has
    is_open: bool = False                      # of texts: other ones may stand there as well


class Mutator:
    """Makes mutants of examples, the same ones for the same dice."""

    def __init__(self, examples: Sequence[Any], dice: Random) -> None:
        self._dice = dice
        self._places: dict[Path, _Place] = {}
        self._closed = _closed(examples)
        self._examples = [(self._group(each), each) for each in examples]
        for group in dict.fromkeys(name for name, _ in self._examples):
            self._learn([each for name, each in self._examples if name == group], (group,))

    def mutant(self) -> Any:
        """Give an example with a few places changed."""
        group, value = self._dice.choice(self._examples)
        for _ in range(self._dice.choice(_EDITS)):
            value = self._changed(value, (group,))
        return value

    def _group(self, example: Any) -> Hashable:
        """Name what an example is of: the values that only stand together with others like it."""
        return tuple(repr(example[place]) for place in self._closed) if isinstance(example, tuple) else ""

    # --- learning

    def _learn(self, values: Sequence[Any], path: Path) -> None:
        place = self._places[path] = _Place(seen=list(values))
        texts = {each for each in values if isinstance(each, str)}
        place.is_open = len(texts) > _FEW or (len(path) == 1 and bool(texts))
        dicts = [each for each in values if isinstance(each, dict)]
        counted = Counter(key for each in dicts for key in each)
        place.keys = frozenset(key for key, count in counted.items() if count >= _KNOWN)
        place.needed = frozenset(key for key, count in counted.items() if count == len(dicts))
        inner: dict[Hashable, list[Any]] = {}
        for each in values:
            for name, value in _children(each, place.keys):
                inner.setdefault(name, []).append(value)
        for name, below in inner.items():
            self._learn(below, (*path, name))

    # --- changing

    def _changed(self, value: Any, path: Path) -> Any:
        place = self._places.get(path) or _Place(seen=[value])
        dice = self._dice
        if isinstance(value, tuple):
            return self._tuple(value, path)
        if isinstance(value, dict | list) and value and dice.random() < 0.7:
            return self._below(value, path, place)
        if dice.random() < 0.25:
            return dice.choice(place.seen)
        if isinstance(value, dict):
            return self._dict(value, place)
        if isinstance(value, list):
            return self._list(value, place)
        if isinstance(value, str) and place.is_open:
            return _letters_only(self._text(value, _of(str, place), HARD, chr(dice.choice((0, 9, 10, 13, 34, 44, dice.randrange(0xD800))))))
        if isinstance(value, bytes):
            return self._text(value, _of(bytes, place), _HARD_BYTES, bytes((dice.randrange(256),)))
        return dice.choice(place.seen)

    def _tuple(self, value: tuple[Any, ...], path: Path) -> tuple[Any, ...]:
        free = [at for at in range(len(value)) if len(path) > 1 or at not in self._closed]
        if not free:
            return value
        at = self._dice.choice(free)
        return (*value[:at], self._changed(value[at], (*path, at)), *value[at + 1 :])

    def _below(self, value: Any, path: Path, place: _Place) -> Any:
        if isinstance(value, dict):
            key = self._dice.choice(list(value))
            return {**value, key: self._changed(value[key], (*path, _name(key, place.keys)))}
        at = self._dice.randrange(len(value))
        return [*value[:at], self._changed(value[at], (*path, "[]")), *value[at + 1 :]]

    def _dict(self, value: dict[Any, Any], place: _Place) -> dict[Any, Any]:
        spare = [key for key in value if key not in place.needed]
        if spare and self._dice.random() < 0.5:
            gone = self._dice.choice(spare)
            return {key: each for key, each in value.items() if key != gone}
        other = self._dice.choice(_of(dict, place))
        if not other:
            return value
        key = self._dice.choice(list(other))
        return {**value, key: other[key]}

    def _list(self, value: list[Any], place: _Place) -> list[Any]:
        at = self._dice.randrange(len(value) + 1)
        other = self._dice.choice(_of(list, place))
        return self._dice.choice((
            lambda: value[:at] + value[at + 1 :], lambda: value[:at] + value[at - 1 : at] + value[at:], lambda: value[:at] + other[:3],
        ))()

    def _text(self, value: Any, others: Sequence[Any], hard: Sequence[Any], one: Any) -> Any:
        """Change letters or bytes."""
        dice = self._dice
        at, upto = sorted((dice.randrange(len(value) + 1), dice.randrange(len(value) + 1)))
        near = min(upto, at + dice.randrange(1, 9))
        other = dice.choice(others)
        cut = dice.randrange(len(other) + 1)
        ways: tuple[Callable[[], Any], ...] = (
            lambda: value[:at] + value[near:], lambda: value[:at] + one + value[near:], lambda: value[:at] + one + value[at:],
            lambda: value[:at] + value[at:near] * 2 + value[near:], lambda: value[:at] + dice.choice(hard) + value[near:],
            lambda: value[:at] + other[cut:], lambda: value[:upto] + value[at:],
        )
        return dice.choice(ways)()[:_LONGEST]


def _closed(examples: Sequence[Any]) -> frozenset[int]:
    """Give the places of tuples at which few different values stand: names that others hang on."""
    tuples = [each for each in examples if isinstance(each, tuple)]
    if not tuples or len(tuples) < len(examples):
        return frozenset()
    columns = list(zip(*tuples, strict=True))
    plain = (str, int, bool, type(None))
    return frozenset(
        at for at, column in enumerate(columns)
        if all(isinstance(each, plain) for each in column) and len({repr(each) for each in column}) <= _FEW
    )


def _children(value: Any, keys: frozenset[Any]) -> Iterable[tuple[Hashable, Any]]:
    if isinstance(value, dict):
        return [(_name(key, keys), each) for key, each in value.items()]
    if isinstance(value, list):
        return [("[]", each) for each in value]
    return list(enumerate(value)) if isinstance(value, tuple) else []


def _name(key: Hashable, keys: frozenset[Any]) -> Hashable:
    return ("key", key) if key in keys else "*"


def _of(kind: type, place: _Place) -> Sequence[Any]:
    return [each for each in place.seen if isinstance(each, kind)] or [kind()]


def _letters_only(text: str) -> str:
    """Leave out halves of letters, which no encoded text has."""
    return "".join(letter for letter in text if not 0xD800 <= ord(letter) <= 0xDFFF)
