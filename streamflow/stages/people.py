"""Who the person behind a record is: candidates from the ledger, the decision, and what it is recorded as."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from streamflow.mapping.emails import normal
from streamflow.mapping.identity import Create, Decision, Known, Lent, Match, Merge, Person, Review, decide, lent, with_lent
from streamflow.model import DestId, Disposition, Key, Kind, Link, QueueItem, RecordState, Ref, Staged
from streamflow.stages.batch import Plan
from streamflow.stages.directory import Directory
from streamflow.stages.gone import gone_name, gone_word
from streamflow.stages.kept import known as known_base
from streamflow.stages.planning import question_plan
from streamflow.stages.questions import next_question, repeated
from streamflow.store.base import Candidate, Ledger
from streamflow.store.change import Enqueue, PutLookup


def lookup_of(kind: Kind, key: Key, person: Person, head: Key) -> PutLookup:
    """Make a source person findable by what identifies it; *head* is the record whose destination record it shares."""
    return PutLookup(
        side="src", kind=kind, id=key,
        values={"email": tuple(normal(text) for text in person.emails), "phone": person.phones},
        info={"name": person.name, "emails": list(person.emails), "phones": list(person.phones), "head": head},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """Who shares an address or a number with the people of a batch, and what is known of their records in the destination."""

    candidates: list[Candidate]
    heads: dict[Key, DestId]                     # what heads among them became
    held: Mapping[Key, tuple[str, ...]]          # the addresses that those records bear
    called: dict[Key, str]                       # the names that heads go by there
    ours: dict[DestId, Key]                      # destination records that we made


def known_from(candidate: Candidate, found: _Found) -> Known:
    """Turn a candidate into a known person; a destination record made from a source record counts as that source record."""
    info = candidate.info
    head = str(info.get("head") or candidate.id)
    side, who, dest_id, held = candidate.side, candidate.id, found.heads.get(head), found.held.get(head, ())
    if side == "src":
        who = head
    else:
        dest_id = candidate.id
        if (maker := found.ours.get(candidate.id)) is not None:
            side, who = "src", maker
    return Known(
        side=side, id=who, dest_id=dest_id, name=str(info.get("name", "")), emails=tuple(info.get("emails", ())),
        phones=tuple(info.get("phones", ())), called=found.called.get(head if candidate.side == "src" else who, ""),
        held=held if candidate.side == "src" else None,
    )


def decided_before(staged: Staged, directory: Directory) -> Decision | None:
    """Take what a person decided in the queue about who this is; nothing where they named somebody who is gone and is made again."""
    word, _ = directory.last_word(f"identity:{staged.record.kind}:{staged.record.key}")
    verb, _, target = word.partition(":")
    if verb == "merge" and target:
        return Merge(head=target.strip(), reason="decided by a person")
    if (there := decided_match(Ref(staged.record.kind, staged.record.key), directory)) is not None:
        return Match(dest_id=there, reason="decided by a person")
    return Create(reason="decided by a person") if verb == "separate" else None


def decided_match(ref: Ref, directory: Directory) -> DestId | None:
    """Give the record of the destination that a person took for this one; None where it is gone and somebody wants it made again."""
    verb, _, target = directory.last_word(f"identity:{ref.kind}:{ref.key}")[0].partition(":")
    if verb != "match" or not target.strip():
        return None
    dest_id = DestId(target.strip())
    return None if gone_word(gone_name(ref, dest_id), directory) == "recreate" else dest_id


def is_circular(key: Key, decision: Merge, directory: Directory, kind: Kind) -> bool:
    """Say whether decided merges lead back to the record they start from, so that nobody would ever be the head."""
    seen, head = {key}, decision.head
    while head not in seen:
        seen.add(head)
        word, _ = directory.last_word(f"identity:{kind}:{head}")
        verb, _, following = word.partition(":")
        if verb != "merge":
            return False
        head = following.strip()
    return True


def review_plan(staged: Staged, review: Review, directory: Directory) -> Plan:
    """Hold a record until a person says who it is."""
    return question_plan(
        staged, review.cause, review.reason, directory, decisions=review.decisions, suggested=review.suggested, stem="identity"
    )


def is_left_out(head: Staged, directory: Directory) -> bool:
    """Say whether nothing is made of a record: the map or a person left it out, of one that was refused by giving it up."""
    kind, key = head.record.kind, head.record.key
    if head.state is not RecordState.DONE or head.disposition is not Disposition.FAILED:
        return head.state is RecordState.DONE and head.disposition in (Disposition.FILTERED, Disposition.FLAGGED)
    return any(directory.last_word(f"{cause}:{kind}:{key}:")[0] == "waive" for cause in ("rejected", "unanswered"))


def headless_plan(staged: Staged, decision: Merge, directory: Directory) -> Plan:
    """Ask again when the record that this one was to join does not exist, was left out, or would join this one in turn."""
    reason = f"it was to be merged into {staged.record.kind} {decision.head}, which cannot be the head of it or was left out"
    return question_plan(
        staged, "unknown_head", reason, directory,
        decisions=("separate", f"merge:<{staged.record.kind}>", "waive"), suggested="separate", stem="identity",
    )


async def lent_note(ledger: Ledger, staged: Staged, lent: Lent) -> Enqueue:
    """
    Tell, without blocking, that two people share an address or may be the same.

    What is told grows: an open question keeps whom it named before, and whom an answered one did not name is asked about anew.
    """
    record, others = staged.record, set(lent.others)

    def named(item: QueueItem) -> set[str]:
        return set(item.details.get("others", ()))

    names = repeated(f"{lent.cause}:{record.kind}:{record.key}")
    place = await next_question(ledger, names, is_over=lambda item: item.state != "open" and not others <= named(item))
    others |= named(place.standing) if place.standing is not None else set()
    return Enqueue(item=QueueItem(
        id=place.name, cause=lent.cause, kind=record.kind, key=record.key, reason=lent.reason,
        decisions=("accept",), suggested="accept", details={"others": sorted(others)},
    ))


class Identity:
    """Decides for the records of a batch in order, so that later ones see earlier ones."""

    def __init__(self, ledger: Ledger, kind: Kind, dest_kind: Kind = "contacts") -> None:
        self._ledger = ledger
        self._kind = kind
        self._dest_kind = dest_kind

    async def decide(
        self, people: Sequence[tuple[Staged, Person]], directory: Directory
    ) -> dict[Key, Decision]:
        """Decide for records that have no destination record yet, and register them in the ledger before anything is written."""
        if not people:
            return {}
        said = {staged.record.key: decided_before(staged, directory) for staged, _ in people}
        named = [each.dest_id for each in said.values() if isinstance(each, Match)]
        found = await self._candidates([person for _, person in people], named=named)
        results: dict[Key, Decision] = {}
        for staged, person in people:
            key = staged.record.key
            known = _known(found, person, key)
            decided = said[key]
            if isinstance(decided, Match) and (head := found.ours.get(decided.dest_id, key)) != key:
                decided = Merge(head=head, reason=decided.reason)      # it follows another one already, maybe since the question was put
            decision = decide(person, known) if decided is None else with_lent(decided, person, known)
            results[key] = decision
            head = decision.head if isinstance(decision, Merge) else key
            if isinstance(decision, Create):
                found.called[key] = person.name
            if isinstance(decision, Match):   # from here on both are one, though the crosswalk does not say so yet
                found.heads[key] = decision.dest_id
                found.ours.setdefault(decision.dest_id, key)
            if not isinstance(decision, Review):
                found.candidates.extend(_as_candidates(self._kind, key, person, head))
        await self._register(people, results)
        return results

    async def lent(self, people: Sequence[tuple[Staged, Person, DestId]]) -> dict[Key, Lent]:
        """Give the addresses that others have of people who are in the destination already; nothing is asked when nobody is named."""
        if not people:
            return {}
        found = await self._candidates([person for _, person, _ in people])
        borrowed: dict[Key, Lent] = {}
        for staged, person, dest_id in people:
            key = staged.record.key
            known = _known(found, person, key)
            if (taken := lent(person, known, record=dest_id)) is not None:
                borrowed[key] = taken
            found.heads[key] = dest_id
            found.candidates.extend(_as_candidates(self._kind, key, person, key))   # whoever comes next in the batch sees it taken
        return borrowed

    async def _candidates(self, people: Sequence[Person], *, named: Sequence[DestId] = ()) -> _Found:
        """Find everybody on both sides who shares an address or a number; say of those and of the *named* whom they follow."""
        wanted = {
            "email": sorted({normal(text) for person in people for text in person.emails}),
            "phone": sorted({text for person in people for text in person.phones}),
        }
        found = [*await self._ledger.candidates(self._kind, wanted, side="src")]
        there = await self._ledger.candidates(self._dest_kind, wanted, side="dest")
        links = await self._ledger.links_to(sorted({*named, *(each.id for each in there)}))
        ours = {link.dest_id: link.ref.key for link in links if not link.is_merged and link.ref.part == "" and link.ref.kind == self._kind}
        found += there
        heads = await self._heads(found)
        return _Found(
            candidates=found, heads={key: link.dest_id for key, link in heads.items()}, ours=ours,
            held={key: addresses_on(link) for key, link in heads.items()},
            called={key: str(known_base(link.base).get("name") or "") for key, link in heads.items()},
        )  # fmt: skip

    async def remember(self, people: Sequence[tuple[Staged, Person, Key]]) -> None:
        """Renew the look-ups of people who are known already: what they were found by may have changed."""
        if people:
            await self._ledger.commit([lookup_of(self._kind, staged.record.key, person, head) for staged, person, head in people])

    async def _heads(self, found: Iterable[Candidate]) -> dict[Key, Link]:
        keys = {str(each.info.get("head") or each.id) for each in found if each.side == "src"}
        links = await self._ledger.links([Ref(self._kind, key) for key in sorted(keys)])
        return {ref.key: link for ref, link in links.items()}

    async def _register(self, people: Sequence[tuple[Staged, Person]], results: Mapping[Key, Decision]) -> None:
        lookups = []
        for staged, person in people:
            decision = results[staged.record.key]
            if not isinstance(decision, Review):
                head = decision.head if isinstance(decision, Merge) else staged.record.key
                lookups.append(lookup_of(self._kind, staged.record.key, person, head))
        await self._ledger.commit(lookups)


def addresses_on(link: Link) -> tuple[str, ...]:
    """Give the addresses, in normal form, that the record of a link bears as far as we wrote them or know of them."""
    return tuple(normal(str(each.get("value", ""))) for each in known_base(link.base).get("emails") or [])


def _known(found: _Found, person: Person, key: Key) -> list[Known]:
    """Give those who share an address or a number with the person of record *key*, this one itself left out."""
    others = [each for each in _sharing(found.candidates, person) if not (each.side == "src" and each.id == key)]
    return [known for known in (known_from(each, found) for each in others) if known.id != key]


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
