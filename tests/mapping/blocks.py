"""How a program reads the labelled blocks that the map writes."""

from __future__ import annotations

import re
from typing import Final

_INDENT: Final = "  "
_LINE: Final = re.compile(r"^(\S(?:[^:\n]|:(?! |$))*):(?: (.*))?$")


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
