"""Meetings: activities from start to end; an end that the source does not know is reckoned and said to be."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from streamflow.mapping.block import block
from streamflow.mapping.dates import Moment
from streamflow.mapping.shapes.drafting import Drafting, Happening, Shape, blocks
from streamflow.model import Draft, Ref

_TYPES: Final = ("meeting", "appointment")


def _compose(found: Happening, parent: Ref, drafting: Drafting) -> list[Draft]:
    title = drafting.plan.noun.capitalize()
    name = " – ".join(text for text in (title, *found.subjects) if text)
    if found.subjects:
        found.lines.insert(0, ("Summary", " – ".join(found.subjects)))
    if found.span_s and found.moment is not None and not found.duration:
        found.lines.append(("End (derived)", f"{_end(found.moment, found.span_s).header()}, {_words(found.span_s)} after the start"))
    text = blocks(block(found.lines), found.body)
    if drafting.is_activity:
        return drafting.as_activity(found, parent, _TYPES, name, text)
    return drafting.as_notes(found, parent, text, name)


def _end(start: Moment, length_s: int) -> Moment:
    """Give the end in the zone of the start, across a change of its clock too."""
    unix_s = start.unix_s + length_s
    return Moment(local=datetime.fromtimestamp(unix_s, start.local.tzinfo), unix_s=unix_s)


def _words(length_s: int) -> str:
    hours, minutes = divmod(length_s // 60, 60)
    return " ".join(text for text in (f"{hours} h" if hours else "", f"{minutes} min" if minutes else "") if text)


MEETING: Final = Shape(compose=_compose)
