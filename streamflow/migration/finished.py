"""Which streams a round of complete passes has read to their end, kept so that a restart does not read them a second time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from streamflow.model import Kind
from streamflow.stages.tally import Tally
from streamflow.store.base import Ledger
from streamflow.store.change import PutSetting


class Finished:
    """The streams of one round, each with the gaps it had. Make it with `look_up`."""

    def __init__(self, ledger: Ledger, name: str, number: int, kinds: Mapping[Kind, dict[str, Any]]) -> None:
        self._ledger = ledger
        self._name = name
        self._number = number
        self._kinds = dict(kinds)

    @classmethod
    async def look_up(cls, ledger: Ledger, name: str, number: int) -> Finished:
        """Give what the ledger holds of the round of this name and number."""
        kept = await ledger.setting(_setting(name)) or {}
        kinds = kept.get("kinds") if kept.get("number") == number else None
        return cls(ledger, name, number, kinds if isinstance(kinds, dict) else {})

    def __contains__(self, kind: Kind) -> bool:
        return kind in self._kinds

    def tally(self, kind: Kind) -> Tally:
        """Give what is known of a stream that was finished."""
        kept = self._kinds[kind]
        return Tally(
            ended=True, gaps=Counter(kept["gaps"]), unread=list(kept["unread"]), shown=kept["shown"], spared=dict(kept.get("spared", {})),
            accounted=kept.get("accounted", False), given_up=kept.get("given_up", False), disbelieved=kept.get("disbelieved", False),
        )  # fmt: skip

    async def add(self, kind: Kind, tally: Tally) -> None:
        """Note a stream that came to its end."""
        self._kinds[kind] = {
            "gaps": dict(tally.gaps), "unread": tally.unread, "shown": tally.shown, "spared": tally.spared,
            "accounted": tally.accounted, "given_up": tally.given_up, "disbelieved": tally.disbelieved,
        }  # fmt: skip
        await self._ledger.commit([PutSetting(name=_setting(self._name), value={"number": self._number, "kinds": self._kinds})])


def _setting(name: str) -> str:
    return f"round:{name}:finished"
