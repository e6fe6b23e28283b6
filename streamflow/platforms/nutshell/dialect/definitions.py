"""Custom-field definitions: what a listed one is, what a wanted one is created as (nutshell.md 5.1)."""

from __future__ import annotations

from typing import Any

from streamflow.model import Kind
from streamflow.platforms.destination import FieldSpec
from streamflow.platforms.nutshell.flags import Flags

# Names in lists differ from names in creates, and both differ between documents: compared by family (5.1).
_FAMILIES = {
    "string": "text", "text": "text", "email": "text", "phone": "text", "url": "text", "longtext": "long", "long_text": "long",
    "textarea": "long", "enum": "choice", "decision": "choice", "choice": "choice", "select": "choice", "date": "date",
    "date-time": "date", "datetime": "date", "currency": "money", "money": "money", "number": "number", "integer": "number",
    "decimal": "number", "float": "number",
}  # fmt: skip
_ALIKE = {
    "text": ("text", "long"), "long": ("long", "text"), "choice": ("choice",), "date": ("date",), "money": ("money",),
    "number": ("number", "text"),
}  # fmt: skip


def label_of(row: dict[str, Any]) -> str:
    """Give the visible name of a listed definition."""
    return str(row.get("title") or row.get("name") or "")


def spec_of(entity: Kind, row: dict[str, Any]) -> FieldSpec:
    """Give a listed definition; one with choices is a choice whatever its type says."""
    choices = choices_of(row)
    family = "choice" if choices else _FAMILIES.get(str(row.get("type") or "").lower(), "text")
    return FieldSpec(entity=entity, label=label_of(row), family=family, choices=choices)


def choices_of(row: dict[str, Any]) -> tuple[str, ...]:
    """Give the choices of a listed definition."""
    held = row.get("enum") or row.get("choices")
    held = held if isinstance(held, list | tuple) else ()
    return tuple(str(item.get("value", item.get("name", item))) if isinstance(item, dict) else str(item) for item in held)


def mismatch(wanted: FieldSpec, held: FieldSpec) -> str:
    """Give why an existing field does not serve, "" when it does."""
    if held.family not in _ALIKE.get(wanted.family, (wanted.family,)):
        return f"it exists as {held.family}, and {wanted.family} is needed"
    missing = [choice for choice in wanted.choices if choice not in held.choices] if held.family == "choice" else []
    return f"it lacks {len(missing)} of the choices needed" if missing else ""


def type_names(spec: FieldSpec, flags: Flags) -> tuple[str, ...]:
    """Give the type names to try, in order."""
    return flags.cf_type_map.get(spec.entity, {}).get(spec.family, ("String", "Text"))


def definition_body(spec: FieldSpec, type_name: str) -> dict[str, Any]:
    """Give the body of the create."""
    body: dict[str, Any] = {"name": spec.label, "type": type_name}
    if spec.family == "choice":
        body.update(choices=list(spec.choices), isMultiple=False)
    return body
