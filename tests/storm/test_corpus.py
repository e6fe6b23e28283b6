"""Every hostile answer at every door; and what a process holds of a body that unpacks to far more, never ends, or is read as far more."""

from __future__ import annotations

import asyncio
import sys

import pytest
from aiohttp.test_utils import TestServer

from streamflow.sandbox.corpus.catalogue import GROUPS
from streamflow.sandbox.nutshell import make_app, open_site
from tests.corpus.held import CAP_BYTES
from tests.corpus.places import PLACES
from tests.corpus.striking import all_broken, strikes_at

HELD_BYTES = 32 * 1024 * 1024
"""What a process may grow by beyond the cap of a body."""


@pytest.mark.timeout(1_200)
@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("place", PLACES)
async def test_no_hostile_answer_breaks_a_promise(place: str, group: str) -> None:
    """Nothing is let through, believed, confirmed or called that should not be, in time, and the next answer is taken as it is."""
    strikes = strikes_at(place, GROUPS[group])
    assert [f"{strike}: {wrong}" async for strike, wrong in all_broken(place, strikes, limit_s=60.0)] == []


@pytest.mark.parametrize(
    "form", ["gzip_bomb", "deflate_bomb", "endless", "endless_chunks", "endless_headers", "swarm", "swarm_of_brackets"]
)
async def test_a_body_without_measure_is_not_held(form: str) -> None:
    """A process of its own that is answered so refuses, and has grown by no more than the cap and a little at its largest."""
    site = open_site({"switches": {"search_lag_s": 0}})
    async with TestServer(make_app(site=site), host="127.0.0.1") as server:
        site.faults.merge({"odd_200": {"form": form, "after": True, "match": "struck"}})
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.corpus.held", str(server.make_url("/rest")), stdout=asyncio.subprocess.PIPE
        )
        said, _ = await child.communicate()
        assert site.faults.log.faults["odd_200"] > 0
    assert child.returncode == 0
    grown = int(said)
    assert grown <= CAP_BYTES + HELD_BYTES, f"{grown / 2**20:.0f} MB"
