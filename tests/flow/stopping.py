"""
The daemon with named points at which it kills itself: `python -m tests.flow.stopping PLAN -c CONFIG run`.

A point lies before and after each side effect, and is named by it: "before:intent create", "after:send POST contacts",
"before:phase tail", "after:cutover/step drain"; among probes, in the switch and in a rollback the name says so
("before:rollback/send DELETE notes/{id}"), in that of a part with what was asked for ("after:rollback kind/phase tail").

The product knows nothing of this: what it does is watched at its ledger, at its session, and where it writes reports or keeps a file.

The plan is a JSON file; see `Stops`. What was struck is written beside it, a line each, before the process dies. Each life is a fork of
a process that has loaded everything and does nothing: there are hundreds, and most of a start is loading.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import pkgutil
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import wraps
from pathlib import Path
from typing import Any

from streamflow.cli.main import main
from streamflow.platforms.files import attachment
from streamflow.reports.writer import ReportWriter
from streamflow.store.base import StageResult
from streamflow.store.change import Audit, Change, Enqueue, Finish, MarkVerified, MoveMark, PutIntent, PutSetting, ResolveItem, SettleIntent
from streamflow.store.sqlite import SqliteLedger
from streamflow.wire.session import Session

SECTIONS = ("schema", "tail", "cutover", "watch", "rollback")
"""
Phases whose side effects are points of their own, whatever was struck before; in the first the destination is tried with records of
probes, and whoever is struck there is not struck at a send of anybody's record. What is outside is struck where it first comes: mostly
in the sample.
"""
ASKING = "enqueue"
"""A transaction that queues something, whatever else it does."""
EACH = (
    "stage", "mark", "finish", ASKING, "intent create", "intent update", "settle confirmed", "settle in_doubt", "verified", "report",
    "decision", "phase map", "phase schema", "phase owners", "phase sample", "phase backfill", "phase tail", "phase cutover",
    "schema/send POST contacts", "send POST contacts", "send POST notes", "send PATCH contacts/{id}", "cutover/step freeze",
    "cutover/step drain", "cutover/step verify", "cutover/step switch", "cutover/switch", "phase watch",
    "tail/mark", "tail/stage",
)  # fmt: skip
"""Points that every run comes by."""
TAKEN_BACK = (
    "phase rollback", "rollback/intent delete", "rollback/intent update", "rollback/send DELETE notes/{id}",
    "rollback/send DELETE contacts/{id}", "rollback/settle confirmed", "rollback/audit rollback.done", "phase rolled_back",
)  # fmt: skip
"""Points that a run which is rolled back comes by as well."""
KEPT = ("watch/mark", "watch/setting closed_at", "phase done")
"""Points of a run that is not."""
WITH_FILES = ("archive",)
"""Points of a run from a source that has files: they are copied."""
PARTS: Mapping[str, tuple[str, ...]] = {
    "rollback phase": ("send DELETE notes/{id}", "send DELETE contacts/{id}"), "rollback kind": ("send DELETE notes/{id}",),
    "rollback record": ("send DELETE notes/{id}", "send DELETE contacts/{id}"),
}  # fmt: skip
"""Sections of rollbacks of a part, by what was asked for -> what such a one comes by."""
EACH_PART = ("audit rollback.requested", "phase rollback", "setting rollback", "report", "audit rollback.done", "phase tail")
"""What each of them comes by, from the order to where the life goes on."""
REMOVING = ("intent delete", "audit rollback.delete", "setting undoing")
"""What it comes by as well where people leave something to be removed."""
_ASKED = ("audit rollback.requested", "phase rollback")
"""What of a rollback is still outside that phase."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stops:
    """
    Where a process kills itself.

    Args:
        times: How often at each point, in this life and the next ones.
        only: Names of points, with "before:" or "after:"; None for all there are.
        within: Sections to which that is limited; none for no limit.
    """

    times: int = 1
    only: tuple[str, ...] | None = None
    within: tuple[str, ...] = ()

    def write(self, plan: Path) -> None:
        """Write the plan for a process to come."""
        plan.write_text(json.dumps(asdict(self)), encoding="utf-8")


def struck(plan: Path) -> Counter[str]:
    """Give how often each point was struck so far."""
    book = plan.with_suffix(".struck")
    return Counter(book.read_text(encoding="utf-8").splitlines()) if book.exists() else Counter()


def missed(plan: Path, *, is_undone: bool, has_files: bool = False) -> tuple[str, ...]:
    """
    Give the points before or after which no process was struck, though a run of this kind must have come by them.

    Some runs come by what is named without a section in the tail alone: that is as good.
    """
    told = struck(plan)
    somewhere = told + Counter(point.replace(":tail/", ":", 1) for point in told)
    return _not_among(somewhere, (*EACH, *(TAKEN_BACK if is_undone else KEPT), *(WITH_FILES if has_files else ())))


def missed_in_parts(plan: Path, *, is_meddled: bool) -> tuple[str, ...]:
    """Give the same of rollbacks of a phase, a kind and a record, in a run that has one of each, with people at work or not."""
    names = ((section, (*EACH_PART, *(() if is_meddled else (*REMOVING, *sent)))) for section, sent in PARTS.items())
    return _not_among(struck(plan), [f"{section}/{name}" for section, of_it in names for name in of_it])


def _not_among(told: Mapping[str, int], names: Iterable[str]) -> tuple[str, ...]:
    return tuple(point for name in names for side in ("before", "after") if (point := f"{side}:{name}") not in told)


def die() -> None:
    """End this process as a power cut would."""
    os.kill(os.getpid(), signal.SIGKILL)


@dataclass(slots=True)
class Points:
    """What one process watches for; what strikes it there is written down first."""

    plan: Path
    stops: Stops
    phase: str = ""
    part: str = ""      # the section of the rollback of a part that was asked for
    left: dict[str, int] = field(default_factory=dict)
    sections: tuple[str, ...] = SECTIONS
    strike: Callable[[], None] = die

    def come(self, name: str) -> None:
        """Come by a point; a process that is to be struck here is no more."""
        if self.stops.only is not None and name not in self.stops.only:
            return
        if self.stops.within and name.partition(":")[2].partition("/")[0] not in self.stops.within:
            return
        if self.left.setdefault(name, self.stops.times - struck(self.plan)[name]) <= 0:
            return
        with self.plan.with_suffix(".struck").open("a", encoding="utf-8") as book:
            book.write(f"{name}\n")
        self.strike()

    def ask(self, plan: Any) -> None:
        """Take in which rollback was asked for, by what the ledger keeps of it; None when there is none any more."""
        scope = str((plan or {}).get("scope") or "run")
        self.part = "" if scope == "run" else f"rollback {scope.partition(':')[0]}"

    def within(self, name: str) -> str:
        """Give the name of a side effect with the section of the life it is in."""
        if self.part and (self.phase == "rollback" or name in _ASKED):
            return f"{self.part}/{name}"
        return f"{self.phase}/{name}" if self.phase in self.sections and not name.startswith("phase ") else name


def name_of(changes: Sequence[Change]) -> str:
    """Name a transaction by the most that it does."""
    settings = {change.name: change.value for change in changes if isinstance(change, PutSetting)}
    audited = {change.entry.action: change.entry for change in changes if isinstance(change, Audit)}
    if "phase" in audited:
        return f"phase {audited['phase'].after}"
    if "switched" in settings:
        return "switch"
    if "cutover" in settings:
        return f"step {(settings['cutover'] or {}).get('step', 'over')}"
    if done := next((action for action in audited if action.startswith("rollback.")), ""):
        return f"audit {done}"
    for kind, told in _TELLING.items():
        if found := next((change for change in changes if isinstance(change, kind)), None):
            return told(found)
    return next((f"setting {name.partition(':')[0]}" for name in settings), type(changes[0]).__name__.lower())


def names_of(changes: Sequence[Change]) -> tuple[str, ...]:
    """Name a transaction by the most that it does, and one that asks something by that as well: most questions come with a write."""
    name = name_of(changes)
    is_asking = any(isinstance(change, Enqueue) for change in changes)
    return (name, ASKING) if is_asking and name != ASKING else (name,)


_LOADED = ("streamflow.daemon", "streamflow.migration", "streamflow.platforms", "streamflow.reports", "streamflow.config")
_MIB = 1024
_DIES_WITH_PARENT = 1       # PR_SET_PDEATHSIG of prctl(2)
_TELLING: Mapping[type, Callable[[Any], str]] = {
    PutIntent: lambda change: f"intent {change.intent.op.value}", SettleIntent: lambda change: f"settle {change.state.value}",
    ResolveItem: lambda change: "decision", Finish: lambda change: "finish", MoveMark: lambda change: "mark",
    MarkVerified: lambda change: "verified", Enqueue: lambda change: ASKING,
}  # fmt: skip


def watch(points: Points) -> None:
    """Lay a point before and after whatever this process does that lasts."""
    commit, stage, write, report = SqliteLedger.commit, SqliteLedger.stage, Session.write, ReportWriter.__call__
    copy = attachment.copy

    async def phase_of(ledger: SqliteLedger) -> None:
        if not points.phase:
            points.phase = str((await ledger.setting("phase") or {}).get("state", ""))
            points.ask(await ledger.setting("rollback"))

    @wraps(commit)
    async def committing(self: SqliteLedger, changes: Iterable[Change]) -> None:
        held = tuple(changes)
        if not held:
            return await commit(self, held)
        await phase_of(self)
        settings = {change.name: change.value for change in held if isinstance(change, PutSetting)}
        if settings.get("rollback"):
            points.ask(settings["rollback"])
        names = [points.within(name) for name in names_of(held)]
        for name in names:
            points.come(f"before:{name}")
        await commit(self, held)
        points.phase = settings["phase"]["state"] if "phase" in settings else points.phase
        for name in names:
            points.come(f"after:{name}")
        if "rollback" in settings:
            points.ask(settings["rollback"])
        return None

    @wraps(stage)
    async def staging(self: SqliteLedger, *given: Any, **more: Any) -> StageResult:
        await phase_of(self)
        name = points.within("stage")
        points.come(f"before:{name}")
        result = await stage(self, *given, **more)
        points.come(f"after:{name}")
        return result

    @wraps(write)
    async def sending(self: Session, request: Any, **more: Any) -> Any:
        name = points.within(f"send {request.method} {request.endpoint}")
        points.come(f"before:{name}")
        try:
            return await write(self, request, **more)
        finally:
            points.come(f"after:{name}")

    @wraps(report)
    def reporting(self: ReportWriter, name: str, data: Mapping[str, Any]) -> None:
        points.come(f"before:{points.within('report')}")
        report(self, name, data)
        points.come(f"after:{points.within('report')}")

    @wraps(copy)
    def keeping(source: Path, target: Path) -> str:
        points.come(f"before:{points.within('archive')}")
        digest = copy(source, target)
        points.come(f"after:{points.within('archive')}")
        return digest

    for holder, name, ours in (
        (SqliteLedger, "commit", committing), (SqliteLedger, "stage", staging), (Session, "write", sending),
        (ReportWriter, "__call__", reporting), (attachment, "copy", keeping),
    ):  # fmt: skip
        setattr(holder, name, ours)


def peak_mib(plan: Path) -> float:
    """Give the most memory that one of the lives held; 0 when there was none."""
    book = plan.with_suffix(".peak")
    return max(map(float, book.read_text(encoding="utf-8").split())) if book.exists() else 0.0


def live(life: Callable[[], int], plan: Path) -> int:
    """Live again and again until a life ends in another way than by kill -9; gives its exit code. SIGTERM reaches whoever lives."""
    while True:
        if (child := os.fork()) == 0:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            ctypes.CDLL(None).prctl(_DIES_WITH_PARENT, signal.SIGKILL)
            sys.exit(life())
        signal.signal(signal.SIGTERM, lambda *_, child=child: os.kill(child, signal.SIGTERM))  # type: ignore[misc]
        _, status, used = os.wait4(child, 0)
        with plan.with_suffix(".peak").open("a", encoding="utf-8") as book:
            book.write(f"{used.ru_maxrss / _MIB:.1f}\n")
        if (code := os.waitstatus_to_exitcode(status)) != -signal.SIGKILL:
            return code


def read_stops(plan: Path) -> Stops:
    """Read the plan that `Stops.write` wrote."""
    given = json.loads(plan.read_text(encoding="utf-8"))
    only = None if given["only"] is None else tuple(given["only"])
    return Stops(times=given["times"], only=only, within=tuple(given["within"]))


def _load_all() -> None:
    for package in _LOADED:
        for each in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
            importlib.import_module(each.name)


if __name__ == "__main__":
    path = Path(sys.argv[1])
    _load_all()
    watch(Points(path, read_stops(path)))
    sys.exit(live(lambda: main(sys.argv[2:]), path))
