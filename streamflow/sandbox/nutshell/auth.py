"""Who is calling: Basic authentication with a user's e-mail and an API key (nutshell.md 1.2)."""

from __future__ import annotations

import base64
import binascii

from streamflow.sandbox.nutshell.errors import Refusal
from streamflow.sandbox.nutshell.site import Site
from streamflow.sandbox.nutshell.state import Actor


def authenticate(site: Site, header: str | None, *, rpc: bool = False) -> Actor:
    """Return the actor of a request, or raise a 401.

    With an impersonating key the e-mail decides the author; otherwise the key's origin does. JSON-RPC also takes the
    company domain as username.
    """
    username, password = _credentials(header)
    key = site.keys.get(password)
    if key is None or key.get("kind") == "web" or key.get("revoked"):
        raise Refusal(401, "Unauthorized")
    origin = _origin_of(site, password)
    user = site.user_by_email(username)
    if user is None:
        if rpc and username.lower() == site.instance["domain"].lower():
            return Actor(id=origin, user="")
        raise Refusal(401, "Unauthorized")
    if not user["isEnabled"]:
        raise Refusal(401, "Unauthorized")
    impersonates = key["kind"] == "impersonate" and (rpc or site.switches["impersonation"])
    return Actor(id=user["id"] if impersonates else origin, user=user["id"])


def _credentials(header: str | None) -> tuple[str, str]:
    scheme, _, encoded = (header or "").partition(" ")
    if scheme.lower() != "basic":
        raise Refusal(401, "Unauthorized")
    try:
        username, colon, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise Refusal(401, "Unauthorized") from None
    if not colon:
        raise Refusal(401, "Unauthorized")
    return username, password


def _origin_of(site: Site, key: str) -> str:
    """Return the origin under which a key's own writes are shown, made at first use."""
    entry = site.keys[key]
    if "origin" not in entry:
        row = {"name": entry.get("name") or "API key", "originType": "api"}
        entry["origin"] = site.state.insert("origins", row, None)["id"]
    origin: str = entry["origin"]
    return origin
