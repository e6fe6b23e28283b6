"""What is to happen to one destination record in a rollback: decided from what we wrote, what was there before, and what is there now."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from streamflow.mapping.changes import APPENDED, BLOCKS, merge
from streamflow.mapping.items import lacking, listed
from streamflow.model import DestId, Fields, Intent, IntentState, Link, Op, Ref, Verdict
from streamflow.stages.in_part import may_be_done_in_part
from streamflow.stages.kept import expected, kept, known, of_people
from streamflow.stages.lists import given_back
from streamflow.stages.peoples import added_fields
from streamflow.stages.planning import Compare, sameness

UNTOUCHED = (Verdict.EQUAL, Verdict.NORMALISED, Verdict.LOSSY, Verdict.UNREADABLE)
"""Verdicts on a value of ours that show no hand of people."""

BACK: Final = "people brought it back after it had been removed"
"""Why a record of our making stays that is theirs since."""
GONE: Final = "gone already"
"""Why nothing was to be done about what people deleted."""
_BELONGS: Final = "records outside this rollback belong to it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What is to happen to one destination record."""

    link: Link
    action: str                    # delete | restore | spare | forget | leave
    fields: Fields = field(default_factory=dict)
    reason: str = ""               # why it is spared, or what of it is; `GONE`


def unconfirmed(link: Link, intents: Sequence[Intent]) -> Fields:
    """
    Give what we meant to write into a record that was there before us and never saw confirmed: it may be there in part.

    The image of what was there says that we meant to; the base, which tells what we know to be there, does not name it. What surely came to
    nothing is left out: who holds that value has it from somebody else.
    """
    names = set(link.before or {}) - set(known(link.base)) if link.is_matched else set()
    found: Fields = {}
    for intent in intents:
        is_nothing = intent.state in (IntentState.REJECTED, IntentState.ABANDONED) and not may_be_done_in_part(intent)
        if intent.dest_id == link.dest_id and intent.op is Op.UPDATE and intent.seq and not is_nothing:    # seq: not a rollback's own
            found.update({name: value for name, value in intent.fields.items() if name in names})
    return found


def plan_step(
    link: Link, now: Fields | None, compare: Compare, *, foreign: Sequence[DestId], staying: Sequence[Ref] = (),
    ours: frozenset[DestId] = frozenset(), meant: Mapping[str, Any] | None = None, touched_by: str = "", belongs: bool = False,
    gone: Collection[DestId] = (), filled: Collection[str] = (),
) -> Step:  # fmt: skip
    """
    Decide about one line of the crosswalk from what is there now (None: gone).

    *foreign* are records that stay and hang on it, those in *ours* outside this rollback and the rest people's; *staying* are source
    records outside it that share it; *meant* is what `unconfirmed` gives; *touched_by* is what the events tell of others' work on it;
    *belongs* says that something outside it was hung there because of this line, wherever that is by now; *gone* is what it was tied to and
    is no more; *filled* are fields that the destination gives its kind by itself.
    """
    if link.is_merged:
        return Step(link=link, action="spare", reason=_BELONGS) if belongs else Step(link=link, action="forget")
    if link.is_brought_back and now is not None:
        return Step(link=link, action="spare", reason=BACK)
    if link.is_adopted and not link.before:
        return Step(link=link, action="leave")
    if now is None:
        return Step(link=link, action="spare", reason=f"{GONE}; {_BELONGS}") if belongs else Step(link=link, action="forget", reason=GONE)
    if link.is_adopted:
        return restoring(link, now, compare, meant or {})
    if staying:
        names = ", ".join(f"{ref.kind}:{ref.key}" for ref in staying[:3])
        return Step(link=link, action="spare", reason=f"records outside this rollback share it: {names}")
    if link.is_matched:
        foreign = [each for each in foreign if each in ours]     # what people hung on a record of theirs is nothing to us
    if foreign:
        who = "records outside this rollback hang on it" if ours.issuperset(foreign) else "people have added records to it"
        return Step(link=link, action="spare", reason=f"{who}: {', '.join(foreign[:3])}")
    if link.is_matched:
        return restoring(link, now, compare, meant or {})
    if touched_by:
        return Step(link=link, action="spare", reason=f"changed by people since: {touched_by}")
    if touched := touched_fields(link, now, compare, gone, filled):
        return Step(link=link, action="spare", reason=f"changed by people since: {', '.join(sorted(touched)[:5])}")
    return Step(link=link, action="delete")


def touched_fields(link: Link, now: Fields, compare: Compare, gone: Collection[DestId], filled: Collection[str]) -> list[str]:
    """
    Name the fields in which a record of ours holds what people put there: another value, none, one more, or one where we left a blank.

    A value of ours that is gone was taken away only where it was seen to be there once: some never stick. That the record names no more
    what is *gone* is nobody's work on it.
    """
    ours = {name: left for name, value in expected(link.base).items() if (left := _without_gone(value, gone)) or not value or now.get(name)}
    changed = [
        name for name, value in ours.items()
        if (name in now or link.verified == "verified") and compare(link.dest_kind, name, value, now.get(name)) not in UNTOUCHED
    ]
    grown = [   # a list that holds ours among others compares well; what the destination fills by itself may grow without people
        name for name in sorted((APPENDED & ours.keys()).difference(filled, changed)) if len(now.get(name) or ()) > len(ours[name] or ())
    ]
    return [*changed, *grown, *of_people(link.base), *added_fields(link, now, filled)]


def _without_gone(value: Any, gone: Collection[DestId]) -> Any:
    """Give what a relation is left with."""
    if isinstance(value, list):
        return [each for each in value if not (isinstance(each, str) and each in gone)]
    return None if isinstance(value, str) and value in gone else value


def restoring(link: Link, now: Fields, compare: Compare, meant: Mapping[str, Any]) -> Step:
    """
    Give a record that existed before us its former values back, three ways: what we brought goes, what people changed stays.

    Lists lose exactly what we added, and what people took out of them stays out; a text loses our part of it.
    """
    before = link.before or {}
    base, same = {**meant, **expected(link.base)}, sameness(compare, link.dest_kind)
    plain = [name for name in before if name not in APPENDED | BLOCKS]
    ours = {name: base.get(name) for name in plain if name not in kept(link.base)}
    merged = merge(ours, {name: before[name] for name in ours}, now, same=same)
    fields = dict(merged.changes)
    theirs = [each.field for each in merged.conflicts]
    theirs += [name for name in plain if name not in ours and not same(name, before[name], now.get(name))]     # people's stood already
    for name in APPENDED & before.keys():
        left = given_back(same, link, name, now, meant.get(name))
        if left != listed(now.get(name)):
            fields[name] = left
        theirs += [name] if lacking(name, before[name], left, same) else []
    if "description" in before:
        text = _without(str(now.get("description") or ""), str({**base, **kept(link.base)}.get("description") or ""), before["description"])
        if text is None:
            theirs.append("description")
        elif text != str(now.get("description") or ""):
            fields["description"] = text or None
    reason = f"kept as people have it now: {', '.join(sorted(theirs)[:5])}" if theirs else ""
    return Step(link=link, action="restore" if fields else "forget", fields=fields, reason=reason)


def _without(now: str, ours: str, before: Any) -> str | None:
    """Take our part out of a text; None when a person has changed that part."""
    former = str(before or "")
    if now.strip() == former.strip() or not ours:
        return now
    if ours not in now:
        return None
    left = now.replace(ours, "", 1).strip("\n")
    return former if left.strip() == former.strip() else left
