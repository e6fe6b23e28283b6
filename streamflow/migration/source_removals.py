"""
Taking back the lead sources that we made, once everything else is undone.

Rule 1: removed is only what is surely ours, bears the name that we gave it, and is named by no lead that stays; the rest is kept and
told with its reason.
Rule 2: each removal is in the ledger and the audit before it is sent, and once more when it is done.
Rule 3: a plan judges by the same rules as a run.
Rule 4: somebody may give one to a lead at the very moment it is removed, which the lead does not show and the events tell late. So they
are waited for, and where people were at leads meanwhile all that was removed is brought back and judged once more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypeAlias

from streamflow.errors import NotFound, NotPermitted, ProtocolMismatch, RecordRejected
from streamflow.ledger_names import SOURCES_CREATED, SOURCES_UNSURE
from streamflow.migration.context import Migration
from streamflow.migration.source_uses import SourceUses, Uses
from streamflow.migration.sources import NAMES, compared
from streamflow.model import AuditEntry, DestId
from streamflow.store.change import Audit, PutSetting

DONE: Final = "rollback:sources"
"""Setting: what became of each lead source, over all starts: id -> row."""
KEPT, REMOVED, GONE, SENT = "kept", "removed", "gone already", "sent"
REFUSED: Final = "the destination refuses it"
BUSY: Final = "people were at work on leads each time it was removed"
UNKNOWN: Final = "whether we made it or a person did is not known: nothing was heard of what became of making it"

ROUNDS: Final = 3

Row: TypeAlias = dict[str, str]
"""{"id", "name", "action" (`KEPT`, `REMOVED`, `GONE`; in the ledger also `SENT`), "reason"}"""


def judged(dest_id: DestId, given: str, now: str | None, leads: Sequence[DestId]) -> Row:
    """Decide about one of ours from the name we gave it ("" if not known), its name now (None: gone), and the leads of `Uses`."""
    row = {"id": dest_id, "name": given or now or "", "action": KEPT, "reason": ""}
    if leads:
        others = f" and {len(leads) - 3} more" if len(leads) > 3 else ""
        return {**row, "reason": f"leads that stay name it: {', '.join(leads[:3])}{others}"}
    if now is None:
        return {**row, "action": GONE}
    if given and compared(now) != compared(given):
        return {**row, "reason": f"people have renamed it: {now}"}
    return {**row, "action": REMOVED}


class SourceRemovals:
    """Plans and carries out what is to become of our lead sources."""

    def __init__(self, migration: Migration, uses: SourceUses) -> None:
        self._m = migration
        self._uses = uses

    async def plan(self, spared: Iterable[DestId]) -> list[Row]:
        """Say what would become of each; *spared* are the leads that are left as they are. Writes nothing."""
        if not await self._ours() and not await self._m.ledger.setting(SOURCES_UNSURE):
            return []
        await self._uses.look()
        return await self._judge(await self._uses.then(spared), await self._m.destination.schema.sources())

    async def remove(self, spared: Iterable[DestId]) -> list[Row]:
        """Remove what can be; answers what became of each over all starts. Raises what leaves an outcome unknown."""
        done: dict[DestId, Row] = dict(await self._m.ledger.setting(DONE) or {})
        if await self._ours() or await self._m.ledger.setting(SOURCES_UNSURE):
            await self._uses.look()
            uses, listed = await self._uses.now(spared), await self._m.destination.schema.sources()
            for row in await self._judge(uses, listed):
                if row["action"] == REMOVED:
                    late = (await self._uses.lately()).get(row["id"], [])
                    row = judged(row["id"], row["name"], listed.get(row["id"]), late)
                await self._carry_out(row, done)
        await self._look_after(done)
        return [row for _, row in sorted(done.items())]

    async def _look_after(self, done: dict[DestId, Row]) -> None:
        """Bring back what was removed while people were at leads, and judge it once more; what is so each time is left to them."""
        for number in range(ROUNDS):
            removed = [row for row in done.values() if row["action"] == REMOVED]
            if not removed or not (leads := await self._uses.settled()):
                return
            for row in removed:
                await self._bring_back(row, done)
            uses, listed = await self._uses.named_by(leads), await self._m.destination.schema.sources()
            for row in removed:
                again = judged(row["id"], row["name"], listed.get(row["id"]), uses.get(row["id"], []))
                if again["action"] == REMOVED and number == ROUNDS - 1:
                    again = {**again, "action": KEPT, "reason": BUSY}
                await self._carry_out(again, done)

    async def _bring_back(self, row: Row, done: dict[DestId, Row]) -> None:
        await self._note({**row, "action": SENT}, done)     # ours again, whatever comes of it
        try:
            await self._m.destination.writer.restore("sources", row["id"])
        except (NotFound, RecordRejected, NotPermitted) as error:
            self._m.log("source.not_restored", dest_id=row["id"], reason=error.message)

    async def _ours(self) -> list[DestId]:
        return list(await self._m.ledger.setting(SOURCES_CREATED) or [])

    async def _judge(self, uses: Uses, listed: Mapping[DestId, str]) -> list[Row]:
        names: Mapping[DestId, str] = await self._m.ledger.setting(NAMES) or {}
        rows = [judged(each, names.get(each, ""), listed.get(each), uses.get(each, [])) for each in await self._ours()]
        unsure: Mapping[DestId, str] = await self._m.ledger.setting(SOURCES_UNSURE) or {}
        return [*rows, *(
            {"id": each, "name": name, "action": KEPT, "reason": UNKNOWN} for each, name in unsure.items() if each in listed
        )]

    async def _carry_out(self, row: Row, done: dict[DestId, Row]) -> None:
        """Do what was decided of one; *done* holds what earlier starts did, and takes what comes of it."""
        was_sent = done.get(row["id"], {}).get("action") == SENT
        if row["action"] in (REMOVED, GONE):
            await self._note({**row, "action": SENT}, done)
            row = {**row, "action": REMOVED if was_sent else row["action"]}
            try:
                self._uses.removed()
                await self._m.destination.writer.delete("sources", row["id"])
                row = {**row, "action": REMOVED}
            except NotFound:
                row = {**row, "action": REMOVED if was_sent else GONE}
            except (RecordRejected, NotPermitted, ProtocolMismatch) as error:
                row = {**row, "action": KEPT, "reason": f"{REFUSED}: {error.message}"}     # one that stays harms nobody
        await self._note(row, done)

    async def _note(self, row: Row, done: dict[DestId, Row]) -> None:
        if done.get(row["id"]) == row:
            return
        done[row["id"]] = row
        left = [each for each in await self._ours() if each != row["id"]]
        left += [row["id"]] if row["action"] in (KEPT, SENT) and row["reason"] != UNKNOWN else []
        entry = AuditEntry(
            actor="streamflow", action=f"rollback.source.{_WORDS[row['action']]}", kind="sources", key=row["name"], dest_id=row["id"],
            note=row["reason"],
        )
        await self._m.ledger.commit([PutSetting(name=DONE, value=done), PutSetting(name=SOURCES_CREATED, value=left), Audit(entry=entry)])


_WORDS: Final = {KEPT: "kept", REMOVED: "removed", GONE: "gone", SENT: "meant"}
