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
        "its certificate is not trusted", "name the certificate authority under {section}.ca_file, and check that {section}.base_url is right",
    ),
    "ClientConnectorSSLError": ("it does not speak TLS as it should", "check {section}.base_url: https, host and port"),
    "ClientConnectorDNSError": ("no host of this name is known", "check {section}.base_url and the name service"),
    "ConnectionTimeoutError": ("it does not answer in time", "check {section}.base_url, the network and firewalls"),
    "ClientConnectorError": ("nobody answers at this address", "check {section}.base_url, the network and firewalls"),
}
_DETAIL = re.compile(r" ?\((?:not sent: )?(Client\w+Error|ConnectionTimeoutError)\)")


class WrongServer(StreamflowError):
    """Something answers that is not what the configuration says it is; asking again does not help."""

    code = "config"


def explained(error: StreamflowError, section: str) -> StreamflowError:
    """Give the error that ends a first contact with *section* ("source", "destination"), in words for the person who set it up."""
    if isinstance(error, PlatformUnavailable):
        found = _DETAIL.search(error.message)
        why, hint = _WHY.get(found[1] if found else "", ("", "check {section}.base_url and the network; nothing was written"))
        message = _DETAIL.sub(f": {why}" if why else "", error.message)
        hint = error.hint if error.platform == "files" else hint.format(section=section)
        return PlatformUnavailable(message, hint=hint, platform=error.platform, stream=error.stream)
    if isinstance(error, ProtocolMismatch | NotFound | RecordRejected):
        where = f"check {section}.base_url: is this the right server?"
        hint = error.hint if error.platform == "files" or not error.hint else f"{where} {error.hint}"
        return WrongServer(error.message, hint=hint or where, platform=error.platform, stream=error.stream)
    if isinstance(error, AccessRefused):
        return AccessRefused(error.message, hint=error.hint or f"check the credentials under [{section}]", platform=error.platform, stream=error.stream)
    return error
