"""People work in both systems: theirs stays through tail, switch and rollback; what does not collide arrives, what collides is asked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest

from tests.flow.box import Box, sandbox
from tests.flow.daemon import Daemon, daemon
from tests.flow.harness import Operator, assert_right
from tests.judge.beside import left_beside
from tests.judge.guarding import Edit, overwritten, rolled_back
from tests.judge.marks import read_marks
from tests.judge.plans import against_plan
from tests.judge.states import Destination, Finding

RECORDS = 110


@dataclass(frozen=True, slots=True, kw_only=True)
class Worked:
    """A run that has switched, in which people worked on one person in both systems; its daemon watches."""

    box: Box
    one: Daemon
    before: Destination
    lead: str
    contact: str
    edits: tuple[Edit, ...]
    conflicts: list[dict[str, Any]]
    in_tail: list[Finding]
    in_watch: list[Finding]


@pytest.fixture(scope="module")
def worked() -> Iterator[Worked]:
    """Migrate up to the watch; in the tail somebody gives a person another status and a title, and the lead another status and number."""
    with sandbox(records=RECORDS, seed=53, search_lag=0.3) as box:
        box.configure("watch_days = 0", "watch_days = 1")
        before = box.destination()
        with daemon(box) as one:
            operator = Operator(one, by_cli=False)
            operator.drive("tail")
            operator.settle()
            lead, contact = _lone_person(box, before)
            edits = _work_on(box, lead, contact)
            operator.until(lambda _: "+27825551111" in _numbers_of(box, contact), "new number on the person")
            operator.settle()
            conflicts = [item for item in operator.queue() if item["cause"] == "conflict"]
            in_tail = operator.judge(before, edits=edits)
            for item in conflicts:
                one.ask("POST", f"/v1/queue/{quote(item['id'], safe='')}/resolve", {"decision": "keep"})
            operator.cut_over()
            operator.until(lambda status: status["phase"] == "watch", "switch")
            yield Worked(
                box=box, one=one, before=before, lead=lead, contact=contact, edits=edits, conflicts=conflicts, in_tail=in_tail,
                in_watch=operator.judge(before, edits=edits),
            )  # fmt: skip


def _lone_person(box: Box, before: Destination) -> tuple[str, str]:
    """Give a lead of which a person alone was made, with a number, and that person."""
    source, moved = box.source(), box.destination()
    marks = read_marks(moved)
    return next(
        (key, row["id"]) for key in source.of("lead") for part, (kind, row) in marks.of("lead", key)
        if kind == "contacts" and row["id"] not in before.of("contacts") and row.get("phones") and len(marks.of("lead", key)) == 1
    )  # fmt: skip


def _work_on(box: Box, lead: str, contact: str) -> tuple[Edit, ...]:
    """Let people change the person in the destination and its lead in the source; answers what is theirs."""
    values = {"jobTitle": "Site manager", "customFields": {"Lead Status": "Signed on Friday"}}
    box.in_destination("edit", kind="contacts", id=contact, values=values)
    source = box.source()
    status = "Quoted" if source.of("lead")[lead]["status"] != "Quoted" else "Contacted"
    statusid = next(key for key, row in source.of("status").items() if row["name"] == status)
    box.in_source("edit", "leads", lead, number="082 555 1111", statusid=statusid)
    return (
        Edit(rid=contact, field="jobTitle", value="Site manager"),
        Edit(rid=contact, field="custom:Lead Status", value="Signed on Friday"),
    )


def _numbers_of(box: Box, contact: str) -> list[str]:
    return [str(each["value"].get("E164")) for each in box.destination().of("contacts")[contact].get("phones") or ()]


def test_what_people_changed_in_the_destination_survives_tail_and_switch(worked: Worked) -> None:
    """Of a lead changed in both systems the person's status stays and is queued as a conflict; the new number arrives."""
    assert [(item["kind"], item["key"]) for item in worked.conflicts] == [("lead", worked.lead)]
    assert "Lead Status" in worked.conflicts[0]["id"]
    assert_right(worked.in_tail)
    assert_right(worked.in_watch)


def test_a_rollback_leaves_the_destination_as_it_was(worked: Worked) -> None:
    """All that was made is gone, all that was changed is back; the one person somebody worked on is spared and listed."""
    box, one, before = worked.box, worked.one, worked.before
    moved = box.destination()
    assert len(moved.of("contacts").keys() - before.of("contacts").keys()) > 10
    refused = one.cli("rollback", "--confirm", "another name")
    assert refused.code == 64, "a rollback needs the migration's name"
    planned = one.cli("rollback", "--dry-run").body
    assert box.destination().of("contacts").keys() == moved.of("contacts").keys(), "a dry run removes nothing"
    assert worked.contact in {each["id"] for each in planned["spared"]}
    assert one.cli("rollback", "--confirm", "sandbox").code == 0
    code = one.wait()
    done = json.loads((box.dir / "state" / "reports" / "rollback.json").read_text(encoding="utf-8"))["data"]
    assert done["gone_already"] == planned["gone_already"], "what was shown is what was done"
    after = box.destination()
    spared = _spared_with(after.of("contacts")[worked.contact], planned)
    assert "contacts/Streamflow ID" in after.defined, "definitions cannot be taken back by API and stay"
    assert_right([*rolled_back(before, after, spared=spared), *left_beside(before, after, done), *against_plan(planned, done)])
    assert_right(list(overwritten(after, worked.edits)))
    assert code == 1, f"spared records leave open items; {one.words()}"


def _spared_with(contact: dict[str, Any], planned: dict[str, Any]) -> frozenset[str]:
    found = {str(each["id"]) for each in planned["spared"]}
    assert str(contact["id"]) in found
    assert len(found) <= 3, f"more was spared than people touched: {planned['spared']}"
    return frozenset(found)
