"""
What stays of a ledger when its migration is over and the personal data in it goes: a list of what stays, never one of what goes. Pure.

Rule 1: what is not named here goes, so that a new table, column, setting or entry of the audit holds nothing back that nobody thought of.
Rule 2: which record became which stays, by ids. A key that is no id, as where a list knows people by their names, or that is made of a
name, is replaced by a word that is the same wherever this key stood and that nobody can lead back to it.
Rule 3: of the audit every entry stays, with who, when, what and which record. Its values and words go where they are not known to be ours;
its hash stays, so that the chain goes on over it, and the seal behind it (`store/audit.py`) shows that it stands as it was left.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson

from streamflow.ledger_names import CLOSED, DELTA_OPENED, IDENTITY, PHASE, PURGE, SWITCHED
from streamflow.store.audit import BARE, SEALED
from streamflow.store.codec import text_of

_ID: Final = re.compile(r"(?!c[0-9a-f]{12}$)(?=.*\d)[A-Za-z0-9_#.-]{1,64}")     # the first: a company's, a digest of its name
_FIRST: Final = re.compile(r"^[\w/.-]+")
STAND_IN: Final = "stand_in"
"""The function of SQL that gives a key, or the word that stands in for it."""
_KEY: Final = {"key": f"{STAND_IN}(key)"}


def _same(*columns: str) -> dict[str, str]:
    return {column: column for column in columns}


WHOLE: Final = frozenset({"book", "tally", "shape"})
"""Tables that stay as they are: they hold numbers, kinds, names of fields and verdicts."""
COLUMNS: Final[Mapping[str, Mapping[str, str]]] = {
    "record": {
        **_same("id", "kind", "seq", "state", "disposition", "missing", "touched", "first_seen", "last_seen"), **_KEY,
        "parent": f"{STAND_IN}(parent)",
    },
    "link": {**_same("id", "kind", "part", "dest_kind", "dest_id", "ours", "verified", "shape", "phase", "written_at"), **_KEY},
    "intent": {
        **_same("n", "id", "kind", "part", "op", "dest_kind", "dest_id", "seq", "state", "meant_at", "settled_at", "epoch", "ending"),
        **_KEY,
    },
    "item": {
        **_same("n", "cause", "kind", "blocking", "state", "opened_at", "resolved_at", "resolved_by"), **_KEY,
        "id": "n",                                                     # it named the record by its key
        "decision": "substr(decision, 1, instr(decision || ':', ':') - 1)",     # without the record it may name
    },
}
"""Table -> column -> what stays of it, as SQL; columns that are not here are emptied. Tables that are nowhere here are emptied too."""

ACCOUNTS: Final = ("migration.name", "source.platform", "source.base_url", "destination.platform", "destination.base_url")
_SETTINGS: Final[Mapping[str, tuple[str, ...]]] = {IDENTITY: ACCOUNTS, PHASE: ("state", "since")}
"""Settings of which a part stays: of the accounts that were joined, not who signed in; of the last phase, not why."""
SETTINGS: Final = frozenset({DELTA_OPENED, SWITCHED, CLOSED, PURGE})

_OF_EACH: Final = ("seq", "at", "actor", "action", "kind", "key", "dest_id", BARE)
_NOTE, _AFTER, _OWN_KEY, _FIRST_WORD = "note", "after", "key", "first word"
ENTRIES: Final[Mapping[str, frozenset[str]]] = {
    action: frozenset(parts) for actions, parts in {
        ("delta.opened", "read", "read.everything", "gate.map.confirmed", "map.proposed", "owners.checked", "settings.taken",
         "settings.reloaded", "cutover.requested"): (_NOTE,),
        ("cutover.switched", SEALED, "purge.begun", "purge.done", "order.more"): (_NOTE, _AFTER),
        ("phase",): ("before", _AFTER),
        ("verify",): (_AFTER,),
        ("order.given", "order.refused", "rollback.requested"): (_FIRST_WORD,),
        ("rollback.done",): (_AFTER, _FIRST_WORD),
        ("field.meant", "field.defined"): (_OWN_KEY, _NOTE),
        ("field.left_out", "probe.meant", "probe.made", "probe.removed"): (_OWN_KEY,),
    }.items() for action in actions
}  # fmt: skip
"""Action -> what stays of an entry of the audit beside who, when and which record: words and numbers of ours, never a value of a record."""


def stand_in(secret: bytes) -> Callable[[str | None], str | None]:
    """Give the function `STAND_IN`; without its *secret*, which nobody keeps, a word of it does not lead back to the key."""

    def of(key: str | None) -> str | None:
        if not key or _ID.fullmatch(key):
            return key
        return f"~{hashlib.sha256(secret + key.encode()).hexdigest()[:16]}"

    return of


def kept_setting(name: str, value: Any) -> Any:
    """Give what stays of a setting, None for nothing."""
    if name in _SETTINGS:
        return {key: held for key, held in value.items() if key in _SETTINGS[name]}
    return value if name in SETTINGS else None


def kept_entry(text: str, key: Callable[[str | None], str | None]) -> str:
    """Give what stays of an entry of the audit, as text; *key* gives what stands for a key."""
    held = orjson.loads(text)
    stays = ENTRIES.get(held["action"], frozenset())
    left = {name: held[name] for name in _OF_EACH if name in held}
    left |= {name: held[name] if name in stays else empty for name, empty in (("before", None), ("after", None), ("note", ""))}
    if _FIRST_WORD in stays:
        left["note"] = "".join(_FIRST.findall(held["note"])[:1])
    if _OWN_KEY not in stays:
        left["key"] = key(held["key"])
    return text if left == held else text_of({**left, BARE: True}, ordered=True)
