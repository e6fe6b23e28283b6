"""Every order that can be given over the socket is in the audit, with who gave it."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from streamflow.daemon.routes import ROUTES
from tests.flow_bad.rig import FALLBACK, Daemon, Pair, Place, running_daemon, running_pair

ACTIONS = {
    "/v1/pause": "pause", "/v1/resume": "resume", "/v1/pace": "pace",
    "/v1/map/edit": "map.proposed", "/v1/map/confirm": "gate.map.confirmed",
    "/v1/owners/recheck": "owners.checked", "/v1/owners/fallback": "owners.fallback", "/v1/sample/accept": "gate.sample.accept",
    "/v1/sample/redo": "gate.sample.redo", "/v1/sample/discard": "gate.sample.discard", "/v1/queue/{id}/resolve": "queue.resolved",
    "/v1/cutover": "cutover.requested", "/v1/cutover/cancel": "cutover.cancelled", "/v1/verify": "verify",
    "/v1/rollback": "rollback.requested", "/v1/stop": "stop",
}  # fmt: skip


@pytest.fixture
def pair() -> Iterator[Pair]:
    with tempfile.TemporaryDirectory(prefix="sf") as folder:
        with running_pair(Path(folder) / "pair", "--records", "40", "--gates", "ask", "--search-lag", "0.2") as found:
            yield found


def order(daemon: Daemon, path: str, **body: Any) -> Any:
    """Give one order, which must be taken."""
    code, answer = daemon.ask("POST", path, body)
    assert code in (200, 202), (path, answer)
    return answer


def decide(daemon: Daemon) -> None:
    """Decide what blocks, as suggested."""
    for item in daemon.ask("GET", "/v1/queue")[1]["items"]:
        if item["suggested"]:
            order(daemon, f"/v1/queue/{quote(item['id'], safe='')}/resolve", decision=item["suggested"])


def to_sample(daemon: Daemon, *, times: int = 1) -> None:
    """Wait until the sample is shown, for the so-manieth time, deciding what stands before it."""

    def there(status: Any) -> bool:
        if status["queue"]["blocking"]:
            decide(daemon)
        # A sample that is to be removed stays in sight for a moment.
        shown = [line for line in daemon.said("gate.waiting") if line["gate"] == "sample"]
        return (status["gate"] or {}).get("name") == "sample" and len(shown) == times

    daemon.until(there, "the sample")


def test_every_order_is_in_the_audit(place: Place) -> None:
    """Through a whole life up to its rollback each order leaves an entry with the uid that the kernel told of the peer."""
    with running_daemon(place) as daemon:
        daemon.gate("map")
        for result in ("paused", "already_paused"):
            assert order(daemon, "/v1/pause", reason="lunch")["result"] == result
        order(daemon, "/v1/resume")
        order(daemon, "/v1/pace", platform="destination", rate_per_s=50)
        order(daemon, "/v1/map/edit", document=daemon.ask("GET", "/v1/map")[1]["document"])
        order(daemon, "/v1/map/confirm", digest=daemon.ask("GET", "/v1/map")[1]["digest"])
        daemon.gate("owners")
        order(daemon, "/v1/owners/recheck")
        order(daemon, "/v1/owners/fallback", email=FALLBACK)
        to_sample(daemon)
        order(daemon, "/v1/sample/redo")
        to_sample(daemon, times=2)
        order(daemon, "/v1/sample/accept")
        daemon.until(in_tail_at_rest(daemon), "the tail")
        order(daemon, "/v1/verify")
        daemon.until(in_tail_at_rest(daemon), "the tail")
        order(daemon, "/v1/cutover", freeze_confirmed=False)
        order(daemon, "/v1/cutover/cancel")
        daemon.until(in_tail_at_rest(daemon), "the tail")
        order(daemon, "/v1/cutover", dry_run=True)
        order(daemon, "/v1/rollback", dry_run=True)
        for _ in range(3):
            assert daemon.ask("POST", "/v1/rollback", {"confirm": "another"})[0] == 400
        place.line("rate_per_s", "rate_per_s = 45.0", section="[pace.destination]")
        daemon.signal(signal.SIGHUP)
        daemon.until(lambda _: bool(daemon.said("settings.reloaded")), "the new settings")
        order(daemon, "/v1/stop")
        assert daemon.end() == 0, daemon.words()
    with running_daemon(place) as daemon:
        daemon.until(lambda status: status["phase"] == "tail", "the tail")
        order(daemon, "/v1/rollback", confirm="sandbox")
        daemon.end()
    entries = place.audit()
    mine = {each["action"] for each in entries if each["actor"] == f"uid:{os.geteuid()}"}
    assert {route.path for route in ROUTES if route.method == "POST"} == ACTIONS.keys(), "a new order belongs into this test"
    assert set(ACTIONS.values()) - mine == {"gate.sample.discard"}
    assert {"cutover.checked", "rollback.planned"} <= mine, "what is only looked at beforehand is an order as well"
    given = [each["note"] for each in entries if each["action"] == "order.given" and each["actor"] == f"uid:{os.geteuid()}"]
    assert {note.split()[0] for note in given} == ACTIONS.keys() - {"/v1/sample/discard"}
    assert given.count("/v1/rollback scope=run dry_run=false confirm=withheld") == 4, "each is told, be it refused or repeated"
    refused = [(each["actor"], each["note"]) for each in entries if each["action"] == "order.refused"]
    assert refused == [(f"uid:{os.geteuid()}", "/v1/rollback: usage")] * 3
    assert given.count("/v1/pause reason=withheld") == 2, "one that finds it done already is an order too"
    assert [each["action"] for each in entries].index("order.given") < [each["action"] for each in entries].index("pause")
    assert "lunch" not in str(given)
    [reloaded] = [each for each in entries if each["action"] == "settings.reloaded"]
    assert (reloaded["actor"], reloaded["note"]) == ("signal:SIGHUP", "pace.destination.rate_per_s")
    assert {"rollback.done", "rollback.delete"} <= {each["action"] for each in entries}


def in_tail_at_rest(daemon: Daemon) -> Any:
    """Give the test for a tail in which nothing waits, deciding what does."""

    def there(status: Any) -> bool:
        if status["phase"] == "tail" and status["queue"]["open"]:
            decide(daemon)
        return status["phase"] == "tail" and (status["gate"] or {}).get("name") == "cutover"

    return there


def test_discarding_a_sample_is_in_the_audit(place: Place) -> None:
    """The same for the one order that begins anew."""
    place.edit(('map = "ask"', 'map = "auto"'))
    with running_daemon(place) as daemon:
        daemon.gate("owners")
        order(daemon, "/v1/owners/fallback", email=FALLBACK)
        to_sample(daemon)
        order(daemon, "/v1/sample/discard")
    mine = {each["action"] for each in place.audit() if each["actor"] == f"uid:{os.geteuid()}"}
    assert "gate.sample.discard" in mine


def test_settings_that_changed_between_two_starts_are_in_the_audit(place: Place) -> None:
    """Some decide what nobody is asked about: which are others than at the last start is told with who started it, and no value."""

    def start_and_stop() -> None:
        with running_daemon(place) as daemon:
            daemon.gate("map")
            daemon.signal(signal.SIGTERM)
            assert daemon.end() == 0, daemon.words()

    start_and_stop()
    start_and_stop()
    place.edit(('cutover = "ask"', 'cutover = "auto"'), ("watch_days = 0", "watch_days = 7"))
    start_and_stop()
    taken = [each for each in place.audit() if each["action"] == "settings.taken"]
    assert [each["note"] for each in taken] == ["as they stand at the first start", "cutover.watch_days, gates.cutover"]
    assert {each["actor"] for each in taken} == {f"uid:{os.geteuid()}"}
    assert {(each["before"], each["after"]) for each in taken} == {(None, None)}


def test_a_stop_by_a_signal_is_in_the_audit(place: Place) -> None:
    """Each says which signal it was; a disk that takes no entry neither holds the stop up nor makes it fail, and the log tells it."""
    order = place.dir / "disk"
    order.write_text("")
    for sent, word in ((signal.SIGINT, ""), (signal.SIGTERM, "full"), (signal.SIGTERM, "")):
        with running_daemon(place, by=(sys.executable, "-m", "tests.store.disk", str(order))) as daemon:
            daemon.gate("map")
            order.write_text(word)
            daemon.signal(sent)
            assert daemon.end() == 0, daemon.words()
            untold = [line for line in daemon.said("trouble") if "the audit was not told of SIGTERM" in line["message"]]
            assert len(untold) == bool(word), daemon.words()
        order.write_text("")
    stops = [each["actor"] for each in place.audit() if each["action"] == "stop"]
    assert stops == ["signal:SIGINT", "signal:SIGTERM"]
