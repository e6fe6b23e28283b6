"""The client of the control socket."""

from __future__ import annotations

import socket
from pathlib import Path

import anyio
import pytest

from streamflow.daemon.client import DaemonNotRunning, Refusal, connect, part
from streamflow.daemon.exits import Exit, exit_for

from .fake_operator import served


async def test_asks_and_orders(folder: Path) -> None:
    """Answers come back as data, refusals as errors with the daemon's own words."""
    async with served(folder) as daemon, connect(daemon.path) as client:
        assert (await client.get("/v1/status"))["phase"] == "map"
        assert (await client.post("/v1/pause", reason="x"))["result"] == "paused"
        assert (await client.get(f"/v1/records/lead/{part('ä/1')}"))["result"] == "trace"
        with pytest.raises(Refusal, match="changed since") as caught:
            await client.post("/v1/map/confirm", digest="old")
    assert (caught.value.code, caught.value.status, exit_for(caught.value)) == ("conflict", 409, Exit.USAGE)
    assert "map show" in caught.value.hint


@pytest.mark.parametrize("is_left_over", [False, True], ids=["no-file", "stale-file"])
async def test_not_running(folder: Path, is_left_over: bool) -> None:
    """With nobody there the error says so, with a hint, and means: try again."""
    path = folder / "control.sock"
    if is_left_over:
        with socket.socket(socket.AF_UNIX) as left:
            left.bind(str(path))
    async with connect(path) as client:
        with pytest.raises(DaemonNotRunning) as caught:
            await client.get("/v1/status")
    assert exit_for(caught.value) == Exit.TRY_AGAIN
    assert "streamflow run" in caught.value.hint


async def test_events(folder: Path) -> None:
    """Events arrive as (name, data) and end with the daemon."""
    async with served(folder) as daemon, connect(daemon.path) as client:
        daemon.events.publish("phase.entered", phase="tail")
        daemon.events.close()
        with anyio.fail_after(5):
            got = [(name, data.get("phase")) async for name, data in client.events(after=0)]
    assert got == [("phase.entered", "tail"), ("end", None)]
