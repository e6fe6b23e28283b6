"""Source beside destination in the sum: null rates, amounts, and people by status, owner and month."""

from __future__ import annotations

from typing import Any

from streamflow.mapping.values import Ways
from streamflow.model import Link, Record, RecordState, Ref, Staged
from streamflow.reports.reconciliation import reconciliation
from streamflow.reports.totals import Target, Totals, targets_of, totals
from streamflow.store.base import Ledger
from tests.mapping.builders import PAIR

TARGETS = [
    Target(kind="lead", dest_kind="contacts", name="phones", family="text", sources=("number", "custom:Mobile")),
    Target(kind="lead", dest_kind="contacts", name="custom:Budget", family="money", sources=("custom:Budget",), ways=Ways(currency="ZAR")),
    Target(kind="lead", dest_kind="contacts", name="custom:Lead Status", family="text", sources=("status", "statusid")),
    Target(kind="lead", dest_kind="contacts", name="link:owner", family="text", sources=("userid", "owner")),
    Target(kind="lead", dest_kind="contacts", name="custom:Original created", family="date", sources=("created",)),
]


def staged(key: str, *, state: RecordState = RecordState.DONE, **data: Any) -> Staged:
    return Staged(record=Record(kind="lead", key=key, data=data, digest=key), seq=1, state=state)


def link(key: str, *, dest: str = "", ours: bool = True, **base: Any) -> Link:
    return Link(ref=Ref("lead", key), dest_kind="contacts", dest_id=dest or f"{key}-contacts", base=base, ours=ours)


def counted(page: list[Staged], links: list[Link], others: dict[str, list[dict[str, Any]]] | None = None) -> Totals:
    found = Totals(person=PAIR.person, targets=TARGETS, users={"21": "1-users"})
    found.add("lead", page, links, others or {})
    return found


def rate(found: Totals, field: str, issues: dict[tuple[str, str], int] | None = None) -> dict[str, Any]:
    return next(row for row in found.null_rates(issues or {}) if row["field"] == field)


def test_what_is_filled_is_counted_on_both_sides() -> None:
    """A value that did not arrive is missing, unless the queue tells of it; a person's own counts as theirs, a rule's as the rule's."""
    page = [
        staged("1", number="082"), staged("2", number="083"), staged("3", number="084"), staged("4"), staged("5", custom={"Mobile": "1"}),
    ]  # fmt: skip
    links = [
        link("1", phones=["082"]), link("2"), link("3", **{"kept:phones": ["084"]}), link("4", phones=["000"]), link("5", phones=["1"]),
    ]  # fmt: skip
    row = rate(counted(page, links), "phones")
    assert (row["records"], row["source_filled"], row["destination_filled"]) == (5, 4, 3)
    assert (row["missing"], row["kept_by_people"], row["filled_by_rule"]) == (1, 1, 1)
    assert (row["source_null_rate"], row["destination_null_rate"], row["unaccounted"]) == ("20.0%", "40.0%", 1)
    assert rate(counted(page, links), "phones", {("lead", "number"): 1})["unaccounted"] == 0


def test_pending_merged_and_unwritten_records_are_not_compared() -> None:
    """Only records at rest with a destination record of their own have two sides."""
    page = [staged("1", state=RecordState.PENDING, number="1"), staged("2", number="2"), staged("3", number="3")]
    merged = Link(ref=Ref("lead", "2"), dest_kind="contacts", dest_id="9-contacts", base={}, ours=False)
    assert merged.is_merged
    assert counted(page, [link("1", phones=["1"]), merged]).null_rates({}) == []


def test_amounts_are_summed_and_a_lost_one_shows() -> None:
    """Amounts are read as amounts on both sides; what is none is counted apart; a merged person may state the amount of the head."""
    page = [
        staged("1", custom={"Budget": "R 12 500,00"}), staged("2", custom={"Budget": "about 10k"}), staged("3"),
        staged("4", custom={"Budget": "R 700"}),
    ]  # fmt: skip
    links = [link("1", **{"custom:Budget": "12500.00"}), link("2"), link("3", **{"custom:Budget": "90"}), link("4")]
    [row] = counted(page, links, {"3": [{"custom": {"Budget": "R 90"}}]}).sums()
    assert (row["source_sum"], row["destination_sum"], row["difference"], row["not_an_amount"], row["ok"]) == (
        "13290.00", "12590.00", "700.00", 1, False,
    )  # fmt: skip
    [whole] = counted(page[:3], links[:3], {"3": [{"custom": {"Budget": "R 90"}}]}).sums()
    assert whole["ok"]


def test_a_persons_own_amount_hides_no_lost_one() -> None:
    """An amount that a person set themselves is in neither sum; beside it a lost one shows as before, and so does a lost value."""
    page = [staged("1", custom={"Budget": "R 500"}), staged("2", custom={"Budget": "R 700"}), staged("3")]
    theirs = [link("1", **{"kept:custom:Budget": "90"}), link("3", **{"kept:custom:Budget": "90"})]
    [row] = counted(page, [theirs[0], link("2"), theirs[1]]).sums()
    assert (row["source_sum"], row["destination_sum"], row["ok"]) == ("700.00", "0", False)
    assert rate(counted(page, [theirs[0], link("2"), theirs[1]]), "custom:Budget")["missing"] == 1
    [row] = counted(page, [theirs[0], link("2", **{"custom:Budget": "700.00"}), theirs[1]]).sums()
    assert (row["source_sum"], row["ok"]) == ("700.00", True)


def test_people_by_status_owner_and_month() -> None:
    """Each person stands in one status, owner and month on either side; one that changed its place shows twice."""
    page = [
        staged("1", status="New", userid="21", created="2026-05-11 09:00:00"),
        staged("2", status="Won", userid="99", created="2026-06-01 09:00:00"),
    ]
    links = [
        link("1", **{"custom:Lead Status": "New", "link:owner": "1-users", "custom:Original created": "2026-05-11"}),
        link("2", **{"custom:Lead Status": "New", "custom:Original created": "2026-06-01"}),
    ]
    rows = {(row["segment"], row["value"]): row["difference"] for row in counted(page, links).segments()}
    assert rows == {
        ("status", "New"): 1, ("status", "Won"): -1, ("owner", "1-users"): 0, ("owner", "(none)"): 0,
        ("month of creation", "2026-05"): 0, ("month of creation", "2026-06"): 0,
    }  # fmt: skip


async def test_the_reconciliation_holds_them(ledger: Ledger) -> None:
    """Null rates, sums and segments are in the report, with a promise each that says what it rests on."""
    data = await reconciliation(ledger, PAIR)
    assert {row["field"] for row in data["null_rates"]} >= {"name", "emails", "custom:Streamflow ID"}
    assert [row["field"] for row in data["sums"]] == [] or data["sums"][0]["destination"] == "contacts"
    assert {row["segment"] for row in data["segments"]} >= {"status"}
    promises = {row["promise"] for row in data["summary"]}
    assert {"what is filled in the source is filled in the destination", "sums of amounts match"} <= promises


async def test_an_empty_ledger_has_no_totals(empty: Ledger) -> None:
    """Before anything was read there is nothing to compare and nothing to complain of."""
    assert await totals(empty, PAIR, {}) == {"null_rates": [], "sums": [], "segments": []}
    assert targets_of(None, PAIR) == []
