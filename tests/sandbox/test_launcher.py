"""The launcher: two real processes, everything a migration needs on disk, and nothing left behind."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import stat
import sys
import tomllib
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from streamflow.config import load as load_config
from streamflow.platforms.catalog import forms
from streamflow.sandbox.launcher import LaunchError, Options, main, running
from streamflow.sandbox.leadperfection.__main__ import main as leadperfection
from streamflow.sandbox.leadperfection.account import Account
from streamflow.sandbox.leadperfection_planting import planted_records
from streamflow.sandbox.leadtrekker.__main__ import main as leadtrekker
from streamflow.sandbox.pair_config import pair_config
from tests.hanging import HUNG_S

ROOT = Path(__file__).resolve().parents[2]


async def fetch(url: str, **options: Any) -> Any:
    """GET, or POST when there is a body, and give the JSON."""
    async with (
        aiohttp.ClientSession() as http,
        http.request("POST" if "json" in options or "data" in options else "GET", url, **options) as answer,
    ):
        assert answer.status == 200, await answer.text()
        return await answer.json()


async def command(folder: Path, *arguments: str) -> asyncio.subprocess.Process:
    """Start `python -m streamflow.sandbox`."""
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "streamflow.sandbox", "--dir", str(folder), "--records", "100", *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, cwd=ROOT,
    )  # fmt: skip


async def spoken(process: asyncio.subprocess.Process) -> dict[str, Any]:
    """Give the one JSON line."""
    assert process.stdout is not None
    line: dict[str, Any] = json.loads(await asyncio.wait_for(process.stdout.readline(), HUNG_S))
    return line


def is_running(pid: int) -> bool:
    """Tell whether a process is there and not a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


async def ended(pids: list[int]) -> bool:
    """Wait for processes that are not children of the test to be gone."""
    async with asyncio.timeout(HUNG_S):
        while any(is_running(pid) for pid in pids):  # noqa: ASYNC110 - no event tells of the end of another's child
            await asyncio.sleep(0.02)
    return True


def exported(config: dict[str, Any]) -> set[str]:
    """Give the files of the only snapshot in the inbox; there are attachments in any case."""
    [snapshot] = Path(config["source"]["inbox"]).iterdir()
    names = {entry["file"] for entry in json.loads((snapshot / "manifest.json").read_text())["files"]}
    assert all((snapshot / name).is_file() for name in names)
    assert any(name.startswith("attachments/") for name in names)
    return names


async def test_a_pair_is_ready_when_the_block_begins_and_gone_when_it_ends(tmp_path: Path) -> None:
    """Both servers answer with the keys on disk; files are private; after the block the processes are gone."""
    async with running(Options(dir=tmp_path / "sb", records=200, life_per_s=50, search_lag_s=0.5)) as sandbox:
        config = tomllib.loads(sandbox.config_path.read_text())
        source, destination = config["source"], config["destination"]
        assert (source["base_url"], destination["base_url"]) == (sandbox.source_url, sandbox.destination_url)
        assert json.loads((sandbox.dir / "sandbox.json").read_text()) == sandbox.as_json()
        key = Path(source["api_key_file"]).read_text()
        leads = await fetch(sandbox.source_url + "getleads", json={}, headers={"Apikey": key})
        assert len(leads["leads"]) >= 40     # of fifty: people merge and delete some from the first moment on
        login = aiohttp.encode_basic_auth(destination["username"], Path(destination["api_key_file"]).read_text())
        users = await fetch(destination["base_url"] + "/users", headers={"Authorization": login})
        assert destination["username"] in {email for user in users["users"] for email in user["emails"]}
        assert (await fetch(sandbox.destination_admin + "switches"))["search_lag_s"] == 0.5
        assert (await fetch(sandbox.source_admin + "state"))["life"]["done"] > 0
        for path in ("keys/leadtrekker.key", "keys/nutshell.key", "streamflow.toml", "servers/leadtrekker.json"):
            assert stat.S_IMODE((sandbox.dir / path).stat().st_mode) == 0o600
        assert all(name.startswith("attachments/") for name in exported(config))
        pids = list(sandbox.pids)
        assert all(is_running(pid) for pid in pids)
    assert await ended(pids)


async def test_the_two_accounts_overlap(tmp_path: Path) -> None:
    """Most owners, not all, are users of the destination, and some people and companies are there already."""
    async with running(Options(dir=tmp_path / "sb", impersonate=True)) as sandbox:
        there = await fetch(sandbox.destination_admin + "dump")
        key = (sandbox.dir / "keys" / "leadtrekker.key").read_text()
        roster = (await fetch(sandbox.source_url + "getusers", json={}, headers={"Apikey": key}))["users"]
        leads = (await fetch(sandbox.source_url + "getleads", json={}, headers={"Apikey": key}))["leads"]
        assert tomllib.loads(sandbox.config_path.read_text())["destination"]["impersonate"] is True
    known = {email for user in there["users"] for email in user["emails"]}
    active = [user["email"].strip().lower() for user in roster if user["active"] == "1" and user["email"]]
    matched = [email for email in active if email in known]
    assert len(active) > len(matched) > len(active) / 2
    mails = {str(lead["email"]).strip().lower() for lead in leads}
    people = [row for row in there["contacts"] if {str(e["value"]).lower() for e in row["emails"]} & mails]
    assert len(people) >= 3
    spellings = {str(lead["company"]).lower() for lead in leads}
    firms = [row for row in there["accounts"] if any(row["name"].lower() in spelling for spelling in spellings)]
    assert len(firms) >= 3


async def test_files_are_exported_where_they_are_to_be_read(tmp_path: Path) -> None:
    """With reader files the first snapshot, tables and attachments, is whole in the inbox of the configuration."""
    async with running(Options(dir=tmp_path / "sb", records=100, reader="files", form="xlsx")) as sandbox:
        config = tomllib.loads(sandbox.config_path.read_text())
        assert {"leads.xlsx", "notes.xlsx"} <= exported(config)
        assert config["source"]["reader"] == "files"


async def test_the_command_speaks_one_line_and_ends_on_sigterm(tmp_path: Path) -> None:
    """It prints what sandbox.json holds, lives until SIGTERM, ends its servers and exits 0; limits reach the servers."""
    switches = tmp_path / "switches.json"
    switches.write_text('{"leadtrekker": {"order": "desc"}, "nutshell": {"search_lag_s": 2}}')
    faults = tmp_path / "faults.toml"
    faults.write_text("[nutshell]\nsearch_lag_s = 3\nlatency_ms = 1\n")
    process = await command(
        tmp_path / "sb", "--rate", "50", "--burst", "9", "--source-rate", "40", "--gates", "auto",
        "--switches", str(switches), "--faults", str(faults),
    )  # fmt: skip
    told = await spoken(process)
    assert told == json.loads((tmp_path / "sb" / "sandbox.json").read_text())
    source = await fetch(told["source"]["admin"] + "switches")
    destination = await fetch(told["destination"]["admin"] + "switches")
    assert (source["order"], source["rate_per_s"]) == ("desc", 40)
    assert [destination[name] for name in ("rate_per_s", "burst", "search_lag_s", "latency_ms")] == [50, 9, 3, 1]
    config = tomllib.loads(Path(told["config"]).read_text())
    assert config["pace"]["destination"]["rate_per_s"] == 45
    assert set(config["gates"].values()) == {"auto"}
    assert "@" in config["owners"]["fallback"]
    process.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(process.wait(), HUNG_S) == 0
    assert await ended(told["pids"])


async def test_servers_do_not_outlive_a_killed_launcher(tmp_path: Path) -> None:
    """After kill -9 of the launcher both servers end by themselves."""
    process = await command(tmp_path / "sb")
    pids = (await spoken(process))["pids"]
    process.kill()
    await process.wait()
    assert await ended(pids)


async def test_a_lost_server_ends_the_sandbox(tmp_path: Path) -> None:
    """When one server ends by itself the command ends the other and exits 1."""
    process = await command(tmp_path / "sb")
    pids = (await spoken(process))["pids"]
    os.kill(pids[0], signal.SIGKILL)
    assert await asyncio.wait_for(process.wait(), HUNG_S) == 1
    assert await ended(pids)


async def test_a_server_that_cannot_start_is_named_with_its_reason(tmp_path: Path) -> None:
    """A switch that does not exist ends the command with 69 and the server's own words, and leaves no process."""
    switches = tmp_path / "switches.toml"
    switches.write_text("[leadtrekker]\nnonsense = 1\n")
    process = await command(tmp_path / "sb", "--switches", str(switches))
    _, said = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 69
    assert b"leadtrekker did not start" in said
    assert b"no such switch: nonsense" in said
    assert b"Traceback" not in said


async def test_a_used_directory_is_refused(tmp_path: Path) -> None:
    """A directory with the state of an earlier migration is not used again, since its accounts are gone."""
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "ledger.db").touch()
    with pytest.raises(LaunchError, match="accounts that are gone"):
        async with running(Options(dir=tmp_path)):
            pass
    with pytest.raises(LaunchError, match="switches name hubspot"):
        async with running(Options(dir=tmp_path / "new", switches={"hubspot": {}})):
            pass


def test_unreadable_switches_are_a_plain_message(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file of switches that is not there or not two tables ends with 69 and its name."""
    wrong = tmp_path / "wrong.json"
    wrong.write_text('{"nutshell": 1}')
    for path in (wrong, tmp_path / "none.toml"):
        assert main(["--dir", str(tmp_path / "sb"), "--switches", str(path)]) == 69
        assert str(path) in capsys.readouterr().err


def test_the_configuration_survives_odd_paths() -> None:
    """Quotes, backslashes and other letters in a path come back from the TOML as they were."""
    folder = Path('/tmp/a "b" \\ ö')
    text = pair_config(
        dir=folder, source={"platform": "p", "base_url": "s"}, gates="ask", impersonate=False, destination_url="d", rpc_url="r",
        username="u", fallback=None, owners_file=None, source_rate_per_s=None, rate_per_s=None,
    )  # fmt: skip
    config = tomllib.loads(text)
    assert config["migration"]["state_dir"] == str(folder / "state")
    assert config["source"] == {"platform": "p", "base_url": "s", "inbox": str(folder / "inbox")}
    assert config["owners"] == {}
    assert config["pace"]["destination"]["rate_per_s"] == 150


async def test_a_pair_with_lead_perfection_is_ready(tmp_path: Path) -> None:
    """Both servers run with the login on disk, a second origin refuses the first one's token, reps' e-mails are in a file."""
    late = {"lead_perfection": {"late_visibility_s": [2, 8.5]}}
    options = Options(dir=tmp_path / "sb", pair="lead-perfection-nutshell", reader="files", extract=True, life_per_s=50, faults=late)
    async with running(options) as sandbox:
        config = load_config(sandbox.config_path, forms())
        assert config.delta.settle_s == 10, "the configuration says how late the source may show a change"
        source, asked = config.source, config.source.options
        assert (source.platform, source.timezone, asked.text("base_url")) == ("lead_perfection", "America/New_York", sandbox.source_url)
        form = {"grant_type": "password", "username": asked.text("username"), "clientid": asked.text("clientid")}
        form |= {name: secret.reveal() for name, secret in asked.secrets().items()}
        assert form.keys() >= {"password", "appkey"}
        token = (await fetch(f"{sandbox.source_url}/token", data=form))["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        window = {"startdate": "2000-01-01", "enddate": "2100-01-01", "PageSize": "50", "options": "261120"}
        assert len(await fetch(f"{sandbox.source_url}/api/Customers/GetLead", data=window, headers=headers)) == 50
        other = f"{sandbox.source_other_url}/api/Customers/GetLead"
        async with aiohttp.ClientSession() as http, http.post(other, data=window, headers=headers) as answer:
            assert answer.status == 401
        assert (await fetch(sandbox.source_admin + "state"))["life"]["done"] > 0
        there = await fetch(sandbox.destination_admin + "dump")
        known = {email for user in there["users"] for email in user["emails"]}
        reps = (sandbox.dir / "owners.csv").read_text().splitlines()
        assert reps[0] == "id,name,email"
        mails = [line.split(",")[-1].strip('"') for line in reps[1:]]
        assert len(mails) > len([mail for mail in mails if mail in known]) > len(mails) / 2
        assert stat.S_IMODE((sandbox.dir / "keys" / "lead_perfection.password").stat().st_mode) == 0o600
        [snapshot] = (sandbox.dir / "inbox").iterdir()
        manifest = json.loads((snapshot / "manifest.json").read_text())
        assert [entry["report"] for entry in manifest["files"]][:4] == ["133", "134", "135", None]


async def test_some_prospects_are_in_the_destination_already(tmp_path: Path) -> None:
    """Of the people planted there some share an e-mail, some only a phone, and one only a name with a prospect."""
    account = Account(seed=7, records=400, now=datetime(2026, 11, 18, 9))
    trees = [account.prospect(index) for index in range(account.prospect_count)]
    planted = planted_records(account)["contacts"]
    mails = {tree["email"].lower() for tree in trees}
    phones = {tree["phone1"] for tree in trees}
    by_mail = [row for row in planted if row.get("emails") and row["emails"][0]["value"].lower() in mails]
    by_phone = [row for row in planted if row.get("phones") and "".join(filter(str.isdigit, row["phones"][0]["value"])) in phones]
    assert (len(by_mail), len(by_phone), len(planted)) == (2, 2, 5)
    assert {row["name"] for row in planted} <= {f"{tree['firstname']} {tree['lastname']}" for tree in trees}


@pytest.mark.parametrize("source", [leadtrekker, leadperfection])
@pytest.mark.parametrize("document", [{"colour": "blue"}, {"switches": {"colour": "blue"}}])
def test_a_source_refuses_settings_that_do_not_exist(
    source: Callable[[list[str]], int], document: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Started by itself with a setting or a switch it does not have, a simulated source says which and ends with 2."""
    (tmp_path / "config.json").write_text(json.dumps(document))
    with pytest.raises(SystemExit, match="2"):
        source(["--config", str(tmp_path / "config.json")])
    assert "colour" in capsys.readouterr().err
