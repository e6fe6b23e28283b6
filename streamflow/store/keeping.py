"""
What stays of a ledger when its migration is over and the personal data in it goes: a list of what stays, never one of what goes. Pure.

Rule 1: what is not named here goes, so that a new table, column, setting or entry of the audit holds nothing back that nobody thought of.
Rule 2: of the audit every entry stays, with who, when, what and which record. Its values and words go where they are not known to be ours;
its hash stays, so that the chain goes on over it, and the seal behind it (`store/audit.py`) shows that it stands as it was left.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson

from streamflow.ledger_names import CLOSED, DELTA_OPENED, IDENTITY, PHASE, PURGE, SWITCHED
from streamflow.store.audit import BARE, SEALED
from streamflow.store.codec import text_of

WHOLE: Final = frozenset({"*"})

COLUMNS: Final[Mapping[str, frozenset[str]]] = {
    "book": WHOLE,
    "tally": WHOLE,
    "shape": WHOLE,      # names of fields and verdicts, which the tally counts by
    "audit": WHOLE,      # entry by entry: see `bared`
    "record": frozenset({
        "id", "kind", "key", "seq", "parent", "state", "disposition", "missing", "touched", "first_seen", "last_seen",
    }),
    "link": frozenset({
        "id", "kind", "key", "part", "dest_kind", "dest_id", "ours", "verified", "shape", "phase", "written_at",
    }),
    "intent": frozenset({
        "n", "id", "kind", "key", "part", "op", "dest_kind", "dest_id", "seq", "state", "meant_at", "settled_at", "epoch", "ending",
    }),
    "item": frozenset({
        "n", "id", "cause", "kind", "key", "decisions", "suggested", "blocking", "state", "decision", "opened_at", "resolved_at",
        "resolved_by",
    }),
    "setting": WHOLE,    # setting by setting: see `kept_setting`
}
"""Table -> the columns whose values stay; of a table that is not here no row does."""

SETTINGS: Final = frozenset({PHASE, DELTA_OPENED, SWITCHED, CLOSED, PURGE})
ACCOUNTS: Final = ("migration.name", "source.platform", "source.base_url", "destination.platform", "destination.base_url")
"""Of the accounts a ledger joins: which they are, and not who signed in."""

WORDS: Final = frozenset({
    "cutover.requested", "cutover.switched", "delta.opened", "gate.map.confirmed", "map.proposed", "order.given", "order.more",
    "order.refused", "owners.checked", "phase", "purge.begun", "purge.done", SEALED, "queue.resolved", "read", "read.everything",
    "rollback.done", "rollback.requested", "settings.reloaded", "settings.taken", "verify", "watch.closed",
})
"""What the audit tells in words and numbers of ours alone, with no value of a record: these entries stay as they are."""


def kept_setting(name: str, value: Any) -> Any:
    """Give what stays of a setting, None for nothing."""
    if name == IDENTITY:
        return {key: held for key, held in value.items() if key in ACCOUNTS}
    return value if name in SETTINGS else None


def bared(text: str) -> str | None:
    """Give an entry of the audit without its values and words; None where it stays as it is."""
    held = orjson.loads(text)
    if held["action"] in WORDS or BARE in held or not (held["before"] is not None or held["after"] is not None or held["note"]):
        return None
    return text_of({**held, "before": None, "after": None, "note": "", BARE: True}, ordered=True)
