"""Records that are a deal only as long as no record of another kind is that deal: an enquiry that nobody has ordered of yet."""

from __future__ import annotations

from streamflow.mapping.block import block
from streamflow.mapping.catalogue import DETAILS
from streamflow.mapping.dates import read_moment
from streamflow.mapping.derived import Derived
from streamflow.mapping.gathered import Gathered
from streamflow.mapping.gathering import Gatherer
from streamflow.mapping.listing import Listing
from streamflow.mapping.notes import Text, note_drafts
from streamflow.mapping.settings import makes_open_leads
from streamflow.mapping.steps import Tools
from streamflow.mapping.text import defuse
from streamflow.mapping.unqualified import Unqualified
from streamflow.model import Ref


class Yielding:
    """Decides whether such a record is a deal now, and tells of it on the person when it is not."""

    def __init__(self, tools: Tools, gatherer: Gatherer) -> None:
        one, pair = tools.one, tools.pair
        self._plan = pair.of(one.source)
        self._pair = pair
        self._zone = tools.zone
        self._note_max_chars = tools.context.note_max_chars
        self._is_wanted = makes_open_leads(tools.settings)
        self._rule = Unqualified(one, pair, tools.settings)
        self._listing = Listing(gatherer, one, pair)
        is_owner_told = any(row.transform == "owner_text" for row in one.rows)
        unsaid = ("marker", "parent", "owner") if is_owner_told else ("marker", "parent")
        self._not_told = frozenset(row.source for row in one.rows if row.transform in unsaid)
        self._created_fields = [row.source for row in one.rows if row.transform == "local_day"]

    def is_deal(self, found: Gathered) -> bool:
        """Say whether the record is a deal: such are wanted, the map's rule holds, and no other record took its place."""
        return self._is_wanted and not found.kin.heirs and self._rule.holds(found, has_company=bool(found.company))

    def told(self, found: Gathered, person: Ref) -> Derived:
        """Give the note on the person that holds every moved value; a record of which nothing is left to tell is filtered."""
        record = found.record
        yielded_to = found.kin.heirs[0] if found.kin.heirs else None
        lines = self._listing.lines(record, without=self._not_told)
        issues = tuple(found.issues)
        if not lines:
            why = f"{self._pair.of(self._plan.yields_to).noun} {yielded_to} is the deal" if yielded_to else "it is no deal of its own"
            return Derived(filtered=f"{why}, and all its values stand elsewhere", issues=issues, yielded_to=yielded_to)
        noun = self._plan.noun
        moments = (read_moment(str(record.data.get(field) or ""), self._zone) for field in self._created_fields)
        moment = next(filter(None, moments), None)
        text = Text(
            prefix=self._pair.prefix,
            kind=record.kind,
            key=record.key,
            header=f"[{moment.header() if moment else 'time unknown'}] {noun.capitalize()} {record.key} in {self._pair.title}",
            body=defuse(block(lines)),
            part=DETAILS,
            author=found.owner or None,
        )
        return Derived(drafts=tuple(note_drafts(text, person, self._note_max_chars)), issues=issues, yielded_to=yielded_to)
