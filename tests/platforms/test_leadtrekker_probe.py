"""The spec-drafting probe: what it may ask, how slowly, and what it makes of the answers of a simulated account."""

from __future__ import annotations

import json
import tomllib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp.test_utils import TestServer

from streamflow.errors import AccessRefused, UsageError
from streamflow.platforms.entry import SourceSettings
from streamflow.platforms.leadtrekker.drafting import Look, candidates, draft, form_of, is_base64, report
from streamflow.platforms.leadtrekker.probing import look, refuse_writes
from streamflow.sandbox.leadtrekker.server import SIMULATION, Config, make_app
from streamflow.sandbox.leadtrekker.simulation import Leadtrekker
from streamflow.wire.credentials import Masked

from .leadtrekker_rig import HastyClock, load_spec

SPEC = load_spec(reader="api", timezone="Africa/Johannesburg")
KEY = "sandbox-lt-key"


@asynccontextmanager
async def account(**switches: Any) -> AsyncIterator[tuple[str, Leadtrekker]]:
    """Run a simulated account; gives its address and itself."""
    app = make_app(Config(seed=3, records=60, switches=switches))
    async with TestServer(app, host="127.0.0.1") as server:
        yield str(server.make_url("/api/")), app[SIMULATION]


def settings(url: str, key: str = KEY) -> SourceSettings:
    return SourceSettings(timezone="Africa/Johannesburg", options={"base_url": url, "api_key": Masked(key)})


async def asked(url: str, *functions: str, key: str = KEY, clock: HastyClock | None = None) -> list[Look]:
    return await look(functions, settings=settings(url, key), clock=clock or HastyClock())


@pytest.mark.parametrize("names", [["getleads", "createlead"], ["_updatestatus"], ["SendMail"], [], ["get leads"], ["../getleads"]])
def test_writes_and_oddities_are_refused_before_anything_is_sent(names: list[str]) -> None:
    """A list with a single name that is named like a write, or is none, is refused as a whole."""
    with pytest.raises(UsageError) as refused:
        refuse_writes(names)
    assert refused.value.hint


async def test_nothing_is_called_when_one_name_is_a_write() -> None:
    """The account sees no call at all, not even of the harmless names."""
    heard: list[Look] = []
    with pytest.raises(UsageError, match="createlead"):
        await look(["getleads", "createlead"], settings=settings("http://127.0.0.1:1/api/"), clock=HastyClock(), heard=heard.append)
    assert heard == []


async def test_a_draft_of_a_whole_account() -> None:
    """Lists are recognised by what their rows hold, children and unknown names are told as such, and the draft is a spec that loads."""
    clock = HastyClock()
    async with account() as (url, simulation):
        begun = clock.monotonic()
        looks = await asked(url, "getleads", "getusers", "getgroups", "getsources", "getstatuses", "getreminders", "getnotes", "getfoo",
                            clock=clock)  # fmt: skip
        assert clock.monotonic() - begun >= 2.0 * (len(looks) - 1), "one call every two seconds"
        assert not simulation.write_calls
    found = {each.kind: (each.function, each.confirmed) for each in candidates(looks, SPEC)}
    assert found == {
        "lead": ("getleads", True), "user": ("getusers", True), "group": ("getgroups", True), "source": ("getsources", True),
        "status": ("getstatuses", True), "reminder": ("getreminders", True),
    }
    text = draft(looks, SPEC)
    assert "# note: confirmed = false; getnotes refused" in text
    assert "#   getfoo: is not known there, status 404" in text
    streams = tomllib.loads(text)["source"]["streams"]
    assert load_spec(streams, reader="files").streams["lead"].list.records_at == ("leads",)  # type: ignore[union-attr]
    assert streams["lead"]["reader"] == "api"


async def test_no_value_of_the_account_is_kept() -> None:
    """What is saved holds names of fields, types and lengths, and no value of any record, nor the key."""
    async with account() as (url, simulation):
        looks = await asked(url, "getleads", "getusers")
        values = {str(row[name]) for row in simulation.state.iter_records("leads") for name in ("name", "email", "number", "company")}
    saved = json.dumps(report(looks, SPEC)) + draft(looks, SPEC)
    assert [value for value in values if len(value) > 3 and value in saved] == []
    assert KEY not in saved
    assert '"email"' in saved


async def test_a_refused_key_ends_it_at_once() -> None:
    """A wrong key is asked once, however many functions were named."""
    heard: list[Look] = []
    async with account(bad_key="200") as (url, _):
        with pytest.raises(AccessRefused, match="refused the key"):
            await look(["getleads", "getusers"], settings=settings(url, "wrong"), clock=HastyClock(), heard=heard.append)
    assert heard == []


async def test_base64_is_told_and_never_decided() -> None:
    """An account that answers in base64 is pointed out in a comment; the draft does not decode by itself."""
    async with account(reply_base64=True) as (url, _):
        [looked] = await asked(url, "getusers")
    text = draft([looked], SPEC)
    assert "every text is strict base64" in text
    assert "decode" not in tomllib.loads(text)["source"]["streams"]["user"]


def test_forms_hold_no_values() -> None:
    """Order of keys, types and lengths stay; ids that are used as keys are data and go; base64 is strict."""
    form = form_of({"b": "Jane", "a": [1, None], "rows": {"48213": {"x": "y"}, "48214": {"x": ""}}})
    assert list(form) == ["b", "a", "rows"]
    assert form["a"] == {"list": 2, "types": ["null", "number"]}
    assert "48213" not in json.dumps(form)
    assert [is_base64(text) for text in ("SmFuZQ==", "Jane Doe", "abc", "Test")] == [True, False, False, False]
