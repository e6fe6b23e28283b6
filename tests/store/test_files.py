"""The ledger's file: whose it is, who may open it, and what is refused untouched."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from streamflow.errors import DiskRefused, StoreError
from streamflow.model import Ending, IntentState, Ref, Verdict
from streamflow.stages.reopened import ASKED, asked_name
from streamflow.store import files
from streamflow.store.change import Enqueue, MarkVerified, MoveMark, PutIntent, PutLink, Rekey, ResolveItem, SettleIntent
from streamflow.store.connection import damaged
from streamflow.store.lock import DirectoryInUse
from streamflow.store.queries import SQL
from streamflow.store.sqlite import SqliteLedger

from .values import (
    TO_FIRST,
    TO_FOURTH,
    TO_SECOND,
    TO_THIRD,
    StillClock,
    audit,
    checks,
    finish,
    intent,
    item,
    link,
    record,
)


async def filled(directory: Path, clock: StillClock) -> Path:
    """Make a ledger with something in it and close it; answer its file."""
    async with SqliteLedger.open(directory, clock=clock) as ledger:
        await ledger.stage([record(str(n)) for n in range(50)], scan="lead:1", changes=[audit("a"), audit("b"), audit("c")])
        await ledger.commit([PutLink(link=link("1"))])
    return directory / files.LEDGER_FILE


def parts(path: Path) -> set[tuple[str, ...]]:
    """Give the tables, indices and triggers of a ledger, as they were made; columns that were added stand in another layout."""
    with sqlite3.connect(path) as raw:
        found = list(raw.execute("SELECT type, name, coalesce(sql, '') FROM sqlite_master"))
    raw.close()
    return {(what, name, re.sub(r"--.*|\s", "", sql)) for what, name, sql in found}


async def refused(directory: Path, clock: StillClock, words: str) -> None:
    """Check that opening fails with *words* in every mode, and that the file is the same afterwards, byte for byte."""
    path = directory / files.LEDGER_FILE
    before = path.read_bytes()
    with pytest.raises(StoreError, match=words) as caught:
        async with SqliteLedger.open(directory, clock=clock):
            pass
    assert caught.value.hint
    with pytest.raises(StoreError, match=words):
        async with SqliteLedger.open_readonly(directory, clock=clock):
            pass
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("number", "is_new", "passes"),
    [
        (errno.EROFS, False, True), (errno.EROFS, True, False), (errno.ENOSPC, True, True), (errno.EIO, False, True),
        (errno.EACCES, False, False),
    ],
)
async def test_a_disk_that_passes_is_told_from_a_wrong_place(
    tmp_path: Path, clock: StillClock, monkeypatch: pytest.MonkeyPatch, number: int, is_new: bool, passes: bool
) -> None:
    """Where a ledger is kept, a full, failing or read-only disk is waited for; one that never took anything is the wrong place."""
    if not is_new:
        await filled(tmp_path, clock)

    def refuse(path: Path, *_: int) -> int:
        raise OSError(number, os.strerror(number), str(path))

    monkeypatch.setattr("streamflow.store.lock.os.open", refuse)
    with pytest.raises(StoreError, match=os.strerror(number)) as caught:
        async with SqliteLedger.open(tmp_path, clock=clock):
            pass
    assert caught.value.hint
    assert isinstance(caught.value, DiskRefused) == passes


async def test_a_disk_that_does_not_give_a_page_is_no_damage(tmp_path: Path, clock: StillClock) -> None:
    """What SQLite calls malformed is damage only where the whole file can be read: else it is the disk, which may pass."""
    found = damaged(await filled(tmp_path, clock), "the ledger is damaged")
    assert (type(found), str(found), "empty state directory" in found.hint) == (StoreError, "the ledger is damaged", True)
    unread = damaged(Path("/proc/self/mem"), "the ledger is damaged")     # at whose beginning there is nothing that could be read
    assert (type(unread), str(unread)) == (DiskRefused, "the ledger cannot be read: Input/output error")
    assert "check disk" in unread.hint
    assert "empty" not in unread.hint


async def test_state_outlives_the_process_and_each_opening_is_an_epoch(tmp_path: Path, clock: StillClock) -> None:
    """What was committed is there after reopening, with a higher epoch and newer numbers."""
    await filled(tmp_path, clock)
    async with SqliteLedger.open(tmp_path, clock=clock, create=False) as ledger:
        assert ledger.epoch == 2
        old = (await ledger.staged("lead", ["1"]))["1"].seq
        result = await ledger.stage([record("1", digest="d2"), record("new")], scan="lead:2", changes=[audit("d")])
        assert min(seq for *_, seq in result.touched) > old
        assert (result.new, result.changed) == (1, 1)
        assert await ledger.verify_audit() == (4, None)


async def test_directory_and_files_belong_to_the_owner_alone(tmp_path: Path, clock: StillClock) -> None:
    """Directory 0700 and every file 0600, while open too, whatever the umask and the rights before."""
    state = tmp_path / "state"
    state.mkdir(mode=0o755)
    before = os.umask(0)
    try:
        async with SqliteLedger.open(state, clock=clock) as ledger:
            await ledger.commit([MoveMark(name="m", cursor="c")])
            rights = {path.name: path.stat().st_mode & 0o777 for path in state.iterdir()}
            assert set(rights) == {"lock", "ledger.sqlite", "ledger.sqlite-wal", "ledger.sqlite-shm"}
            assert set(rights.values()) == {0o600}
            assert state.stat().st_mode & 0o777 == 0o700
    finally:
        os.umask(before)


async def test_a_second_daemon_is_turned_away_by_pid(tmp_path: Path, clock: StillClock) -> None:
    """Only one ledger writes in a directory; the other is told who does, and the place is free afterwards."""
    async with SqliteLedger.open(tmp_path, clock=clock):
        with pytest.raises(DirectoryInUse, match=f"pid {os.getpid()}") as caught:
            async with SqliteLedger.open(tmp_path, clock=clock):
                pass
        assert caught.value.code == "usage"
    async with SqliteLedger.open(tmp_path, clock=clock) as ledger:
        assert ledger.epoch == 2


@pytest.fixture
def other(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Give another process that holds the directory."""
    code = "import sys, time\nfrom pathlib import Path\nfrom streamflow.store.lock import locked\n" \
           "with locked(Path(sys.argv[1])):\n    print('held', flush=True)\n    sys.stdin.read()\n"
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        yield process
        process.kill()


async def test_the_lock_holds_between_processes(tmp_path: Path, clock: StillClock, other: subprocess.Popen[bytes]) -> None:
    """A process elsewhere that holds the directory is seen, and its death frees the place at once."""
    with pytest.raises(DirectoryInUse, match=f"pid {other.pid}"):
        async with SqliteLedger.open(tmp_path, clock=clock):
            pass
    other.kill()
    other.wait()
    async with SqliteLedger.open(tmp_path, clock=clock) as ledger:
        assert ledger.epoch == 1


async def test_looking_needs_no_lock_and_cannot_write(tmp_path: Path, clock: StillClock) -> None:
    """A reader sees the last commit while a daemon works and after it ended, and cannot change a thing."""
    await filled(tmp_path, clock)
    async with SqliteLedger.open(tmp_path, clock=clock) as ledger, SqliteLedger.open_readonly(tmp_path, clock=clock) as look:
        await ledger.commit([MoveMark(name="m", cursor="live")])
        mark = await look.mark("m")
        assert mark is not None
        assert mark.cursor == "live"
        for attempt in (look.commit([MoveMark(name="m", cursor="x")]), look.stage([], scan="s")):
            with pytest.raises(StoreError, match="cannot write"):
                await attempt
    async with SqliteLedger.open_readonly(tmp_path, clock=clock) as look:
        assert look.epoch == 2
        assert list(await look.links([Ref("lead", "1")])) == [Ref("lead", "1")]


async def test_no_ledger_is_said_and_not_made(tmp_path: Path, clock: StillClock) -> None:
    """Without leave to create, a missing ledger or directory is an error and stays missing."""
    for directory in (tmp_path, tmp_path / "none"):
        with pytest.raises(StoreError):
            async with SqliteLedger.open(directory, clock=clock, create=False):
                pass
        with pytest.raises(StoreError):
            async with SqliteLedger.open_readonly(directory, clock=clock):
                pass
    assert not (tmp_path / "none").exists()
    assert not (tmp_path / files.LEDGER_FILE).exists()


@pytest.mark.parametrize("content", [b"", b"hello", b"SQLite format 3\0" + b"\0" * 50, os.urandom(8192)])
async def test_a_file_that_is_no_database_is_refused_untouched(tmp_path: Path, clock: StillClock, content: bytes) -> None:
    """Whatever lies in the ledger's place that is none stays as it is."""
    (tmp_path / files.LEDGER_FILE).write_bytes(content)
    await refused(tmp_path, clock, "not a ledger")


async def test_another_programs_database_is_refused_untouched(tmp_path: Path, clock: StillClock) -> None:
    """A sound database of another program is not ours to open."""
    with sqlite3.connect(tmp_path / files.LEDGER_FILE) as other:
        other.execute("CREATE TABLE record (a)")
    other.close()
    await refused(tmp_path, clock, "not a ledger")


async def test_a_newer_ledger_is_refused_untouched(tmp_path: Path, clock: StillClock) -> None:
    """A file of a later version is left to the program that knows it."""
    path = await filled(tmp_path, clock)
    with sqlite3.connect(path) as raw:
        raw.execute(f"PRAGMA user_version = {files.VERSION + 1}")
    raw.close()
    await refused(tmp_path, clock, "newer streamflow")


async def test_a_damaged_ledger_is_refused_untouched(tmp_path: Path, clock: StillClock) -> None:
    """Overwritten pages and a cut file are noticed at the door."""
    path = await filled(tmp_path, clock)
    whole = path.read_bytes()
    path.write_bytes(whole[:8192] + b"\xff" * 16384 + whole[24576:])
    await refused(tmp_path, clock, "damaged")
    path.write_bytes(whole[:20000])
    await refused(tmp_path, clock, "damaged")


async def test_an_older_ledger_is_brought_to_the_present(tmp_path: Path, clock: StillClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each step runs once, in order; what was in the book stays; looking alone does not migrate."""
    await filled(tmp_path, clock)
    monkeypatch.setattr(files, "VERSION", files.VERSION + 2)
    first, second = "ALTER TABLE mark ADD COLUMN extra TEXT", "UPDATE mark SET extra = 'x'; CREATE TABLE more (a)"
    steps = {files.VERSION - 1: first, files.VERSION: second}
    monkeypatch.setattr(files, "migrations", lambda: steps)
    with pytest.raises(StoreError, match="older version"):
        async with SqliteLedger.open_readonly(tmp_path, clock=clock):
            pass
    async with SqliteLedger.open(tmp_path, clock=clock) as ledger:
        assert len(await ledger.keys("lead")) == 50
    assert await files.examine(tmp_path / files.LEDGER_FILE) == files.VERSION


async def test_verdicts_of_a_ledger_that_did_not_count_them_are_counted(tmp_path: Path, clock: StillClock) -> None:
    """What the first version summed up each time it was asked is there after the step to the second, and goes on from there."""

    def verified(key: str) -> MarkVerified:
        return MarkVerified(ref=Ref("lead", key), verified="verified", checks=checks(key, [("name", Verdict.EQUAL)]))

    path = await filled(tmp_path, clock)
    async with SqliteLedger.open(tmp_path, clock=clock) as ledger:
        await ledger.commit([PutLink(link=link("2")), verified("1")])
    with sqlite3.connect(path) as raw:
        raw.executescript(TO_FIRST)
    raw.close()
    async with SqliteLedger.open(tmp_path, clock=clock) as ledger:
        assert await ledger.check_counts() == {("contacts", "name", "equal"): 1}
        await ledger.commit([verified("2")])
        assert await ledger.check_counts() == {("contacts", "name", "equal"): 2}
    async with SqliteLedger.open(tmp_path / "new", clock=clock):
        assert parts(path) == parts(tmp_path / "new" / files.LEDGER_FILE), "the steps lead to what is made anew"


async def test_the_queue_of_a_ledger_that_did_not_count_it_is_counted(tmp_path: Path, clock: StillClock) -> None:
    """What was asked and answered under the second version is counted by the step to the third, and goes on from there."""
    async with SqliteLedger.open(tmp_path, clock=clock) as ledger:
        asked = [Enqueue(item=each) for each in (item("q1", blocking=True), item("q2"), item("q3"))]
        await ledger.commit([*asked, ResolveItem(id="q3", decision="keep", by="uid:0")])
    with sqlite3.connect(tmp_path / files.LEDGER_FILE) as raw:
        raw.executescript(TO_SECOND)
    raw.close()
    async with SqliteLedger.open(tmp_path, clock=clock) as ledger:
        done = ("resolved", "conflict", False)
        assert await ledger.queue_counts() == {("open", "conflict", True): 1, ("open", "conflict", False): 1, done: 1}
        await ledger.commit([Enqueue(item=item("q1")), ResolveItem(id="q2", decision="keep", by="uid:0"), Enqueue(item=item("q4"))])
        assert await ledger.queue_counts() == {("open", "conflict", False): 2, done: 2}
        assert sum((await ledger.queue_counts()).values()) == len(await ledger.queue(state=None))


ENDED = {
    "answered": (IntentState.CONFIRMED, Ending.PLAIN, ""),
    "looked for": (IntentState.CONFIRMED, Ending.FOUND, "found by its marker"),
    "refused": (IntentState.REJECTED, Ending.PLAIN, "given up: by them; that counts against the record"),
    "planned anew": (IntentState.ABANDONED, Ending.PLAIN, "changed since it was read"),
    "counts": (IntentState.ABANDONED, Ending.COUNTED, "not there after the quiet time; that counts against the record"),
    "counts not": (
        IntentState.ABANDONED, Ending.UNCOUNTED, "no answer; that counts for nothing, as no others were taken meanwhile",
    ),
    "given up": (IntentState.ABANDONED, Ending.GIVEN_UP, "sent 5 times, never answered as done (no answer)"),
}
GROUNDS = {
    "written in the source after the switch; the destination is the system of record": "after_freeze",
    "nobody names this company any more, or it was joined with another by a decision": "unnamed",
    "outcome of a write unknown": "alone",
    "refused together with those it is one person with": "alone",
    "undone by a rollback of lead:7; a change in the source brings it back": "undone:lead:7",
    "its owner Ann has no user in the destination": "",
    "": "",
}


async def test_what_a_ledger_knew_by_its_words_it_knows_by_columns(tmp_path: Path, clock: StillClock) -> None:
    """What decisions stand on was said in the reasons up to the third version: none of it is forgotten, and nothing is read into others."""
    doubts = {"1": "no answer: reset", "2": ""}
    async with SqliteLedger.open(tmp_path, clock=clock) as ledger:
        staged = await ledger.stage([record(str(number)) for number, _ in enumerate(GROUNDS)], scan="lead:1")
        told = [finish(key, seq, reason=reason, ground=ground) for (_, key, seq), (reason, ground) in zip(
            staged.touched, GROUNDS.items(), strict=True,
        )]
        meant = [PutIntent(intent=intent(name, name)) for name in (*ENDED, *doubts)]
        ended = [SettleIntent(id=name, state=state, ending=ending, reason=reason) for name, (state, ending, reason) in ENDED.items()]
        unknown = [SettleIntent(
            id=name, state=IntentState.IN_DOUBT, reason=reason, unknown_since="2026-03-01T12:00:00Z",
        ) for name, reason in doubts.items()]
        asked = [
            Enqueue(item=item("q1", cause="in_doubt", reason="contacts create: 2 records carry the marker: 1", details={"doubled": True})),
            Enqueue(item=item("q2", cause="in_doubt", reason="contacts create: no bound is known", details={"marker": "m"})),
        ]
        await ledger.commit([*told, *meant, *ended, *unknown, *asked])

    async def known() -> list[object]:
        async with SqliteLedger.open(tmp_path, clock=clock) as ledger:
            records = await ledger.staged("lead", [str(number) for number, _ in enumerate(GROUNDS)])
            intents = [await ledger.intents_of("lead", name) for name in (*ENDED, *doubts)]
            return [{key: (each.reason, each.ground) for key, each in records.items()}, intents, await ledger.queue()]

    before = await known()
    with sqlite3.connect(tmp_path / files.LEDGER_FILE) as raw:
        raw.executescript(TO_THIRD)
    raw.close()
    assert await known() == before


async def test_a_ledger_that_did_not_note_the_last_question_about_late_versions_knows_it(tmp_path: Path, clock: StillClock) -> None:
    """A window that the third version began goes on with the question that it asked last of each record, under the key of today."""
    names = ("1:aaaaaaaa", "2:bbbbbbbb", "1:cccccccc")
    late = [replace(item(f"after_freeze:lead:{name}", cause="after_freeze"), key=name[0]) for name in names]
    async with SqliteLedger.open(tmp_path, clock=clock) as ledger:
        await ledger.stage([record("2")], scan="lead:1")
        await ledger.commit([*(Enqueue(item=each) for each in late), ResolveItem(id=late[0].id, decision="take", by="uid:0")])
        await ledger.commit([Rekey(kind="lead", old="2", new="3")])
    with sqlite3.connect(tmp_path / files.LEDGER_FILE) as raw:
        raw.executescript(TO_THIRD)
    raw.close()
    async with SqliteLedger.open(tmp_path, clock=clock) as ledger:
        assert await ledger.settings(ASKED) == {asked_name("lead", "1"): late[2].id, asked_name("lead", "3"): late[1].id}


async def test_what_is_asked_about_some_records_is_found_by_them(tmp_path: Path, clock: StillClock) -> None:
    """Thousands of questions are not looked through for each page of records, in a new ledger nor in one of an earlier version."""
    async with SqliteLedger.open(tmp_path, clock=clock) as ledger:
        await ledger.commit([Enqueue(item=item(f"q{number}")) for number in range(50)])
    path = tmp_path / files.LEDGER_FILE
    for script in ("", TO_FOURTH):
        with sqlite3.connect(path) as raw:
            raw.executescript(script)
        raw.close()
        async with SqliteLedger.open(tmp_path, clock=clock) as ledger:
            assert len(await ledger.items_about("lead", ["1"])) == 50
        with sqlite3.connect(path) as raw:
            steps = [row[3] for row in raw.execute(f"EXPLAIN QUERY PLAN {SQL['items_about']}", ("lead", '["1"]'))]
        raw.close()
        assert [step for step in steps if "item" in step.split()] == ["SEARCH item USING INDEX item_about (kind=? AND <expr>=?)"]


async def test_a_failed_migration_leaves_the_old_version(tmp_path: Path, clock: StillClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """A step happens wholly with its version number or not at all."""
    path = await filled(tmp_path, clock)
    old = files.VERSION
    monkeypatch.setattr(files, "VERSION", old + 1)
    monkeypatch.setattr(files, "migrations", lambda: {old + 1: "CREATE TABLE more (a); INSERT INTO nowhere VALUES (1)"})
    with pytest.raises(StoreError, match="cannot be brought to version"):
        async with SqliteLedger.open(tmp_path, clock=clock):
            pass
    monkeypatch.undo()
    assert await files.examine(path) == old
    async with SqliteLedger.open(tmp_path, clock=clock) as ledger:
        assert len(await ledger.keys("lead")) == 50
    with sqlite3.connect(path) as raw:
        assert raw.execute("SELECT count(*) FROM sqlite_master WHERE name = 'more'").fetchone() == (0,)
    raw.close()


async def test_a_draft_that_a_crash_left_is_made_anew(tmp_path: Path, clock: StillClock) -> None:
    """A half-built new ledger never takes the ledger's place."""
    (tmp_path / f"{files.LEDGER_FILE}.new").write_bytes(b"half")
    async with SqliteLedger.open(tmp_path, clock=clock) as ledger:
        assert ledger.epoch == 1
    assert not (tmp_path / f"{files.LEDGER_FILE}.new").exists()


@pytest.mark.parametrize("harm", [
    "UPDATE audit SET entry = replace(entry, '\"b\"', '\"x\"') WHERE seq = 2",
    "UPDATE audit SET hash = 'f' || substr(hash, 2) WHERE seq = 2",
    "DELETE FROM audit WHERE seq = 2",
])
async def test_any_change_of_the_audit_is_found(tmp_path: Path, clock: StillClock, harm: str) -> None:
    """A changed or removed entry is named, even when the guards against it were taken away."""
    path = await filled(tmp_path, clock)
    with sqlite3.connect(path) as raw:
        with pytest.raises(sqlite3.IntegrityError):
            raw.execute(harm)
        raw.execute("DROP TRIGGER audit_kept")
        raw.execute("DROP TRIGGER audit_whole")
        raw.execute(harm)
    raw.close()
    async with SqliteLedger.open_readonly(tmp_path, clock=clock) as look:
        assert (await look.verify_audit())[1] == 2


async def test_a_cut_tail_of_the_audit_is_found(tmp_path: Path, clock: StillClock) -> None:
    """Removing the last entries is noticed, since the book remembers how far it went."""
    path = await filled(tmp_path, clock)
    with sqlite3.connect(path) as raw:
        raw.execute("DROP TRIGGER audit_whole")
        raw.execute("DELETE FROM audit WHERE seq > 1")
    raw.close()
    async with SqliteLedger.open_readonly(tmp_path, clock=clock) as look:
        assert await look.verify_audit() == (1, 2)
    async with SqliteLedger.open(tmp_path, clock=clock) as ledger:
        await ledger.commit([audit(f"later {number}") for number in range(9)])
        assert await ledger.verify_audit() == (10, 2), "what is written afterwards does not close the gap"


@pytest.mark.parametrize(("was", "now"), [(b'{"action"', b'X"action"'), (b'"actor":"', b'"actor"\xff\xfe')], ids=["no JSON", "no text"])
async def test_bytes_of_the_audit_that_are_nothing_any_more_are_named(tmp_path: Path, clock: StillClock, was: bytes, now: bytes) -> None:
    """An entry whose bytes are no JSON or no text any more is a break of the chain like any other; the ledger opens, and goes on."""
    path = await filled(tmp_path, clock)
    content = path.read_bytes()
    at = content.rindex(was, 0, content.rindex(b'"seq":2'))
    path.write_bytes(content[:at] + now + content[at + len(was) :])
    async with SqliteLedger.open_readonly(tmp_path, clock=clock) as look:
        assert (await look.verify_audit())[1] == 2
        assert [row.entry.action for page in [page async for page in look.audit()] for row in page][1] == "unreadable"
    async with SqliteLedger.open(tmp_path, clock=clock) as ledger:
        await ledger.commit([audit("later")])
        walk = await ledger.walk_audit(is_over=lambda: False)
        assert walk is not None
        assert walk.first == 2


async def test_a_spoilt_audit_hides_no_other_damage(tmp_path: Path, clock: StillClock) -> None:
    """Beside an entry that is no JSON any more a damaged page of another table is still found, and the ledger refused."""
    path = await filled(tmp_path, clock)
    with contextlib.closing(sqlite3.connect(path)) as raw:
        [(page,)] = raw.execute("SELECT rootpage FROM sqlite_master WHERE name = 'payload'").fetchall()
        [(size,)] = raw.execute("PRAGMA page_size").fetchall()
    content = bytearray(path.read_bytes().replace(b'{"action"', b'X"action"'))
    content[(page - 1) * size : (page - 1) * size + 12] = b"\xff" * 12
    path.write_bytes(content)
    await refused(tmp_path, clock, "is damaged")


async def test_kept_counts_equal_counted_ones(tmp_path: Path, clock: StillClock) -> None:
    """The sums that triggers keep are those a full count gives."""
    path = await filled(tmp_path, clock)
    with sqlite3.connect(path) as raw:
        kept = raw.execute("SELECT a, b, c, n FROM tally WHERE scope = 'record' AND n > 0").fetchall()
        assert kept == raw.execute("SELECT kind, state, disposition, count(*) FROM record GROUP BY 1, 2, 3").fetchall()
    raw.close()


async def test_personal_data_never_reaches_the_log(tmp_path: Path, clock: StillClock, caplog: pytest.LogCaptureFixture) -> None:
    """Even with every logger at DEBUG no statement is logged with its values."""
    with caplog.at_level(logging.DEBUG):
        async with SqliteLedger.open(tmp_path, clock=clock) as ledger:
            await ledger.stage([record("1", secret="Zanzibar")], scan="lead:1")
    assert "Zanzibar" not in caplog.text


async def test_a_copy_of_the_file_is_a_whole_ledger(tmp_path: Path, clock: StillClock) -> None:
    """After a clean end everything is in the one file, so that copying it is a backup."""
    path = await filled(tmp_path / "a", clock)
    (tmp_path / "b").mkdir()
    shutil.copy(path, tmp_path / "b")
    async with SqliteLedger.open(tmp_path / "b", clock=clock) as ledger:
        assert len(await ledger.keys("lead")) == 50
