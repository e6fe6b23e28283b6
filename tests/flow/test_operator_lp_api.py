"""Lead Perfection by the API reader while people keep working, driven by hand through every gate."""

from __future__ import annotations

from tests.flow.box import Box, sandbox
from tests.flow.daemon import daemon
from tests.flow.harness import Operator, assert_right
from tests.flow.sides import LEAD_PERFECTION
from tests.oracle.guarding import Edit, overwritten, rolled_back
from tests.oracle.marks import read_marks
from tests.oracle.states import Destination

RECORDS = 150


def test_an_operator_moves_a_living_account_of_lead_perfection_and_takes_it_back() -> None:
    """
    Every gate is opened by the command line; nothing is written before the first; both sides agree after the switch.

    Rolled back, the destination is as it was, but for the one person somebody worked on.
    """
    with sandbox(pair=LEAD_PERFECTION.pair, records=RECORDS, seed=11, life=3, search_lag=0.5) as box:
        box.configure("watch_days = 0", "watch_days = 1")
        before = box.destination()
        with daemon(box) as one:
            operator = Operator(one)

            def nothing_written() -> None:
                assert box.destination() == before, "something was written before the map was confirmed"

            operator.before_write = nothing_written
            operator.drive("tail")
            contact = _somebody(box, before)
            edits = (Edit(rid=contact, field="jobTitle", value="Head of the household"),)
            box.in_destination("edit", kind="contacts", id=contact, values={"jobTitle": "Head of the household"})
            operator.cut_over()
            operator.until(lambda status: status["phase"] == "watch", 120.0, "switch")
            assert operator.gates == ["map", "owners", "sample"]
            assert_right(operator.judge(before, edits=edits))
            assert one.cli("verify").body["result"] == "verified"
            assert not box.source_state()["write_calls"], "something was written to the source"
            planned = one.cli("rollback", "--dry-run").body
            assert contact in {each["id"] for each in planned["spared"]}
            assert one.cli("rollback", "--confirm", "sandbox").code == 0
            assert one.wait(60.0) == 1, f"spared records leave open items; {one.words()}"
            assert one.cli("audit", "verify").code == 0
        after = box.destination()
        spared = frozenset(str(each["id"]) for each in planned["spared"])
        sources = frozenset(after.of("sources")) - frozenset(before.of("sources"))
        assert_right([*rolled_back(before, after, spared=spared, listed=sources), *overwritten(after, edits)])
        assert len(spared) <= 3, f"more was spared than people touched: {planned['spared']}"


def _somebody(box: Box, before: Destination) -> str:
    """Give a person made of a prospect."""
    moved = box.destination()
    marks = read_marks(moved, box.side.prefix)
    return next(
        str(row["id"]) for key in box.source().of("prospect") for _, (kind, row) in marks.of("prospect", key)
        if kind == "contacts" and row["id"] not in before.of("contacts")
    )  # fmt: skip
