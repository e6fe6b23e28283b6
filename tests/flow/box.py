"""A running pair of simulated accounts in a folder of its own, and what people do in them."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.flow.sides import LEADTREKKER, SIDES, Side
from tests.judge.guarding import Edit
from tests.judge.states import Destination, Finding, Identity, Question, ask, read_destination

_START_S = 30.0
_STOP_S = 10.0
KEPT = "STREAMFLOW_KEEP_FLOW"
"""The variable of the environment that lets a run's folder stay."""
REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """Where everything of one sandbox is."""

    dir: Path
    source_admin: str
    destination_admin: str
    side: Side = LEADTREKKER
    seen: Any = None                     # what a reader of the source can see, as the side's comparison wants it
    export_of: Mapping[str, Any] = field(default_factory=dict)     # what an export is asked for, beside its folder

    @property
    def config(self) -> Path:
        """Give the configuration of the migration."""
        return self.dir / "streamflow.toml"

    @property
    def state(self) -> Path:
        """Give the daemon's state folder."""
        return self.dir / "state"

    def configure(self, old: str, new: str) -> None:
        """Change the configuration as an operator would in an editor."""
        text = self.config.read_text(encoding="utf-8")
        assert old in text, f"the configuration has no {old!r}"
        self.config.write_text(text.replace(old, new), encoding="utf-8")

    # --- people at work ---

    def in_source(self, do: str, kind: str, key: str | None = None, **values: Any) -> dict[str, Any]:
        """Do what a person does in the source: create, edit, delete or merge a record."""
        order: dict[str, Any] = {"do": do, "kind": kind, "values": values}
        answer: dict[str, Any] = ask(f"{self.source_admin}act", order if key is None else {**order, "id": key})
        return answer

    def in_destination(self, do: str, **order: Any) -> dict[str, Any]:
        """Do what a person does in the destination, e.g. edit(kind=, id=, values=) or add_user(values=)."""
        return dict(self._act(do, order)["record"])

    def in_destination_on(self, do: str, **order: Any) -> dict[str, Any]:
        """The same, of a record that is there; answers it as it was at that very moment, whoever wrote to it since one looked."""
        return dict(self._act(do, order)["was"])

    def _act(self, do: str, order: Mapping[str, Any]) -> Mapping[str, Any]:
        answer: Mapping[str, Any] = ask(f"{self.destination_admin}act", {"do": do, **order})
        return answer

    def freeze(self) -> None:
        """Let people stop writing to the source."""
        ask(f"{self.source_admin}freeze", {"on": True})

    def export(self) -> None:
        """Let somebody export the source anew, tables and attachments."""
        ask(f"{self.source_admin}export", {"folder": str(self.dir / "inbox"), **self.export_of})

    def switch(self, platform: str, **switches: Any) -> None:
        """Change how a simulated platform behaves."""
        ask(f"{self.source_admin if platform == self.side.platform else self.destination_admin}switches", switches)

    # --- what is there ---

    def source(self) -> Any:
        """Read the true state of the source."""
        return self.side.read(self.source_admin)

    def destination(self) -> Destination:
        """Read the true state of the destination."""
        return read_destination(self.destination_admin)

    def compare(
        self, source: Any, destination: Destination, *, before: Destination, explained: Mapping[Identity, str] | None = None,
        asked: Sequence[Question] = (), edits: Sequence[Edit] = (),
    ) -> list[Finding]:  # fmt: skip
        """Compare two states by the comparison of this pair; an empty list is the proof."""
        return self.side.compare(
            source, destination, before=before, seen=self.seen, explained=explained, asked=asked, edits=edits, scope=self.out_of_scope()
        )

    def out_of_scope(self) -> Sequence[str] | None:
        """Give what the scope report says is not moved at all; None before there is one."""
        report = self.state / "reports" / "scope.json"
        return list(json.loads(report.read_text(encoding="utf-8"))["data"]["out_of_scope"]) if report.is_file() else None

    def source_state(self) -> Mapping[str, Any]:
        """Give the source's own account of itself: life, counts, calls of functions that write."""
        answer: Mapping[str, Any] = ask(f"{self.source_admin}state")
        return answer

    def archived(self) -> dict[str, str]:
        """Give the SHA-256 of every file of the source that the daemon keeps, by its path in the state folder."""
        files = [path for path in (self.state / "files").rglob("*") if path.is_file()]
        return {str(path.relative_to(self.state)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@contextmanager
def sandbox(**options: Any) -> Iterator[Box]:
    """Run a sandbox for the length of a block; options are those of `python -m streamflow.sandbox`, switches a mapping by platform."""
    # A short path of its own: a unix socket's may not be longer than 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="sf-flow-"))
    process = None
    try:
        command = [sys.executable, "-m", "streamflow.sandbox", "--dir", str(folder), "--gates", "ask", *_words(folder, options)]
        process = subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True, env=environment())
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, f"the sandbox did not start (exit code {process.wait(_START_S)})"
        said = json.loads(line)
        side = SIDES[options.get("pair", LEADTREKKER.pair)]
        box = Box(
            dir=folder, source_admin=said["source"]["admin"], destination_admin=said["destination"]["admin"], side=side,
            seen=side.look(said["source"]["admin"], options), export_of=side.export(options),
        )  # fmt: skip
        box.configure("[owners]", f"{side.settings}\n[owners]")
        try:
            yield box
        finally:
            if os.environ.get(KEPT):
                _keep(box)
        _assert_sound(folder)
    finally:
        if process is not None:
            process.terminate()
            try:
                process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdout is not None:
                process.stdout.close()
        if not os.environ.get(KEPT):
            shutil.rmtree(folder, ignore_errors=True)


def _keep(box: Box) -> None:
    """Leave the platforms' own accounts beside the ledger, for whoever looks into a run that went wrong."""
    accounts = {"source-log": f"{box.source_admin}log", "source-life": f"{box.source_admin}life?since=0",
                "destination-log": f"{box.destination_admin}log", "destination-dump": f"{box.destination_admin}dump"}  # fmt: skip
    for name, url in accounts.items():
        with suppress(OSError, ValueError):     # what cannot be had must not hide why the run ended
            (box.dir / f"{name}.json").write_text(json.dumps(ask(url)), encoding="utf-8")


def _assert_sound(folder: Path) -> None:
    """Fail when a simulator broke down: what it answered then is nothing that a platform would answer."""
    for log in sorted(folder.glob("servers/*.log")):
        said = log.read_text(encoding="utf-8")
        assert "Traceback" not in said, f"a fault of the simulator itself ({log.stem}):\n{said[-3000:]}"


def _words(folder: Path, options: Mapping[str, Any]) -> list[str]:
    words = []
    for name, value in options.items():
        if name == "switches":
            path = folder / "switches.json"
            path.write_text(json.dumps(value))
            value = path
        words += [f"--{name.replace('_', '-')}", *([] if value is True else [str(value)])]
    return words


def environment() -> dict[str, str]:
    """Give the environment of child processes: this checkout first, no proxies."""
    kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    return {**kept, "PYTHONPATH": os.pathsep.join(filter(None, [str(REPOSITORY), kept.get("PYTHONPATH", "")]))}
