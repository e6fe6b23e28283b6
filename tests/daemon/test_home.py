"""A state directory belongs to the accounts it was begun with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from streamflow.clock import SystemClock
from streamflow.config import Config, load, reload, taken_over
from streamflow.daemon.home import claim, note_rollback, open_home
from streamflow.errors import ConfigError, DoesNotFit, UsageError
from streamflow.platforms.catalog import forms
from streamflow.store.change import PutSetting
from tests.test_config import MINIMAL, SECRET, written

LEAD_PERFECTION = """
[migration]
name = "acme"
state_dir = "state"
[source]
platform = "lead_perfection"
reader = "api"
timezone = "America/New_York"
base_url = "https://api.example.com"
username = "migration"
password_env = "LT_KEY"
clientid = "acme"
appkey_env = "LT_KEY"
[destination]
username = "admin@example.com"
api_key_file = "nutshell.key"
"""


def at(config: Config, base_url: str | None) -> Config:
    options = replace(config.source.options, values={**config.source.options.values, "base_url": base_url or ""})
    return replace(config, source=replace(config.source, options=options))


async def test_a_state_directory_belongs_to_one_source_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An address that becomes known later (files first, the API after) is taken; from then on another one is refused by name."""
    monkeypatch.setenv("LT_KEY", SECRET)
    (tmp_path / "nutshell.key").touch(mode=0o600)
    (tmp_path / "nutshell.key").write_text(SECRET)
    config = load(written(tmp_path, MINIMAL), forms())
    config = replace(config, migration=replace(config.migration, state_dir=tmp_path / "state"))
    one, other = "https://one.example/api/", "https://other.example/api/"
    for address in (None, one, None, one):
        async with open_home(at(config, address), SystemClock()) as ledger:
            await claim(ledger, at(config, address))
    async with open_home(at(config, one), SystemClock()) as ledger:
        with pytest.raises(ConfigError) as refused:
            await claim(ledger, at(config, other))
        assert "source.base_url" in str(refused.value)
        assert (await ledger.setting("identity"))["source.base_url"] == one


async def test_two_accounts_at_one_address_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where many accounts share a host, what tells them apart is part of the identity; their secrets can be rotated in a run."""
    monkeypatch.setenv("LT_KEY", SECRET)
    (tmp_path / "nutshell.key").touch(mode=0o600)
    (tmp_path / "nutshell.key").write_text(SECRET)
    config = load(written(tmp_path, LEAD_PERFECTION), forms())
    other = load(written(tmp_path, LEAD_PERFECTION.replace('clientid = "acme"', 'clientid = "other"')), forms())
    async with open_home(config, SystemClock()) as ledger:
        with pytest.raises(ConfigError, match=r"source\.clientid: the state directory belongs to 'acme'"):
            await claim(ledger, other)
    monkeypatch.setenv("LT_KEY", "another")
    changed = reload(config, load(written(tmp_path, LEAD_PERFECTION), forms()))
    assert (changed.changed, changed.needs_restart) == (("source.appkey_env", "source.password_env"), ())
    assert taken_over(config, changed.settings).source.options.secrets()["appkey"].reveal() == "another"


async def test_a_rollback_noted_without_a_daemon_is_one_that_can_be_carried_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A record that nobody knows, an account nothing was written to, and another part than the one being undone: each is refused."""
    monkeypatch.setenv("LT_KEY", SECRET)
    (tmp_path / "nutshell.key").touch(mode=0o600)
    (tmp_path / "nutshell.key").write_text(SECRET)
    config = load(written(tmp_path, MINIMAL), forms())
    config = replace(config, migration=replace(config.migration, state_dir=tmp_path / "state"))

    async def noted(scope: str) -> str:
        return await note_rollback(config, SystemClock(), actor="uid:7", scope=scope)

    async with open_home(config, SystemClock()) as ledger:
        await ledger.commit([PutSetting(name="phase", value={"state": "tail"})])
    with pytest.raises(DoesNotFit, match="nothing has been written yet"):
        await noted("run")
    pause = {"reason": "by the operator: lunch", "by": "uid:7"}
    async with open_home(config, SystemClock()) as ledger:
        settings = {"fields:meant": [["leads", "Streamflow ID"]], "operator:paused": pause}
        await ledger.commit([PutSetting(name=name, value=value) for name, value in settings.items()])
    with pytest.raises(UsageError, match="no lead record has the key nosuch"):
        await noted("record:lead:nosuch")
    assert [await noted("kind:note"), await noted("kind:note")] == ["noted", "noted"]
    with pytest.raises(DoesNotFit, match="a rollback of kind:note is under way"):
        await noted("run")
    async with open_home(config, SystemClock()) as ledger:
        plan = await ledger.setting("rollback")
        assert (plan["scope"], plan["paused"]) == ("kind:note", pause)
