"""The exit codes of the daemon and of every command, and which error leads to which."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum

from streamflow.errors import StreamflowError, UsageError


class Exit(IntEnum):
    """Exit codes after sysexits; part of the public face."""

    DONE = 0
    OPEN_ITEMS = 1       # finished, with open queue items or failed verification
    USAGE = 64
    UNAVAILABLE = 69     # a platform stayed away longer than patience allows
    INTERNAL = 70
    TRY_AGAIN = 75
    REFUSED = 77         # credentials or permission refused
    CONFIG = 78


class AlreadyRunning(UsageError):
    """Another daemon works on this migration; when it has ended, the same command will do."""

    code = "already_running"


class OutOfMemory(StreamflowError):
    """The machine, or a limit, gives the process no more memory; with more of it the same command will do."""

    code = "memory"


class OutOfThreads(StreamflowError):
    """The machine, or a limit, gives the process no more threads; with more of them the same command will do."""

    code = "threads"


_BY_CODE: Mapping[str, Exit] = {
    "usage": Exit.USAGE,
    "conflict": Exit.USAGE,
    "not_found": Exit.USAGE,
    "too_large": Exit.USAGE,
    "method": Exit.USAGE,
    "config": Exit.CONFIG,
    "protocol": Exit.CONFIG,            # what answers is not what the configuration says it is
    "access": Exit.REFUSED,
    "forbidden": Exit.REFUSED,
    "unavailable": Exit.UNAVAILABLE,
    "transient": Exit.TRY_AGAIN,
    "throttled": Exit.TRY_AGAIN,
    "timeout": Exit.TRY_AGAIN,
    "not_running": Exit.TRY_AGAIN,
    "already_running": Exit.TRY_AGAIN,
    "ledger_held": Exit.TRY_AGAIN,
    "memory": Exit.TRY_AGAIN,
    "threads": Exit.TRY_AGAIN,
    "disk": Exit.TRY_AGAIN,
}


def exit_for_code(code: str) -> Exit:
    """Give the exit code of an error code; whatever is not foreseen is internal."""
    return _BY_CODE.get(code, Exit.INTERNAL)


def exit_for(error: StreamflowError) -> Exit:
    """Give the exit code an error leads to."""
    return exit_for_code(error.code)
