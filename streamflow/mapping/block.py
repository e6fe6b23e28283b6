"""Labelled blocks of text: where values live that have no field of their own, written so that a program can read them back."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

_INDENT: Final = "  "
_LINE: Final = re.compile(r"^(\S(?:[^:\n]|:(?! |$))*):(?: (.*))?$")


def block(pairs: Iterable[tuple[str, str]]) -> str:
    """Write "Label: value" lines; further lines of a value are indented by two blanks. A label loses colons before blanks."""
    lines: list[str] = []
    for label, value in pairs:
        first, *more = value.split("\n")
        lines.append(f"{_label(label)}: {first}")
        lines.extend(_INDENT + line for line in more)
    return "\n".join(lines)


def read_block(text: str) -> list[tuple[str, str]]:
    """Read what `block` wrote; lines before the first label and lines that fit neither form are passed over."""
    found: list[tuple[str, str]] = []
    for line in text.split("\n"):
        if line.startswith(_INDENT) and found:
            label, value = found[-1]
            found[-1] = (label, f"{value}\n{line[len(_INDENT) :]}")
        elif match := _LINE.match(line):
            found.append((match[1], match[2] or ""))
    return found


def _label(label: str) -> str:
    return " ".join(label.replace(": ", " ").rstrip(":").split()) or "Value"
