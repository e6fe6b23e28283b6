"""The personal data of a migration that is over: found in its state directory before a purge, and in no byte of it afterwards."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from streamflow.clock import SystemClock
from streamflow.errors import DoesNotFit
from streamflow.ledger_names import CLOSED, PHASE, ROLLBACK
from streamflow.migration.life import State
from streamflow.migration.purge_order import refuse_unless_over
from streamflow.store import purging
from streamflow.store.change import PutSetting
from streamflow.store.connection import Connection
from streamflow.store.lock import locked
from streamflow.store.memory import MemoryLedger
from streamflow.store.sqlite import SqliteLedger
from tests.flow.box import Box, sandbox
from tests.flow.daemon import Daemon
from tests.flow.measures import of_source
from tests.flow.telltales import plant
from tests.flow_bad.rig import Command, Place, assert_clear, environ, place_at, running_daemon, running_pair

UNDONE = " and back"
RUNS = ("leadtrekker-nutshell", "lead-perfection-nutshell", f"leadtrekker-nutshell{UNDONE}")
OPTIONS: dict[str, Any] = {"records": 30, "gates": "auto", "search_lag": 0.2}
NAME = "sandbox"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """The state directory and configuration of a migration that ran to its end, and words of people in its source, in lower case."""

    dir: Path
    words: frozenset[bytes]

    def copy(self, folder: Path) -> Place:
        """Give a place of one's own that holds the same."""
        shutil.copytree(self.dir / "state", folder / "state")
        text = (self.dir / "streamflow.toml").read_text(encoding="utf-8")
        for name in ("state", "control.sock"):
            text = text.replace(f'"{self.dir / name}"', f'"{folder / name}"')
        (folder / "streamflow.toml").write_text(text, encoding="utf-8")
        return Place(dir=folder)

    def shown(self, place: Place) -> set[bytes]:
        """Give the words that stand in any byte of any file of a state directory."""
        content = b"\0".join(path.read_bytes() for path in place.state.rglob("*") if path.is_file()).lower()
        return {word for word in self.words if word in content}


def rows(place: Place, query: str) -> list[tuple[Any, ...]]:
    with contextlib.closing(sqlite3.connect(f"file:{place.state / 'ledger.sqlite'}?mode=ro", uri=True)) as book:
        return book.execute(query).fetchall()


@pytest.fixture(scope="module")
def runs() -> Iterator[Callable[[str], Ended]]:
    """Give runs by their names, each made once, both simulated accounts with it until all tests are over."""
    made: dict[str, Ended] = {}
    with contextlib.ExitStack() as stack:

        def run(name: str) -> Ended:
            if name not in made:
                box = stack.enter_context(sandbox(**OPTIONS, pair=name.removesuffix(UNDONE)))
                made[name] = ended_run(box, undone=name.endswith(UNDONE))
            return made[name]

        yield run


def ended_run(box: Box, *, undone: bool) -> Ended:
    """Run a migration to its end in these accounts, with words planted in them, and roll it back if it is to be *undone*."""
    box, planted = plant(box, OPTIONS, 7)
    told = of_source(box.source())
    daemon = Daemon(box)
    try:
        daemon.start()
        assert daemon.wait() in (0, 1), daemon.words()
        if undone:
            assert daemon.cli("rollback", "--confirm", NAME).code == 0
            daemon.start()
            assert daemon.wait() in (0, 1), daemon.words()
    finally:
        daemon.stop()
    fields = {field.lower() for (field,) in rows(Place(dir=box.dir), "SELECT b FROM tally WHERE scope = 'check'")}
    words = {word.lower() for word in {*planted, *told}}
    return Ended(dir=box.dir, words=frozenset(word.encode() for word in words if f"custom:{word}" not in fields))


@pytest.fixture
def ended(request: pytest.FixtureRequest, runs: Callable[[str], Ended]) -> Ended:
    return runs(getattr(request, "param", RUNS[0]))


@pytest.fixture
def over(ended: Ended) -> Iterator[Place]:
    with tempfile.TemporaryDirectory(prefix="sf") as folder:
        yield ended.copy(Path(folder))


def purge(place: Place, *words: str) -> Any:
    """Purge, which must end well; gives what it printed for programs."""
    said = place.cli("purge", "--json", *(words or ("--confirm", NAME)))
    assert said.code == 0, said
    return said.body


@pytest.mark.parametrize("ended", RUNS, indirect=True)
def test_no_byte_tells_of_people_afterwards(ended: Ended, over: Place) -> None:
    """Before it words of the source are in the ledger and the files; afterwards in none, and the audit holds, says who, and is exported."""
    assert len(ended.shown(over)) > 50
    entries = over.audit()
    planned = purge(over, "--dry-run")
    assert len(ended.shown(over)) > 50
    assert "nothing of this migration can be rolled back, read back" in planned["for_good"]
    answer = purge(over)
    assert (answer["result"], answer["tables"], answer["files"]) == ("purged", planned["tables"], planned["files"])
    assert ended.shown(over) == set()
    assert {path.name for path in over.state.iterdir()} <= {"ledger.sqlite", "ledger.sqlite-wal", "ledger.sqlite-shm", "lock"}
    verified = over.cli("audit", "verify", "--json", "--known", answer["known"])
    assert (verified.code, verified.body["result"], verified.body["purged"]) == (0, "whole", planned["tables"]["audit"]["bared"])
    left = over.audit()
    told = ("seq", "at", "actor", "action", "kind", "dest_id")
    assert [[each[name] for name in told] for each in left[: len(entries)]] == [[each[name] for name in told] for each in entries]
    assert all(now["key"] == was["key"] for now, was in zip(left, entries, strict=False) if was["key"].isdigit())
    assert [(each["action"], each["actor"]) for each in left[len(entries) :]] == [
        (action, f"uid:{os.geteuid()}") for action in ("purge.begun", "purge.sealed", "purge.done")
    ]


def test_which_record_became_which_stays(over: Place) -> None:
    """The crosswalk by ids, dispositions, counts and the receipt of the switch are as they were."""
    stays = (
        "SELECT kind, iif(kind = 'company', '', key), part, dest_kind, dest_id, ours FROM link ORDER BY id",
        "SELECT kind, iif(kind = 'company', '', key), state, disposition FROM record",
        "SELECT * FROM tally", "SELECT value FROM setting WHERE name = 'switched'", "SELECT n, cause, state, decision FROM item",
    )
    before = [rows(over, query) for query in stays]
    assert all(before)
    purge(over)
    assert [rows(over, query) for query in stays] == before


def test_what_nobody_thought_of_goes(over: Place) -> None:
    """A table, a column and a setting that a later version brings are taken without anybody naming them; the operator's files are left."""
    with contextlib.closing(sqlite3.connect(over.state / "ledger.sqlite")) as book, book:
        book.executescript(
            "CREATE TABLE guest (name TEXT); INSERT INTO guest VALUES ('Zuqivbax'); ALTER TABLE link ADD COLUMN nick TEXT;"
            "UPDATE link SET nick = 'Zuqivbax'; INSERT INTO setting VALUES ('guest', '\"Zuqivbax\"')"
        )
    (over.state / "mine.txt").write_text("mine")
    answer = purge(over)
    assert answer["not_ours"] == ["mine.txt"]
    assert (over.state / "mine.txt").read_text() == "mine"
    assert b"Zuqivbax" not in (over.state / "ledger.sqlite").read_bytes()


def test_afterwards_nothing_goes_on(over: Place) -> None:
    """A start, a rollback and every question are refused with what was purged and when; a second purge says that nothing is left."""
    purge(over)
    for words in (("run",), ("rollback", "--confirm", NAME), ("status",), ("report",), ("trace", "lead", "1"), ("queue", "list")):
        assert_clear(over.cli(*words), 64, "personal data of this migration was purged", "`audit verify` and `audit export` still work")
    before = over.snapshot()
    assert over.cli("check").code == 78
    assert purge(over)["result"] == "already_purged"
    text = over.config.read_text(encoding="utf-8")
    over.config.write_text(text.replace(f'name = "{NAME}"', 'name = "other"'), encoding="utf-8")
    assert_clear(over.cli("purge", "--confirm", "other"), 78, "belongs to")
    over.config.write_text(text, encoding="utf-8")
    assert "nothing is left to do" in over.cli("purge", "--confirm", NAME).out
    assert over.snapshot() == before


def test_it_must_be_meant(over: Place) -> None:
    """Without the migration's name, with another, for another account or beside another process it is refused, and nothing is touched."""
    before = over.snapshot()
    assert_clear(over.cli("purge"), 64, "must be confirmed", "--dry-run")
    assert_clear(over.cli("purge", "--confirm", "sandbax"), 64, "is not the name of this migration")
    with locked(over.state):
        assert_clear(over.cli("purge", "--confirm", NAME), 75, "another daemon")
    text = over.config.read_text(encoding="utf-8")
    over.config.write_text(text.replace('timezone = "', 'timezone = "Africa/Cairo" # '), encoding="utf-8")
    assert_clear(over.cli("purge", "--confirm", NAME), 78, "belongs to")
    assert over.snapshot() == before


def test_a_link_is_not_followed(over: Place, tmp_path: Path) -> None:
    """A folder that leads elsewhere is refused before anything goes, and what it leads to stays."""
    (over.state / "reports").rename(tmp_path / "elsewhere")
    (over.state / "reports").symlink_to(tmp_path / "elsewhere")
    before = over.snapshot()
    for words in (("--dry-run",), ("--confirm", NAME)):
        assert_clear(over.cli("purge", *words), 64, "leads elsewhere")
    assert (over.snapshot(), any((tmp_path / "elsewhere").iterdir())) == (before, True)


def test_not_with_a_broken_audit(over: Place) -> None:
    """What was done to the audit is not hidden by a purge."""
    with contextlib.closing(sqlite3.connect(over.state / "ledger.sqlite")) as book, book:
        book.execute("DROP TRIGGER audit_kept")
        book.execute("UPDATE audit SET entry = replace(entry, '\"actor\"', '\"Actor\"') WHERE seq = 5")
    before = over.snapshot()
    assert_clear(over.cli("purge", "--confirm", NAME), 64, "broken at entry 5")
    assert over.snapshot() == before


def test_not_in_the_middle_of_a_run() -> None:
    """While a migration goes on a purge is refused, with the daemon and without, and the run does not notice."""
    options = ("--records", "30", "--gates", "ask")
    with tempfile.TemporaryDirectory(prefix="sf") as folder, running_pair(Path(folder) / "pair", *options) as pair:
        place = place_at(Path(folder) / "p", pair)
        assert_clear(place.cli("purge", "--confirm", NAME), 64, "nothing to purge")
        with running_daemon(place) as daemon:
            daemon.gate("map")
            assert_clear(place.cli("purge", "--confirm", NAME), 64, "not over: it is in map")
            assert_clear(place.cli("purge", "--dry-run"), 64, "not over: it is in map")
            assert daemon.gate("map")["phase"] == "map"
            daemon.signal(signal.SIGTERM)
            assert daemon.end() == 0
        before = place.snapshot()
        assert_clear(place.cli("purge", "--confirm", NAME), 64, "not over: it is in map")
        assert place.snapshot() == before


def test_somebody_who_looks_into_the_file_is_waited_for(ended: Ended, over: Place) -> None:
    """While another program reads the ledger its log cannot be emptied: the purge says so, and the same command ends it afterwards."""
    with contextlib.closing(sqlite3.connect(over.state / "ledger.sqlite", isolation_level=None)) as book:
        book.execute("BEGIN")
        book.execute("SELECT * FROM record").fetchone()
        assert_clear(over.cli("purge", "--confirm", NAME), 75, "another program")
        assert_clear(over.cli("run"), 64, "a purge of this migration was begun", "`streamflow purge --confirm NAME` ends it")
    assert purge(over)["result"] == "purged"
    assert ended.shown(over) == set()


def test_not_before_an_ordered_rollback(over: Place) -> None:
    """A rollback that was ordered comes first."""
    assert over.cli("rollback", "--confirm", NAME).code == 0
    assert_clear(over.cli("purge", "--confirm", NAME), 64, "a rollback is ordered")


@pytest.mark.parametrize("state", State, ids=str)
@pytest.mark.parametrize("is_closed", [True, False], ids=["closed", "open"])
async def test_over_is_a_closed_window_or_a_whole_rollback(state: State, is_closed: bool) -> None:
    """Nothing else is an end: not a phase before it, not the end before the window closed, and not while a rollback stands."""
    ledger = MemoryLedger(clock=SystemClock())
    await ledger.commit([
        PutSetting(name=PHASE, value={"state": state.value, "reason": "", "since": ""}),
        PutSetting(name=CLOSED, value="then" if is_closed else None),
    ])
    if state is State.ROLLED_BACK or (state is State.DONE and is_closed):
        await refuse_unless_over(ledger)
    else:
        with pytest.raises(DoesNotFit):
            await refuse_unless_over(ledger)
    await ledger.commit([PutSetting(name=ROLLBACK, value={"scope": "run"})])
    if state is not State.ROLLED_BACK:
        with pytest.raises(DoesNotFit):
            await refuse_unless_over(ledger)


# ------------------------------------------------------------------------------------------------ kills


class Struck(Command):
    """A purge that is killed at the n-th of its steps: before or after one, or in the middle of the large transaction and the removal."""

    def __init__(self, place: Place, at: int) -> None:
        self._left = at
        super().__init__(["-c", str(place.config), "purge", "--confirm", NAME], environ())

    def _be(self, argv: list[str], variables: Any) -> int:
        for owner, name in ((SqliteLedger, "commit"), (SqliteLedger, "purge"), (SqliteLedger, "shrink")):
            setattr(owner, name, self._around_async(getattr(owner, name)))
        rows_ = Connection.rows
        told = self._around_async(rows_)
        setattr(Connection, "rows", lambda self, name, *args, **parts: (  # noqa: B010
            told if name in ("rebuild", "empty_wal") else rows_)(self, name, *args, **parts))
        for owner, name in ((purging, "strip"), (purging, "_bare"), (shutil, "rmtree"), (os, "rmdir")):
            setattr(owner, name, self._around(getattr(owner, name)))
        return super()._be(argv, variables)

    def _around(self, work: Callable[..., Any]) -> Callable[..., Any]:
        def done(*args: Any, **more: Any) -> Any:
            self._step()
            result = work(*args, **more)
            self._step()
            return result
        return done

    def _around_async(self, work: Callable[..., Any]) -> Callable[..., Any]:
        async def done(*args: Any, **more: Any) -> Any:
            self._step()
            result = await work(*args, **more)
            self._step()
            return result
        return done

    def _step(self) -> None:
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def test_killed_at_any_step_the_same_command_ends_it(ended: Ended) -> None:
    """After a kill at each step the audit holds, a start is refused once it was begun, and the command given again leaves nothing."""
    points = 0
    while True:
        with tempfile.TemporaryDirectory(prefix="sf") as folder:
            place = ended.copy(Path(folder))
            code = Struck(place, points + 1).end().code
            if code == 0:
                break
            assert code == -signal.SIGKILL
            points += 1
            assert place.cli("audit", "verify").code == 0, points
            assert ended.shown(place) or points > 1, "nothing goes before the order is in the audit"
            if points > 1:
                assert_clear(place.cli("rollback", "--confirm", NAME), 64, "purge")
            assert purge(place)["result"] in ("purged", "already_purged"), points
            assert ended.shown(place) == set(), points
            assert place.cli("audit", "verify").code == 0, points
            assert not (place.state / "reports").exists()
    assert points > 20
