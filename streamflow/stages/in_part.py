"""
Writes that may have been done in part: what of them stands in a record is ours, though nothing ever confirmed it.

Rule 1: a later write that was confirmed says what it left of a field; what was meant before it is over.
Rule 2: a write that was surely refused as a whole put nothing there: who holds its value has it from somebody else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, TypeAlias

from streamflow.mapping.changes import APPENDED, BLOCKS
from streamflow.mapping.items import is_blank
from streamflow.model import Fields, Intent, IntentState, Link, Op
from streamflow.stages.kept import expected, kept, rebuilt
from streamflow.stages.planning import ACTION_FIELDS, Compare, both_ways

Sent: TypeAlias = Mapping[str, Sequence[Any]]
"""By field, the values that updates may have put there and that the line does not tell of."""

NOTHING: Final[Sent] = {}


def sent_in_part(link: Link, intents: Sequence[Intent]) -> Sent:
    """Give what updates of a line, of the *intents* of its source record, the oldest first, may have left there."""
    found: dict[str, list[Any]] = {}
    for intent in intents:
        if intent.ref != link.ref or intent.dest_id != link.dest_id:
            continue
        for name, value in intent.fields.items():
            if intent.state is IntentState.CONFIRMED:
                found.pop(name, None)
            elif name not in BLOCKS and may_be_done_in_part(intent):
                found.setdefault(name, []).append(value)
    told = expected(link.base)
    return {name: values for name, values in found.items() if any(value != told.get(name) for value in values)}


def may_be_done_in_part(intent: Intent) -> bool:
    """Say so of an update that went unanswered, of one refused for a single field of it, and of one of a lead that takes several calls."""
    if intent.op is not Op.UPDATE or not intent.seq:      # a rollback's own serve no source record
        return False
    several = intent.state is IntentState.REJECTED or not intent.fields.keys().isdisjoint(ACTION_FIELDS)
    return bool(intent.unknown_since) or (several and len(intent.fields) > 1)


def with_sent(link: Link, sent: Sent, now: Fields, compare: Compare) -> Link:
    """Give a line as it is to read where that stands in its record *now*. A list is sent with people's among ours: it tells nothing."""
    there: Fields = {}
    for name in sorted(sent.keys() - APPENDED):
        for value in sent[name]:
            if both_ways(compare, link.dest_kind, name, value, now.get(name)):
                there[name] = value
    if not there:
        return link
    ours = {name: value for name, value in {**expected(link.base), **there}.items() if not is_blank(value)}
    return replace(link, base=rebuilt(ours, {name: value for name, value in kept(link.base).items() if name not in there}))
