"""The arithmetic of the figures, without any clock."""

from __future__ import annotations

import json
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from streamflow.model import Link, Ref
from streamflow.sandbox.pair_config import pair_config
from tests.bench.least import Written, lead_perfection, leadtrekker, nutshell
from tests.bench.pace import Trial
from tests.bench.rig import BenchError, Case, Run, configured, tally
from tests.bench.table import Figure, keep, shown


def _text() -> str:
    return pair_config(
        dir=Path("/x"), source={"platform": "leadtrekker", "reader": "api", "base_url": "http://s/api/", "api_key_file": "/x/key"},
        gates="auto", impersonate=False, destination_url="http://d/rest", rpc_url="http://d/api/v1/json", username="a@example.org",
        fallback=None, owners_file=None, source_rate_per_s=None, rate_per_s=50.0,
    )  # fmt: skip


def test_a_case_is_put_into_the_configuration_of_the_sandbox() -> None:
    """The pace is exactly what the server allows, flags join those that are there, and the cutover waits."""
    case = Case(records=1, allowed_per_s=50.0, in_flight=7, adaptive=True, flags={"rpc_find_custom_fields": False}, sample=9)
    found = tomllib.loads(configured(_text(), case))
    assert found["pace"]["destination"] == {"rate_per_s": 50.0, "max_in_flight": 7, "adaptive": True}
    assert found["destination"]["flags"]["rpc_find_custom_fields"] is False
    assert found["destination"]["flags"]["timeout_s"] == 5.0
    assert (found["gates"]["cutover"], found["sample"]["size"]) == ("ask", 9)


def test_a_replacement_that_finds_nothing_is_an_error() -> None:
    """A case whose wish is not carried out must not be measured."""
    with pytest.raises(BenchError):
        configured(_text(), Case(records=1, config={"no such line": "x"}))


def test_the_least_of_source_calls_counts_pages_and_children() -> None:
    """One call a page of each list, at least one each, and three for each lead; what hangs on leads is no list."""
    counts = {"leads": 501, "reminders": 1000, "users": 0, "notes": 9999, "calls": 9999, "emails": 9999, "attachments": 9999}
    assert leadtrekker(counts) == 2 + 2 + 1 + 3 * 501


def test_the_least_of_source_calls_by_windows_counts_pages_their_proof_and_what_is_nobodys() -> None:
    """Of 600 prospects twelve pages in two windows, twice; of 40 jobs one; how pages are numbered is proved where there is a second one."""
    counts = {"prospects": 600, "leads": 750, "jobs": 40, "appointments": 510, "notes": 9999, "calls": 9999}
    fixed, strays = 1 + 6 + 9 + 1, 510 // 17 + 40 // 20
    assert lead_perfection(counts) == fixed + (2 * (12 + 2) + 5) + (1 + 1) + (1 + 2 + 1) + 2 * strays


def test_the_least_of_destination_calls_counts_writes_actions_and_shared_reads() -> None:
    """A write for each record made or changed, one for each deal closed, and reads of 50; custom fields by 100, or one by one."""
    written = Written(made={"contacts": 98, "leads": 20, "notes": 101}, changed={"contacts": 3}, actions=7)
    writes, by_id = 98 + 20 + 101 + 3 + 7, 3 + 1 + 3
    assert nutshell(written, many=True) == writes + by_id + (2 + 1)
    assert nutshell(written, many=False) == writes + by_id + (101 + 20)


def test_a_line_of_the_crosswalk_counts_the_writes_it_asks_for() -> None:
    """What joined another record asks for none, a person found there for one where something of theirs was changed."""
    run, ref = Run(case=Case(records=1)), Ref("job", "7")
    deal = Link(ref=ref, dest_kind="leads", dest_id="1-leads", base={"outcome": "1-outcomes", "description": "Roof"}, ours=True)
    note = Link(ref=Ref("job", "7", "details"), dest_kind="notes", dest_id="1-notes", base={}, ours=True)
    found = Link(ref=ref, dest_kind="contacts", dest_id="1-contacts", base={}, ours=False, before={"name": "A"})
    for link in (deal, note, found, replace(found, before={}), replace(found, before=None)):
        tally(link, run)
    assert run.writes_of == {"job: leads": 1, "job: outcome": 1, "job: notes details": 1, "job: contacts": 1}
    assert (run.made, run.changed, run.actions) == ({"leads": 1, "notes": 1}, {"contacts": 1}, 1)


def test_an_aim_is_met_or_missed(tmp_path: Path) -> None:
    """The table and the file say the same of each figure."""
    met = Figure(name="a", value=1.0, unit="x", at_most=1.0)
    missed = Figure(name="b", value=0.9, unit="x", at_least=0.95)
    figures = [met, missed, Figure(name="c", value=3.0, unit="s")]
    assert [figure.holds for figure in figures] == [True, False, None]
    assert [line.split()[-1] for line in shown(figures).splitlines()[1:3]] == ["met", "MISSED"]
    keep(figures, tmp_path / "deep" / "out.json", {"records": 1})
    assert [row["holds"] for row in json.loads((tmp_path / "deep" / "out.json").read_text())["figures"]] == [True, False, None]


def test_an_adaptive_trial_has_room_for_its_climb() -> None:
    """An account is never too small to keep the destination busy for as long as is measured."""
    fixed, adaptive = (Trial(cap_per_s=10, seconds=40, adaptive=each) for each in (False, True))
    assert fixed.records > 10 * 43
    assert adaptive.records >= fixed.records + 100
