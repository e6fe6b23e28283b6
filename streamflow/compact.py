"""Many names with a small number each, where a dict of texts would hold a hundred bytes a name."""

from __future__ import annotations

from array import array
from hashlib import blake2b
from typing import Final

MAX_NUMBER: Final = 2**32 - 1
_FIRST_SIZE: Final = 1024
_FULL: Final = 0.65


class Numbers:
    """
    Name -> number, in 12 bytes a place; a name is known by 64 bits of its hash, so two of a million are taken for one with 3e-8.

    Names without a number have 0. The same names give the same hashes in every process.
    """

    __slots__ = ("_count", "_hashes", "_mask", "_numbers")

    def __init__(self) -> None:
        self._make(_FIRST_SIZE)

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, name: str) -> int:
        return self._numbers[self._place(_hash(name))]

    def __setitem__(self, name: str, number: int) -> None:
        """Give a name its number, from 0 to MAX_NUMBER."""
        if self._count >= (self._mask + 1) * _FULL:
            self._grow()
        self._put(_hash(name), number)

    def _make(self, size: int) -> None:
        self._hashes = array("Q", [0]) * size
        self._numbers = array("I", [0]) * size
        self._mask = size - 1
        self._count = 0

    def _place(self, wanted: int) -> int:
        place = wanted & self._mask
        while (held := self._hashes[place]) and held != wanted:
            place = (place + 1) & self._mask
        return place

    def _put(self, wanted: int, number: int) -> None:
        place = self._place(wanted)
        self._count += not self._hashes[place]
        self._hashes[place] = wanted
        self._numbers[place] = number

    def _grow(self) -> None:
        hashes, numbers = self._hashes, self._numbers
        self._make(2 * (self._mask + 1))
        for wanted, number in zip(hashes, numbers, strict=True):
            if wanted:
                self._put(wanted, number)


def _hash(name: str) -> int:
    return int.from_bytes(blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest()) or 1
