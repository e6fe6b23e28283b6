"""An operator that remembers what it was asked, and a served control socket around it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import anyio

from streamflow.clock import SystemClock
from streamflow.daemon.control import Control, control_socket
from streamflow.daemon.events import Events
from streamflow.daemon.jobs import Jobs
from streamflow.daemon.status import GateStatus, ListenStatus, PaceStatus, QueueStatus, Snapshot, StreamStatus
from streamflow.errors import DoesNotFit, NotFound, StoreError, UsageError
from streamflow.migration.progress import progress

SNAPSHOT = Snapshot(
    state="waiting",
    reason="map not confirmed",
    phase="map",
    since="2026-11-22T04:00:00Z",
    gate=GateStatus(name="map", since="2026-11-22T04:00:00Z", what="confirm the map", how="streamflow map confirm --digest abc"),
    streams={"lead": StreamStatus(read=10, staged=10, created=4, flagged=1, backlog=5, lag_s=3.0, eta_s=90.0)},
    pace={
        "leadtrekker": PaceStatus(rate_per_s=1.0, used_share=0.5),
        "nutshell": PaceStatus(rate_per_s=10.0, closed_until="12:00", reason="429"),
    },
    queue=QueueStatus(open=1),
    calls={"leadtrekker": 7, "nutshell": 3},
    listen=ListenStatus(metrics="127.0.0.1:9464"),
)
ITEM = {
    "id": "q1", "cause": "shared_email", "blocking": False, "kind": "lead", "key": "48213", "reason": "=cmd()",
    "decisions": ["two", "merge"], "suggested": "two", "state": "open",
}  # fmt: skip


@dataclass
class FakeOperator:
    """Answers every verb and keeps (verb, arguments) in `asked`."""

    snapshot: Snapshot = SNAPSHOT
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    is_paused: bool = False
    blocked: anyio.Event | None = None      # verify waits for it
    is_over: Callable[[], bool] = lambda: True      # or for this
    failure: Exception | None = None        # and then raises this
    ordered_before: list[tuple[str, str, str, int]] = field(default_factory=list)    # actor, order, words; how many verbs came before
    orders_ended: bool = False
    is_audit_full: bool = False
    next_phase: str = "cutover"      # where a cutover ends up after it was looked at this often
    looks_before_move: int = 3
    looks: int = 0

    def _note(self, verb: str, **given: Any) -> dict[str, Any]:
        self.asked.append((verb, given))
        return {"result": verb}

    async def ordered(self, *, actor: str, order: str, said: str) -> None:
        if self.is_audit_full:
            raise StoreError("the ledger takes no more")
        self.ordered_before.append((actor, order, said, len(self.asked)))

    async def orders_end(self) -> None:
        self.orders_ended = True

    async def refused(self, *, actor: str, order: str, code: str) -> None:
        self._note("refused", actor=actor, order=order, code=code)

    async def status(self) -> Snapshot:
        if self.snapshot.phase == "cutover":
            self.looks += 1
            if self.looks == self.looks_before_move:
                self.snapshot = replace(self.snapshot, phase=self.next_phase)
        return self.snapshot

    async def map_show(self) -> Mapping[str, Any]:
        row = {"source": "email", "target": "emails", "transform": "emails", "confidence": 0.5, "samples": ["a@b.c"]}
        stays = {"source": "ip", "target": None, "not_moved": "technical", "transform": "text", "confidence": 1.0}
        objects = [{"source": "lead", "destination": "contacts", "cardinality": "n:1", "rows": [row, stays]}]
        return {"digest": "abc", "state": "proposed", "document": {"format": 1, "objects": objects}}

    async def owners_show(self) -> Mapping[str, Any]:
        return {"owners": [{"name": "P. Nel", "email": "p@x.za", "records": 3, "match": "1-users", "how": "email"}], "unmatched": 0}

    async def sample_show(self) -> Mapping[str, Any]:
        return {"state": "ready", "size": 300, "diff": []}

    async def queue_list(self, *, state: str) -> Mapping[str, Any]:
        return {"items": [ITEM]} if state != "resolved" else {"items": []}

    async def queue_show(self, *, id: str) -> Mapping[str, Any]:
        if id != "q1":
            raise NotFound("there is no such item", hint="see `streamflow queue list`")
        return ITEM

    async def trace(self, *, kind: str, key: str) -> Mapping[str, Any]:
        return self._note("trace", kind=kind, key=key)

    async def reports(self) -> Mapping[str, Any]:
        return {"folder": "/state/reports", "reports": [{"name": "scope", "title": "Scope", "html": "/state/reports/scope.html"}]}

    async def pause(self, *, actor: str, reason: str) -> Mapping[str, Any]:
        self._note("pause", actor=actor, reason=reason)
        result = "already_paused" if self.is_paused else "paused"
        self.is_paused = True
        return {"result": result, "reason": reason}

    async def resume(self, *, actor: str) -> Mapping[str, Any]:
        return self._note("resume", actor=actor)

    async def pace(self, *, actor: str, platform: str, rate_per_s: float) -> Mapping[str, Any]:
        return self._note("pace", actor=actor, platform=platform, rate_per_s=rate_per_s)

    async def stop(self, *, actor: str) -> Mapping[str, Any]:
        return self._note("stop", actor=actor)

    async def map_confirm(self, *, actor: str, digest: str) -> Mapping[str, Any]:
        if digest != "abc":
            raise DoesNotFit("the map has changed since", hint="look at it again: streamflow map show")
        return self._note("map_confirm", actor=actor, digest=digest)

    async def map_edit(self, *, actor: str, document: Any) -> Mapping[str, Any]:
        return self._note("map_edit", actor=actor, document=document)

    async def owners_recheck(self, *, actor: str) -> Mapping[str, Any]:
        return {**self._note("owners_recheck", actor=actor), **await self.owners_show()}

    async def owners_fallback(self, *, actor: str, email: str) -> Mapping[str, Any]:
        return self._note("owners_fallback", actor=actor, email=email)

    async def sample_accept(self, *, actor: str) -> Mapping[str, Any]:
        return self._note("sample_accept", actor=actor)

    async def sample_redo(self, *, actor: str) -> Mapping[str, Any]:
        raise StoreError("disk full at /very/secret")

    async def sample_discard(self, *, actor: str) -> Mapping[str, Any]:
        raise ZeroDivisionError("a bug with p@x.za inside")

    async def queue_resolve(self, *, actor: str, id: str, decision: str) -> Mapping[str, Any]:
        if decision not in ITEM["decisions"]:
            raise DoesNotFit(f"{id} cannot be decided so")
        return self._note("queue_resolve", actor=actor, id=id, decision=decision)

    async def cutover(self, *, actor: str, freeze_confirmed: bool, dry_run: bool) -> Mapping[str, Any]:
        self._note("cutover", actor=actor, freeze_confirmed=freeze_confirmed, dry_run=dry_run)
        if dry_run:
            return {"result": "precheck", "ok": False, "reasons": ["1 blocking queue item"], "notes": ["nobody watches"]}
        self.snapshot = replace(self.snapshot, phase="cutover", gate=None)
        return {"result": "cutting_over"}

    async def cutover_cancel(self, *, actor: str) -> Mapping[str, Any]:
        return self._note("cutover_cancel", actor=actor)

    async def verify(self, *, actor: str) -> Mapping[str, Any]:
        progress(40, 100_000)
        if self.blocked is not None:
            await self.blocked.wait()
        while not self.is_over():  # noqa: ASYNC110 - it is another thread that it waits for
            await anyio.sleep(0.01)
        if self.failure is not None:
            raise self.failure
        return self._note("verify", actor=actor)

    async def rollback_scope(self, *, scope: str) -> str:
        if scope.strip() not in ("", "run", "kind:lead", "phase:sample"):
            raise UsageError("the scope is not known", hint="give run")
        return scope.strip() or "run"

    async def rollback(self, *, actor: str, scope: str, dry_run: bool, confirm: str) -> Mapping[str, Any]:
        return self._note("rollback", actor=actor, scope=scope, dry_run=dry_run, confirm=confirm)


@dataclass
class Box:
    """Keeps the results of jobs as a ledger does, beyond one start."""

    jobs: dict[str, Any] = field(default_factory=dict)

    async def keep(self, name: str, job: Mapping[str, Any]) -> None:
        self.jobs[name] = job

    async def kept(self) -> Mapping[str, Any]:
        return self.jobs


@dataclass
class Served:
    """A control socket that is being served, with what is behind it."""

    path: Path
    operator: FakeOperator
    events: Events


@asynccontextmanager
async def served(
    folder: Path, *, uids: frozenset[int] | None = None, looking: frozenset[int] = frozenset(), idle_timeout_s: float = 10.0,
    shelf: Box | None = None,
) -> AsyncIterator[Served]:
    """Serve a fake operator on folder/control.sock."""
    operator, events = FakeOperator(), Events(SystemClock())
    allowed = frozenset({os.geteuid()}) if uids is None else uids
    control = Control(
        operator, events, Jobs(SystemClock(), events.publish, shelf), allowed_uids=allowed, looking_uids=looking,
        idle_timeout_s=idle_timeout_s,
    )
    async with control_socket(control, folder / "control.sock"):
        yield Served(folder / "control.sock", operator, events)


async def heard(daemon: Served, name: str) -> None:
    """Wait until the event stream has told of something."""
    with anyio.fail_after(5), daemon.events.listen(after=0) as listener:
        async for event in listener.events():
            if event.name == name:
                return


@contextmanager
def short_folder() -> Iterator[Path]:
    """Give a folder whose path is short enough for unix sockets."""
    with tempfile.TemporaryDirectory(prefix="sf") as name:
        yield Path(name)
