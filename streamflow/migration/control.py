"""How the operator's wishes reach the phases: pause, drain, and "something was decided, look again"."""

from __future__ import annotations

import anyio


class Drained(Exception):
    """The daemon was asked to end; every stage is empty and the mark is saved. Not an error."""


RETRY, PERSON = ENDS = ("retry", "person")
"""What ends a pause that nobody asked for."""


class Control:
    """One per daemon. Setting is synchronous, waiting is not; a durable twin of the pause lives in the ledger."""

    def __init__(self) -> None:
        self.paused: str | None = None      # the reason shown
        self.ends_itself = False            # the pause: it is over when the time has come to look again
        self.is_failure = False             # the pause: nobody asked for it
        self.draining = False
        self._changed = anyio.Event()

    def notify(self) -> None:
        """Wake everyone who waits for a change."""
        event, self._changed = self._changed, anyio.Event()
        event.set()

    def look(self) -> anyio.Event:
        """Give what the next change sets: taken before something is looked at, no change while one looks is slept through."""
        return self._changed

    def pause(self, reason: str) -> None:
        """Pause until somebody resumes."""
        self.paused = reason
        self.ends_itself = self.is_failure = False
        self.notify()

    def hold_up(self, reason: str, *, ends_itself: bool = False) -> None:
        """Pause because something failed; a pause that a person has to end is none the less theirs, with their words."""
        if self.paused is None or self.ends_itself:
            self.pause(reason)
            self.ends_itself, self.is_failure = ends_itself, True

    def resume(self) -> None:
        self.paused = None
        self.ends_itself = self.is_failure = False
        self.notify()

    def lift(self) -> None:
        """End a pause that would end by itself; what a person has to end stays."""
        if self.ends_itself:
            self.resume()

    @property
    def held_up_until(self) -> str:
        """Say what ends a pause that nobody asked for: the next try (`RETRY`) or a person (`PERSON`); "" while there is none."""
        if not self.is_failure:
            return ""
        return RETRY if self.ends_itself else PERSON

    def drain(self) -> None:
        self.draining = True
        self.notify()

    async def permit(self) -> bool:
        """Wait out a pause; False when nothing new may be taken because the daemon drains."""
        while self.paused is not None and not self.draining:
            await self._changed.wait()
        return not self.draining

    def check(self) -> None:
        """Leave the phase when the daemon drains. Raises Drained."""
        if self.draining:
            raise Drained

    async def wait(self, timeout_s: float | None = None, *, since: anyio.Event | None = None) -> None:
        """Wait for a change (since `look`), at most *timeout_s* seconds. Raises Drained."""
        self.check()
        event = since or self._changed
        with anyio.move_on_after(timeout_s):
            await event.wait()
        self.check()
