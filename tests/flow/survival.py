"""Whole runs under kill -9: the daemon is killed, at seeded random moments or at named points, and started again until it is done."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from streamflow.sandbox.profiles import read_profile
from tests.flow.box import Box, sandbox
from tests.flow.exports import Exports
from tests.flow.hands import CALM, DAY_S, STILL_S, Hands
from tests.flow.measures import Calls, audit, calls, doubts, leaks, of_destination, of_source
from tests.flow.meddlers import Meddlers
from tests.flow.parts import Parts
from tests.flow.people import People
from tests.flow.sides import LEADTREKKER, SIDES
from tests.flow.stopping import Stops, missed, missed_in_parts, peak_mib, struck
from tests.flow.strikes import dealt
from tests.flow.strokes import Stroke, strokes
from tests.flow.telltales import plant
from tests.hanging import HUNG_S
from tests.judge.accounting import read_told, read_waiting, unaccounted
from tests.judge.archive import unarchived
from tests.judge.beside import left_beside
from tests.judge.chain import unchained
from tests.judge.comparison import worst_first
from tests.judge.guarding import foreign, overwritten, rolled_back
from tests.judge.late import judged, unasked
from tests.judge.marks import read_marks
from tests.judge.meanwhile import taken_away
from tests.judge.plans import against_plan
from tests.judge.readonly import written
from tests.judge.refusals import MOVED_FROM, PEOPLE, Excuse, read_refusals, standing
from tests.judge.states import Destination, Finding, Identity, Question, ask
from tests.judge.takenback import taken_back

LAG_S = 3.0
"""What a run that is struck at named points is told of the destination's lists, instead of measuring it."""
HOSTILE_DEADLINE_S = 400
"""What a cutover is given where some lists are never answered: that takes most of the time of each complete read. By default it is 4 h."""
SAMPLED = 1 / 4
"""Of the records of a run, how many are its sample: by default that is 300, and in a small account nothing would be left for later."""
LATE = "late_visibility_s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """
    What one whole run has to go through.

    Args:
        kills: At random moments.
        stops: At named points, beside them.
        life: Changes a second that people make in the source until it is frozen; then others work in the destination too, and somebody
            goes on in the source between the freeze and the switch, and after it. A run that is undone goes without the two.
        faults: The profile by which both platforms misbehave.
        undone: Whether the run is rolled back after the switch.
        parts: Whether a phase, a kind and a record of it are rolled back before the switch, when nobody works in the source any more.
        backs: Random kills more, while it is rolled back, or parts of it are.
        meddled: Whether people work in the destination all the while it is rolled back, in whole or in part, and before, on whatever
            they see there.
        tail_s: How long it stays in the tail at least before people are made to stop, those who work in the destination all the while.
        rate_per_s: What the destination allows; None for no limit.
        source_rate_per_s: What the source allows.
    """

    seed: int
    kills: int = 0
    stops: Stops | None = None
    pair: str = LEADTREKKER.pair
    reader: str = "api"
    records: int = 100
    life: float = 0.0
    faults: str = CALM
    undone: bool = False
    parts: bool = False
    backs: int = 0
    meddled: bool = False
    tail_s: float = 0.0
    rate_per_s: float | None = None
    source_rate_per_s: float | None = None
    limit_s: float = 2 * HUNG_S

    @property
    def options(self) -> dict[str, Any]:
        """Give the options of its sandbox."""
        more: dict[str, Any] = dict(SIDES[self.pair].files) if self.reader == "files" else {}
        more |= {"life": self.life} if self.life else {}
        more |= {"faults": self.faults} if self.faults != CALM else {"search_lag": 0.2}
        more |= {"rate": self.rate_per_s} if self.rate_per_s else {}
        more |= {"source_rate": self.source_rate_per_s} if self.source_rate_per_s else {}
        return {"pair": self.pair, "records": self.records, "seed": self.seed, "gates": "auto", **more}


@dataclass(frozen=True, slots=True, kw_only=True)
class Survived:
    """
    One whole run.

    Args:
        phases: In which each random kill struck.
        points: How often each named point was struck.
        missed: Where a run that is struck at every named point was not.
        doubts: How many writes in doubt were adopted, resent, queued; and how many are still "open" at the end.
        resumes_s: How long after each kill the daemon took to answer again.
        paused: How often an operator had to let it go on, or start it again.
        restarts: How often its service manager started it again, after an end for the platforms' sake.
        deeds: What people did in the source meanwhile.
        edits: What they did in the destination.
        late_edits: What they did there after the switch.
        strokes: How often each fault struck, by platform and fault; lies that changed nothing are not counted.
    """

    kills: int
    phases: tuple[str, ...]
    code: int
    findings: tuple[Finding, ...]
    points: Mapping[str, int]
    missed: tuple[str, ...]
    doubts: Mapping[str, int]
    calls: Calls
    peak_mib: float
    resumes_s: tuple[float, ...]
    leaks: tuple[str, ...]
    paused: int
    restarts: int
    deeds: int
    edits: int
    late_edits: int
    strokes: Mapping[tuple[str, str], Stroke]


Handed: TypeAlias = Callable[[Trial, Box, random.Random, list[str]], Hands]


def _handed(trial: Trial, box: Box, dice: random.Random, wanted: list[str]) -> Hands:
    return Hands(box, dice, wanted, stops=trial.stops, faults=trial.faults)


def survive(trial: Trial, *, handed: Handed = _handed) -> Survived:
    """Run one migration with exactly so many kills, judge both sides at its end, and tell what else was seen; *handed* gives the hands."""
    dice = random.Random(f"kills-{trial.seed}")
    wanted = dealt(trial.kills, dice)
    wanted += ["rollback"] * trial.backs if trial.undone else []
    with sandbox(**trial.options) as box:
        watch_s = _watch_s(trial, box)
        _configure(box, trial, DAY_S if trial.undone or trial.kills else watch_s)
        box, planted = plant(box, trial.options, trial.seed)
        before = box.destination()
        telling = of_source(box.source()) | of_destination(before)
        findings: list[Finding] = []
        hands = handed(trial, box, dice, wanted)
        hands.watch_s = watch_s if trial.kills and not trial.undone else None
        people = (Meddlers if trial.meddled else People)(box, before, trial.seed, by_files=trial.reader == "files", slow=hands.slow)
        people.spread(trial.tail_s)
        if trial.undone:
            hands.at_watch = lambda: findings.extend(_at_switch(hands, people))
        if trial.meddled or (trial.life and not (trial.undone or trial.parts)):
            hands.work = people.work
        parts = Parts(hands, people, is_meddled=trial.meddled, kills=trial.backs)
        if trial.life and trial.reader == "files":
            hands.at_tail = Exports(box).attend
        elif trial.tail_s:
            hands.at_tail = _lasting(trial.tail_s)
        if trial.parts:
            hands.at_sample, hands.at_rest = parts.see_sample, parts.attend
        try:
            code = hands.to_the_end(trial.limit_s)
        finally:
            hands.daemon.stop()
        after = box.destination()
        telling |= of_source(box.source()) | of_destination(people.before)
        findings += (
            _undone(hands, people, after) if trial.undone else _judged_by_parts(hands, people, parts) if trial.parts
            else [*_judged(hands, people), *_after_switch(hands, people)]
        )
        findings += [*unchained(audit(box.state)), *written(box.source_state()["write_calls"])]
        return Survived(
            kills=len(hands.struck) + struck(hands.plan).total(), phases=tuple(hands.struck), code=code,
            findings=tuple(worst_first(findings)), points=struck(hands.plan), missed=_missed(trial, hands), doubts=doubts(box.state),
            calls=calls(box), peak_mib=max(hands.peak_mib, peak_mib(hands.plan)), resumes_s=tuple(hands.resumes_s),
            leaks=tuple(leaks(box, hands.daemon.log, telling=telling, planted=planted)), paused=hands.paused, restarts=hands.restarts,
            deeds=sum(box.source_state()["life"]["by_deed"].values()), edits=len(people.edits), late_edits=people.since_switch,
            strokes=strokes(box, trial.faults),
        )  # fmt: skip


def _lasting(seconds: float) -> Callable[[], bool]:
    """Give what says for so long, from when it is first asked, that the freeze has to wait."""
    ends: list[float] = []

    def is_waited_for() -> bool:
        if not ends:
            ends.append(time.monotonic() + seconds)
        return time.monotonic() < ends[0]

    return is_waited_for


def _watch_s(trial: Trial, box: Box) -> float:
    """Give how long a run that is kept is watched: until the source shows what is written in it right after the switch."""
    if not trial.life:
        return 0.0
    late = read_profile(trial.faults)[box.side.platform].get(LATE) or [0.0]
    return STILL_S + (0.0 if trial.reader == "files" or trial.parts else float(late[-1]))


def _configure(box: Box, trial: Trial, watch_s: float) -> None:
    box.configure('cutover = "auto"', 'cutover = "ask"')
    if trial.faults == "hostile":
        box.configure("deadline_s = 120", f"deadline_s = {HOSTILE_DEADLINE_S}")
    if trial.reader == "api":
        box.configure("[pace.source]", f"{box.side.pages}\n[pace.source]")
    if trial.parts:     # the sample is one of them: what it made must be much, and be told from what came later
        box.configure('sample = "auto"', 'sample = "ask"')
    else:
        box.configure("[cutover]\n", f"[sample]\nsize = {max(1, int(trial.records * SAMPLED))}\n[cutover]\n")
    if trial.stops is not None:     # what is not known is taken for a minute, and waited for at every kill among the probes
        box.configure("late_commit_s = 1.0\n", f"late_commit_s = 1.0\nsearch_lag_s = {LAG_S}\n")
    box.configure("watch_days = 0\n", f"watch_days = {watch_s / DAY_S:.6f}\n")


def _missed(trial: Trial, hands: Hands) -> tuple[str, ...]:
    if trial.stops is None or trial.stops.only is not None:
        return ()
    if trial.parts:
        return missed_in_parts(hands.plan, is_meddled=trial.meddled)
    has_files = any(kind == "attachment" for kind, _, _ in hands.box.source().every())
    return missed(hands.plan, is_undone=trial.undone, has_files=has_files)


def _judged(hands: Hands, people: People, parts: Parts | None = None) -> list[Finding]:
    """Judge both accounts: the source as it was at the switch, where somebody went on in it after that, without what was undone of it."""
    box, edits = hands.box, people.edits
    source, destination, book = people.source or box.source(), box.destination(), read_told(hands.box.state / "reports")
    source = parts.truth(source) if parts is not None else source
    asked, explained = (*hands.asked, *book.questions), {**hands.explained, **read_waiting(hands.box.state / "reports")}

    def compare(truth: Any) -> list[Finding]:
        return box.compare(truth, destination, before=people.before, explained=explained, asked=asked, edits=edits)

    found = judged(compare, people.agreed or source, source, asked)
    found = list(_without_excuse(box, found, source, destination, book.questions, explained))
    found += unarchived(destination, box.archived(), prefix=box.side.prefix)
    return [*found, *unaccounted(book, destination, prefix=box.side.prefix, deleted=taken_away(edits))]


def _without_excuse(
    box: Box, found: Sequence[Finding], source: Any, destination: Destination, asked: Sequence[Question], explained: Mapping[Identity, str]
) -> Iterator[Finding]:
    """Leave out what a platform never took or never gave, by its own log, where that is asked about."""
    moved = getattr(source, "moved_files", {})      # of the platform whose merges take files along
    rows = {(kind, key): {**row, MOVED_FROM: sorted(moved.get(key, ()))} for kind, key, row in source.every()}
    logs = (ask(f"{box.source_admin}log"), ask(f"{box.destination_admin}log"))
    refusals = read_refusals(*logs, [key for kind, key in rows if kind in PEOPLE])
    there = read_marks(destination, box.side.prefix).identities()
    yield from standing(found, rows, Excuse(refusals=refusals, asked=asked, explained=explained, there=there))


def _after_switch(hands: Hands, people: People) -> Iterator[Finding]:
    """Find what was written in the source after the switch and is not asked about."""
    if people.source is not None:
        box, ended = hands.box, hands.box.source()
        asked, waiting = read_told(box.state / "reports").questions, read_waiting(box.state / "reports")
        yield from _without_excuse(box, list(unasked(people.source, ended, asked)), ended, box.destination(), asked, waiting)


def _judged_by_parts(hands: Hands, people: People, parts: Parts) -> list[Finding]:
    """Judge a run of which parts were undone: each of these, and its end; of that only what is people's, where they were at work."""
    found = [*parts.findings, *parts.unasked()]
    if not isinstance(people, Meddlers):
        return [*found, *_judged(hands, people, parts)]
    destination, book = hands.box.destination(), read_told(hands.box.state / "reports")
    theirs = [*overwritten(destination, people.edits), *foreign(people.before, destination, people.edits)]
    return [*found, *theirs, *unaccounted(book, destination, prefix=hands.box.side.prefix, deleted=taken_away(people.edits))]


def _at_switch(hands: Hands, people: People) -> list[Finding]:
    """Judge the run before it is taken back, and let people go at what it made."""
    found = _judged(hands, people)
    if isinstance(people, Meddlers):
        people.meddle()
    return found


def _undone(hands: Hands, people: People, after: Destination) -> list[Finding]:
    """Judge a rollback, by what people did as well; what was planned must be what was done."""
    before, report = people.before, _report(hands.box, "rollback")
    listed = {str(each["id"]) for each in report["spared"]}
    beside = list(left_beside(before, after, report))
    if isinstance(people, Meddlers):
        return [*taken_back(before, after, people.edits, listed=listed), *beside]
    found = [*rolled_back(before, after), *beside]
    planned = _report(hands.box, "rollback-plan") if hands.is_planned else None
    return [*found, *against_plan(planned, report)]


def _report(box: Box, name: str) -> dict[str, Any]:
    return dict(json.loads((box.state / "reports" / f"{name}.json").read_text(encoding="utf-8"))["data"])
