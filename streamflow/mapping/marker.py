"""Markers: how a destination record says which source record it was made from."""

from __future__ import annotations

import re
from typing import Final

from streamflow.model import Key, Kind, Ref

FIELD: Final = "custom:Streamflow ID"
"""The custom field of accounts, contacts and leads that holds the marker (nutshell.md 5.3)."""

_TEXT: Final = re.compile(r"\[sf:([a-z0-9]+):([a-z_]+):(.+?)\]")
_NAMED: Final = re.compile(r"([a-z0-9]+):([a-z_]+):(.+?)(?::(lead|(?:merged|details)(?::\d+/\d+)?|\d+/\d+))?")
"""A marker taken apart: prefix, kind, key, and one of the parts that maps make."""


def field_marker(prefix: str, kind: Kind, key: Key, part: str = "") -> str:
    """Give the marker for a custom field: "lt:lead:48213", with a part "lt:lead:48213:lead"."""
    return f"{prefix}:{kind}:{key}:{part}" if part else f"{prefix}:{kind}:{key}"


def text_marker(prefix: str, kind: Kind, key: Key, part: str = "") -> str:
    """Give the marker for the last line of a text: "[sf:lt:note:9913]", with a part "[sf:lt:note:9913:2/3]"."""
    return f"[sf:{field_marker(prefix, kind, key, part)}]"


def marker_in(text: str) -> str | None:
    """Give the marker that stands as last line of a text, or None; one quoted further up does not count."""
    last = text.rstrip().rsplit("\n", 1)[-1].strip()
    return last if _TEXT.fullmatch(last) else None


def ref_of(marker: str, prefix: str) -> Ref | None:
    """Say which source record (part) a marker of either form names; None when it is none of this *prefix*."""
    bare = marker.strip()
    if _TEXT.fullmatch(bare):
        bare = bare.removeprefix("[sf:").removesuffix("]")
    found = _NAMED.fullmatch(bare)
    return Ref(found[2], found[3], found[4] or "") if found and found[1] == prefix else None
