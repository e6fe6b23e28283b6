"""Writes at the source are found, whichever function they came by."""

from __future__ import annotations

from tests.judge.readonly import written


def test_whatever_wrote_at_the_source_is_named() -> None:
    """Each function that writes and was called is a broken promise; a source that was only read passes in silence."""
    assert list(written({})) == []
    assert [(each.verdict, each.what) for each in written({"createlead": 2, "addnote": 1})] == [
        ("overwritten", "addnote"), ("overwritten", "createlead"),
    ]  # fmt: skip
