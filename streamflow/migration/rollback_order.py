"""What keeps an order for a rollback in the ledger, whether a daemon takes it or nobody runs."""

from __future__ import annotations

from streamflow.migration.life import State
from streamflow.store.base import Change, Ledger, PutSetting


async def ordered(ledger: Ledger, *, scope: str, by: str, at: str, state: State) -> tuple[Change, ...]:
    """
    Give what keeps the order, *at* as `iso` writes it, in the *state* it came to.

    A pause ends with it, so that a start right behind it does not stand still; of an operator's it is kept for when a part is undone.
    """
    plan = {"scope": scope, "by": by, "at": at, "asked_in": state.value, "paused": await ledger.setting("operator:paused")}
    return PutSetting(name="rollback", value=plan), PutSetting(name="operator:paused", value=None)
