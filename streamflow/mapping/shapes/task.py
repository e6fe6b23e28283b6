"""Tasks: open ones stay tasks; completed ones too where the destination can complete one, else they become notes (nutshell.md 4.3)."""

from __future__ import annotations

from typing import Final

from streamflow.mapping.block import block
from streamflow.mapping.notes import note_drafts
from streamflow.mapping.shapes.drafting import Drafting, Happening, Shape, blocks
from streamflow.mapping.text import squeeze, tidy
from streamflow.model import Draft, Fields, Ref

_TITLE_CHARS: Final = 100
_REPEATS: Final = {
    "d": "every day",
    "daily": "every day",
    "w": "every week",
    "weekly": "every week",
    "m": "every month",
    "monthly": "every month",
    "y": "every year",
    "yearly": "every year",
    "annually": "every year",
    "fortnightly": "every two weeks",
    "biweekly": "every two weeks",
    "weekdays": "every weekday",
    "quarterly": "every three months",
}


def in_words(pattern: str) -> str:
    """Say a repeat pattern in words ("weekly" → "every week"); what is no known pattern is said as it stands."""
    pattern = squeeze(pattern)
    return _REPEATS.get(pattern.lower(), pattern) + " (set up by hand)"


def _compose(found: Happening, parent: Ref, drafting: Drafting) -> list[Draft]:
    due = [("Due", found.moment.header() if found.moment else found.time_text)] if found.time_text else []
    for_whom = [("For", found.user_name)] if found.user_name else []
    noun = drafting.plan.noun
    if found.is_done and not drafting.context.task_complete:
        body = blocks(f"Completed {noun}", block([*due, *for_whom, *found.lines]), found.body, gap="\n")
        return note_drafts(drafting.text(found, body, header=""), parent, drafting.context.note_max_chars)
    fields: Fields = {"title": _title(found.body) or noun.capitalize(), "link:relatedEntity": parent}
    if found.moment is not None:
        fields["dueTime"] = found.moment.unix_s
    if found.is_done:
        fields["isCompleted"] = True
    if found.user:
        fields["link:assignee"] = drafting.user(found)
    text = blocks(found.body, block([*due, *found.lines, *for_whom]))
    return drafting.with_rest(drafting.text(found, text, header=""), parent, "tasks", fields)


def _title(body: str) -> str:
    first = squeeze(tidy(body).strip().split("\n", 1)[0])
    return first if len(first) <= _TITLE_CHARS else first[: _TITLE_CHARS - 1].rstrip() + "…"


TASK: Final = Shape(compose=_compose)
