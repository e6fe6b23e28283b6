"""
The family of errors, sorted by the reaction they ask for.

Rule: a class answers "what should the caller do?", never "where did it happen?". Each carries a hint for the operator and
only loggable evidence: no payloads, no secrets, no personal data.
"""

from __future__ import annotations

import errno
from collections.abc import Sequence
from typing import Final, TypeVar

T = TypeVar("T")

_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS})


class StreamflowError(Exception):
    """Something went wrong that streamflow foresaw."""

    code = "error"

    def __init__(self, message: str, *, hint: str = "", platform: str = "", stream: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.platform = platform
        self.stream = stream

    def __str__(self) -> str:
        where = ": ".join(part for part in (self.platform, self.stream) if part)
        return f"{where}: {self.message}" if where else self.message


class ConfigError(StreamflowError):
    """The configuration has faults; all of them are listed, the operator mends the file."""

    code = "config"

    def __init__(self, faults: list[str], *, hint: str = "") -> None:
        super().__init__("; ".join(faults), hint=hint or "correct the configuration file and try again")
        self.faults = faults


class UsageError(StreamflowError):
    """The command or request cannot be understood or does not fit the present state."""

    code = "usage"


class DoesNotFit(UsageError):
    """The request is understood and does not fit the present state."""

    code = "conflict"


class Faults(UsageError):
    """What was handed in has faults; all of them are listed, one a line of the message."""

    def __init__(self, what: str, faults: list[str], *, hint: str = "") -> None:
        number = "a fault" if len(faults) == 1 else f"{len(faults)} faults"
        super().__init__("\n".join([f"{what} has {number}:", *(f"  {fault}" for fault in faults)]), hint=hint)
        self.faults = faults


class TransientError(StreamflowError):
    """The far side did not answer properly this time; the same read may be asked again."""

    code = "transient"


class Throttled(TransientError):
    """The far side asks for a slower pace; nothing was processed."""

    code = "throttled"

    def __init__(self, message: str, *, retry_after_s: float | None = None, hint: str = "", platform: str = "") -> None:
        super().__init__(message, hint=hint, platform=platform)
        self.retry_after_s = retry_after_s


class Uncertain(StreamflowError):
    """A write was sent and its outcome is unknown: never repeat it blindly, resolve it first."""

    code = "in_doubt"


class PlatformUnavailable(StreamflowError):
    """The far side stayed away longer than patience allows."""

    code = "unavailable"


class Unreachable(PlatformUnavailable):
    """Nobody could even be asked: that says nothing of what was asked for."""


class AccessRefused(StreamflowError):
    """The far side refused the credentials or a permission."""

    code = "access"


class NotPermitted(AccessRefused):
    """The credentials were taken and this one thing was refused to them."""


class PlanLimit(StreamflowError):
    """The destination's plan does not allow more of this; that stream pauses, the rest goes on."""

    code = "plan_limit"


class MadeLocked(PlanLimit):
    """The write was carried out, confirmed by the far side, and the record is locked for want of room in the plan."""

    def __init__(self, message: str, *, dest_id: str, hint: str = "", platform: str = "") -> None:
        super().__init__(message, hint=hint, platform=platform)
        self.dest_id = dest_id


class RecordRejected(StreamflowError):
    """The far side refuses this one record for what it contains; set it aside and go on."""

    code = "rejected"

    def __init__(self, message: str, *, field: str = "", hint: str = "", platform: str = "", status: int = 0) -> None:
        super().__init__(message, hint=hint, platform=platform)
        self.field = field
        self.status = status


class Stale(StreamflowError):
    """The record was changed by somebody since it was read, and nothing was written: read it anew and decide again."""

    code = "stale"


class NotFound(StreamflowError):
    """The record or address asked for is not there (any more)."""

    code = "not_found"


class ProtocolMismatch(StreamflowError):
    """The answer is not what the contract says; stop the stream rather than guess."""

    code = "protocol"


class NotObeyed(ProtocolMismatch):
    """What was asked for is not looked at: no answer of this endpoint can be told from another, whoever is asked about."""


class QuestionRefused(ProtocolMismatch):
    """A question was refused outright, which the contract does not foresee: that says nothing of any other question."""


class NoProperAnswer(ProtocolMismatch):
    """No answer to a question kept to the contract, however often it was asked: for what it asks about, or for the endpoint as a whole."""


UNANSWERED: Final = (PlatformUnavailable, QuestionRefused, NoProperAnswer)
"""What may be the affair of one record that a question is about, or of everything; who asks about another record can tell."""


class InvariantBroken(StreamflowError):
    """A promise of our own was about to be broken; stop loudly."""

    code = "invariant"


def sure(value: T | None, what: str) -> T:
    """
    Give a value that the lines before made sure of; *what* names it.

    Said as an error and not by `assert`, which Python leaves out when it is told to optimise. Raises InvariantBroken.
    """
    if value is None:
        raise InvariantBroken(f"there is no {what} where there must be one", hint="a bug: report it")
    return value


class StoreError(StreamflowError):
    """Progress cannot be recorded or read; the daemon stops and keeps its state."""

    code = "store"


class DiskRefused(StoreError):
    """The disk takes no more (it is full, fails or became read-only): nothing is wrong with the book, and once it does a start goes on."""

    code = "disk"


OURS: Final = (StoreError, InvariantBroken)
"""Trouble of our own, which says nothing of a platform: whoever bears what platforms do lets it pass."""


def gravest(failures: Sequence[StreamflowError]) -> StreamflowError:
    """Give the one of several failures that is raised for all: trouble of our own before what a platform did, else the first."""
    return next((each for each in failures if isinstance(each, OURS)), failures[0])


def is_of_the_disk(error: BaseException, *, is_new: bool = False) -> bool:
    """
    Say whether an error of the system tells of a disk that is full, fails or became read-only, all of which passes.

    With *is_new* nothing was ever written there: a read-only place is then the wrong one, which somebody named by mistake.
    """
    if not isinstance(error, OSError) or error.errno not in _DISK:
        return False
    return not (is_new and error.errno == errno.EROFS)
