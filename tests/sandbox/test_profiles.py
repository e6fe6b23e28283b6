"""Profiles of faults: the shipped ones, files of one's own, and changing them while a sandbox runs."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from streamflow.sandbox.launcher import LaunchError, Options, add_arguments, options_from
from streamflow.sandbox.profiles import PLATFORMS, SHIPPED, ProfileError, read_profile
from tests.sandbox.raw_rig import Raw, raw


def options(*words: str) -> Options:
    """Read a command line as the sandbox does."""
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return options_from(parser.parse_args(["--dir", "/nowhere", *words]))


@pytest.mark.parametrize("platform", PLATFORMS)
async def test_every_shipped_profile_is_taken_and_taken_back(platform: str) -> None:
    """The admin face takes each by name, and calm leaves everything as it was before."""
    async with raw(platform) as wire:
        before = await wire.admin("switches")
        for name in SHIPPED:
            assert (await wire.admin("profile", {"name": name}) == before) is (name == "calm")
        assert await wire.admin("profile", {"name": "calm"}) == before


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("name", ["calm", "flaky", "lying"])
async def test_a_profile_strikes_alike_each_time(platform: str, name: str) -> None:
    """The same seed and the same calls meet the same faults; calm has none."""

    async def faults(wire: Raw) -> dict[str, int]:
        await wire.admin("profile", {"name": name})
        await wire.switch(hang=None, drip=None, delay_after=None, latency_ms=0, swell=None)  # what takes time
        for page in range(1, 7):
            for _ in range(8):
                await wire.rows(page)
        struck: dict[str, int] = (await wire.admin("log"))["faults"]
        return struck

    async with raw(platform) as one:
        first = await faults(one)
    async with raw(platform) as other:
        assert await faults(other) == first
    assert bool(first) is (name != "calm")


def test_a_profile_is_named_or_a_file(tmp_path: Path) -> None:
    """By name, by a path of TOML or JSON; `all` goes beneath each platform's own table, and the whole beside --switches."""
    path = tmp_path / "my.toml"
    path.write_text("[all]\nburst = 3\ndeny = {times = 1}\n[leadtrekker]\nburst = 4\n")
    assert read_profile(path)["leadtrekker"] == {"burst": 4, "deny": {"times": 1}}
    assert read_profile(str(path))["nutshell"] == {"burst": 3, "deny": {"times": 1}}
    (tmp_path / "my.json").write_text(json.dumps({"nutshell": {"burst": 9}}))
    assert read_profile(tmp_path / "my.json")["nutshell"] == {"burst": 9}
    assert read_profile("flaky")["nutshell"]["reset_after"]
    given = options("--faults", "flaky")
    assert given.faults == read_profile("flaky")
    assert given.switches == {}


def test_what_is_no_profile_is_said_plainly(tmp_path: Path) -> None:
    """An unknown name lists the shipped ones; a file that cannot be read says why; tables have names that exist."""
    with pytest.raises(ProfileError, match="calm, slow, flaky, hostile, lying"):
        read_profile("wild")
    with pytest.raises(LaunchError, match="No such file"):
        options("--faults", str(tmp_path / "none.toml"))
    (tmp_path / "bad.toml").write_text("[nutshell\n")
    with pytest.raises(ProfileError, match="cannot read faults"):
        read_profile(tmp_path / "bad.toml")
    (tmp_path / "odd.toml").write_text("[hubspot]\n")
    with pytest.raises(ProfileError, match="not hubspot"):
        read_profile(tmp_path / "odd.toml")


async def test_the_documented_profile_is_taken(tmp_path: Path) -> None:
    """The example of the documentation is a profile, and each platform takes its part; every shipped one is described there."""
    page = (Path(__file__).parents[2] / "docs" / "faults.md").read_text()
    path = tmp_path / "documented.toml"
    path.write_text(page.partition("```toml\n")[2].partition("```")[0])
    for platform, values in read_profile(path).items():
        async with raw(platform) as wire:
            assert (await wire.admin("profile", {"set": values}))["latency_ms"] == [5, 200]
    assert [name for name in SHIPPED if f"| `{name}` |" not in page] == []


async def test_a_profile_of_ones_own_goes_in_by_the_admin_face() -> None:
    """Switches given whole take the place of the last profile; what does not exist changes nothing."""
    async with raw("leadtrekker") as wire:
        await wire.admin("profile", {"set": {"deny": {"status": 403}}})
        assert (await wire.rows()).status == 403
        refused = await wire.send("POST", "/_sandbox/profile", b'{"set": {"nothing": 1}}', Content_Type="application/json")
        assert refused.status == 400
        assert (await wire.rows()).status == 403
        await wire.admin("profile", {"set": {}})
        assert (await wire.rows()).status == 200
