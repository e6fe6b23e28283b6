"""Asking several things at once, within bounds, and hearing one plain error instead of a group."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import anyio

from streamflow.errors import StreamflowError, gravest

T = TypeVar("T")
R = TypeVar("R")


async def spread(ask: Callable[[T], Awaitable[R]], items: Sequence[T], *, width: int = 8) -> list[R]:
    """
    Call *ask* for each item, at most *width* at a time; answers in the order of the items.

    The first StreamflowError ends the others and is raised itself, but for a graver one of the same moment. For reads only: a cancelled
    write would be in doubt.
    """
    answers: dict[int, R] = {}
    failed: list[StreamflowError] = []
    waiting = iter(enumerate(items))

    async with anyio.create_task_group() as tasks:

        async def work() -> None:
            for index, item in waiting:
                try:
                    answers[index] = await ask(item)
                except StreamflowError as error:
                    failed.append(error)
                    tasks.cancel_scope.cancel()
                    return

        for _ in range(min(width, len(items))):
            tasks.start_soon(work)
    if failed:
        raise gravest(failed)
    return [answers[index] for index in range(len(items))]
