"""E-mails: header lines above the text, under the subject."""

from __future__ import annotations

from typing import Final

from streamflow.mapping.block import block
from streamflow.mapping.shapes.drafting import CLOCKS_DIFFER_S, Drafting, Happening, Shape, blocks
from streamflow.model import Draft, Ref

_TYPES: Final = ("email", "e-mail")


def _compose(found: Happening, parent: Ref, drafting: Drafting) -> list[Draft]:
    subject = found.subjects[0] if found.subjects else ""
    if subject:
        found.lines.append(("Subject", subject))
    text = blocks(block(found.lines), found.body)
    if drafting.is_activity:
        return drafting.as_activity(found, parent, _TYPES, subject or "(no subject)", text, ahead_s=CLOCKS_DIFFER_S)
    return drafting.as_notes(found, parent, text, "E-mail")


MAIL: Final = Shape(compose=_compose)
