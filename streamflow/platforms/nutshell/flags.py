"""What this Nutshell account can do: one typed object, filled by probes, overridable by the operator (nutshell.md 11)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from streamflow.errors import ConfigError
from streamflow.platforms.spec_table import LONGEST_S

ENTITIES = ("accounts", "contacts", "leads")
PATH_BY_NAME = "/{e}/0/{name}"
PATH_UNDER_CUSTOM = "/{e}/0/customFields/{name}"
_FAMILIES: dict[str, tuple[str, ...]] = {
    "text": ("String", "Text"), "long": ("Text", "LongText"), "choice": ("Enum", "Decision"),
    "date": ("Date",), "money": ("Currency",), "number": ("Number", "String"),
}  # fmt: skip
NOT_USED: Mapping[str, str] = {
    "batch_create_max": "every record is one call, and what became of it is known by itself; of several in one nobody could tell",
    "account_extra_fields": "revenue and number of employees are in neither source; a map may write custom fields",
    "file_upload": "no call for it is documented; files are archived and told by a note",
    "rpc_new_email": "nobody knows how newEmail dates and attaches; e-mails become activities or notes",
    "legacy_id": "the source's id stands in the custom field Streamflow ID, which lists can be searched for",
    "teams_rest": "teams are read by JSON-RPC, which is documented",
    "create_users": "users cost seats: they are matched or asked for, never made",
}
"""Capabilities of the contract on which the migration does not depend, and why: there is nothing to switch."""


def _ladder() -> dict[str, dict[str, tuple[str, ...]]]:
    return {entity: dict(_FAMILIES) for entity in ENTITIES}


@dataclass(frozen=True, slots=True, kw_only=True)
class Flags:
    """Defaults are the safe assumptions; nobody else asks "what can Nutshell do"."""

    search_lag_s: float = 60.0
    late_commit_s: float = 30.0                                     # how long after we gave up a write may still be carried out
    timeout_s: float = 60.0                                         # our patience with one write
    multi_get_max: int = 50
    multi_get_kinds: dict[str, int] = field(default_factory=dict)   # kinds for which another number was measured
    multi_delete: bool = False
    impersonation: bool = False                                     # until the probe saw the author it asked for
    cf_type_map: dict[str, dict[str, tuple[str, ...]]] = field(default_factory=_ladder)   # entity -> family -> type names to try, in order
    cf_patch_path: str = PATH_BY_NAME
    cf_value_forms: str = "strings"              # strings | typed
    phone_value_form: str = "string"             # string | object
    contact_name_patch: bool = True
    lead_requires_contact: bool = True
    lead_due_form: str = "object"                # object | int | string
    lead_stage_write: str = "none"               # patch | rpc | none; until the probe saw a stage change
    team_owner: bool = False
    owner_filled: tuple[str, ...] = ENTITIES     # kinds of which one made for nobody gets an owner; until the probe saw that it gets none
    activity_backdate: bool = True
    activity_participants: tuple[str, ...] = ("users", "contacts", "leads", "accounts")
    activity_delete: str = "rpc"                 # rpc | none
    note_backdate: bool = False
    note_edit: str = "none"                      # rpc_24h | none
    note_max_chars: int = 30_000
    long_text_max_chars: int = 0                 # what a long custom field keeps whole; 0 until the probe saw it: notes are written instead
    task_body_form: str = "flat"                 # flat | tasks | data
    task_assignee_filled: bool = True            # a task made for nobody gets an assignee; until the probe saw that it gets none
    tasks_patch_media: str = "json-patch+json"   # json-patch+json | json
    task_complete: bool = False
    payload_custom_fields: bool = False          # record payloads (REST and events) carry customFields
    rpc_find_custom_fields: bool = True          # JSON-RPC find* answers with whole records, 100 a page
    rpc_methods: tuple[str, ...] | None = None   # by the service description; None: not known, then each may be tried

    def with_(self, values: Mapping[str, Any]) -> Flags:
        """
        Give these flags with some replaced; names that begin with "_" are remarks and passed over.

        Raises ConfigError that lists every unknown name and every value out of range.
        """
        known = {f.name for f in fields(self)}
        faults = [_unknown(name) for name in values if not name.startswith("_") and name not in known]
        changes: dict[str, Any] = {}
        for name, value in values.items():
            if name in known:
                try:
                    changes[name] = _read(name, getattr(self, name), value)
                except (ValueError, TypeError) as error:
                    faults.append(f"flag {name}: {error}")
        if faults:
            raise ConfigError(faults, hint="see the list of capability flags")
        return replace(self, **changes)

    def as_json(self) -> dict[str, Any]:
        """Give all values in a form JSON can hold; `with_` reads it back."""
        return asdict(self)

    def multi_get(self, kind: str) -> int:
        """Give how many ids one GET of this kind may name."""
        return max(1, self.multi_get_kinds.get(kind, self.multi_get_max))

    def has_rpc(self, method: str) -> bool:
        """Say whether a JSON-RPC method exists as far as is known."""
        return self.rpc_methods is None or method in self.rpc_methods


def _unknown(name: str) -> str:
    if name in NOT_USED:
        return f"flag {name}: nothing depends on it, leave it out ({NOT_USED[name]})"
    return f"flag {name}: there is no such flag"


def _one_of(*allowed: str) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if value not in allowed:
            raise ValueError(f"must be one of {', '.join(allowed)}")
        return str(value)

    return read


def _type_map(value: Any) -> dict[str, dict[str, tuple[str, ...]]]:
    if not isinstance(value, Mapping) or not all(isinstance(families, Mapping) for families in value.values()):
        raise ValueError("must be a table entity -> family -> list of type names")
    found = _ladder()
    for entity, families in value.items():
        if entity not in ENTITIES:
            raise ValueError(f"entities are {', '.join(ENTITIES)}")
        for family, names in families.items():
            found[entity][str(family)] = _names(names)
    return found


def _names(value: Any) -> tuple[str, ...]:
    if isinstance(value, str) or not all(isinstance(name, str) for name in value):
        raise ValueError("must be a list of names")
    return tuple(value)


def _kinds(value: Any) -> dict[str, int]:
    if not isinstance(value, Mapping):
        raise ValueError("must be a table kind -> number")
    return {str(kind): _whole(number) for kind, number in value.items()}


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError("must be a whole number above zero")
    return value


def _whole_or_none(value: Any) -> int:
    return 0 if value == 0 and not isinstance(value, bool) else _whole(value)


_SPECIAL: dict[str, Callable[[Any], Any]] = {
    "cf_type_map": _type_map,
    "multi_get_kinds": _kinds,
    "cf_patch_path": _one_of(PATH_BY_NAME, PATH_UNDER_CUSTOM),
    "cf_value_forms": _one_of("strings", "typed"),
    "phone_value_form": _one_of("string", "object"),
    "long_text_max_chars": _whole_or_none,
    "lead_due_form": _one_of("object", "int", "string"),
    "lead_stage_write": _one_of("patch", "rpc", "none"),
    "activity_delete": _one_of("rpc", "none"),
    "note_edit": _one_of("rpc_24h", "none"),
    "task_body_form": _one_of("flat", "tasks", "data"),
    "tasks_patch_media": _one_of("json-patch+json", "json"),
    "activity_participants": _names,
    "owner_filled": _names,
    "rpc_methods": lambda value: None if value is None else _names(value),
}


def _read(name: str, default: Any, value: Any) -> Any:
    if name in _SPECIAL:
        return _SPECIAL[name](value)
    if isinstance(default, bool):
        if not isinstance(value, bool):
            raise ValueError("must be true or false")
        return value
    if isinstance(default, int):
        return _whole(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= LONGEST_S:
        raise ValueError("must be a number of seconds, zero or more")
    return float(value)
