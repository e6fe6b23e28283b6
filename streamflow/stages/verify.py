"""
Reading back what was written, and judging it field by field.

Expected values are the base of the crosswalk: what the map made of the source, as it was written. Actual values come from
the destination alone. A difference counts once it was seen twice, and only when no person made it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias

from streamflow.ledger_names import STOCK
from streamflow.mapping.changes import BLOCKS
from streamflow.model import AuditEntry, DestId, FieldCheck, Fields, Kind, Link, Ref, Verdict, kind_of
from streamflow.platforms.destination import Feed, Reader
from streamflow.stages.batch import Loaded
from streamflow.stages.differences import Differences
from streamflow.stages.kept import expected as expected_of
from streamflow.stages.kept import unlisted, with_deleted
from streamflow.stages.vanished import Vanished
from streamflow.store.base import NO_REF, Ledger
from streamflow.store.change import Audit, Change, MarkVerified, PutLink

READ_AT_ONCE = 50
SWEEP_CALLS_A_HUNDRED = 3     # one search page of whole records and two reads of fifty
AGAIN_AT_MOST = 50            # links about whose difference somebody was asked, looked at again each time
GOOD = (Verdict.EQUAL, Verdict.NORMALISED, Verdict.LOSSY)

Marks: TypeAlias = dict[Ref, MarkVerified]
"""The last verdict on each link, with the values that were read."""


def judge(link: Link, actual: Fields | None, compare: Callable[[Kind, str, object, object], Verdict]) -> MarkVerified:
    """Compare every field of ours with what was read; None: the record is gone. Fields of which a person's version stands are not ours."""
    checks = []
    for name, expected in expected_of(link.base).items():
        if actual is None:
            verdict, value = Verdict.DIFFERS, None
        else:
            value = actual.get(name)   # whole records are read here: a name that is missing holds nothing
            verdict = compare(link.dest_kind, name, expected, value)
            if verdict is Verdict.DIFFERS and name in BLOCKS and holds_block(value, expected):
                verdict = Verdict.NORMALISED   # people write above and below a text of ours
        checks.append(FieldCheck(
            ref=link.ref, dest_kind=link.dest_kind, dest_id=link.dest_id, field=name, verdict=verdict, expected=expected, actual=value,
        ))
    if any(check.verdict is Verdict.DIFFERS for check in checks):
        state = "differs"
    elif any(check.verdict is Verdict.UNREADABLE for check in checks):
        state = "unreadable"
    else:
        state = "verified"
    return MarkVerified(ref=link.ref, verified=state, checks=tuple(checks))


def holds_block(text: object, block: object) -> bool:
    """Say whether all lines of a block stand one below the other somewhere in a text."""
    whole, part = ([line.strip() for line in str(each or "").strip().splitlines()] for each in (text, block))
    return bool(part) and any(whole[at : at + len(part)] == part for at in range(len(whole) - len(part) + 1))


def is_sweep_cheaper(pending: int, whole: int) -> bool:
    """Say whether paging through all *whole* records of a kind costs fewer calls than a call for each pending one."""
    return SWEEP_CALLS_A_HUNDRED * (whole // 100 + 1) < pending


class Verifier:
    """Reads back written records by the route that costs the fewest calls; without *feed* a person's change looks like a fault."""

    def __init__(self, *, ledger: Ledger, reader: Reader, feed: Feed | None = None, vanished: Vanished | None = None) -> None:
        self._ledger = ledger
        self._reader = reader
        self._vanished = vanished
        self._differences = Differences(ledger=ledger, feed=feed)
        self._waiting: Counter[Kind] = Counter()
        self._turns: dict[Kind, Ref] = {}      # the last of those waiting for an answer that was looked at again

    async def verify(self, batch: Loaded) -> None:
        """Verify what was written by full calls, where whole records can be read many at a time; the rest stays pending for `settle`."""
        self._waiting.update(
            link.dest_kind for link in batch.written if not link.is_merged and self._reader.route(link.dest_kind) == "payload"
        )
        for kind in [kind for kind, count in self._waiting.items() if count >= READ_AT_ONCE]:
            self._waiting[kind] -= READ_AT_ONCE
            await self.check(kind, await self._ledger.unverified(kind, limit=READ_AT_ONCE))

    async def check(self, kind: Kind, links: Sequence[Link], *, marks: Marks | None = None) -> dict[str, int]:
        """Read these links back by id and record the verdicts, in *marks* too; answers how many links ended in which state."""
        result: dict[str, int] = {}
        for start in range(0, len(links), READ_AT_ONCE):
            chunk = links[start : start + READ_AT_ONCE]
            actual = await self._reader.read(kind, [link.dest_id for link in chunk], custom=True)
            merged = await self._merged(kind, [link.dest_id for link in chunk if link.dest_id not in actual])
            chunk = [link for link in chunk if link.dest_id not in merged]
            await self._record(chunk, await self._with_deleted(chunk, actual), result, marks)
        return result

    async def _with_deleted(self, links: Sequence[Link], actual: Mapping[DestId, Fields]) -> Mapping[DestId, Fields]:
        """Give what was read with those whom it named and people deleted since: the destination shows nobody who is deleted."""
        asked: dict[Kind, set[DestId]] = {}
        for link in links:
            for ids in unlisted(link.base, actual[link.dest_id]).values() if link.dest_id in actual else ():
                for dest_id in ids:
                    asked.setdefault(kind_of(dest_id), set()).add(dest_id)
        if not asked or self._vanished is None:
            return actual
        fates = [await self._vanished.look(kind, ids) for kind, ids in sorted(asked.items())]
        gone = {dest_id for each in fates for dest_id, survivor in each.items() if survivor is None}
        shown = dict(actual)
        for link in links:
            if link.dest_id in shown:
                shown[link.dest_id] = with_deleted(link.base, shown[link.dest_id], gone)
        return shown

    async def _merged(self, kind: Kind, missing: Sequence[DestId]) -> set[DestId]:
        """Give those that people merged into others: their lines wait for verification there from now on."""
        fates = await self._vanished.look(kind, missing) if self._vanished is not None and missing else {}
        return {dest_id for dest_id, survivor in fates.items() if survivor is not None}

    async def settle(self, kind: Kind, *, marks: Marks | None = None) -> dict[str, int]:
        """
        Verify all pending links of a destination kind, by pages of a whole-record search when that is cheaper than a call each.

        Each pending link is looked at once; what differs is looked at again, and what a person changed is theirs from then on.
        *marks* takes the verdicts with the values that were read, for whoever shows them: nobody need read the same again.
        """
        result: dict[str, int] = {}
        self._waiting[kind] = 0
        pending, whole, differing = await self._numbers(kind)
        if pending and self._reader.route(kind) == "search" and is_sweep_cheaper(pending, whole):
            await self._sweep(kind, result, marks)
        after = ""
        while pending and (links := await self._ledger.unverified(kind, limit=READ_AT_ONCE, after=after)):
            after = links[-1].dest_id
            for state, count in (await self.check(kind, links, marks=marks)).items():
                result[state] = result.get(state, 0) + count
        if differing or result.get("differs"):
            await self._look_again(kind, result, marks)
        return result

    async def _numbers(self, kind: Kind) -> tuple[int, int, int]:
        """Links of a kind that are pending, records of it that a sweep pages through as far as we know, links that differ."""
        counts = {name: n for name, n in (await self._ledger.link_counts()).items() if name[1] == kind}
        stock = (await self._ledger.setting(STOCK) or {}).get(kind, 0)
        in_state = {state: sum(n for name, n in counts.items() if name[2] == state) for state in ("pending", "differs")}
        return in_state["pending"], stock + sum(counts.values()), in_state["differs"]

    async def _sweep(self, kind: Kind, result: dict[str, int], kept: Marks | None) -> None:
        """Judge pending links against pages of everything; what differs is left for a direct read, since the search lags."""
        async for page in self._reader.everything(kind, custom=True):
            links = [link for link in await self._ledger.links_to(list(page)) if link.verified == "pending" and not link.is_merged]
            marks = [judge(link, page[link.dest_id], self._reader.compare) for link in links]
            good = [mark for mark in marks if mark.verified == "verified"]
            if good:
                await self._ledger.commit(good)
            _keep(kept, good)
            result["verified"] = result.get("verified", 0) + len(good)

    async def _look_again(self, kind: Kind, result: dict[str, int], kept: Marks | None) -> None:
        """Read differing links once more: each that nobody was asked about yet, and in turn some of those that wait for an answer."""
        waiting: list[Link] = []
        after = NO_REF
        while links := await self._ledger.differing(kind, limit=READ_AT_ONCE, after=after):
            after = links[-1].ref
            asked = await self._differences.waiting(links)
            waiting = _next_in_turn([*waiting, *(link for link in links if link.ref in asked)], self._turns.get(kind, NO_REF))
            await self._read_again(kind, [link for link in links if link.ref not in asked], result, kept)
        if waiting:
            self._turns[kind] = waiting[-1].ref
            await self._read_again(kind, waiting, result, kept)

    async def _read_again(self, kind: Kind, links: list[Link], result: dict[str, int], kept: Marks | None) -> None:
        """Read these once more; what still differs is a person's, or accepted, or asked about."""
        if not links:
            return
        actual = await self._reader.read(kind, [link.dest_id for link in links], custom=True)
        marks = {link.ref: judge(link, actual.get(link.dest_id), self._reader.compare) for link in links}
        changes: list[Change] = []
        for place, moved in enumerate(await self._followed(links, marks)):
            if moved != links[place]:
                links[place], marks[moved.ref] = moved, judge(moved, actual.get(moved.dest_id), self._reader.compare)
                changes.append(PutLink(link=moved))
        changes += [mark for mark in marks.values() if mark.verified != "differs"]
        still = [link for link in links if marks[link.ref].verified == "differs"]
        for link, settled in await self._differences.settle(still, marks, gone={link.ref for link in still if link.dest_id not in actual}):
            changes += settled
            mark = judge(link, actual.get(link.dest_id), self._reader.compare)
            changes.append(mark)
            marks[link.ref] = mark
        await self._ledger.commit(changes)
        _keep(kept, marks.values())
        cleared = sum(1 for mark in marks.values() if mark.verified == "verified")
        result["differs"] = max(0, result.get("differs", 0) - cleared)
        result["verified"] = result.get("verified", 0) + cleared

    async def _followed(self, links: Sequence[Link], marks: Mapping[Ref, MarkVerified]) -> list[Link]:
        """Give the links as they are to read where what they differ in is a relation to a record that people merged into another."""
        related = [
            link for link in links
            if any(check.verdict is Verdict.DIFFERS and check.field.startswith("link:") for check in marks[link.ref].checks)
        ]
        moved = await self._vanished.followed(related) if self._vanished is not None and related else {}
        return [moved.get(link.ref, link) for link in links]

    async def _record(
        self, links: Sequence[Link], actual: Mapping[DestId, Fields], result: dict[str, int], kept: Marks | None
    ) -> None:
        changes: list[Change] = []
        for link in links:
            mark = judge(link, actual.get(link.dest_id), self._reader.compare)
            result[mark.verified] = result.get(mark.verified, 0) + 1
            changes.append(mark)
            _keep(kept, [mark])
            if mark.verified != "verified":
                fields = [check.field for check in mark.checks if check.verdict not in GOOD]
                changes.append(Audit(entry=AuditEntry(
                    actor="streamflow", action=f"verify.{mark.verified}", kind=link.ref.kind, key=link.ref.key, dest_id=link.dest_id,
                    note=", ".join(fields),
                )))
        await self._ledger.commit(changes)


def _next_in_turn(links: Sequence[Link], last: Ref) -> list[Link]:
    """Give as many as are looked at again each time, those behind *last* first; in order of their records."""
    behind = [link for link in links if link.ref > last]
    return [*behind, *(link for link in links if link.ref <= last)][:AGAIN_AT_MOST]


def _keep(kept: Marks | None, marks: Iterable[MarkVerified]) -> None:
    """Put verdicts where somebody wants to see them."""
    if kept is not None:
        kept.update((mark.ref, mark) for mark in marks)
