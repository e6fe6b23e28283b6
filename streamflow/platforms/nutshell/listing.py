"""
Lists that come whole in one answer (users, definitions, tags, pipelines ...), of which an empty one is not believed at once.

What does not exist is made, and what is not listed does not exist: one answer that leaves everything out would make all of it twice.
"""

from __future__ import annotations

from typing import Any, Final

from streamflow.clock import Clock
from streamflow.errors import TransientError
from streamflow.platforms.nutshell.calls import Calls
from streamflow.platforms.nutshell.dialect.envelope import rows

AGAIN_S: Final = (0.1, 0.4)      # when an empty list is asked for again before it counts as one


class Listings:
    """Asks for lists, and remembers which of them ever showed something."""

    def __init__(self, calls: Calls, clock: Clock) -> None:
        self._calls = calls
        self._clock = clock
        self._shown: set[str] = set()
        self._empty: set[str] = set()     # found to be so by asking again

    async def rows(self, path: str, name: str) -> list[dict[str, Any]]:
        """Give the rows of a list; raises TransientError where one that was not empty before stays empty."""
        found = rows(await self._calls.get(path), name)
        for wait_s in AGAIN_S if path not in self._empty else ():
            if found:
                break
            await self._clock.sleep(wait_s)
            found = rows(await self._calls.get(path), name)
        if found:
            self._shown.add(path)
            self._empty.discard(path)
        elif path in self._shown:
            raise TransientError(
                f"the list of {path} is empty, and was not before: it is not believed", platform="nutshell",
                hint="it is asked for again; if all of them were truly removed, start the daemon once more",
            )
        else:
            self._empty.add(path)
        return found
