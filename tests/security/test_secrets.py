"""Secrets: where they come from, and that no command line, environment, log, error, crash or report shows them."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from streamflow.cli.main import parser
from streamflow.config import PAIRS
from streamflow.config import load as load_config
from streamflow.errors import ConfigError
from streamflow.platforms.catalog import forms as platform_forms
from tests.named import ROOT
from tests.security.canaries import forms, in_files, within

KEY = 'canary"of\\the key/äß'
OTHER = "canary-of-the-second-key"
PERSON = "canary.person@example.test"

CONFIG = """
[migration]
name = "canary"
state_dir = "state"
[source]
platform = "leadtrekker"
reader = "api"
timezone = "Africa/Johannesburg"
base_url = "http://127.0.0.1:9/api/"
api_key_file = "source.key"
[destination]
base_url = "http://127.0.0.1:9/rest"
username = "admin@example.test"
api_key_env = "CANARY_KEY"
[metrics]
listen = ""
[log]
format = "json"
level = "debug"
"""

CRASH = """
import sys
from streamflow.cli.main import main
import streamflow.daemon.main as daemon

def broken(config, *rest):
    held = {"key": [each.reveal() for each in config.secrets()], "record": sys.stdin.read()}
    raise ExceptionGroup(f"{held}", [RuntimeError(f"cannot {held}")]) from ValueError(held)

daemon.open_doors = broken
sys.exit(main(["-c", sys.argv[1], "run"]))
"""
"""A daemon with a bug whose exception holds both keys and a record."""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "streamflow.toml").write_text(CONFIG, encoding="utf-8")
    (tmp_path / "source.key").write_text(KEY, encoding="utf-8")
    (tmp_path / "source.key").chmod(0o600)
    return tmp_path / "streamflow.toml"


def _options(of: argparse.ArgumentParser) -> Iterator[str]:
    for action in of._actions:
        yield from action.option_strings
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                yield from _options(inner)


def test_no_command_takes_a_secret() -> None:
    """Nothing secret can be given on a command line, where every user of the machine reads it."""
    words = ("key", "password", "token", "secret", "credential", "pass")
    assert [option for option in _options(parser()) if any(word in option for word in words)] == []


def test_a_crash_shows_neither_secrets_nor_records(config: Path) -> None:
    """A bug whose exception holds keys and a record ends with one sentence and a place; log, errors and state keep none of it."""
    done = subprocess.run(
        [sys.executable, "-c", CRASH, str(config)], input=PERSON, capture_output=True, text=True, timeout=60, check=False,
        cwd=config.parent, env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "CANARY_KEY": OTHER},
    )  # fmt: skip
    assert done.returncode == 70, done.stderr
    assert "internal error: RuntimeError" in done.stderr
    assert '"event":"daemon.failed"' in done.stdout
    assert within((done.stdout + done.stderr).encode(), (KEY, OTHER, PERSON)) == []
    kept = [path for path in config.parent.rglob("*") if path.name != "source.key"]
    assert in_files(kept, (KEY, OTHER, PERSON)) == []
    assert not list(config.parent.rglob("core*"))


def test_secrets_come_from_files_and_variables_alone(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret in the configuration itself, or in a file that others can read, is refused, and the refusal does not repeat it."""
    monkeypatch.setenv("CANARY_KEY", OTHER)
    assert set(load_config(config, platform_forms()).secret_texts()) >= {KEY, OTHER}
    config.with_name("source.key").chmod(0o640)
    config.write_text(CONFIG.replace('api_key_env = "CANARY_KEY"', f'api_key = "{OTHER}"'), encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_config(config, platform_forms())
    said = " ".join(caught.value.faults)
    assert "source.key can be read by others" in said
    assert "destination.api_key" in said
    assert within(said.encode(), (KEY, OTHER)) == []


def test_starters_hold_no_secret() -> None:
    """The files that `init` writes name where a secret is, never one."""
    for pair in PAIRS:
        text = (ROOT / "config" / f"{pair}.toml").read_text(encoding="utf-8")
        lines = [line for line in text.splitlines() if any(word in line.partition("=")[0] for word in ("api_key", "password", "appkey"))]
        assert lines
        assert all(line.partition("=")[0].strip(" #").endswith(("_file", "_env")) for line in lines)


@pytest.mark.parametrize("before", ["", "a", "ab", "user@x.test:"])
def test_a_canary_is_found_in_each_of_its_forms(before: str) -> None:
    """The search itself finds what it looks for: plain, in JSON, in an address, in base64 wherever it begins."""
    import base64
    import json
    from urllib.parse import quote

    for spelt in (KEY, json.dumps(before + KEY), quote(before + KEY, safe=""), base64.b64encode((before + KEY).encode()).decode()):
        assert within(f"… {spelt} …".encode(), (KEY,)), (before, spelt, forms(KEY))
    assert within(b"nothing of the kind", (KEY,)) == []
