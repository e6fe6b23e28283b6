"""
The figures for Prometheus; the only file that knows its client library.

Counters of HTTP calls are fed by the session's attempt hook; everything else is translated from the last `Snapshot` when asked
for. Known label sets stand at 0 from the start. Labels hold words of our own vocabulary only: no ids, no personal data.
"""

from __future__ import annotations

import platform as machine
import sqlite3
from collections.abc import Iterable, Iterator
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, ProcessCollector, disable_created_metrics
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from streamflow import __version__
from streamflow.clock import Clock
from streamflow.daemon.status import Snapshot, StreamStatus
from streamflow.migration.control import ENDS
from streamflow.migration.life import State
from streamflow.model import Disposition, Verdict
from streamflow.wire.limiter import REASONS
from streamflow.wire.message import Attempt
from streamflow.wire.verdict import CallVerdict

STATES = tuple(each.value for each in State)
PHASES = tuple(each.value for each in State if each is not State.PAUSED)
DISPOSITIONS = tuple(each.value for each in Disposition)
VERIFICATION_VERDICTS = tuple(each.value for each in Verdict)
GATES = ("map", "volume", "owners", "companies", "sample", "cutover", "freeze", "export")
STATUS_CLASSES = ("2xx", "3xx", "4xx", "5xx", "none")
_BUCKETS_S = (0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0)


class Metrics:
    """One daemon's registry: feed it attempts by calling it, and snapshots by `observe`."""

    def __init__(
        self,
        *,
        clock: Clock,
        platforms: Iterable[str],
        kinds: Iterable[str] = (),
        dest_kinds: Iterable[str] = (),
        stages: Iterable[str] = (),
    ) -> None:
        self._clock = clock
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a series beside each counter that says no more than the start of the process does
        self.registry = CollectorRegistry()
        names: dict[str, Any] = {"namespace": "streamflow", "registry": self.registry}
        self._requests = Counter("http_requests", "HTTP calls made, by class of status.", ["platform", "code_class"], **names)
        self._verdicts = Counter("http_verdicts", "HTTP calls made, by what the answer meant.", ["platform", "verdict"], **names)
        self._throttled = Counter("http_throttled", "Answers that asked for a slower pace.", ["platform"], **names)
        self._auth = Counter("auth_failures", "Answers that refused the credentials.", ["platform"], **names)
        self._seconds = Histogram(
            "http_request_duration_seconds",
            "Time from sending a call to its last byte.",
            ["platform", "method"],
            buckets=_BUCKETS_S,
            **names,
        )
        self._loop_lag = Gauge("event_loop_lag_seconds", "How late the event loop last woke up.", **names)
        self._log_lines = Counter("log_lines", "Warnings and errors logged.", ["level"], **names)
        build = Info("build", "Version of streamflow and what it runs on.", **names)
        build.info({"version": __version__, "python": machine.python_version(), "sqlite": sqlite3.sqlite_version})
        self._translated = _Translated(clock, tuple(platforms), tuple(kinds), tuple(dest_kinds), tuple(stages))
        self.registry.register(self._translated)
        ProcessCollector(registry=self.registry)
        self._series: dict[tuple[str, str, int, str], tuple[tuple[Counter, ...], Histogram]] = {}
        self._start_at_zero(tuple(platforms))

    def __call__(self, attempt: Attempt) -> None:
        """Count one HTTP attempt; the session's hook."""
        name = (attempt.platform, attempt.method, attempt.status, attempt.verdict)
        counters, seconds = self._series.get(name) or self._series_of(attempt)
        for counter in counters:
            counter.inc()
        seconds.observe(attempt.seconds)

    def _series_of(self, attempt: Attempt) -> tuple[tuple[Counter, ...], Histogram]:
        """Look up what calls like this one count in, once: a look-up costs more than the counting."""
        platform, verdict = attempt.platform, str(attempt.verdict)
        counters = [self._requests.labels(platform, _status_class(attempt.status)), self._verdicts.labels(platform, verdict)]
        if verdict == CallVerdict.THROTTLED:
            counters.append(self._throttled.labels(platform))
        if verdict == CallVerdict.AUTH:
            counters.append(self._auth.labels(platform))
        found = tuple(counters), self._seconds.labels(platform, attempt.method)
        self._series[platform, attempt.method, attempt.status, attempt.verdict] = found
        return found

    def observe(self, snapshot: Snapshot) -> None:
        """Take over the newest picture."""
        self._translated.snapshot = snapshot
        self._translated.taken_at = self._clock.now().timestamp()

    def loop_lag(self, seconds: float) -> None:
        """Note how late the event loop was."""
        self._loop_lag.set(max(0.0, seconds))

    def logged(self, level: str) -> None:
        """Count a warning or error line."""
        self._log_lines.labels(level).inc()

    def log_lost(self, lines: int) -> None:
        """Take over how many lines of the log were lost since the start."""
        self._translated.lines_lost = lines

    @property
    def taken_at(self) -> float:
        """When the newest picture was taken, in Unix seconds; 0.0 before the first."""
        return self._translated.taken_at

    def content_type(self, accept: str = "") -> str:
        """Give the content type that `render` answers with."""
        return choose_encoder(accept)[1]

    def render(self, accept: str = "") -> tuple[bytes, str]:
        """Give (body, content type) in the text format the scraper accepts."""
        encoder, content_type = choose_encoder(accept)
        return encoder(self.registry), content_type

    def _start_at_zero(self, platforms: tuple[str, ...]) -> None:
        for platform in platforms:
            for status_class in STATUS_CLASSES:
                self._requests.labels(platform, status_class)
            for verdict in CallVerdict:
                self._verdicts.labels(platform, verdict.value)
            self._throttled.labels(platform)
            self._auth.labels(platform)
        for level in ("warning", "error"):
            self._log_lines.labels(level)


def _status_class(status: int) -> str:
    return f"{status // 100}xx" if 200 <= status < 600 else "none"


class _Translated(Collector):
    """Everything that is read off the last snapshot, at the moment of a scrape."""

    def __init__(
        self, clock: Clock, platforms: tuple[str, ...], kinds: tuple[str, ...], dest_kinds: tuple[str, ...], stages: tuple[str, ...]
    ) -> None:
        self._clock = clock
        self._platforms = platforms
        self._kinds = kinds
        self._dest_kinds = dest_kinds
        self._stages = stages
        self.snapshot = Snapshot(state="probe", reason="starting", phase="probe", since="")
        self.taken_at = 0.0
        self.lines_lost = 0

    def collect(self) -> Iterator[Metric]:
        """Yield all families; called by the registry."""
        now = self.snapshot
        yield from self._life(now)
        yield from self._streams(now)
        yield from self._pace(now)
        yield from self._trust(now)
        yield from self._ledger(now)
        lost = CounterMetricFamily("streamflow_log_lines_lost", "Lines that the reader of the log did not take.")
        lost.add_metric([], self.lines_lost)
        yield lost

    def _life(self, now: Snapshot) -> Iterator[Metric]:
        yield _one_hot("phase", "The phase of the migration; 1 for the present one.", "phase", PHASES, now.phase)
        yield _one_hot("state", "The state shown: the phase, or paused over it; 1 for the present one.", "state", STATES, now.state)
        gate = now.gate.name if now.gate else ""
        held_up = now.figures.held_up_until
        yield _one_hot("held_up", "1 while a pause that nobody asked for holds everything up, by what ends it.", "until", ENDS, held_up)
        yield _one_hot("gate_waiting", "1 where the daemon waits for a person.", "gate", GATES, gate)
        yield _gauge("snapshot_timestamp_seconds", "When these figures were taken.", self.taken_at)
        yield _gauge("cutover_overdue", "1 when the cutover has passed its deadline.", float(now.figures.cutover_overdue))

    def _streams(self, now: Snapshot) -> Iterator[Metric]:
        kinds = tuple(dict.fromkeys((*self._kinds, *now.streams)))
        empty = StreamStatus(lag_s=0.0)
        records = GaugeMetricFamily("streamflow_records", "Source records by what became of them.", labels=["kind", "disposition"])
        read = CounterMetricFamily("streamflow_records_read", "Source records read.", labels=["kind"])
        verified = GaugeMetricFamily("streamflow_records_verified", "Source records whose fields were all read back.", labels=["kind"])
        backlog = GaugeMetricFamily("streamflow_backlog_records", "Source records that wait.", labels=["kind"])
        lag = GaugeMetricFamily("streamflow_delta_lag_seconds", "Age of the oldest change seen and not applied.", labels=["kind"])
        eta = GaugeMetricFamily("streamflow_eta_seconds", "Estimated time until the backlog is gone; only while known.", labels=["kind"])
        for kind in kinds:
            stream = now.streams.get(kind, empty)
            for disposition in DISPOSITIONS:
                records.add_metric([kind, disposition], getattr(stream, disposition))
            read.add_metric([kind], stream.read)
            verified.add_metric([kind], stream.verified)
            backlog.add_metric([kind], stream.backlog)
            lag.add_metric([kind], stream.lag_s or 0.0)
            if stream.eta_s is not None:
                eta.add_metric([kind], stream.eta_s)
        mark = GaugeMetricFamily("streamflow_mark_age_seconds", "Age of the mark: all before it is loaded and confirmed.", labels=["kind"])
        for kind in dict.fromkeys((*self._kinds, *now.figures.mark_age_s)):
            mark.add_metric([kind], now.figures.mark_age_s.get(kind, 0.0))
        late = GaugeMetricFamily("streamflow_source_shown_late_seconds", "How late the source was seen to show a change.", labels=["kind"])
        for kind in dict.fromkeys((*self._kinds, *now.figures.shown_late_s)):
            late.add_metric([kind], now.figures.shown_late_s.get(kind, 0.0))
        stopped = GaugeMetricFamily("streamflow_stream_stopped", "1 while a kind is not read for what its endpoint does.", labels=["kind"])
        for kind in dict.fromkeys((*self._kinds, *now.figures.stopped)):
            stopped.add_metric([kind], float(kind in now.figures.stopped))
        yield from (records, read, verified, backlog, lag, eta, mark, late, stopped)

    def _pace(self, now: Snapshot) -> Iterator[Metric]:
        platforms = tuple(dict.fromkeys((*self._platforms, *now.pace, *now.calls)))
        rate = GaugeMetricFamily("streamflow_pace_rate_per_second", "Calls allowed a second.", labels=["platform"])
        flying = GaugeMetricFamily("streamflow_pace_in_flight", "Calls on their way.", labels=["platform"])
        used = GaugeMetricFamily("streamflow_pace_used_ratio", "Share of the allowed rate that is used.", labels=["platform"])
        closed = GaugeMetricFamily("streamflow_pace_closed", "1 while the platform asked for silence.", labels=["platform"])
        calls = CounterMetricFamily("streamflow_calls", "Calls made since this start.", labels=["platform"])
        for platform in platforms:
            pace = now.pace.get(platform)
            rate.add_metric([platform], pace.rate_per_s if pace else 0.0)
            flying.add_metric([platform], pace.in_flight if pace else 0)
            used.add_metric([platform], pace.used_share if pace else 0.0)
            closed.add_metric([platform], float(bool(pace and pace.closed_until)))
            calls.add_metric([platform], now.calls.get(platform, 0))
        waited = CounterMetricFamily(
            "streamflow_throttled_seconds", "Time the first call in line has waited, by reason.", labels=["platform", "reason"]
        )
        reasons = {(platform, reason): 0.0 for platform in platforms for reason in REASONS}
        for (platform, reason), seconds in (reasons | dict(now.figures.throttled_s)).items():
            waited.add_metric([platform, reason], seconds)
        depth = GaugeMetricFamily("streamflow_queue_depth_batches", "Batches waiting before a stage.", labels=["stage"])
        capacity = GaugeMetricFamily("streamflow_queue_capacity_batches", "Batches that may wait before a stage.", labels=["stage"])
        for stage in dict.fromkeys((*self._stages, *now.figures.stage_queues)):
            waiting, limit = now.figures.stage_queues.get(stage, (0, 0))
            depth.add_metric([stage], waiting)
            capacity.add_metric([stage], limit)
        yield from (rate, flying, used, closed, calls, waited, depth, capacity)

    def _trust(self, now: Snapshot) -> Iterator[Metric]:
        figures = now.figures
        review = GaugeMetricFamily("streamflow_review_queue_items", "Open items a person must decide.", labels=["blocking"])
        review.add_metric(["true"], now.queue.blocking)
        review.add_metric(["false"], now.queue.open - now.queue.blocking)
        doubt = GaugeMetricFamily("streamflow_in_doubt_intents", "Writes sent whose outcome is not known yet.", labels=["kind"])
        for kind in dict.fromkeys((*self._dest_kinds, *figures.in_doubt)):
            doubt.add_metric([kind], figures.in_doubt.get(kind, 0))
        asked = _gauge("in_doubt_asked_items", "Open items about writes whose outcome a person must tell.", figures.in_doubt_asked)
        checked = GaugeMetricFamily("streamflow_verification_fields", "Fields read back, by verdict.", labels=["kind", "verdict"])
        known = {(kind, verdict): 0 for kind in self._dest_kinds for verdict in VERIFICATION_VERDICTS}
        for (kind, verdict), count in (known | dict(figures.verification)).items():
            checked.add_metric([kind, verdict], count)
        duplicates = CounterMetricFamily("streamflow_duplicates_detected", "Destination records found twice for one source record.")
        duplicates.add_metric([], figures.duplicates_detected)
        audit = CounterMetricFamily("streamflow_audit_entries", "Entries of the audit.")
        audit.add_metric([], figures.audit_entries)
        yield from (review, doubt, asked, checked, duplicates, audit)
        yield _gauge("audit_chain_ok", "1 while the audit's chain is whole.", float(figures.audit_chain_ok))

    def _ledger(self, now: Snapshot) -> Iterator[Metric]:
        age = now.checkpoint.age_s
        yield _gauge("checkpoint_age_seconds", "Age of the last durable progress.", age if age is not None else 0.0)
        yield _gauge("checkpoint_resumable", "1 when a restart would go on from here.", float(now.checkpoint.resumable))
        yield _gauge("ledger_bytes", "Size of the ledger.", now.figures.ledger_bytes)
        yield _gauge("wal_bytes", "Size of the ledger's write-ahead log.", now.figures.wal_bytes)
        if now.figures.disk_free_bytes is not None:
            yield _gauge("disk_free_bytes", "Free space where the state lives.", now.figures.disk_free_bytes)
        if now.figures.search_lag_s is not None:
            yield _gauge("dest_search_lag_seconds", "Measured delay of the destination's search.", now.figures.search_lag_s)


def _gauge(name: str, help_text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"streamflow_{name}", help_text, value=value)


def _one_hot(name: str, help_text: str, label: str, known: tuple[str, ...], present: str) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"streamflow_{name}", help_text, labels=[label])
    for value in dict.fromkeys((*known, *([present] if present else []))):
        family.add_metric([value], float(value == present))
    return family
