"""A whole migration from export files, driven with plain requests over the control socket."""

from __future__ import annotations

from tests.flow.box import sandbox
from tests.flow.daemon import daemon
from tests.flow.harness import Operator, assert_right

RECORDS = 140


def test_an_operator_moves_exported_files_with_plain_requests() -> None:
    """What changed before the freeze arrives with the export made after it; the daemon ends by itself with the right exit code."""
    with sandbox(records=RECORDS, seed=23, reader="files", search_lag=0.5) as box:
        before = box.destination()
        with daemon(box) as one:
            operator = Operator(one, by_cli=False)
            operator.drive("tail")
            leads = list(box.source().of("lead"))
            box.in_source("edit", "leads", leads[0], number="+27 82 777 0001")
            box.in_source("create", "notes", leadid=leads[1], userid="21", note="Written after the first export.\r\nSecond line.")
            box.export()
            operator.until(lambda status: status["streams"]["note"]["read"] >= len(box.source().of("note")), 90.0, "new export to be read")
            operator.settle()
            # Only the export that is made after the freeze knows of this one.
            box.in_source("create", "leads", name="Nomvula Latecomer", email="nomvula.latecomer@example.co.za", number="0827770002")
            explained = operator.explained(box.source(), box.destination())
            has_open = bool(operator.queue())
            operator.cut_over()
            code = operator.finish()
        source, after = box.source(), box.destination()
        assert_right(box.compare(source, after, before=before, explained=explained))
        assert code == (1 if has_open else 0), one.words()
        assert one.cli("status").code == 75, "a daemon that has ended does not answer"
