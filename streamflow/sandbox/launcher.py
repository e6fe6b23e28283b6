"""Starts the simulated platforms of a pair as processes of their own and writes everything a migration needs.

Under the directory it is given: `streamflow.toml`, `keys/` (0600), `inbox/<stamp>/`, `sandbox.json`, `servers/` (their
settings and what they said on stderr), and later the daemon's `state/`. The accounts live in the servers' memory: they
are gone when the sandbox ends, so a directory is used once.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import signal
import sys
import tomllib
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from subprocess import PIPE
from typing import Any, Literal, get_args
from urllib.parse import urljoin
from zoneinfo import ZoneInfo

import anyio
import anyio.abc
import anyio.to_thread
from anyio.streams.buffered import BufferedByteReceiveStream

from streamflow.sandbox.pair_config import pair_config
from streamflow.sandbox.profiles import SHIPPED, ProfileError, read_profile
from streamflow.sandbox.sides import LEADTREKKER_KEY, SIDES, Side

Reader = Literal["api", "files"]
Form = Literal["csv", "xlsx"]
Gates = Literal["ask", "auto"]

PAIRS = tuple(SIDES)
SOURCE_KEY = LEADTREKKER_KEY
DESTINATION_KEYS = {False: "sandbox-key", True: "sandbox-impersonate-key"}
_PACKAGE_ROOT = Path(__file__).resolve().parents[2]
_START_S = 30.0
_STOP_S = 5.0
_EXPORT_S = 300.0


class LaunchError(RuntimeError):
    """The sandbox could not start; the text says what to do about it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """
    What sandbox to start.

    Args:
        dir: Where everything is written; must not hold the state of an earlier run.
        records: Source records of all kinds together.
        life_per_s: Changes a second that people make to the source; None for a quiet account.
        rate_per_s: What the destination allows, with `burst` at once; None for no limit.
        source_rate_per_s: What the source allows.
        search_lag_s: How long destination lists lag behind writes; None for the server's default.
        switches: Per platform (`nutshell`, and `leadtrekker` or `lead_perfection`), over the servers' defaults.
        faults: A profile, per platform too, over the switches; of platforms that are not in the pair nothing is taken.
        reader: Whether the configuration reads the source by API or from the export in `inbox`.
        extract: Whether that export of Lead Perfection holds the tables of a full extract beside the reports.
    """

    dir: Path
    pair: str = PAIRS[0]
    seed: int = 7
    records: int = 400
    life_per_s: float | None = None
    rate_per_s: float | None = None
    burst: int = 20
    source_rate_per_s: float | None = None
    search_lag_s: float | None = None
    switches: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    faults: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    reader: Reader = "api"
    form: Form = "csv"
    extract: bool = False
    gates: Gates = "ask"
    impersonate: bool = False

    @property
    def side(self) -> Side:
        """The source of the pair."""
        return SIDES[self.pair]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sandbox:
    """A running pair: the URLs a migration uses, the admin faces, and the configuration that joins them."""

    dir: Path
    config_path: Path
    source_url: str
    source_admin: str
    destination_url: str
    destination_admin: str
    rpc_url: str
    pids: tuple[int, ...]
    source_other_url: str | None = None
    """Another origin of the same source, where its tokens are not good; None where there are no tokens."""

    def as_json(self) -> dict[str, Any]:
        """Give what `sandbox.json` holds."""
        other = {"other_url": self.source_other_url} if self.source_other_url else {}
        return {
            "source": {"url": self.source_url, "admin": self.source_admin, **other},
            "destination": {"url": self.destination_url, "rpc_url": self.rpc_url, "admin": self.destination_admin},
            "config": str(self.config_path),
            "pids": list(self.pids),
        }


@asynccontextmanager
async def running(options: Options) -> AsyncIterator[Sandbox]:
    """
    Run the pair for the length of a block.

    Raises:
        LaunchError: an unknown pair or platform, a used directory, or a server that did not come up.
    """
    async with AsyncExitStack() as stack:
        sandbox, _ = await _launch(options, stack)
        yield sandbox


async def serve(options: Options) -> int:
    """Run the pair until SIGTERM or SIGINT, saying where in one JSON line; 1 when a server ended by itself."""
    code = 0

    async def stop_on_signal(scope: anyio.CancelScope) -> None:
        async for _ in signals:
            scope.cancel()
            return

    async def stop_on_end(process: anyio.abc.Process, scope: anyio.CancelScope) -> None:
        nonlocal code
        await process.wait()
        code = 1
        scope.cancel()

    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(stop_on_signal, tasks.cancel_scope)
            async with AsyncExitStack() as stack:
                sandbox, processes = await _launch(options, stack)
                for process in processes:
                    tasks.start_soon(stop_on_end, process, tasks.cancel_scope)
                print(json.dumps(sandbox.as_json()), flush=True)
                await anyio.sleep_forever()
    return code


async def _launch(options: Options, stack: AsyncExitStack) -> tuple[Sandbox, list[anyio.abc.Process]]:
    _check(options)
    servers = options.dir / "servers"
    for folder in (options.dir, servers, options.dir / "keys", options.dir / "inbox"):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    now = datetime.now(ZoneInfo(options.side.timezone)).replace(microsecond=0, tzinfo=None)
    names, processes = (options.side.module, "nutshell"), []
    for name, settings in zip(names, (_source_settings(options, now), _destination_settings(options, now)), strict=True):
        _write_private(servers / f"{name}.json", json.dumps(settings))
        process = await _start(name, servers)
        stack.push_async_callback(_stop, process)
        processes.append(process)
    source, destination = [await _ready(name, process, servers) for name, process in zip(names, processes, strict=True)]
    sandbox = _sandbox(options, source, destination["url"], processes)
    await _export(options, sandbox)
    _write_files(options, sandbox)
    return sandbox, processes


def _check(options: Options) -> None:
    if options.pair not in PAIRS:
        raise LaunchError(f"no such pair: {options.pair}; there is {', '.join(PAIRS)}")
    unknown = sorted(options.switches.keys() - {options.side.platform, "nutshell"})
    if unknown:
        raise LaunchError(f"switches name {', '.join(unknown)}; they are for {options.side.platform} and nutshell")
    state = options.dir / "state"
    if state.is_dir() and any(state.iterdir()):
        raise LaunchError(f"{state} holds a migration between accounts that are gone; take another --dir, or remove it")


def _source_settings(options: Options, now: datetime) -> dict[str, Any]:
    switches = dict(options.switches.get(options.side.platform, {}))
    if options.source_rate_per_s is not None:
        switches |= {"rate_per_s": options.source_rate_per_s, "burst": options.burst}
    return {
        "seed": options.seed, "records": options.records, "now": now.isoformat(), "switches": switches,
        "faults": dict(options.faults.get(options.side.platform, {})),
        "life_rate_per_s": options.life_per_s, **options.side.access,
    }  # fmt: skip


def _destination_settings(options: Options, now: datetime) -> dict[str, Any]:
    switches = dict(options.switches.get("nutshell", {}))
    if options.rate_per_s is not None:
        switches |= {"rate_per_s": options.rate_per_s, "burst": options.burst}
    if options.search_lag_s is not None:
        switches["search_lag_s"] = options.search_lag_s
    return {**options.side.nutshell(options.seed, options.records, now, switches), "faults": dict(options.faults.get("nutshell", {}))}


async def _start(name: str, servers: Path) -> anyio.abc.Process:
    command = [
        sys.executable, "-m", "streamflow.sandbox.tether", f"streamflow.sandbox.{name}", "--port", "0",
        "--config", str(servers / f"{name}.json"),
    ]  # fmt: skip
    path = os.pathsep.join(filter(None, [str(_PACKAGE_ROOT), os.environ.get("PYTHONPATH")]))
    with (servers / f"{name}.log").open("wb") as log:
        # A session of its own: Ctrl-C in a terminal is for the launcher alone, which then ends its servers in order.
        return await anyio.open_process(
            command, stdin=PIPE, stdout=PIPE, stderr=log, start_new_session=True, env={**os.environ, "PYTHONPATH": path}
        )


async def _ready(name: str, process: anyio.abc.Process, servers: Path) -> dict[str, str]:
    """Wait for the server's ready line and give what it says; there is a `url` in it."""
    assert process.stdout is not None
    try:
        with anyio.fail_after(_START_S):
            line = await BufferedByteReceiveStream(process.stdout).receive_until(b"\n", 65_536)
        said: dict[str, str] = json.loads(line)
    except (TimeoutError, anyio.IncompleteRead, anyio.DelimiterNotFound, ValueError):
        lines = (servers / f"{name}.log").read_text(errors="replace").strip().splitlines()
        raise LaunchError(f"the simulated {name} did not start: {lines[-1] if lines else 'it said nothing'}") from None
    return said


async def _stop(process: anyio.abc.Process) -> None:
    """End one server by its id: closing its stdin and SIGTERM, then SIGKILL."""
    with anyio.CancelScope(shield=True):
        if process.returncode is None:
            process.terminate()
            with anyio.move_on_after(_STOP_S):
                await process.wait()
        if process.returncode is None:
            process.kill()
        await process.aclose()


def _sandbox(options: Options, source: Mapping[str, str], destination: str, processes: list[anyio.abc.Process]) -> Sandbox:
    return Sandbox(
        dir=options.dir,
        config_path=options.dir / "streamflow.toml",
        source_url=source["url"],
        source_admin=urljoin(source["url"], "/_sandbox/"),
        destination_url=f"{destination}/rest",
        destination_admin=f"{destination}/_sandbox/",
        rpc_url=f"{destination}/api/v1/json",
        pids=tuple(process.pid for process in processes),
        source_other_url=source.get("other_url"),
    )


async def _export(options: Options, sandbox: Sandbox) -> None:
    """Have the source write into the inbox what is to be read from there: its files, and what no API gives."""
    order = options.side.export(options.reader == "files", options.form, options.extract)
    if order is None:
        return
    order["folder"] = str((options.dir / "inbox").resolve())
    try:
        await anyio.to_thread.run_sync(_post, sandbox.source_admin + "export", order)
    except urllib.error.URLError as error:
        raise LaunchError(f"the simulated {options.side.module} did not export: {error}") from error


def _post(url: str, body: Mapping[str, Any]) -> None:
    request = urllib.request.Request(url, data=json.dumps(body).encode(), headers={"Content-Type": "application/json"})  # noqa: S310 - told by our own child
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    direct.open(request, timeout=_EXPORT_S).close()


def _write_files(options: Options, sandbox: Sandbox) -> None:
    side, home = options.side, options.dir.resolve()
    keys, owners = home / "keys", home / "owners.csv" if options.side.owners is not None else None
    for name, secret in {**side.secrets, "nutshell.key": DESTINATION_KEYS[options.impersonate]}.items():
        _write_private(keys / name, secret)
    if owners is not None:
        _write_private(owners, side.owners or "")
    source = {
        "platform": side.platform, "reader": options.reader, "timezone": side.timezone, "base_url": sandbox.source_url,
        **side.source(keys),
    }  # fmt: skip
    text = pair_config(
        dir=home, source=source, gates=options.gates, impersonate=options.impersonate, destination_url=sandbox.destination_url,
        rpc_url=sandbox.rpc_url, username=side.admin_email, fallback=side.fallback_email if options.gates == "auto" else None,
        owners_file=owners, source_rate_per_s=options.source_rate_per_s, rate_per_s=options.rate_per_s,
        settle_s=_settle_s(options),
    )  # fmt: skip
    _write_private(sandbox.config_path, text)
    _write_private(options.dir / "sandbox.json", json.dumps(sandbox.as_json(), indent=1))


def _settle_s(options: Options) -> int:
    """Give what an operator who knows the source would say of how late it shows a change: whole seconds, a moment for nothing at all."""
    platform = options.side.platform
    given = {**options.switches.get(platform, {}), **options.faults.get(platform, {})}.get("late_visibility_s") or 0
    return 1 + math.ceil(max(given) if isinstance(given, list | tuple) else given)


def _write_private(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(text)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of a sandbox to *parser*; `options_from` reads them back."""
    parser.add_argument("--pair", choices=PAIRS, default=PAIRS[0])
    parser.add_argument("--dir", type=Path, required=True, help="where keys, configuration and exports are written")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--records", type=int, default=400, help="source records of all kinds together")
    parser.add_argument("--life", type=float, metavar="RATE", help="changes a second that people make to the source")
    parser.add_argument("--rate", type=float, metavar="N", help="requests a second the destination allows")
    parser.add_argument("--burst", type=int, default=20, help="requests it allows at once")
    parser.add_argument("--source-rate", type=float, metavar="N", help="requests a second the source allows")
    parser.add_argument("--search-lag", type=float, metavar="S", help="seconds that destination lists lag behind writes")
    parser.add_argument("--switches", type=Path, metavar="FILE", help="JSON or TOML, by platform: nutshell, leadtrekker, lead_perfection")
    shipped = ", ".join(SHIPPED)
    parser.add_argument("--faults", metavar="PROFILE", help=f"what misbehaves: {shipped}, or a TOML file; goes over --switches")
    parser.add_argument("--reader", choices=get_args(Reader), default="api")
    parser.add_argument("--form", choices=get_args(Form), default="csv", help="of the export that --reader files reads")
    parser.add_argument("--extract", action="store_true", help="with --reader files, Lead Perfection: whole tables beside the reports")
    parser.add_argument("--gates", choices=get_args(Gates), default="ask")
    parser.add_argument("--impersonate", action="store_true", help="use a key that may write in other users' names")


def options_from(given: argparse.Namespace) -> Options:
    """Turn parsed arguments into Options; LaunchError for a file of switches that cannot be read."""
    switches = _read_switches(given.switches) if given.switches else {}
    try:
        faults = read_profile(given.faults) if given.faults else {}
    except ProfileError as error:
        raise LaunchError(str(error)) from error
    return Options(
        dir=given.dir, pair=given.pair, seed=given.seed, records=given.records, life_per_s=given.life,
        rate_per_s=given.rate, burst=given.burst, source_rate_per_s=given.source_rate, search_lag_s=given.search_lag,
        switches=switches, faults=faults, reader=given.reader, form=given.form, extract=given.extract, gates=given.gates,
        impersonate=given.impersonate,
    )  # fmt: skip


def _read_switches(path: Path) -> dict[str, dict[str, Any]]:
    try:
        text = path.read_text(encoding="utf-8")
        document = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except (OSError, ValueError) as error:
        raise LaunchError(f"cannot read switches from {path}: {error}") from error
    if not isinstance(document, dict) or not all(isinstance(values, dict) for values in document.values()):
        raise LaunchError(f"{path} must hold one table of switches for each platform")
    return document


def main(arguments: list[str] | None = None) -> int:
    """Start a sandbox and keep it running until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m streamflow.sandbox", description=main.__doc__)
    add_arguments(parser)
    try:
        return anyio.run(serve, options_from(parser.parse_args(arguments)))
    except LaunchError as error:
        print(f"sandbox: {error}", file=sys.stderr)
        return 69
    except BaseExceptionGroup as group:  # the same error, by way of the task group
        reasons = group.split(LaunchError)
        if reasons[0] is None or reasons[1] is not None:
            raise
        print(f"sandbox: {reasons[0].exceptions[0]}", file=sys.stderr)
        return 69
