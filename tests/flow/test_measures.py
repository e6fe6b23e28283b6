"""What a torture measures a run by, shown to find what it is for: crashes, leaks, calls too fast, and ends that people had to mend."""

from __future__ import annotations

import json
import math
import os
import random
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from streamflow.model import Link, QueueItem, Ref
from streamflow.sandbox.profiles import SHIPPED
from streamflow.stages.differences import _item
from tests.flow.box import Box, sandbox
from tests.flow.daemon import NotAnswering
from tests.flow.hands import PATIENCE, Hands, provides, stays_down
from tests.flow.measures import Calls, calls, crashes, leaks, of_destination, of_source, personal
from tests.flow.telltales import LEAST, plant
from tests.judge.states import ask

BURST, KNOCKS = 3, 8
FRAMES = ["loop.py:7 turn"]
QUIET = (
    {"event": "trouble", "level": "warning", "code": "network", "message": "no answer"},
    {"event": "job.failed", "level": "error", "job": "check", "error_type": "Unreachable", "error_code": "unreachable", "error": "away"},
    {"event": "library.log", "level": "warning", "logger": "asyncio", "reason": "socket.send() raised exception."},
    {"event": "daemon.failed", "level": "error", "error_type": "DiskFull", "error_code": "disk_full", "error": "no room"},
)
CRASHED: tuple[dict[str, Any], ...] = (
    {"event": "control.verb_crashed", "level": "error", "path": "/v1/cutover", "error_type": "KeyError", "frames": FRAMES},
    {"event": "control.verb_failed", "level": "error", "path": "/v1/queue", "error_type": "StoreError", "error_code": "store"},
    {"event": "job.failed", "level": "error", "job": "check", "error_type": "TypeError", "frames": FRAMES},
    {"event": "job.failed", "level": "error", "job": "check", "error_type": "ExceptionGroup", "errors": []},
    {"event": "job.not_kept", "level": "error", "error_type": "ExceptionGroup", "errors": [{"error_type": "OSError", "frames": FRAMES}]},
    {"event": "library.log", "level": "error", "logger": "asyncio", "reason": "Task exception was never retrieved"},
)


class Answering:
    """A daemon in name: gives one answer to every order, and notes how often it was started."""

    def __init__(self, code: int) -> None:
        self.code = code
        self.starts = 0

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Give the answer."""
        return self.code, {"method": method, "path": path, "body": body}

    def start(self) -> None:
        """Note it."""
        self.starts += 1

    def words(self, lines: int) -> str:
        """Say nothing."""
        return "-" * lines


class Asking(Answering):
    """A daemon in name whose queue holds one question."""

    def __init__(self, item: QueueItem) -> None:
        super().__init__(200)
        self._item = item

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Show the question, and take any order."""
        return self.code, {"items": [asdict(self._item)]} if method == "GET" else {"order": path}


@pytest.fixture
def box(tmp_path: Path) -> Box:
    """Give the folder of a sandbox without platforms."""
    (tmp_path / "keys").mkdir()
    return Box(dir=tmp_path, source_admin="", destination_admin="")


def _hands(box: Box, daemon: Answering, faults: str = "calm") -> Hands:
    hands = Hands(box, random.Random(1), [], faults=faults)
    hands.daemon = daemon  # type: ignore[assignment]
    return hands


def _logged(box: Box, *lines: str) -> Path:
    log = box.dir / "daemon.log"
    log.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return log


@pytest.mark.parametrize("said", CRASHED, ids=lambda said: str(said["event"]))
def test_an_error_that_nobody_foresaw_is_a_finding(box: Box, said: dict[str, Any]) -> None:
    """Wherever the daemon swallows one it tells its log, and that makes the run wrong."""
    log = _logged(box, *(json.dumps(line) for line in (*QUIET, said)))
    assert [found.partition(":")[0] for found in leaks(box, log, telling=(), planted=())] == [said["event"]]


def test_a_foreseen_error_is_none() -> None:
    """A platform that is away, a full disk, a job that fails with words of ours."""
    assert crashes("\n".join(json.dumps(line) for line in QUIET)) == []
    assert crashes("Traceback (most recent call last):\n  File x") == ["an unhandled exception"]


def test_an_order_that_breaks_the_daemon_is_no_refusal(box: Box) -> None:
    """A switch that is refused while it is too early is asked for again; one that is answered with 500 ends the run."""
    assert _hands(box, Answering(409))._order("/v1/cutover", freeze_confirmed=True)[0] == 409
    with pytest.raises(AssertionError, match="POST /v1/cutover: 500"):
        _hands(box, Answering(500))._order("/v1/cutover", freeze_confirmed=True)


@pytest.mark.parametrize("code", [502, 503])
def test_a_platform_that_fails_an_answer_is_asked_again(box: Box, code: int) -> None:
    """Where platforms fail; where they do not, and where the daemon itself breaks down, the run is wrong."""
    with pytest.raises(NotAnswering):
        _hands(box, Answering(code), "hostile")._ask("GET", "/v1/records/lead/7")
    for status, faults in ((code, "calm"), (500, "hostile")):
        with pytest.raises(AssertionError, match=f"{status}"):
            _hands(box, Answering(status), faults)._ask("GET", "/v1/records/lead/7")


@pytest.mark.parametrize(("dest_id", "is_accepted"), [("52-tasks", True), ("7-contacts", False)])
def test_a_person_accepts_what_people_did_to_a_task_and_no_other_fault(box: Box, dest_id: str, is_accepted: bool) -> None:
    """What reads back differently holds up the switch: of tasks only a person can tell whose change it was, of others the feed can."""
    link = Link(
        ref=Ref(kind="reminder", key="1"), dest_kind=dest_id.partition("-")[2], dest_id=dest_id, base={"title": "Call"}, ours=True,
    )
    hands = _hands(box, Asking(_item(link, ["title"])))
    assert hands._decide() == is_accepted


def test_only_what_the_unit_starts_again_is_started_again(box: Box) -> None:
    """A platform away at the start is; a bug, a setting that does not hold, a refused key are not, but where keys are taken away."""
    assert stays_down() == {os.EX_OK, 1, os.EX_USAGE, os.EX_SOFTWARE, os.EX_NOPERM, os.EX_CONFIG}
    for code, faults in ((os.EX_UNAVAILABLE, "slow"), (os.EX_TEMPFAIL, "flaky"), (os.EX_NOPERM, "hostile")):
        hands = _hands(box, daemon := Answering(200), faults)
        assert hands._goes_on(code)
        assert (daemon.starts, hands.paused + hands.restarts) == (1, 1)
    for code, faults in ((os.EX_UNAVAILABLE, "calm"), (os.EX_NOPERM, "flaky"), (os.EX_SOFTWARE, "hostile"), (-6, "hostile")):
        with pytest.raises(AssertionError, match=f"exit code {code}"):
            _hands(box, Answering(200), faults)._goes_on(code)


def test_who_gives_up_again_and_again_is_wrong(box: Box) -> None:
    """A service manager starts it as often as it likes, and a run that lives of that is not right."""
    hands = _hands(box, Answering(200), "flaky")
    hands.restarts = PATIENCE
    with pytest.raises(AssertionError, match="again and again"):
        hands._goes_on(os.EX_TEMPFAIL)


def test_only_one_profile_gives_work_to_a_person() -> None:
    """A full plan and a key that is taken away are for a person; bad lines, slow answers and lies pass by themselves."""
    assert {name: sorted(provides(name) & {"plan_limit", "deny"}) for name in SHIPPED} == {
        **{name: [] for name in SHIPPED}, "hostile": ["deny", "plan_limit"],
    }  # fmt: skip


def test_what_a_record_holds_of_people_is_looked_for() -> None:
    """Names, firms, streets, towns, short notes as well as addresses and numbers; not ids, and not the words of a platform."""
    row = {
        "leadid": "48213007", "name": "Thandi Mokoena", "company": "Karoo Solar", "email": "t.m@example.co.za", "number": "082 555 0142",
        "address": "12 Loop Street, Cape Town", "note": "Gate code 4711, ring\nsecond", "status": "Contacted twice",
        "custom_fields": {"Surname": "Klipfontein"}, "links": {"owner": "1234567-users"},
    }  # fmt: skip
    assert personal(row) == {
        "Thandi Mokoena", "Karoo Solar", "t.m@example.co.za", "082 555 0142", "0825550142", "12 Loop Street, Cape Town", "12 Loop Street",
        "Cape Town", "Gate code 4711, ring", "Gate code 4711", "Klipfontein",
    }  # fmt: skip


@pytest.mark.parametrize("line", ["THANDI MOKOENA", r'no \"Zo\u00eb\"', r'no \"Zoë\"', "file bquoted/Qivzubax.txt", "UWl2enViYXg"])
def test_a_value_is_found_however_it_is_written(box: Box, line: str) -> None:
    """In other letters, in JSON, in a path, in base64."""
    log = _logged(box, line)
    assert leaks(box, log, telling={"Thandi Mokoena", 'no "Zoë"'}, planted={"Qivzubax"}) != []
    assert leaks(box, _logged(box, "nobody"), telling={"Thandi Mokoena", 'no "Zoë"'}, planted={"Qivzubax"}) == []


@pytest.fixture
def accounts() -> Iterator[tuple[Box, frozenset[str]]]:
    """Give both accounts of a pair with few calls allowed at once, and the words planted in them."""
    options = {"records": 10, "rate": 0.01, "source_rate": 0.01, "burst": BURST}      # what was spent does not come back in a test
    with sandbox(**options) as box:
        yield plant(box, options, seed=3)


def test_words_are_planted_and_calls_counted_on_both_sides(accounts: tuple[Box, frozenset[str]]) -> None:
    """Fifty words that stand nowhere else are in names, firms, streets, notes of both accounts; who calls either too fast is counted."""
    box, words = accounts
    assert len(words) >= LEAST
    told = " ".join(of_source(box.source()) | of_destination(box.destination())).lower()
    assert [word for word in words if word.lower() not in told] == []
    assert calls(box) == Calls(told_to_wait=0, exceeded=0)
    least = {}
    for number, platform in enumerate(("source", "destination"), start=1):
        url = json.loads((box.dir / "sandbox.json").read_text(encoding="utf-8"))[platform]["url"]
        begun = time.monotonic()
        for _ in range(KNOCKS):
            _knock(url)
        least[platform] = math.ceil(KNOCKS / (int(time.monotonic() - begun) + 1))      # in one of the seconds that they took
        assert calls(box).exceeded == number * (KNOCKS - BURST), platform
    seen = calls(box)
    assert seen.told_to_wait == seen.exceeded
    assert least["source"] <= seen.source_per_s <= KNOCKS
    assert least["destination"] <= seen.destination_per_s <= KNOCKS


def _knock(url: str) -> None:
    """Call a platform without a word that it knows."""
    try:
        ask(url)
    except OSError:
        pass
