"""`sandbox`: the simulated platforms of a pair, on loopback, with everything a migration needs."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from streamflow.cli.parsing import Adder, Args
from streamflow.errors import PlatformUnavailable
from streamflow.sandbox import launcher


def register(add: Adder) -> None:
    """Add the command."""
    parser = add("sandbox", _sandbox, "simulated platforms on loopback; says where in one line of JSON and runs until stopped")
    launcher.add_arguments(parser)
    for action in parser._actions:
        if action.dest == "dir":
            action.required = False
            action.help = "where keys, configuration and exports are written; a new temporary folder by default"


async def _sandbox(args: Args) -> int:
    with launch_errors():
        args.dir = args.dir or Path(tempfile.mkdtemp(prefix="streamflow-sandbox-"))
        return await launcher.serve(launcher.options_from(args))


@contextmanager
def launch_errors() -> Iterator[None]:
    """Turn the launcher's own errors, also inside a group, into PlatformUnavailable."""
    hint = "see `streamflow sandbox --help`"
    try:
        yield
    except launcher.LaunchError as error:
        raise PlatformUnavailable(f"the sandbox did not start: {error}", hint=hint) from error
    except BaseExceptionGroup as group:
        found = group.subgroup(launcher.LaunchError)
        if found is None:
            raise
        inner: BaseException = found
        while isinstance(inner, BaseExceptionGroup):
            inner = inner.exceptions[0]
        raise PlatformUnavailable(f"the sandbox did not start: {inner}", hint=hint) from group
