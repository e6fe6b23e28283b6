"""Codec and single values: what goes out comes back, and what a spreadsheet broke is mended only where that is certain."""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamflow.platforms.leadtrekker.codec import NotBase64, decode_leaves, encode_leaves
from streamflow.platforms.rows.phones import mended_phone, plain_phone
from streamflow.platforms.rows.values import local_time, text_of, tidy, tidy_label
from streamflow.sandbox.leadtrekker.codec import decode_tree

ZA = ZoneInfo("Africa/Johannesburg")
FORMATS = ("%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M", "%d/%m/%Y")
_TREES = st.recursive(
    st.text(), lambda inner: st.dictionaries(st.text(max_size=5), inner, max_size=4) | st.lists(inner, max_size=4), max_leaves=8
)


@settings(deadline=None)
@given(_TREES)
def test_codec_gives_back_every_tree_of_texts(tree: Any) -> None:
    """Encoding and decoding are each other's inverse, keys untouched; the simulated server reads the same."""
    encoded = encode_leaves(tree)
    assert decode_leaves(encoded) == tree
    assert decode_tree(encoded, strict=True) == tree


def test_codec_writes_numbers_and_booleans_as_text() -> None:
    """Numbers and booleans become text first, and nothing becomes the word null."""
    assert decode_leaves(encode_leaves({"a": 5, "b": True, "c": None, "d": [1.5]})) == {"a": "5", "b": "true", "c": "", "d": ["1.5"]}
    assert encode_leaves({"name": "Thandi"}) == {"name": "VGhhbmRp"}


@pytest.mark.parametrize("value", ["Jane 1234", "Zm9v!", "/w==", "abc"])
def test_decoding_refuses_rather_than_guesses(value: str) -> None:
    """What is not base64 of UTF-8 is an error and never half-decoded."""
    with pytest.raises(NotBase64):
        decode_leaves({"name": value})
    assert base64.b64decode("/w==") == b"\xff"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-05-11 09:14:02", "2026-05-11 09:14:02"),
        ("2026-05-11T09:14:02", "2026-05-11 09:14:02"),
        ("2026-05-11", "2026-05-11 00:00:00"),
        ("2026-05-11T07:14:02Z", "2026-05-11 09:14:02"),
        ("2026-05-11T07:14:02+01:00", "2026-05-11 08:14:02"),
        ("03/04/2026 09:14", "2026-04-03 09:14:00"),
        ("03/04/2026", "2026-04-03 00:00:00"),
        ("46153.384745370372", "2026-05-11 09:14:02"),
        (46153.384745370372, "2026-05-11 09:14:02"),
        (datetime(2026, 5, 11, 9, 14, 1, 999_997), "2026-05-11 09:14:02"),
        ("0999-05-11 01:02:03", "0999-05-11 01:02:03"),
        ("13/13/2026", None),
        ("next week", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("9999-12-31T23:59:59.9", None),
        (datetime.max, None),
        (10**400, None),
        ("5", None),
    ],
)
def test_moments_become_local_text_day_first(value: Any, expected: str | None) -> None:
    """Every known form gives the same local text; days come before months; the rest is not a moment."""
    assert local_time(value, FORMATS, ZA) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (825550142, "0825550142"),
        (825550142.0, "0825550142"),
        ("825550142", "0825550142"),
        ("8.25550142E+8", "0825550142"),
        ("8,25550142E+08", "0825550142"),
        ("8.2555E+8", "8.2555E+8"),
        (27825550142, "+27825550142"),
        ("2.7825550142E+10", "+27825550142"),
        ("082 555 0142", "082 555 0142"),
        ("+44 20 7946 0000", "+44 20 7946 0000"),
        ("12345", "12345"),
        ("Anonymous", "Anonymous"),
        ("٨٢٥٥٥٠١٤٢", "٨٢٥٥٥٠١٤٢"),
    ],
)
def test_phones_are_mended_only_where_that_is_certain(value: Any, expected: str) -> None:
    """A lost 0 or + comes back; digits that are gone are not made up."""
    assert mended_phone(value, "ZA") == expected


def test_phones_of_other_regions_stay() -> None:
    """Nine digits are whole numbers elsewhere."""
    assert mended_phone("825550142", "DE") == "825550142"


def test_american_numbers_are_written_out_and_compare_equal() -> None:
    """Ten digits lose nothing in a spreadsheet; with and without country code and separators they are one number, others stay texts."""
    assert [mended_phone(value, "US") for value in (4075550142, 4075550142.0, "4.075550142E+9", "4.07E+9", 75550142)] == [
        "4075550142", "4075550142", "4075550142", "4.07E+9", "75550142"
    ]  # fmt: skip
    forms = ("(407)555-0142", "407.555.0142", "4075550142", "1 407 555 0142", "+1 (407) 555-0142")
    assert {plain_phone(text, "US") for text in forms} == {"+14075550142"}
    assert plain_phone("555-0142", "US") == "555-0142"
    assert plain_phone(" 0825550142 ", "XX") == "0825550142"


@pytest.mark.parametrize(
    ("value", "nearest", "cut"),
    [
        ("2026-08-06T18:14:08.96", "2026-08-06 18:14:09", "2026-08-06 18:14:08"),
        ("2026-08-06T23:59:59.500", "2026-08-07 00:00:00", "2026-08-06 23:59:59"),
        ("2026-08-06T18:14:08.3", "2026-08-06 18:14:08", "2026-08-06 18:14:08"),
        (datetime(2026, 8, 6, 18, 14, 8, 999_999), "2026-08-06 18:14:09", "2026-08-06 18:14:08"),
        ("46153.384745370372", "2026-05-11 09:14:02", "2026-05-11 09:14:02"),
    ],
)
def test_fractions_of_seconds(value: Any, nearest: str, cut: str) -> None:
    """They go to the nearest second or are cut, as asked; a day counted by a spreadsheet misses its second by a hair either way."""
    assert (local_time(value, (), ZA), local_time(value, (), ZA, cut=True)) == (nearest, cut)


def test_equal_numbers_compare_equal() -> None:
    """Separators and the two ways to write the country make no difference; other texts stay apart."""
    forms = ("0825550142", "082 555 0142", "+27 82 555-0142", "(082) 555 0142", "0027825550142")
    assert {plain_phone(text, "ZA") for text in forms} == {"+27825550142"}
    assert plain_phone("082 555 014", "ZA") == "082 555 014"


@settings(deadline=None)
@given(st.text())
def test_tidy_is_stable(text: str) -> None:
    """Tidying twice changes nothing more, and no CR is left."""
    once = tidy(text)
    assert tidy(once) == once
    assert "\r" not in once


def test_labels_keep_their_letters() -> None:
    """Only blanks of a label are tidied."""
    assert tidy_label("  How  did\tyou Hear ") == "How did you Hear"


def test_scalars_as_text() -> None:
    """Whole floats lose their fraction, days their midnight."""
    values = (48213.0, 12.5, True, None, datetime(2026, 5, 11), 7)
    assert [text_of(value) for value in values] == ["48213", "12.5", "true", "", "2026-05-11", "7"]
