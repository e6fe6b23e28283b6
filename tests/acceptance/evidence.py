"""What whole runs leave behind for the tests of this folder: states of both sides, reports, answers at each gate."""

from __future__ import annotations

import csv
import json
import sqlite3
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.flow.box import Box
from tests.flow.daemon import Daemon
from tests.flow.harness import POLL_S, Operator
from tests.flow.sides import LEADTREKKER
from tests.hanging import HUNG_S
from tests.judge.marks import Marks, read_marks
from tests.judge.states import Destination, Source, ask, destination_of

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Everything that can be seen at one moment."""

    status: Json
    dump: Json                        # the destination as its simulator holds it, custom field definitions included
    calls: Mapping[str, int]          # that reached the destination so far, by method and path
    answers: Mapping[str, Any]        # path on the control socket -> answer
    reports: Mapping[str, Json]       # name -> data of the report

    @property
    def destination(self) -> Destination:
        """Give the live records."""
        return destination_of(self.dump)

    @property
    def fields(self) -> dict[str, list[Json]]:
        """Give the custom field definitions by kind."""
        found: dict[str, list[Json]] = self.dump["customFields"]
        return found

    def report(self, name: str) -> Json:
        """Give the data of one report."""
        return self.reports[name]


@dataclass(slots=True, kw_only=True)
class Run:
    """One whole run. `looks` by name: start, the gates, moved, watch, end; `prefix` is that of the marks its pair leaves."""

    prefix: str = LEADTREKKER.prefix
    looks: dict[str, Look] = field(default_factory=dict)
    notes: dict[str, Any] = field(default_factory=dict)    # what the operator did and was told, by name
    gates: list[str] = field(default_factory=list)
    phases: list[str] = field(default_factory=list)
    queue: list[Json] = field(default_factory=list)        # every item, decided ones too
    traces: dict[tuple[str, str], Json] = field(default_factory=dict)
    audit: list[Json] = field(default_factory=list)
    tables: dict[str, list[dict[str, str]]] = field(default_factory=dict)   # CSV files of the reports by path
    source: Source = field(default_factory=lambda: Source(rows={}))
    source_calls: dict[str, int] = field(default_factory=dict)
    source_writes: dict[str, int] = field(default_factory=dict)
    log: str = ""
    code: int | None = None

    @property
    def before(self) -> Destination:
        """Give the destination before the run."""
        return self.looks["start"].destination

    @property
    def after(self) -> Destination:
        """Give the destination at the switch, before people did anything more."""
        return self.looks["watch"].destination

    @property
    def marks(self) -> Marks:
        """Give which record came from where, by the marks on the records themselves."""
        return read_marks(self.after, self.prefix)

    def report(self, name: str) -> Json:
        """Give the data of a report as it stands after the switch."""
        return self.looks["watch"].report(name)

    def items(self, *causes: str) -> list[Json]:
        """Give the queue's items of some causes."""
        return [item for item in self.queue if item["cause"] in causes]


class Witness(Operator):
    """An operator who writes down what is to be seen at each gate before opening it."""

    run: Run

    def watch_for(self, run: Run) -> Witness:
        """Write into *run*."""
        self.run = run
        return self

    def look(self, name: str, *paths: str) -> Look:
        """Look at everything once and keep it under *name*."""
        answers = {}
        for path in ("/v1/queue?state=all", "/v1/reports", *paths):
            code, body = self.daemon.ask("GET", path)
            answers[path] = body if code == 200 else {"refused": code, **body}
        status = self.status()
        assert status is not None
        box = self.daemon.box
        seen = Look(
            status=dict(status), dump=ask(f"{box.destination_admin}dump"), calls=ask(f"{box.destination_admin}log")["calls"],
            answers=answers, reports=read_reports(box),
        )  # fmt: skip
        self.run.looks[name] = seen
        return seen

    def _answer(self, gate: str) -> None:
        if gate not in self.run.looks:
            paths = {"map": ("/v1/map",), "owners": ("/v1/owners",), "sample": ("/v1/sample", "/v1/map")}.get(gate, ())
            self.look(gate, *paths)
        super()._answer(gate)

    def wait_for(self, wanted: str, timeout_s: float = HUNG_S) -> None:
        """Wait until the queue has an item of this cause."""
        deadline = time.monotonic() + timeout_s
        while not any(item["cause"] == wanted for item in self.queue()):
            assert time.monotonic() < deadline, f"no {wanted} within {timeout_s} s; {self.daemon.words()}"
            time.sleep(POLL_S)


def read_reports(box: Box) -> dict[str, Json]:
    """Read the reports that are on the disk."""
    return {path.stem: json.loads(path.read_bytes())["data"] for path in (box.state / "reports").glob("*.json")}


def read_tables(box: Box) -> dict[str, list[dict[str, str]]]:
    """Read all tables of the reports, by name without the ending."""
    found = {}
    for path in (box.state / "reports").rglob("*.csv"):
        with path.open(encoding="utf-8-sig", newline="") as file:
            found[path.stem] = list(csv.DictReader(file))
    return found


def read_audit(ledger: Path) -> list[Json]:
    """Read the audit log of a ledger without touching it."""
    with closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)) as connection:
        return [{"seq": seq, **json.loads(entry)} for seq, entry in connection.execute("SELECT seq, entry FROM audit ORDER BY seq")]


def keep(operator: Witness, daemon: Daemon) -> None:
    """Keep what is the same from now on: the source, its call log, the queue, tables and the audit log."""
    run, box = operator.run, daemon.box
    run.queue = operator.queue("all")
    run.tables = read_tables(box)
    run.source = box.source()
    run.source_calls = dict(ask(f"{box.source_admin}log")["calls"])
    run.source_writes = dict(box.source_state()["write_calls"])
    run.gates = list(operator.gates)
    run.audit = read_audit(next(box.state.glob("*.sqlite")))
    entered = [row for row in run.audit if row["action"] == "phase"]     # some are over before anybody looks
    run.phases = [str(row["before"]) for row in entered[:1]] + [str(row["after"]) for row in entered]
    run.log = daemon.log.read_text(errors="replace")


def start_of(box: Box) -> Look:
    """Look at the destination before anything runs."""
    calls = ask(f"{box.destination_admin}log")["calls"]
    return Look(status={}, dump=ask(f"{box.destination_admin}dump"), calls=calls, answers={}, reports={})


def end_of(box: Box) -> Look:
    """Look at what is there when nobody answers any more."""
    calls = ask(f"{box.destination_admin}log")["calls"]
    return Look(status={}, dump=ask(f"{box.destination_admin}dump"), calls=calls, answers={}, reports=read_reports(box))
