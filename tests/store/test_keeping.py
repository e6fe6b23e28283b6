"""What stays of a ledger after a purge: what is named, and nothing that nobody thought of."""

from __future__ import annotations

import orjson
import pytest

from streamflow.mapping.companies import _key_of
from streamflow.model import AuditEntry
from streamflow.store.audit import Head, chain
from streamflow.store.codec import text_of
from streamflow.store.keeping import kept_entry, stand_in

KEY = stand_in(b"x")


def entry(action: str, **values: object) -> str:
    [line], _ = chain(Head(), [AuditEntry(actor="streamflow", action=action, kind="lead", key="7")], at="now")
    return text_of({**orjson.loads(line.text), **values}, ordered=True)


@pytest.mark.parametrize("action", ["phase", "read", "write.create.confirmed", "cutover.switched"])
def test_a_new_part_of_an_entry_goes(action: str) -> None:
    """What a later version writes into the entries of the audit is taken without anybody naming it."""
    left = kept_entry(entry(action, guest="Zuqivbax"), KEY)
    assert "Zuqivbax" not in left
    assert orjson.loads(left)["key"] == "7"


def test_a_key_that_is_made_of_a_name_is_replaced() -> None:
    """A company's key is a digest of its name, which whoever guesses the name finds again: it goes as the name itself; ids stay."""
    for key in (_key_of("smith plumbing"), "Castlebay, Mia"):
        assert KEY(key) != key
    assert [KEY(key) for key in ("10001", "LEAD-0012", "012abec24fd11c660048c014968e9c14", "")] == [
        "10001", "LEAD-0012", "012abec24fd11c660048c014968e9c14", "",
    ]


@pytest.mark.parametrize("action", ["watch.closed", "field.left_out", "queue.resolved", "phase", "a.new.one"])
def test_words_that_others_wrote_go(action: str) -> None:
    """Notes that tell what a platform, a folder or a person said go, also where the rest of the entry stays."""
    left = orjson.loads(kept_entry(entry(action, note="Zuqivbax said"), KEY))
    assert (left["note"], left["purged"]) == ("", True)


def test_an_entry_without_values_stays_to_the_letter() -> None:
    """An entry that holds nothing of people keeps its text, and with it its place in the chain."""
    assert kept_entry(entry("read", note="10 records, pass first:lead:1"), KEY) == entry("read", note="10 records, pass first:lead:1")
    once = kept_entry(entry("a.new.one", note="Zuqivbax"), KEY)
    assert kept_entry(once, KEY) == once
