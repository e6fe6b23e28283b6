"""Dates, durations, phones, addresses, e-mails and typed values."""

from __future__ import annotations

import random

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamflow.mapping.dates import read_date, read_duration_s, read_moment, zone_of
from streamflow.mapping.emails import is_role, read_addresses
from streamflow.mapping.phones import read_phones
from streamflow.mapping.postal import read_address
from streamflow.mapping.values import Ways, decimal_of, is_empty, reader_for

ZA = Ways(currency="ZAR", date_order="day")
MOBILE_TYPES = (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE)


@pytest.mark.parametrize(
    ("zone", "local", "unix_s", "mark"),
    [
        ("Africa/Johannesburg", "2026-05-12 08:05:00", 1778565900, ""),
        ("Europe/Berlin", "2026-10-25 02:30:00", 1792888200, "ambiguous"),
        ("Europe/Berlin", "2026-03-29 02:30:00", 1774747800, "nonexistent"),
        ("America/New_York", "2026-11-01 01:30:00", 1793511000, "ambiguous"),
        ("Europe/Berlin", "2026-10-25T02:30:00+01:00", 1792891800, ""),
    ],
)
def test_local_times_become_instants(zone: str, local: str, unix_s: int, mark: str) -> None:
    """The same instant to the second in any zone; an hour that is shown twice or never is marked, not guessed silently."""
    moment = read_moment(local, zone_of(zone))
    assert moment is not None
    assert (moment.unix_s, moment.mark) == (unix_s, mark)


def test_header_carries_the_zone() -> None:
    """The original time in a text says its zone."""
    moment = read_moment("2026-05-12 08:05:00", zone_of("Africa/Johannesburg"))
    assert moment is not None
    assert moment.header() == "2026-05-12 08:05:00 +02:00"
    assert moment.iso() == "2026-05-12T08:05:00+02:00"


@given(st.datetimes())
def test_every_clock_time_can_be_read(local: object) -> None:
    """No time the source can write breaks the reader."""
    text = str(local)
    read_moment(text, zone_of("Africa/Johannesburg"))


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-05-11", "2026-05-11"),
        ("11/05/2026", "2026-05-11"),
        ("1.2.2026", "2026-02-01"),
        ("11 May 2026", "2026-05-11"),
        ("2026-05-11 09:14:02", "2026-05-11"),
        ("13/13/2026", None),
        ("05/31/2026", None),
        ("tomorrow", None),
        ("31/02/2026", None),
    ],
)
def test_days_are_read_day_first(text: str, day: str | None) -> None:
    """Days are read year first or day first, never month first, and impossible ones are refused."""
    assert read_date(text, "day") == day


@pytest.mark.parametrize(
    ("text", "by_month", "unknown"),
    [
        ("8/7/2026", "2026-08-07", None),
        ("8/7/2026 3:00:10 PM", "2026-08-07", "2026-08-07"),
        ("7/7/2026", "2026-07-07", "2026-07-07"),
        ("13/5/2026", None, "2026-05-13"),
        ("5/13/2026", "2026-05-13", "2026-05-13"),
        ("May 11, 2026", "2026-05-11", "2026-05-11"),
        ("2026-08-07T00:00:00", "2026-08-07", "2026-08-07"),
        ("8.7.2026", None, "2026-07-08"),
    ],
)
def test_the_order_of_days_is_said_not_guessed(text: str, by_month: str | None, unknown: str | None) -> None:
    """A day is read by the order of the account; where that is not known, one that can be read both ways is refused."""
    assert read_date(text, "month") == by_month
    assert read_date(text, "") == unknown


@pytest.mark.parametrize(
    ("text", "marks"),
    [
        ("1,234", {"": None, ",": "1234", ".": "1.234", " ": "1.234"}),
        ("1.234", {"": "1.234", ",": "1.234", ".": "1234"}),
        ("12,5", {"": "12.5", ",": None, ".": "12.5"}),
        ("12.5", {"": "12.5", ",": "12.5", ".": None}),
        ("1,234,567", {"": "1234567", ",": "1234567"}),
        ("14,250.00", {"": "14250.00", ",": "14250.00"}),
        ("14250.0000", {"": "14250.0000", ",": "14250.0000"}),
    ],
)
def test_thousands_are_parted_as_the_account_does(text: str, marks: dict[str, str | None]) -> None:
    """A comma before three digits is a thousand where the account says so, and nothing where nobody has said it."""
    for thousands, wanted in marks.items():
        found = decimal_of(text, thousands)
        assert (None if found is None else str(found)) == wanted, thousands


def test_amounts_are_of_the_accounts_currency() -> None:
    """An amount without a sign is the account's; one of another currency is told and kept, never taken for the account's."""
    dollars = Ways(currency="USD", date_order="month", thousands=",")
    assert reader_for("money", {}, dollars)("$1,234").value == "1234.00"
    assert reader_for("money", {}, dollars)("1,234").value == "1234.00"
    assert reader_for("money", {}, dollars)("R 500").cause == "foreign_currency"
    assert reader_for("money", {}, ZA)("1,234").cause == "bad_money"
    assert reader_for("money", {"currency": "ZAR"}, dollars)("R 500").value == "500.00"
    assert reader_for("date", {"date_order": "day"}, dollars)("8/7/2026").value == "2026-07-08"
    assert "MM/DD/YYYY" in reader_for("date", {}, dollars)("31/12/2026").hint


@pytest.mark.parametrize(
    ("text", "seconds"), [("00:02:41", 161), ("2:41", 161), ("45", 45), ("1:00:00", 3600), ("long", None), ("1:99", None)]
)
def test_durations(text: str, seconds: int | None) -> None:
    """Durations are read as clock texts or seconds."""
    assert read_duration_s(text) == seconds


@pytest.mark.parametrize(
    ("cell", "values", "raw"),
    [
        ("0825550142", ["+27825550142"], []),
        ("082 555 0142", ["+27825550142"], []),
        ("+27 82 555 0142", ["+27825550142"], []),
        ("(021) 555-0100", ["+27215550100"], []),
        ("+27 (0)82 555 0142", ["+27825550142"], []),
        ("082 555 0142 ext 12", ["+27825550142"], []),
        ("0825550142 / 0215550100", ["+27825550142", "+27215550100"], []),
        ("082 555 0142 or ask Sipho", ["+27825550142"], ["ask Sipho"]),
        ("call after 5", [], ["call after 5"]),
        ("12345", [], ["12345"]),
        ("082 555", [], ["082 555"]),
        ("8.2555E+8", [], ["8.2555E+8"]),
        ("+44 20 7946 0958", ["+442079460958"], []),
        ("", [], []),
    ],
)
def test_phones_are_normalised_or_kept(cell: str, values: list[str], raw: list[str]) -> None:
    """A number becomes E.164 by the home region; what is none is kept as it was written."""
    found = read_phones(cell, "ZA")
    assert [phone.value for phone in found.valid] == values
    assert list(found.unparsable) == raw


def test_quick_reading_of_phones_agrees_with_the_library() -> None:
    """The short way for South African numbers gives what the library gives, kind of number included."""
    rng = random.Random(7)
    for _ in range(2_000):
        cell = f"0{rng.randint(1, 8)}{rng.randint(0, 99_999_999):08d}"
        number = phonenumbers.parse(cell, "ZA")
        found = read_phones(cell, "ZA").valid
        assert bool(found) == phonenumbers.is_valid_number(number)
        if found:
            assert found[0].value == phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
            assert (found[0].label == "mobile") == (phonenumbers.number_type(number) in MOBILE_TYPES)


@pytest.mark.parametrize(
    ("cell", "valid", "invalid"),
    [
        (" THANDI@example.co.za ", ("THANDI@example.co.za",), ()),
        ("a@x.org; b@y.org", ("a@x.org", "b@y.org"), ()),
        ("a@x.org / A@X.ORG", ("a@x.org",), ()),
        ("a@x.org\nb@y.org", ("a@x.org", "b@y.org"), ()),
        ("Thandi <t@x.org>, S <s@x.org>", ("t@x.org", "s@x.org"), ()),
        ("joe@", (), ("joe@",)),
        ("joe at x", (), ("joe at x",)),
        ("joe@@example.com", (), ("joe@@example.com",)),
        ("a@x.org and nonsense", ("a@x.org",), ("nonsense",)),
        ("", (), ()),
        ("@example.co.za", (), ("@example.co.za",)),
        ("o'brien@x.org", ("o'brien@x.org",), ()),
        ("a..b@x.org", (), ("a..b@x.org",)),
    ],
)
def test_every_address_of_a_cell_is_found(cell: str, valid: tuple[str, ...], invalid: tuple[str, ...]) -> None:
    """All valid addresses are found once, in order; the rest is named, not dropped."""
    found = read_addresses(cell)
    assert (found.valid, found.invalid) == (valid, invalid)


def test_office_mailboxes_are_known() -> None:
    """Mailboxes of offices prove nobody's identity."""
    assert is_role("Info@example.org")
    assert is_role("sales2@example.org")
    assert not is_role("thandi@example.org")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("14 Loop St, Cape Town, 8001", {"address_1": "14 Loop St", "city": "Cape Town", "postalCode": "8001"}),
        ("14 Loop St,\nCape Town,\n8001", {"address_1": "14 Loop St", "city": "Cape Town", "postalCode": "8001"}),
        (
            "14 Loop St, Cape Town 8001, South Africa",
            {"address_1": "14 Loop St", "city": "Cape Town", "postalCode": "8001", "country": "ZA"},
        ),
        (
            "Unit 3, 14 Loop St, Cape Town, 8001",
            {"address_1": "Unit 3", "address_2": "14 Loop St", "city": "Cape Town", "postalCode": "8001"},
        ),
        ("near the station, Durban", {"address_1": "near the station, Durban"}),
        ("Cape Town", {"address_1": "Cape Town"}),
        ("", {}),
    ],
)
def test_addresses_are_taken_apart_only_when_sure(text: str, parts: dict[str, str]) -> None:
    """Street, town and code when the shape is certain; otherwise the whole text in the first line."""
    assert read_address(text, "ZA") == parts


@given(st.text(st.sampled_from("ab1 ,\n8001Cape"), max_size=60))
def test_no_word_of_an_address_is_lost(text: str) -> None:
    """Whatever the shape, all words of an address are in its parts, in order."""
    parts = read_address(text, "ZA")
    assert "".join(parts.values()).replace(",", "").replace(" ", "") == "".join(text.split()).replace(",", "")


@pytest.mark.parametrize(
    ("family", "text", "value", "cause"),
    [
        ("money", "R 12 500.00", "12500.00", ""),
        ("money", "R12,500.50", "12500.50", ""),
        ("money", "12500", "12500.00", ""),
        ("money", "$ 5", None, "foreign_currency"),
        ("money", "R12k", None, "bad_money"),
        ("money", "-R 5,50", "-5.50", ""),
        ("money", "1,234", None, "bad_money"),
        ("money", "12 5", None, "bad_money"),
        ("number", "5,5", "5.5", ""),
        ("number", "1 000 000", "1000000", ""),
        ("number", "12 apples", None, "bad_number"),
        ("date", "31/12/2026", "2026-12-31", ""),
        ("date", "1900-01-01", "1900-01-01", "implausible_date"),
        ("date", "soon", None, "bad_date"),
        ("choice", "ROOF  mount", "Roof mount", ""),
        ("choice", "balcony", None, "unknown_choice"),
        ("text", "x" * 256, None, "too_long"),
        ("text", " <b>x</b> ", "<b>x</b>", ""),
        ("text", "x <br> &amp; y", "x <br> &amp; y", ""),
        ("long", "a<br>b", "a\nb", ""),
    ],
)
def test_typed_values_are_caught_before_writing(family: str, text: str, value: str | None, cause: str) -> None:
    """A value that does not fit its field is caught per field, with its cause."""
    read = reader_for(family, {"choices": ["Roof mount", "Ground"]}, ZA)(text)
    assert (read.value, read.cause) == (value, cause)
    assert read.hint or not cause


@given(st.sampled_from(["text", "long", "choice", "date", "money", "number"]), st.text(max_size=40))
def test_no_value_breaks_a_reader(family: str, text: str) -> None:
    """Whatever is typed, a reader answers a value or a cause."""
    read = reader_for(family, {})(text)
    assert read.value is not None or read.cause


@pytest.mark.parametrize(
    ("value", "empty"), [(None, True), (" null ", True), ("N/A", True), ("-", True), ("", True), ("0", False), ("none of it", False)]
)
def test_words_for_nothing_are_empty(value: object, empty: bool) -> None:
    """The words that forms store for nothing count as nothing in structured fields."""
    assert is_empty(value) is empty
