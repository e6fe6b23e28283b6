"""A state directory belongs to the accounts it was begun with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from streamflow.clock import SystemClock
from streamflow.config import Config, load
from streamflow.daemon.home import claim, open_home
from streamflow.errors import ConfigError
from streamflow.platforms.catalog import forms
from tests.test_config import MINIMAL, SECRET, written


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
