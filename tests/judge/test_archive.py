"""A note that says where a file is kept is held to the bytes that are there."""

from __future__ import annotations

import pytest

from tests.judge.archive import unarchived
from tests.judge.corrupting import Dump
from tests.judge.small_pair import SHA, after
from tests.judge.states import destination_of

PLACE = "files/3/51"


def _told() -> Dump:
    """Give a right account whose note of a file says where its copy is."""
    dump = after()
    note = next(row for row in dump["notes"] if "[sf:lt:attachment:51]" in row["body"])
    note["body"] = note["body"].replace("[sf:", f"Archived at: {PLACE}\n[sf:")
    return dump


def _found(dump: Dump, kept: dict[str, str]) -> list[tuple[str, str]]:
    return [(each.fault, each.what.partition(" (")[0]) for each in unarchived(destination_of(dump), kept, prefix="lt")]


def test_a_copy_with_its_bytes_is_right() -> None:
    """The file is where the note says; of files that no note names nothing is asked, nor of a note that names no copy."""
    assert _found(_told(), {PLACE: SHA, "files/3/52": "other"}) == []
    assert _found(after(), {}) == []


@pytest.mark.parametrize("kept", [{}, {PLACE: "cd" * 32}, {"files/9/51": SHA}])
def test_a_copy_that_is_not_there_or_is_another_is_a_loss(kept: dict[str, str]) -> None:
    """Nothing kept, other bytes, the right bytes elsewhere."""
    assert _found(_told(), kept) == [("lost", "attachment 51")]
