"""
Changing a destination record that is there: three ways, field by field.

Only what the source changed is written; what a person changed stays theirs and is asked about once per source value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from streamflow.mapping.changes import APPENDED, BLOCKS, Conflict, Merged, Policy, merge
from streamflow.mapping.items import Same, is_blank, lacking
from streamflow.model import DestId, Disposition, Draft, Fields, Kind, Link, Op, QueueItem, Ref, Staged, Verdict
from streamflow.stages.batch import Write
from streamflow.stages.conflicts import answer, conflict_id, mapped, outdated, told
from streamflow.stages.gone import gone_asked, gone_item, is_wanted_again, over, set_aside
from streamflow.stages.in_part import with_sent
from streamflow.stages.kept import expected, kept, known, rebuilt, unlisted, with_deleted
from streamflow.stages.lists import agreed, put_first, there_before
from streamflow.stages.peoples import added_fields, lost_by_replacing
from streamflow.stages.planning import ACTION_FIELDS, Compare, Facts, both_ways, create_writes, sameness
from streamflow.stages.unknown import ALONE
from streamflow.store.change import Change, Enqueue

_SENT_WHOLE: Mapping[Kind, str] = {"activities": "link:participants"}
"""Kinds of which a change sends the whole record, and whom they name."""

_ALWAYS = ("stageset", "stage")
"""What a lead always has one of, and what none can be taken from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """What updating one existing part comes to."""

    writes: tuple[Write, ...] = ()
    links: tuple[Link, ...] = ()
    changes: tuple[Change, ...] = ()
    busy: bool = False
    anew: bool = False           # it is gone and a person wants it made again


def is_settled(link: Link, fields: Fields, facts: Facts) -> bool:
    """Say whether the source asks for nothing new of a part, so that it need not even be read."""
    before, theirs, fields = known(link.base), kept(link.base), _in_place(link, fields)
    if is_wanted_again(link, facts.directory) or link.ref in facts.sent:
        return False
    for name in {**fields, **before}:
        wanted = fields.get(name)
        if wanted != before.get(name) and not (is_blank(wanted) and is_blank(before.get(name))):
            return False
        if name not in theirs or is_blank(wanted):
            continue
        said = (facts.directory.last_word(conflict_id(link, name, wanted))[0], mapped(link, name, wanted, facts))
        if "take" in said:
            return False
    return True


def _in_place(link: Link, fields: Fields) -> Fields:
    """Let a lead stay where it is when the source comes to ask for no place."""
    return {**{name: value for name, value in known(link.base).items() if name in _ALWAYS}, **fields}


def update_part(draft: Draft, link: Link, fields: Fields, staged: Staged, facts: Facts, *, joins: bool = False) -> Update:
    """Compare base, source and destination, and write only what is ours to write. *joins*: it is another record's, joined just now."""
    fields = _in_place(link, fields)
    if joins and facts.is_busy(link.dest_id):
        return Update(busy=True)     # what is under way knows nothing of who joins, and may take back what the base still tells
    if is_settled(link, fields, facts):
        return Update()
    if facts.is_busy(link.dest_id):
        return Update(busy=True)
    now = facts.now.get(link.dest_id)
    if now is None:
        if is_wanted_again(link, facts.directory):
            return Update(anew=True)
        return Update(changes=(Enqueue(item=gone_item(link, gone_asked(link, facts.directory))),))
    read, now = now, with_deleted(link.base, now, facts.gone)
    line, link = link, with_sent(link, facts.sent.get(link.ref, {}), now, facts.compare)
    decided = _decided(link, fields, staged, facts, now)
    by_map = {name: word for name in {**fields, **known(link.base)} if (word := mapped(link, name, fields.get(name), facts))}
    policies = {**by_map, **decided}
    same = sameness(facts.compare, draft.kind)
    merged = merge(_base_for(link, fields, now, policies, same), fields, now, same=same, policies=policies)
    clearable = merged.changes.keys()
    merged = _leave_theirs(merged, link, fields, now, policies)
    in_place, filled = facts.edits(draft.kind), facts.fills(draft.kind)
    lost = lost_by_replacing(link, now, merged.changes, in_place=in_place, filled=filled, compare=facts.compare) if link.ours else []
    if lost:
        merged = _leave_whole(merged, link, fields, now, decided)
    if link.is_adopted and (joins or not link.base):
        merged = _leave_unknown(merged, link, fields, now, policies)
    is_told = bool(link.base) or link.is_adopted
    news = tuple(
        each for conflict in (*merged.conflicts, *outdated(merged, link, fields, now, facts)) if is_told
        for each in told(conflict, link, staged, by_map, lost, answer(link, conflict.field, conflict.wanted, now, facts)[1], clearable)
    )
    news += tuple(over(link, facts.directory)) if is_wanted_again(link, facts.directory) else ()
    base = _base_after(link, fields, now, merged, facts)
    if not merged.changes:
        quiet = () if base == line.base else (replace(link, base=base, verified="pending"),)
        return Update(links=quiet, changes=news)
    facts.busy.add(link.dest_id)
    before = _image(link, merged, read) if link.is_matched else link.before
    write = Write(
        op=Op.UPDATE, ref=link.ref, dest_kind=link.dest_kind, fields=merged.changes, marker=draft.marker, dest_id=link.dest_id,
        author=facts.directory.author(draft.author), now=dict(read), base=base, before=before, ours=link.ours, force=bool(lost),
        phase=link.phase if link.is_adopted else "",
    )
    # The image of what people had there is in the book before the first byte that changes it is sent.
    image = (replace(link, before=before),) if link.is_matched and before != link.before else ()
    return Update(writes=(write,), links=image, changes=news)


def left_out(link: Link, fields: Fields, facts: Facts) -> set[DestId]:
    """
    Give whom a record of ours is to name, did name, and names no more, where changing it sends all of it (nutshell.md 4.1).

    It may be that people deleted them: the destination shows no deleted record, so what is sent would leave them out for good.
    """
    relation, now = _SENT_WHOLE.get(link.dest_kind, ""), facts.now.get(link.dest_id)
    return unlisted(link.base, now).get(relation, set()).intersection(fields.get(relation) or ()) if now is not None else set()


def create_part(draft: Draft, ref: Ref, fields: Fields, own: Mapping[str, Link], facts: Facts) -> Update:
    """Make a part that is not there yet, unless people removed what it was as another kind: then somebody is asked."""
    was = set_aside(draft.part, own)
    if was is not None and stays_removed(was, facts):
        return Update(changes=(Enqueue(item=gone_item(was, gone_asked(was, facts.directory))),))
    return Update(writes=tuple(create_writes(draft, ref, fields, facts.directory)))


def stays_removed(was: Link, facts: Facts) -> bool:
    """Say whether a part is gone that nobody said was to be made again."""
    return was.dest_id not in facts.now and not is_wanted_again(was, facts.directory)


def leave_to_others(link: Link, fields: Fields, staged: Staged) -> Update:
    """Write nothing to a record that people merged into another source record's; what the source changes of it is asked about once."""
    before = known(link.base)
    names = sorted(name for name in {**fields, **before} if fields.get(name) != before.get(name) and not (
        is_blank(fields.get(name)) and is_blank(before.get(name))
    ))
    if not names:
        return Update()
    item = QueueItem(
        id=conflict_id(link, "merged", {name: fields.get(name) for name in names}), cause="conflict", kind=staged.record.kind,
        key=staged.record.key, decisions=("keep",), suggested="keep", details={"dest_id": link.dest_id, "fields": names},
        reason=f"people merged its record into {link.dest_id}, which follows another; what the source changed was left: {', '.join(names)}",
    )
    return Update(links=(replace(link, base=rebuilt({}, fields)),), changes=(Enqueue(item=item),))


def _base_for(link: Link, fields: Fields, now: Fields, policies: Mapping[str, Policy], same: Same) -> Fields:
    """The base to compare with. A block of ours that stands in the text already is known, whatever a lost answer said of it."""
    theirs = {name for name in kept(link.base) if policies.get(name) == "take"}
    base = {name: value for name, value in known(link.base).items() if name not in theirs}
    for name in sorted((APPENDED & {**fields, **base}.keys()) - theirs):
        base[name] = agreed(same, link, name, now)
    for name in BLOCKS & fields.keys():
        wanted, there = str(fields[name] or ""), str(now.get(name) or "")
        if wanted.strip() and wanted in there and base.get(name):
            base[name] = fields[name]
    return base


def _leave_theirs(merged: Merged, link: Link, fields: Fields, now: Fields, policies: Mapping[str, Policy]) -> Merged:
    """Never write over a value that is kept as theirs, even where it still is what the source held before: it was never ours."""
    theirs = [
        name for name in merged.changes
        if name in kept(link.base) and name not in APPENDED and policies.get(name) != "take" and not is_blank(now.get(name))
    ]
    if not theirs:
        return merged
    conflicts = tuple(
        Conflict(field=name, policy="keep", base=kept(link.base)[name], wanted=fields.get(name), now=now.get(name)) for name in theirs
    )
    changes = {name: value for name, value in merged.changes.items() if name not in theirs}
    return replace(merged, changes=changes, conflicts=(*merged.conflicts, *conflicts))


def _leave_whole(merged: Merged, link: Link, fields: Fields, now: Fields, policies: Mapping[str, Policy]) -> Merged:
    """Change nothing of a record that might have to be replaced with what people put on it, but what a person decided to."""
    held = [name for name in merged.changes if policies.get(name) != "take"]
    conflicts = tuple(
        Conflict(field=name, policy="keep", base=known(link.base).get(name), wanted=fields.get(name), now=now.get(name)) for name in held
    )
    changes = {name: value for name, value in merged.changes.items() if name not in held}
    return replace(merged, changes=changes, conflicts=(*merged.conflicts, *conflicts))


def _leave_unknown(merged: Merged, link: Link, fields: Fields, now: Fields, policies: Mapping[str, Policy]) -> Merged:
    """
    Write nothing to a record of an earlier run that was not compared before: where it differs, nobody can tell who changed what.

    A blank may be what a person cleared, a missing address what they took out.
    """
    unknown = [name for name in merged.changes if name not in known(link.base) and policies.get(name) != "take"]
    conflicts = tuple(Conflict(field=name, policy="keep", base=None, wanted=fields.get(name), now=now.get(name)) for name in unknown)
    changes = {name: value for name, value in merged.changes.items() if name not in unknown}
    return replace(merged, changes=changes, conflicts=(*merged.conflicts, *conflicts))


def _found_there(link: Link, fields: Fields, now: Fields, merged: Merged, same: Same) -> tuple[Fields, Fields]:
    """
    Of a record that existed before us: what was there already and stays theirs, and of lists what we add to theirs.

    The first is remembered as kept, the second is the base: dropping it later must not take their own items along. What an
    earlier write of ours put into a list or text, as the image before it tells, was not there already, though it was never confirmed.
    """
    theirs: Fields = {}
    ours: Fields = {}
    for name in fields if link.is_matched and not link.is_adopted else ():
        if name not in merged.base:
            continue
        is_list = name in APPENDED and isinstance(fields[name], list)
        was_meant = name in APPENDED | BLOCKS and name in (link.before or {})
        is_ours = name in merged.changes or name in expected(link.base) or was_meant
        if is_list and is_ours:
            ours[name] = lacking(name, merged.base[name], there_before(same, link, name, now), same)
        elif not is_ours:
            theirs[name] = fields[name]
    return theirs, ours


def _image(link: Link, merged: Merged, now: Fields) -> Fields:
    """
    Give what people last had in the fields of a record of theirs that we write, which a rollback gives back.

    That is what was there before us; where they put another value in place of ours and the source's goes before it all the same, it is
    that one. Of lists and texts only our own part is ever taken out again.
    """
    replaced = {each.field for each in merged.conflicts} & merged.changes.keys() - APPENDED - BLOCKS
    there = {name: now.get(name) for name in merged.changes}
    return {**there, **(link.before or {}), **{name: there[name] for name in replaced}}


def _changed_since(link: Link, fields: Fields, now: Fields, facts: Facts) -> list[str]:
    """
    Name what people changed: what reads otherwise than when it was read back and found right, whatever becomes of other fields.

    What was not read back yet and reads otherwise than we wrote may be no more than the destination's way to write it. Where the source
    comes to say the very same, it is what people had put there before it.
    """
    kind, alike = link.dest_kind, _alike(link, fields, now, facts.compare)
    has_custom = any(name.startswith("custom:") for name in now)   # else they were not read
    changed = [
        name for name, value in expected(link.base).items()
        if (link.verified == "verified" or name in alike) and (has_custom or not name.startswith("custom:"))
        and facts.compare(kind, name, value, now.get(name)) is Verdict.DIFFERS
        and not (name in BLOCKS and str(value or "") in str(now.get(name) or ""))
    ]
    filled = added_fields(link, now, facts.fills(kind)) if link.ours else ()
    return [*changed, *(name for name in filled if name in alike)]


def _alike(link: Link, fields: Fields, now: Fields, compare: Compare) -> set[str]:
    """Name the fields that hold just what the source says now, but for lists and texts: of those only our part is ever ours."""
    names = {name for name in fields.keys() - APPENDED - BLOCKS if not is_blank(fields[name])}
    return {name for name in names if both_ways(compare, link.dest_kind, name, fields[name], now.get(name))}


def _put_first(link: Link, fields: Fields, now: Fields, facts: Facts, same: Same) -> Fields:
    """Give, by list, what people had put there before the source came to say it; what the destination fills by itself is nobody's."""
    sent, lists = facts.sent.get(link.ref, {}), (APPENDED & fields.keys()).difference(facts.fills(link.dest_kind))
    return {name: put_first(same, link, name, fields[name], now, sent.get(name, ())) for name in sorted(lists)}


def _base_after(link: Link, fields: Fields, now: Fields, merged: Merged, facts: Facts) -> Fields:
    """
    What is ours to find again, and of which fields theirs stands.

    A value of theirs to which the source comes stays theirs, unless somebody said that this very value of the source goes.
    """
    asked = {each.field for each in merged.conflicts}
    theirs = {name: fields.get(name) for name in (*asked, *_changed_since(link, fields, now, facts)) if name not in merged.changes}
    same = sameness(facts.compare, link.dest_kind)
    items = _put_first(link, fields, now, facts, same)
    line = replace(link, base=rebuilt(expected(link.base), kept(link.base), items))
    found, added = _found_there(line, fields, now, merged, same)
    theirs = {**found, **theirs}
    alike = _alike(link, fields, now, facts.compare)
    for name, value in kept(link.base).items():
        regained = name in merged.changes or both_ways(facts.compare, link.dest_kind, name, fields.get(name), now.get(name))
        if name not in theirs and name in merged.base and (name in alike or not regained):
            theirs[name] = fields.get(name, value)
    taken = {
        name for name in alike.intersection(kept(link.base))
        if facts.directory.last_word(conflict_id(link, name, fields[name]))[0] == "take"
    }
    return rebuilt({**merged.base, **added}, {name: value for name, value in theirs.items() if name not in taken}, items)


def base_after(link: Link, update: Update) -> Fields:
    """Give what will be ours of an existing part once its update is done."""
    if update.writes:
        return update.writes[-1].base
    return update.links[-1].base if update.links else link.base


def _decided(link: Link, fields: Fields, staged: Staged, facts: Facts, now: Fields) -> dict[str, Policy]:
    """
    Take what a person decided about this very value; else theirs is kept and asked about.

    The actions of a record of ours that was never finished are still to be done, and a lead of ours that stands where it began was
    put there by nobody: what is there is the destination's default.
    """
    found: dict[str, Policy] = {}
    for name in {**fields, **known(link.base)}:
        if answer(link, name, fields.get(name), now, facts)[0] == "take":
            found[name] = "take"
    if link.ours and _was_never_finished(staged):
        found.update({name: "take" for name in ACTION_FIELDS if name in fields and name not in known(link.base)})
    if link.ours and _stands_where_it_began(link, now, facts):
        found.update({name: "take" for name in _ALWAYS if name in fields and name not in known(link.base)})
    return found


def _was_never_finished(staged: Staged) -> bool:
    """Say so of a record that is not done, or was refused, or waits for its first writes after it had waited for something else."""
    return staged.disposition in (None, Disposition.FAILED) or (staged.disposition is Disposition.FLAGGED and staged.ground == ALONE)


def _stands_where_it_began(link: Link, now: Fields, facts: Facts) -> bool:
    """Say whether a lead is in the stage that we put it in, else in the first one of the pipeline that we or nobody chose."""
    base = known(link.base)
    begun = base.get("stage") or facts.directory.first_stages.get(str(base.get("stageset") or ""))
    return bool(begun) and now.get("stage") == begun
