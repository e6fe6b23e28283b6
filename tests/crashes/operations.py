"""What is done to the files of a folder, as values. A file is a number, since its name may come and go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

State: TypeAlias = Mapping[str, bytes]
"""The files of the folder by name, as they are found after a crash."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    file: int
    at: int
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    file: int
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sync:
    """Everything done to this file so far is on the disk, its name apart."""

    file: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    file: int
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed:
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    name: str
    to: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderSync:
    """Every name given, taken or moved so far is on the disk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ack:
    """The ledger answered: what it was told is kept from here on. *seen* are digests of the files as they were then, to compare."""

    turn: int
    seen: Mapping[str, str]


Op: TypeAlias = Write | Cut | Sync | Named | Removed | Moved | FolderSync | Ack
Naming: TypeAlias = Named | Removed | Moved


def names_of(op: Naming) -> frozenset[str]:
    """Give the names an operation is about."""
    return frozenset((op.name, op.to)) if isinstance(op, Moved) else frozenset((op.name,))
