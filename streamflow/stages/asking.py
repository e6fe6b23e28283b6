"""
Asking a source for what belongs to some records, several at once: what one of them never answers is that one's affair.

Rule: an error that could be everybody's is a gap of one parent only where another one was answered; else it is raised, and nothing is read.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field, replace

import anyio

from streamflow.errors import (
    NotFound,
    NotObeyed,
    PlatformUnavailable,
    ProtocolMismatch,
    QuestionRefused,
    StreamflowError,
    Unreachable,
)
from streamflow.model import Key, Kind, Page
from streamflow.platforms.source import Source, Stream
from streamflow.store.base import Ledger

ASKED_IN_ALL = 3     # times for the rows of one parent, where what came does not keep to the contract: a slip is no lie
OTHERS = 3     # so many other parents are asked whether anybody is answered at all

GoneParents = Callable[[Sequence[Key]], Awaitable[Collection[Key]]]
"""Names those of the given parents that a complete pass over their own list does not show any more."""


@dataclass(slots=True)
class _Answers:
    """What came of asking for the rows of some parents."""

    pages: dict[Key, Page] = field(default_factory=dict)
    refused: dict[Key, Page] = field(default_factory=dict)
    away: dict[Key, StreamflowError] = field(default_factory=dict)     # no answer, or none that can be read, however often it was asked


async def ask_for(
    source: Source, ledger: Ledger, stream: Stream, parents: Sequence[Key], *, vanished: GoneParents | None
) -> list[tuple[Key, Page]]:
    """Give a page for each parent: one that could not be read is a gap. Raises what is not the affair of single parents."""
    found = await _asked(source, stream.kind, parents)
    if found.away and not found.pages and not found.refused and not await _is_anybody_answered(source, ledger, stream, parents):
        raise next(iter(found.away.values()))
    gone = await vanished(tuple(found.refused)) if found.refused and vanished is not None else ()
    pages = found.pages | {parent: replace(page, gaps=()) if parent in gone else page for parent, page in found.refused.items()}
    pages |= {parent: _gap(stream.kind, error) for parent, error in found.away.items()}
    return [(parent, pages[parent]) for parent in parents]


async def _asked(source: Source, kind: Kind, parents: Sequence[Key]) -> _Answers:
    found = _Answers()

    async def one(parent: Key) -> None:
        try:
            found.pages[parent] = await _children(source, kind, parent)
        except (NotFound, QuestionRefused) as error:
            found.refused[parent] = _gap(kind, error)
        except (Unreachable, NotObeyed):     # nobody's single affair
            raise
        except (PlatformUnavailable, ProtocolMismatch) as error:
            found.away[parent] = error

    async with anyio.create_task_group() as group:
        for parent in parents:
            group.start_soon(one, parent)
    return found


async def _children(source: Source, kind: Kind, parent: Key) -> Page:
    for _ in range(ASKED_IN_ALL - 1):
        try:
            return await source.children(kind, parent)
        except (QuestionRefused, NotObeyed):
            raise
        except ProtocolMismatch:
            continue
    return await source.children(kind, parent)


async def _is_anybody_answered(source: Source, ledger: Ledger, stream: Stream, besides: Sequence[Key]) -> bool:
    keys = await ledger.keys(stream.parent, limit=len(besides) + OTHERS) if stream.parent is not None else ()
    others = [key for key in keys if key not in besides][:OTHERS]
    found = await _asked(source, stream.kind, others)
    return bool(found.pages or found.refused)


def _gap(kind: Kind, error: StreamflowError) -> Page:
    return Page(kind=kind, records=(), next=None, gaps=(error.message,))
