"""
The three-way merge: what we last wrote, what is wanted now, and what a person left there.

Rule 1: a value the source did not change is never written again.
Rule 2: a value a person changed is theirs, unless the policy of the field says otherwise; either way it is told.
Rule 3: a blank never overwrites a value, but takes back one that we wrote, that the source cleared, and that nobody touched.
Rule 4: lists and descriptions are added to, not replaced: what people added survives.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from streamflow.mapping.items import Same, is_blank, lacking, listed, paired, unranked
from streamflow.model import Fields

Policy: TypeAlias = Literal["keep", "take", "ask"]

APPENDED: Final = frozenset(
    {
        "emails",
        "phones",
        "urls",
        "addresses",
        "link:accounts",
        "link:contacts",
        "link:leads",
        "link:sources",
        "link:tags",
        "link:participants",
    }
)
BLOCKS: Final = frozenset({"description"})
_NOTHING: Final = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """A field that both sides changed."""

    field: str
    policy: Policy
    base: Any = dataclasses.field(repr=False)
    wanted: Any = dataclasses.field(repr=False)
    now: Any = dataclasses.field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """What a merge decided."""

    changes: Fields  # to send; None clears a value
    base: Fields  # the base once the changes are confirmed
    conflicts: tuple[Conflict, ...] = ()
    unread: tuple[str, ...] = ()  # fields that cannot be decided since their present value was not read


def merge(
    base: Fields, wanted: Fields, now: Fields, *, same: Same, policies: Mapping[str, Policy] | None = None, complete: bool = True
) -> Merged:
    """
    Decide per field what to send.

    Args:
        base: What we last wrote; {} for a record that existed before us, whose empty fields are then filled and whose values are kept.
        wanted: What the map makes of the source now; a field missing here counts as blank when the base has it.
        now: What the destination holds. A field missing here is empty when *complete*, otherwise it was not read and is left alone.
        policies: Field (or "*") to "keep" (theirs stays; the default), "take" (ours goes) or "ask" (nothing until a person decides).
    """
    changes: Fields = {}
    after = dict(base)
    conflicts: list[Conflict] = []
    unread: list[str] = []
    for field in dict.fromkeys((*wanted, *base)):
        if field not in now and not complete:
            unread += [field] if not _equal(field, wanted.get(field), base.get(field), same) else []
            continue
        policy = _policy(policies or {}, field)
        value, outcome = _decide(field, base.get(field), wanted.get(field), now.get(field), same, policy)
        if outcome in ("conflict", "taken"):
            conflicts.append(Conflict(field=field, policy=policy, base=base.get(field), wanted=wanted.get(field), now=now.get(field)))
        if value is not _NOTHING:
            changes[field] = value
        if outcome not in ("conflict", "keep"):
            _note(after, field, _as_it_stands(field, wanted.get(field), now.get(field) if value is _NOTHING else value, same))
    return Merged(changes=changes, base=after, conflicts=tuple(conflicts), unread=tuple(unread))


def _policy(policies: Mapping[str, Policy], field: str) -> Policy:
    return policies.get(field) or policies.get("*") or "keep"


def _note(base: Fields, field: str, value: Any) -> None:
    if is_blank(value):
        base.pop(field, None)
    else:
        base[field] = value


def _as_it_stands(field: str, wanted: Any, there: Any, same: Same) -> Any:
    """Give what is ours of a list; where another item than the one we wanted comes first *there*, that is not ours to say."""
    if field not in APPENDED or not isinstance(wanted, list):
        return wanted
    held = listed(there)
    pairs = paired(field, wanted, held, same)
    others_first = any(_is_first(item) and place in pairs and not _is_first(held[pairs[place]]) for place, item in enumerate(wanted))
    return [unranked(item) for item in wanted] if others_first else wanted


def _decide(field: str, base: Any, wanted: Any, now: Any, same: Same, policy: Policy) -> tuple[Any, str]:
    """Answer (value to send or _NOTHING, outcome); outcome: written | equal | keep | conflict | taken."""
    if field in APPENDED:
        return _decide_list(field, base, wanted, now, same)
    if _equal(field, wanted, base, same):
        return _NOTHING, "keep"  # rule 1
    if _equal(field, wanted, now, same):
        return _NOTHING, "equal"
    if field in BLOCKS and (text := _decide_block(base, wanted, now)) is not None:
        return text, "written"
    if _equal(field, base, now, same):
        return (None if is_blank(wanted) else wanted), "written"  # untouched since; rule 3's second half
    if is_blank(wanted) or policy != "take":
        return _NOTHING, "conflict"  # rules 2 and 3
    return wanted, "taken"


def _decide_block(base: Any, wanted: Any, now: Any) -> str | None:
    """Put our part of a text in place of our former part, or below what is there; None when our part was edited."""
    ours, text, new = str(base or ""), str(now or ""), str(wanted or "")
    if ours and ours in text:
        return text.replace(ours, new, 1).strip("\n")
    if not ours and text and new:
        return text if new in text else f"{text}\n\n{new}"
    return None


def _decide_list(field: str, base: Any, wanted: Any, now: Any, same: Same) -> tuple[Any, str]:
    ours, new, present = listed(base), listed(wanted), listed(now)
    brought = {there: ours[place] for place, there in paired(field, ours, present, same).items()}
    asked = {there: new[place] for place, there in paired(field, new, present, same).items()}
    result: list[Any] = []
    for place, item in enumerate(present):
        if place in brought and place not in asked:
            continue  # we brought it and the source has dropped it
        is_relabelled = place in brought and place in asked and _text_of(brought[place]) == _text_of(item) != _text_of(asked[place])
        result.append(asked[place] if is_relabelled else item)
    taken_out = lacking(field, ours, present, same)
    result += lacking(field, lacking(field, new, present, same), taken_out, same)  # what a person removed of ours stays removed
    values = _one_primary(field, result, present, same)
    if values == present or same(field, values, present):
        return _NOTHING, "equal"
    return values, "written"


def _text_of(item: Any) -> Any:
    return {name: part for name, part in item.items() if name in ("name", "isPrimary")} if isinstance(item, Mapping) else item


def _one_primary(field: str, items: list[Any], present: Sequence[Any], same: Same) -> list[Any]:
    """Keep the primary that is there; what is ours beside it is not primary."""
    primaries = [place for place, item in enumerate(items) if _is_first(item)]
    if len(primaries) < 2:
        return items
    there = paired(field, items, present, same)
    kept = next((place for place in primaries if place in there and _is_first(present[there[place]])), primaries[0])
    return [{**item, "isPrimary": place == kept} if place in primaries else item for place, item in enumerate(items)]


def _is_first(item: Any) -> bool:
    return isinstance(item, Mapping) and bool(item.get("isPrimary"))


def _equal(field: str, one: Any, other: Any, same: Same) -> bool:
    if is_blank(one) or is_blank(other):
        return is_blank(one) and is_blank(other)
    return bool(one == other or same(field, one, other))
