"""Calls: logged activities named by direction and disposition (the slots "direction" and "disposition" of lines)."""

from __future__ import annotations

from typing import Final

from streamflow.mapping.block import block
from streamflow.mapping.shapes.drafting import CLOCKS_DIFFER_S, Drafting, Happening, Shape
from streamflow.mapping.text import squeeze
from streamflow.model import Draft, Ref

_TYPES: Final = ("phone call", "call")


def _compose(found: Happening, parent: Ref, drafting: Drafting) -> list[Draft]:
    direction, disposition = found.slots.get("direction", "").lower(), found.slots.get("disposition", "")
    way = "Outgoing call" if direction.startswith("out") else "Incoming call" if direction.startswith("in") else "Call"
    if found.duration:
        found.lines.insert(1 if direction else 0, ("Duration", found.duration))
    text = block(found.lines)
    if not drafting.is_activity:
        return drafting.as_notes(found, parent, text, "Call")
    title = squeeze(f"{way}: {disposition}" if disposition else way)
    return drafting.as_activity(found, parent, _TYPES, title, text, ahead_s=CLOCKS_DIFFER_S)


CALL: Final = Shape(compose=_compose)
