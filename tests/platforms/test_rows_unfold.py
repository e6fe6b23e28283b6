"""Records of several kinds out of rows of one, and one record out of what several streams show of it."""

from __future__ import annotations

from typing import Any

import pytest

from streamflow.errors import ConfigError
from streamflow.model import Page, Record
from streamflow.platforms.rows.canon import Canon, Pass
from streamflow.platforms.rows.join import joiner
from streamflow.platforms.rows.roster import Roster
from streamflow.platforms.rows.unfold import Unfolder
from streamflow.platforms.spec_toml import load

SHIPPED = """
platform = "porch"
[streams.house]
key = "houseid"
fields = ["houseid", "street"]
[streams.house.list]
function = "GetHouses"
[[streams.house.unfold]]
kind = "guest"
at = "guests"
within = "house"
take = { houseid = "houseid" }
[[streams.house.unfold]]
kind = "word"
at = "words"
within = "guest"
take = { houseid = "houseid", guestid = "id" }
text = "said"
[streams.guest]
via = "house"
key = "guestid"
refers_to = "house"
parent_field = "houseid"
fields = ["guestid", "houseid", "trade", "mood", "tags"]
sets = ["tags"]
[streams.guest.aliases]
guestid = ["id"]
[[streams.guest.gather]]
kind = "trade"
fields = { name = "trade" }
[streams.guest.yields.house]
fields = ["mood"]
[streams.word]
via = "house"
key = "wordid"
key_fallback = ["guestid", "said"]
parent_field = "houseid"
fields = ["wordid", "houseid", "guestid", "said"]
[streams.trade]
via = "house"
role = "reference"
key = "name"
fields = ["name"]
"""
SPEC = load(SHIPPED, {}, defaults={"reader": "api"})
CANONS = {kind: Canon(stream, null_words=frozenset(), region="", reader="api") for kind, stream in SPEC.streams.items()}


def unfolded(*rows: dict[str, Any]) -> Page:
    return Unfolder(SPEC, CANONS, "house").page(rows, next_cursor=None, roster=Roster(), memory=Pass())


def kinds(page: Page, kind: str) -> list[Record]:
    return [record for record in page.records if record.kind == kind]


def house(**guest: Any) -> dict[str, Any]:
    return {"houseid": "1", "street": "Elm", "GUESTS": [{"ID": "7", "trade": "roofer", **guest}]}


def test_rows_within_rows_become_records_of_their_own() -> None:
    """However keys are cased, what is nested leaves its row, takes the keys around it, and names references once."""
    page = unfolded(house(Words=["hello"]), {"houseid": "2", "street": "Oak", "guests": {"id": "8", "trade": "roofer"}})
    assert [record.data for record in kinds(page, "house")] == [{"houseid": "1", "street": "Elm"}, {"houseid": "2", "street": "Oak"}]
    assert [(record.key, record.parent) for record in kinds(page, "guest")] == [("7", "1"), ("8", "2")]
    assert [(record.data["said"], record.data["guestid"], record.parent) for record in kinds(page, "word")] == [("hello", "7", "1")]
    assert [record.key for record in kinds(page, "trade")] == ["roofer"]
    assert (page.unknown, page.unknown_of) == ({}, {})


@pytest.mark.parametrize(("words", "said"), [
    ("one text", ["one text"]), (["a", "a"], ["a", "a"]), ({"said": "an object"}, ["an object"]), ("", []), (None, []), ([], []),
    ([{"said": "x"}, "y"], ["x", "y"]),
])  # fmt: skip
def test_a_text_is_never_taken_sign_by_sign(words: Any, said: list[str]) -> None:
    """A list, one object, one text or nothing: as many records as there are, equal ones told apart."""
    found = kinds(unfolded(house(words=words)), "word")
    assert sorted(record.data["said"] for record in found) == sorted(said)
    assert len({record.key for record in found}) == len(said)


def test_a_row_shown_twice_brings_the_same_records() -> None:
    """What has no id of its own has the same key each time its row comes."""
    first, again = (unfolded(house(words=["a", "a"]), house(words=["a", "a"])) for _ in range(2))
    assert {record.key for record in first.records} == {record.key for record in again.records}
    assert len(kinds(first, "word")) == 2


def test_what_is_neither_row_nor_text_is_told() -> None:
    """Numbers where rows belong are counted as unknown of the kind they should have been."""
    assert unfolded(house(words=[5])).unknown_of == {"word": {"words (holds something that is no row)": 1}}


def test_unknown_names_are_told_by_kind() -> None:
    """A new key of a nested row is one of its own kind."""
    assert unfolded(house(shoe="9")).unknown_of == {"guest": {"shoe": 1}}


# --- one record of several streams


def guest(**data: Any) -> Record:
    record = CANONS["guest"].record({"guestid": "7", **data}, roster=Roster(), memory=Pass())
    assert record is not None
    return record


JOIN = joiner(SPEC.streams["guest"], CANONS["guest"])


def test_a_missing_field_is_not_empty_and_the_latest_word_counts() -> None:
    """Fields of both streams stand; an empty value that is shown empties what that stream filled, one that is not shown says nothing."""
    known = JOIN(None, guest(houseid="1", trade="roofer"), "house")
    joined = JOIN(JOIN(known, guest(trade=""), "house"), guest(trade="", tags=["b", "a"]), "guest")
    assert {name: value for name, value in joined.data.items() if name != "_raw"} == {
        "guestid": "7", "houseid": "1", "trade": "", "tags": ["b", "a"],
    }  # fmt: skip
    assert joined.parent == "1"
    assert joined.digest == CANONS["guest"].digest(joined.data)


def test_a_field_that_is_yielded_fills_only_what_no_other_stream_gives() -> None:
    """The yielding stream's value stands alone, gives way to another's, and does not come back over it."""
    alone = JOIN(None, guest(mood="guess"), "house")
    assert JOIN(alone, guest(mood="better guess"), "house").data["mood"] == "better guess"
    told = JOIN(alone, guest(mood="calm"), "list")
    assert told.data["mood"] == "calm"
    assert JOIN(told, guest(mood="guess"), "house").data["mood"] == "calm"
    calm = JOIN(None, guest(mood="calm"), "list")
    assert JOIN(calm, guest(mood="guess"), "house").digest == calm.digest


def test_a_blank_empties_only_what_the_same_stream_had_filled() -> None:
    """A stream that leaves a field blank does not take it from the one that fills it; that one may."""
    own = JOIN(None, guest(trade="roofer"), "guest")
    for blank in ("", "  ", None):
        assert JOIN(own, guest(trade=blank), "house").data["trade"] == "roofer"
    assert JOIN(own, guest(trade=""), "guest").data["trade"] == ""
    nested = JOIN(JOIN(None, guest(trade=""), "guest"), guest(trade="roofer"), "house")
    assert JOIN(nested, guest(trade=""), "guest").data["trade"] == "roofer"
    assert JOIN(nested, guest(trade=""), "house").data["trade"] == ""
    assert JOIN(nested, guest(trade="mason"), "guest").data["trade"] == "mason"
    assert JOIN(JOIN(None, guest(mood=""), "guest"), guest(mood="guess"), "house").data["mood"] == "guess"


def test_joining_what_is_known_already_changes_nothing() -> None:
    """The same row again has the same digest, whichever stream showed it last."""
    known = JOIN(JOIN(None, guest(houseid="1", mood="guess"), "house"), guest(mood="calm", trade="roofer"), "list")
    assert JOIN(known, guest(houseid="1", mood="guess"), "house").digest == known.digest
    assert JOIN(known, guest(mood="calm", trade="roofer"), "list").digest == known.digest


def test_a_spec_names_kinds_that_are_there() -> None:
    """Kinds that rows bring, come with or yield to must be streams."""
    wrong = SHIPPED.replace('kind = "trade"', 'kind = "craft"')
    with pytest.raises(ConfigError) as caught:
        load(wrong.replace('[streams.word]\nvia = "house"', '[streams.word]\nvia = "hut"'), {})
    assert {"source.streams.guest.gather", "source.streams.word.via"} <= {part.split(":")[0] for part in str(caught.value).split("; ")}
