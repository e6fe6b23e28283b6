"""A write of a rollback, as the ledger keeps it from before it is sent until nothing more follows from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from streamflow.model import Cursor, DestId, Fields, Link, Ref
from streamflow.store.change import PutSetting

UNDOING: Final = "undoing:"
"""Prefix of the setting that keeps a `Reversal` by its intent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reversal:
    """What is done to a record; it is over once it is told and was looked after."""

    id: str                    # of the intent
    link: Link                 # as it was before
    action: str                # delete | restore | give_back
    fields: Fields             # what a removed record was related to, or the values that are given back
    scope: str                 # of the rollback
    is_told: bool = False      # that it happened, with all that follows but the look
    now: Fields = field(default_factory=dict)     # what these fields held when the record was read last
    left: str = ""             # what of the record stays as people have it
    seen: Cursor = ""          # where the feed stood before that reading; "": values are not to be looked after
    hung: tuple[DestId, ...] = ()     # on what was removed, by people a moment before, and to be tied to it again

    @property
    def noted(self) -> PutSetting:
        """What keeps it over a restart."""
        value = asdict(self)
        return PutSetting(name=UNDOING + value.pop("id"), value=value)

    @property
    def over(self) -> PutSetting:
        """What lets it go."""
        return PutSetting(name=UNDOING + self.id, value=None)

    @classmethod
    def from_setting(cls, name: str, value: Mapping[str, Any]) -> Reversal:
        """Give what was noted."""
        link = Link(**{**value["link"], "ref": Ref(**value["link"]["ref"])})
        return cls(**{**value, "link": link, "hung": tuple(value.get("hung") or ())}, id=name.removeprefix(UNDOING))
