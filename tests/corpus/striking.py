"""Letting a platform lie once or for good, and saying which promise was broken, if one was."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import anyio

from streamflow.errors import InvariantBroken, MadeLocked, StreamflowError, Uncertain
from tests.corpus.places import PLACES, TIMEOUT_S, Door, Writer

SLACK_S = 3.0
WRITES = frozenset({"nutshell create", "nutshell lead"})
SOURCES = frozenset({"leadtrekker list", "lead perfection list"})
OTHER_IDS = frozenset({"id_other", "id_true", "id_part", "id_negative", "id_text", "id_path", "id_same"})
"""Ids of another form are a source's own affair; that many rows have the same one is told, a few may be one record that was joined."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Strike:
    """One hostile answer in the place of the right one, once or each time; with the work behind it done, or not."""

    form: str
    is_lasting: bool
    is_done: bool = True

    def __str__(self) -> str:
        return f"{self.form}{', for good' if self.is_lasting else ', once'}{'' if self.is_done else ', nothing done'}"


class _Ear:
    """Hears where this process connects to and which names it asks for, while somebody listens."""

    def __init__(self) -> None:
        self.ports: set[int] | None = None
        self.foreign: list[str] = []
        sys.addaudithook(self._hear)     # for good: such a hook cannot be taken away

    def _hear(self, event: str, args: tuple[object, ...]) -> None:
        if self.ports is None:
            return
        if event == "socket.connect" and isinstance(args[1], tuple) and args[1][1] not in self.ports:
            self.foreign.append(f"connected to {args[1][:2]}")
        elif event == "socket.getaddrinfo" and args[0] not in ("127.0.0.1", b"127.0.0.1", None):
            self.foreign.append(f"asked for {args[0]!r}")

    @contextmanager
    def only(self, port: int) -> Iterator[list[str]]:
        self.ports, self.foreign = {port}, []
        try:
            yield self.foreign
        finally:
            self.ports = None


_EAR = _Ear()


async def broken(door: Door, strike: Strike) -> str:
    """Lie, ask, tell the truth again and ask again; "" where every promise was kept, else the words for what was not."""
    rule = {"form": strike.form, "after": strike.is_done, "path": door.path, **({} if strike.is_lasting else {"times": 1})}
    with _EAR.only(door.port) as foreign, _loose() as loose:
        door.faults.merge({"odd_200": rule})
        before, door.faults.log.spoken = door.faults.log.faults["odd_200"], 0
        usual, begun = set(door.faults.log.calls), time.monotonic()
        wrong = await _asked(door, is_struck=True)
        spent_s = time.monotonic() - begun
        struck = door.faults.log.faults["odd_200"] - before
        door.faults.merge({"odd_200": None})
        if strike.form == "second_later":      # what is said too late has come by then: before, nobody can tell it from an answer
            await _until(lambda: door.faults.log.spoken > 0)
        wrong = wrong or await _asked(door, is_struck=False)
        if spent_s > struck * TIMEOUT_S + SLACK_S:
            wrong = wrong or f"took {spent_s:.1f} s for {struck} such answers"
        odd = sorted(set(door.faults.log.calls) - usual - door.also)
    return "; ".join([*([wrong] if wrong else []), *foreign, *loose, *(f"called {name}" for name in odd)])


async def _asked(door: Door, *, is_struck: bool) -> str:
    when = "" if is_struck else " once the truth was told again"
    try:
        found = await door.ask()
    except Uncertain as error:
        return "" if is_struck and isinstance(door, Writer) else f"in doubt{when}: {error}"
    except MadeLocked as error:
        return "" if door.is_true(error.dest_id) else f"believed{when} what is not true: {error.dest_id}"
    except InvariantBroken as error:
        return f"an invariant was broken{when}: {error}"
    except StreamflowError as error:
        if not is_struck:
            return f"{type(error).__name__}{when}: {error}"
        return "" if door.is_denied_rightly() else f"{type(error).__name__} says that nothing was done, and it was: {error}"
    except Exception as error:  # whatever is let through is what is looked for
        return f"let through {type(error).__name__}{when}: {str(error)[:200]}"
    return "" if door.is_true(found) else f"believed{when} what is not true: {found}"[:300]


async def _until(is_so: Callable[[], bool]) -> None:
    for _ in range(1_000):
        await asyncio.sleep(0.005)
        if is_so():
            break
    await asyncio.sleep(0.01)


@contextmanager
def _loose() -> Iterator[list[str]]:
    """Gather what reached the loop's handler of last resort."""
    loop, found = asyncio.get_running_loop(), list[str]()
    before = loop.get_exception_handler()
    loop.set_exception_handler(lambda _, context: found.append(f"left behind: {context.get('message')}"))
    try:
        yield found
    finally:
        loop.set_exception_handler(before)


async def all_broken(place: str, strikes: list[Strike], *, limit_s: float) -> AsyncIterator[tuple[Strike, str]]:
    """Go through strikes at one place and give those that broke a promise, with its words; a fresh door after each of them."""
    left = list(strikes)
    while left:
        async with PLACES[place]() as door:
            while left:
                strike, wrong = left.pop(0), f"no end within {limit_s} s"
                with anyio.move_on_after(limit_s):
                    wrong = await broken(door, strike)
                if wrong:
                    yield strike, wrong
                    break


def strikes_at(place: str, forms: Iterable[str]) -> list[Strike]:
    """Give the strikes with these forms at a place: once and for good, at a write with its work done and not, less what is `believed`."""
    done = (True, False) if place in WRITES else (True,)
    all_of_them = [Strike(form=form, is_lasting=lasts, is_done=each) for form in forms for lasts in (False, True) for each in done]
    return [strike for strike in all_of_them if not believed(place, strike)]


def believed(place: str, strike: Strike) -> bool:
    """Say whether nobody could know better: what is said in good form and does not contradict itself is the platform's word."""
    if place in SOURCES and strike.form in OTHER_IDS:
        return True
    is_silent = strike.form == "array_empty" or (strike.form == "rows_empty" and place != "nutshell list")     # which counts them beside
    return strike.is_lasting and is_silent and place not in WRITES
