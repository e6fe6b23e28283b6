"""
What a rollback is to undo: the whole run, or a part of it that can be named.

`run` · `phase:NAME` (records that came to be in that phase) · `kind:KIND` (of the source or of the destination) · `record:KIND:KEY`
(one source record with all that belongs to it).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from streamflow.errors import UsageError
from streamflow.mapping.pair import Pair
from streamflow.migration.context import DEST_ORDER
from streamflow.migration.life import State
from streamflow.model import Key, Kind, Link
from streamflow.store.base import Ledger

WHOLE = "run"
WRITING_PHASES = (State.SAMPLE, State.BACKFILL, State.TAIL, State.CUTOVER, State.WATCH)
_HINT = "give run, phase:NAME, kind:KIND or record:KIND:KEY, for example record:lead:48213"

Wanted: TypeAlias = Callable[[Link], bool]


def everything(_link: Link) -> bool:
    """Want every link: the scope `run`."""
    return True


def checked(scope: str, pair: Pair) -> str:
    """Give the scope as it is written. Raises UsageError for one that is none; none at all is not taken for the whole run."""
    scope = scope.strip()
    word, _, name = scope.partition(":")
    if scope == WHOLE or (word == "record" and all(name.partition(":")[::2])):
        return scope
    known = {"phase": [each.value for each in WRITING_PHASES], "kind": sorted({*pair.order, *DEST_ORDER})}.get(word)
    if known is None:
        raise UsageError(f"the scope {scope!r} is not known", hint=_HINT)
    if name not in known:
        raise UsageError(f"the scope {scope!r} names no {word}", hint=f"known: {', '.join(known)}")
    return scope


async def accepted(ledger: Ledger, pair: Pair, scope: str) -> str:
    """Give the scope as it is written, as `checked` does. Raises UsageError for one that is none, or names a record that nobody knows."""
    scope = checked(scope, pair)
    word, _, name = scope.partition(":")
    if word == "record":
        kind, _, key = name.partition(":")
        await _look_up(ledger, kind, key)
    return scope


async def wanted_by(ledger: Ledger, pair: Pair, scope: str) -> Wanted:
    """Give the test by which a scope picks lines of the crosswalk. Raises UsageError for a scope that is none, or a record nobody knows."""
    word, _, name = checked(scope, pair).partition(":")
    match word:
        case "phase":
            return lambda link: link.phase == name
        case "kind":
            return lambda link: name in (link.ref.kind, link.dest_kind)
        case "record":
            kind, _, key = name.partition(":")
            refs = await _with_children(ledger, pair, kind, key)
            return lambda link: (link.ref.kind, link.ref.key) in refs
    return everything


async def _look_up(ledger: Ledger, kind: Kind, key: Key) -> None:
    if not await ledger.staged(kind, [key]):
        raise UsageError(f"no {kind} record has the key {key}", hint=_HINT)


async def _with_children(ledger: Ledger, pair: Pair, kind: Kind, key: Key) -> set[tuple[Kind, Key]]:
    await _look_up(ledger, kind, key)
    found, to_look_at = {(kind, key)}, [(kind, key)]
    while to_look_at:
        parent_kind, parent = to_look_at.pop()
        for child in pair.hanging_on(parent_kind):
            fresh = {(child, each.record.key) for each in await ledger.children(child, parent)} - found
            found |= fresh
            to_look_at += fresh
    return found
