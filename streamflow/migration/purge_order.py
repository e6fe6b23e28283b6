"""An order to purge the personal data of a migration: what it must find in the ledger, and what is said of one that was purged."""

from __future__ import annotations

from collections.abc import Mapping

from streamflow.errors import DoesNotFit
from streamflow.ledger_names import CLOSED, PHASE, ROLLBACK
from streamflow.migration.life import State
from streamflow.store.base import Ledger

BEGUN, STRIPPED, DONE = "begun", "stripped", "done"
"""How far a purge came: ordered; the ledger's values are out; no byte of them is left in its file, and the other files are gone."""


async def refuse_unless_over(ledger: Ledger) -> None:
    """Raise DoesNotFit unless nothing of this migration is carried out any more, and its audit holds."""
    stored = await ledger.setting(PHASE)
    state = State(stored["state"]) if stored else State.PROBE
    if state is not State.ROLLED_BACK:
        if await ledger.setting(ROLLBACK) is not None:
            raise DoesNotFit("a rollback is ordered and not done", hint="let it end first: start the daemon, and see `status`")
        if state is not State.DONE or await ledger.setting(CLOSED) is None:
            hint = "a purge comes last: once the window after the switch has closed, or the whole run was rolled back"
            raise DoesNotFit(f"the migration is not over: it is in {state}", hint=hint)
    _, broken = await ledger.verify_audit()
    if broken is not None:
        hint = "find out why; `audit export FILE` keeps the audit as it is, and then the state directory can be deleted as a whole"
        raise DoesNotFit(f"the audit is broken at entry {broken}, and a purge would hide what was done to it", hint=hint)


def refusal(purge: Mapping[str, str]) -> DoesNotFit:
    """Give the error for whoever wants more of a ledger whose purge was begun."""
    if purge["step"] == DONE:
        said = f"the personal data of this migration was purged at {purge['at']} by {purge['by']}: nothing of it goes on any more"
        return DoesNotFit(
            f"{said}, and nothing can be rolled back or read back",
            hint="`audit verify` and `audit export` still work; another migration needs another migration.state_dir",
        )
    said = f"a purge of this migration was begun at {purge['at']} by {purge['by']} and has not ended"
    return DoesNotFit(said, hint="`streamflow purge --confirm NAME` ends it")
