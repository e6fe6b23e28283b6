"""
After the switch: what shows up late is held, and people are asked about it; what somebody let go on passes.

Rule: each version of a record is asked about anew, also one that it comes back to. What somebody decided on another question about a record
lets it go on as it was then, and no later version; what belongs to it goes with it, but for what was asked about or let pass itself: of
that it is asked what becomes of it now.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from streamflow.ledger_names import RETURNED
from streamflow.mapping.uplinks import Uplinks
from streamflow.migration.context import Migration
from streamflow.migration.decided import DECIDED
from streamflow.migration.late_questions import (
    BROUGHT_BACK,
    INSTEAD,
    WENT_ON,
    WISH,
    WRITTEN_LATE,
    late_changes,
    late_id,
    next_name,
    version_in,
)
from streamflow.migration.let_go import LetGo, read_let_go
from streamflow.migration.made_again import wish_for
from streamflow.model import Kind, Staged
from streamflow.stages.accepted import let_go_on
from streamflow.stages.pending import pending_pages
from streamflow.stages.questions import closed
from streamflow.stages.reopened import asked_name, runs_by_people, version_of
from streamflow.stages.uplinks import by_going_on
from streamflow.store.change import Change, PutSetting


class Holding:
    """Stands between what is pending and what is moved."""

    def __init__(self, migration: Migration, uplinks: Callable[[], Awaitable[Uplinks]]) -> None:
        self._m = migration
        self._uplinks = uplinks      # of the map in force
        pair = migration.pair
        self.kinds = tuple(kind for kind in pair.written if not pair.of(kind).derived)     # written by people in the source

    async def hold(self, since: str) -> None:
        """Hold what is pending and nobody let go on since the switch."""
        for kind in self.kinds:
            async for page in pending_pages(self._m.ledger, kind):
                await self.through(since, kind, page)

    async def through(self, since: str, kind: Kind, page: Sequence[Staged]) -> Sequence[Staged]:
        """Give those of some pending records that go on, and hold the others: what is about to be moved may have come to run meanwhile."""
        if kind not in self.kinds:
            return page
        going: list[Staged] = []
        async with self._m.closing:      # no answer comes between looking what was answered and closing what is asked anew
            # Behind the page: what it shows pending by a decision is known as decided.
            let_go = await read_let_go(self._m.ledger, since, kind, page)
            changes: list[Change] = []
            for each in page:
                if let_go.holds(each):
                    changes += await self._held(each, let_go)
                else:
                    changes += await self._going(each, let_go)
                    going.append(each)
            await self._m.ledger.commit(changes)
        if kind == self._m.pair.person.kind:
            self._m.touched[kind].difference_update({each.record.key for each in page} - {each.record.key for each in going})
        return going

    async def _going(self, staged: Staged, let_go: LetGo) -> list[Change]:
        """Note which version of a record goes on; whose values follow from it run along, and what was asked about it is over."""
        ref = staged.record.kind, staged.record.key
        changes = [change for item in let_go.standing.get(ref, ()) for change in closed(item, WENT_ON)]
        if unfollowed := let_go.unfollowed.get(late_id(staged), ()):
            changes += await by_going_on(self._m.ledger, await self._uplinks(), staged.record)
        changes += [PutSetting(name=f"{DECIDED}{id}", value=version_of(staged)) for id in (*let_go.unnoted.get(ref, ()), *unfollowed)]
        return [*changes, *await let_go_on(self._m.ledger, staged)]

    async def _held(self, staged: Staged, let_go: LetGo) -> list[Change]:
        """
        Hold a record, and ask: anew where somebody has it made again since, or what it belongs to, for an answer means more then.

        The question before closes by itself: only the last one is heard.
        """
        ref = staged.record.kind, staged.record.key
        last = await self._m.ledger.setting(asked_name(*ref))
        before = await self._m.ledger.item(last) if last is not None else None
        is_same = last is None or (before is not None and version_in(last) == version_of(staged))
        is_back = not let_go.is_late(staged) and (       # nobody wrote that in the source
            runs_by_people(staged, let_go.along, let_go.asked) or (staged.ground == RETURNED and is_same)
        )
        wish = await wish_for(self._m.ledger, staged, before, let_go, is_back=is_back)
        reason, details = BROUGHT_BACK if is_back else WRITTEN_LATE, {}
        if wish is not None and (before is None or not is_same or before.details.get(WISH) != wish.id):
            name = await next_name(self._m.ledger, staged, passing=last)
            reason, details = wish.reason, {WISH: wish.id}
        elif not is_same:
            name = await next_name(self._m.ledger, staged)
        else:
            name = last or late_id(staged)
            if before is not None and WISH in before.details:
                reason = before.reason
        instead = [change for item in let_go.standing.get(ref, ()) if item.id != name for change in closed(item, INSTEAD)]
        return [*instead, *late_changes(staged, name, reason, is_late=not is_back, details=details)]
