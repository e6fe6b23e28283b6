"""Opens everything, runs one root task group, closes everything."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import anyio
import structlog

from streamflow.clock import Clock, SystemClock
from streamflow.config import Config, identity, load, reload
from streamflow.daemon import log
from streamflow.daemon.checks import CheckReport, Finding
from streamflow.daemon.control import Control as ControlFace
from streamflow.daemon.control import allowed, control_socket
from streamflow.daemon.desk import Desk
from streamflow.daemon.events import Events
from streamflow.daemon.exits import Exit
from streamflow.daemon.health import metrics_server
from streamflow.daemon.metrics import Metrics
from streamflow.daemon.notify import Notifier
from streamflow.daemon.picture import CallCount, Picture
from streamflow.daemon.signals import on_signals
from streamflow.daemon.status import ListenStatus
from streamflow.daemon.supervisor import Supervisor, load_phase
from streamflow.daemon.terms import terms_of
from streamflow.errors import ConfigError, ProtocolMismatch, StreamflowError
from streamflow.migration.context import DEST_ORDER, Migration
from streamflow.migration.control import Control, Drained
from streamflow.pipeline import first_cause
from streamflow.platforms import leadtrekker, nutshell
from streamflow.platforms.base import Destination, Source
from streamflow.reports.writer import ReportWriter
from streamflow.store.base import Ledger, PutSetting
from streamflow.store.sqlite import SqliteLedger
from streamflow.wire.limiter import PacedLimiter
from streamflow.wire.message import Attempt, AttemptHook, combined
from streamflow.wire.pace import AdaptivePace, PacePolicy
from streamflow.wire.session import SessionSettings

DRAIN_LIMIT_S = 60.0
PICTURE_EVERY_S = 1.0
READ_KINDS = ("lead", "note", "call", "email", "reminder", "attachment", "company", "user", "group", "source", "status")


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """Both platforms, opened, and what steers their pace."""

    source: Source
    attachments: Any
    destination: Destination
    limiters: Mapping[str, PacedLimiter]
    set_cap: Callable[[str, float], None]


@asynccontextmanager
async def open_doors(config: Config, clock: Clock, hook: AttemptHook) -> AsyncIterator[Doors]:
    """Open both platforms; nothing is asked yet."""
    limiters: dict[str, PacedLimiter] = {}
    paces: dict[str, AdaptivePace] = {}
    for name, section in ((config.source.platform, config.pace_source), (config.destination.platform, config.pace_destination)):
        limiters[name] = PacedLimiter(clock, rate_per_s=section.rate_per_s, max_in_flight=section.max_in_flight)
        policy = PacePolicy(cap_per_s=section.rate_per_s, cap_in_flight=section.max_in_flight)
        paces[name] = AdaptivePace(limiters[name], clock, policy, adaptive=section.adaptive)

    def hear(attempt: Attempt) -> None:
        pace = paces.get(attempt.platform)
        if pace is not None:
            pace(attempt)
        hook(attempt)

    source, destination = config.source, config.destination
    flags = nutshell.Flags().with_(destination.flags)
    async with AsyncExitStack() as stack:
        left = await stack.enter_async_context(leadtrekker.connect(
            base_url=source.base_url or "", api_key=source.api_key.reveal() if source.api_key else "", inbox=source.inbox, reader=source.reader,
            streams=_overrides(config), timezone=source.timezone, date_formats=source.date_formats, limiter=limiters[source.platform],
            clock=clock, hook=hear, ca_file=source.ca_file,
        ))
        right = await stack.enter_async_context(nutshell.connect(
            base_url=destination.base_url, rpc_url=destination.rpc_url, username=destination.username, api_key=destination.api_key.reveal(),
            limiter=limiters[destination.platform], clock=clock, flags=flags, impersonate=destination.impersonate, hook=hear,
            ca_file=destination.ca_file, settings=SessionSettings(total_s=flags.timeout_s),
        ))
        yield Doors(
            source=left, attachments=left.attachments, destination=right, limiters=limiters,
            set_cap=lambda name, rate: paces[name].set_cap(rate) if name in paces else None,
        )


def _overrides(config: Config) -> dict[str, dict[str, Any]]:
    """The per-stream tables of the file, in the words of the stream spec."""
    found: dict[str, dict[str, Any]] = {}
    for kind, section in config.source.streams.items():
        found[kind] = {**dict(section.spec), "enabled": section.enabled}
        if section.reader is not None:
            found[kind]["reader"] = section.reader
    return found


def run(config: Config) -> int:
    """Run the daemon until the migration is over or somebody ends it; answers the exit code."""
    return int(anyio.run(_run, config))


async def _run(config: Config) -> Exit:
    clock = SystemClock()
    secrets = [each.reveal() for each in (config.source.api_key, config.source.password, config.source.appkey, config.destination.api_key) if each]
    calls = CallCount()
    metrics = Metrics(clock=clock, platforms=(config.source.platform, config.destination.platform), kinds=READ_KINDS, dest_kinds=DEST_ORDER,
                      stages=("transform", "resolve", "load", "verify"))
    log.configure(form=config.log.format, level=config.log.level, secrets=secrets, count=metrics.logged)
    try:
        async with SqliteLedger.open(config.migration.state_dir, clock=clock) as ledger:
            await _same_migration(ledger, config)
            async with open_doors(config, clock, combined(metrics, calls)) as doors:
                return await _Daemon(config, clock, ledger, doors, metrics, calls).run()
    except Drained:
        return Exit.DONE
    except BaseExceptionGroup as failures:
        cause = first_cause(failures)
        if not isinstance(cause, StreamflowError):
            raise
        raise cause from failures


async def _same_migration(ledger: Ledger, config: Config) -> None:
    """A state directory belongs to one pair of accounts; any doubt stops with a clear error and keeps the state."""
    mine = dict(identity(config))
    stored = await ledger.setting("identity")
    if stored is None:
        await ledger.commit([PutSetting(name="identity", value=mine)])
        return
    different = sorted(name for name in mine if stored.get(name) != mine[name])
    if different:
        raise ConfigError(
            [f"{name}: this state directory belongs to {stored.get(name)!r}, the file says {mine[name]!r}" for name in different],
            hint="name another migration.state_dir, or correct the file; the state was not touched",
        )


class _Daemon:
    """Everything that lives for one start."""

    def __init__(self, config: Config, clock: Clock, ledger: SqliteLedger, doors: Doors, metrics: Metrics, calls: CallCount) -> None:
        self._config = config
        self._clock = clock
        self._ledger = ledger
        self._doors = doors
        self._metrics = metrics
        self._calls = calls
        self._log = structlog.get_logger()
        self._control = Control()
        self._events = Events(clock)
        self._notifier = Notifier(clock)
        self._exit = Exit.DONE

    async def run(self) -> Exit:
        config = self._config
        terms = terms_of(config)
        reports = ReportWriter(config.migration.state_dir / "reports", config.migration.name, self._clock)
        migration = Migration(
            terms=terms, ledger=self._ledger, source=self._doors.source, attachments=self._doors.attachments,
            destination=self._doors.destination, clock=self._clock, control=self._control, log=self._say, report=reports,
            phase=await load_phase(self._ledger, self._clock),
        )
        self._supervisor = Supervisor(migration)
        self._picture = Picture(migration, self._doors.limiters, self._calls)
        for name, rate in (await self._ledger.settings("operator:pace:")).items():
            self._doors.set_cap(name.removeprefix("operator:pace:"), float(rate))
        desk = Desk(self._supervisor, self._picture, reports, self._doors.limiters, self._drain, self._doors.set_cap)
        uids, shared = allowed(config.control.allow_uids)
        face = ControlFace(desk, self._events, allowed_uids=uids)
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(control_socket(face, config.control.socket, shared=shared))
            if config.metrics is not None:
                address = await stack.enter_async_context(
                    metrics_server(config.metrics, self._metrics, unhealthy=self._unhealthy, unready=self._unready)
                )
                self._picture.listen = ListenStatus(metrics=address, console=None)
            await self._root()
        return self._exit

    async def _root(self) -> None:
        async with anyio.create_task_group() as group:
            self._scope = group.cancel_scope
            with on_signals(drain=self._on_drain, stop=self._on_stop, reload=self._on_reload):
                group.start_soon(self._watch_picture)
                group.start_soon(self._notifier.feed, self._unhealthy)
                await self._picture.take()
                self._notifier.ready(self._line())
                self._say("daemon.started", state=self._supervisor.m.phase.state.value)
                try:
                    self._exit = await self._supervisor.run()
                except Drained:
                    self._exit = Exit.DONE
                    self._say("daemon.drained")
                finally:
                    self._notifier.stopping(self._line())
                self._events.publish("status", **(await self._picture.take()).to_json())
                group.cancel_scope.cancel()

    async def _watch_picture(self) -> None:
        """Keep the picture fresh for metrics, the service manager and the event stream; measure how late the loop is."""
        line = ""
        while True:
            before = self._clock.monotonic()
            await self._clock.sleep(PICTURE_EVERY_S)
            self._metrics.loop_lag(self._clock.monotonic() - before - PICTURE_EVERY_S)
            snapshot = await self._picture.take()
            self._metrics.observe(snapshot)
            self._events.publish("status", **snapshot.to_json())
            if snapshot.line() != line:
                line = snapshot.line()
                self._notifier.status(line)

    def _say(self, event: str, **data: Any) -> None:
        level = "warning" if event in ("trouble",) else "info"
        getattr(self._log, level)(event, **data)
        if event.startswith(("phase.", "gate.", "cutover.")):
            self._events.publish(event, **data)

    def _line(self) -> str:
        return self._picture.latest.line() if self._picture.latest is not None else ""

    def _unhealthy(self) -> list[str]:
        return []   # answering at all proves that the loop turns; a stalled platform is no reason to be restarted

    def _unready(self) -> list[str]:
        return ["draining"] if self._control.draining else []

    def _drain(self) -> None:
        self._control.drain()

    def _on_drain(self, name: str) -> None:
        self._say("daemon.draining", signal=name)
        self._notifier.stopping("draining")
        self._notifier.extend(DRAIN_LIMIT_S)
        self._control.drain()

    def _on_stop(self, name: str) -> None:
        self._say("daemon.stopping", signal=name)
        self._scope.cancel()

    def _on_reload(self) -> None:
        self._notifier.reloading()
        try:
            found = reload(self._config, load(self._config.path))
        except ConfigError as error:
            self._say("trouble", code=error.code, message=f"the new settings were not taken: {error}")
        else:
            live = found.settings
            self._supervisor.adopt_live(
                poll_s=live.poll_s, settle_s=live.settle_s, sweep_every_s=live.sweep_every_s, cutover_deadline_s=live.cutover_deadline_s,
                watch_days=live.watch_days,
            )
            self._doors.set_cap(self._config.source.platform, live.pace_source.rate_per_s)
            self._doors.set_cap(self._config.destination.platform, live.pace_destination.rate_per_s)
            log.set_level(live.log_level)
            self._say("settings.reloaded", changed=list(found.changed), needs_restart=list(found.needs_restart))
        self._notifier.ready(self._line())


# ------------------------------------------------------------------------------------------------ check


def check(config: Config) -> CheckReport:
    """Sign in on both sides, reads only; answers every finding."""
    return anyio.run(_check, config)


async def _check(config: Config) -> CheckReport:
    findings = [Finding(subject="config", question="readable and complete", ok=True, detail=str(config.path))]
    try:
        async with open_doors(config, SystemClock(), lambda attempt: None) as doors:
            findings += await _ask("source", doors.source.check)
            findings += await _ask("destination", doors.destination.schema.check)
    except StreamflowError as error:
        findings.append(_failed("config", "can be opened", error))
    return CheckReport(findings=tuple(findings))


async def _ask(subject: str, question: Callable[[], Any]) -> list[Finding]:
    try:
        answer = dict(await question())
    except StreamflowError as error:
        return [_failed(subject, "sign-in", error)]
    found = [Finding(subject=subject, question="sign-in", ok=True)]
    for name, value in answer.items():
        if subject == "source":
            found.append(Finding(
                subject=subject, question=f"stream {name}", ok=value == "ok", detail="" if value == "ok" else str(value), is_warning=value != "ok",
                hint="" if value == "ok" else "give it as export files, or leave it out; the scope report says so",
            ))
        elif isinstance(value, bool | int | float | str):
            found.append(Finding(subject=subject, question=name.replace("_", " "), ok=value is not False, detail=str(value), is_warning=value is False))
    return found


def _failed(subject: str, question: str, error: StreamflowError) -> Finding:
    code = "config" if isinstance(error, ProtocolMismatch) else error.code
    return Finding(subject=subject, question=question, ok=False, detail=error.message, hint=error.hint, code=code)


