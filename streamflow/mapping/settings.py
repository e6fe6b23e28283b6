"""Settings of a map that steer more than one row: zone, region, how amounts and days are written, value maps, unqualified leads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias
from zoneinfo import ZoneInfoNotFoundError

from streamflow.mapping.dates import DATE_ORDERS, zone_of
from streamflow.mapping.delimited import delimiter_fault
from streamflow.mapping.marker import FIELD
from streamflow.mapping.pair import Pair
from streamflow.mapping.text import fold, squeeze
from streamflow.mapping.values import THOUSANDS_MARKS, Ways, is_empty
from streamflow.model import Kind

DEFAULT_RULE: Final = "no company and no deal intent"
DEFAULTS: Final[Mapping[str, Any]] = {
    "zone": "",  # of the source's clock; these three every pair names
    "region": "",  # home region of phone numbers
    "currency": "",  # of amounts that name none
    "date_order": "",  # day | month: which comes first in 8/7/2026; "" not known, so that such a day is refused
    "thousands": "",  # the mark that parts thousands; "" not known, so that "1,234" is refused
    "delimiter": " | ",  # between values that share one field and can be told apart again
    "details_field": "",  # long custom field of deals for what has none of its own; "" a note beside the deal
    "meeting_s": 7_200,  # how long a meeting is taken to be whose end the source does not know
    "unqualified": "person",  # person | lead: what leads become that the rule calls unqualified (LT-08)
    "rule": DEFAULT_RULE,
    "intent_fields": ["Budget", "Interested in"],  # custom fields that show a deal is wanted
    "stageset": "",  # pipeline and stage of those leads, by name or id (LT-10)
    "stage": "",
    "source_values": {},  # source label -> destination source name; others keep their name (LT-37)
    "values": {},  # the same for any field: {"job.jobstatus": {"Paid In Full": "won"}}
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


def settings_of(settings: Mapping[str, Any], pair: Pair) -> dict[str, Any]:
    """Give the settings with the defaults filled in: the pair's, then those of every map."""
    return {**DEFAULTS, **pair.defaults, **settings}


def ways_of(settings: Mapping[str, Any]) -> Ways:
    """Give how the source writes days and amounts, of whole settings."""
    return Ways(currency=settings["currency"], date_order=settings["date_order"], thousands=settings["thousands"])


def makes_open_leads(settings: Mapping[str, Any]) -> bool:
    """Say whether unqualified leads become open leads besides people; nothing to do with deals of their own."""
    return bool(settings.get("unqualified", DEFAULTS["unqualified"]) == "lead")


def value_map(settings: Mapping[str, Any], kind: Kind, field: str, params: Mapping[str, Any]) -> dict[str, str]:
    """
    Give what values of a source field stand for, by `value_key`: what the row says (*params.values*), overruled by the settings.

    There the table is "kind.field"; a row with *params.table* has one of its own, "kind.field.table".
    """
    name = f"{kind}.{field}.{params['table']}" if "table" in params else f"{kind}.{field}"
    whole = {**params.get("values", {}), **settings["values"].get(name, {})}
    return {value_key(text): str(value) for text, value in whole.items()}


def value_key(text: str) -> str:
    """Give the form in which values are looked up: without case and doubled blanks."""
    return squeeze(text).casefold()


def read_rule(text: str) -> Rule:
    """Read a rule such as "no company and no deal intent" or "status is New|Spam"; raises ValueError that says what is known."""
    conditions = tuple(_condition(part) for part in " ".join(text.split()).split(" and "))
    return Rule(text=text, conditions=conditions)


def has_intent(custom: Mapping[str, Any], intent_fields: tuple[str, ...]) -> bool:
    """Say whether any of the listed custom fields (compared without case and punctuation) is filled."""
    wanted = {fold(label) for label in intent_fields}
    return any(fold(label) in wanted and not is_empty(value) for label, value in custom.items())


def setting_faults(settings: Mapping[str, Any], pair: Pair) -> list[str]:
    """List what is wrong with the settings of a map, by path."""
    faults = [f"settings.{name}: unknown setting" for name in settings if name not in DEFAULTS]
    merged = settings_of(settings, pair)
    for name, default in DEFAULTS.items():
        if type(merged[name]) is not type(default):
            faults.append(f"settings.{name}: expected a {_WORDS[type(default)]}")
    if faults:
        return faults
    try:
        zone_of(merged["zone"])
    except (ZoneInfoNotFoundError, ValueError, OSError):
        faults.append(f"settings.zone: {merged['zone']!r} is no time zone; use a name such as Africa/Johannesburg")
    if merged["unqualified"] not in ("person", "lead"):
        faults.append("settings.unqualified: expected person or lead")
    faults += way_faults(merged, "settings")
    if merged["meeting_s"] < 0:
        faults.append("settings.meeting_s: expected seconds")
    if (label := merged["details_field"]) != squeeze(label) or "/" in label or "~" in label or f"custom:{label}" == FIELD:
        faults.append("settings.details_field: expected a name of its own without / and ~, or nothing for a note beside the deal")
    if fault := delimiter_fault(merged["delimiter"]):
        faults.append(f"settings.delimiter: {fault}")
    faults += _value_faults(merged["values"], pair)
    try:
        read_rule(merged["rule"])
    except ValueError as error:
        faults.append(f"settings.rule: {error}")
    return faults


def way_faults(said: Mapping[str, Any], path: str) -> list[str]:
    """List what is wrong with how amounts and days are said to be written, by a map (*path* "settings") or by a row for itself."""
    faults: list[str] = []
    if not isinstance(said.get("currency", ""), str):
        faults.append(f"{path}.currency: expected a text")
    if said.get("date_order", "") not in DATE_ORDERS:
        faults.append(f"{path}.date_order: expected day or month, or nothing where that is not known")
    if said.get("thousands", "") not in THOUSANDS_MARKS:
        faults.append(f"{path}.thousands: expected one of , . ' or a blank, or nothing where that is not known")
    return faults


def _value_faults(values: Mapping[str, Any], pair: Pair) -> list[str]:
    faults: list[str] = []
    for name, table in values.items():
        kind, point, field = name.partition(".")
        if not (point and field and pair.knows(kind)):
            faults.append(f'settings.values.{name}: expected "kind.field" with a kind of the source')
        if not isinstance(table, Mapping) or not all(isinstance(each, str) for pair_of in table.items() for each in pair_of):
            faults.append(f"settings.values.{name}: expected a table of texts")
    return faults


_WORDS: Final[Mapping[type, str]] = {str: "text", list: "list", dict: "table", int: "whole number"}
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
