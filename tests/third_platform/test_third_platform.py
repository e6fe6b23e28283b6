"""A third platform needs a folder, a spec and a map, and nothing of the package: shown by one that is made up."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from streamflow.sandbox.nutshell.admin import dump
from tests.flow.box import Box
from tests.flow.daemon import Daemon, daemon
from tests.flow.harness import Operator
from tests.third_platform.server import TOKEN, Served, served

SITE = Path(__file__).parent / "site"
CONFIG = """
[migration]
name = "porch"
state_dir = "state"
[source]
platform = "porch"
reader = "api"
timezone = "America/New_York"
base_url = "{source}"
town = "Sanford"
token_file = "keys/porch"
[destination]
base_url = "{destination}/rest"
username = "admin@porch.example"
api_key_file = "keys/nutshell"
[destination.flags]
timeout_s = 5.0
late_commit_s = 1.0
[pace.source]
rate_per_s = 200
max_in_flight = 8
[pace.destination]
rate_per_s = 200
[sample]
size = 6
[cutover]
watch_days = 0
deadline_s = 600
[delta]
poll_s = 1
settle_s = 1
sweep_every = 5
[metrics]
listen = ""
[control]
socket = "control.sock"
"""


@pytest.fixture
def both() -> Iterator[Served]:
    with served() as accounts:
        yield accounts


@pytest.fixture
def box(both: Served, monkeypatch: pytest.MonkeyPatch) -> Iterator[Box]:
    """A folder with the configuration, short enough for a socket; the platform is on the path of every child process."""
    monkeypatch.setenv("PYTHONPATH", str(SITE))
    folder = Path(tempfile.mkdtemp(prefix="sf-porch-"))
    keys = folder / "keys"
    keys.mkdir()
    for name, secret in (("porch", TOKEN), ("nutshell", "sandbox-key")):
        (keys / name).touch(mode=0o600)
        (keys / name).write_text(secret, encoding="utf-8")
    (folder / "streamflow.toml").write_text(CONFIG.format(source=both.source_url, destination=both.destination_url), encoding="utf-8")
    yield Box(dir=folder, source_admin=f"{both.source_url}/admin/", destination_admin="")
    shutil.rmtree(folder, ignore_errors=True)


def marked(site: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    """Give the live records of a kind by the source identity they carry."""
    rows = [row for row in site[kind] if not row.get("deletedTime")]
    return {str(row["customFields"].get("Streamflow ID")): row for row in rows}


def test_a_made_up_platform_goes_through_all_gates(both: Served, box: Box) -> None:
    """It is found by its entry point, checked, read, moved, followed and switched by the daemon as any other; what it left is there."""
    checked = Daemon(box).cli("check")
    assert (checked.code, {finding["subject"] for finding in checked.body["findings"]}) == (0, {"config", "state", "source", "destination"})
    with daemon(box) as running:
        operator = Operator(running)
        operator.drive("tail")
        both.rows["clients"][1]["town"] = "Oviedo"     # people go on working
        both.rows["visits"].append({**both.rows["visits"][0], "visitid": "v9", "clientid": "c1", "notes": "came later"})
        operator.until(lambda status: status["streams"]["visit"]["read"] == 6, "the visit that came later")
        operator.cut_over()
        code = operator.finish()
    verdict = json.loads((box.state / "reports" / "reconciliation.json").read_text(encoding="utf-8"))["data"]["verdict"]
    assert (code, verdict["tone"]) == (0, "good"), (verdict, running.words())
    assert [gate for gate in operator.gates if gate != "companies"] == ["map", "owners", "sample"]
    assert both.is_frozen
    assert not both.writes
    told = dump(both.site)
    people, deals = marked(told, "contacts"), marked(told, "leads")
    assert people.keys() == {f"po:client:c{n}" for n in range(10)}
    assert deals.keys() == {f"po:quote:q{n}" for n in range(5)}
    assert people["po:client:c1"]["addresses"][0]["value"]["city"] == "Oviedo"
    assert people["po:client:c0"]["customFields"]["Lead Flag"] == "Lead"
    assert [deals[f"po:quote:q{n}"]["status"] for n in range(3)] == ["won", "lost", "open"], "as the value map says"
    _assert_deals(people, deals, both.rows["quotes"])
    _assert_visits(told)
    _assert_reports(box)


def _assert_deals(people: dict[str, dict[str, Any]], deals: dict[str, dict[str, Any]], quotes: list[dict[str, Any]]) -> None:
    assert {key: deal["links"]["contacts"] for key, deal in deals.items()} == {
        f"po:quote:{quote['quoteid']}": [people[f"po:client:{quote['clientid']}"]["id"]] for quote in quotes
    }


def _assert_visits(told: dict[str, Any]) -> None:
    visits = [row for row in told["activities"] if "[sf:po:visit:" in row["description"]]
    assert len(visits) == 6
    assert any("came later" in row["description"] for row in visits)


def _assert_reports(box: Box) -> None:
    reports = {path.stem: json.loads(path.read_text(encoding="utf-8"))["data"] for path in (box.state / "reports").glob("*.json")}
    assert not {"companies", "groups", "notifications", "repeats"} & reports.keys()
    rows = {row["kind"]: row for row in reports["reconciliation"]["kinds"]}
    assert {kind: row["read"] for kind, row in rows.items() if row["explained"]} == {"client": 10, "quote": 5, "visit": 6}
    assert reports["scope"]["out_of_scope"] == ["doorbells: nobody writes them down"]
    assert reports["automations"]["source_offers"] == "doorbells: not available: nobody writes them down"
    assert reports["quality"]["clients"] == 10
