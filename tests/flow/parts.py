"""Parts of a run that are rolled back before its end, each judged: a phase and a kind, which are brought back, and one record."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from tests.flow.hands import Hands
from tests.flow.measures import doubts, waiting
from tests.flow.people import People
from tests.judge.marks import marks_on, read_marks
from tests.judge.parts import Part, part_taken_back
from tests.judge.plans import against_plan
from tests.judge.states import RECORDS, Destination, Finding, Identity
from tests.judge.takenback import above

KINDS = ("phase", "kind", "record")
KIND = "kind:notes"
PHASE = "phase:sample"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A part that was asked for: what it holds, the account right before, and what the dry run said."""

    scope: str
    was: Destination
    made: frozenset[str]
    filled: frozenset[str]
    identities: frozenset[Identity]
    plan: dict[str, Any]


class Parts:
    """
    Whoever has parts of a run rolled back in the tail, one after the other; `findings` is what was wrong with that.

    A phase and a kind are brought back by the queue; the record stays away, to the end. With *people* at work, none is brought back.
    So many *kills* strike at random meanwhile, beside those at points.
    """

    def __init__(self, hands: Hands, people: People, *, is_meddled: bool, kills: int) -> None:
        self.findings: list[Finding] = []
        self.judged: list[str] = []             # scopes
        self.undone: str = ""                   # the key of the record that stays away
        self._hands = hands
        self._box = hands.box
        self._daemon = hands.daemon
        self._kills = kills
        self._people = people
        self._is_meddled = is_meddled
        self._sample: Destination | None = None
        self._left = list(KINDS)
        self._asked: Asked | None = None
        self._share: int | None = None          # of the kills, once it was dealt out
        self._is_ordered = False

    def see_sample(self) -> None:
        """Keep what the account holds when the sample has been moved and nothing else."""
        self._sample = self._box.destination()

    def attend(self) -> bool:
        """Do what comes next, the tail being at rest; says whether there was anything to do, so that the switch has to wait."""
        if not self._left:
            return False
        if self._asked is None and (doubts(self._box.state)["open"] or waiting(self._box.state)):
            return True     # what waits for such a write is no backlog yet, and what was reopened shows in a status a moment later
        if self._asked is None:
            self._asked = self._plan(self._left[0])
        elif (done := self._done(self._asked.scope)) is None:
            self._undo(self._asked.scope)
        elif done["state"] == "open" and self._asked.scope not in self.judged:
            self._judge(self._asked)
        elif done["state"] == "open" and self._comes_back():
            self._resolve(done)
        else:
            self._kills += self._hands.want_no_more()
            self._asked, self._share, self._is_ordered = None, None, False
            self._left.pop(0)
        return True

    def truth(self, source: Any) -> Any:
        """Give the source without the record that stays away, and what belongs to it."""
        if not self.undone:
            return source
        name = self._box.side.person[1]
        rows = {kind: {key: row for key, row in held.items() if str(row.get(name)) != self.undone} for kind, held in source.rows.items()}
        return replace(source, rows=rows)

    def unasked(self) -> Iterator[Finding]:
        """Find parts that were never undone."""
        for kind in self._left:
            yield Finding(fault="unexplained", what=kind, why="was not rolled back")

    # --- each part ---

    def _plan(self, kind: str) -> Asked | None:
        """Have the dry run say what would be done; None when it was not answered."""
        was = self._box.destination()
        asked = {"phase": self._phase, "kind": self._kind, "record": self._record}[kind](was)
        code, answer = self._order(dry_run=True, scope=asked.scope)
        if code != HTTPStatus.OK or answer["result"] != "planned":
            return None
        return replace(asked, plan=self._report("rollback-plan"))

    def _phase(self, was: Destination) -> Asked:
        """Ask for what came with the sample."""
        assert self._sample is not None, "nobody saw the sample"
        then = read_marks(self._sample, self._box.side.prefix)
        of_it = {rid for kind in RECORDS for rid in self._sample.of(kind)}
        for name, places in read_marks(was, self._box.side.prefix).places.items():      # who goes to another person gets a note anew
            then_places = {str(row["id"]) for _, row in then.places.get(name, ())}
            if then_places and then_places.isdisjoint(str(row["id"]) for _, row in places):
                of_it |= {str(row["id"]) for _, row in places}
        carriers = {str(row["id"]) for places in then.places.values() for _, row in places}
        return self._of(PHASE, was, of_it, carriers, frozenset(then.identities()))

    def _kind(self, was: Destination) -> Asked:
        """Ask for all notes."""
        marks = (mark for row in was.of("notes").values() for mark in marks_on("notes", row, self._box.side.prefix))
        return self._of(KIND, was, set(was.of("notes")), set(), frozenset((kind, key) for kind, key, _ in marks))

    def _record(self, was: Destination) -> Asked:
        """Ask for one person with a timeline, that is nobody else's and that people did not touch: the one with the most of it."""
        kind = self._box.side.person[0]
        theirs = {rid for each in RECORDS for rid in self._people.before.of(each)}
        edited = {edit.rid for edit in self._people.edits}
        alone: dict[str, set[str]] = {}
        for rid in was.of("contacts").keys() - theirs:
            of_it = {rid, *_under(was, rid)}
            people = {key for of, key in self._marked(was, of_it) if of == kind}
            if len(people) == 1 and not of_it & theirs:
                alone[people.pop()] = of_it
        self.undone = max(alone, key=lambda key: (not alone[key] & edited, len(alone[key]), key))
        of_it = alone[self.undone]
        return self._of(f"record:{kind}:{self.undone}", was, of_it, set(), frozenset(self._marked(was, of_it)))

    def _marked(self, was: Destination, rids: set[str]) -> Iterator[Identity]:
        for rid in rids:
            kind = rid.partition("-")[2]
            yield from ((of, key) for of, key, _ in marks_on(kind, was.of(kind)[rid], self._box.side.prefix))

    def _of(self, scope: str, was: Destination, of_it: set[str], carriers: set[str], identities: frozenset[Identity]) -> Asked:
        theirs = {rid for kind in RECORDS for rid in self._people.before.of(kind)}
        there = {rid for kind in RECORDS for rid in was.of(kind)}
        return Asked(
            scope=scope, was=was, made=frozenset((of_it & there) - theirs), filled=frozenset(carriers & theirs & there),
            identities=identities, plan={},
        )  # fmt: skip

    def _undo(self, scope: str) -> None:
        """Order it until that was heard; in it, its share of the kills strikes."""
        if self._share is None:
            self._share = math.ceil(self._kills / len(self._left))
            self._kills -= self._share
            self._hands.want(self._share)
        if not self._is_ordered:
            code, answer = self._order(dry_run=False, scope=scope, confirm="sandbox")
            self._is_ordered = code == HTTPStatus.OK and answer["result"] in ("started", "already_running")

    def _done(self, scope: str) -> Any:
        """Give the item that holds the way back open, which comes with the end of a rollback; None before that."""
        _, body = self._daemon.ask("GET", "/v1/queue?state=all")
        items = [each for each in body["items"] if each["cause"] == "rolled_back" and each["id"].startswith(f"rolled_back:{scope}:")]
        if len(items) > 1:
            self.findings.append(Finding(fault="unexplained", what=scope, why=f"was rolled back {len(items)} times"))
        return items[0] if items else None

    def _judge(self, asked: Asked) -> None:
        report = self._report("rollback")
        part = Part(
            before=self._people.before, was=asked.was, now=self._box.destination(), made=asked.made, filled=asked.filled,
            identities=asked.identities, prefix=self._box.side.prefix, edits=self._people.edits,
        )  # fmt: skip
        listed = {str(each["id"]) for each in report["spared"]}
        found = list(part_taken_back(part, listed=listed, deleted=None if self._is_meddled else int(report["deleted"])))
        if not self._is_meddled:
            found += against_plan(asked.plan, report)
        if self._left[0] == "record" and not self._is_meddled:
            found += self._unsaid(asked.scope)
        self.findings += (replace(each, what=f"{asked.scope}: {each.what}") for each in found)
        self.judged.append(asked.scope)

    def _unsaid(self, scope: str) -> Iterator[Finding]:
        """Find that the product does not say why the record stays away."""
        kind = self._box.side.person[0]
        _, trace = self._daemon.ask("GET", f"/v1/records/{kind}/{quote(self.undone, safe='')}")
        if f"undone by a rollback of {scope}" not in (said := str(trace.get("reason"))):
            yield Finding(fault="unexplained", what=f"{kind} {self.undone}", why=f"was undone, and the product says {said!r}")

    def _comes_back(self) -> bool:
        return not self._is_meddled and self._left[0] != "record"

    def _resolve(self, item: Any) -> None:
        self._daemon.ask("POST", f"/v1/queue/{quote(item['id'], safe='')}/resolve", {"decision": "retry"})

    def _order(self, **body: Any) -> tuple[int, Any]:
        code, answer = self._daemon.ask("POST", "/v1/rollback", body)
        assert code != HTTPStatus.INTERNAL_SERVER_ERROR, f"POST /v1/rollback: {code}: {answer}"
        return code, answer

    def _report(self, name: str) -> dict[str, Any]:
        return dict(json.loads((self._box.state / "reports" / f"{name}.json").read_text(encoding="utf-8"))["data"])


def _under(account: Destination, rid: str) -> Iterator[str]:
    """Give what hangs on a record, however far down."""
    for kind in RECORDS:
        for each, row in account.of(kind).items():
            if rid in above(each, row.get("links") or {}):
                yield each
                yield from _under(account, each)
