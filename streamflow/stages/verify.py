"""
Reading back what was written, and judging it field by field.

Expected values are the base of the crosswalk: what the map made of the source, as it was written. Actual values come from
the destination alone. A field that cannot be read is unreadable, never equal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from streamflow.model import AuditEntry, DestId, FieldCheck, Fields, Kind, Link, Verdict
from streamflow.platforms.base import Reader
from streamflow.stages.batch import Loaded
from streamflow.store.base import Audit, Change, Ledger, MarkVerified

READ_AT_ONCE = 50
GOOD = (Verdict.EQUAL, Verdict.NORMALISED, Verdict.LOSSY)


def judge(link: Link, actual: Fields | None, compare: Callable[[Kind, str, object, object], Verdict]) -> MarkVerified:
    """Compare every field of the base with what was read; None: the record is gone."""
    checks = []
    for name, expected in link.base.items():
        if actual is None:
            verdict, value = Verdict.DIFFERS, None
        else:
            value = actual.get(name)   # whole records are read here: a name that is missing holds nothing
            verdict = compare(link.dest_kind, name, expected, value)
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


class Verifier:
    """Reads back written records by the route that costs the fewest calls."""

    def __init__(self, *, ledger: Ledger, reader: Reader) -> None:
        self._ledger = ledger
        self._reader = reader

    async def verify(self, batch: Loaded) -> None:
        """Verify a batch at once where whole records can be read many at a time; the rest stays pending for `settle`."""
        by_kind: dict[Kind, list[Link]] = {}
        for link in batch.written:
            if not link.is_merged and self._reader.route(link.dest_kind) == "payload":
                by_kind.setdefault(link.dest_kind, []).append(link)
        for kind, links in by_kind.items():
            await self.check(kind, links)

    async def check(self, kind: Kind, links: Sequence[Link]) -> dict[str, int]:
        """Read these links back by id and record the verdicts; answers how many links ended in which state."""
        result: dict[str, int] = {}
        for start in range(0, len(links), READ_AT_ONCE):
            chunk = links[start : start + READ_AT_ONCE]
            actual = await self._reader.read(kind, [link.dest_id for link in chunk], custom=True)
            await self._record(chunk, actual, result)
        return result

    async def settle(self, kind: Kind) -> dict[str, int]:
        """Verify all pending links of a destination kind, by pages of a whole-record search when that is cheaper than a call each."""
        result: dict[str, int] = {}
        if self._reader.route(kind) == "search":
            if await self._count_pending(kind) > READ_AT_ONCE:
                await self._sweep(kind, result)
        while links := await self._ledger.unverified(kind, limit=READ_AT_ONCE):
            for state, count in (await self.check(kind, links)).items():
                result[state] = result.get(state, 0) + count
        return result

    async def _count_pending(self, kind: Kind) -> int:
        counts = await self._ledger.link_counts()
        return sum(count for (_, dest_kind, state), count in counts.items() if dest_kind == kind and state == "pending")

    async def _sweep(self, kind: Kind, result: dict[str, int]) -> None:
        """Judge pending links against pages of everything; what differs is left for a direct read, since the search lags."""
        async for page in self._reader.everything(kind, custom=True):
            links = [link for link in await self._ledger.links_to(list(page)) if link.verified == "pending" and not link.is_merged]
            marks = [judge(link, page[link.dest_id], self._reader.compare) for link in links]
            good: list[Change] = [mark for mark in marks if mark.verified == "verified"]
            await self._ledger.commit(good)
            result["verified"] = result.get("verified", 0) + len(good)

    async def _record(self, links: Sequence[Link], actual: Mapping[DestId, Fields], result: dict[str, int]) -> None:
        changes: list[Change] = []
        for link in links:
            mark = judge(link, actual.get(link.dest_id), self._reader.compare)
            result[mark.verified] = result.get(mark.verified, 0) + 1
            changes.append(mark)
            if mark.verified != "verified":
                fields = [check.field for check in mark.checks if check.verdict not in GOOD]
                changes.append(Audit(entry=AuditEntry(
                    actor="streamflow", action=f"verify.{mark.verified}", kind=link.ref.kind, key=link.ref.key, dest_id=link.dest_id,
                    note=", ".join(fields),
                )))
        await self._ledger.commit(changes)
