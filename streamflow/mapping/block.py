"""Labelled blocks of text: where values live that have no field of their own, written so that a program can read them back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

_INDENT: Final = "  "


def block(pairs: Iterable[tuple[str, str]]) -> str:
    """Write "Label: value" lines; further lines of a value are indented by two blanks. A label loses colons before blanks."""
    lines: list[str] = []
    for label, value in pairs:
        first, *more = value.split("\n")
        lines.append(f"{_label(label)}: {first}")
        lines.extend(_INDENT + line for line in more)
    return "\n".join(lines)


def _label(label: str) -> str:
    return " ".join(label.replace(": ", " ").rstrip(":").split()) or "Value"
