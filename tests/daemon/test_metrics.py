"""Metrics as a scraper sees them, and the health addresses, over real HTTP."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import replace

import anyio
import orjson
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families

from streamflow.clock import SystemClock
from streamflow.config import Listen
from streamflow.daemon.health import metrics_server
from streamflow.daemon.main import STAGES
from streamflow.daemon.metrics import Metrics
from streamflow.daemon.status import Figures, Snapshot, StreamStatus
from streamflow.errors import ConfigError
from streamflow.migration.context import DEST_ORDER
from streamflow.platforms.catalog import pair_of
from streamflow.wire.message import Attempt
from tests.runbook import MOST_SERIES

from .fake_operator import SNAPSHOT


def make() -> Metrics:
    return Metrics(
        clock=SystemClock(), platforms=("leadtrekker", "nutshell"), kinds=("lead", "note"), dest_kinds=("contacts",), stages=("load",)
    )


def samples(metrics: Metrics) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    text = metrics.render()[0].decode()
    families = list(text_string_to_metric_families(text))
    return {(each.name, tuple(sorted(each.labels.items()))): each.value for family in families for each in family.samples}


def value(metrics: Metrics, name: str, **labels: str) -> float:
    return samples(metrics)[name, tuple(sorted(labels.items()))]


def attempt(status: int = 200, verdict: str = "ok", platform: str = "nutshell") -> Attempt:
    return Attempt(platform=platform, method="GET", endpoint="contacts", status=status, verdict=verdict, seconds=0.2)


def test_known_labels_start_at_zero() -> None:
    """Every known label set is there with 0 before anything happened, so that a rate sees the first event."""
    metrics = make()
    assert value(metrics, "streamflow_http_requests_total", platform="leadtrekker", code_class="5xx") == 0
    assert value(metrics, "streamflow_http_verdicts_total", platform="nutshell", verdict="uncertain") == 0
    assert value(metrics, "streamflow_records", kind="note", disposition="flagged") == 0
    assert value(metrics, "streamflow_in_doubt_intents", kind="contacts") == 0
    assert value(metrics, "streamflow_verification_fields", kind="contacts", verdict="differs") == 0
    assert value(metrics, "streamflow_throttled_seconds_total", platform="nutshell", reason="rate") == 0
    assert value(metrics, "streamflow_phase", phase="probe") == 1
    assert value(metrics, "streamflow_phase", phase="tail") == 0


def test_attempts_are_counted() -> None:
    """Each HTTP attempt counts by class, verdict, throttling, refused sign-in and duration."""
    metrics = make()
    for each in (attempt(), attempt(429, "throttled"), attempt(401, "auth"), attempt(0, "uncertain")):
        metrics(each)
    assert value(metrics, "streamflow_http_requests_total", platform="nutshell", code_class="2xx") == 1
    assert value(metrics, "streamflow_http_requests_total", platform="nutshell", code_class="none") == 1
    assert value(metrics, "streamflow_http_verdicts_total", platform="nutshell", verdict="uncertain") == 1
    assert value(metrics, "streamflow_http_throttled_total", platform="nutshell") == 1
    assert value(metrics, "streamflow_auth_failures_total", platform="nutshell") == 1
    labels = {"platform": "nutshell", "method": "GET"}
    assert value(metrics, "streamflow_http_request_duration_seconds_bucket", **labels, le="0.25") == 4
    assert value(metrics, "streamflow_http_request_duration_seconds_sum", **labels) == pytest.approx(0.8)


def test_snapshot_is_translated() -> None:
    """What the status says the metrics say too."""
    metrics = make()
    figures = Figures(
        in_doubt={"notes": 2},
        verification={("contacts", "differs"): 1},
        stage_queues={"load": (3, 8)},
        throttled_s={("nutshell", "closed"): 9.5},
        shown_late_s={"lead": 43.0}, stopped=frozenset({"note"}),
    )
    metrics.observe(replace(SNAPSHOT, figures=figures))
    assert value(metrics, "streamflow_phase", phase="map") == 1
    assert value(metrics, "streamflow_gate_waiting", gate="map") == 1
    assert value(metrics, "streamflow_records", kind="lead", disposition="created") == 4
    assert value(metrics, "streamflow_records_read_total", kind="lead") == 10
    assert value(metrics, "streamflow_backlog_records", kind="lead") == 5
    assert value(metrics, "streamflow_pace_closed", platform="nutshell") == 1
    assert value(metrics, "streamflow_review_queue_items", blocking="false") == 1
    assert value(metrics, "streamflow_in_doubt_intents", kind="notes") == 2
    assert value(metrics, "streamflow_queue_capacity_batches", stage="load") == 8
    assert value(metrics, "streamflow_throttled_seconds_total", platform="nutshell", reason="closed") == 9.5
    assert value(metrics, "streamflow_source_shown_late_seconds", kind="lead") == 43.0
    assert value(metrics, "streamflow_stream_stopped", kind="note") == 1
    assert value(metrics, "streamflow_snapshot_timestamp_seconds") > 1.7e9


@pytest.mark.parametrize("source", ["leadtrekker", "lead_perfection"])
def test_no_pair_shows_more_series_than_is_said(source: str) -> None:
    """However a platform is called and whatever is known of each kind, a scrape of either pair stays within the bound."""
    kinds = pair_of(source, "nutshell").order
    metrics = Metrics(clock=SystemClock(), platforms=(source, "nutshell"), kinds=kinds, dest_kinds=DEST_ORDER, stages=STAGES)
    for platform, methods in ((source, ("POST",)), ("nutshell", ("GET", "POST", "PATCH", "PUT", "DELETE"))):
        for method in methods:
            metrics(replace(attempt(platform=platform), method=method))
    streams, figures = dict.fromkeys(kinds, StreamStatus(lag_s=0.0, eta_s=0.0)), Figures(disk_free_bytes=1, search_lag_s=1.0)
    metrics.observe(Snapshot(state="tail", phase="tail", reason="", since="", streams=streams, figures=figures))
    known = samples(metrics)
    assert {each for each, _ in known} >= {"streamflow_eta_seconds", "streamflow_disk_free_bytes", "streamflow_dest_search_lag_seconds"}
    assert len(known) <= MOST_SERIES


def test_names_follow_the_conventions() -> None:
    """Our names carry the prefix, counters end in _total, each has a help text; the newer format parses as well."""
    metrics = make()
    metrics.observe(SNAPSHOT)
    metrics(attempt())
    for family in text_string_to_metric_families(metrics.render()[0].decode()):
        assert family.documentation
        assert family.name.startswith(("streamflow_", "process_"))
        assert all(len(sample.labels) <= 4 for sample in family.samples)
    body, content_type = metrics.render("application/openmetrics-text; version=1.0.0")
    assert "openmetrics" in content_type
    assert {family.name for family in open_metrics(body.decode())} >= {"streamflow_records_read", "streamflow_build"}


async def fetch(address: str, path: str) -> tuple[int, bytes]:
    host, port = address.rsplit(":", 1)
    async with await anyio.connect_tcp(host, int(port)) as stream:
        await stream.send(f"GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n".encode())
        got = b""
        try:
            while True:
                got += await stream.receive()
        except anyio.EndOfStream:
            pass
    return int(got.split()[1]), got.partition(b"\r\n\r\n")[2]


async def test_health_and_metrics_over_http() -> None:
    """Port 0 gives a real address; health and readiness answer 200, or 503 with the reasons."""
    stuck: list[str] = []
    listen = Listen(host="127.0.0.1", port=0)
    async with metrics_server(listen, make(), unhealthy=lambda: stuck, unready=lambda: ["credentials not accepted"]) as address:
        assert (await fetch(address, "/healthz"))[0] == 200
        stuck.append("stage load is stuck")
        status, body = await fetch(address, "/healthz")
        assert (status, orjson.loads(body)) == (503, {"status": "not healthy", "reasons": ["stage load is stuck"]})
        assert (await fetch(address, "/readyz"))[0] == 503
        status, body = await fetch(address, "/metrics")
        assert status == 200
        assert b"streamflow_build_info" in body
        assert (await fetch(address, "/other"))[0] == 404


async def test_the_metrics_address_takes_no_orders_and_tells_no_versions() -> None:
    """Only the three addresses are read; other verbs, large bodies and odd paths are refused, and no library is named."""
    listen = Listen(host="127.0.0.1", port=0)
    async with metrics_server(listen, make(), unhealthy=list, unready=list) as address:
        host, port = address.rsplit(":", 1)
        for asked in ("GET /metrics", "POST /metrics", "DELETE /healthz", "GET /../../etc/passwd", "GET /" + "a" * 20_000, "PUT /v1/pause"):
            async with await anyio.connect_tcp(host, int(port)) as stream:
                await stream.send(f"{asked} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n".encode())
                got = await stream.receive()
            assert int(got.split()[1]) in ((200,) if asked == "GET /metrics" else (400, 404, 405)), asked
            assert b"aiohttp" not in got.partition(b"\r\n\r\n")[0] or b" 400 " in got


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        yield holder.getsockname()[1]


async def test_port_in_use(taken: int) -> None:
    """A taken port is one clear error that names the key and what to do."""
    with pytest.raises(ConfigError, match=r"metrics\.listen: cannot listen") as caught:
        async with metrics_server(Listen(host="127.0.0.1", port=taken), make(), unhealthy=list, unready=list):
            pass
    assert "another port" in caught.value.hint


async def test_unknown_host() -> None:
    """A host that does not exist is one clear error too."""
    with pytest.raises(ConfigError, match="unknown host"):
        async with metrics_server(Listen(host="no-such-host.invalid", port=0), make(), unhealthy=list, unready=list):
            pass
