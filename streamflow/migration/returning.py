"""Records that a rollback of a part of the run keeps away, and how a person brings them back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from streamflow.ledger_names import UNDONE
from streamflow.mapping.pair import Pair
from streamflow.model import Disposition, QueueItem, RecordState, Ref
from streamflow.stages.planning import finish_of
from streamflow.store.base import Ledger
from streamflow.store.change import Change, Reopen

ROLLED_BACK: Final = "rolled_back"


def undone(scope: str) -> str:
    """Give the ground on which a record is held that a rollback of this scope undid."""
    return f"{UNDONE}{scope}"


def undone_item(plan: Mapping[str, Any]) -> QueueItem:
    """Keep the way back open: one item a rollback."""
    return QueueItem(
        id=f"{ROLLED_BACK}:{plan['scope']}:{plan.get('at', '')}", cause="rolled_back", kind="", key="", decisions=("retry", "waive"),
        reason=f"{plan['scope']} was undone; its records stay away until the source changes them", suggested="waive",
        details={"scope": plan["scope"]},
    )


async def kept_away(ledger: Ledger, scope: str, refs: Sequence[Ref]) -> dict[Ref, Sequence[Change]]:
    """Say what keeps source records from coming back once a rollback of *scope* has undone them."""
    found: dict[Ref, Sequence[Change]] = {}
    reason = f"undone by a rollback of {scope}; a change in the source brings it back"
    for kind in {ref.kind for ref in refs}:
        staged = await ledger.staged(kind, sorted({ref.key for ref in refs if ref.kind == kind}))
        for ref in refs:
            if ref.kind == kind and (each := staged.get(ref.key)) is not None:
                found[ref] = (
                    finish_of(each, state=RecordState.HELD, disposition=Disposition.FLAGGED, reason=reason, ground=undone(scope)),
                )
    return found


async def let_back(ledger: Ledger, pair: Pair, scope: str) -> list[Change]:
    """Let all records that a rollback of this scope undid run through the stages again."""
    changes: list[Change] = []
    for kind in pair.order:
        keys = [
            each.record.key async for page in ledger.every(kind) for each in page
            if each.state is RecordState.HELD and each.ground == undone(scope)
        ]
        if keys:
            changes.append(Reopen(kind=kind, keys=tuple(keys)))
    return changes
