"""
Who is who: whether a lead is a new person, one we made, or one the destination had before us.

Rule 1: an e-mail address proves identity only when it is valid, not an office's, and the names do not contradict: none of those that
the other person goes by, since a bare "Smith" who joined John must not let Mary Smith join him too.
Rule 2: a phone number or an office's address only together with the same full name. A name alone proves nothing.
Rule 3: two possible persons, or a name that only a person can judge, go to review: nothing is guessed.
Rule 4: an address that somebody else has stays theirs: whoever brings it as well has it lent, and that is told.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence, Set
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

from streamflow.mapping.emails import is_role, normal
from streamflow.mapping.names import Likeness, is_full, likeness
from streamflow.model import DestId, Key

_CONTRADICTIONS: Final = frozenset({Likeness.DIFFERENT, Likeness.UNCLEAR})
_OFFICE_NAMES: Final = 3  # an address used by so many different people is an office's, whatever it is called


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """What identifies the person behind a lead."""

    name: str = field(default="", repr=False)
    emails: tuple[str, ...] = field(default=(), repr=False)  # valid ones
    phones: tuple[str, ...] = field(default=(), repr=False)  # E.164


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A person that may be the same: one made from another lead, or one found in the destination."""

    side: str  # "src" | "dest"
    id: str  # head lead's key, or destination id
    dest_id: DestId | None = None  # of a head lead: its destination record, so that both sides are known as one
    name: str = field(default="", repr=False)
    emails: tuple[str, ...] = field(default=(), repr=False)
    phones: tuple[str, ...] = field(default=(), repr=False)
    called: str = field(default="", repr=False)     # the name on the person's record, when it is known and may be another
    held: tuple[str, ...] | None = field(default=None, repr=False)  # addresses that the person's record bears by now; None: all of them


@dataclass(frozen=True, slots=True, kw_only=True)
class Lent:
    """Addresses that are another person's primary ones: kept, not primary, labelled "shared"; the queue tells, without blocking."""

    addresses: tuple[str, ...]
    cause: str  # "shared_email" | "possible_duplicate"
    reason: str
    others: tuple[str, ...]  # ids of the people who have them


@dataclass(frozen=True, slots=True, kw_only=True)
class Create:
    """A person of their own."""

    reason: str
    lent: Lent | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge:
    """The same person as the one made from lead *head*."""

    head: Key
    reason: str
    lent: Lent | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """The person is in the destination already."""

    dest_id: DestId
    reason: str
    lent: Lent | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """A person must decide; *decisions* are "separate", "merge:<lead>", "match:<destination id>"."""

    cause: str  # "unclear_name" | "several_candidates"
    reason: str
    decisions: tuple[str, ...]
    suggested: str = "separate"


Decision: TypeAlias = Create | Merge | Match | Review


def decide(person: Person, candidates: Sequence[Known], *, shared: Set[str] = frozenset()) -> Decision:
    """
    Decide who a lead is, given the people who share an address or a number with it.

    Deterministic, and independent of the order of *candidates*. *shared* holds addresses (in normal form) known to be used by many.
    """
    people = sorted(set(candidates), key=lambda known: (known.side != "src", known.id))
    addresses = {normal(text) for text in person.emails}
    weak = {text for text in addresses if is_role(text) or text in shared} | _offices(person, people, addresses)
    others = _contradicting(person, people)
    by_email = [known for known in people if _shares(known, addresses - weak)]
    fits = {
        known: "the same e-mail address and a compatible name" for known in by_email
        if _fits(person, known) and _record_of(known) not in others
    }  # fmt: skip
    for known in people:
        if known not in fits and _is_same_full_name(person, known) and _record_of(known) not in others:
            if set(person.phones) & set(known.phones):
                fits[known] = "the same phone and full name"
            elif _shares(known, weak):
                fits[known] = "the same full name at an address that several people use"
    if len({_record_of(known) for known in fits}) == 1:
        return with_lent(_settle(next(iter(fits)), next(iter(fits.values()))), person, people)
    if fits:
        return _review("several_candidates", "more than one person fits", list(fits))
    unclear = [known for known in by_email if any(likeness(person.name, name) is Likeness.UNCLEAR for name in _names(known))]
    if unclear:
        return _review("unclear_name", "the same e-mail address and first name with another surname", unclear)
    return _create(person, people)


def with_lent(decision: Decision, person: Person, candidates: Sequence[Known]) -> Decision:
    """Add to a decision, whoever took it, which addresses of the person somebody else has."""
    if isinstance(decision, Review):
        return decision
    if isinstance(decision, Match):
        return replace(decision, lent=lent(person, candidates, record=decision.dest_id))
    if isinstance(decision, Create):
        return replace(decision, lent=lent(person, candidates, record=""))
    heads = (_record_of(known) for known in candidates if known.side == "src" and known.id == decision.head)
    return replace(decision, lent=lent(person, candidates, record=next(heads, f"lead {decision.head}")))


def lent(person: Person, candidates: Sequence[Known], *, record: str) -> Lent | None:
    """
    Give the addresses of a person that others have and the person's own *record* (destination id, "lead <key>", "" for none) has not.

    What it has is what it bears by now: two leads that bring the same address at the same time do not speak for each other.
    """
    own = {
        normal(text) for known in candidates if _record_of(known) == record
        for text in (known.emails if known.held is None else known.held)
    }  # fmt: skip
    addresses = {normal(text) for text in person.emails} - own
    others = [known for known in candidates if _record_of(known) != record and _shares(known, addresses)]
    theirs = {normal(text) for known in others for text in known.emails}
    taken = tuple(text for text in person.emails if normal(text) in theirs & addresses)
    if not taken:
        return None
    ids = tuple(sorted({known.id for known in others}))
    if any(_alike(person, known) is Likeness.SAME for known in others):
        return Lent(addresses=taken, cause="possible_duplicate", reason="the same name at an office's address", others=ids)
    return Lent(addresses=taken, cause="shared_email", reason="an e-mail address shared by different people", others=ids)


def _create(person: Person, people: Sequence[Known]) -> Create:
    """Make a person of their own; whatever address somebody else has as well is a lent one."""
    borrowed = lent(person, people, record="")
    reason = borrowed.reason if borrowed else "nobody known has this e-mail address, or this phone and full name"
    return Create(reason=reason, lent=borrowed)


def _record_of(known: Known) -> str:
    """Name the person behind a candidate: a head lead and its destination record are one."""
    if known.side == "src":
        return known.dest_id or f"lead {known.id}"
    return known.id


def _contradicting(person: Person, people: Sequence[Known]) -> set[str]:
    """Find records that go by a name which contradicts this one's, unless they go by the very same full name as well."""
    names: dict[str, set[str]] = defaultdict(set)
    for known in people:
        names[_record_of(known)].update(_names(known))
    found = {record: {likeness(person.name, name) for name in called} for record, called in names.items()}
    return {record for record, kinds in found.items() if kinds & _CONTRADICTIONS and Likeness.SAME not in kinds}


def _names(known: Known) -> tuple[str, ...]:
    return tuple(filter(None, (known.name, known.called)))


def _offices(person: Person, people: Sequence[Known], addresses: set[str]) -> set[str]:
    """Find addresses that clearly different people use: three or more names are an office, two are a couple."""
    found: set[str] = set()
    users: dict[str, list[str]] = defaultdict(list)
    for known in people:
        for text in addresses & {normal(text) for text in known.emails}:
            users[text].append(known.name)
    for text, names in users.items():
        groups: list[str] = []
        for name in sorted({person.name, *names}):
            if name and all(likeness(name, group) is Likeness.DIFFERENT for group in groups):
                groups.append(name)
        if len(groups) >= _OFFICE_NAMES:
            found.add(text)
    return found


def _shares(known: Known, addresses: set[str]) -> bool:
    return any(normal(text) in addresses for text in known.emails)


def _fits(person: Person, known: Known) -> bool:
    return _alike(person, known) in (Likeness.SAME, Likeness.COMPATIBLE)


def _is_same_full_name(person: Person, known: Known) -> bool:
    return is_full(person.name) and is_full(known.name) and _alike(person, known) is Likeness.SAME


def _alike(person: Person, known: Known) -> Likeness:
    return likeness(person.name, known.name)


def _settle(known: Known, reason: str) -> Merge | Match:
    return Merge(head=known.id, reason=reason) if known.side == "src" else Match(dest_id=known.id, reason=reason)


def _review(cause: str, reason: str, people: Sequence[Known]) -> Review:
    options = tuple(dict.fromkeys(f"{'merge' if known.side == 'src' else 'match'}:{known.id}" for known in people))
    return Review(cause=cause, reason=reason, decisions=("separate", *options), suggested="separate")
