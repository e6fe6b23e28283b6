"""A whole migration by the API reader while people keep working, driven by hand through every gate."""

from __future__ import annotations

import threading
from typing import Any

from tests.flow.box import sandbox
from tests.flow.daemon import Daemon, daemon
from tests.flow.harness import Operator, assert_right
from tests.hanging import HUNG_S

RECORDS = 110


def _listen(one: Daemon, seen: list[tuple[str, dict[str, Any]]]) -> threading.Thread:
    """Keep the event stream of the daemon in a list, from now to its end."""

    def hear() -> None:
        seen.extend(one.events())

    thread = threading.Thread(target=hear, daemon=True)
    thread.start()
    return thread


def test_an_operator_moves_a_living_account_by_hand() -> None:
    """Every gate is opened by the command line; nothing is written before the first; in the end both sides agree."""
    with sandbox(records=RECORDS, seed=11, life=3, search_lag=0.5) as box:
        box.configure("watch_days = 0", "watch_days = 1")
        before = box.destination()
        with daemon(box) as one:
            operator = Operator(one)

            def nothing_written() -> None:
                assert box.destination() == before, "something was written before the map was confirmed"

            operator.before_write = nothing_written
            operator.until(lambda status: True, "answer")
            seen: list[tuple[str, dict[str, Any]]] = []
            hearing = _listen(one, seen)
            operator.drive("tail")
            operator.cut_over()
            operator.until(lambda status: status["phase"] == "watch", "switch")
            assert [gate for gate in operator.gates if gate != "companies"] == ["map", "owners", "sample"]
            findings = operator.judge(before)
            assert set(_digests(box)) <= {*box.archived().values()}, "a file of the source is not in the archive"
            assert one.cli("verify").body["result"] == "verified"
            assert not box.source_state()["write_calls"], "something was written to the source"
            one.ask("POST", "/v1/stop")
            one.wait()
            hearing.join(HUNG_S)
            assert one.cli("audit", "verify").code == 0
            assert_right(findings)
        entered = [data["state"] for name, data in seen if name == "phase.entered"]
        assert entered[-2:] == ["cutover", "watch"], entered


def _digests(box: Any) -> list[str]:
    return [str(row["sha256"]) for row in box.source().of("attachment").values()]
