"""
`demo`: a whole migration between two simulated accounts while simulated people keep working.

The daemon runs as a process of its own, steered over its control socket as any operator would: freeze, cut over, wait.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import anyio.abc
import orjson

from streamflow.cli.asking import tell
from streamflow.cli.demo_view import View
from streamflow.cli.output import width
from streamflow.cli.parsing import Adder, Args
from streamflow.cli.records import on_disk
from streamflow.cli.render import streams_table
from streamflow.cli.sandbox import launch_errors
from streamflow.clock import SystemClock
from streamflow.daemon.client import DaemonClient, DaemonNotRunning, Refusal, connect
from streamflow.daemon.exits import Exit
from streamflow.errors import StreamflowError, TransientError, UsageError
from streamflow.model import Disposition, RecordState
from streamflow.sandbox import launcher

POLL_S = 0.5
TAIL_BEFORE_FREEZE_S = 6.0    # long enough to see changes of people arrive
FREEZE_RETRY_S = 1.0
LIMIT_S = 600.0
STOP_S = 10.0
STOPPING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
LIFE_PER_S = 4.0
FIRST_REPORTS = ("reconciliation", "scope", "sample", "owners", "quality", "cutover", "audit")


def register(add: Adder) -> None:
    """Add the command."""
    demo = add("demo", _demo, "a whole migration between simulated accounts, with a live view and a report at the end")
    demo.add_argument("--pair", choices=launcher.PAIRS, default=launcher.PAIRS[0])
    demo.add_argument("--records", type=int, default=300, metavar="N", help="source records of all kinds together")
    demo.add_argument("--seed", type=int, default=7, metavar="N")
    demo.add_argument("--keep", type=Path, metavar="DIR", help="where everything is left to look at; demo/<time> by default")


@dataclass(slots=True, kw_only=True)
class _Story:
    """What the demo has seen and done so far."""

    status: Mapping[str, Any] = field(default_factory=dict)
    tail_since: float | None = None
    is_frozen: bool = False
    is_cut_over: bool = False
    retry_at: float = 0.0


async def _demo(args: Args) -> int:
    if args.records < 1:
        raise UsageError("--records must be at least 1")
    view = View(quiet=args.json)
    folder = _folder(args.keep)
    code: int = Exit.INTERNAL

    async def play(scope: anyio.CancelScope) -> None:
        nonlocal code
        code = await _play(args, folder, view)
        scope.cancel()

    with anyio.open_signal_receiver(*STOPPING) as signals:
        async with anyio.create_task_group() as group:
            group.start_soon(play, group.cancel_scope)
            async for number in signals:
                view.close()
                view.note(f"stopped by {number.name}: ending the daemon, then the simulated platforms")
                code = 128 + number    # what a shell calls the end by this signal
                group.cancel_scope.cancel()
                break
    return code


async def _play(args: Args, folder: Path, view: View) -> int:
    """Run the whole story; whatever ends it early ends every process of it first."""
    story = _Story()
    options = launcher.Options(
        dir=folder, pair=args.pair, seed=args.seed, records=args.records, life_per_s=LIFE_PER_S, gates="auto", search_lag_s=0.5
    )
    view.note(f"starting the simulated platforms, everything is kept in {folder}")
    with launch_errors():
        async with launcher.running(options) as sandbox:
            _ask_before_cutover(sandbox.config_path)
            view.note(f"source {sandbox.source_url}  destination {sandbox.destination_url}  people change {LIFE_PER_S:g} records a second")
            async with _daemon(sandbox.config_path, folder / "daemon.log") as process:
                code = await _follow(process, sandbox, story, view)
    wrong = await _wrong(folder / "state") if code in (Exit.DONE, Exit.OPEN_ITEMS) else []
    reports = on_disk(folder / "state" / "reports")
    view.close()
    tell(args, _summary(code, wrong, story, reports, folder, view.elapsed_s), _summary_text)
    return code if code not in (Exit.DONE, Exit.OPEN_ITEMS) else Exit.OPEN_ITEMS if wrong else Exit.DONE


async def _wrong(state: Path) -> list[str]:
    """
    Say what must not be at the end of a migration, from the ledger; empty when all is well.

    Open questions for a person are no failure: the account is seeded with doubtful records on purpose.
    """
    from streamflow.store.sqlite import SqliteLedger  # only when needed

    async with SqliteLedger.open_readonly(state, clock=SystemClock()) as ledger:
        counts, links = await ledger.counts(), await ledger.link_counts()
        doubts = len(await ledger.open_intents(limit=1000))
    found = {
        "records were read and not dealt with": sum(each.count for each in counts if each.state is RecordState.PENDING),
        "records were refused by the destination": sum(each.count for each in counts if each.disposition is Disposition.FAILED),
        "records are not verified": sum(count for (_, _, verified), count in links.items() if verified != "verified"),
        "writes have an unknown outcome": doubts,
    }
    return [f"{number} {what}" for what, number in found.items() if number]


def _folder(keep: Path | None) -> Path:
    folder = keep or Path("demo") / datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{folder} cannot be made: {error.strerror}", hint="name another folder with --keep DIR") from error
    return folder.absolute()


def _ask_before_cutover(config: Path) -> None:
    """Keep the last gate for the demo itself, which freezes the source first, as on a real day."""
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace('cutover = "auto"', 'cutover = "ask"'), encoding="utf-8")


@asynccontextmanager
async def _daemon(config: Path, log: Path) -> AsyncIterator[anyio.abc.Process]:
    """
    Run the daemon as a process; ends it in order, then by force, when the block is left early.

    It is tethered: should the demo be killed, the daemon ends by itself. A session of its own keeps the terminal's Ctrl-C from it.
    """
    command = [sys.executable, "-m", "streamflow.sandbox.tether", "streamflow.cli", "-c", str(config), "run"]
    with os.fdopen(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as output:
        process = await anyio.open_process(
            command, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.PIPE, start_new_session=True
        )
    try:
        yield process
    finally:
        with anyio.CancelScope(shield=True):
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
                with anyio.move_on_after(STOP_S):
                    await process.wait()
            if process.returncode is None:
                process.kill()
            await process.aclose()


async def _follow(process: anyio.abc.Process, sandbox: launcher.Sandbox, story: _Story, view: View) -> int:
    socket = sandbox.dir / "control.sock"
    with anyio.move_on_after(LIMIT_S) as limit:
        async with connect(socket) as client:
            while process.returncode is None:
                try:
                    await _step(client, sandbox, story, view)
                except DaemonNotRunning:
                    pass  # not up yet, or just gone: its exit code tells
                with anyio.move_on_after(POLL_S):
                    await process.wait()
    if limit.cancelled_caught:
        raise TransientError(f"the demo was not done after {LIMIT_S:g} seconds", hint=f"see {sandbox.dir / 'daemon.log'}")
    return process.returncode if process.returncode is not None and process.returncode >= 0 else Exit.INTERNAL


async def _step(client: DaemonClient, sandbox: launcher.Sandbox, story: _Story, view: View) -> None:
    story.status = await client.get("/v1/status")
    view.status(story.status)
    now = SystemClock().monotonic()
    if story.status["phase"] != "tail" or story.is_cut_over:
        return
    story.tail_since = story.tail_since or now
    if now - story.tail_since < TAIL_BEFORE_FREEZE_S or now < story.retry_at:
        return
    story.retry_at = now + FREEZE_RETRY_S
    if not story.is_frozen:
        await anyio.to_thread.run_sync(_freeze, sandbox.source_admin + "freeze")
        story.is_frozen = True
        view.note("people stopped writing to the source (freeze); cutting over")
    try:
        answer = await client.post("/v1/cutover", freeze_confirmed=True, dry_run=False)
    except Refusal as error:
        view.note(f"not yet: {error}")
        return
    story.is_cut_over = answer.get("ok") is not False
    if not story.is_cut_over:
        view.note("not yet: " + "; ".join(str(reason) for reason in answer.get("reasons", [])))


def _freeze(url: str) -> None:
    request = urllib.request.Request(url, data=b'{"on": true}', headers={"Content-Type": "application/json"})  # noqa: S310 - told by our own child
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        direct.open(request, timeout=10.0).close()
    except urllib.error.URLError as error:
        raise StreamflowError(f"the simulated source did not freeze: {error}") from error


def _summary(code: int, wrong: list[str], story: _Story, reports: Mapping[str, Any], folder: Path, elapsed_s: float) -> dict[str, Any]:
    return {
        "result": "ended" if code not in (Exit.DONE, Exit.OPEN_ITEMS) else "wrong" if wrong else "done",
        "exit_code": int(code),
        "wrong": wrong,
        "elapsed_s": round(elapsed_s, 1),
        "phase": story.status.get("phase"),
        "streams": story.status.get("streams", {}),
        "calls": story.status.get("calls", {}),
        "queue": story.status.get("queue", {}),
        "folder": str(folder),
        "log": str(folder / "daemon.log"),
        "last_words": last_words(folder / "daemon.log") if code not in (Exit.DONE, Exit.OPEN_ITEMS) else "",
        "reports_folder": reports["folder"],
        "reports": reports["reports"],
    }


def _summary_text(summary: Mapping[str, Any]) -> str:
    words = {"done": "done: everything that was read is dealt with and read back", "wrong": "done, and something is WRONG:"}
    lines = ["", f"the migration is {words.get(summary['result'], 'not done: exit code ' + str(summary['exit_code']))}"]
    lines += [f"  {each}" for each in summary["wrong"]]
    calls = ", ".join(f"{name} {count}" for name, count in summary["calls"].items())
    lines.append(f"  {summary['elapsed_s']} seconds, calls: {calls or '-'}")
    if summary["streams"]:
        lines += ["", streams_table(summary["streams"], width=width())]
    if count := summary["queue"].get("open"):
        blocking = summary["queue"].get("blocking", 0)
        lines += ["", f"{count} questions for a person are open, {blocking} of them blocking: see the report reconciliation"]
    if summary["last_words"]:
        lines += ["", f"the daemon's last words: {summary['last_words']}", f"  log: {summary['log']}"]
    return "\n".join([*lines, "", *_reports_lines(summary)])


def _reports_lines(summary: Mapping[str, Any]) -> list[str]:
    """Name the overview and the reports to begin with, one line each."""
    pages = {str(each["name"]): each.get("html") for each in summary["reports"]}
    if not pages.get("index"):
        return [f"no reports in {summary['reports_folder']}"]
    first = [f"  {name:<15} {pages[name]}" for name in FIRST_REPORTS if pages.get(name)]
    return [f"{len(pages) - 1} reports, all listed in {pages['index']}; begin with", *first]


def last_words(log: Path) -> str:
    """Give the error a log ends with, else its last line, shortened."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - 20_000))
            lines = [line for line in file.read().decode("utf-8", "replace").splitlines() if line.strip()]
    except OSError:
        return ""
    for line in reversed(lines):
        if line.startswith("streamflow: "):
            return line.removeprefix("streamflow: ")[:500]
        try:
            entry = orjson.loads(line)
        except orjson.JSONDecodeError:
            continue
        if entry.get("level") == "error":
            return f"{entry.get('event')}: {entry.get('error', '')}"[:500]
    return lines[-1][:500] if lines else ""
