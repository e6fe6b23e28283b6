"""`pause`, `resume`, `pace`: steering the daemon."""

from __future__ import annotations

import math

from streamflow.cli.asking import order
from streamflow.cli.parsing import Adder, Args
from streamflow.errors import UsageError


def register(add: Adder) -> None:
    """Add the commands."""
    pause = add("pause", _pause, "stop reading and writing until `resume`; survives a restart")
    pause.add_argument("--reason", default="by operator", metavar="TEXT", help="shown in the status")
    add("resume", _resume, "go on after `pause`")
    pace = add("pace", _pace, "set the cap of calls a second of a platform")
    pace.add_argument("platform", metavar="PLATFORM", help="its name, or source or destination")
    pace.add_argument("rate", metavar="RATE", help="calls a second, e.g. 5 or 0.5")


async def _pause(args: Args) -> int:
    return await order(args, "/v1/pause", reason=args.reason)


async def _resume(args: Args) -> int:
    return await order(args, "/v1/resume")


async def _pace(args: Args) -> int:
    return await order(args, "/v1/pace", platform=args.platform, rate_per_s=rate(args.rate))


def rate(text: str) -> float:
    """Read a rate such as "5" or "5/s". Raises UsageError."""
    try:
        value = float(text.removesuffix("/s"))
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or value <= 0:
        raise UsageError(f'"{text}" is not a rate', hint="give calls a second above 0, e.g. 5 or 0.5; `pause` stops everything")
    return value
