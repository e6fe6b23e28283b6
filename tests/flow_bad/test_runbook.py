"""Faults as whoever is on call sees them: the figure that the runbook names moves while one lasts, and streamflow goes on after it."""

from __future__ import annotations

import http.client
import os
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.flow_bad.rig import Daemon, Pair, Place, Status, get, place_at, post, running_daemon, running_pair
from tests.judge.states import read_destination
from tests.runbook import assert_named, figures

OPTIONS = ("--records", "60", "--gates", "auto", "--search-lag", "0.2")
LAGS_S = 3.0
LAGGING = ("--records", "40", "--gates", "auto", "--search-lag", str(LAGS_S))
LT, NS = "leadtrekker", "nutshell"
REQUESTS = "streamflow_http_requests_total"
VERDICTS = "streamflow_http_verdicts_total"
IN_DOUBT = 'streamflow_in_doubt_intents{kind="contacts"}'
ASKED = 'streamflow_review_queue_items{blocking="false"}'
FAILED = 'streamflow_records{disposition="failed",kind="lead"}'
TWICE = "2025-10-26 02:30:00"
"""In Berlin: in that hour clocks were set back."""
BOOK_S = 0.5
"""What a picture tells of the ledger was read so long before at the most, and the clock is told in less."""
MANY = 50
"""Clients at one address."""
LEFT = ('streamflow_held_up{until="retry"}', 'streamflow_held_up{until="person"}', IN_DOUBT)
"""Figures that fall again when a fault is over, before there is another."""


@dataclass
class Scene:
    """A migration that follows changes, and what may be done to it."""

    pair: Pair
    daemon: Daemon
    people: int = 0

    def figure(self, series: str) -> float:
        """Scrape one series; 0 where it is not there."""
        return self.figures().get(series, 0.0)

    def figures(self) -> dict[str, float]:
        """Scrape all series."""
        return figures(self.daemon.status()["listen"]["metrics"])

    def counted_now(self) -> dict[str, float]:
        """Scrape all series as they are counted from now on: a scrape is kept for a second, and may be of before what was waited for."""
        found: dict[str, float] = {}
        asked = time.time() + BOOK_S

        def is_new(_: Status) -> bool:
            found.update(self.figures())
            return found["streamflow_snapshot_timestamp_seconds"] > asked

        self.daemon.until(is_new, "a scrape of now")
        return found

    def rises(self, series: str, before: float) -> None:
        """Wait until a series shows more than it did."""
        self.daemon.until(lambda _: self.figure(series) > before, f"{series} above {before}")

    def at_the_gate(self) -> None:
        """Wait until everything is carried over and only the switch is waited for."""
        def is_at_rest(status: Status) -> bool:
            return (status["gate"] or {}).get("name") == "cutover" and not any(each["backlog"] for each in status["streams"].values())

        self.daemon.until(is_at_rest, "the gate of the switch, with nothing left to do")

    def person(self, **more: Any) -> str:
        """Let somebody turn up in the source; gives the key."""
        self.people += 1
        values = {"name": f"Ada Number{self.people}", "email": f"ada{self.people}@example.com", **more}
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

    def causes(self) -> set[str]:
        """Give what questions are about."""
        return {item["cause"] for item in self.daemon.ask("GET", "/v1/queue")[1]["items"]}

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
    ("F-21", FAILED, destination(poison={"match": "POST /rest/contacts"})),
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
    assert_named(fault, series)
    before = scene.counted_now().get(series, 0.0)
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
    assert_named("F-19", ASKED)
    key, _ = scene.person_on_both_sides()
    before = scene.counted_now()[ASKED]
    post(scene.pair.source_admin + "act", {"do": "delete", "kind": "leads", "id": key})
    scene.rises(ASKED, before)


def test_what_people_do_in_the_destination_shows_in_the_queue(scene: Scene) -> None:
    """F-26: a field that a person changed there and the source changes too is one more item that blocks nothing, and theirs stays."""
    assert_named("F-26", ASKED)
    key, theirs = scene.person_on_both_sides()
    before = scene.counted_now()[ASKED]
    scene.pair.act(do="edit", kind="contacts", id=theirs, values={"name": "Ada Byron"})
    post(scene.pair.source_admin + "act", {"do": "edit", "kind": "leads", "id": key, "values": {"name": "Ada Lovelace"}})
    scene.rises(ASKED, before)
    assert "Byron" in str(read_destination(scene.pair.destination_admin).of("contacts")[theirs])


def test_one_record_that_is_refused_shows_alone(scene: Scene) -> None:
    """F-24, F-32: of two people who turn up together one is refused: one failed, one item that blocks nothing, and the other moved."""
    for fault, series in (("F-24", FAILED), ("F-32", ASKED)):
        assert_named(fault, series)
    scene.at_the_gate()
    before = scene.counted_now()
    scene.pair.destination(poison={"match": "POST /rest/contacts", "body": f"ada{scene.people + 1}@"})
    try:
        scene.person()
        scene.person_on_both_sides()
        for series in (ASKED, FAILED):
            scene.rises(series, before[series])
            assert scene.figure(series) == before[series] + 1
    finally:
        scene.pair.destination(poison=None)


def test_what_shows_late_is_measured(scene: Scene) -> None:
    """F-18: where lists begin to show changes seconds later, the figure says by how much once a quicker one told the clocks apart."""
    series = 'streamflow_source_shown_late_seconds{kind="lead"}'
    assert_named("F-18", series)
    assert scene.figure(series) == 0
    scene.person_on_both_sides()
    scene.pair.source(late_visibility_s=5)
    try:
        scene.person()
        scene.person_on_both_sides()      # one alone may be a row that moved
    finally:
        scene.pair.source(late_visibility_s=0)
    scene.person_on_both_sides()
    scene.rises(series, 1.0)      # more than is configured here
    assert scene.figure(series) <= 10


def test_an_attempt_at_the_switch_shows_until_it_is_taken_back(scene: Scene) -> None:
    """F-36: a cutover that is ordered before anybody has stopped is its phase, and a wait at its gate, until it is cancelled."""
    phase, gate = 'streamflow_phase{phase="cutover"}', 'streamflow_gate_waiting{gate="freeze"}'
    for series in (phase, gate):
        assert_named("F-36", series)
        assert scene.figure(series) == 0
    scene.at_the_gate()
    assert scene.daemon.ask("POST", "/v1/cutover", {})[1]["result"] == "started"
    scene.rises(gate, 0.0)
    assert scene.figure(phase) == 1
    assert scene.daemon.ask("POST", "/v1/cutover", {})[1]["result"] != "started", "twice is once"
    assert scene.daemon.ask("POST", "/v1/cutover/cancel", {})[1]["result"] == "cancelled"
    scene.at_the_gate()
    scene.daemon.until(lambda _: scene.figure(phase) == scene.figure(gate) == 0, "figures that fell again")


def test_settings_that_are_not_taken_show_as_a_warning(scene: Scene) -> None:
    """F-34: SIGHUP with a file that is none changes nothing and is one warning more."""
    series = 'streamflow_log_lines_total{level="warning"}'
    assert_named("F-34", series)
    config = scene.daemon.place.config
    good, before = config.read_text(encoding="utf-8"), scene.counted_now().get(series, 0.0)
    config.write_text("[[[", encoding="utf-8")
    try:
        scene.daemon.signal(signal.SIGHUP)
        scene.rises(series, before)
    finally:
        config.write_text(good, encoding="utf-8")


def test_a_flood_of_the_socket_shows_in_the_open_files(scene: Scene) -> None:
    """F-35: clients that begin to ask and hold the line are so many open files more, and none once they are gone."""
    assert_named("F-35", "process_open_fds")
    before = scene.figure("process_open_fds")
    with ExitStack() as held:
        for _ in range(MANY):
            client = held.enter_context(socket.socket(socket.AF_UNIX))
            client.connect(str(scene.daemon.place.socket))
            client.sendall(b"GET /v1/status HTTP/1.1\r\nHo")
        scene.rises("process_open_fds", before + MANY / 2)
    scene.daemon.until(lambda _: scene.figure("process_open_fds") < before + MANY / 2, "files that are closed")


@contextmanager
def scrapers(address: str) -> Iterator[None]:
    """Scrape without a pause from many sides while the block runs."""
    is_over = threading.Event()

    def scrape() -> None:
        with closing(http.client.HTTPConnection(address, timeout=60.0)) as asked:
            while not is_over.is_set():
                asked.request("GET", "/metrics")
                asked.getresponse().read()

    threads = [threading.Thread(target=scrape, daemon=True) for _ in range(MANY)]
    for each in threads:
        each.start()
    try:
        yield
    finally:
        is_over.set()
        for each in threads:
            each.join()


def test_a_storm_of_scrapes_shows_in_the_open_files(scene: Scene) -> None:
    """F-43: scrapers without a pause are open files, and let a scrape wait for seconds, which Prometheus notes by itself."""
    assert_named("F-43", "process_open_fds")
    assert_named("F-43", "scrape_duration_seconds")
    before = scene.figure("process_open_fds")
    with scrapers(scene.daemon.status()["listen"]["metrics"]):
        scene.rises("process_open_fds", before + MANY / 2)
        began = time.monotonic()
        scene.figures()
        assert time.monotonic() - began > 1.0


def test_a_process_that_stood_still_shows_by_its_silence(scene: Scene) -> None:
    """F-37: while a process is stopped no scrape is answered, and right after it the figure says how late the loop woke up."""
    series = "streamflow_event_loop_lag_seconds"
    assert_named("F-37", series)
    address = scene.daemon.status()["listen"]["metrics"]
    assert scene.figure(series) < 1.0
    scene.daemon.signal(signal.SIGSTOP)
    try:
        with pytest.raises(TimeoutError):
            figures(address, timeout_s=3.0)
    finally:
        scene.daemon.signal(signal.SIGCONT)
    scene.rises(series, 1.0)


def test_what_voids_the_map_shows_at_its_gate(scene: Scene) -> None:
    """F-20: a used field that is renamed in the destination opens the gate of the map again."""
    series = 'streamflow_gate_waiting{gate="map"}'
    assert_named("F-20", series)
    scene.at_the_gate()
    rename = {"do": "rename_custom_field", "kind": "contacts"}
    post(scene.pair.destination_admin + "act", {**rename, "values": {"name": "Streamflow ID", "to": "Old ID"}})
    scene.rises(series, 0.0)
    assert scene.figure('streamflow_phase{phase="map"}') == 1
    assert_named("F-20", 'streamflow_phase{phase="map"}')


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
        assert_named(fault, series)
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


def lost_answer(pair: Pair) -> None:
    """Wait until the destination has carried out a write that it does not answer."""
    deadline = time.monotonic() + 60.0
    while not get(pair.destination_admin + "log")["faults"].get("hang"):
        assert time.monotonic() < deadline, "no write hangs"
        time.sleep(0.05)


def test_what_a_start_finds_shows() -> None:
    """
    F-02, F-03, F-23, F-11: a lag that was measured, a write that the next start looks for, and a state that is lost.

    The process is killed behind the destination's commit; the next one looks for the write as soon as it is answered, and makes it once.
    """
    lag, probe, read = "streamflow_dest_search_lag_seconds", 'streamflow_phase{phase="probe"}', 'streamflow_records_read_total{kind="lead"}'
    for fault, series in (("F-03", lag), ("F-23", lag), ("F-02", IN_DOUBT), ("F-11", probe), ("F-11", "streamflow_records_read_total")):
        assert_named(fault, series)
    with tempfile.TemporaryDirectory(prefix="sf") as folder, running_pair(Path(folder) / "pair", *LAGGING) as pair:
        place = place_at(Path(folder) / "p", pair).edit(('cutover = "auto"', 'cutover = "ask"'))
        with running_daemon(place) as daemon:
            daemon.gate("cutover")
            scene = Scene(pair, daemon)
            scene.at_the_gate()
            assert LAGS_S <= scene.figure(lag) <= 4 * LAGS_S
            pair.destination(hang={"path": "POST /rest/contacts", "after": True, "times": 1, "delay_s": 60})
            scene.person()
            lost_answer(pair)
            daemon.signal(signal.SIGKILL)
            assert daemon.end() == -signal.SIGKILL
        pair.destination(hang=None, fail_5xx={"status": 503})      # what is looked for is not found before it was seen to be
        with running_daemon(place) as daemon:
            scene.daemon = daemon
            scene.rises(IN_DOUBT, 0.0)
            pair.destination(fail_5xx=None)
            daemon.until(lambda _: scene.figure(IN_DOUBT) == 0, "a write that was found")
            scene.at_the_gate()
            contacts = read_destination(pair.destination_admin).of("contacts")
            assert sum("ada1@example.com" in str(row) for row in contacts.values()) == 1
            before = scene.counted_now()
            daemon.signal(signal.SIGTERM)
            assert daemon.end() == 0
        shutil.rmtree(place.state)
        with running_daemon(place) as daemon:
            scene.daemon = daemon
            scene.rises(probe, 0.0)
            anew = scene.figures()
            assert anew.get(read, 0.0) < before[read]
            assert anew["streamflow_ledger_bytes"] < before["streamflow_ledger_bytes"]
            daemon.gate("cutover")
            assert any(item["cause"] == "made_before" for item in daemon.ask("GET", "/v1/queue")[1]["items"])


def test_odd_times_a_stage_that_hangs_and_platforms_that_are_gone_show() -> None:
    """
    F-17, F-33, F-28: a time that is twice in its zone, what waits while nothing becomes durable, and hosts that nobody answers at.

    First a person who was entered in the hour that comes twice; then a write that never comes back in a daemon that is otherwise well;
    then, at the next start, both platforms end.
    """
    backlog, age = "streamflow_backlog_records", "streamflow_checkpoint_age_seconds"
    unanswered = f'{REQUESTS}{{code_class="none",platform="{LT}"}}'
    for fault, series in (("F-17", ASKED), ("F-33", backlog), ("F-33", age), ("F-28", unanswered)):
        assert_named(fault, series)
    with tempfile.TemporaryDirectory(prefix="sf") as folder, ExitStack() as platforms:
        pair = platforms.enter_context(running_pair(Path(folder) / "pair", *OPTIONS))
        place = place_at(Path(folder) / "p", pair).edit(('cutover = "auto"', 'cutover = "ask"'))
        place.line("timezone", 'timezone = "Europe/Berlin"')
        order = place.dir / "hang"
        with running_daemon(place, by=(sys.executable, "-m", "tests.flow_bad.hanging", str(order))) as daemon:
            daemon.gate("cutover")
            scene = Scene(pair, daemon)
            scene.at_the_gate()
            before = scene.counted_now()
            scene.person(created=TWICE)
            daemon.until(lambda _: "ambiguous_time" in scene.causes(), "a question about the time")
            scene.rises(ASKED, before[ASKED])
            scene.at_the_gate()
            assert scene.figure(age) < 5.0
            order.touch()
            scene.person()
            scene.rises(age, 8.0)
            assert scene.figure(f'{backlog}{{kind="lead"}}') == 1
        with running_daemon(place) as daemon:
            scene.daemon = daemon
            scene.at_the_gate()
            assert scene.figure(age) < 5.0
            before = scene.counted_now()
            platforms.close()
            scene.rises(unanswered, before[unanswered])
