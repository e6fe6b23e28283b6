"""Whole runs under kill -9: the daemon is killed at seeded random moments and started again until it is done."""

from __future__ import annotations

import math
import random
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from tests.flow.box import Box, sandbox
from tests.flow.daemon import Daemon, NotAnswering
from tests.flow.harness import DECIDED, short
from tests.flow.sides import LEADTREKKER, SIDES
from tests.judge.marks import read_marks
from tests.judge.states import Finding

POLL_S = 0.05
LIFETIME_S = (0.1, 4.0)
"""How long the daemon lives before a kill, from when it is where it is to be struck: from hardly begun to well under way."""
PHASES = ("probe", "map", "schema", "owners", "sample", "backfill", "tail", "cutover", "watch", "done")
STRUCK = ("probe", "schema", "sample", "backfill", "tail", "cutover")
"""Where kills strike: half of them as soon as may be, the others from one of these on, so that no part of a run is spared."""
WATCH_S = 8.0
"""How long the run goes on after the switch for each kill that is to strike there: the longest life, and a start."""
DAY_S = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Survived:
    """One whole run."""

    kills: int
    phases: tuple[str, ...]      # in which each kill struck
    code: int
    findings: tuple[Finding, ...]


def survive(
    seed: int, *, kills: int, records: int = 100, limit_s: float = 240.0, pair: str = LEADTREKKER.pair, reader: str = "api"
) -> Survived:
    """Run one migration by one reader, `api` or `files`, with exactly so many *kills*, and compare both sides at its end."""
    dice = random.Random(f"kills-{seed}")
    wanted = sorted((dice.choice(("probe", dice.choice(STRUCK))) for _ in range(kills)), key=PHASES.index)
    options = SIDES[pair].files if reader == "files" else {}
    with sandbox(pair=pair, records=records, seed=seed, gates="auto", search_lag=0.2, **options) as box:
        box.configure('cutover = "auto"', 'cutover = "ask"')
        box.configure("watch_days = 0\n", f"watch_days = {wanted.count('cutover') * WATCH_S / DAY_S:.6f}\n")
        before = box.destination()
        run = _Run(box, dice, wanted)
        try:
            code = run.to_the_end(limit_s)
            findings = box.compare(box.source(), box.destination(), before=before, explained=run.explained)
        finally:
            run.daemon.stop()
        return Survived(kills=len(run.struck), phases=tuple(run.struck), code=code, findings=tuple(findings))


class _Run:
    """One run: an operator who asks again and again, and a hand on the plug."""

    def __init__(self, box: Box, dice: random.Random, wanted: list[str]) -> None:
        self.box = box
        self.daemon = Daemon(box)
        self.struck: list[str] = []
        self.explained: dict[tuple[str, str], str] = {}
        self._dice = dice
        self._wanted = wanted        # the phase from which on each kill to come strikes, in order
        self._kill_at = math.inf
        self._seen: Any = None
        self._phase = "start"
        self._exported = ""          # since when the gate stood that the last export was made for

    def to_the_end(self, limit_s: float) -> int:
        """Go on until the daemon ends by itself; gives its exit code."""
        deadline = time.monotonic() + limit_s
        self._start()
        while time.monotonic() < deadline:
            if not self.daemon.is_running:
                code = self.daemon.wait(1.0)
                assert code in (0, 1), f"the daemon gave up with exit code {code} after {len(self.struck)} kills; {self.daemon.words(25)}"
                assert not self._wanted, f"the run was over before {len(self._wanted)} kills could strike"
                return code
            if time.monotonic() >= self._kill_at:
                self._strike()
            try:
                self._attend()
            except NotAnswering:
                pass   # not up yet, or just killed
            time.sleep(POLL_S)
        raise AssertionError(f"not done within {limit_s} s and {len(self.struck)} kills, in {short(self._seen)}; {self.daemon.words(25)}")

    def _start(self) -> None:
        self.daemon.start()
        self._kill_at = math.inf

    def _strike(self) -> None:
        self.daemon.kill()
        self.struck.append(self._phase)
        self._wanted.pop(0)
        self._start()

    def _attend(self) -> None:
        """Look once, decide what waits for a decision, and order the switch when the tail is quiet."""
        self._seen = status = self._ask("GET", "/v1/status")
        self._phase = str(status["phase"])
        if self._wanted and self._kill_at == math.inf and PHASES.index(self._phase) >= PHASES.index(self._wanted[0]):
            self._kill_at = time.monotonic() + self._dice.uniform(*LIFETIME_S)
        assert status["state"] != "paused", status["reason"]
        gate = status["gate"] or {}
        if gate.get("name") == "export" and gate["since"] != self._exported:
            self.box.export()   # the switch by files waits for what was exported after the freeze
            self._exported = gate["since"]
        for item in self._ask("GET", "/v1/queue?state=all")["items"]:
            self.explained[str(item["kind"]), str(item["key"])] = str(item["reason"])
            is_question = item["blocking"] or item["cause"] in DECIDED or item["id"].startswith("identity:")
            if item["state"] == "open" and is_question and item["suggested"]:
                self.daemon.ask("POST", f"/v1/queue/{quote(item['id'], safe='')}/resolve", {"decision": item["suggested"]})
                return
        if self._phase != "tail" or status["gate"] is None or any(each["backlog"] for each in status["streams"].values()):
            return
        if self._wanted and self._wanted[0] != "cutover":
            return   # the switch ends the run: what is to strike before it comes first
        self._explain()
        self.box.freeze()
        self.daemon.ask("POST", "/v1/cutover", {"freeze_confirmed": True})   # refused while it is too early; asked again then

    def _explain(self) -> None:
        """Ask about what left no mark."""
        there = read_marks(self.box.destination(), self.box.side.prefix).identities()
        for kind, key, _ in self.box.source().every():
            if key and (kind, key) not in there and (kind, key) not in self.explained:
                trace = self._ask("GET", f"/v1/records/{kind}/{quote(key, safe='')}", missing={})
                if trace.get("disposition") in ("filtered", "flagged", "failed"):
                    self.explained[kind, key] = str(trace["reason"])

    def _ask(self, method: str, path: str, missing: Any = None) -> Any:
        code, body = self.daemon.ask(method, path)
        if code == 404 and missing is not None:
            return missing
        assert code == 200, f"{method} {path}: {code}: {body}"
        return body

