"""People work in both systems during the tail: theirs stays, what does not collide arrives, and what collides is asked."""

from __future__ import annotations

from urllib.parse import quote

from tests.flow.box import Box, sandbox
from tests.flow.daemon import daemon
from tests.flow.harness import Operator, assert_right
from tests.oracle.guarding import Edit
from tests.oracle.marks import read_marks

RECORDS = 110


def test_what_people_changed_in_the_destination_survives_the_tail() -> None:
    """Of a lead changed in both systems the person's status stays and is queued as a conflict; the new number arrives."""
    with sandbox(records=RECORDS, seed=53, search_lag=0.3) as box:
        box.configure("watch_days = 0", "watch_days = 1")
        before = box.destination()
        with daemon(box) as one:
            operator = Operator(one, by_cli=False)
            operator.drive("tail")
            operator.settle()
            source, moved = box.source(), box.destination()
            marks = read_marks(moved)
            lead, contact = next(
                (key, row["id"]) for key, row_ in source.of("lead").items() for part, (kind, row) in marks.of("lead", key)
                if kind == "contacts" and row["id"] not in before.of("contacts") and row.get("phones") and len(marks.of("lead", key)) == 1
            )  # fmt: skip
            values = {"jobTitle": "Site manager", "customFields": {"Lead Status": "Signed on Friday"}}
            box.in_destination("edit", kind="contacts", id=contact, values=values)
            status = "Quoted" if source.of("lead")[lead]["status"] != "Quoted" else "Contacted"
            statusid = next(key for key, row in source.of("status").items() if row["name"] == status)
            box.in_source("edit", "leads", lead, number="082 555 1111", statusid=statusid)
            operator.until(lambda _: "+27825551111" in _numbers_of(box, contact), 90.0, "new number on the person")
            operator.settle()
            conflicts = [item for item in operator.queue() if item["cause"] == "conflict"]
            assert [(item["kind"], item["key"]) for item in conflicts] == [("lead", lead)]
            assert "Lead Status" in conflicts[0]["id"]
            edits = (
                Edit(rid=contact, field="jobTitle", value="Site manager"),
                Edit(rid=contact, field="custom:Lead Status", value="Signed on Friday"),
            )
            assert_right(operator.judge(before, edits=edits))
            one.ask("POST", f"/v1/queue/{quote(conflicts[0]['id'], safe='')}/resolve", {"decision": "keep"})
            operator.cut_over()
            operator.until(lambda status: status["phase"] == "watch", 120.0, "switch")
            assert_right(operator.judge(before, edits=edits))


def _numbers_of(box: Box, contact: str) -> list[str]:
    return [str(each["value"].get("E164")) for each in box.destination().of("contacts")[contact].get("phones") or ()]
