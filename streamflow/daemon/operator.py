"""
What an operator may ask of the running daemon: one method a verb, the seam between the control socket and the supervisor.

Rules: every verb is idempotent and answers a JSON-able mapping whose "result" says what happened ("paused", "already_paused").
*actor* names who asked ("uid:1000") and goes into the audit. UsageError means the request is wrong (400); DoesNotFit that it is
right but not now (409); NotFound that what it names is unknown (404); the rest of the family keeps its meaning.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, TypeAlias

from streamflow.daemon.status import Snapshot

Answer: TypeAlias = Mapping[str, Any]


class Operator(Protocol):
    """All verbs of the control socket."""

    async def ordered(self, *, actor: str, order: str, said: str) -> None:
        """Take down an order before it is carried out: the path of its verb, and what of its parameters may be told."""
        ...

    async def refused(self, *, actor: str, order: str, code: str) -> None:
        """Take down that an order came to nothing, and by which code of an error."""
        ...

    async def orders_end(self) -> None:
        """Take down what of the orders was only counted, since nothing more comes."""
        ...

    # --- asking
    async def status(self) -> Snapshot:
        """Give the present picture; must answer within 100 ms whatever the daemon is doing."""
        ...

    async def map_show(self) -> Answer:
        """Give {"digest", "state", "document", "summary"?}: the map proposed or confirmed."""
        ...

    async def owners_show(self) -> Answer:
        """Give {"owners": [{"key", "name", "email", "records", "match", "how"}], "unmatched": n, "fallback": email or null}."""
        ...

    async def sample_show(self) -> Answer:
        """Give {"state", "size", "diff": [...], "report": path}."""
        ...

    async def queue_list(self, *, state: str) -> Answer:
        """Give {"items": [{"id", "cause", "blocking", "kind", "key", "reason", "decisions", "suggested",
        "state"}]} that are "open", "resolved" or "all"."""
        ...

    async def queue_show(self, *, id: str) -> Answer:
        """Give one item with its details. Raises NotFound."""
        ...

    async def trace(self, *, kind: str, key: str) -> Answer:
        """Give everything known of one record: source, map, intents, destination, verification, audit. Raises NotFound."""
        ...

    async def reports(self) -> Answer:
        """Give {"folder", "reports": [{"name", "title", "json", "html", "csv", "at"}]} (paths or null)."""
        ...

    # --- steering
    async def pause(self, *, actor: str, reason: str) -> Answer: ...
    async def resume(self, *, actor: str) -> Answer: ...

    async def pace(self, *, actor: str, platform: str, rate_per_s: float) -> Answer:
        """Set the cap of a platform (a name, or "source" / "destination")."""
        ...

    async def stop(self, *, actor: str) -> Answer:
        """Drain and end, like SIGTERM."""
        ...

    # --- gates
    async def map_confirm(self, *, actor: str, digest: str) -> Answer: ...

    async def map_edit(self, *, actor: str, document: Any) -> Answer:
        """Replace the proposed map; answers the new digest."""
        ...

    async def owners_recheck(self, *, actor: str) -> Answer: ...
    async def owners_fallback(self, *, actor: str, email: str) -> Answer: ...
    async def sample_accept(self, *, actor: str) -> Answer: ...
    async def sample_redo(self, *, actor: str) -> Answer: ...
    async def sample_discard(self, *, actor: str) -> Answer: ...

    # --- decisions and the end
    async def queue_resolve(self, *, actor: str, id: str, decision: str) -> Answer: ...

    async def cutover(self, *, actor: str, freeze_confirmed: bool, dry_run: bool) -> Answer:
        """Start the switch, or with *dry_run* only its precheck: {"result", "ok": bool, "reasons": [...], "notes": [...]}."""
        ...

    async def cutover_cancel(self, *, actor: str) -> Answer: ...
    async def verify(self, *, actor: str) -> Answer: ...

    async def rollback_scope(self, *, scope: str) -> str:
        """Give a scope as `rollback` takes it. Raises UsageError for one that is none, or names a record that nobody knows."""
        ...

    async def rollback(self, *, actor: str, scope: str, dry_run: bool, confirm: str) -> Answer:
        """Undo; *scope* as `rollback_scope` gave it; *confirm* must be the migration's name unless *dry_run*."""
        ...
