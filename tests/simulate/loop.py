"""
An event loop whose time is the world's and whose order is the seed's.

No sockets, no threads: what is ready runs in a seeded order, and when nothing is ready time jumps to whatever is due next, in the
process or outside it. A crash ends the loop between two callbacks: no task is resumed, cancelled or finished ever after.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from random import Random
from typing import Any
from unittest.mock import patch
from warnings import catch_warnings, simplefilter

from anyio._backends._asyncio import CancelScope

from tests.simulate.agenda import Agenda

TICK_S = 0.0002          # what one turn of the loop takes
TURNS = 100_000          # more of them than any sound run of a process takes


class ProcessEnded(BaseException):
    """The process is no more."""


class Stuck(Exception):
    """Nothing is ready and nothing is due, or the process turns without getting anywhere."""


class _Ready(deque[Any]):
    """Callbacks that may run now, one of them chosen by the seed."""

    def __init__(self, dice: Random) -> None:
        super().__init__()
        self._dice = dice
        self.left = -1           # callbacks until the process ends; below zero: it does not

    def popleft(self) -> Any:
        self.left -= 1
        if self.left == 0:
            raise ProcessEnded
        if len(self) > 1:
            place = int(self._dice.random() * len(self))
            self[0], self[place] = self[place], self[0]
        return super().popleft()


class _Task(asyncio.Task[Any]):
    """A task whose place in a set does not depend on where it lies in memory."""

    numbers = 0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        _Task.numbers += 1
        self._number = _Task.numbers
        super().__init__(*args, **kwargs)

    def __hash__(self) -> int:
        return self._number

    def __eq__(self, other: object) -> bool:
        return self is other


class VirtualLoop(asyncio.BaseEventLoop):
    """Runs one process of a world."""

    def __init__(self, agenda: Agenda, dice: Random, turns: int = TURNS) -> None:
        super().__init__()
        self._agenda = agenda
        self._turns_left = turns
        self._selector = self              # BaseEventLoop asks it how long to sleep
        self._ready = _Ready(dice)
        _Task.numbers = 0
        self.set_task_factory(lambda loop, coro, **more: _Task(coro, loop=loop, **more))
        self.set_exception_handler(lambda loop, context: None)

    def end_after(self, callbacks: int) -> None:
        """Let the process end so many callbacks from now."""
        self._ready.left = callbacks

    def end_now(self) -> None:
        """Let the process end before the next callback."""
        self._ready.left = 1

    def time(self) -> float:
        return self._agenda.now

    def select(self, timeout: float | None) -> list[Any]:
        """Let time pass instead of waiting for sockets."""
        self._turns_left -= 1
        if self._turns_left < 0:
            raise Stuck("more turns of the loop than a sound run takes")
        following = self._agenda.next_at()
        if timeout is None and following is None:
            raise Stuck("nothing is due any more")
        target = self._agenda.now + TICK_S
        if timeout is None or timeout > TICK_S:
            wake = self._agenda.now + timeout if timeout is not None else following
            assert wake is not None
            target = max(target, wake if following is None else min(wake, following))
        self._agenda.until(target)
        return []

    def _process_events(self, event_list: list[Any]) -> None:
        """There are none."""

    def _asyncgen_finalizer_hook(self, agen: Any) -> None:
        """When a generator nobody closed is let go depends on what memory held before: no part of a world."""

    def _write_to_self(self) -> None:
        """Nobody waits in another thread."""

    def bury(self) -> None:
        """Make sure that nothing of a process that ended runs ever again."""
        self._ready.left = -1
        for task in asyncio.all_tasks(self):
            task._log_destroy_pending = False  # type: ignore[attr-defined]
            _GRAVES.append(task)
        self.close()


_GRAVES: list[asyncio.Task[Any]] = []


def clear_graves() -> None:
    """Let go of dead tasks, when the world they lived in was judged: clean-up that begins now changes nothing any more."""
    with catch_warnings():
        simplefilter("ignore", RuntimeWarning)     # tasks that had not begun
        for task in _GRAVES:
            for _ in range(8):
                try:
                    task.get_coro().close()
                    break
                except BaseException:     # clean-up that waits for something will not have it
                    continue
        _GRAVES.clear()


@contextmanager
def settled_order() -> Iterator[None]:
    """Inside, scopes of anyio lie in sets by when they were made, not by where in memory: a seed tells one order of cancellations."""
    made: dict[int, int] = {}
    numbers = count(1)
    begin = CancelScope.__init__

    def numbered(scope: CancelScope, *args: Any, **kwargs: Any) -> None:
        made[id(scope)] = next(numbers)
        begin(scope, *args, **kwargs)

    with patch.multiple(CancelScope, __init__=numbered, __hash__=lambda scope: made.get(id(scope), 0)):
        yield


@contextmanager
def process(agenda: Agenda, dice: Random, turns: int = TURNS) -> Iterator[VirtualLoop]:
    """Give the loop of one process, which is over at the end of the block, and of so many turns at most."""
    loop = VirtualLoop(agenda, dice, turns)
    try:
        yield loop
    finally:
        loop.bury()


def run(loop: VirtualLoop, main: Coroutine[Any, Any, Any]) -> bool:
    """Run a process to its end; False when it was ended from outside."""
    task = loop.create_task(main)
    with suppress(ProcessEnded):
        loop.run_until_complete(task)
        return True
    return False
