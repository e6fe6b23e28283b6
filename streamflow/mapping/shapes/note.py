"""Notes: labelled lines above the text."""

from __future__ import annotations

from typing import Final

from streamflow.mapping.block import block
from streamflow.mapping.shapes.drafting import Drafting, Happening, Shape, blocks
from streamflow.model import Draft, Ref


def _compose(found: Happening, parent: Ref, drafting: Drafting) -> list[Draft]:
    return drafting.as_notes(found, parent, blocks(block(found.lines), found.body))


def _why_left_out(found: Happening, drafting: Drafting) -> str:
    return "" if found.body or found.lines else f"an empty {drafting.plan.noun}"


NOTE: Final = Shape(compose=_compose, why_left_out=_why_left_out)
