"""Faults as whoever is on call sees them: the figure that the runbook names moves while one lasts, and streamflow goes on after it."""

from __future__ import annotations

import os
import re
import signal
import tempfile
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.flow_bad.rig import Daemon, Pair, Place, Status, place_at, post, running_daemon, running_pair
from tests.hanging import HUNG_S
from tests.judge.states import read_destination
from tests.runbook import ROWS

OPTIONS = ("--records", "60", "--gates", "auto", "--search-lag", "0.2")
LT, NS = "leadtrekker", "nutshell"
REQUESTS = "streamflow_http_requests_total"
VERDICTS = "streamflow_http_verdicts_total"
IN_DOUBT = 'streamflow_in_doubt_intents{kind="contacts"}'
LEFT = ('streamflow_held_up{until="retry"}', 'streamflow_held_up{until="person"}', IN_DOUBT)
"""Figures that fall again when a fault is over, before there is another."""
SEE = {row.id: row.see for row in ROWS}


@dataclass
class Scene:
    """A migration that follows changes, and what may be done to it."""

    pair: Pair
    daemon: Daemon
    people: int = 0

    def figure(self, series: str) -> float:
        """Scrape one series; 0 where it is not there."""
        at = self.daemon.status()["listen"]["metrics"]
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(f"http://{at}/metrics", timeout=HUNG_S) as answer:
            found = re.search(rf"^{re.escape(series)} (\S+)$", answer.read().decode(), re.MULTILINE)
        return float(found[1]) if found else 0.0

    def rises(self, series: str, before: float) -> None:
        """Wait until a series shows more than it did."""
        self.daemon.until(lambda _: self.figure(series) > before, f"{series} above {before}")

    def at_the_gate(self) -> None:
        """Wait until everything is carried over and only the switch is waited for."""
        def is_at_rest(status: Status) -> bool:
            return (status["gate"] or {}).get("name") == "cutover" and not any(each["backlog"] for each in status["streams"].values())

        self.daemon.until(is_at_rest, "the gate of the switch, with nothing left to do")

    def person(self) -> str:
        """Let somebody turn up in the source; gives the key."""
        self.people += 1
        values = {"name": f"Ada Number{self.people}", "email": f"ada{self.people}@example.com"}
        return str(post(self.pair.source_admin + "act", {"do": "create", "kind": "leads", "values": values})["id"])

    def person_on_both_sides(self) -> tuple[str, str]:
        """Let somebody turn up in the source and be moved; gives the key there and the id in the destination."""
        key, found = self.person(), list[str]()

        def is_there(_: Status) -> bool:
            rows = read_destination(self.pair.destination_admin).of("contacts")
            found[:] = [each for each, row in rows.items() if f"ada{self.people}@example.com" in str(row)]
            return bool(found)

        self.daemon.until(is_there, "the person in the destination")
        self.at_the_gate()
        return key, found[0]

    def decide(self, cause: str, decision: str) -> None:
        """Answer what is asked for one cause."""
        for item in self.daemon.ask("GET", "/v1/queue")[1]["items"]:
            if item["cause"] == cause:
                self.daemon.ask("POST", f"/v1/queue/{item['id']}/resolve", {"decision": decision})


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    with tempfile.TemporaryDirectory(prefix="sf") as folder, running_pair(Path(folder) / "pair", *OPTIONS) as pair:
        place = place_at(Path(folder) / "p", pair).edit(('cutover = "auto"', 'cutover = "ask"'))
        with running_daemon(place) as daemon:
            daemon.gate("cutover")
            yield Scene(pair, daemon)


def named(fault: str, series: str) -> None:
    """See that the row of the runbook names that figure, with the label that tells it apart."""
    name, _, labels = series.partition("{")
    assert name in SEE[fault], (fault, name)
    told = re.findall(rf"{name}\{{(\w+=\"\w+\")\}}", SEE[fault])
    assert not told or any(each in labels for each in told), (fault, series, told)


Strike = Callable[[Scene], None]


def source(**switches: Any) -> Strike:
    return lambda scene: scene.pair.source(**switches)


def destination(**switches: Any) -> Strike:
    def strike(scene: Scene) -> None:
        scene.pair.destination(**switches)
        scene.person()

    return strike


CASES = [
    ("F-12", f'{REQUESTS}{{code_class="5xx",platform="{LT}"}}', source(fail_5xx={"status": 503})),
    ("F-13", f'{REQUESTS}{{code_class="none",platform="{LT}"}}', source(reset_before={"times": 3})),
    ("F-13", f'{VERDICTS}{{platform="{LT}",verdict="transient"}}', source(half_close={"times": 3})),
    ("F-14", f'{VERDICTS}{{platform="{LT}",verdict="transient"}}', source(html_200={})),
    ("F-21", 'streamflow_records{disposition="failed",kind="lead"}', destination(poison={"match": "POST /rest/contacts"})),
    ("F-21", f'{VERDICTS}{{platform="{NS}",verdict="invalid"}}', destination(poison={"match": "POST /rest/contacts"})),
    ("F-22", 'streamflow_review_queue_items{blocking="true"}', destination(deny={"match": "POST /rest/contacts", "status": 402})),
    ("F-22", f'{VERDICTS}{{platform="{NS}",verdict="plan"}}', destination(deny={"match": "POST /rest/contacts", "status": 402})),
    ("F-22", 'streamflow_held_up{until="retry"}', destination(deny={"status": 403})),
    ("F-22", f'{VERDICTS}{{platform="{NS}",verdict="forbidden"}}', destination(deny={"status": 403})),
    ("F-25", f'{VERDICTS}{{platform="{NS}",verdict="uncertain"}}', destination(garble_after={"match": "POST /rest/contacts", "times": 2})),
    ("F-25", IN_DOUBT, destination(reset_before={"match": "POST /rest/contacts", "times": 3})),
    ("F-27", f'streamflow_auth_failures_total{{platform="{NS}"}}', destination(deny={"status": 401})),
    ("F-27", 'streamflow_held_up{until="retry"}', destination(deny={"status": 401})),
    ("F-30", f'{REQUESTS}{{code_class="none",platform="{NS}"}}', destination(hang={"match": "GET", "times": 2})),
    ("F-31", f'{VERDICTS}{{platform="{LT}",verdict="protocol"}}', source(swell={"match": "getnotes"})),
]


@pytest.mark.parametrize(("fault", "series", "strike"), CASES, ids=[f"{fault}-{series}" for fault, series, _ in CASES])
def test_a_fault_of_a_platform_shows_where_the_runbook_says(scene: Scene, fault: str, series: str, strike: Strike) -> None:
    """While the fault lasts the figure that its row names rises; when it is over, everything is carried over without more ado."""
    named(fault, series)
    before = scene.figure(series)
    strike(scene)
    try:
        scene.rises(series, before)
    finally:
        struck = ("fail_5xx", "reset_before", "half_close", "html_200", "swell", "poison", "deny", "garble_after", "hang")
        scene.pair.source(**dict.fromkeys(struck))
        scene.pair.destination(**dict.fromkeys(struck))
    scene.decide("plan_limit", "retry")
    scene.at_the_gate()
    for left in LEFT:
        scene.daemon.until(lambda _, left=left: scene.figure(left) == 0, f"{left} that fell again")


def test_what_is_gone_from_the_source_shows_in_the_queue(scene: Scene) -> None:
    """F-19: a record that vanished in the source is one more item that blocks nothing."""
    series = 'streamflow_review_queue_items{blocking="false"}'
    named("F-19", series)
    key, _ = scene.person_on_both_sides()
    before = scene.figure(series)
    post(scene.pair.source_admin + "act", {"do": "delete", "kind": "leads", "id": key})
    scene.rises(series, before)


def test_what_people_do_in_the_destination_shows_in_the_queue(scene: Scene) -> None:
    """F-26: a field that a person changed there and the source changes too is one more item that blocks nothing, and theirs stays."""
    series = 'streamflow_review_queue_items{blocking="false"}'
    named("F-26", series)
    key, theirs = scene.person_on_both_sides()
    before = scene.figure(series)
    scene.pair.act(do="edit", kind="contacts", id=theirs, values={"name": "Ada Byron"})
    post(scene.pair.source_admin + "act", {"do": "edit", "kind": "leads", "id": key, "values": {"name": "Ada Lovelace"}})
    scene.rises(series, before)
    assert "Byron" in str(read_destination(scene.pair.destination_admin).of("contacts")[theirs])


def test_what_voids_the_map_shows_at_its_gate(scene: Scene) -> None:
    """F-20: a used field that is renamed in the destination opens the gate of the map again."""
    series = 'streamflow_gate_waiting{gate="map"}'
    named("F-20", series)
    scene.at_the_gate()
    rename = {"do": "rename_custom_field", "kind": "contacts"}
    post(scene.pair.destination_admin + "act", {**rename, "values": {"name": "Streamflow ID", "to": "Old ID"}})
    scene.rises(series, 0.0)
    assert scene.figure('streamflow_phase{phase="map"}') == 1
    named("F-20", 'streamflow_phase{phase="map"}')


@pytest.fixture
def place() -> Iterator[tuple[Pair, Place]]:
    with tempfile.TemporaryDirectory(prefix="sf") as folder, running_pair(Path(folder) / "pair", *OPTIONS) as pair:
        yield pair, place_at(Path(folder) / "p", pair).edit(('cutover = "auto"', 'cutover = "ask"'))


def test_what_strikes_the_process_shows_in_what_follows(place: tuple[Pair, Place]) -> None:
    """
    F-01, F-38, F-42: another start, a rollback that goes on over it, and lines that nobody read, each where its row says.

    The second daemon writes its log into a pipe that nobody holds open for reading.
    """
    pair, at = place
    started, lost, phase = "process_start_time_seconds", "streamflow_log_lines_lost_total", 'streamflow_phase{phase="rollback"}'
    for fault, series in (("F-01", started), ("F-42", lost), ("F-38", phase)):
        named(fault, series)
    with running_daemon(at) as daemon:
        daemon.gate("cutover")
        scene = Scene(pair, daemon)
        first = scene.figure(started)
        assert scene.figure(lost) == 0
        pair.destination(latency_ms=1000)     # longer than anybody looks; it is let go at the end
        assert daemon.ask("POST", "/v1/rollback", {"confirm": "sandbox"})[1]["result"] == "started"
        scene.rises(phase, 0.0)
        daemon.signal(signal.SIGKILL)
        assert daemon.end() == -signal.SIGKILL
    reader, writer = os.pipe2(os.O_CLOEXEC)
    os.close(reader)
    try:
        with running_daemon(at, output=writer) as daemon:
            scene = Scene(pair, daemon)
            daemon.until(lambda status: status["phase"] == "rollback", "the rollback that goes on")
            scene.rises(phase, 0.0)
            scene.rises(started, first)
            scene.rises(lost, 0.0)
            pair.destination(latency_ms=0)
            assert daemon.end() == 0
    finally:
        os.close(writer)
