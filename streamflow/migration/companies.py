"""Companies are made out of what people say: clusters are kept as staged records of a kind of their own and travel like any other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

from streamflow.compact import Numbers
from streamflow.mapping.companies import Companies, Lookalikes
from streamflow.mapping.compiled import compile_map
from streamflow.mapping.derived import Context
from streamflow.mapping.document import MapDocument
from streamflow.mapping.text import squeeze
from streamflow.migration.context import Migration
from streamflow.model import Disposition, Key, Kind, QueueItem, Record, RecordState, Staged
from streamflow.stages.accepted import as_accepted
from streamflow.stages.planning import finish_of
from streamflow.store.change import Enqueue, Finish, Reopen

PAGE = 500
AMBIGUOUS = "company_ambiguous"
UNNAMED = "unnamed"
"""The ground of a company of which nothing is made: nobody names it any more, or it is the same as another one."""


class Clusters(Companies):
    """Companies of which whole clusters may be joined by a decision, and texts taken away again when a person changes."""

    def __init__(self, decisions: Mapping[str, str], joined: Mapping[Key, Key]) -> None:
        super().__init__(decisions)
        self._joined = dict(joined)          # cluster -> cluster it was found to be the same as

    def cluster_of(self, text: str, own_name: str = "") -> Key | None:
        """Give the cluster of a text; every spelling of a joined cluster, also one seen later, belongs to the one it was joined with."""
        key = super().cluster_of(text, own_name)
        seen: set[Key] = set()
        while key is not None and key in self._joined and key not in seen:
            seen.add(key)
            key = self._joined[key]
        return key

    def remove(self, text: str, key: Key) -> None:
        """Take back one count of a text; a cluster without any text is no more."""
        spellings, shown = self._spellings.get(key, {}), squeeze(text)
        spellings[shown] = spellings.get(shown, 0) - 1
        if spellings[shown] < 1:
            del spellings[shown]
        if not spellings:
            self._spellings.pop(key, None)


class CompanyTable:
    """All company texts of all people; made anew from the ledger at start, kept up to date by what a round touched."""

    def __init__(self, migration: Migration, document: MapDocument, joined: Mapping[Key, Key]) -> None:
        self._m = migration
        self.companies = Clusters(document.companies, joined)
        self._person = migration.pair.person.kind
        self.kind = migration.pair.company.kind if migration.pair.company is not None else ""
        self._texts = compile_map(document, migration.pair, Context()).company_text
        self._counted = Numbers()                                   # person -> place of what was counted of it
        self._places: dict[tuple[str, Key | None], int] = {}        # (text, its cluster) -> place
        self._said: list[tuple[str, Key | None]] = [("", None)]     # by place
        self._is_counted = False

    def key_of(self, record: Record) -> Key | None:
        """Give the cluster that a person belongs to; None when it names no company."""
        return self.companies.cluster_of(*self._texts(record))

    async def refresh(self, keys: Sequence[Key] | None = None) -> int:
        """
        Count the people of these keys (all, the first time), stage the clusters they bring; answers how many were new or changed.

        Clusters that nobody names any more, or that a decision joined with another, are given up as long as nothing was made of them.
        """
        if not self.kind:
            return 0   # of a source that knows no companies
        if keys is None or not self._is_counted:
            async for page in self._m.ledger.every(self._person, page=PAGE):
                self._count(await as_accepted(self._m.ledger, page))
            self._is_counted = True
            changed = await self._stage(self.companies.keys())
            async for page in self._m.ledger.every(self.kind, page=PAGE):
                await self._give_up(page)
            return changed
        touched: set[Key] = set()
        for start in range(0, len(keys), PAGE):
            people = await self._m.ledger.staged(self._person, keys[start : start + PAGE])
            touched |= self._count(await as_accepted(self._m.ledger, people.values()))
        changed = await self._stage(sorted(touched))
        await self._give_up((await self._m.ledger.staged(self.kind, sorted(touched))).values())
        return changed

    def _count(self, page: Iterable[Staged]) -> set[Key]:
        touched: set[Key] = set()
        for staged in page:
            text, own_name = self._texts(staged.record)
            before, cluster = self._said[self._counted[staged.record.key]]
            if text == before:
                continue
            if cluster is not None:
                self.companies.remove(before, cluster)
                touched.add(cluster)
            key = self.companies.add(text, own_name) if text else None
            self._counted[staged.record.key] = self._place(text, key)
            if key is not None:
                touched.add(key)
        return touched

    def _place(self, text: str, key: Key | None) -> int:
        if not text:
            return 0
        said = (text, key)
        place = self._places.setdefault(said, len(self._said))
        if place == len(self._said):
            self._said.append(said)
        return place

    async def _stage(self, keys: Sequence[Key]) -> int:
        changed = 0
        for start in range(0, len(keys), PAGE):
            chunk = [found.record(self.kind) for key in keys[start : start + PAGE] if (found := self.companies.cluster(key)) is not None]
            result = await self._m.ledger.stage(chunk, scan="company:derived")
            changed += result.new + result.changed
            known = await self._m.ledger.staged(self.kind, [record.key for record in chunk])
            if back := tuple(each.record.key for each in known.values() if each.state is RecordState.DONE and each.ground == UNNAMED):
                await self._m.ledger.commit([Reopen(kind=self.kind, keys=back)])
                changed += len(back)
        return changed

    async def _give_up(self, page: Iterable[Staged]) -> None:
        gone = [each for each in page if each.state is RecordState.PENDING and self.companies.cluster(each.record.key) is None]
        unmade = [each for each in gone if not await self._m.ledger.links_of(self.kind, [each.record.key])]
        await self._m.ledger.commit([unnamed(each) for each in unmade])

    async def queue_ambiguous(self) -> None:
        """Ask a person about companies that look alike; people wait until each is decided or waived."""
        pairs = self.companies.ambiguous()
        while some := list(islice(pairs, PAGE)):
            await self._m.ledger.commit([Enqueue(item=pair_item(pair, kind=self.kind, known=pair.one)) for pair in some])


def unnamed(company: Staged) -> Finish:
    """Make nothing of a company, until somebody names it again."""
    reason = "nobody names this company any more, or it was joined with another by a decision"
    return finish_of(company, disposition=Disposition.FILTERED, reason=reason, ground=UNNAMED)


def pair_item(pair: Lookalikes, *, kind: Kind, known: Key) -> QueueItem:
    """Ask whether two companies are one; decided so, the other one joins the *known* one."""
    other = pair.other if known == pair.one else pair.one
    return QueueItem(
        id=f"company_pair:{pair.one}:{pair.other}", cause=AMBIGUOUS, kind=kind, key=known, blocking=True,
        reason=f'"{pair.names[0]}" and "{pair.names[1]}" look alike: {pair.reason}', decisions=("separate", "same", "waive"),
        suggested="separate", details={"other": other, "names": list(pair.names)},
    )
