"""Who the person behind a record is: candidates from the ledger, the decision, and what it is recorded as."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from streamflow.mapping.emails import normal
from streamflow.mapping.identity import Create, Decision, Known, Match, Merge, Person, Review, decide
from streamflow.model import DestId, Disposition, Key, Kind, QueueItem, RecordState, Ref, Staged
from streamflow.stages.batch import Plan
from streamflow.stages.planning import finish_of
from streamflow.store.base import Candidate, Enqueue, Ledger, PutLookup


def lookup_of(kind: Kind, key: Key, person: Person, head: Key) -> PutLookup:
    """Make a source person findable by what identifies it; *head* is the record whose destination record it shares."""
    return PutLookup(
        side="src", kind=kind, id=key,
        values={"email": tuple(normal(text) for text in person.emails), "phone": person.phones},
        info={"name": person.name, "emails": list(person.emails), "phones": list(person.phones), "head": head},
    )


def known_from(candidate: Candidate, heads: Mapping[Key, DestId], ours: Mapping[DestId, Key]) -> Known:
    """Turn a candidate into a known person; a destination record made from a source record counts as that source record."""
    info = candidate.info
    side, who, dest_id = candidate.side, candidate.id, heads.get(str(info.get("head") or candidate.id))
    if side == "src":
        who = str(info.get("head") or candidate.id)
    else:
        dest_id = candidate.id
        if (head := ours.get(candidate.id)) is not None:
            side, who = "src", head
    return Known(
        side=side, id=who, dest_id=dest_id, name=str(info.get("name", "")), emails=tuple(info.get("emails", ())), phones=tuple(info.get("phones", ())),
    )


def decided_before(staged: Staged, decisions: Mapping[str, str]) -> Decision | None:
    """Take what a person decided in the queue about who this is."""
    decision = decisions.get(f"identity:{staged.record.kind}:{staged.record.key}")
    if decision is None:
        return None
    verb, _, target = decision.partition(":")
    if verb == "merge" and target:
        return Merge(head=target, reason="decided by a person")
    if verb == "match" and target:
        return Match(dest_id=target, reason="decided by a person")
    return Create(reason="decided by a person")


def review_plan(staged: Staged, review: Review) -> Plan:
    """Hold a record until a person says who it is."""
    record = staged.record
    item = QueueItem(
        id=f"identity:{record.kind}:{record.key}", cause=review.cause, kind=record.kind, key=record.key, reason=review.reason,
        decisions=review.decisions, suggested=review.suggested, blocking=False,
    )
    finish = finish_of(staged, state=RecordState.HELD, disposition=Disposition.FLAGGED, reason=review.reason)
    return Plan(staged=staged, changes=(Enqueue(item=item),), finish=finish, disposition=Disposition.FLAGGED)


def shared_note(staged: Staged, decision: Create) -> Enqueue | None:
    """Tell, without blocking, that two people share an address or may be the same."""
    if not decision.cause:
        return None
    record = staged.record
    return Enqueue(item=QueueItem(
        id=f"{decision.cause}:{record.kind}:{record.key}", cause=decision.cause, kind=record.kind, key=record.key, reason=decision.reason,
        decisions=("accept",), suggested="accept", details={"others": list(decision.others)},
    ))


class Identity:
    """Decides for the records of a batch in order, so that later ones see earlier ones."""

    def __init__(self, ledger: Ledger, kind: Kind = "lead", dest_kind: Kind = "contacts") -> None:
        self._ledger = ledger
        self._kind = kind
        self._dest_kind = dest_kind

    async def decide(
        self, people: Sequence[tuple[Staged, Person]], decisions: Mapping[str, str]
    ) -> dict[Key, Decision]:
        """Decide for records that have no destination record yet, and register them in the ledger before anything is written."""
        if not people:
            return {}
        emails = sorted({normal(text) for _, person in people for text in person.emails})
        phones = sorted({text for _, person in people for text in person.phones})
        wanted = {"email": emails, "phone": phones}
        found = [*await self._ledger.candidates(self._kind, wanted, side="src")]
        there = await self._ledger.candidates(self._dest_kind, wanted, side="dest")
        links = await self._ledger.links_to(sorted({each.id for each in there}))
        ours = {link.dest_id: link.ref.key for link in links if not link.is_merged and link.ref.part == "" and link.ref.kind == self._kind}
        found += there
        heads = await self._heads(found)
        results: dict[Key, Decision] = {}
        for staged, person in people:
            key = staged.record.key
            known = [known_from(each, heads, ours) for each in _sharing(found, person) if not (each.side == "src" and each.id == key)]
            known = [each for each in known if each.id != key]
            decision = decided_before(staged, decisions) or decide(person, known)
            results[key] = decision
            head = decision.head if isinstance(decision, Merge) else key
            if not isinstance(decision, Review):
                found += _as_candidates(self._kind, key, person, head)
        await self._register(people, results)
        return results

    async def _heads(self, found: Iterable[Candidate]) -> dict[Key, DestId]:
        keys = {str(each.info.get("head") or each.id) for each in found if each.side == "src"}
        links = await self._ledger.links([Ref(self._kind, key) for key in sorted(keys)])
        return {ref.key: link.dest_id for ref, link in links.items()}

    async def _register(self, people: Sequence[tuple[Staged, Person]], results: Mapping[Key, Decision]) -> None:
        lookups = []
        for staged, person in people:
            decision = results[staged.record.key]
            if not isinstance(decision, Review):
                head = decision.head if isinstance(decision, Merge) else staged.record.key
                lookups.append(lookup_of(self._kind, staged.record.key, person, head))
        await self._ledger.commit(lookups)


def _sharing(found: Sequence[Candidate], person: Person) -> list[Candidate]:
    emails = {normal(text) for text in person.emails}
    phones = set(person.phones)
    return [each for each in found if (each.by == "email" and each.value in emails) or (each.by == "phone" and each.value in phones)]


def _as_candidates(kind: Kind, key: Key, person: Person, head: Key) -> list[Candidate]:
    lookup = lookup_of(kind, key, person, head)
    return [
        Candidate(side="src", kind=kind, id=key, by=by, value=value, info=lookup.info)
        for by, values in lookup.values.items()
        for value in values
    ]


def with_shared_addresses(fields: dict[str, object], shared: Sequence[str]) -> dict[str, object]:
    """Label addresses that are another person's primary one: kept, not primary (two people never share a primary address)."""
    emails = fields.get("emails")
    if not shared or not isinstance(emails, list):
        return fields
    names = {normal(text) for text in shared}
    marked = [
        {**each, "name": "shared", "isPrimary": False} if normal(str(each.get("value", ""))) in names else each for each in emails
    ]
    if marked and not any(each.get("isPrimary") for each in marked):
        own = next((place for place, each in enumerate(marked) if each.get("name") != "shared"), None)
        if own is not None:
            marked[own] = {**marked[own], "isPrimary": True}
    return {**fields, "emails": marked}


