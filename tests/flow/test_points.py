"""A whole run that is struck at named points, and rolled back; `make torture` strikes at every one of them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import anyio
import pytest

from streamflow.clock import SystemClock
from streamflow.config import Config, load
from streamflow.daemon.home import open_home
from streamflow.model import Intent, IntentState, Op, QueueItem, Ref
from streamflow.platforms.catalog import forms
from streamflow.store.base import AuditEntry
from streamflow.store.change import Audit, Change, Enqueue, MoveMark, PutIntent, PutSetting, SettleIntent
from tests.flow.box import REPOSITORY, environment
from tests.flow.harness import assert_right
from tests.flow.measures import audit
from tests.flow.stopping import PARTS, Points, Stops, missed, missed_in_parts, name_of, names_of, peak_mib, struck
from tests.flow.survival import Trial, survive
from tests.hanging import HUNG_S
from tests.test_config import MINIMAL, SECRET, written

STRUCK = (
    "before:intent create", "after:decision", "after:send POST contacts", "after:phase tail", "before:cutover/switch",
    "after:cutover/switch",
    "before:rollback/intent delete", "after:rollback/send DELETE notes/{id}", "before:rollback/audit rollback.done",
)  # fmt: skip
_SELF = "import sys; from pathlib import Path; from tests.flow.stopping import Points, Stops; "
_COMES = _SELF + "Points(Path(sys.argv[1]), Stops(times=2)).come('before:mark')"

_LIVES = (
    "import sys; from pathlib import Path; from tests.flow.stopping import Points, Stops, live; plan = Path(sys.argv[1]); "
    "sys.exit(live(lambda: Points(plan, Stops(times=4)).come('before:mark') or 75, plan))"
)


def test_a_run_struck_at_named_points_ends_as_if_it_had_not_been() -> None:
    """Killed around a write, a phase, the switch and steps of a rollback, a run loses and doubles nothing and is undone whole."""
    survived = survive(Trial(seed=5, stops=Stops(only=STRUCK), undone=True, records=50))
    assert survived.points == dict.fromkeys(STRUCK, 1)
    assert_right(list(survived.findings))
    assert survived.leaks == ()


def test_a_point_that_nobody_came_by_is_told(tmp_path: Path) -> None:
    """Before and after it, for whatever a run of that kind must do."""
    plan = tmp_path / "stops.json"
    plan.with_suffix(".struck").write_text("before:stage\nbefore:tail/enqueue\nafter:phase done\n", encoding="utf-8")
    assert {"after:stage", "before:rollback/intent update", "after:phase rolled_back"} <= set(missed(plan, is_undone=True))
    assert "before:stage" not in missed(plan, is_undone=True)
    assert "before:tail/stage" in missed(plan, is_undone=True)
    assert not {"before:enqueue", "before:tail/enqueue"} & set(missed(plan, is_undone=True)), "in the tail is as good as before it"
    assert "before:phase done" in (left := missed(plan, is_undone=False))
    assert "after:phase done" not in left
    assert {"before:watch/mark", "after:watch/setting closed_at"} <= set(left)
    assert "after:archive" not in left
    assert "after:archive" in missed(plan, is_undone=False, has_files=True)
    assert not any("rollback" in point for point in left)


def test_probes_use_up_no_point_of_a_record(tmp_path: Path) -> None:
    """What is sent to try the destination is a point of its own, so that the sends of a run are struck around somebody's record."""
    points = Points(tmp_path / "stops.json", Stops(), phase="schema")
    assert points.within("send POST contacts") == "schema/send POST contacts"
    points.phase = "sample"
    assert points.within("send POST contacts") == "send POST contacts"


def test_a_rollback_of_a_part_has_points_of_its_own(tmp_path: Path) -> None:
    """They bear the name of what was asked for, from the order to where the life goes on; what else is done keeps its own."""
    points = Points(tmp_path / "stops.json", Stops(within=tuple(PARTS)), phase="tail")
    points.ask({"scope": "kind:notes"})
    assert [points.within(name) for name in ("audit rollback.requested", "mark")] == ["rollback kind/audit rollback.requested", "tail/mark"]
    points.phase = "rollback"
    assert [points.within(name) for name in ("intent delete", "phase tail")] == ["rollback kind/intent delete", "rollback kind/phase tail"]
    points.ask(None)
    assert points.within("intent delete") == "rollback/intent delete"
    points.come("before:mark")
    assert not struck(points.plan), "nothing else is struck"
    points.plan.with_suffix(".struck").write_text("before:rollback kind/intent delete\n", encoding="utf-8")
    left = missed_in_parts(points.plan, is_meddled=False)
    assert "before:rollback kind/intent delete" not in left
    assert {"before:rollback record/phase tail", "after:rollback phase/report"} <= set(left)
    assert "after:rollback kind/intent delete" in left
    assert "after:rollback kind/intent delete" not in missed_in_parts(points.plan, is_meddled=True), "people may leave nothing to remove"


def test_a_point_strikes_as_often_as_it_is_told(tmp_path: Path) -> None:
    """The process dies by SIGKILL each time it comes by, and after so many times it lives."""
    plan = tmp_path / "stops.json"
    ends = [
        subprocess.run([sys.executable, "-c", _COMES, str(plan)], cwd=REPOSITORY, env=environment(), check=False, timeout=HUNG_S).returncode
        for _ in range(3)
    ]
    assert ends == [-signal.SIGKILL, -signal.SIGKILL, os.EX_OK]
    assert struck(plan) == {"before:mark": 2}


def test_whoever_struck_itself_lives_again_until_a_life_ends_otherwise(tmp_path: Path) -> None:
    """Four lives end by kill -9 at one point; the fifth ends with an exit code of its own, and that is given."""
    plan = tmp_path / "stops.json"
    ended = subprocess.run([sys.executable, "-c", _LIVES, str(plan)], cwd=REPOSITORY, env=environment(), check=False, timeout=HUNG_S)
    assert (ended.returncode, struck(plan)) == (75, {"before:mark": 4})
    assert peak_mib(plan) > 1


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    """Give the configuration of a migration that wrote something, came to the tail, and does not run."""
    monkeypatch.setenv("LT_KEY", SECRET)
    (tmp_path / "nutshell.key").touch(mode=0o600)
    (tmp_path / "nutshell.key").write_text(SECRET)
    config = load(written(tmp_path, MINIMAL), forms())

    async def begin() -> None:
        async with open_home(config, SystemClock()) as ledger:
            settings = {"phase": {"state": "tail"}, "fields:meant": [["leads", "Streamflow ID"]]}
            await ledger.commit([PutSetting(name=name, value=value) for name, value in settings.items()])

    anyio.run(begin)
    return config


async def _order(config: Config) -> Any:
    async with open_home(config, SystemClock()) as ledger:
        return await ledger.setting("rollback")


def test_a_rollback_ordered_while_nobody_runs_is_noted_once(config: Config) -> None:
    """Killed right before it is kept and right behind, and said again each time, it is one order in the operator's name."""
    plan, points = config.path.with_name("stops.json"), [f"{side}:tail/audit rollback.requested" for side in ("before", "after")]
    Stops(only=tuple(points)).write(plan)
    command = [sys.executable, "-m", "tests.flow.stopping", str(plan), "-c", str(config.path), "rollback", "--confirm", "acme"]
    ended = subprocess.run(command, cwd=REPOSITORY, env=environment(), check=False, timeout=HUNG_S, capture_output=True, text=True)
    assert ended.returncode == os.EX_OK, ended.stderr
    assert struck(plan) == dict.fromkeys(points, 1)
    told = [json.loads(entry) for _, entry, _ in audit(config.migration.state_dir)]
    assert [(each["actor"], each["note"]) for each in told if each["action"] == "rollback.requested"] == [(f"uid:{os.geteuid()}", "run")]
    assert anyio.run(_order, config)["scope"] == "run"


def _intent() -> Intent:
    return Intent(id="1-1", ref=Ref("lead", "1", ""), op=Op.UPDATE, dest_kind="contacts", fields={})


def _audited(action: str, **more: Any) -> Change:
    return Audit(entry=AuditEntry(actor="streamflow", action=action, **more))


@pytest.mark.parametrize(
    ("changes", "name"),
    [([PutIntent(intent=_intent()), MoveMark(name="lead", cursor="1")], "intent update"),
     ([SettleIntent(id="1-1", state=IntentState.CONFIRMED)], "settle confirmed"),
     ([PutSetting(name="phase", value={"state": "tail"}), _audited("phase", after="tail")], "phase tail"),
     ([PutSetting(name="cutover", value={"step": "drain"}), _audited("cutover.drain")], "step drain"),
     ([PutSetting(name="cutover", value={"step": "switched"}), PutSetting(name="switched", value={})], "switch"),
     ([PutSetting(name="cutover", value=None)], "step over"), ([PutSetting(name="round:lead", value=3)], "setting round")],
)  # fmt: skip
def test_a_transaction_is_named_by_the_most_it_does(changes: list[Change], name: str) -> None:
    """What is struck can be told from its name."""
    assert name_of(changes) == name


def test_a_question_is_struck_around_whatever_else_is_written_with_it() -> None:
    """Most come with a write, and runs by files ask about records in no other way: that is a point of its own beside the write's."""
    question = Enqueue(item=QueueItem(id="q", cause="shared_email", kind="lead", key="1", reason="", decisions=("accept",)))
    write = PutIntent(intent=_intent())
    assert names_of([write, question]) == ("intent update", "enqueue")
    assert names_of([question]) == ("enqueue",)
    assert names_of([write]) == ("intent update",)
