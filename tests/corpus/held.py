"""`python -m tests.corpus.held URL`: reads once in peace and once struck, and prints by how many bytes the process grew at its largest."""

from __future__ import annotations

import sys
from pathlib import Path

import anyio

from streamflow.clock import SystemClock
from streamflow.errors import StreamflowError
from streamflow.wire.backoff import Patience
from streamflow.wire.credentials import BasicCredentials, Masked
from streamflow.wire.limiter import PacedLimiter
from streamflow.wire.message import Request
from streamflow.wire.session import SessionSettings, open_session
from tests.platforms.nutshell_rig import ADMIN

CAP_BYTES = 8 * 1024 * 1024


def _largest() -> int:
    """Give the most memory this process held; what `getrusage` says is its parent's where that held more."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024


async def _grown(url: str) -> int:
    clock = SystemClock()
    settings = SessionSettings(total_s=20.0, body_cap_bytes=CAP_BYTES, patience=Patience(attempts=2, base_s=0.001, cap_s=0.002))
    async with open_session(
        platform="nutshell", base_url=url, credentials=BasicCredentials(ADMIN, Masked("sandbox-key")), clock=clock, settings=settings,
        limiter=PacedLimiter(clock, rate_per_s=1_000, burst=100),
    ) as session:  # fmt: skip
        await session.read(Request(method="GET", path="contacts", endpoint="contacts"))
        before = _largest()
        try:
            await session.read(Request(method="GET", path="contacts", endpoint="contacts", query=(("struck", "1"),)))
        except StreamflowError:
            return _largest() - before
        raise AssertionError("it was taken for an answer")


if __name__ == "__main__":
    sys.stdout.write(f"{anyio.run(_grown, sys.argv[1])}\n")
