"""
Joins the stages with bounded streams.

    extract ─► transform ─► resolve ─► load (several) ─► verify

One pass hands on every pending record of a kind once. Buffers are counted in batches; memory is buffers × batch size.
What is delivered stands in the ledger record by record, so a pass keeps no mark of its own: the next one takes what is still pending.
A pass stops by letting the extract stage end: the streams close one after the other and the stages run empty.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import anyio
from anyio.streams.memory import MemoryObjectSendStream

from streamflow.errors import StreamflowError, gravest
from streamflow.model import Kind
from streamflow.stages.batch import Batch, Loaded, Mapped, Resolved
from streamflow.stages.load import Loader
from streamflow.stages.resolve import Resolver
from streamflow.stages.transform import Transformer
from streamflow.stages.verify import Verifier
from streamflow.stages.worker import finish, work
from streamflow.store.base import Ledger
from streamflow.wire.message import NORMAL, at_priority

BUFFER_BATCHES = 2
LOADERS = 3


@dataclass(slots=True)
class Gauges:
    """Where the batches of the running pass are; read by status and metrics."""

    kind: Kind = ""
    queues: dict[str, tuple[int, int]] = field(default_factory=dict)
    finished: int = 0
    _streams: dict[str, MemoryObjectSendStream[Any]] = field(default_factory=dict)

    def refresh(self) -> None:
        """Take the present filling of each stream."""
        for name, stream in self._streams.items():
            numbers = stream.statistics()
            self.queues[name] = (numbers.current_buffer_used, int(numbers.max_buffer_size))


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """The stages of one migration, ready to run passes."""

    ledger: Ledger
    transformer: Transformer
    resolver: Resolver
    loader: Loader
    verifier: Verifier
    gauges: Gauges
    priority: int = NORMAL     # of the calls of its passes in the lines of the limiters: `wire.message` DELTA or BACKFILL

    async def run_pass(self, kind: Kind, batches: Callable[[], AsyncIterator[Batch]]) -> int:
        """Send every batch through all stages; answers how many records were finished (given a disposition, parked or held)."""
        self.gauges.kind, self.gauges.finished = kind, 0
        total = 0
        await self.resolver.begin()

        async def loaded(batch: Resolved) -> Loaded:
            nonlocal total
            result = await self.loader.load(batch)
            total += result.finished
            self.gauges.finished = total
            return result

        try:
            with at_priority(self.priority):
                await self._run(batches, loaded)
                await self.loader.finish()
        except BaseExceptionGroup as failures:
            raise first_cause(failures) from failures
        finally:
            self.gauges._streams.clear()
            self.gauges.queues.clear()
        return total

    async def _run(
        self, batches: Callable[[], AsyncIterator[Batch]], loaded: Callable[[Resolved], Awaitable[Loaded]]
    ) -> None:
        async with anyio.create_task_group() as group:
            batch_in, batch_out = anyio.create_memory_object_stream[Batch](BUFFER_BATCHES)
            mapped_in, mapped_out = anyio.create_memory_object_stream[Mapped](BUFFER_BATCHES)
            ready_in, ready_out = anyio.create_memory_object_stream[Resolved](BUFFER_BATCHES)
            done_in, done_out = anyio.create_memory_object_stream[Loaded](BUFFER_BATCHES)
            self.gauges._streams.update(transform=batch_in, resolve=mapped_in, load=ready_in, verify=done_in)
            group.start_soon(_extract, batches, batch_in)
            group.start_soon(work, batch_out, mapped_in, self.transformer.transform)
            group.start_soon(work, mapped_out, ready_in, self.resolver.resolve)
            for _ in range(LOADERS):
                group.start_soon(work, ready_out.clone(), done_in.clone(), loaded)
            ready_out.close()
            done_in.close()
            group.start_soon(finish, done_out, self.verifier.verify)

    async def deliver(self, kind: Kind, batches: Callable[[], AsyncIterator[Batch]]) -> int:
        """Run passes until one finishes nothing more: records that waited for others of their kind come again."""
        total = 0
        while finished := await self.run_pass(kind, batches):
            total += finished
        return total


async def _extract(batches: Callable[[], AsyncIterator[Batch]], send: MemoryObjectSendStream[Batch]) -> None:
    try:
        async with send:
            async for batch in batches():
                await send.send(batch)
    except anyio.BrokenResourceError:
        return


def first_cause(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    """Give the error of a group that is raised for all: one nobody foresaw, else the gravest; cancellation comes last."""
    flat: list[BaseException] = []

    def walk(group: BaseExceptionGroup[BaseException]) -> None:
        for each in group.exceptions:
            if isinstance(each, BaseExceptionGroup):
                walk(each)
            else:
                flat.append(each)

    walk(failures)
    for each in flat:
        if not isinstance(each, StreamflowError | anyio.get_cancelled_exc_class()):
            return each
    foreseen = [each for each in flat if isinstance(each, StreamflowError)]
    return gravest(foreseen) if foreseen else flat[0]
