"""The pinned requirements as they stand in their file. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

_NAME = re.compile(r"^(?P<name>[a-z0-9-]+)==(?P<version>[^\s;\\]+)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})\b")
_WANTED_BY = re.compile(r"^\s+#(?: via)?\s*(.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """One package: its version, the SHA-256 of each file it may come as, and who asks for it (a name, or "-r FILE": we do)."""

    name: str
    version: str
    hashes: tuple[str, ...]
    wanted_by: tuple[str, ...]

    @property
    def is_direct(self) -> bool:
        """Say whether the program itself asks for it."""
        return any(each.startswith("-r ") for each in self.wanted_by)


def pins_of(text: str) -> tuple[Pin, ...]:
    """Give the pins of a compiled file in their order. Raises ValueError for whatever is no pin with hashes."""
    found = []
    for entry in re.split(r"\n(?=\S)", text.strip()):
        named = _NAME.match(entry)
        hashes = tuple(_HASH.findall(entry))
        if named is None or not hashes or entry.count("--hash") != len(hashes):
            raise ValueError(f"no pin with its hashes: {entry.splitlines()[0]}")
        wanted = tuple(each for each in _WANTED_BY.findall(entry) if each)
        found.append(Pin(name=named["name"], version=named["version"], hashes=hashes, wanted_by=wanted))
    return tuple(found)
