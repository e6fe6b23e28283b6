"""Verbs that take long: whoever asks need not wait, may go away, and finds the answer later."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest
from structlog.testing import capture_logs

from streamflow.clock import SystemClock
from streamflow.daemon.events import Events
from streamflow.daemon.exits import Exit, exit_for_code
from streamflow.daemon.jobs import Jobs
from streamflow.errors import DiskRefused, PlatformUnavailable, StoreError
from streamflow.store.connection import LedgerHeld

from .fake_operator import Box, heard, served
from .test_control import ask


async def test_a_long_verb_is_answered_with_its_job_and_fetched_later(folder: Path) -> None:
    """No limit of time stops it: the question is answered at once, progress can be seen, and the result as often as one likes."""
    async with served(folder) as daemon:
        daemon.operator.blocked = anyio.Event()
        status, body = await ask(daemon.path, "POST", "/v1/verify", b'{"wait_s": 0}')
        assert (status, body["result"], body["job"]["name"]) == (200, "running", "verify")
        await heard(daemon, "job.progress")
        _, shown = await ask(daemon.path, "GET", "/v1/jobs/verify")
        assert (shown["state"], shown["progress"], shown["result"]) == ("running", {"done": 40, "of": 100_000}, None)
        _, body = await ask(daemon.path, "POST", "/v1/verify", b'{"wait_s": 0.05}')
        assert body["result"] == "running"
        daemon.operator.blocked.set()
        await heard(daemon, "job.ended")
        for _ in range(2):
            _, shown = await ask(daemon.path, "GET", "/v1/jobs/verify")
            assert (shown["state"], shown["result"]["result"], shown["error"]) == ("done", "verify", None)
        assert [verb for verb, _ in daemon.operator.asked] == ["verify"], "the second question joined the first"
        assert [(row["name"], row["state"]) for row in (await ask(daemon.path, "GET", "/v1/jobs"))[1]["jobs"]] == [("verify", "done")]


async def test_the_event_stream_tells_of_jobs(folder: Path) -> None:
    """Begin, progress and end of a job are events, so that nobody has to ask again and again."""
    async with served(folder) as daemon:
        await ask(daemon.path, "POST", "/v1/verify")
        with daemon.events.listen(after=0) as listener:
            daemon.events.close()
            seen = [(event.name, event.data.get("job")) async for event in listener.events()]
    assert seen == [("job.started", "verify"), ("job.progress", "verify"), ("job.ended", "verify")]


async def test_what_goes_wrong_in_a_job_is_its_result(folder: Path) -> None:
    """Within the wait it is the refusal it always was; later it is told by the job, an own bug without its words."""
    async with served(folder) as daemon:
        daemon.operator.failure = PlatformUnavailable("nobody answers", platform="nutshell", hint="try again")
        assert (await ask(daemon.path, "POST", "/v1/verify"))[0] == 503
        _, shown = await ask(daemon.path, "GET", "/v1/jobs/verify")
        assert (shown["state"], shown["error"]["code"], shown["error"]["hint"]) == ("failed", "unavailable", "try again")
        daemon.operator.failure = ZeroDivisionError("a bug with p@x.za inside")
        status, body = await ask(daemon.path, "POST", "/v1/verify")
        assert (status, "p@x.za" in str(body)) == (500, False)
        _, shown = await ask(daemon.path, "GET", "/v1/jobs/verify")
        assert (shown["error"]["code"], "p@x.za" in str(shown)) == ("internal", False)


@pytest.mark.parametrize("passing", [DiskRefused("the disk is full", hint="free some space"), LedgerHeld("it is held", hint="close it")])
async def test_trouble_of_the_ledger_that_passes_is_told_as_what_it_is(folder: Path, passing: StoreError) -> None:
    """A full disk and a shell that holds the ledger are no bug of ours: whoever asks is told what it is and what to do, also by the job."""
    async with served(folder) as daemon:
        daemon.operator.failure = passing
        told = {"code": passing.code, "message": passing.message, "hint": passing.hint}
        assert await ask(daemon.path, "POST", "/v1/verify") == (503, {"error": told})
        assert (await ask(daemon.path, "GET", "/v1/jobs/verify"))[1]["error"] == told
        assert exit_for_code(passing.code) is Exit.TRY_AGAIN


async def test_a_mistyped_scope_is_refused_and_is_no_job(folder: Path) -> None:
    """What cannot be carried out leaves nothing behind, neither now nor in the ledger; the same scope in other words is the same job."""
    box = Box()
    async with served(folder, shelf=box) as daemon:
        status, body = await ask(daemon.path, "POST", "/v1/rollback", b'{"dry_run": true, "scope": "kind:laed"}')
        assert (status, body["error"]["code"]) == (400, "usage")
        assert ((await ask(daemon.path, "GET", "/v1/jobs"))[1]["jobs"], box.jobs) == ([], {})
        assert [verb for verb, _ in daemon.operator.asked] == ["refused"]
        await ask(daemon.path, "POST", "/v1/rollback", b'{"dry_run": true, "scope": " "}')
        assert list(box.jobs) == ["rollback-plan:run"]


async def test_who_goes_away_waits_for_nothing_any_more() -> None:
    """A job that fails after the last asker has gone tells the log, since nobody else is left to be told."""
    clock, failed = SystemClock(), anyio.Event()

    async def work() -> None:
        await failed.wait()
        raise PlatformUnavailable("nobody answers", platform="nutshell")

    jobs = Jobs(clock, Events(clock).publish)
    with capture_logs() as logs:
        async with jobs.running():
            with anyio.CancelScope() as asker:
                asker.cancel()
                await jobs.answer("verify", work, by="uid:7", wait_s=20.0, keep=False)
            failed.set()
            with anyio.fail_after(5):
                await jobs._jobs["verify"].ended.wait()
    assert [(each["event"], each["job"]) for each in logs] == [("job.failed", "verify")]


async def test_the_result_of_an_order_outlives_the_daemon(folder: Path) -> None:
    """What one start found is told by the next; an unknown job is unknown, and a wait beyond bounds is refused."""
    box = Box()
    async with served(folder, shelf=box) as daemon:
        await ask(daemon.path, "POST", "/v1/rollback", b'{"dry_run": true}')
        await ask(daemon.path, "GET", "/v1/reports")
    async with served(folder, shelf=box) as daemon:
        _, shown = await ask(daemon.path, "GET", "/v1/jobs/rollback-plan%3Arun")
        assert (shown["state"], shown["result"]["result"]) == ("done", "rollback")
        assert (await ask(daemon.path, "GET", "/v1/jobs/reports"))[0] == 404, "what can be asked again is not kept"
        assert (await ask(daemon.path, "GET", "/v1/jobs/sample"))[0] == 404
        assert (await ask(daemon.path, "POST", "/v1/verify", b'{"wait_s": 3600}'))[0] == 400
        assert (await ask(daemon.path, "POST", "/v1/jobs/verify"))[0] == 405
