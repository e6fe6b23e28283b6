"""What values become, row by row, beyond what the simulated account happens to hold."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import pytest

from streamflow.model import Record
from streamflow.platforms.leadperfection.mends import mends
from streamflow.platforms.rows.canon import Canon, Pass
from streamflow.platforms.rows.roster import Roster
from streamflow.platforms.spec_toml import load

SPEC = load(files("streamflow.platforms.leadperfection").joinpath("streams.toml").read_text(encoding="utf-8"), {})
APPOINTMENT: dict[str, Any] = {"ID": "771204", "cst_id": "418207", "ApptDate": "2026-08-04T17:00:00", "Disposition": "Sale"}
CALL: dict[str, Any] = {"cst_id": "418207", "calldatetime": "2026-08-05T16:20:11", "phone": "4075550142", "resultcode": "NA"}


def record(kind: str, row: dict[str, Any]) -> Record:
    """Give the record of one row."""
    canon = Canon(
        SPEC.streams[kind], null_words=frozenset(SPEC.null_words), region=SPEC.region, reader="api", mend=mends(SPEC).get(kind)
    )
    made = canon.record(row, roster=Roster(), memory=Pass())
    assert made is not None
    return made


@pytest.mark.parametrize(
    ("columns", "products", "amounts"),
    [
        ({"ProductID": "WIN", "ProductID1": "WIN", "GSA1": "50.00", "ProductID2": "DOR", "GSA2": 9.5}, ["WIN", "DOR"], ["50", "9.5"]),
        ({"ProductID": "WIN;DOR", "GSA1": "", "GSA2": "900", "GSA3": "", "GSA4": "", "GSA5": ""}, ["WIN", "DOR"], ["", "900"]),
        ({"ProductID": "WIN", "ProductID1": "", "GSA1": "", "ProductID2": "DOR", "GSA2": "900"}, ["DOR", "WIN"], ["900"]),
        ({"ProductID": "WIN", "ProductID1": "WIN", "GSA1": "5", "ProductID2": "", "GSA2": "6", "GSA5": "7"}, ["WIN"], ["5", "6", "7"]),
        ({"ProductID": "", "GSA1": "", "GSA2": "", "GSA3": "8"}, [], ["", "", "8"]),
        ({"ProductID": "", "GSA1": "", "GSA2": ""}, [], []),
    ],
)  # fmt: skip
def test_no_product_and_no_amount_of_an_appointment_is_lost(columns: dict[str, Any], products: list[str], amounts: list[str]) -> None:
    """Wherever among the five places they stand, and whether or not a place has both."""
    data = record("appointment", {**APPOINTMENT, **columns}).data
    assert (data["products"], data["gsas"]) == (products, amounts)


def test_amounts_are_kept_where_no_product_is_told() -> None:
    """A row without any key of products says its amounts all the same."""
    data = record("appointment", {**APPOINTMENT, "GSA1": "14250.00"}).data
    assert ("products" in data, data["gsas"]) == (False, ["14250"])


def test_another_amount_makes_another_content() -> None:
    """Nothing else tells the amounts of an appointment, so a change of one is a change."""
    row = {**APPOINTMENT, "ProductID": "WIN", "ProductID1": "WIN", "GSA1": "14250.00"}
    assert record("appointment", row).digest == record("appointment", {**row, "GSA1": "14250.0000"}).digest
    assert record("appointment", row).digest != record("appointment", {**row, "GSA1": "15000.00"}).digest


@pytest.mark.parametrize(
    ("written", "state", "aside"),
    [("FL", "FL", ""), (" Fl ", "FL", ""), ("nu", "", ""), ("", "", ""), ("Florida", "Florida", ""), ("QLD", "QLD", ""), ("XX", "", "XX")],
)
def test_a_state_is_a_code_or_as_written(written: str, state: str, aside: str) -> None:
    """What is longer than a code stays; two letters that are no code are kept apart, but for a null cut short."""
    data = record("prospect", {"cst_id": "418207", "lastname": "Whitlock", "state": written}).data
    assert (data["state"], data["state_as_written"]) == (state, aside)


def test_a_call_is_the_same_however_its_number_is_written() -> None:
    """By API and in tables numbers are formatted otherwise; calls have no id but what they say."""
    assert record("call", CALL).key == record("call", {**CALL, "phone": "(407)555-0142"}).key
    assert record("call", CALL).key != record("call", {**CALL, "phone": "4075550143"}).key
