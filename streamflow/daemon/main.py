"""Opens everything, runs one root task group, closes everything."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any

import anyio
import structlog

from streamflow.clock import Clock, SystemClock
from streamflow.config import Config, Reload, load, prints, reload, rotated, taken_over
from streamflow.daemon import log, memory
from streamflow.daemon.chain import Chain
from streamflow.daemon.control import Control as ControlFace
from streamflow.daemon.control import allowed, control_socket
from streamflow.daemon.desk import Desk
from streamflow.daemon.doors import Doors, open_doors
from streamflow.daemon.events import Events
from streamflow.daemon.exits import Exit
from streamflow.daemon.health import metrics_server
from streamflow.daemon.home import open_home
from streamflow.daemon.jobs import Jobs
from streamflow.daemon.ledger_shelf import LedgerShelf
from streamflow.daemon.metrics import Metrics
from streamflow.daemon.notify import Notifier
from streamflow.daemon.picture import CallCount, Picture
from streamflow.daemon.preflight import refuse_faults, refuse_uncounted, without_effect
from streamflow.daemon.pulse import Pulse
from streamflow.daemon.signals import on_signals
from streamflow.daemon.status import ListenStatus
from streamflow.daemon.supervisor import Supervisor, load_phase
from streamflow.daemon.terms import terms_of
from streamflow.errors import ConfigError, StoreError, StreamflowError
from streamflow.ledger_names import PACES, SETTINGS
from streamflow.migration.context import DEST_ORDER, Migration
from streamflow.migration.control import Control, Drained
from streamflow.migration.life import FINAL
from streamflow.pipeline import first_cause
from streamflow.platforms.catalog import forms, pair_of
from streamflow.reports.files import REPORTS
from streamflow.reports.writer import ReportWriter
from streamflow.store.change import PutSetting
from streamflow.store.sqlite import SqliteLedger
from streamflow.wire.message import combined

DRAIN_LIMIT_S = 60.0
PICTURE_EVERY_S = 1.0
AUDIT_EVERY_S = 86_400.0
PRIVATE = 0o077     # of what the process makes, nothing is for others: staged records and archived files are personal data
STAGES = ("transform", "resolve", "load", "verify")
TOLD = ("phase.", "gate.", "cutover.", "settings.", "daemon.", "stream.", "trouble")
"""Log events that go to the listeners of the control socket too."""

Tell = Callable[[str], None]


def run(config: Config, *, tell: Tell = lambda text: None) -> int:
    """
    Run the daemon until the migration is over or somebody ends it; answers the exit code.

    *tell* hears what a person in front of a terminal must know and no log line can say as well.
    """
    refuse_faults(config)
    os.umask(PRIVATE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))     # a crash must not leave keys and records on the disk
    memory.settle()
    try:
        return int(anyio.run(_run, config, tell, backend_options={"use_uvloop": True}))
    finally:
        log.finish()


async def _run(config: Config, tell: Tell) -> Exit:
    clock = SystemClock()
    calls = CallCount()
    platforms = (config.source.platform, config.destination.platform)
    kinds = pair_of(*platforms).order
    metrics = Metrics(clock=clock, platforms=platforms, kinds=kinds, dest_kinds=DEST_ORDER, stages=STAGES)
    log.configure(form=config.log.format, level=config.log.level, secrets=config.secret_texts(), count=metrics.logged)
    log.take_in_strays()
    try:
        async with open_home(config, clock) as ledger, open_doors(config, clock, combined(metrics, calls)) as doors:
            return await _Daemon(config, clock, ledger, doors, metrics, calls, tell).run()
    except BaseExceptionGroup as failures:
        cause = first_cause(failures)
        structlog.get_logger().error("daemon.failed", error=cause)
        if not isinstance(cause, StreamflowError):
            raise
        raise cause from failures


class _Daemon:
    """Everything that lives for one start."""

    def __init__(
        self, config: Config, clock: Clock, ledger: SqliteLedger, doors: Doors, metrics: Metrics, calls: CallCount, tell: Tell
    ) -> None:
        self._config = config
        self._clock = clock
        self._ledger = ledger
        self._doors = doors
        self._metrics = metrics
        self._calls = calls
        self._tell = tell
        self._log = structlog.get_logger()
        self._control = Control()
        self._events = Events(clock)
        self._notifier = Notifier(clock)
        self._pulse = Pulse(clock.monotonic())
        self._drain_by: float | None = None
        self._stop_told = anyio.Event()
        self._stop_told.set()           # nobody was told to stop by a signal; whoever orders it by the socket is in the audit already
        self._exit = Exit.TRY_AGAIN     # until the end is reached in order

    async def run(self) -> Exit:
        config = self._config
        reports = ReportWriter(config.migration.state_dir / REPORTS, config.migration.name, self._clock)
        migration = Migration(
            terms=terms_of(config), pair=pair_of(config.source.platform, config.destination.platform), ledger=self._ledger,
            source=self._doors.source, attachments=self._doors.attachments, destination=self._doors.destination, clock=self._clock,
            control=self._control, log=self._say, report=reports,
            phase=await load_phase(self._ledger, self._clock),
        )
        paces = self._doors.paces
        self._chain = Chain(self._ledger, self._control, self._log)
        self._supervisor = Supervisor(
            migration, reports, let_in=self._calls.let_in, look_at_keys=self._look_at_keys, chain=self._chain,
            on_start=self._note_start,
        )
        self._picture = Picture(migration, paces.limiters, self._calls, self._chain)
        for name, rate in (await self._ledger.settings(PACES)).items():
            if (platform := name.removeprefix(PACES)) in paces.limiters:
                paces.tell(platform, float(rate))
        desk = Desk(self._supervisor, self._picture, reports, paces.limiters, self._drain, paces.tell)
        jobs = Jobs(self._clock, self._events.publish, LedgerShelf(self._ledger))
        ordering, looking, shared = allowed(config.control.allow_uids, config.control.look_uids)
        async with AsyncExitStack() as stack:
            if config.metrics is not None:
                self._picture.listen = ListenStatus(metrics=await stack.enter_async_context(
                    metrics_server(config.metrics, self._metrics, unhealthy=self._unhealthy, unready=self._unready)
                ))
            face = ControlFace(desk, self._events, jobs, allowed_uids=ordering, looking_uids=looking)
            await stack.enter_async_context(control_socket(face, config.control.socket, shared=shared))
            await self._root()
        return self._exit

    async def _root(self) -> None:
        async with anyio.create_task_group() as group:
            self._group, self._scope = group, group.cancel_scope
            with on_signals(drain=self._drain, stop=self._end_now, reload=self._reload):
                group.start_soon(self._watch)
                group.start_soon(self._walk_audit)
                group.start_soon(self._notifier.feed, self._unhealthy)
                await self._picture.take()
                self._notifier.ready(self._line())
                await self._greet()
                try:
                    self._exit = await self._supervisor.run()
                    self._say("daemon.ended", state=self._supervisor.m.phase.state.value, exit_code=int(self._exit))
                except Drained:
                    self._exit = Exit.DONE
                    self._say("daemon.drained")
                finally:
                    self._notifier.stopping(self._line())
                await self._stop_told.wait()
                self._events.publish("status", **(await self._picture.take()).to_json())
                group.cancel_scope.cancel()

    async def _greet(self) -> None:
        phase = self._supervisor.m.phase
        self._say("daemon.started", state=phase.state.value)
        for text in without_effect(self._config):
            self._log.warning("settings.without_effect", message=text)
            self._tell(text)
        if phase.state in FINAL and not await self._supervisor.is_turning_back():
            word = "rolled back" if phase.state.value == "rolled_back" else "done"
            self._say("run.already_over", state=phase.state.value, since=phase.since)
            self._tell(f"this migration is {word} since {phase.since}; nothing is left to do. Its reports are in the state directory.")

    async def _watch(self) -> None:
        """Keep the picture fresh for metrics, health, the service manager and the event stream; bound the drain; end with the ledger."""
        line = ""
        while True:
            before = self._clock.monotonic()
            await self._clock.sleep(PICTURE_EVERY_S)
            now = self._clock.monotonic()
            late_s = now - before - PICTURE_EVERY_S
            log.flush()
            self._metrics.loop_lag(late_s)
            self._metrics.log_lost(log.lost_lines())
            if self._drain_by is not None and now > self._drain_by:
                self._end_now("the limit of draining")
            if not self._control.draining:
                self._ledger.check()     # met by an order, say: what has nothing to write for days would refuse all others until then
            snapshot = await self._picture.take()
            self._pulse.beat(snapshot, self._clock.monotonic(), late_s=late_s)
            self._metrics.observe(snapshot)
            self._events.publish("status", **snapshot.to_json())
            if snapshot.line() != line:
                line = snapshot.line()
                self._notifier.status(line)

    async def _walk_audit(self) -> None:
        """Follow the chain of the audit once a day, a page at a time; at the start the supervisor does."""
        while True:
            await self._clock.sleep(AUDIT_EVERY_S)
            await self._chain.look()

    # ------------------------------------------------------------------------------------------ telling

    def _say(self, event: str, **data: Any) -> None:
        level = "warning" if event == "trouble" else "info"
        getattr(self._log, level)(event, **data)
        if event.startswith(TOLD):
            self._events.publish(event, **data)

    def _line(self) -> str:
        return self._picture.latest.line() if self._picture.latest is not None else ""

    def _unhealthy(self) -> list[str]:
        return self._pulse.unhealthy(self._clock.monotonic())

    def _unready(self) -> list[str]:
        return self._pulse.unready(draining=self._control.draining)

    # ------------------------------------------------------------------------------------------ being told

    def _drain(self, signal: str = "") -> None:
        if self._control.draining:
            return
        if signal:
            self._stop_told = anyio.Event()
            self._group.start_soon(self._note_stop, signal)
        self._say("daemon.draining", actor=signal or "the operator")
        self._drain_by = self._clock.monotonic() + DRAIN_LIMIT_S
        self._notifier.stopping("draining")
        self._notifier.extend(DRAIN_LIMIT_S)
        self._control.drain()

    def _end_now(self, by: str) -> None:
        """Stop without running empty: what was sent and not answered is looked up at the next start."""
        self._say("daemon.stopping", actor=by)
        self._exit = Exit.TRY_AGAIN
        self._scope.cancel()

    def _reload(self) -> None:
        self._notifier.reloading()
        try:
            new = load(self._config.path, forms())
            refuse_uncounted(new)
            found = reload(self._config, new)
        except ConfigError as error:
            self._say("trouble", code=error.code, message=f"the new settings were not taken: {error}")
        else:
            self._take_over(found, "signal:SIGHUP")
        self._notifier.ready(self._line())

    def _look_at_keys(self) -> None:
        """Go over to keys whose files hold something else now, so that who puts a new one there need not say so."""
        if (settings := rotated(self._config)) is not None:
            self._take_over(reload(self._config, taken_over(self._config, settings)), "streamflow")

    def _take_over(self, found: Reload, actor: str) -> None:
        live, before = found.settings, tuple(self._config.secret_texts())
        self._config = taken_over(self._config, live)
        self._supervisor.adopt_live(
            poll_s=live.poll_s, settle_s=live.settle_s, sweep_every_s=live.sweep_every_s, cutover_deadline_s=live.cutover_deadline_s,
            watch_days=live.watch_days, expected_counts=dict(live.expected_counts),
        )
        now = tuple(self._config.secret_texts())
        log.know_secrets((*before, *now))
        self._doors.renew(live.source_secrets, live.destination_secrets)
        self._doors.paces.adopt(self._config.source.platform, live.pace_source)
        self._doors.paces.adopt(self._config.destination.platform, live.pace_destination)
        log.set_level(live.log_level)
        if now != before:
            self._control.lift()
        self._say("settings.reloaded", changed=list(found.changed), needs_restart=list(found.needs_restart))
        if found.changed:
            self._group.start_soon(self._note_settings, actor, ", ".join(found.changed))

    async def _note_stop(self, signal: str) -> None:
        """Tell the audit which signal ended the run, while it drains; a ledger that cannot be written makes no stop fail."""
        try:
            await self._supervisor.m.decide(f"signal:{signal}", "stop")
        except StoreError as error:
            self._say("trouble", code=error.code, message=f"the audit was not told of {signal}: {error}")
        finally:
            self._stop_told.set()

    async def _note_settings(self, actor: str, names: str) -> None:
        """A signal has no peer whose uid could be told; who may send it is the daemon's own user or root."""
        taken = PutSetting(name=SETTINGS, value=prints(self._config))
        await self._supervisor.m.decide(actor, "settings.reloaded", taken, note=names)

    async def _note_start(self) -> None:
        """Tell the audit which settings are others than before: some decide what nobody is asked about. The uid is that of this process."""
        now, before = prints(self._config), await self._ledger.setting(SETTINGS)
        if now == before:
            return
        names = sorted(key for key in now.keys() | before.keys() if now.get(key) != before.get(key)) if before is not None else []
        taken = PutSetting(name=SETTINGS, value=now)
        note = ", ".join(names) if before is not None else "as they stand at the first start"
        await self._supervisor.m.decide(f"uid:{os.geteuid()}", "settings.taken", taken, note=note)
