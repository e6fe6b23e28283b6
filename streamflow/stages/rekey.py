"""
Records whose key was made by the reader, since the source gives them none: they keep their place when what the key is made of changes.

Rule 1: a key that went and one that came are the same record only under one parent, in one reading that shows all of that parent's, and
when it is one for one. Anything less is two records.
Rule 2: what has nothing but a text to tell it by may have been written anew. Where one made key went and one came between two readings,
nothing else accounts for either, and all but that text stays, they are one as well; a real key is never the other one, and what an earlier
reading already lacked is gone.
Rule 3: where the key cannot change just now (a write of the record is open), the record is staged under the one it has; it changes later.
One that is to go up in another then is noted, since later readings may no longer tell.
Rule 4: where the record is known by its real key already, all that the made key is made of must be the same, and the reading shows one of
the two. The made one goes up in it; one that the reading calls by a made key is staged under its real one. Two that were ever shown
beside each other are two.
Rule 5: where a parent shows a record that was another's before, both were merged at the source: what that other one had goes on under the
new parent by whatever key it is shown there.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from streamflow.model import UNSETTLED_INTENTS, AuditEntry, Key, Kind, Page, Record
from streamflow.platforms.source import MADE_KEY, Stream
from streamflow.stages import formerly
from streamflow.stages.accepted import ACCEPTED
from streamflow.stages.gone import written_following
from streamflow.stages.reopened import ALONG, ASKED
from streamflow.store.base import Ledger
from streamflow.store.change import Audit, Change, Fold, PutSetting, Rekey, Reopen

Same = Callable[[Record, Record], bool]

BESIDE: Final = "beside:"
"""Prefix of the setting that says that a record was shown beside another one, by its kind and key: they are two."""
OWED: Final = "fold:"
"""
Prefix of the setting that names the record in which one is to go up, by its kind and key.

The setting goes along with the key in its name (`_renaming`); the key that is its value never changes, so nothing follows that: a record
goes up only in one that has a real key, and only made keys are ever changed, or go up in another.
"""
BY_KEY: Final = (ASKED, ALONG, ACCEPTED, BESIDE)
"""Prefixes of settings that are named by the kind and key of a record, and go along with it: each that is belongs here."""


def successors(gone: Iterable[Record], fresh: Sequence[Record], same: Same) -> Sequence[tuple[Key, Key]]:
    """Give (former key, present key) of those that are one record by *same*, one for one. Pure."""
    after = {each.key: [record.key for record in fresh if same(each, record)] for each in gone}
    before: dict[Key, int] = {}
    for keys in after.values():
        for key in keys:
            before[key] = before.get(key, 0) + 1
    return [(old, keys[0]) for old, keys in after.items() if len(keys) == 1 and before[keys[0]] == 1]


def alike(names: Sequence[str]) -> Same:
    """Give what compares a former record with a present one by these fields; a key that the source itself gave never changes."""

    def same(one: Record, other: Record) -> bool:
        return _is_made(one) and all(_text(one, name) == _text(other, name) for name in names)

    return same


def twins(rules: Sequence[str]) -> Same:
    """Give what compares a record under a made key with one under a real one, by all that a made key is made of (`Stream.made_of`)."""

    def told_alike(one: Record, other: Record, names: Sequence[str]) -> bool:
        both = [(_text(one, name), _text(other, name)) for name in names]
        told = [left == right for left, right in both if left and right]
        return all(told) and (bool(told) or not any(left or right for left, right in both))

    def same(one: Record, other: Record) -> bool:
        alternatives = [rule.partition("[:")[0].split("|") for rule in rules]
        return _is_made(one) and not _is_made(other) and all(told_alike(one, other, names) for names in alternatives)

    return same


@dataclass(slots=True)
class Names:
    """What a page means for the names of one kind."""

    rekeyed: list[tuple[Key, Key]] = field(default_factory=list)     # they go by the second key from now on
    folded: list[tuple[Key, Key]] = field(default_factory=list)      # the first goes up in the second, which is known too
    shown_as: dict[Key, Key] = field(default_factory=dict)           # what the page calls by the first is staged under the second
    beside: list[tuple[Key, Key]] = field(default_factory=list)      # shown beside each other: two records


def judged(
    stream: Stream, known: Sequence[Record], shown: Sequence[Record], there: Mapping[Key, Record], *,
    lately: Collection[Key] = (), merged: Sequence[Record] = (), apart: Collection[Key] = (),
) -> Names:  # fmt: skip
    """
    Say what becomes of the names under one parent: of what is *known* there and what is *shown* now (*there*: as it is staged). Pure.

    *lately*: what of that the reading before this one showed. *merged*: what parents had that were merged into this one. *apart*: what
    was ever shown beside another one, and goes up in none.
    """
    found, now = Names(), {each.key: each for each in shown}
    everything = {**{each.key: each for each in known}, **now}.values()
    made = [each for each in everything if _is_made(each)] if stream.made_of else []
    real = [each for each in everything if not _is_made(each)]
    same = twins(stream.made_of)
    beside = {old.key: new.key for old in made if old.key in now for new in real if new.key in now and same(old, new)}
    found.beside = [(old, new) for old, new in beside.items() if old not in apart]
    for old, new in successors(made, real, same) if made and real else ():
        if old in beside or old in apart:
            continue
        if old in now:
            found.shown_as[old] = new
            found.folded += [(old, new)] if old in there else []
        elif new in now and new in there:
            found.folded.append((old, new))
    paired = {old for old, _ in found.folded}
    gone = [each for each in known if each.key not in now and each.key not in paired]
    came = [each for each in shown if _came(each, there.get(each.key), stream.same_by)]
    brought = [each for each in merged if each.key not in now]
    pairs = list(successors([*gone, *brought], came, alike(stream.same_by))) if came and (gone or brought) else []
    named = {key for pair in pairs for key in pair} | found.shown_as.keys()
    fresh = [each for each in came if _is_made(each) and each.key not in named]
    found.shown_as |= successors(fresh, [each for each in brought if not _is_made(each)], alike(stream.same_by))
    if stream.rewritten and gone and fresh:
        left = [each for each in gone if each.key in lately and each.key not in named]
        pairs += _rewritten(stream, left, [each for each in fresh if each.key not in found.shown_as])
    for old, new in pairs:
        home = found.shown_as.get(new, new)
        if home == new and new not in there:
            found.rekeyed.append((old, new))
        elif old not in apart:
            found.folded.append((old, home))
    return found


def _rewritten(stream: Stream, gone: Sequence[Record], came: Sequence[Record]) -> Sequence[tuple[Key, Key]]:
    """Give those that were written anew: under another made key, with all but what may change (`Stream.rewritten`) the same."""
    return successors(gone, came, alike([name for name in stream.same_by if name not in stream.rewritten]))


def _came(shown: Record, known: Record | None, names: Sequence[str]) -> bool:
    """Say whether a record is new here: not known at all, or by its real key alone and as belonging to something else."""
    if known is None or _is_made(shown):
        return known is None
    return known.parent != shown.parent or any(_text(known, name) != _text(shown, name) for name in names)


async def hand_over(ledger: Ledger, streams: Iterable[Stream], page: Page) -> Page:
    """
    Let records of a page that is about to be staged go on under their new keys; answers the page as it is to be staged.

    Only kinds of which the page shows all that its own records have are looked at (`Stream.same_by`).
    """
    changing = [each for each in streams if each.same_by and page.kind in (each.via, *each.fed_by)]
    if not changing or page.gaps:
        return page
    parents = [record.key for record in page.records if record.kind == page.kind]
    homes = await _former_homes(ledger, page, parents)
    kept: dict[tuple[Kind, Key], Key] = {}
    for stream in changing:
        shown = [record for record in page.records if record.kind == stream.kind]
        await _make_up(ledger, stream.kind, {record.key for record in shown})
        for found in await _found(ledger, stream, page.kind, homes, shown):
            kept |= {(stream.kind, new): old for new, old in (await _carried_out(ledger, stream.kind, found)).items()}
    return replace(page, records=tuple(replace(each, key=kept.get((each.kind, each.key), each.key)) for each in page.records))


async def _former_homes(ledger: Ledger, page: Page, parents: Sequence[Key]) -> Mapping[Key, Collection[Key]]:
    """Give each parent of a page with those whose records it shows now, as far as the page does not show them too."""
    homes: dict[Key, set[Key]] = {key: set() for key in parents}
    inner: dict[Kind, dict[Key, Record]] = {}
    for record in page.records:
        if record.parent in homes and not _is_made(record) and record.kind != page.kind:
            inner.setdefault(record.kind, {})[record.key] = record
    for kind, shown in inner.items():
        for key, each in (await ledger.staged(kind, sorted(shown))).items():
            if (home := each.record.parent) is not None and home not in homes:
                homes[shown[key].parent or ""].add(home)
    return homes


async def _found(
    ledger: Ledger, stream: Stream, over: Kind, homes: Mapping[Key, Collection[Key]], shown: Sequence[Record]
) -> list[Names]:  # fmt: skip
    seen = {key: each.last_seen for key, each in (await ledger.staged(over, list(homes))).items()} if stream.rewritten else {}
    known = await ledger.children_of(stream.kind, sorted({*homes, *(key for keys in homes.values() for key in keys)}))
    staged = await ledger.staged(stream.kind, sorted({record.key for record in shown}))
    there = {key: each.record for key, each in staged.items()}
    apart = {name.removeprefix(_beside(stream.kind, "")) for name in await ledger.settings(_beside(stream.kind, ""))}
    by_parent: dict[Key | None, list[Record]] = {}
    for record in shown:
        by_parent.setdefault(record.parent, []).append(record)
    found: list[Names] = []
    for parent, former in homes.items():
        held = known.get(parent, ())
        merged = [each.record for key in sorted(former) for each in known.get(key, ())]
        if held or merged or parent in by_parent:
            lately = {each.record.key for each in held if parent in seen and each.last_seen >= seen[parent]}
            own = [each.record for each in held]
            found.append(judged(stream, own, by_parent.get(parent, ()), there, lately=lately, merged=merged, apart=apart))
    return found


async def _carried_out(ledger: Ledger, kind: Kind, found: Names) -> Mapping[Key, Key]:
    """Change what can be changed now; answers under which key the page's records are to be staged, where it is another one."""
    if found.beside:
        await ledger.commit([PutSetting(name=_beside(kind, old), value=new) for old, new in found.beside])
    kept = dict(found.shown_as)
    for old, new in found.folded:
        if await _is_free(ledger, kind, (old, new)):
            await ledger.commit(await _folded(ledger, kind, old, new))
        else:
            kept.pop(old, None)
            await ledger.commit([PutSetting(name=f"{_owed(kind)}{old}", value=new)])
    return kept | {new: old for old, new in found.rekeyed if not await renamed(ledger, kind, old, new)}


async def renamed(ledger: Ledger, kind: Kind, old: Key, new: Key, *told: Change) -> bool:
    """Let a record go by another key, and note what is *told* with it, unless a write of it is open; says whether it does."""
    if not await _is_free(ledger, kind, (old, new)) or await ledger.links_of(kind, [new]):
        return False
    await ledger.commit([*await _renaming(ledger, kind, old, new), *told])
    return True


async def _make_up(ledger: Ledger, kind: Kind, shown: Collection[Key]) -> None:
    """Let go up in another what could not when it was seen; two that are *shown* beside each other meanwhile are two."""
    for name, new in (await ledger.settings(_owed(kind))).items():
        old = name.removeprefix(_owed(kind))
        done = PutSetting(name=name, value=None)
        if old in shown:     # it did not go: what is to become of it is for this reading to say
            await ledger.commit([done, *([PutSetting(name=_beside(kind, old), value=new)] if new in shown else [])])
        elif len(await ledger.staged(kind, [old, new])) < len((old, new)):
            await ledger.commit([done])
        elif await _is_free(ledger, kind, (old, new)):
            await ledger.commit([*await _folded(ledger, kind, old, new), done])


async def _is_free(ledger: Ledger, kind: Kind, keys: Sequence[Key]) -> bool:
    """Say whether no write of these records waits for its outcome."""
    writes = await ledger.intents_by_key(kind, keys)
    return all(intent.state not in UNSETTLED_INTENTS for intents in writes.values() for intent in intents)


async def _renaming(ledger: Ledger, kind: Kind, old: Key, new: Key) -> list[Change]:
    note = "the same record under another key"
    entry = AuditEntry(actor="streamflow", action="record.renamed", kind=kind, key=new, before=old, note=note)
    followed = [*await _following(ledger, kind, old, new), *await _carried(ledger, OWED, kind, old, new)]
    return [Rekey(kind=kind, old=old, new=new), *followed, Audit(entry=entry)]


async def _folded(ledger: Ledger, kind: Kind, old: Key, new: Key) -> list[Change]:
    """What was made of both stands twice: the record is planned again, and what is one too many goes or is asked about."""
    note = "the same record, read under both keys: what was made twice of it is removed, or asked about where people worked on it"
    entries = [
        AuditEntry(actor="streamflow", action="record.folded", kind=kind, key=key, before=old, after=new, note=note) for key in (old, new)
    ]
    followed = await _following(ledger, kind, old, new)
    return [Fold(kind=kind, old=old, into=new), Reopen(kind=kind, keys=(new,)), *followed, *(Audit(entry=entry) for entry in entries)]


async def _following(ledger: Ledger, kind: Kind, old: Key, new: Key) -> list[Change]:
    """Let go along what the stages keep by a record's key, and the ledger does not know of."""
    named = [change for prefix in BY_KEY for change in await _carried(ledger, prefix, kind, old, new)]
    follow = (formerly.following, written_following)
    return named + [change for each in follow for change in await each(ledger, kind, old, new)]


async def _carried(ledger: Ledger, prefix: str, kind: Kind, old: Key, new: Key) -> list[Change]:
    """Note under the key that a record goes by from now on what is noted under its own; what is noted there already stays."""
    before, now = f"{prefix}{kind}:{old}", f"{prefix}{kind}:{new}"
    if (value := await ledger.setting(before)) is None:
        return []
    return [PutSetting(name=before, value=None), *([PutSetting(name=now, value=value)] if await ledger.setting(now) is None else [])]


def _beside(kind: Kind, key: Key) -> str:
    return f"{BESIDE}{kind}:{key}"


def _owed(kind: Kind) -> str:
    return f"{OWED}{kind}:"


def _is_made(record: Record) -> bool:
    return record.key.startswith(MADE_KEY)


def _text(record: Record, name: str) -> str:
    return str(record.data.get(name) or "")
