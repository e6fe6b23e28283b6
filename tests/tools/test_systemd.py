"""The unit, as `systemd-analyze` sees it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.hanging import HUNG_S

UNIT = Path(__file__).parents[2] / "deploy" / "streamflow.service"
EXPOSURE_TENTHS = 11     # 1.1 of 10; what is left is the network, without which nothing is moved


def analyze(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(("systemd-analyze", *words), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=HUNG_S)


def test_exposure_stays_where_it_is() -> None:
    """The unit is exposed by 1.1 of 10 at most."""
    said = analyze("security", "--offline=true", f"--threshold={EXPOSURE_TENTHS}", "--no-pager", str(UNIT))
    assert "Overall exposure level" in said.stdout
    assert said.returncode == 0, said.stdout


@pytest.mark.parametrize("key", ["DynamicUser=yes", "CapabilityBoundingSet=", "RestrictNamespaces=yes", "SystemCallFilter=@system-service"])
def test_a_wall_that_is_taken_down_is_seen(key: str, tmp_path: Path) -> None:
    """Without any one of these lines the same command fails."""
    weaker = tmp_path / UNIT.name
    weaker.write_text("\n".join(line for line in UNIT.read_text(encoding="utf-8").splitlines() if line != key), encoding="utf-8")
    assert analyze("security", "--offline=true", f"--threshold={EXPOSURE_TENTHS}", "--no-pager", str(weaker)).returncode != 0


def test_every_line_is_understood(tmp_path: Path) -> None:
    """No key is unknown or misspelt: the tool has nothing to say, and it does once there is one."""
    here = tmp_path / UNIT.name
    text = UNIT.read_text(encoding="utf-8").replace("/opt/streamflow/bin/streamflow", "/bin/true")     # nothing is installed there
    here.write_text(text, encoding="utf-8")
    said = analyze("verify", str(here))
    assert (said.returncode, said.stdout) == (0, "")
    here.write_text(text.replace("ProtectHome=", "ProtectHomes="), encoding="utf-8")
    assert "ProtectHomes" in analyze("verify", str(here)).stdout
