"""Who and what a reference means on the destination: owners, lead sources, and what a person decided."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field

from streamflow.mapping.owning import name_key
from streamflow.model import DestId, Ref
from streamflow.stages.questions import repeated
from streamflow.stages.roles import Roles


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """Confirmed answers to look-ups that need no ledger."""

    roles: Roles
    users: Mapping[str, DestId] = field(default_factory=dict)     # source user key, e-mail in lower case, name as `name_key` gives it
    fallback_user: DestId | None = None
    sources: Mapping[str, DestId] = field(default_factory=dict)   # source key and label
    first_stages: Mapping[DestId, DestId] = field(default_factory=dict)   # pipeline -> where its leads begin; "": those put into none
    decisions: MutableMapping[str, str] = field(default_factory=dict)    # queue item id -> decision

    def lookup(self, ref: Ref) -> DestId | None:
        """Give the destination id of a user or lead source; None when it has none."""
        if ref.kind == self.roles.users:
            return self._user(ref.key) or self.fallback_user
        if ref.kind == self.roles.sources:
            return self.sources.get(ref.key) or self.sources.get(ref.key.strip().lower())
        return None

    def author(self, key: str | None) -> DestId | None:
        """Give the user a text is written as; never the fallback, since nobody may be said to have written what they did not."""
        if key is None:
            return None
        return self._user(key)

    def _user(self, key: str) -> DestId | None:
        return self.users.get(key) or self.users.get(key.strip().lower()) or self.users.get(name_key(key))

    def last_word(self, question: str) -> tuple[str, str]:
        """
        Give what a person decided last about a question, "" when nothing, and the id under which it may be asked (again).

        An answer that led nowhere (a record that does not exist) is asked again under an id of its own, since a resolved item stays so.
        """
        last, name = self.last_answered(question)
        return self.decisions.get(last, ""), name

    def last_answered(self, question: str) -> tuple[str, str]:
        """Give the id under which a question was answered last, "" when it never was, and the one under which it may be asked (again)."""
        last = ""
        names = repeated(question)
        while (name := next(names)) in self.decisions:
            last = name
        return last, name


def home_named(word: str, roles: Roles) -> Ref | None:
    """Read "reparent:<kind>:<key>"; None when it is no such decision, or names nothing that something can belong to."""
    verb, _, rest = word.partition(":")
    kind, _, key = rest.partition(":")
    return Ref(kind, key.strip()) if verb == "reparent" and kind in roles.blocking and key.strip() else None
