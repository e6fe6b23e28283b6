"""Endpoints that lie while changes are followed, with real processes: named, alone, and over by themselves."""

from __future__ import annotations

import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.flow_bad.rig import Daemon, Pair, Status, place_at, post, running_daemon, running_pair
from tests.hanging import HUNG_S
from tests.judge.states import read_destination, read_source
from tests.runbook import assert_named

OPTIONS = ("--records", "150", "--gates", "auto", "--search-lag", "0.2")
PAGE = 7
CALLS_IN_VAIN = 3
"""Over which an outage is watched: the next round has begun by then, and waits between its tries."""


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[Pair, Daemon]]:
    """A migration that follows changes, beside its accounts; everything is swept every ten seconds."""
    with tempfile.TemporaryDirectory(prefix="sf") as folder, running_pair(Path(folder) / "pair", *OPTIONS) as pair:
        place = place_at(Path(folder) / "p", pair).edit(('cutover = "auto"', 'cutover = "ask"'))
        with running_daemon(place) as daemon:
            daemon.until(lambda status: (status["gate"] or {}).get("name") == "cutover", "gate cutover")
            yield pair, daemon


def in_source(pair: Pair, kind: str, **values: Any) -> str:
    """Make a record as a person would in the source; gives its key."""
    return str(post(pair.source_admin + "act", {"do": "create", "kind": kind, "values": values})["id"])


def holds(pair: Pair, kind: str, text: str) -> bool:
    """Say whether a live record of the destination holds a text."""
    return any(text in str(row) for row in read_destination(pair.destination_admin).of(kind).values())


@pytest.mark.parametrize(
    ("lie", "function", "stream"), [("no_filter", "getnotes", "note"), ("same_page", "getleads", "lead"), ("no_paging", "getleads", "lead")]
)
def test_a_lasting_lie_stops_one_stream_until_it_is_over(running: tuple[Pair, Daemon], lie: str, function: str, stream: str) -> None:
    """The reason names stream and lie, other streams are delivered, nobody resumes, and what was held back comes when it is over."""
    pair, daemon = running
    stopped = f'streamflow_stream_stopped{{kind="{stream}"}}'
    assert_named("F-15", stopped)
    known = in_source(pair, "leads", name=f"Known {lie}", email=f"known.{lie}@example.com")
    daemon.until(lambda _: holds(pair, "contacts", f"known.{lie}@example.com"), "the lead before the lie")
    pair.source(**{lie: {"match": function}})
    try:
        in_source(pair, "leads", name=f"Meanwhile {lie}", email=f"meanwhile.{lie}@example.com")
        in_source(pair, "notes", leadid=known, note=f"Said under {lie}")
        kinds = {"lead": ("contacts", f"meanwhile.{lie}@example.com"), "note": ("notes", f"Said under {lie}")}
        held = kinds.pop(stream)
        [beside] = kinds.values()

        def is_told(status: Status) -> bool:
            assert status["state"] == "tail", status["reason"]
            return f"{stream} records are not read" in status["reason"] and f"leadtrekker: {stream}: " in status["reason"]

        daemon.until(is_told, "named lie")
        daemon.until(lambda _: holds(pair, *beside), f"{beside[1]} beside it")
        told = daemon.until(is_told, "lie that is still named")
        assert told["gate"] is None
        daemon.until(lambda _: f"{stopped} 1.0" in metrics(daemon), "metric")
        code, check = daemon.ask("POST", "/v1/cutover", {"dry_run": True})
        assert any(f"{stream} records are not read" in reason for reason in check["reasons"]), (code, check)
        assert stream == "lead" or not holds(pair, *held)     # what changed of leads comes by windows, about which nobody lies
    finally:
        pair.source(**{lie: None})
    daemon.until(lambda _: holds(pair, *held), f"{held[1]} after it")
    daemon.until(lambda status: (status["gate"] or {}).get("name") == "cutover", "gate after it")
    daemon.until(lambda _: f"{stopped} 1.0" not in metrics(daemon), "metric after it")
    assert not taken_for_deleted(daemon)


def test_rows_that_keep_moving_lose_nothing(running: tuple[Pair, Daemon]) -> None:
    """A list that skips rows at each page is no reason to take them for deleted; it stops nothing for good."""
    pair, daemon = running
    assert len(read_source(pair.source_admin).rows["lead"]) > 3 * PAGE, "rows move between pages: there must be several"
    pair.source(moved_rows={"match": "getleads", "rows": 3}, page_size_max=PAGE)
    try:
        known = in_source(pair, "leads", name="Known moved", email="known.moved@example.com")
        daemon.until(lambda _: holds(pair, "contacts", "known.moved@example.com"), "the last of the list")
    finally:
        pair.source(moved_rows=None, page_size_max=500)
    in_source(pair, "notes", leadid=known, note="Said after it moved")
    daemon.until(lambda _: holds(pair, "notes", "Said after it moved"), "a note after it")
    daemon.until(lambda status: (status["gate"] or {}).get("name") == "cutover", "gate after it")
    assert not taken_for_deleted(daemon)


def test_an_outage_stays_in_the_reason(running: tuple[Pair, Daemon]) -> None:
    """While every answer is a page for people, the status says so at each look from the first failure on, and not a moment after."""
    pair, daemon = running
    pair.source(html_200={})
    try:
        failed = daemon.until(lambda status: "not JSON" in status["reason"], "the outage in the reason")["calls"]["leadtrekker"]
        seen: list[str] = []

        def is_long_enough(status: Status) -> bool:
            seen.append(str(status["reason"]))
            return bool(status["calls"]["leadtrekker"] >= failed + CALLS_IN_VAIN)

        daemon.until(is_long_enough, "more calls in vain")
        assert all("not JSON" in reason for reason in seen), {reason for reason in seen if "not JSON" not in reason}
    finally:
        pair.source(html_200=None)
    daemon.until(lambda status: (status["gate"] or {}).get("name") == "cutover", "gate after it")
    assert "not JSON" not in daemon.status()["reason"]


def taken_for_deleted(daemon: Daemon) -> list[str]:
    """Give the records that a person is asked about because they vanished."""
    items = daemon.ask("GET", "/v1/queue?state=all")[1]["items"]
    return [item["key"] for item in items if item["cause"] == "deleted_at_source"]


def metrics(daemon: Daemon) -> str:
    """Give the metrics as they are scraped."""
    address = daemon.status()["listen"]["metrics"]
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(f"http://{address}/metrics", timeout=HUNG_S) as answer:
        return str(answer.read().decode())
