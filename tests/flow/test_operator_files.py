"""A whole migration from export files, driven with plain requests over the control socket."""

from __future__ import annotations

from tests.flow.box import sandbox
from tests.flow.daemon import daemon
from tests.flow.harness import Operator, assert_right

RECORDS = 140


def test_an_operator_moves_exported_files_with_plain_requests() -> None:
    """People go on working from export to export, up to the freeze; the daemon ends by itself with the right exit code."""
    with sandbox(records=RECORDS, seed=23, reader="files", life=2, search_lag=0.5) as box:
        box.configure("watch_days = 0", "watch_days = 1")     # until both sides were compared, for which the daemon must answer
        before = box.destination()
        with daemon(box) as one:
            operator = Operator(one, by_cli=False)
            operator.drive("tail")
            lead, other = list(box.source().of("lead"))[:2]
            box.in_source("edit", "leads", lead, number="+27 82 777 0001")
            text = "Written after the first export.\r\nSecond line."
            note = box.in_source("create", "notes", leadid=other, userid="21", note=text)["id"]
            box.export()
            operator.until(lambda _: one.ask("GET", f"/v1/records/note/{note}")[0] == 200, "new export to be read")
            # Only the export that is made after the freeze knows of this one.
            box.in_source("create", "leads", name="Nomvula Latecomer", email="nomvula.latecomer@example.co.za", number="0827770002")
            operator.cut_over()
            operator.until(lambda status: (status["gate"] or {}).get("name") == "export", "gate that asks for an export")
            box.export()
            operator.until(lambda status: status["phase"] == "watch", "switch")
            findings, has_open = operator.judge(before), bool(operator.queue())
            box.configure("watch_days = 1", "watch_days = 0.00001")
            one.reload()
            code = operator.finish()
        assert_right(findings)
        assert code == (1 if has_open else 0), one.words()
        assert one.cli("status").code == 75, "a daemon that has ended does not answer"
