"""The run itself: a whole migration that stays in the tail for so many minutes, looked at from outside once a second."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from streamflow.sandbox.sides import SIDES as SANDBOXES
from tests.flow.box import Box
from tests.flow.hands import Hands
from tests.flow.survival import Survived, Trial, survive
from tests.judge.marks import read_marks
from tests.judge.states import ask
from tests.soak.changes import Change, added, only_added
from tests.soak.recorder import Recorder
from tests.soak.samples import Sample, look

BUSY = str(Path(__file__).with_name("busy.toml"))
LOOKS_EVERY_S = 1.0
LOGS_EVERY_S = 5.0
ATTENDS_EVERY_S = 2.0
AT_ONCE = 20
"""Decisions at one look."""
END_S = 1800.0
"""What the beginning and the switch may take beside the tail; the switch half of it: it reads everything at the pace allowed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """
    What hour is wanted.

    Args:
        minutes: In the tail.
        life: Changes a second that people make in the source.
        rate_per_s: Calls a second that the destination allows; the configuration asks for nine tenths.
        source_rate_per_s: The same of the source.
        poll_s: Pause between two looks at the source.
        sweep_s: Pause between two complete comparisons.
    """

    minutes: float
    seed: int
    pair: str = "leadtrekker-nutshell"
    records: int = 400
    life: float = 1.0
    rate_per_s: float = 20.0
    source_rate_per_s: float = 20.0
    poll_s: int = 5
    sweep_s: int = 300

    @property
    def trial(self) -> Trial:
        """Give the run that it is."""
        return Trial(
            seed=self.seed, pair=self.pair, records=self.records, life=self.life, faults=BUSY, rate_per_s=self.rate_per_s,
            source_rate_per_s=self.source_rate_per_s, tail_s=60.0 * self.minutes, limit_s=60.0 * self.minutes + END_S,
        )  # fmt: skip


@dataclass(kw_only=True)
class Seen:
    """What was seen from outside; times are Unix seconds."""

    source: Recorder
    destination: Recorder
    samples: list[Sample] = field(default_factory=list)
    unseen: int = 0                  # looks that came to nothing although the daemon was there
    begun: float = 0.0               # when the tail was seen first
    frozen: float = 0.0              # when it was seen last before people were made to stop
    changes: list[Change] = field(default_factory=list)
    told_of: frozenset[str] = frozenset()        # kinds whose told lag can be held against what is known
    life: list[Mapping[str, Any]] = field(default_factory=list)     # all that people did in the source, by its own book

    @property
    def tail(self) -> list[Sample]:
        """Give the looks at the tail, the freeze left out."""
        return [each for each in self.samples if self.begun <= each.at <= self.frozen]


class Attending(Hands):
    """Hands that look every two seconds: whoever asks without pause keeps the daemon from its work."""

    def __init__(self, order: Order, box: Box, *args: Any, **more: Any) -> None:
        super().__init__(box, *args, **more)
        box.configure("poll_s = 1\n", f"poll_s = {order.poll_s}\n")
        box.configure("sweep_every = 10\n", f"sweep_every = {order.sweep_s}\n")
        box.configure("deadline_s = 120\n", f"deadline_s = {END_S / 2:.0f}\n")
        self.seen = Seen(source=Recorder(box.source_admin), destination=Recorder(box.destination_admin))
        self._zone = ZoneInfo(SANDBOXES[order.pair].timezone)
        self._attends_at = 0.0
        self._failed: BaseException | None = None

    def to_the_end(self, limit_s: float) -> int:
        """Go on until the daemon ends by itself, and watch it; gives its exit code."""
        try:
            with self._watched():
                return super().to_the_end(limit_s)
        finally:
            self._gather()

    def _attend(self) -> None:
        if self._failed is not None:
            raise self._failed
        if time.monotonic() >= self._attends_at:
            self._attends_at = time.monotonic() + ATTENDS_EVERY_S
            super()._attend()
            if self._phase == "tail" and not self.box.source_state()["life"]["frozen"]:
                self.seen.begun, self.seen.frozen = self.seen.begun or time.time(), time.time()

    def _decide(self) -> bool:
        """Decide what waits for a decision, and what is refused at the next look again."""
        count = 0
        while count < AT_ONCE and super()._decide():
            count += 1
        return count > 0

    @contextmanager
    def _watched(self) -> Iterator[None]:
        is_over = threading.Event()
        watcher = threading.Thread(target=self._watch, args=(is_over,), daemon=True)
        watcher.start()
        try:
            yield
        finally:
            is_over.set()
            watcher.join()
        if self._failed is not None:
            raise self._failed

    def _watch(self, is_over: threading.Event) -> None:
        try:
            looks = 0
            while not is_over.wait(LOOKS_EVERY_S):
                self._look()
                looks += 1
                if looks % int(LOGS_EVERY_S / LOOKS_EVERY_S) == 0:
                    with suppress(OSError, HTTPException):     # a platform that is busy is asked again: what it forgets by then is told
                        self._fetch()
            self._fetch()
        except BaseException as error:      # an hour that nobody looked at is none: the hands end it
            self._failed = error

    def _fetch(self) -> None:
        self.seen.source.fetch()
        self.seen.destination.fetch()

    def _look(self) -> None:
        if self.daemon.process is None or not self.daemon.is_running:
            return
        address = ((self._seen or {}).get("listen") or {}).get("metrics") or ""
        try:
            self.seen.samples.append(look(self.daemon.process.pid, self.box.state, at=time.time(), address=address))
        except (OSError, HTTPException):
            self.seen.unseen += self.daemon.is_running

    def _gather(self) -> None:
        """Ask for what is known only at the end."""
        life = self.seen.life = ask(f"{self.box.source_admin}life?since=0")["operations"]
        self.seen.changes = added(life, read_marks(self.box.destination(), self.box.side.prefix), self._zone)
        self.seen.told_of = only_added(life)


def lived(order: Order) -> tuple[Survived | None, Seen, str]:
    """Run the hour, and judge both accounts at its end; of one that came to none there is what was seen, and why it did not."""
    found: list[Seen] = []

    def handed(trial: Trial, box: Box, dice: random.Random, wanted: list[str]) -> Hands:
        hands = Attending(order, box, dice, wanted, faults=trial.faults)
        found.append(hands.seen)
        return hands

    try:
        return survive(order.trial, handed=handed), found[0], ""
    except Exception as failure:  # an hour of looks is not lost to whatever ended it
        if not found or not found[0].tail:
            raise
        return None, found[0], f"{type(failure).__name__}: {failure}"
