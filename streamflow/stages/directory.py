"""Who and what a reference means on the destination: owners, lead sources, and what a person decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from streamflow.model import DestId, Kind, Ref

BLOCKING_KINDS: frozenset[Kind] = frozenset({"lead", "company", "prospect", "job"})
"""References to these must be resolved before the child is written; all others may stay empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """Confirmed answers to look-ups that need no ledger."""

    users: Mapping[str, DestId] = field(default_factory=dict)     # source user key, and e-mail in lower case
    fallback_user: DestId | None = None
    sources: Mapping[str, DestId] = field(default_factory=dict)   # source key and label
    decisions: Mapping[str, str] = field(default_factory=dict)    # queue item id -> decision

    def lookup(self, ref: Ref) -> DestId | None:
        """Give the destination id of a user or lead source; None when it has none."""
        if ref.kind == "user":
            return self.users.get(ref.key) or self.users.get(ref.key.strip().lower()) or self.fallback_user
        if ref.kind == "source":
            return self.sources.get(ref.key) or self.sources.get(ref.key.strip().lower())
        return None

    def author(self, key: str | None) -> DestId | None:
        """Give the user a text is written as; never the fallback, since nobody may be said to have written what they did not."""
        if key is None:
            return None
        return self.users.get(key) or self.users.get(key.strip().lower())
