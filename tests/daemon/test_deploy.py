"""What ships for operators fits the program: rules and dashboard name series that exist, the unit keeps its hardening."""

from __future__ import annotations

import configparser
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from streamflow.clock import SystemClock
from streamflow.daemon.metrics import DISPOSITIONS, PHASES, STATES, VERIFICATION_VERDICTS, Metrics
from streamflow.daemon.status import Figures
from streamflow.wire.message import Attempt
from streamflow.wire.verdict import CallVerdict

from .fake_operator import SNAPSHOT

DEPLOY = Path(__file__).parents[2] / "deploy"


def exported() -> set[str]:
    metrics = Metrics(clock=SystemClock(), platforms=("nutshell",), kinds=("lead",), dest_kinds=("contacts",), stages=("load",))
    metrics(Attempt(platform="nutshell", method="GET", endpoint="contacts", status=200, verdict="ok", seconds=0.1))
    metrics.observe(replace(SNAPSHOT, figures=Figures(disk_free_bytes=1, search_lag_s=1.0)))
    return set(re.findall(r"^([a-z_]+)(?:\{| )", metrics.render()[0].decode(), re.MULTILINE))


@pytest.mark.parametrize("name", ["prometheus/rules.yml", "prometheus/rules_test.yml", "grafana/streamflow.json"])
def test_series_exist(name: str) -> None:
    """No alert and no panel asks for a series the daemon does not export."""
    asked = set(re.findall(r"\b(?:streamflow|process)_[a-z_]+[a-z]\b", (DEPLOY / name).read_text(encoding="utf-8")))
    assert asked
    assert asked - exported() == set()


def test_labels_exist() -> None:
    """No alert, its test or panel waits for a state, phase or verdict that there is not: it would never fire."""
    known = {"state": STATES, "phase": PHASES, "disposition": DISPOSITIONS, "verdict": (*VERIFICATION_VERDICTS, *map(str, CallVerdict))}
    for name in ("prometheus/rules.yml", "prometheus/rules_test.yml", "grafana/streamflow.json"):
        text = (DEPLOY / name).read_text(encoding="utf-8").replace('\\"', '"')
        asked = re.findall(r'\b(state|phase|disposition|verdict)="([a-z_]+)"', text)
        assert [each for each in asked if each[1] not in known[each[0]]] == [], name


def test_every_alert_is_tested_both_ways() -> None:
    """Each alert has a case where it fires and one where it stays silent."""
    alerts = re.findall(r"- alert: (\w+)", (DEPLOY / "prometheus" / "rules.yml").read_text(encoding="utf-8"))
    cases = (DEPLOY / "prometheus" / "rules_test.yml").read_text(encoding="utf-8")
    assert alerts
    for alert in alerts:
        assert f"name: {alert} fires" in cases
        assert f"name: {alert} stays silent" in cases


def test_dashboard_is_well_formed() -> None:
    """The dashboard is one JSON document whose panels have distinct ids, places and queries."""
    board = json.loads((DEPLOY / "grafana" / "streamflow.json").read_text(encoding="utf-8"))
    ids = [panel["id"] for panel in board["panels"]]
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in board["panels"]]
    assert len(ids) == len(set(ids)) == len(set(places))
    assert all(target["expr"] for panel in board["panels"] for target in panel["targets"])


def test_unit_is_hardened() -> None:
    """The unit notifies, has a watchdog, does not restart on faults a restart cannot mend, and keeps its walls."""
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]  # systemd's keys have capitals
    unit.read(DEPLOY / "streamflow.service")
    service = unit["Service"]
    assert (service["Type"], service["ProtectSystem"], service["UMask"]) == ("notify", "strict", "0077")
    assert service["RestartPreventExitStatus"].split() == ["64", "70", "77", "78"]
    for key in ("NoNewPrivileges", "PrivateDevices", "ProtectHome", "MemoryDenyWriteExecute", "RestrictNamespaces", "DynamicUser"):
        assert service[key] == "yes"
    assert service["CapabilityBoundingSet"] == ""
    assert unit["Unit"]["StartLimitIntervalSec"] == "0"
    assert "LoadCredential" in service


def test_container_is_confined() -> None:
    """The container has a user by number, looks after itself, fetches nothing unchecked, and no secret has a place in it."""
    text = (DEPLOY / "Containerfile").read_text(encoding="utf-8")
    orders = [line.strip() for line in text.replace("\\\n", " ").splitlines() if line.strip() and not line.startswith("#")]
    user = next(order.split()[1] for order in orders if order.startswith("USER"))
    assert all(part.isdigit() and part != "0" for part in user.split(":"))
    assert any(order.startswith("HEALTHCHECK") for order in orders)
    assert not [order for order in orders if order.startswith("ADD") or "curl" in order or "wget" in order or "sudo" in order]
    given = " ".join(order.lower() for order in orders if order.startswith(("ENV", "ARG")))
    assert not any(word in given for word in ("key", "secret", "password"))
    assert "0700 -o 10001 -g 10001 /state" in text
    assert all(word in text for word in ("--read-only", "--cap-drop=all", "no-new-privileges", "--pids-limit", "--memory"))
