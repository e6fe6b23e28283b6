"""Names that the source gives lead to no file outside their folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from streamflow.mapping.files import archive_path
from streamflow.model import Record
from streamflow.platforms.catalog import pair_of

PAIR = pair_of("leadtrekker", "nutshell")
NAMES = st.one_of(st.text(min_size=1, max_size=12), st.text(alphabet="./\\\0~", min_size=1, max_size=12), st.just("x" * 300))


def _file(parent: str, key: str) -> Record:
    return Record(kind="attachment", key=key, digest="", data={"attachmentid": key, "leadid": parent})


@settings(max_examples=60, deadline=None, database=None)
@given(parent=NAMES, key=NAMES)
@example(parent="../../../etc", key="../passwd")
@example(parent="..", key=".")
@example(parent="/etc", key="a\0b")
def test_an_archived_file_stays_in_the_archive(parent: str, key: str) -> None:
    """Whatever ids a source gives a record and its parent, its file is two folders below the archive, under a name that a disk takes."""
    archive = Path("/state/files")
    path = Path("/state") / archive_path(_file(parent, key), PAIR)
    assert path.resolve().relative_to(archive).parts == path.parts[-2:]
    assert "\0" not in str(path)
    assert all(len(part.encode()) <= 200 for part in path.parts)


@pytest.mark.parametrize(("parent", "key"), [("48213", "ab12"), ("Thandi Mokoena", "quote.pdf")])
def test_ordinary_names_stay_as_they_are(parent: str, key: str) -> None:
    """An operator finds a file under the ids that the source shows."""
    assert archive_path(_file(parent, key), PAIR) == f"files/{parent}/{key}"
