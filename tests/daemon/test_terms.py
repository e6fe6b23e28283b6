"""From the configuration to what the phases work by: what is set takes effect, or is told to have none."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamflow.config import Config, load
from streamflow.daemon.preflight import refuse_faults, without_effect
from streamflow.daemon.terms import terms_of
from streamflow.errors import ConfigError
from streamflow.platforms.catalog import forms

TEXT = """
[migration]
name = "acme"
state_dir = "state"
volume_override = true
[source]
platform = "leadtrekker"
reader = "api"
timezone = "Africa/Johannesburg"
base_url = "https://system.leadtrekker.com/api/"
api_key_env = "LT_KEY"
[source.streams.note]
poll_s = "5m"
settle_s = 7
[destination]
username = "admin@example.com"
api_key_env = "LT_KEY"
[delta]
poll_s = 30
settle_s = 60
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LT_KEY", "k-123456")
    return tmp_path


def config(folder: Path, more: str = "") -> Config:
    (folder / "streamflow.toml").write_text(TEXT + more, encoding="utf-8")
    return load(folder / "streamflow.toml", forms())


def test_streams_and_volume_take_effect(folder: Path) -> None:
    """A stream's own pause and horizon, and the word that a very large account is meant, reach the phases."""
    terms = terms_of(config(folder))
    assert (terms.stream_poll_s, terms.poll_s, terms.round_s) == ({"note": 300.0}, 30.0, 30.0)
    assert (terms.settle_of("note"), terms.settle_of("lead"), terms.horizon_s) == (7.0, 60.0, 60.0)
    assert terms.volume_override
    assert without_effect(config(folder)) == []


def test_what_has_no_effect_is_named(folder: Path) -> None:
    """Settings that are understood and not built are told by their key, so that nobody relies on them."""
    more = '[console]\nlisten = "127.0.0.1:8080"\n[map.llm]\nbase_url = "https://llm.example.com"\nmodel = "m"\n'
    told = without_effect(config(folder, more))
    assert [text.partition(":")[0] for text in told] == ["map.llm", "console.listen"]
    assert all("has no effect in this version" in text for text in told)


def test_counts_of_what_is_not_counted_are_refused(folder: Path) -> None:
    """A figure from the source's screens is refused where it would be held against nothing; all such are named at once."""
    refuse_faults(config(folder, "[source.expected_counts]\nlead = 5\nnote = 7\n"))
    counts = "[source.expected_counts]\nleads = 5\ncompany = 3\nemail = 1\nnote = 7\n"
    wrong = config(folder, counts + "[source.streams.email]\nenabled = false\n")
    with pytest.raises(ConfigError) as refused:
        refuse_faults(wrong)
    told = str(refused.value)
    assert [kind for kind in ("leads", "company", "email", "note") if f".{kind}:" in told] == ["leads", "company", "email"]
    assert 'did you mean "lead"' in told
