"""What a refusal of one more open lead means: this lead, the plan, or the key (nutshell.md 1.7, 9)."""

from __future__ import annotations

from typing import Any

from streamflow.errors import AccessRefused, MadeLocked, NotPermitted, PlanLimit, RecordRejected
from streamflow.model import DestId, Kind
from streamflow.platforms.nutshell.calls import Calls
from streamflow.platforms.nutshell.dialect.envelope import rows
from streamflow.platforms.nutshell.people import Directory

SUSPICION = 3      # refusals of different leads in the same words that are taken for a cap of the plan
_CAPPED = "leads"
_OPEN_LEADS = "is the plan's number of open leads used up?"
_OR_THE_KEY = f"{_OPEN_LEADS} all else is still taken; if the plan has room, give the user of the key the right to make leads"
_LOCKED = "make room in the plan and retry; what is locked is in Nutshell already and opens there"


class Caps:
    """Nutshell documents no refusal for a full plan, so it is told by what goes on working beside it."""

    def __init__(self, calls: Calls, directory: Directory) -> None:
        self._calls = calls
        self._directory = directory
        self._words = ""
        self._in_a_row = 0

    def made(self, kind: Kind, dest_id: DestId, answer: Any) -> None:
        """Take note of a record that was made. Raises MadeLocked for a lead that the plan holds back."""
        if kind != _CAPPED:
            return
        self._in_a_row = 0
        if any(row.get("isLocked") is True for row in rows(answer, kind)):
            raise MadeLocked(
                "the lead was made and is locked: the plan has no room for another open lead", dest_id=dest_id, hint=_LOCKED,
                platform="nutshell",
            )

    def rejected(self, kind: Kind, refusal: RecordRejected) -> RecordRejected | PlanLimit:
        """Different leads refused in the same words, none naming a field, look like the plan's cap on open leads."""
        if kind != _CAPPED or refusal.field:
            return refusal
        words = refusal.message.partition(" [request")[0]
        self._in_a_row = self._in_a_row + 1 if words == self._words else 1
        self._words = words
        if self._in_a_row < SUSPICION:
            return refusal
        return PlanLimit(f"{words} ({self._in_a_row} leads in a row)", platform="nutshell", hint=_OPEN_LEADS)

    async def forbidden(self, kind: Kind, refusal: NotPermitted) -> AccessRefused | PlanLimit:
        """
        A 403 without a word for one more open lead is the plan's when the same key reads, is enabled and may still make other records.

        Raises AccessRefused when the key is not even let in any more.
        """
        if kind != _CAPPED or self._calls.refuses_but(kind):
            return refusal
        await self._directory.users(fresh=True)
        me = await self._directory.myself()
        if me is not None and me.get("isEnabled") is False:
            return refusal
        return PlanLimit(refusal.message, platform="nutshell", hint=_OR_THE_KEY)
