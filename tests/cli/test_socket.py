"""Commands against a served control socket: what they ask, what they print, how they end."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import anyio
import anyio.to_thread
import pytest
import structlog
from anyio.from_thread import start_blocking_portal
from daemon.fake_operator import ITEM, FakeOperator, served, short_folder

from streamflow.cli import asking, cutover, status
from streamflow.cli.main import main
from streamflow.config import starter
from streamflow.daemon import log
from streamflow.errors import PlatformUnavailable
from tests.hanging import HUNG_S


@dataclass
class Seat:
    """An operator's seat: run command lines, see what was printed."""

    folder: Path
    operator: FakeOperator
    capture: pytest.CaptureFixture[str]

    async def run(self, *words: str) -> tuple[int, str]:
        config = str(self.folder / "streamflow.toml")
        self.capture.readouterr()
        code = await anyio.to_thread.run_sync(main, ["-c", config, *words])
        out, err = self.capture.readouterr()
        return code, out + err


@pytest.fixture
def seat(capsys: pytest.CaptureFixture[str]) -> Iterator[Seat]:
    with short_folder() as folder, start_blocking_portal() as portal:
        (folder / "streamflow.toml").write_text(starter("leadtrekker-nutshell") + "\n")
        with portal.wrap_async_context_manager(served(folder / "state")) as daemon:
            log.configure(form="json", level="info", stream=io.BytesIO())  # the daemon's lines are not the command's
            yield Seat(folder, daemon.operator, capsys)
            structlog.reset_defaults()


async def test_status(seat: Seat) -> None:
    """People see state with reason, gate with command, numbers a kind; programs the document."""
    code, out = await seat.run("status")
    assert code == 0
    gate = "open it with: streamflow map confirm --digest abc"
    for words in (": waiting: map not confirmed", gate, "lead", "asked for silence until 12:00", "1 open"):
        assert words in out
    code, out = await seat.run("status", "--json")
    assert json.loads(out)["phase"] == "map"


@pytest.mark.parametrize(
    ("words", "verb", "given"),
    [
        (("pause", "--reason", "lunch"), "pause", {"reason": "lunch"}),
        (("resume",), "resume", {}),
        (("pace", "nutshell", "2.5"), "pace", {"platform": "nutshell", "rate_per_s": 2.5}),
        (("map", "confirm", "--digest", "abc"), "map_confirm", {"digest": "abc"}),
        (("owners", "recheck"), "owners_recheck", {}),
        (("owners", "fallback", "a@b.c"), "owners_fallback", {"email": "a@b.c"}),
        (("sample", "accept"), "sample_accept", {}),
        (("queue", "resolve", "q/1", "--as", "two"), "queue_resolve", {"id": "q/1", "decision": "two"}),
        (("cutover", "--freeze-confirmed"), "cutover", {"freeze_confirmed": True, "dry_run": False}),
        (("cutover", "cancel"), "cutover_cancel", {}),
        (("verify",), "verify", {}),
        (("rollback", "--confirm", "acme-leadtrekker"), "rollback", {"scope": "run", "dry_run": False, "confirm": "acme-leadtrekker"}),
        (("rollback", "--dry-run", "--scope", "phase:sample"), "rollback", {"scope": "phase:sample", "dry_run": True, "confirm": ""}),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, tuple) else None,
)
async def test_orders(seat: Seat, words: tuple[str, ...], verb: str, given: dict[str, object]) -> None:
    """Each order reaches the daemon with what was typed, and its result is told."""
    code, out = await seat.run(*words)
    assert (code, bool(out.strip())) == (0, True)
    name, arguments = seat.operator.asked[-1]
    assert (name, {key: value for key, value in arguments.items() if key != "actor"}) == (verb, given)


async def test_long_work_is_waited_for_with_progress(seat: Seat, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long a verb takes, its result is printed in the end; people see how far it is, and how it failed."""
    monkeypatch.setattr(asking, "FIRST_LOOK_S", 0.0)
    monkeypatch.setattr(asking, "LOOK_EVERY_S", 0.02)
    told, note = list[str](), asking.note

    def telling(line: str) -> None:
        told.append(line)
        note(line)

    monkeypatch.setattr(asking, "note", telling)
    seat.operator.is_over = lambda: any("40 of 100000" in line for line in told)
    code, out = await seat.run("verify")
    assert (code, "verify: 40 of 100000 records so far" in out, "verify" in out.splitlines()[-1]) == (0, True, True)
    code, out = await seat.run("verify", "--json")
    assert (code, json.loads(out)) == (0, {"result": "verify"})
    seat.operator.failure = PlatformUnavailable("nobody answers", platform="nutshell", hint="try again")
    code, out = await seat.run("verify")
    assert (code, "nobody answers" in out, "hint: try again" in out) == (69, True, True)


async def test_questions(seat: Seat) -> None:
    """What can be seen is shown for people and as JSON for programs."""
    for words, shown in (
        (("map", "show"), "streamflow map confirm --digest abc"),
        (("owners", "show"), "P. Nel"),
        (("owners", "recheck"), "P. Nel  p@x.za        3"),
        (("sample", "show"), "sample of 300 records: ready"),
        (("queue", "list"), "shared_email"),
        (("queue", "show", "q1"), "suggested: two"),
        (("trace", "lead", "48213"), "result: trace"),
        (("report",), "/state/reports/scope.html"),
    ):
        code, out = await seat.run(*words)
        assert (code, shown in out) == (0, True), out
        code, out = await seat.run(*words, "--json")
        assert code == 0
        assert json.loads(out)


async def test_refusals_keep_their_words(seat: Seat) -> None:
    """What the daemon refuses is told with its hint and the right code."""
    code, out = await seat.run("map", "confirm", "--digest", "old")
    assert (code, "the map has changed since" in out, "hint: look at it again" in out) == (64, True, True)
    code, out = await seat.run("sample", "redo")
    assert (code, "Traceback" in out) == (70, False)
    assert (await seat.run("queue", "show", "nothing"))[0] == 64


@pytest.mark.parametrize("words", [
    ("pause", "--reason"), ("queue", "show"), ("trace", "lead"), ("rollback", "--dry-run", "--scope"), ("map", "confirm", "--digest"),
])  # fmt: skip
async def test_what_is_typed_in_another_encoding_is_no_bug(seat: Seat, words: tuple[str, ...]) -> None:
    """An argument that is no text is refused as such before anybody is asked."""
    seat.operator.asked.clear()
    code, out = await seat.run(*words, "J\udcfcrgen")
    assert (code, "no text" in out, "UTF-8" in out, seat.operator.asked) == (64, True, True, [])


async def test_precheck(seat: Seat) -> None:
    """A dry run tells reasons and notes, and ends with 1 when not ready; contradictory options are refused."""
    code, out = await seat.run("cutover", "--dry-run")
    assert (code, "1 blocking queue item" in out, "note: nobody watches" in out) == (1, True, True)
    assert (await seat.run("cutover", "--dry-run", "--wait"))[0] == 64
    assert (await seat.run("cutover", "cancel", "--wait"))[0] == 64


@pytest.mark.parametrize(("phase", "code"), [("watch", 0), ("done", 0), ("tail", 75)])
async def test_cutover_wait(seat: Seat, monkeypatch: pytest.MonkeyPatch, phase: str, code: int) -> None:
    """Waiting ends with 0 once switched, with 75 once the daemon went back to tailing."""
    monkeypatch.setattr(cutover, "POLL_S", 0.01)
    seat.operator.next_phase = phase
    with anyio.fail_after(HUNG_S):
        assert (await seat.run("cutover", "--freeze-confirmed", "--wait"))[0] == code


async def test_watching_ends_with_the_migration(seat: Seat, monkeypatch: pytest.MonkeyPatch) -> None:
    """Watching prints a line a change without a terminal, and ends when the migration does."""
    monkeypatch.setattr(status, "REFRESH_S", 0.01)
    seat.operator.snapshot = replace(seat.operator.snapshot, state="done", phase="done", gate=None)
    code, out = await seat.run("status", "--watch")
    assert (code, out.count("\n"), out.startswith("done")) == (0, 1, True)
    assert (await seat.run("top"))[0] == 0


async def test_map_edit_takes_what_show_gave(seat: Seat) -> None:
    """The JSON of `map show` may be edited and given back whole, or as the bare document."""
    _, shown = await seat.run("map", "show", "--json")
    for name, text in (("whole.json", shown), ("bare.json", json.dumps(json.loads(shown)["document"]))):
        (seat.folder / name).write_text(text)
        assert (await seat.run("map", "edit", str(seat.folder / name)))[0] == 0
        given = seat.operator.asked[-1][1]["document"]
        assert given.get("document", given)["format"] == 1
    (seat.folder / "broken.json").write_text("{")
    code, out = await seat.run("map", "edit", str(seat.folder / "broken.json"))
    assert (code, "cannot be read" in out) == (64, True)


async def test_queue_by_table(seat: Seat) -> None:
    """The queue goes out as a table without live formulas and comes back with decisions; refused ones are told."""
    path = seat.folder / "queue.csv"
    assert (await seat.run("queue", "export", str(path)))[0] == 0
    written = path.read_text()
    code, out = await seat.run("queue", "export", str(path))
    assert (code, "exists already" in out) == (64, True), "what was decided in it is not written over"
    assert (path.read_text(), path.stat().st_mode & 0o777) == (written, 0o600)
    assert path.stat().st_mode & 0o077 == 0
    rows = list(csv.DictReader(io.StringIO(path.read_text())))
    assert (rows[0]["id"], rows[0]["reason"], rows[0]["decisions"]) == ("q1", "'=cmd()", "two|merge")
    path.write_text("\ufeffid;decision\r\nq1;two\r\nq2;\r\nq3;three\r\n", encoding="utf-8")
    code, out = await seat.run("queue", "import", str(path), "--json")
    answer = json.loads(out)
    assert (code, answer["resolved"], [each["id"] for each in answer["refused"]]) == (1, 1, ["q3"])
    decided = [given for verb, given in seat.operator.asked if verb == "queue_resolve"]
    assert decided[-1]["decision"] == ITEM["suggested"]
    path.write_text("name,decision\r\n")
    assert (await seat.run("queue", "import", str(path)))[0] == 64
