"""The dialect of a platform that is asked by GET and answers as its spec says: what most platforms need, or begin with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from streamflow.platforms.api import answers
from streamflow.platforms.api.forms import Raw, get_request
from streamflow.platforms.spec import Call, PlatformSpec
from streamflow.wire.message import Request, Response
from streamflow.wire.verdict import CallVerdict, Outcome


class PlainDialect:
    """What `api.reader` must know where nothing is particular but the spec; another request is written over this one's."""

    def __init__(self, spec: PlatformSpec) -> None:
        self._judge = answers.judge(spec.errors)

    def request(self, spec: PlatformSpec, call: Call, params: Mapping[str, str], *, priority: int) -> Request:
        return get_request(spec, call.function, params, priority=priority)

    def judge(self, outcome: Outcome) -> CallVerdict:
        return self._judge(outcome)

    def rows(self, call: Call, response: Response, *, stream: str) -> Sequence[Raw]:
        return answers.rows_of(call, response, stream=stream)
