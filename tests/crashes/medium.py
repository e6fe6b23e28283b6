"""
What is surely on the disk after some operations, and what a power cut may make of the rest.

The rules, which are weaker than those of any file system in use, so that what holds here holds there:
- What was done to a file before its last sync is there, and each name as it was at the last sync of the folder.
- Each sector of 512 bytes is whole, and as it was at some moment since the file's last sync: no order binds one sector to another.
- The size is as it was at some moment since then too, whichever data are there; what was never written reads as zeros, or as rubbish.
- Names come, go and move in order if they are the same name, else in any; a move is whole.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Sequence

from .operations import Ack, Cut, FolderSync, Moved, Named, Naming, Op, Removed, State, Sync, Write, names_of

SECTOR = 512
PAGE = 4096          # in which a system's cache is written back
WAYS = ("lost", "all", "order", "sectors", "pages", "moments", "but-one", "one")
"""How a cut treats the unsynced data of a file; see `_moments`."""

Change = Write | Cut


class Medium:
    """A disk with a cache before it, which operations are done to one after the other."""

    def __init__(self, state: State) -> None:
        self._names = {name: number for number, name in enumerate(sorted(state))}
        self._sure = {number: state[name] for name, number in self._names.items()}
        self._loose: dict[int, list[Change]] = defaultdict(list)
        self._loose_names: list[Naming] = []

    @property
    def is_settled(self) -> bool:
        """Say whether a cut can change nothing."""
        return not self._loose_names and not any(self._loose.values())

    def take(self, op: Op) -> None:
        """Do one more operation."""
        match op:
            case Write() | Cut():
                self._loose[op.file].append(op)
            case Sync():
                self._sure[op.file] = applied(self._sure.get(op.file, b""), self._loose.pop(op.file, []))
            case FolderSync():
                self._names = _renamed(self._names, self._loose_names)
                self._loose_names = []
            case Named() | Removed() | Moved():
                self._loose_names.append(op)
            case Ack():
                pass

    def names(self) -> dict[str, int]:
        """Give the number of each file as a running system sees it."""
        return _renamed(self._names, self._loose_names)

    def whole(self) -> State:
        """Give the files as a running system sees them: what the end of a process leaves."""
        return {name: applied(self._sure.get(file, b""), self._loose[file]) for name, file in self.names().items()}

    def cut(self, dice: random.Random) -> tuple[str, State]:
        """Draw one of the states that a power cut may leave, and the way it was drawn."""
        way = dice.choice(WAYS)
        names = _renamed(self._names, _kept(self._loose_names, dice))
        return way, {name: self._drawn(file, way, dice) for name, file in names.items()}

    def _drawn(self, file: int, way: str, dice: random.Random) -> bytes:
        sure, loose = self._sure.get(file, b""), self._loose[file]
        return drawn(sure, loose, way, dice) if loose else sure


def applied(content: bytes, changes: Sequence[Change]) -> bytes:
    """Give a file after all of *changes*."""
    held = bytearray(content)
    for change in changes:
        if isinstance(change, Cut):
            del held[change.size :]
            held.extend(bytes(max(0, change.size - len(held))))
        else:
            held.extend(bytes(max(0, change.at - len(held))))
            held[change.at : change.at + len(change.data)] = change.data
    return bytes(held)


def drawn(content: bytes, changes: Sequence[Change], way: str, dice: random.Random) -> bytes:
    """Give a file as it may be when none of *changes* is synced."""
    sizes = [len(content)]
    for change in changes:
        sizes.append(change.size if isinstance(change, Cut) else max(sizes[-1], change.at + len(change.data)))
    most = max(sizes)
    fill = dice.randbytes if dice.random() < 0.2 else bytes
    held = bytearray(content) + fill(most - len(content))
    unit, moment = _moments(changes, way, dice)
    for number, change in enumerate(changes):
        at, data = (change.size, bytes(most - change.size)) if isinstance(change, Cut) else (change.at, change.data)
        end = at + len(data)
        for place in range(at // unit, -(-end // unit)):
            if moment(place) > number:
                start, stop = max(at, place * unit), min(end, (place + 1) * unit)
                held[start:stop] = data[start - at : stop - at]
    return bytes(held[: _size(sizes, way, dice)])


def _size(sizes: Sequence[int], way: str, dice: random.Random) -> int:
    if way == "lost" and dice.random() < 0.5:
        return sizes[0]
    return sizes[-1] if way != "lost" and dice.random() < 0.7 else dice.choice(sizes)


def _moments(changes: Sequence[Change], way: str, dice: random.Random) -> tuple[int, Callable[[int], int]]:
    """
    Answer a size of units, and for the number of a unit how many of *changes* had happened when it reached the disk last.

    "order" is a disk that keeps order, torn within its last write; "sectors" and "pages" reach the disk as at last or not at all,
    "moments" at any time; "but-one" and "one" leave out, or bring, a single page.
    """
    last = len(changes)
    if way in ("lost", "all"):
        return PAGE << 12, lambda _: last if way == "all" else 0
    if way == "order":
        upto = dice.randrange(last + 1)
        return SECTOR, _remembered(lambda _: upto + dice.randrange(2))
    if way == "moments":
        return SECTOR, _remembered(lambda _: dice.randrange(last + 1))
    if way in ("one", "but-one"):
        change = dice.choice([change for change in changes if isinstance(change, Write)] or [Write(file=0, at=0, data=b"")])
        unit = dice.choice((SECTOR, PAGE))
        chosen = (change.at + dice.randrange(len(change.data) or 1)) // unit
        return unit, lambda number: last if (number == chosen) == (way == "one") else 0
    share = dice.choice((0.05, 0.5, 0.95))
    return SECTOR if way == "sectors" else PAGE, _remembered(lambda _: last if dice.random() < share else 0)


def _remembered(draw: Callable[[int], int]) -> Callable[[int], int]:
    held: dict[int, int] = {}

    def moment(unit: int) -> int:
        if unit not in held:
            held[unit] = draw(unit)
        return held[unit]

    return moment


def _renamed(names: dict[str, int], changes: Sequence[Naming]) -> dict[str, int]:
    held = dict(names)
    for change in changes:
        match change:
            case Named():
                held[change.name] = change.file
            case Removed():
                held.pop(change.name)
            case Moved():
                held[change.to] = held.pop(change.name)
    return held


def _kept(changes: Sequence[Naming], dice: random.Random) -> list[Naming]:
    share, kept, held_up = dice.choice((0.0, 0.5, 1.0)), list[Naming](), set[str]()
    for change in changes:
        if names_of(change) & held_up or dice.random() < share:
            held_up |= names_of(change)
        else:
            kept.append(change)
    return kept
