"""Every number that is shown, against the ledger and against what really happened, on whole runs by real processes."""

from __future__ import annotations

import json
import re
import signal
import sqlite3
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.flow_bad.rig import Daemon, Pair, Place, Status, place_at, running_daemon, running_pair

THROTTLED = {"match": "POST /rest/", "times": 1, "delay_s": 3}
"""One write is refused for 3 s; it is offered again sooner, so it waits in line while the platform is closed."""
LOST = {"match": "POST /rest/", "times": 12}
"""So many that one is still in doubt when the figures are taken: on a machine at rest each is settled at once."""
OPTIONS = ("--records", "60", "--gates", "auto", "--search-lag", "0.2", "--life", "2")
DISPOSITIONS = ("created", "updated", "merged", "matched", "filtered", "flagged", "failed")
LINES = DISPOSITIONS[:4]
STEADY = {
    "streamflow_build_info": "what is running does not change",
    "streamflow_checkpoint_resumable": "always 1 while the ledger can be written; a daemon that cannot write it ends",
    "streamflow_queue_depth_batches": "so small an account has no batch that waits; rises by tests/daemon/test_picture.py",
    "streamflow_audit_chain_ok": "falls to 0 by test_a_changed_audit_is_alerted",
    "streamflow_cutover_overdue": "rises by tests/daemon/test_picture.py",
    "streamflow_held_up": "nothing pauses a good run; rises by tests/flow_bad/test_runbook.py",
    "streamflow_log_lines_lost_total": "whoever reads this log takes every line; rises by tests/flow_bad/test_runbook.py",
    "streamflow_source_shown_late_seconds": "this source shows everything at once; measured by tests/migration/test_horizon.py",
    "streamflow_stream_stopped": "this source keeps to its contract; rises by tests/flow_bad/test_lies.py",
    "streamflow_in_doubt_asked_items": "the lag is measured, so nobody need be asked; rises by tests/daemon/test_picture.py",
    "streamflow_duplicates_detected_total": "rises by tests/daemon/test_picture.py",
}
"""What one good run cannot move, and where it is moved."""


@dataclass
class Scraper:
    """Asks the metrics of a daemon as often as it can and keeps every value that each series showed."""

    values: dict[str, set[float]] = field(default_factory=dict)
    first: str = ""
    last: str = ""
    address: str = ""
    stopped: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Scrape until stopped; a daemon that is gone is no failure."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        while not self.stopped.wait(0.1):
            try:
                with opener.open(f"http://{self.address}/metrics", timeout=5.0) as answer:
                    self.last = answer.read().decode()
            except (OSError, urllib.error.URLError):
                continue
            self.first = self.first or self.last
            for series, value in re.findall(r"^(\w+(?:\{.*\})?) (\S+)$", self.last, re.MULTILINE):
                self.values.setdefault(series, set()).add(float(value))

    def moved(self, name: str) -> bool:
        """Say whether any series of this name showed two values, or turned up when there was something to tell."""
        is_late = bool(self.first) and f"\n{name}" not in self.first and f"\n{name}" in self.last
        return is_late or any(len(found) > 1 for series, found in self.values.items() if series.partition("{")[0] == name)

    def total(self, name: str) -> float:
        """Give the sum of the highest values of all series of this name."""
        return sum(max(found) for series, found in list(self.values.items()) if series.partition("{")[0] == name)

    def most(self, series: str) -> float:
        """Give the highest value of one series."""
        return max(self.values.get(series, {0.0}))


@contextmanager
def scraping(daemon: Daemon) -> Iterator[Scraper]:
    """Scrape a daemon while the block runs."""
    scraper = Scraper(address=daemon.until(lambda status: bool(status["listen"]["metrics"]), "metrics")["listen"]["metrics"])
    thread = threading.Thread(target=scraper.run, daemon=True)
    thread.start()
    try:
        yield scraper
    finally:
        scraper.stopped.set()
        thread.join()


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    """A pair whose people keep working; all gates are open but the last."""
    with tempfile.TemporaryDirectory(prefix="sf") as folder, running_pair(Path(folder) / "pair", *OPTIONS) as found:
        text = found.config.read_text(encoding="utf-8")
        found.config.write_text(text.replace('cutover = "auto"', 'cutover = "ask"'), encoding="utf-8")
        yield found


@dataclass(frozen=True)
class Run:
    """A run that came to the gate of the cutover and was stopped there in order."""

    place: Place
    scraper: Scraper
    status: dict[str, object]
    shown: str
    line: str


@pytest.fixture(scope="module")
def run(pair: Pair) -> Iterator[Run]:
    """Move an account through throttling, lost answers and slow ones, watching every figure."""
    with tempfile.TemporaryDirectory(prefix="sf") as folder:
        place = place_at(Path(folder) / "p", pair)
        pair.destination(latency_ms=20)
        with running_daemon(place) as daemon, scraping(daemon) as scraper:
            daemon.until(lambda status: status["phase"] == "tail", "tail", timeout_s=120.0)
            pair.destination(throttle=THROTTLED, reset_after=LOST)      # what people go on doing is written at any speed
            daemon.until(lambda _: scraper.most('streamflow_http_throttled_total{platform="nutshell"}') > 0, "a 429")
            daemon.until(lambda _: scraper.total("streamflow_in_doubt_intents") > 0, "a write in doubt")
            post_freeze(pair)
            daemon.gate("cutover")
            good = place.config.read_text(encoding="utf-8")
            place.config.write_text("[[[", encoding="utf-8")
            daemon.signal(signal.SIGHUP)
            daemon.until(lambda _: scraper.most('streamflow_log_lines_total{level="warning"}') > 0, "a warning")
            place.config.write_text(good, encoding="utf-8")
            daemon.until(lambda _: scraper.most('streamflow_gate_waiting{gate="cutover"}') > 0, "the gate in the metrics")
            status = stopped_at_rest(daemon, place)
            shown, line = place.cli("status").out, place.cli("status", "--json").out
            daemon.until(lambda _: tells_of_the_end(scraper, place), "a scrape of the rest")
            daemon.signal(signal.SIGTERM)
            assert daemon.end() == 0, daemon.words()
        yield Run(place=place, scraper=scraper, status=dict(status), shown=shown, line=line)


def post_freeze(pair: Pair) -> None:
    """Let people stop, so that the account comes to rest."""
    request = urllib.request.Request(pair.source_admin + "freeze", b'{"on": true}', {"Content-Type": "application/json"})
    urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=10.0).close()


def stopped_at_rest(daemon: Daemon, place: Place) -> Status:
    """
    Pause a daemon that has nothing left to do, and give the status of it.

    That is a moment's word in the tail: what the next poll brought in before the pause is let through, and the pause asked for again.
    """
    while True:
        daemon.until(
            lambda status: (status["gate"] or {}).get("name") == "cutover" and not unsettled(status, place), "rest", timeout_s=60.0,
        )  # fmt: skip
        daemon.ask("POST", "/v1/pause", {"reason": "counting"})
        daemon.until(Quiet(), "quiet beneath the pause")
        status = daemon.status()
        if not unsettled(status, place):
            return status
        daemon.ask("POST", "/v1/resume")


def unsettled(status: Status, place: Place) -> int:
    """Count what is pending, and the writes whose outcome is still looked for."""
    with closing(sqlite3.connect(f"file:{place.state / 'ledger.sqlite'}?mode=ro", uri=True)) as book:
        [(writes,)] = book.execute("SELECT count(*) FROM intent WHERE state IN ('meant', 'in_doubt')")
    return sum((each["backlog"] for each in status["streams"].values()), int(writes))


class Quiet:
    """Says of statuses, one after another, whether a paused daemon ended what was under way: no call is out, and no number moves."""

    FOR_S = 3.0    # a status is counted anew each second

    def __init__(self) -> None:
        self._seen: object = None
        self._since = 0.0

    def __call__(self, status: Status) -> bool:
        counts = ("read", "staged", "verified", "backlog", *DISPOSITIONS)
        counted = [stream[name] for stream in status["streams"].values() for name in counts]
        seen = (counted, status["queue"], status["calls"])
        is_idle = status["state"] == "paused" and not any(each["in_flight"] for each in status["pace"].values())
        if not is_idle or seen != self._seen:
            self._seen, self._since = seen, time.monotonic()
        return is_idle and time.monotonic() - self._since > self.FOR_S


def tells_of_the_end(scraper: Scraper, place: Place) -> bool:
    """Say whether the last scrape was counted after the pause, which is the audit's last entry."""
    with closing(sqlite3.connect(f"file:{place.state / 'ledger.sqlite'}?mode=ro", uri=True)) as book:
        [(entries,)] = book.execute("SELECT count(*) FROM audit")
    told = (f"streamflow_audit_entries_total {entries:.1f}", 'streamflow_state{state="paused"} 1.0')
    return all(f"\n{line}\n" in scraper.last for line in told)


def test_every_metric_moves(run: Run) -> None:
    """Each figure that the page of metrics names was seen to change in a real run, or is on the short list with its own test."""
    page = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text(encoding="utf-8")
    names = set(re.findall(r"^\| `(streamflow_\w+)`", page, re.MULTILINE))
    histogram = {"streamflow_http_request_duration_seconds": "streamflow_http_request_duration_seconds_count"}
    unmoved = {name for name in names - STEADY.keys() if not run.scraper.moved(histogram.get(name, name))}
    assert unmoved <= {"streamflow_auth_failures_total"}, unmoved
    assert set(STEADY) <= names


def test_metrics_say_what_is_so(run: Run) -> None:
    """At rest the last scrape tells what the ledger, the disk and the status tell."""
    last = {series: float(value) for series, value in re.findall(r"^(\w+(?:\{.*\})?) (\S+)$", run.scraper.last, re.MULTILINE)}
    with sqlite3.connect(f"file:{run.place.state / 'ledger.sqlite'}?mode=ro", uri=True) as book:
        [(entries,)] = book.execute("SELECT count(*) FROM audit WHERE json_extract(entry, '$.action') <> 'stop'")
        [(items, blocking)] = book.execute("SELECT count(*), coalesce(sum(blocking), 0) FROM item WHERE state = 'open'")
        fields = Counter[tuple[str, str]]()
        for kind, verdicts, links in book.execute("SELECT dest_kind, verdicts, links FROM shape"):
            fields.update({(kind, verdict): links * count for verdict, count in Counter(json.loads(verdicts).values()).items()})
    assert abs(last["streamflow_audit_entries_total"] - entries) <= 1
    assert last['streamflow_review_queue_items{blocking="true"}'] == blocking
    assert last['streamflow_review_queue_items{blocking="false"}'] == items - blocking
    assert last["streamflow_ledger_bytes"] > 100_000
    assert last["streamflow_disk_free_bytes"] > 0
    assert 0 < last["streamflow_dest_search_lag_seconds"] <= 60
    for (kind, verdict), count in fields.items():
        assert last[f'streamflow_verification_fields{{kind="{kind}",verdict="{verdict}"}}'] == count
    streams = run.status["streams"]
    assert isinstance(streams, dict)
    for kind, stream in streams.items():
        for name in DISPOSITIONS:
            assert last[f'streamflow_records{{disposition="{name}",kind="{kind}"}}'] == stream[name]
        assert last[f'streamflow_records_read_total{{kind="{kind}"}}'] == stream["read"]
        assert last[f'streamflow_records_verified{{kind="{kind}"}}'] == stream["verified"]
        assert last[f'streamflow_backlog_records{{kind="{kind}"}}'] == stream["backlog"] == 0
        assert last[f'streamflow_delta_lag_seconds{{kind="{kind}"}}'] == 0
    assert run.scraper.total("streamflow_in_doubt_intents") > 0
    assert last['streamflow_http_throttled_total{platform="nutshell"}'] == 1
    for why in ("rate", "closed"):
        assert run.scraper.most(f'streamflow_throttled_seconds_total{{platform="nutshell",reason="{why}"}}') > 0, why


def test_status_is_the_ledger_s(run: Run) -> None:
    """Read, dispositions, backlog, verified, queue: each number is what counting the ledger record by record gives, nothing is in two."""
    with sqlite3.connect(f"file:{run.place.state / 'ledger.sqlite'}?mode=ro", uri=True) as book:
        records = book.execute("SELECT kind, key, state, disposition FROM record").fetchall()
        links = book.execute("SELECT kind, key, verified FROM link").fetchall()
        [(items,)] = book.execute("SELECT count(*) FROM item WHERE state = 'open'")
    ill = {(kind, key) for kind, key, verified in links if verified != "verified"}
    streams = run.status["streams"]
    assert isinstance(streams, dict)
    assert set(streams) == {kind for kind, *_ in records}
    for kind, stream in streams.items():
        own = [each for each in records if each[0] == kind]
        assert stream["read"] == len(own)
        for name in DISPOSITIONS:
            assert stream[name] == sum(disposition == name and state != "pending" for _, _, state, disposition in own), (kind, name)
        assert stream["backlog"] == sum(state == "pending" or not disposition for _, _, state, disposition in own)
        assert sum(stream[name] for name in DISPOSITIONS) + stream["backlog"] == stream["read"], kind
        assert stream["verified"] == sum(
            disposition in LINES and state != "pending" and (kind, key) not in ill for _, key, state, disposition in own
        )
        assert stream["staged"] == sum(state == "pending" for _, _, state, _ in own)
        assert (stream["lag_s"], stream["eta_s"]) == (0.0, 0.0)
    assert run.status["queue"]["open"] == items  # type: ignore[index]


def test_what_people_see_is_the_status(run: Run) -> None:
    """The table for people and the line for logs show the numbers of the document, kinds in the order in which they are moved."""
    document = json.loads(run.line)
    rows = {line.split()[0]: line.split()[1:] for line in run.shown.splitlines() if line.split() and line.split()[0] in document["streams"]}
    order = [name for name in ("company", "lead", "note", "call", "email", "reminder", "attachment") if name in rows]
    assert [name for name in rows if name in order] == order
    assert list(rows)[: len(order)] == order, "what is only looked up comes last"
    for kind, cells in rows.items():
        stream = document["streams"][kind]
        shown = [int(cell.replace(",", "")) for cell in cells[:-2]]
        assert shown == [stream[name] for name in ("read", *DISPOSITIONS, "verified", "backlog")], kind


def test_a_changed_audit_is_alerted(run: Run, pair: Pair) -> None:
    """A daemon that starts on an audit somebody has changed says so in the log and in the metric."""
    with sqlite3.connect(run.place.state / "ledger.sqlite") as book:
        guards = book.execute("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit'").fetchall()
        for (guard,) in guards:
            book.execute(f"DROP TRIGGER {guard}")
        book.execute("UPDATE audit SET entry = replace(entry, 'streamflow', 'somebody') WHERE seq = 5")
    with running_daemon(run.place) as daemon, scraping(daemon) as scraper:
        daemon.until(lambda _: scraper.values.get("streamflow_audit_chain_ok", set()) >= {0.0}, "alert")
        [line] = daemon.said("audit.broken")
        assert line["seq"] == 5
