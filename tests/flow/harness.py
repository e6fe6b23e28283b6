"""The scripted operator: watches the status, answers each gate as a person would, and keeps a book of what was seen."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from tests.flow.daemon import Daemon, NotAnswering
from tests.flow.sides import LEADTREKKER, Truth
from tests.hanging import HUNG_S
from tests.judge.comparison import told
from tests.judge.guarding import Edit
from tests.judge.marks import read_marks
from tests.judge.states import WHO_IS_WHO, Destination, Finding, Identity, Question

POLL_S = 0.1
FALLBACK = LEADTREKKER.fallback
DECIDED = ("company_ambiguous", "identity", "in_doubt")
"""Causes of which a person decides at once; the rest may stay open and is told in the reports."""
Status = Mapping[str, Any]


def _is_over(gate: Mapping[str, Any] | None, was: Mapping[str, Any]) -> bool:
    """Say whether a gate that was answered is gone, or shown anew: a sample after its redo. That of the owners is shown anew for a look."""
    if gate is None or gate["name"] != was["name"]:
        return True
    return bool(gate["name"] != "owners" and gate["since"] != was["since"])


class Refused(AssertionError):
    """The daemon refused what the operator asked."""


@dataclass(slots=True)
class Operator:
    """
    Drives one migration through its gates.

    `by_cli` says whether gates are answered with the command line or with raw requests over the socket: both must do.
    """

    daemon: Daemon
    by_cli: bool = True
    gates: list[str] = field(default_factory=list)       # gates answered, in order
    phases: list[str] = field(default_factory=list)      # phases seen, in order
    resolved: dict[str, str] = field(default_factory=dict)
    causes: set[str] = field(default_factory=set)        # of the items resolved so far
    before_write: Callable[[], None] = lambda: None      # called when the map is about to be confirmed

    # --- asking ---

    def status(self) -> Status | None:
        """Give the status, None while nobody answers."""
        try:
            code, body = self.daemon.ask("GET", "/v1/status")
        except NotAnswering:
            return None
        assert code == 200, body
        status: Status = body
        if not self.phases or self.phases[-1] != status["phase"]:
            self.phases.append(str(status["phase"]))
        return status

    def until(self, wanted: Callable[[Status], bool], what: str, timeout_s: float = HUNG_S) -> Status:
        """Wait for a status; fails when the daemon ends before or the time is over."""
        deadline = time.monotonic() + timeout_s
        last: Status | None = None
        while time.monotonic() < deadline:
            status = self.status()
            if status is not None:
                last = status
                if wanted(status):
                    return status
            elif not self.daemon.is_running:
                raise AssertionError(f"the daemon ended before {what}; {self.daemon.words(25)}")
            time.sleep(POLL_S)
        raise AssertionError(f"no {what} within {timeout_s} s; last: {short(last)}; {self.daemon.words()}")

    def order(self, *words: str, path: str, **body: Any) -> Any:
        """Give one order, by command line or, without *words* for it, raw; Refused when it is refused."""
        if self.by_cli and words:
            said = self.daemon.cli(*words)
            if said.code not in (0, 1):
                raise Refused(f"{' '.join(words)}: exit code {said.code}: {said.stderr.strip()}")
            return said.body
        code, answer = self.daemon.ask("POST", path, body)
        if code != 200:
            raise Refused(f"POST {path}: {code}: {answer}")
        return answer

    # --- gates ---

    def drive(self, phase: str, timeout_s: float = HUNG_S) -> Status:
        """Answer gates until the migration is in *phase*."""
        deadline = time.monotonic() + timeout_s
        while True:
            left_s = deadline - time.monotonic()
            status = self.until(lambda s: s["phase"] == phase or s["gate"] is not None, f"phase {phase} or a gate", left_s)
            assert status["state"] != "paused", short(status)
            gate = status["gate"]
            if status["phase"] == phase and (gate is None or gate["name"] == "cutover"):
                return status
            assert gate is not None
            self._answer(gate["name"])
            self.gates.append(gate["name"])
            self.until(lambda s, was=gate: _is_over(s["gate"], was), f"end of gate {gate['name']}")  # type: ignore[misc]

    def _answer(self, gate: str) -> None:
        answer = getattr(self, f"_open_{gate}", None)
        assert answer is not None, f"an unknown gate: {gate}"
        answer()

    def _open_map(self) -> None:
        self.before_write()
        shown = self.daemon.cli("map", "show").body if self.by_cli else self.daemon.ask("GET", "/v1/map")[1]
        assert shown["state"] == "proposed"
        self.order("map", "confirm", "--digest", shown["digest"], path="/v1/map/confirm", digest=shown["digest"])

    def _open_owners(self) -> None:
        shown = self.daemon.cli("owners", "show").body if self.by_cli else self.daemon.ask("GET", "/v1/owners")[1]
        assert shown["unmatched"] > 0
        # A look alone does not open it: somebody must say where these records go.
        self.order("owners", "recheck", path="/v1/owners/recheck")
        status = self.status()
        assert status is not None
        assert status["gate"] is not None, "owners without a user passed the gate"
        assert status["gate"]["name"] == "owners"
        fallback = self.daemon.box.side.fallback
        self.order("owners", "fallback", fallback, path="/v1/owners/fallback", email=fallback)

    def _open_companies(self) -> None:
        self.decide()

    def _open_sample(self) -> None:
        self.decide()
        shown = self.daemon.cli("sample", "show").body if self.by_cli else self.daemon.ask("GET", "/v1/sample")[1]
        assert shown["size"] > 0
        assert not shown["verdicts"].get("differs"), shown["verdicts"]
        self.order("sample", "accept", path="/v1/sample/accept")

    def queue(self, state: str = "open") -> list[dict[str, Any]]:
        """Give the items of the review queue."""
        code, body = self.daemon.ask("GET", f"/v1/queue?state={state}")
        assert code == 200, body
        return list(body["items"])

    def decide(self) -> int:
        """Decide what blocks, and who is who, as suggested; gives how many items that were."""
        count = 0
        for item in self.queue():
            is_question = item["blocking"] or item["cause"] in DECIDED or item["id"].startswith("identity:")
            if is_question and item["suggested"]:
                # A process for each would take longer than all the rest: one of a cause, and of the others the same by plain request.
                words = () if item["cause"] in self.causes else ("queue", "resolve", item["id"], "--as", item["suggested"])
                self.causes.add(item["cause"])
                self.order(*words, path=f"/v1/queue/{quote(item['id'], safe='')}/resolve", decision=item["suggested"])
                self.resolved[item["id"]] = item["suggested"]
                count += 1
        return count

    # --- the end ---

    def settle(self, timeout_s: float = HUNG_S) -> Status:
        """Wait in tail until all that was read is delivered and nothing waits for a decision."""

        deadline = time.monotonic() + timeout_s
        while True:
            # What waits for a decision makes its children wait too.
            status = self.until(lambda s: s["phase"] == "tail" and s["gate"] is not None, "gate of the cutover", timeout_s)
            if not self.decide() and not any(each["backlog"] for each in status["streams"].values()):
                return status
            assert time.monotonic() < deadline, f"the tail does not come to rest: {short(status)}; {self.daemon.words()}"
            time.sleep(POLL_S)

    def cut_over(self) -> None:
        """Freeze, check, and order the switch; what comes up between the check and the order refuses it, and is waited for again."""
        self.daemon.box.freeze()
        deadline = time.monotonic() + HUNG_S
        while True:
            self.settle()
            checked = self.order("cutover", "--dry-run", path="/v1/cutover", dry_run=True)
            reasons = checked["reasons"]
            if checked["ok"]:
                assert self.phases[-1] == "tail", "a dry run must change nothing"
                try:
                    self.order("cutover", "--freeze-confirmed", path="/v1/cutover", freeze_confirmed=True)
                    return
                except Refused as refusal:
                    reasons = [str(refusal)]
            assert time.monotonic() < deadline, f"the switch goes on being refused: {reasons}"
            time.sleep(POLL_S)

    def finish(self, timeout_s: float = HUNG_S) -> int:
        """Answer what is asked after the switch was ordered, until the daemon has ended; gives its exit code."""
        deadline = time.monotonic() + timeout_s
        asked = ""
        while self.daemon.is_running:
            status = self.status()
            gate = (status or {}).get("gate") or {}
            if gate.get("name") == "export" and asked != "export":
                self.daemon.box.export()   # the pass over the source needs a snapshot made after the freeze
                self.gates.append("export")
            asked = str(gate.get("name") or "")
            assert time.monotonic() < deadline, f"not done within {timeout_s} s: {short(status)}; {self.daemon.words()}"
            time.sleep(POLL_S)
        return self.daemon.wait(1.0)

    # --- the verdict ---

    def explained(self, source: Truth, destination: Destination) -> dict[Identity, str]:
        """Ask the product about every record that left no mark, and what its queue holds."""
        found = {(str(item["kind"]), str(item["key"])): str(item["reason"]) for item in self.queue("all")}
        there = read_marks(destination, self.daemon.box.side.prefix).identities()
        for kind, key, _ in source.every():
            if key and (kind, key) not in there and (kind, key) not in found:
                code, trace = self.daemon.ask("GET", f"/v1/records/{kind}/{quote(key, safe='')}")
                if code == 200 and trace.get("disposition") in ("filtered", "flagged", "failed") and trace.get("reason"):
                    found[kind, key] = f"{trace['disposition']}: {trace['reason']}"
        return found

    def asked(self) -> list[Question]:
        """Ask the product what it asks about who is who."""
        items = (each for each in self.queue("all") if each["cause"] in WHO_IS_WHO)
        return [question_of(self.daemon.ask("GET", f"/v1/queue/{quote(each['id'], safe='')}")[1]) for each in items]

    def judge(self, before: Destination, *, edits: tuple[Edit, ...] = ()) -> list[Finding]:
        """Compare both sides as they are now; the daemon must still answer."""
        source, destination = self.daemon.box.source(), self.daemon.box.destination()
        explained = self.explained(source, destination)
        return self.daemon.box.compare(source, destination, before=before, explained=explained, asked=self.asked(), edits=edits)


def question_of(item: Mapping[str, Any]) -> Question:
    """Read a question, as it is shown in full: whom it names is in its details, and in the decisions that it offers."""
    offered = (str(each).partition(":") for each in item["decisions"])
    others = {name for verb, _, name in offered if verb in ("merge", "match")} | set(item["details"].get("others") or ())
    return Question(cause=str(item["cause"]), kind=str(item["kind"]), key=str(item["key"]), others=frozenset(others))


def assert_right(findings: list[Finding]) -> None:
    """Fail with the findings, worst first."""
    assert not findings, told(findings)


def short(status: Status | None) -> str:
    """Put a status into one line, for a failing assertion."""
    if status is None:
        return "no answer"
    backlog = {kind: each["backlog"] for kind, each in status["streams"].items() if each["backlog"]}
    gate = (status["gate"] or {}).get("name")
    return f"{status['phase']} {status['state']}: {status['reason']}; gate {gate}; backlog {backlog}; queue {status['queue']}"
