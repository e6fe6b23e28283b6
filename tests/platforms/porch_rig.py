"""A small made-up platform: forms instead of JSON, windows of time, numbers of pages that may count rows, and its doors."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from streamflow.platforms.api import answers
from streamflow.platforms.api.forms import Raw, form_request
from streamflow.platforms.api.reader import ApiReader
from streamflow.platforms.rows.canon import Canon
from streamflow.platforms.rows.roster import Roster
from streamflow.platforms.spec import Call, PlatformSpec
from streamflow.platforms.spec_source import SpecSource
from streamflow.platforms.spec_toml import load
from streamflow.wire.backoff import Patience
from streamflow.wire.credentials import NoCredentials
from streamflow.wire.limiter import PacedLimiter
from streamflow.wire.message import Request, Response
from streamflow.wire.session import SessionSettings, open_session
from streamflow.wire.verdict import CallVerdict, Outcome

from .leadtrekker_rig import HastyClock

NOW = datetime(2026, 3, 10, 20, 30, tzinfo=UTC)      # 16:30 on its porch
SHIPPED = """
platform = "porch"
timezone = "America/New_York"
region = "US"
[[api.errors]]
when = "not_json"
then = "transient"
[[api.errors]]
when = "truthy"
path = "error"
then = "refused"

[streams.visit]
key = "visitid"
fields = ["visitid", "made", "moved", "phone", "text"]
ids = ["visitid"]
text = ["text"]
phones = ["phone"]
changed = "moved"
[streams.visit.dates]
fields = ["made", "moved"]
fraction = "cut"
[streams.visit.paging]
style = "page"
page_param = "StartIndex"
size_param = "PageSize"
size = 5
prove = true
[streams.visit.window]
from_param = "startdate"
to_param = "enddate"
overlap_s = 7200
step_days = 1
start = "2026-03-01"
split_rows = 12
whole = { by = "made" }
changed = { by = "moved" }
[streams.visit.list]
function = "Visits/GetVisits"
params = { VisitID = "0" }

[streams.bell]
key = "bellid"
fields = ["bellid", "text"]
retain = true
[streams.bell.list]
function = "Visits/GetBells"
"""


class PorchDialect:
    """Forms go out, arrays come back."""

    def __init__(self, spec: PlatformSpec) -> None:
        self._judge = answers.judge(spec.errors)

    def request(self, spec: PlatformSpec, call: Call, params: Mapping[str, str], *, priority: int) -> Request:
        return form_request(spec, call.function, params, priority=priority)

    def judge(self, outcome: Outcome) -> CallVerdict:
        return self._judge(outcome)

    def rows(self, call: Call, response: Response, *, stream: str) -> Sequence[Raw]:
        return answers.rows_of(call, response, stream=stream)


class Porch:
    """The platform's rows, how it pages, and every form it was sent; *bend* may replace the rows of an answer."""

    def __init__(self, rows: list[dict[str, str]], *, mode: str = "page") -> None:
        self.rows = rows
        self.mode = mode
        self.forms: list[dict[str, str]] = []
        self.functions: list[str] = []
        self.bend: Callable[[dict[str, str], list[dict[str, str]]], list[dict[str, str]]] = lambda form, rows: rows

    async def handle(self, request: web.Request) -> web.Response:
        self.functions.append(request.path.removeprefix("/api/"))
        if request.content_type != "application/x-www-form-urlencoded":
            return web.json_response({"error": "Cannot find column 1."})
        form = {name: str(value) for name, value in (await request.post()).items()}
        if request.path.endswith("GetBells"):
            return web.json_response([{"bellid": "1", "text": "ding"}])
        self.forms.append(form)
        begin, end = form["startdate"].replace(" ", "T"), form["enddate"].replace(" ", "T")
        found = sorted((row for row in self.rows if begin <= row[form["by"]] < end), key=lambda row: int(row["visitid"]))
        index, size = int(form["StartIndex"]), int(form["PageSize"])
        start = index - 1 if self.mode == "row" else (index - 1) * size
        return web.json_response(self.bend(form, found[start : start + size]))


class PorchClock(HastyClock):
    """Stands at one moment and moves by what was slept."""

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.skipped_s)


def visit(number: int, made: str, moved: str = "") -> dict[str, str]:
    """Give one row as the platform sends it."""
    return {"visitid": str(number), "made": made, "moved": moved or made, "phone": "(407)555-0142", "text": f"visit {number}"}


@asynccontextmanager
async def porch(platform: Porch, *, function: str = "", dialect: Any = None, **override: Any) -> AsyncIterator[SpecSource]:
    """Open the platform for reading; *function* stands in for the call of visits behind the back of the spec's checks."""
    spec = load(SHIPPED, {"visit": override}, defaults={"reader": "api"})
    if function:
        stream = replace(spec.streams["visit"], list=Call(function=function))
        spec = replace(spec, streams={**spec.streams, "visit": stream})
    app = web.Application()
    app.router.add_post("/api/{tail:.*}", platform.handle)
    clock, roster = PorchClock(), Roster()
    canons = {kind: Canon(each, null_words=spec.null_words, region=spec.region, reader="api") for kind, each in spec.streams.items()}
    async with TestServer(app, host="127.0.0.1") as server, open_session(
        platform="porch", base_url=str(server.make_url("/api/")), credentials=NoCredentials(), clock=clock,
        limiter=PacedLimiter(clock, rate_per_s=100_000.0, burst=100.0, max_in_flight=4),
        settings=SessionSettings(patience=Patience(attempts=2)), dice=lambda: 0.0,
    ) as session:  # fmt: skip
        api = ApiReader(session, spec, canons, roster, dialect=dialect or PorchDialect(spec), clock=clock)
        yield SpecSource(spec, api=api, files=None, roster=roster)
