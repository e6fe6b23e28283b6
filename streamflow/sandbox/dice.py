"""Chance that repeats itself: hashes, dice and decks of cards, all of them pure functions of a seed.

A *deck* is how a data problem gets an exact share. A deck of 25 cards with two cards "couple" is dealt anew, in another
order, to each run of 25 leads; so every run of 25 holds exactly two couples, and nothing has to be remembered.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from typing import TypeVar

T = TypeVar("T")

_MASK = 0xFFFFFFFFFFFFFFFF


def mix(*parts: int) -> int:
    """Hash integers to 64 bits; the same on every machine and version of Python."""
    state = 0x9E3779B97F4A7C15
    for part in parts:
        state = ((state ^ part) * 0xBF58476D1CE4E5B9) & _MASK
        state ^= state >> 29
        state = (state * 0x94D049BB133111EB) & _MASK
        state ^= state >> 32
    return state


@cache
def salt(name: str) -> int:
    """Give the number that keeps the dice of *name* apart from all other dice."""
    return zlib.crc32(name.encode())


@lru_cache(maxsize=1024)
def _luck(seed: int, deck: int, run: int) -> int:
    # neighbours ask for the same run again and again; the bound keeps big accounts small
    return mix(seed, deck, run)


class Dice:
    """A stream of choices for one thing (say: the address of lead 17); the order of calls matters, time does not."""

    __slots__ = ("_state",)

    def __init__(self, seed: int, what: str, *numbers: int) -> None:
        self._state = mix(seed, salt(what), *numbers)

    def below(self, limit: int) -> int:
        """Give a number from 0 to *limit* - 1."""
        self._state = (self._state * 6364136223846793005 + 1442695040888963407) & _MASK
        return (self._state >> 33) % limit

    def between(self, low: int, high: int) -> int:
        """Give a number from *low* to *high*, both included."""
        return low + self.below(high - low + 1)

    def share(self) -> float:
        """Give a number from 0.0 up to, and without, 1.0."""
        return self.below(1 << 31) / (1 << 31)

    def one_in(self, count: int) -> bool:
        """Answer True once in *count* throws on average."""
        return self.below(count) == 0

    def pick(self, options: Sequence[T]) -> T:
        """Give one of *options*, all alike likely."""
        return options[self.below(len(options))]


class Deck:
    """Cards dealt without gaps: each full run of `size` ordinals holds each card exactly as often as the deck does."""

    __slots__ = ("_salt", "_steps", "cards", "shares", "size")

    def __init__(self, name: str, shares: Mapping[str, int]) -> None:
        self.shares = dict(shares)
        self.cards = tuple(card for card, count in shares.items() for _ in range(count))
        self.size = len(self.cards)
        self._salt = salt(name)
        self._steps = tuple(step for step in range(1, self.size + 1) if math.gcd(step, self.size) == 1)

    def deal(self, seed: int, ordinal: int) -> str:
        """Give the card of the *ordinal*-th thing (from 0)."""
        run, place = divmod(ordinal, self.size)
        luck = _luck(seed, self._salt, run)
        step = self._steps[luck % len(self._steps)]
        return self.cards[(place * step + (luck >> 20)) % self.size]

    def run_of(self, ordinal: int) -> int:
        """Give the number of the run (from 0) that the *ordinal*-th thing belongs to."""
        return ordinal // self.size
