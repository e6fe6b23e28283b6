"""Lead Perfection from files, driven with plain requests over the control socket: a vendor's extract, and scheduled reports alone."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace

from tests.flow.box import sandbox
from tests.flow.daemon import daemon
from tests.flow.harness import Operator, assert_right
from tests.flow.sides import LEAD_PERFECTION
from tests.judge.beside import left_beside
from tests.judge.guarding import rolled_back
from tests.judge.marks import read_marks
from tests.judge.states import Destination, Row

RECORDS = 150
SHORT = 600
"""What the account keeps of a long text in one of the runs: some deals have less to say, some more."""


def test_an_operator_moves_a_vendors_extract_and_takes_it_back() -> None:
    """
    People go on working from extract to extract, up to the freeze; both sides agree, and a rollback leaves nothing behind.

    The account cuts long texts of deals: what is longer than it was seen to keep is a note beside the deal, the rest a field.
    """
    cut = {"nutshell": {"cf_long_max": SHORT, "cf_long_over_limit": "truncated"}}
    with sandbox(
        pair=LEAD_PERFECTION.pair, records=RECORDS, seed=23, life=2, search_lag=0.5, switches=cut, **LEAD_PERFECTION.files
    ) as box:
        box.configure("watch_days = 0", "watch_days = 1")
        before = box.destination()
        with daemon(box) as one:
            operator = Operator(one, by_cli=False)
            operator.drive("tail")
            prospects, leads = list(box.source().of("prospect")), list(box.source().of("lead"))
            box.in_source("edit", "prospects", prospects[0], phone1="4075550142")
            text = "After the first extract.\r\nSecond line."
            note = box.in_source("create", "notes", lds_id=leads[1], note=text, enteredby="Ruizmar, Ana")["id"]
            box.export()
            operator.until(lambda _: one.ask("GET", f"/v1/records/note/{note}")[0] == 200, "new extract to be read")
            # Only the extract that is made after the freeze knows of this one.
            box.in_source("create", "jobs", lds_id=leads[2], grossamount="18250.0000", jbs_id="SC", jobstatus="Scheduled")
            operator.cut_over()
            operator.until(lambda status: (status["gate"] or {}).get("name") == "export", "gate that asks for an export")
            box.export()
            operator.until(lambda status: status["phase"] == "watch", "switch")
            findings = operator.judge(before)
            beside = _details(box.destination())
            planned = operator.order(path="/v1/rollback", dry_run=True)
            operator.order(path="/v1/rollback", confirm="sandbox")
            code = one.wait()
        assert_right(findings)
        assert all(beside), f"deals with a field and with a note: {beside}"
        assert planned["spared"] == [], "nobody worked in the destination"
        after = box.destination()
        done = json.loads((box.state / "reports" / "rollback.json").read_text(encoding="utf-8"))["data"]
        assert done["sources"], "deals name lead sources"
        assert_right([*rolled_back(before, after), *left_beside(before, after, done)])
        assert code == 0, one.words()


def test_an_operator_moves_scheduled_reports_alone() -> None:
    """All that reports 133, 134 and 135 tell arrives, value by value, while people go on working; what they do not tell is said."""
    short = {"nutshell": {"cf_type_map": {kind: ["String", "Date", "Currency", "Enum"] for kind in ("accounts", "contacts", "leads")}}}
    with sandbox(
        pair=LEAD_PERFECTION.pair, records=RECORDS, seed=29, reader="files", life=2, search_lag=0.3, switches=short
    ) as box:
        box.configure("watch_days = 0", "watch_days = 1")     # until the daemon was asked about what is compared
        before = box.destination()
        with daemon(box) as one:
            operator = Operator(one, by_cli=False)
            operator.drive("tail")
            prospects, leads = list(box.source().of("prospect")), list(box.source().of("lead"))
            box.in_source("edit", "prospects", prospects[0], phone1="4075550142")
            job = box.in_source("create", "jobs", lds_id=leads[1], grossamount="18250.0000", jobstatus="Scheduled")["id"]
            box.export()
            operator.until(lambda _: one.ask("GET", f"/v1/records/job/{job}")[0] == 200, "new reports to be read")
            box.in_source("edit", "jobs", job, grossamount="9000.5000", jobstatus="Paid In Full")
            operator.cut_over()
            operator.until(lambda status: (status["gate"] or {}).get("name") == "export", "gate that asks for reports")
            box.export()
            operator.until(lambda status: status["phase"] == "watch", "switch")
            source, after = box.source(), box.destination()
            explained, asked, has_open = operator.explained(source, after), operator.asked(), bool(operator.queue())
            box.configure("watch_days = 1", "watch_days = 0.00001")
            one.reload()
            code = operator.finish()
        assert_right(box.compare(source, after, before=before, explained=explained, asked=asked))
        assert _details(after)[0] == 0, "the account has no type for long texts"
        for what, count, planted in _corrupted(after):
            found = box.compare(source, planted, before=before, explained=explained, asked=asked)
            assert len(found) > count / 2 > 3, f"of {count} wrong {what} {len(found)} were found"
        assert code == (1 if has_open else 0), one.words()
        told = json.loads((box.state / "reports" / "reconciliation.json").read_text(encoding="utf-8"))["data"]
        states = {each["promise"]: each["state"] for each in told["summary"]}
        states.pop("the review queue is worked off")
        assert set(states.values()) == {"holds"}, states
        read = {each["kind"]: each["read"] for each in told["kinds"]}
        assert read["job"] >= len(source.of("job"))
        assert not read.get("note"), "no report has notes"


def _details(after: Destination) -> tuple[int, int]:
    """Count the deals that hold what has no field of its own in a field, and those with a note for it."""
    held = sum("Lead Perfection details" in (row.get("customFields") or {}) for row in after.of("leads").values())
    beside = sum(":job:" in row["body"].rsplit("\n", 1)[-1] for row in after.of("notes").values())
    return held, beside


def _corrupted(after: Destination) -> Iterator[tuple[str, int, Destination]]:
    """Give the destination with one value of all records of a sort changed, and with all enquiries gone, in turn; how many those are."""
    marks = read_marks(after, LEAD_PERFECTION.prefix)

    def planted(what: str, at: str, of: str, change: Callable[[Row], Row | None]) -> tuple[str, int, Destination]:
        rows = [row for (kind, _, _), places in marks.places.items() if kind == of for where, row in places if where == at]
        changed = {row["id"]: new for row in rows if (new := change(row)) != row}
        left = {rid: changed.get(rid, row) for rid, row in after.of(at).items()}
        live = {rid: row for rid, row in left.items() if row is not None}
        return what, len(changed), replace(after, live={**after.live, at: live})

    yield planted("values of deals", "leads", "job", lambda row: {**row, "manualValue": "1.23"})
    yield planted("statuses of deals", "leads", "job", lambda row: {**row, "customFields": {**row["customFields"], "Job Status": "?"}})
    yield planted("numbers of people", "contacts", "prospect", lambda row: {**row, "phones": []})
    yield planted("branches of enquiries", "notes", "lead", lambda row: {**row, "body": row["body"].replace("Branch: ", "Branch: X")})
    yield planted("calls of enquiries", "notes", "lead", lambda row: {**row, "body": row["body"].replace("dialed: ", "dialed: 9")})
    yield planted("newest notes", "notes", "job", lambda row: {**row, "body": re.sub(r"(Most recent note:) \w+ ", r"\1 ", row["body"])})
    yield planted("starts of meetings", "activities", "appointment", lambda row: {**row, "startTime": row["startTime"] + 3600})
    yield planted("enquiries", "notes", "lead", lambda row: None)
