"""An order for a rollback, whether a daemon takes it or nobody runs: what it must find, and what keeps it in the ledger."""

from __future__ import annotations

from streamflow.errors import DoesNotFit
from streamflow.ledger_names import CAPABILITIES, PAUSED, ROLLBACK
from streamflow.migration.leftovers import BEGUN
from streamflow.migration.life import AFTER_A_PART, CAN_ROLL_BACK, State
from streamflow.migration.own_fields import MEANT
from streamflow.migration.scopes import WHOLE
from streamflow.store.base import Ledger
from streamflow.store.change import Change, PutSetting

ALREADY_ROLLED_BACK = "already_rolled_back"
ALREADY_ORDERED = "already_ordered"


async def standing(ledger: Ledger, *, scope: str, state: State) -> str:
    """
    Say whether an order of this *scope* can be taken in this *state*: "" when it can, else why it needs not be taken any more.

    Raises DoesNotFit where nothing can be undone, only the whole run can, or another scope is being undone: that is never taken for it.
    """
    if state is State.ROLLED_BACK:
        return ALREADY_ROLLED_BACK
    if (held := await ledger.setting(ROLLBACK)) is not None:
        if held["scope"] != scope:
            hint = "this one can follow once it is over: see `status`, or start the daemon where none runs"
            raise DoesNotFit(f"a rollback of {held['scope']} is under way", hint=hint)
        return ALREADY_ORDERED
    if state not in CAN_ROLL_BACK or not await is_written_to(ledger):
        raise DoesNotFit("nothing has been written yet", hint=f"the migration is in {state}; see `status`")
    if scope != WHOLE and state not in AFTER_A_PART:
        raise DoesNotFit(f"in {state} only the whole run can be undone", hint="leave --scope out, or wait for the tail")
    return ""


async def is_written_to(ledger: Ledger) -> bool:
    """
    Say whether anything may have been written to the destination: a custom field, a record of the probes, or one of the run.

    Each is noted before it is sent, so a start that was cut short counts as well, by what it may have made.
    """
    for noted in (MEANT, BEGUN, CAPABILITIES):     # the last is what probes found, which write
        if await ledger.setting(noted) is not None:
            return True
    return any((await ledger.intent_counts()).values())


async def ordered(ledger: Ledger, *, scope: str, by: str, at: str, state: State) -> tuple[Change, ...]:
    """
    Give what keeps the order, *at* as `iso` writes it, in the *state* it came to.

    A pause ends with it, so that a start right behind it does not stand still; of an operator's it is kept for when a part is undone.
    """
    plan = {"scope": scope, "by": by, "at": at, "asked_in": state.value, "paused": await ledger.setting(PAUSED)}
    return PutSetting(name=ROLLBACK, value=plan), PutSetting(name=PAUSED, value=None)
