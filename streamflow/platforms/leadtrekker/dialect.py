"""How Leadtrekker is asked: a POST for everything, with base64 leaves in a JSON object (leadtrekker.md 1). Pure."""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from streamflow.platforms.api.forms import call_request
from streamflow.platforms.api.plain import PlainDialect
from streamflow.platforms.leadtrekker.codec import encode_leaves
from streamflow.platforms.spec import Call, PlatformSpec
from streamflow.wire.message import NORMAL, Request


def request(spec: PlatformSpec, function: str, params: Mapping[str, str], *, priority: int = NORMAL) -> Request:
    """Build the call of a read function; `{}` when there is nothing to say. Raises InvariantBroken for anything else than a read."""
    return call_request(spec, function, orjson.dumps(encode_leaves(dict(params))), priority=priority)


class LeadtrekkerDialect(PlainDialect):
    """What `api.reader` must know of the platform beyond its spec."""

    def request(self, spec: PlatformSpec, call: Call, params: Mapping[str, str], *, priority: int) -> Request:
        return request(spec, call.function, params, priority=priority)
