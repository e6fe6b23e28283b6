"""
The rows of a report, however many: the first ones in memory, the others in a file without a name.

Rule: what is added is what its JSON says, so that page, table and JSON show the same.
"""

from __future__ import annotations

import os
import tempfile
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final, TypeAlias, overload

import orjson

HELD: Final = 500  # rows kept in memory: as many as a page shows
_PIECE_BYTES: Final = 1 << 18
_OPTIONS: Final = orjson.OPT_NON_STR_KEYS

Row: TypeAlias = Mapping[str, Any]


class Rows(Sequence[Row]):
    """A list of objects that only grows. Its file has no name, is private, and goes with the object."""

    def __init__(self, rows: Iterable[Row] = ()) -> None:
        self._held: list[Row] = []
        self._columns: dict[str, None] = {}
        self._count = 0
        self._file = -1
        self.extend(rows)

    @property
    def columns(self) -> list[str]:
        """Every column that any row has, in the order in which they first turned up."""
        return list(self._columns)

    def append(self, row: Row) -> None:
        """Add one row."""
        self.extend((row,))

    def extend(self, rows: Iterable[Row]) -> None:
        """Add rows; raises OSError when the disk refuses."""
        waiting: list[bytes] = []
        for row in rows:
            text = orjson.dumps(row, option=_OPTIONS, default=str)
            self._columns.update(dict.fromkeys(map(str, row)))
            self._count += 1
            if len(self._held) < HELD:
                self._held.append(orjson.loads(text))
                continue
            waiting.append(text)
            if len(waiting) >= HELD:
                self._spill(waiting)
        self._spill(waiting)

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Row]:
        yield from self._held
        for line in self._lines():
            yield orjson.loads(line)

    @overload
    def __getitem__(self, place: int) -> Row: ...

    @overload
    def __getitem__(self, place: slice) -> list[Row]: ...

    def __getitem__(self, place: int | slice) -> Row | list[Row]:
        if isinstance(place, slice):
            start, stop, step = place.indices(self._count)
            if step > 0 and stop <= len(self._held):
                return self._held[start:stop:step]
            return list(islice(self, start, stop, step)) if step > 0 else list(self)[place]
        if place < 0:
            place += self._count
        if not 0 <= place < self._count:
            raise IndexError(place)
        return next(islice(self, place, None))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Rows | list | tuple):
            return NotImplemented
        return len(self) == len(other) and all(one == two for one, two in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<Rows {self._count}>"

    def _spill(self, lines: list[bytes]) -> None:
        if not lines:
            return
        if self._file < 0:
            with tempfile.TemporaryFile(buffering=0) as opened:
                self._file = os.dup(opened.fileno())
            weakref.finalize(self, os.close, self._file)
        rest = memoryview(b"\n".join(lines) + b"\n")
        while rest:
            rest = rest[os.write(self._file, rest) :]
        lines.clear()

    def _lines(self) -> Iterator[bytes]:
        place, tail = 0, b""
        while self._file >= 0 and (piece := os.pread(self._file, _PIECE_BYTES, place)):
            place += len(piece)
            *whole, tail = (tail + piece).split(b"\n")
            yield from whole
