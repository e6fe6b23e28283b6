"""What a failed first contact means to the operator: which setting to look at, and what to do. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from streamflow.errors import (
    AccessRefused,
    NotFound,
    PlatformUnavailable,
    ProtocolMismatch,
    RecordRejected,
    StreamflowError,
)

_WHY: Mapping[str, tuple[str, str]] = {
    "ClientConnectorCertificateError": (
        "its certificate is not trusted",
        "check that {section}.base_url is right; a certificate authority of your own is named under {section}.ca_file",
    ),
    "ClientConnectorSSLError": ("it does not speak TLS as it should", "check {section}.base_url: https, host and port"),
    "ClientConnectorDNSError": ("no host of this name is known", "check {section}.base_url and the name service"),
    "ConnectionTimeoutError": ("it does not answer in time", "check {section}.base_url, the network and firewalls"),
    "ClientConnectorError": ("nobody answers at this address", "check {section}.base_url, the network and firewalls"),
}
_WRONG = "check {section}.base_url: is this the right server?"
_VAGUE = ("the answer is outside the contract", "look at this record", "correct records_at")
"""Hints that help in a running migration and mislead when a server is met for the first time."""
_DETAIL = re.compile(r" ?\((?:not sent: )?(Client\w+Error|ConnectionTimeoutError)\)")


class WrongServer(StreamflowError):
    """Something answers that is not what the configuration says it is; asking again does not help."""

    code = "config"


def explained(error: StreamflowError, section: str) -> StreamflowError:
    """Give the error that ends a first contact with *section* ("source", "destination"), in words for the person who set it up."""
    if isinstance(error, PlatformUnavailable):
        found = _DETAIL.search(error.message)
        other = _WRONG if "not JSON" in error.message else "check {section}.base_url and the network; nothing was written"
        why, hint = _WHY.get(found[1] if found else "", ("", other))
        message = _DETAIL.sub(f": {why}" if why else "", error.message)
        hint = error.hint if error.platform == "files" else hint.format(section=section)
        return PlatformUnavailable(message, hint=hint, platform=error.platform, stream=error.stream)
    if isinstance(error, ProtocolMismatch | NotFound | RecordRejected):
        hint = error.hint if error.hint and not error.hint.startswith(_VAGUE) else _WRONG.format(section=section)
        return WrongServer(error.message, hint=hint, platform=error.platform, stream=error.stream)
    if isinstance(error, AccessRefused):
        hint = error.hint or f"check the credentials under [{section}]"
        return AccessRefused(error.message, hint=hint, platform=error.platform, stream=error.stream)
    return error
