"""
Verbs that may take long: each runs as a job of its own, whoever asked may go away, and what came of it is kept.

Rule 1: a question waits a little for its answer; what takes longer is answered with the job's name, by which it is fetched later.
Rule 2: the same question asked again while its job runs joins it; nothing is done twice at a time.
Rule 3: a job that fails takes nothing down with it; its error is its result.
Rule 4: the last result of an order is kept in the ledger, so that it outlives the daemon that found it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

import anyio
import structlog
from anyio.abc import TaskGroup

from streamflow.clock import Clock, iso
from streamflow.daemon.answers import INTERNAL, is_foreseen
from streamflow.errors import NotFound, StreamflowError
from streamflow.migration.progress import heard_by
from streamflow.pipeline import first_cause

TELL_EVERY_S = 1.0

Work: TypeAlias = Callable[[], Awaitable[Any]]
_log = structlog.get_logger()


class Shelf(Protocol):
    """Where results outlive the daemon."""

    async def keep(self, name: str, job: Mapping[str, Any]) -> None: ...
    async def kept(self) -> Mapping[str, Mapping[str, Any]]:
        """Give what was kept, by name."""
        ...


@dataclass(slots=True, kw_only=True)
class Job:
    """One run of a long verb."""

    name: str
    by: str
    started_at: str
    is_kept: bool
    state: str = "running"       # running | done | failed
    done: int = 0
    of: int = 0                  # 0: how much there is to do is not known
    ended_at: str | None = None
    result: Any = None
    error: BaseException | None = None
    ended: anyio.Event = field(default_factory=anyio.Event)
    waiting: int = 0             # who asked and has not gone away
    told_at: float = float("-inf")

    def to_json(self) -> dict[str, Any]:
        """Give the public picture; `result` is what the verb answers, `error` has the form of every refusal."""
        return {
            "name": self.name, "state": self.state, "by": self.by, "started_at": self.started_at, "ended_at": self.ended_at,
            "progress": {"done": self.done, "of": self.of or None}, "result": self.result, "error": _told(self.error),
        }


class Jobs:
    """The jobs of one start of the daemon; lives inside `running`."""

    def __init__(self, clock: Clock, publish: Callable[..., None], shelf: Shelf | None = None) -> None:
        self._clock = clock
        self._publish = publish
        self._shelf = shelf
        self._jobs: dict[str, Job] = {}
        self._group: TaskGroup | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Let jobs run until the block ends; those under way then are given up."""
        async with anyio.create_task_group() as self._group:
            yield
            self._group.cancel_scope.cancel()

    async def answer(self, name: str, work: Work, *, by: str, wait_s: float, keep: bool) -> Any:
        """
        Start the job, or join the one that runs, and wait for it; answers the verb's own answer, or "running" with the job's name.

        With *keep* its result outlives the daemon. Raises what the verb raises when that happens within the wait.
        """
        job = self._jobs.get(name)
        if job is None or job.state != "running":
            job = self._start(Job(name=name, by=by, started_at=iso(self._clock.now()), is_kept=keep), work)
        job.waiting += 1
        try:
            with anyio.move_on_after(wait_s):
                await job.ended.wait()
        finally:
            job.waiting -= 1
        if job.error is not None:
            raise job.error
        if job.state == "done":
            return job.result
        return {"result": "running", "job": {key: value for key, value in job.to_json().items() if key not in ("result", "error")}}

    async def show(self, name: str) -> Mapping[str, Any]:
        """Give a job as it stands, or as it ended last. Raises NotFound."""
        job = self._jobs.get(name)
        found = job.to_json() if job is not None else (await self._kept()).get(name)
        if found is None:
            raise NotFound(f"there is no job {name[:80]}", hint="`GET /v1/jobs` names them")
        return found

    async def listing(self) -> Mapping[str, Any]:
        """Give {"jobs": [...]}, running ones first, without their results."""
        known = {**(await self._kept()), **{name: job.to_json() for name, job in self._jobs.items()}}
        rows = [{key: value for key, value in job.items() if key != "result"} for job in known.values()]
        return {"jobs": sorted(rows, key=lambda row: (row["state"] != "running", row["name"]))}

    # --- below

    def _start(self, job: Job, work: Work) -> Job:
        if self._group is None:
            raise RuntimeError("jobs were asked for outside of their block")
        self._jobs[job.name] = job
        self._publish("job.started", job=job.name)
        self._group.start_soon(self._run, job, work)
        return job

    async def _run(self, job: Job, work: Work) -> None:
        try:
            with heard_by(lambda done, of: self._hear(job, done, of)):
                job.result = await work()
            job.state = "done"
        except Exception as error:  # the last line: a bad job must not take the daemon down
            job.error, job.state = first_cause(error) if isinstance(error, BaseExceptionGroup) else error, "failed"
            if not job.waiting:   # else whoever waits is told, and tells the log what it cannot be told
                _log.error("job.failed", job=job.name, error=job.error)
        job.ended_at = iso(self._clock.now())
        await self._put_away(job)
        self._publish("job.ended", job=job.name, state=job.state)
        job.ended.set()

    async def _put_away(self, job: Job) -> None:
        if self._shelf is None or not job.is_kept:
            return
        try:
            await self._shelf.keep(job.name, job.to_json())
        except StreamflowError as error:
            _log.error("job.not_kept", job=job.name, error=error)   # whoever waits for it gets it all the same

    def _hear(self, job: Job, done: int, of: int) -> None:
        job.done, job.of = done, of
        if (now := self._clock.monotonic()) - job.told_at >= TELL_EVERY_S:
            job.told_at = now
            self._publish("job.progress", job=job.name, done=done, of=of)

    async def _kept(self) -> Mapping[str, Mapping[str, Any]]:
        return await self._shelf.kept() if self._shelf is not None else {}


def _told(error: BaseException | None) -> dict[str, str] | None:
    if error is None:
        return None
    if isinstance(error, StreamflowError) and is_foreseen(error):
        return {"code": error.code, "message": str(error), "hint": error.hint}
    return dict(zip(("code", "message", "hint"), INTERNAL, strict=True))
