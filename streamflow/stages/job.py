"""One record on its way through resolution."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from streamflow.mapping.derived import Derived
from streamflow.mapping.identity import Decision, Lent
from streamflow.model import Draft, Key, Link, Ref, Staged, name_of
from streamflow.stages.batch import Joined
from streamflow.stages.gone import aside
from streamflow.store.change import Change, DropLink, PutLink


@dataclass(slots=True, kw_only=True)
class Job:
    """A staged record, what the map makes of it, and what the crosswalk has of it."""

    staged: Staged
    derived: Derived
    drafts: list[Draft]
    own: dict[str, Link]                        # part -> line of the crosswalk
    decision: Decision | None = None
    lent: Lent | None = None                    # addresses of the person that others have
    group: tuple[Key, ...] = ()                 # records that share the destination record, head first
    joined: list[Joined] = field(default_factory=list)     # those of the group that the create is to take along
    changes: list[Change] = field(default_factory=list)

    @property
    def main(self) -> Link | None:
        return self.own.get("")

    @property
    def name(self) -> str:
        """Name the record as wakes and the set of busy ones do."""
        return name_of(self.staged.record.kind, self.staged.record.key)

    def set_aside_other_kinds(self) -> None:
        """
        Give parts that are to become another kind (a task whose reminder was done) a name of their own.

        The new record is made under the part's name; the old one, now asked for by nobody, goes like any other part that is dropped.
        One that is not ours to remove stays what it is, and nothing is made beside it; nor is anything made of one that people removed.
        """
        for draft in list(self.drafts):
            link = self.own.get(draft.part)
            if link is None or link.dest_kind == draft.kind or link.is_merged:
                continue
            if not link.ours:
                self.drafts.remove(draft)
                continue
            old = replace(link, ref=Ref(link.ref.kind, link.ref.key, aside(draft.part, link.dest_kind)), verified="verified")
            del self.own[draft.part]
            self.own[old.ref.part] = old
            self.changes += [DropLink(ref=link.ref), PutLink(link=old)]
