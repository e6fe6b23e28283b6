"""Settings of a map that steer more than one row: zone, region, currency, and which leads are unqualified."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias
from zoneinfo import ZoneInfoNotFoundError

from streamflow.mapping.dates import zone_of
from streamflow.mapping.text import fold
from streamflow.mapping.values import is_empty

DEFAULT_RULE: Final = "no company and no deal intent"
DEFAULTS: Final[Mapping[str, Any]] = {
    "zone": "Africa/Johannesburg",  # of the source's clock (leadtrekker.md 1)
    "region": "ZA",  # home region of phone numbers
    "currency": "ZAR",
    "unqualified": "person",  # person | lead: what leads become that the rule calls unqualified (LT-08)
    "rule": DEFAULT_RULE,
    "intent_fields": ["Budget", "Interested in"],  # custom fields that show a deal is wanted
    "stageset": "",  # pipeline and stage of those leads, by name or id (LT-10)
    "stage": "",
    "source_values": {},  # source label -> destination source name; others keep their name (LT-37)
    "shared_addresses": [],  # addresses known to be used by many
}
_KNOWN_RULES: Final = "no company, no deal intent, no email, no phone, status is A|B, always; joined by ' and '"

Facts: TypeAlias = Mapping[str, Any]
Condition: TypeAlias = Callable[[Facts], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """When a lead counts as unqualified."""

    text: str
    conditions: tuple[Condition, ...]

    def holds(self, facts: Facts) -> bool:
        """Judge facts {"company": bool, "intent": bool, "email": bool, "phone": bool, "status": text}."""
        return all(condition(facts) for condition in self.conditions)


def settings_of(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Give the settings with the defaults filled in."""
    return {**DEFAULTS, **settings}


def read_rule(text: str) -> Rule:
    """Read a rule such as "no company and no deal intent" or "status is New|Spam"; raises ValueError that says what is known."""
    conditions = tuple(_condition(part) for part in " ".join(text.split()).split(" and "))
    return Rule(text=text, conditions=conditions)


def has_intent(custom: Mapping[str, Any], intent_fields: tuple[str, ...]) -> bool:
    """Say whether any of the listed custom fields (compared without case and punctuation) is filled."""
    wanted = {fold(label) for label in intent_fields}
    return any(fold(label) in wanted and not is_empty(value) for label, value in custom.items())


def setting_faults(settings: Mapping[str, Any]) -> list[str]:
    """List what is wrong with the settings of a map, by path."""
    faults = [f"settings.{name}: unknown setting" for name in settings if name not in DEFAULTS]
    merged = settings_of(settings)
    for name, default in DEFAULTS.items():
        if not isinstance(merged[name], type(default)):
            faults.append(f"settings.{name}: expected a {_WORDS[type(default)]}")
    if faults:
        return faults
    try:
        zone_of(merged["zone"])
    except (ZoneInfoNotFoundError, ValueError, OSError):
        faults.append(f"settings.zone: {merged['zone']!r} is no time zone; use a name such as Africa/Johannesburg")
    if merged["unqualified"] not in ("person", "lead"):
        faults.append("settings.unqualified: expected person or lead")
    try:
        read_rule(merged["rule"])
    except ValueError as error:
        faults.append(f"settings.rule: {error}")
    return faults


_WORDS: Final[Mapping[type, str]] = {str: "text", list: "list", dict: "table"}
_CONDITIONS: Final[Mapping[str, Condition]] = {
    "always": lambda facts: True,
    "no company": lambda facts: not facts["company"],
    "no deal intent": lambda facts: not facts["intent"],
    "no email": lambda facts: not facts["email"],
    "no phone": lambda facts: not facts["phone"],
}


def _condition(text: str) -> Condition:
    if (known := _CONDITIONS.get(text.lower().replace("e-mail", "email"))) is not None:
        return known
    if text.lower().startswith("status is ") and (statuses := {fold(name) for name in text[10:].split("|") if fold(name)}):
        return lambda facts: fold(str(facts["status"])) in statuses
    raise ValueError(f"{text!r} is not a condition; known: {_KNOWN_RULES}")
