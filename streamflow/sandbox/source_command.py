"""The command by which a simulated source is started as a process of its own."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import anyio
from aiohttp import web

from streamflow.sandbox.serving import Says, serve


def run(
    arguments: list[str] | None, *, name: str, does: str | None, records: str, make: Callable[[Mapping[str, Any]], web.Application],
    says: Says, listeners: int = 1,
) -> int:  # fmt: skip
    """
    Serve on 127.0.0.1 until SIGTERM or SIGINT, and say on stdout where as soon as calls can come; settings that do not exist end with 2.

    Args:
        arguments: The command line, the process's own by default.
        name: The platform's package, as in `python -m streamflow.sandbox.<name>`.
        does: What the help says of the command.
        records: What the help says of `--records`.
        make: Makes the server of the JSON configuration; ValueError for settings that do not exist.
        says: Makes the ready line of the origins of *listeners* sockets; the first has the port that was asked for.
    """
    parser = argparse.ArgumentParser(prog=f"python -m streamflow.sandbox.{name}", description=does)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--records", type=int, help=records)
    parser.add_argument("--config", type=Path, help="JSON; what is said on the command line goes before it")
    given = parser.parse_args(arguments)
    document = json.loads(given.config.read_text(encoding="utf-8")) if given.config else {}
    document |= {name: value for name in ("seed", "records") if (value := getattr(given, name)) is not None}
    try:
        app = make(document)
    except ValueError as error:
        parser.error(str(error))
    anyio.run(serve, app, [given.port, *[0] * (listeners - 1)], says, partial(print, flush=True), backend_options={"use_uvloop": True})
    return 0
