"""Two texts in one field, written so that both come back exactly, also where one of them holds the delimiter."""

from __future__ import annotations

import re
from typing import Final

_ESCAPE: Final = "\\"
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)


def delimiter_fault(delimiter: str) -> str:
    """Say why a text cannot part others, or ""."""
    bare = delimiter.strip()
    if not bare or _ESCAPE in delimiter:
        return "expected a sign other than a blank and a backslash"
    return "" if bare.count(bare[0]) == 1 else "its first sign may stand in it once only"


def join(one: str, other: str, delimiter: str) -> str:
    """
    Write two texts as one ("Internet | Google"); a single one stands alone, the second alone after the delimiter.

    The delimiter's first sign is escaped by a backslash wherever a text holds it, and so is a backslash.
    Both texts must be without outer blanks (`squeeze`): those cannot be told from the delimiter's.
    """
    one, other = _escaped(one, delimiter), _escaped(other, delimiter)
    return f"{one}{delimiter}{other}" if other else one


def split(text: str, delimiter: str) -> tuple[str, str]:
    """Read what `join` wrote, also when outer blanks were lost on the way."""
    sign = delimiter.strip()[0]
    before, _, after = delimiter.partition(sign)
    found: list[str] = []
    place = 0
    while place < len(text):
        if text[place] == _ESCAPE and place + 1 < len(text):
            found.append(text[place + 1])
            place += 2
            continue
        if text[place] == sign:
            rest = text[place + 1 :]
            rest = rest.removeprefix(after) if rest.startswith(after) else rest.removeprefix(after.rstrip())
            return "".join(found).removesuffix(before).strip(), _ESCAPED.sub(r"\1", rest)
        found.append(text[place])
        place += 1
    return "".join(found), ""


def _escaped(text: str, delimiter: str) -> str:
    sign = delimiter.strip()[0]
    return text.replace(_ESCAPE, _ESCAPE * 2).replace(sign, _ESCAPE + sign)
