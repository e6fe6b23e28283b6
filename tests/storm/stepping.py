"""An operator of a run whose clocks are set, or that stands still, where it comes by: with writes in doubt, in the tail, at the switch."""

from __future__ import annotations

import json
import random
import signal
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from tests.flow.box import Box
from tests.flow.hands import Hands
from tests.judge.states import ask
from tests.storm.faked import ALL, put_ahead

DEEDS = 3
"""So often people work in the source under each clock of the tail."""
LATE_S = 6.0
"""How long after its answer was lost a write may still be carried out, as configured here."""
OWED_S = LATE_S - 2.0
"""How long after that one is."""
SETTLE_S = 3
"""How late the source may show a change, as configured here: a cutover takes so long at least."""
LATENCY_MS = 60
NEAR_S = 100.0
LOST: Mapping[str, Any] = {
    fault: {"path": "POST /rest/contacts", "times": 1, "delay_s": OWED_S} for fault in ("late_commit", "reset_before")
}
"""How the answers to two writes are lost: one is carried out late, the other never."""
UNDATED: Mapping[str, Mapping[str, int]] = {
    "leadtrekker": {"add_call": 0}, "lead_perfection": {"add_call": 0, "set_appointment": 0, "edit_appointment": 0},
}  # fmt: skip
"""People do nothing that is moved otherwise as long as it lies ahead: that goes by our clock, and a judge by the right one."""
PLACES = ("in doubt", "in doubt and killed", "tail", "tail and ended", "cutover", "watch")
"""Where the clocks step, in order; where the process ends as well, it is started under the new ones."""


class Stepping(Hands):
    """Attends to one run, and lets its clocks step once at each place: *by_s* and more to and fro, or ever further ahead."""

    def __init__(self, box: Box, dice: random.Random, wanted: list[str], *, mode: str, by_s: int) -> None:
        super().__init__(box, dice, wanted)
        self.ahead_s = _far_ahead(by_s) if mode == ALL else _to_and_fro(by_s)
        self.unseen = {0, *self.ahead_s.values()}      # clocks by which no line of the log bears its time yet
        self.given_up: list[str] = []                  # attempts at the switch, each with why
        self.at_tail = lambda: "cutover" in self._to_come and (self._to_come[0] != "cutover" or not self._has_moved_on())
        self._clocks = box.dir / "clocks"
        self._stands_still = mode == ALL
        self._to_come = list(PLACES)
        self._lost = 0                                 # how often answers were let go lost
        self._deeds_at = 0                             # deeds of people by the last step
        self._heard = 0                                # bytes of the log
        self.daemon.command = ("-m", "tests.storm.faked", str(self._clocks), mode)
        put_ahead(self._clocks, 0)
        box.configure("late_commit_s = 1.0", f"late_commit_s = {LATE_S}")
        box.configure("settle_s = 1", f"settle_s = {SETTLE_S}")
        box.switch(box.side.platform, life_weights=UNDATED[box.side.platform])

    def _attend(self) -> None:
        super()._attend()
        self._hear()
        if not self._lost and self._phase == "sample":
            self._lose()
        if self._to_come and self._is_come():
            self._step(self._to_come.pop(0))

    def _goes_on(self, code: int) -> bool:
        self._hear()
        return super()._goes_on(code)

    def _is_come(self) -> bool:
        place = self._to_come[0]
        if place.startswith("in doubt"):
            faults = ask(f"{self.box.destination_admin}log")["faults"]
            return 0 < self._lost == min(faults.get(each, 0) for each in LOST)
        return place.startswith(self._phase) and (place != "tail and ended" or self._has_moved_on())

    def _step(self, place: str) -> None:
        """Set the clocks, and end the process with it where the place says so."""
        assert self.daemon.process is not None
        if place.endswith("killed"):
            self._again(place, self.daemon.kill)
        elif place.endswith("ended"):
            self._again(place, self._end)
        elif self._stands_still:
            self.daemon.process.send_signal(signal.SIGSTOP)
            self._set(place)
            self.daemon.process.send_signal(signal.SIGCONT)
        else:
            self._set(place)
        if place == "in doubt":
            self._lose()
        if place == "tail":
            self.box.switch("nutshell", latency_ms=0)
        self._deeds_at = self._deeds()
        self._order("/v1/resume")      # says nothing new, and is a line of the log

    def _again(self, place: str, end: Callable[[], None]) -> None:
        end()
        self._set(place)
        self._start()

    def _end(self) -> None:
        assert self.daemon.process is not None
        self.daemon.process.send_signal(signal.SIGTERM)
        assert self.daemon.wait(60.0) == 0, self.daemon.words()

    def _set(self, place: str) -> None:
        if self._stands_still and place.startswith("in doubt"):
            time.sleep(OWED_S)     # nobody else stands still meanwhile: in two hours whatever is owed would be carried out
        put_ahead(self._clocks, self.ahead_s[place])

    def _lose(self) -> None:
        """Let the answers to the next two writes be lost, in a destination that is slow enough to be met at work."""
        self._lost += 1
        self.box.switch("nutshell", latency_ms=LATENCY_MS, **LOST)

    def _has_moved_on(self) -> bool:
        return self._deeds() >= self._deeds_at + DEEDS

    def _deeds(self) -> int:
        return sum(self.box.source_state()["life"]["by_deed"].values())

    def _hear(self) -> None:
        """Look at what the log says since the last look, and by which clock."""
        text = self.daemon.log.read_bytes()[self._heard :]
        whole = text[: text.rfind(b"\n") + 1]
        self._heard += len(whole)
        now = datetime.now(UTC)
        for line in (json.loads(each) for each in whole.splitlines() if each.startswith(b"{")):
            ahead_s = (datetime.fromisoformat(line["at"]) - now).total_seconds()
            self.unseen = {each for each in self.unseen if abs(each - ahead_s) > NEAR_S}
            if line["event"] == "cutover.given_up":
                self.given_up.append(str(line["reason"]))


def _to_and_fro(by_s: int) -> Mapping[str, int]:
    """Give by place how far ahead clocks are that are set forth, and back behind the right time: no two of them alike."""
    return {place: (number // 2 + 1) * (-by_s if number % 2 else by_s) for number, place in enumerate(PLACES)}


def _far_ahead(by_s: int) -> Mapping[str, int]:
    """Give by place how far ahead clocks are that never go back."""
    return {place: (number + 1) * by_s for number, place in enumerate(PLACES)}
