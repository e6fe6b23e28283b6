"""Lead Perfection from files, driven with plain requests over the control socket: a vendor's extract, and scheduled reports alone."""

from __future__ import annotations

import json

from tests.flow.box import sandbox
from tests.flow.daemon import daemon
from tests.flow.harness import Operator, assert_right
from tests.flow.sides import LEAD_PERFECTION

RECORDS = 150


def test_an_operator_moves_a_vendors_extract_with_plain_requests() -> None:
    """What changed before the freeze arrives with the extract made after it; the daemon ends by itself with the right exit code."""
    with sandbox(pair=LEAD_PERFECTION.pair, records=RECORDS, seed=23, reader="files", extract=True, search_lag=0.5) as box:
        before = box.destination()
        with daemon(box) as one:
            operator = Operator(one, by_cli=False)
            operator.drive("tail")
            prospects, leads = list(box.source().of("prospect")), list(box.source().of("lead"))
            box.in_source("edit", "prospects", prospects[0], phone1="4075550142")
            box.in_source("create", "notes", lds_id=leads[1], note="After the first extract.\r\nSecond line.", enteredby="Ruizmar, Ana")
            box.export()
            operator.until(lambda status: status["streams"]["note"]["read"] >= len(box.source().of("note")), 90.0, "new extract to be read")
            operator.settle()
            # Only the extract that is made after the freeze knows of this one.
            box.in_source("create", "jobs", lds_id=leads[2], grossamount="18250.0000", jbs_id="SC", jobstatus="Scheduled")
            explained = operator.explained(box.source(), box.destination())
            has_open = bool(operator.queue())
            operator.cut_over()
            code = operator.finish()
        findings = box.compare(box.source(), box.destination(), before=before, explained=explained)
        assert_right(findings)
        assert code == (1 if has_open else 0), one.words()


def test_an_operator_moves_scheduled_reports_alone() -> None:
    """Reports 133, 134 and 135 make people, deals and meetings; what they do not tell is said, and every record is accounted for."""
    with sandbox(pair=LEAD_PERFECTION.pair, records=RECORDS, seed=29, reader="files", search_lag=0.3) as box:
        with daemon(box) as one:
            operator = Operator(one, by_cli=False)
            operator.drive("tail")
            operator.settle()
            has_open = bool(operator.queue())
            operator.cut_over()
            assert operator.finish() == (1 if has_open else 0), one.words()
        told = json.loads((box.state / "reports" / "reconciliation.json").read_text(encoding="utf-8"))["data"]
        states = {each["promise"]: each["state"] for each in told["summary"]}
        states.pop("the review queue is worked off")
        assert set(states.values()) == {"holds"}, states
        read = {each["kind"]: each["read"] for each in told["kinds"]}
        book = box.source()
        assert read["job"] == len(book.of("job"))
        assert read["prospect"] == len(book.of("prospect"))
        assert not read.get("note"), "no report has notes"
