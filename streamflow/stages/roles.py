"""What the kinds of a source are to the stages, read off the pair once."""

from __future__ import annotations

from dataclasses import dataclass

from streamflow.mapping.pair import Pair
from streamflow.model import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Roles:
    """The kinds that the stages treat apart."""

    person: Kind
    company: Kind | None
    blocking: frozenset[Kind]   # references to these must be resolved before the child is written; all others may stay empty
    users: Kind
    sources: Kind


def roles_of(pair: Pair) -> Roles:
    """Give the kinds that a pair has in these roles."""
    return Roles(
        person=pair.person.kind, company=pair.company.kind if pair.company is not None else None, blocking=pair.blocking,
        users=pair.kind_naming("user"), sources=pair.kind_naming("source"),
    )
