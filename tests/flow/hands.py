"""The hands in a run that is struck again and again: an operator who asks and decides, and another on the plug."""

from __future__ import annotations

import math
import os
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from streamflow.sandbox.profiles import read_profile
from tests.flow.box import REPOSITORY, Box
from tests.flow.daemon import Daemon, NotAnswering
from tests.flow.harness import DECIDED, question_of, short
from tests.flow.measures import peak_mib
from tests.flow.stopping import Stops, struck
from tests.flow.strikes import AT_WORK_S, LIFETIME_S, UNDOING_S, done_so_far, is_come
from tests.judge.marks import read_marks
from tests.judge.states import WHO_IS_WHO, Question

CALM = "calm"
POLL_S = 0.05
STILL_S = 8.0
"""How long the source is watched behind the last kill: a start, and some looks."""
DAY_S = 86_400.0
TOLD = ("shared_email", "possible_duplicate", "unmapped_value")
"""Causes that only tell; a run that is struck at named points accepts them, so that it comes by a decision for certain."""
CUT_OFF = "unanswered"
"""The cause about a write whose every try was cut off, as happens to who is struck at each point on the way: it is to be tried again."""
SINCE = "gone from the destination since it was written"
"""Of a record that was removed before it was read back, nobody can tell by whom: it holds up the switch until it is answered."""
UNTOLD = "-tasks reads back differently"
"""Of tasks no event tells: what a person changes between our write and its reading back is asked about, and holds up the switch as well."""
UNREAD = "source_unread"
GIVEN_UP_S = 30.0
"""How long an operator waits for what one list of the source does not show, before it is given up."""
PATIENCE = 40
"""How often a run that misbehaving platforms brought to a stop is let go on by an operator, and how often started again by its service
manager."""
BY_ITSELF = "tried again in"
"""What the reason of a pause says that nobody has to end."""
AWAY = (HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE)
"""What is answered where a platform has to be asked and fails."""
FOR_A_PERSON = {"plan_limit": "plan_limit", "rejected": "deny"}
"""Errors that are for a person -> the fault without which a profile gives no cause for them; a run that pauses for good over anything
else, such as a platform that is away or lies, is wrong."""
_UNIT = REPOSITORY / "deploy" / "streamflow.service"


def stays_down() -> frozenset[int]:
    """Give the exit codes after which the service manager does not start the daemon again, as the unit that ships says; ends among them."""
    words = dict(line.split("=", 1) for line in _UNIT.read_text(encoding="utf-8").splitlines() if line.startswith(("Restart", "Success")))
    assert words["Restart"] == "on-failure", words
    return frozenset({os.EX_OK, *map(int, words["SuccessExitStatus"].split()), *map(int, words["RestartPreventExitStatus"].split())})


def provides(profile: str) -> frozenset[str]:
    """Give what a profile of faults has any platform do."""
    return frozenset(name for switches in read_profile(profile).values() for name in switches)


class Hands:
    """Starts a run, attends to it, strikes it and starts it again, until it ends by itself."""

    slow = 1.0      # how many times longer everything takes than on this very machine

    def __init__(self, box: Box, dice: random.Random, wanted: list[str], *, stops: Stops | None = None, faults: str = CALM) -> None:
        self.box = box
        self.daemon = Daemon(box)
        self.plan = box.dir / "stops.json"
        self.struck: list[str] = []             # phases in which the plug was pulled
        self.paused = 0                         # how often a person had to let it go on
        self.restarts = 0                       # how often its service manager started it again, for the platforms' sake
        self.peak_mib = 0.0
        self.resumes_s: list[float] = []        # from each start after the first one to the first answer
        self.explained: dict[tuple[str, str], str] = {}
        self.asked: set[Question] = set()       # about who is who, as they were when they came up and at the switch
        self.at_watch: Callable[[], None] | None = None     # called once after the switch; the run is rolled back then
        self.is_judged = False                              # that it was called
        self.is_planned = False                             # what a rollback would do, by its report
        self.at_sample: Callable[[], None] | None = None    # called before the sample is accepted, where that is for a person to do
        self.at_tail: Callable[[], bool] = lambda: False    # called in the tail; says whether the freeze has to wait
        self.at_rest: Callable[[], bool] = lambda: False    # called when all has arrived; says whether the switch has to wait
        self.work: Callable[[str], None] = lambda _phase: None         # called at each look, with the phase: people at work
        self.watch_s: float | None = None    # how long people see the watch at least, where it lasts until all kills have struck
        self._dice = dice
        self._wanted = wanted        # the phase from which on each kill to come strikes, in order
        self._is_calm = faults == CALM
        self._provided = provides(faults)
        self._stays_down = stays_down()
        self._kill_at = math.inf
        self._begun: Any = None              # what was done of the phase to be struck when this life was first seen in it
        self._watched_at: float | None = None   # monotonic: when it was first seen behind the switch
        self._switched_s = 0.0                  # how long it was there by then
        self._started_at: float | None = None   # until it has answered
        self._seen: Any = None
        self._looked_at: set[str] = set()    # questions, by id of the item
        self._phase = "start"
        self._unread: dict[str, float] = {}  # since when the source does not show something, by id of the item
        self._exported = ""          # since when the gate stood that the last export was made for
        self._causes = DECIDED if stops is None else (*DECIDED, *TOLD, CUT_OFF)
        if stops is not None:
            stops.write(self.plan)
            self.daemon.command = ("-m", "tests.flow.stopping", str(self.plan))

    def to_the_end(self, limit_s: float) -> int:
        """Go on until the daemon ends by itself; gives its exit code."""
        deadline = time.monotonic() + limit_s
        self.daemon.start()
        while time.monotonic() < deadline:
            if not self.daemon.is_running:
                code = self.daemon.wait(1.0)
                if not self._goes_on(code):
                    return code
                continue
            if time.monotonic() >= self._kill_at:
                self._strike()
            try:
                self._attend()
            except NotAnswering:
                pass   # not up yet, or just killed
            time.sleep(POLL_S)
        where = f"{len(self.struck) + struck(self.plan).total()} kills, in {short(self._seen)}"
        raise AssertionError(f"not done within {limit_s} s and {where}; {self.daemon.words(25)}")

    def _goes_on(self, code: int) -> bool:
        """Start it again when it gave up for the platforms' sake."""
        if code == os.EX_NOPERM and "deny" in self._provided:      # nobody starts it again but a person, who was given a key
            self._let_go_on(f"exit code {code}")
        elif code >= 0 and code not in self._stays_down and not self._is_calm:
            self.restarts += 1
            assert self.restarts <= PATIENCE, f"it ends again and again with {code}; {self.daemon.words(25)}"
        else:
            assert code in (0, 1), f"the daemon gave up with exit code {code} after {len(self.struck)} kills; {self.daemon.words(25)}"
            assert not self._wanted, f"the run was over before {len(self._wanted)} kills could strike"
            return False
        self._start()
        return True

    def _let_go_on(self, why: str) -> None:
        self.paused += 1
        assert self.paused <= PATIENCE, f"it comes to a stop again and again: {why}; {self.daemon.words(25)}"

    def _start(self) -> None:
        self.daemon.start()
        self._kill_at, self._started_at = math.inf, time.monotonic()

    def want(self, kills: int) -> None:
        """Strike so often more, from the next rollback on."""
        self._wanted += ["rollback"] * kills

    def want_no_more(self) -> int:
        """Strike no more; gives how many kills were still to come."""
        left = len(self._wanted)
        self._wanted.clear()
        self._kill_at = math.inf
        return left

    def _aim(self, status: Any) -> None:
        """Have the next kill strike when the run is where that is to be; soon, once something is done there."""
        if not self._wanted or not is_come(self._phase, self._wanted[0]):
            return
        if self._kill_at == math.inf:
            self._begun = done_so_far(status)
            self._arm(self._dice.uniform(*(UNDOING_S if self._wanted[0] == "rollback" else LIFETIME_S)))
        elif self._begun is not None and done_so_far(status) != self._begun:
            self._begun = None
            self._hasten(self._dice.uniform(*AT_WORK_S))

    def _arm(self, life_s: float) -> None:
        self._kill_at = time.monotonic() + life_s

    def _hasten(self, life_s: float) -> None:
        self._kill_at = min(self._kill_at, time.monotonic() + life_s)

    def _strike(self) -> None:
        self._measure()
        self.daemon.kill()
        self.struck.append(self._phase)
        self._wanted.pop(0)
        if not self._wanted and self.watch_s is not None:
            self._end_watch(self.watch_s)
        self._start()

    def _end_watch(self, least_s: float) -> None:
        """Let the watch come to an end from the next start on, nothing being left to strike in it."""
        passed_s = 0.0 if self._watched_at is None else time.monotonic() - self._watched_at
        watch_s = self._switched_s + max(least_s, passed_s + min(least_s, STILL_S))
        self.box.configure(f"watch_days = {1.0:.6f}", f"watch_days = {watch_s / DAY_S:.6f}")

    def _measure(self) -> None:
        assert self.daemon.process is not None
        self.peak_mib = max(self.peak_mib, peak_mib(self.daemon.process.pid))

    def _attend(self) -> None:
        """Look once, decide what waits for a decision, and order the switch when the tail is quiet."""
        self._measure()
        self._seen = status = self._ask("GET", "/v1/status")
        if self._started_at is not None:
            self.resumes_s.append(time.monotonic() - self._started_at)
            self._started_at = None
        self._phase = str(status["phase"])
        if self._phase == "watch" and self._watched_at is None:
            self._watched_at = time.monotonic()
            self._switched_s = max(0.0, (datetime.now(UTC) - datetime.fromisoformat(status["since"])).total_seconds())
        self._aim(status)
        if status["state"] == "paused":
            assert not self._is_calm, status["reason"]
            if BY_ITSELF in status["reason"]:
                return
            trouble = self.daemon.last_trouble()
            assert FOR_A_PERSON.get(trouble) in self._provided, f"nobody should have to end this pause ({trouble}): {status['reason']}"
            self._let_go_on(status["reason"])
            self._order("/v1/resume")
            return
        self.work(self._phase)
        self._export(status["gate"] or {})
        self._accept(status["gate"] or {})
        if self._decide():
            return
        if self._phase == "watch":
            self._look_back()
        elif self._phase == "tail" and not (self._wanted and is_come("tail", self._wanted[0])):   # what strikes before it comes first
            self._switch(status)

    def _export(self, gate: dict[str, Any]) -> None:
        """Let somebody export the source anew when the switch by files waits for what was exported after the freeze."""
        if gate.get("name") == "export" and gate["since"] != self._exported:
            self.box.export()
            self._exported = gate["since"]

    def _accept(self, gate: dict[str, Any]) -> None:
        if gate.get("name") == "sample" and self.at_sample is not None:
            self.at_sample()
            self._order("/v1/sample/accept")

    def _decide(self) -> bool:
        """Decide one thing as suggested; says whether there was one."""
        for item in self._ask("GET", "/v1/queue?state=all")["items"]:
            self.explained[str(item["kind"]), str(item["key"])] = str(item["reason"])
            if item["cause"] in WHO_IS_WHO and item["id"] not in self._looked_at:
                self.asked.add(question_of(self._ask("GET", f"/v1/queue/{quote(item['id'], safe='')}")))
                self._looked_at.add(item["id"])
            decision = item["suggested"] or self._given_up(item)
            is_known = item["cause"] in self._causes or item["id"].startswith("identity:")
            is_question = item["blocking"] or is_known or SINCE in item["reason"] or UNTOLD in item["reason"]
            if item["state"] == "open" and is_question and decision:
                self._order(f"/v1/queue/{quote(item['id'], safe='')}/resolve", decision=decision)
                return True
        return False

    def _given_up(self, item: Any) -> str:
        """Give up what the source has not shown for so long that it never will; what comes late is waited for."""
        if item["cause"] != UNREAD or item["state"] != "open":
            self._unread.pop(item["id"], None)
            return ""
        since = self._unread.setdefault(item["id"], time.monotonic())
        return "waive" if self._phase == "tail" and time.monotonic() - since > GIVEN_UP_S else ""

    def _switch(self, status: Any) -> None:
        """Let people stop writing to the source, and order the switch when all of it has arrived."""
        if self.at_tail():
            return
        self.box.freeze()
        if status["gate"] is None or any(each["backlog"] for each in status["streams"].values()):
            return
        if self.at_rest():
            return
        self._explain()
        self._looked_at.clear()      # whom a question names may have changed since
        self._decide()
        self._order("/v1/cutover", freeze_confirmed=True)   # refused while it is too early; asked again then

    def _look_back(self) -> None:
        """After the switch: what was read last is asked about, and the run is judged and undone where that is wanted."""
        self._explain()
        if self.at_watch is None:
            return
        if not self.is_judged and any(stream["backlog"] for stream in self._seen["streams"].values()):
            return     # what was read a moment ago is asked about in the next
        self._ask("GET", "/v1/reports")
        if self.daemon.is_running and not self.is_judged:
            self.is_judged = True
            self.at_watch()
        if self._wanted and self._wanted[0] != "rollback":
            return     # what strikes before it comes first
        code, plan = self._order("/v1/rollback", dry_run=True)
        self.is_planned = code == HTTPStatus.OK and plan["result"] == "planned"
        if not self.is_planned:
            return     # it takes its time, or a platform is away: asked again
        self._order("/v1/rollback", confirm="sandbox")

    def _explain(self) -> None:
        """Ask about what left no mark."""
        there = read_marks(self.box.destination(), self.box.side.prefix).identities()
        for kind, key, _ in self.box.source().every():
            if key and (kind, key) not in there and (kind, key) not in self.explained:
                trace = self._ask("GET", f"/v1/records/{kind}/{quote(key, safe='')}", missing={})
                if trace.get("disposition") in ("filtered", "flagged", "failed"):
                    self.explained[kind, key] = str(trace["reason"])

    def _may_fail(self) -> bool:
        """Say whether what is asked may fail for a while: it may ask a platform, which misbehaves."""
        return not self._is_calm

    def _order(self, path: str, **body: Any) -> tuple[int, Any]:
        """Order something, which may be refused; gives status and answer. An order that breaks the daemon down is no refusal."""
        code, answer = self.daemon.ask("POST", path, body)
        assert code != HTTPStatus.INTERNAL_SERVER_ERROR, f"POST {path}: {code}: {answer}"
        return code, answer

    def _ask(self, method: str, path: str, missing: Any = None) -> Any:
        code, body = self.daemon.ask(method, path)
        if code == 404 and missing is not None:
            return missing
        if code in AWAY and self._may_fail():
            raise NotAnswering(f"{method} {path}: {code}")     # asked again
        assert code == 200, f"{method} {path}: {code}: {body}"
        return body
