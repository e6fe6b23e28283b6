"""All hostile answers by name, and which of them are drawn by chance."""

from __future__ import annotations

from streamflow.sandbox.corpus.answer import Form, Spoken, Truth
from streamflow.sandbox.corpus.bodies import BODIES
from streamflow.sandbox.corpus.heads import FRAMES, HEADS, STATUSES
from streamflow.sandbox.corpus.lines import HEAVY, LINES
from streamflow.sandbox.corpus.rows import ROWS

DRAWN: dict[str, Form] = {**BODIES, **ROWS, **STATUSES, **HEADS, **FRAMES, **LINES}
CATALOGUE: dict[str, Form] = {**DRAWN, **HEAVY}
GROUPS = {"bodies": BODIES, "rows": ROWS, "statuses": STATUSES, "heads": HEADS, "frames": FRAMES, "lines": LINES, "heavy": HEAVY}


def hostile(form: str | list[str] | None, share: float, truth: Truth) -> Spoken:
    """
    Give what is said in the place of the truth.

    *form* is a name, the name of a group, or a list of them; None is all that are drawn by chance. Among several, the one at *share*
    (0 to 1).
    """
    names = names_of(form) if form is not None else tuple(DRAWN)
    return CATALOGUE[names[min(int(share * len(names)), len(names) - 1)]](truth)


def names_of(form: str | list[str]) -> tuple[str, ...]:
    """Give the names that a rule asks for. Raises KeyError for one that is neither a form nor a group."""
    asked = [form] if isinstance(form, str) else form
    return tuple(name for each in asked for name in (GROUPS[each] if each in GROUPS else {each: CATALOGUE[each]}))


def is_form(form: object) -> bool:
    """Say whether a rule may ask for it."""
    asked = form if isinstance(form, list) else [form]
    return bool(asked) and all(isinstance(each, str) and (each in CATALOGUE or each in GROUPS) for each in asked)
