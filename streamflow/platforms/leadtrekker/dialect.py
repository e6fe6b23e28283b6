"""How Leadtrekker is asked: a POST for everything, with base64 leaves in a JSON object (leadtrekker.md 1). Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import orjson

from streamflow.platforms.api import answers
from streamflow.platforms.api.forms import Raw, call_request
from streamflow.platforms.leadtrekker.codec import encode_leaves
from streamflow.platforms.spec import Call, PlatformSpec
from streamflow.wire.message import NORMAL, Request, Response
from streamflow.wire.verdict import CallVerdict, Outcome


def request(spec: PlatformSpec, function: str, params: Mapping[str, str], *, priority: int = NORMAL) -> Request:
    """Build the call of a read function; `{}` when there is nothing to say. Raises InvariantBroken for anything else than a read."""
    return call_request(spec, function, orjson.dumps(encode_leaves(dict(params))), priority=priority)


class LeadtrekkerDialect:
    """What `api.reader` must know of the platform beyond its spec."""

    def __init__(self, spec: PlatformSpec) -> None:
        self._judge = answers.judge(spec.errors)

    def request(self, spec: PlatformSpec, call: Call, params: Mapping[str, str], *, priority: int) -> Request:
        return request(spec, call.function, params, priority=priority)

    def judge(self, outcome: Outcome) -> CallVerdict:
        return self._judge(outcome)

    def rows(self, call: Call, response: Response, *, stream: str) -> Sequence[Raw]:
        return answers.rows_of(call, response, stream=stream)
