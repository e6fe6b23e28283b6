"""The source is only read, what is handed over at the end, and the one order that takes all of it back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from decimal import Decimal

from tests.acceptance.leadperfection.run import PairRun
from tests.acceptance.reading import written
from tests.judge import texts
from tests.judge.beside import left_beside
from tests.judge.guarding import overwritten, rolled_back
from tests.judge.leadperfection import values
from tests.judge.leadperfection.book import Book


def test_lp_29_the_source_is_only_read_while_people_work(living: PairRun) -> None:
    """LP-29: no call of a function that writes, of payments or of documents reached the source; people went on working all the time."""
    assert living.source_writes == {}
    assert living.source_calls
    for name in living.source_calls:
        assert name == "POST /token" or name.rpartition("/")[2].startswith(("Get", "get")), name
        assert "Payment" not in name
    assert living.notes["life"]["by_deed"]
    assert living.notes["leaks"] == []


def test_lp_39_the_log_is_whole_and_one_order_takes_everything_back(living: PairRun) -> None:
    """LP-39: an entry for every step, in an unbroken chain; rolled back, all is as it was but for what somebody worked on."""
    entries = living.notes["audit at the end"]
    assert [each["seq"] for each in entries] == list(range(1, len(entries) + 1))
    assert living.notes["audit verify"] == 0
    actions = [each["action"] for each in entries]
    assert {"read", "write.create.confirmed", "gate.map.confirmed", "owners.fallback", "gate.sample.accept", "cutover.switched",
            "rollback.requested", "rollback.delete"} <= set(actions)  # fmt: skip
    planned = living.notes["planned"]
    assert living.notes["ordered"] == 0
    assert living.code == 1, "what is spared stays open"
    assert living.contact in {each["id"] for each in planned["spared"]}
    before, after = living.before, living.looks["end"].destination
    spared = frozenset(str(each["id"]) for each in planned["spared"])
    beside = left_beside(before, after, living.looks["end"].report("rollback"))
    wrong = [*rolled_back(before, after, spared=spared), *beside, *overwritten(after, living.edits)]
    assert [str(each) for each in wrong] == []
    assert len(spared) <= 3, f"more was spared than people touched: {planned['spared']}"


def test_lp_40_the_reconciliation_says_everything(living: PairRun) -> None:
    """LP-40: counts of each kind that sum up, owners, unmapped fields with reasons, all flags; nothing differs that was read back."""
    report = living.report("reconciliation")
    kinds = {row["kind"]: row for row in report["kinds"]}
    assert kinds.keys() == {"prospect", "lead", "job", "appointment", "note", "call"}
    for row in kinds.values():
        assert row["read"] == sum(row[name] for name in ("created", "updated", "merged", "matched", "filtered", "flagged", "failed"))
        assert (row["pending"], row["failed"], row["explained"]) == (0, 0, True)
    assert report["owners"]["summary"]
    assert report["unmapped"]
    assert all(row["reason"] for row in report["unmapped"])
    assert {item["id"] for item in report["queue_items"]} == {item["id"] for item in living.queue}
    assert all(row["differs"] == row["pending"] == 0 for row in report["fields"])
    assert living.notes["verify"]["result"] == "verified"
    assert {row["kind"]: row["remark"] for row in report["reference"]}["schedule"] == "listed whole in the report list-schedule"


def test_lp_41_three_sheets_agree_with_the_book(living: PairRun) -> None:
    """LP-41: deals with the book's amounts, appointments with their day, every source with the book's count, each beside what arrived."""
    deals = {row["key"]: row for row in living.report("deal-values")["rows"]}
    for key, job in living.book.of("job").items():
        assert Decimal(deals[key]["source_value"] or 0) == Decimal(str(job["grossamount"] or 0)).quantize(Decimal("0.01")), key
        assert not deals[key]["deal"] or deals[key]["difference"] == "0.00", key
    meetings = {row["key"]: row for row in living.report("appointment-history")["rows"]}
    for key, row in living.book.of("appointment").items():
        assert meetings[key]["source_start"][:19] == str(row["apptdate"]).replace("T", " ")[:19], key
    assert living.report("appointment-history")["moved_in_time"] == 0
    assert all(row["remark"] for row in living.report("lead-sources")["differences"])
    for kind in ("job", "prospect"):
        _has_the_books_sources(living, kind)


def _has_the_books_sources(run: PairRun, kind: str) -> None:
    """Hold each source's count, as the sheet has it, against the book, and against its count of what arrived."""
    sheet = run.report("lead-sources")
    rows = [row for row in sheet["rows"] if row["kind"] == kind]
    here, there = (Counter({_pair(row["value"]): row[side] for row in rows}) for side in ("source", "destination"))
    odd = [row for row in sheet["differences"] if row["kind"] == kind]
    moved = Counter(_pair(row["destination"]) for row in odd)
    moved.subtract(_pair(row["source"]) for row in odd)
    assert {value: there[value] - here[value] for value in here | there} == {value: moved[value] for value in here | there}
    told = {line["source_key"] for line in run.tables["crosswalk"] if _is_main(line, kind)}
    gone = told - run.book.of(kind).keys()      # people took them away, and what they said last is not in the book
    may = [_sources(run.book, kind, key) for key in told - gone]
    for value in here.keys() | {one for each in may for one in each}:
        low, high = sum(each == {value} for each in may), sum(value in each for each in may)
        assert low <= here[value] <= high + len(gone), (kind, value)
    assert here.total() == len(told)
    assert len(here) > 5


def _is_main(line: Mapping[str, str], kind: str) -> bool:
    """Say whether a line of the crosswalk is that of a person or a deal itself, and not of one joined to another."""
    at = "leads" if kind == "job" else "contacts"
    return (line["source_kind"], line["part"], line["destination_kind"]) == (kind, "", at) and line["relation"] != "merged"


def _sources(book: Book, kind: str, key: str) -> set[tuple[str, str]]:
    """Give the source of a job's enquiry, or of a customer's newest: of the newest of all, or of those that tell one."""
    if kind == "job":
        leads = [lead for lead in [book.of("lead").get(str(book.of("job")[key]["lds_id"]))] if lead]
    else:
        leads = sorted(book.under("lead", key), key=lambda lead: values.clock(lead["dateentered"]))
    pairs = [(texts.present(lead["source"]), texts.present(lead["sourcesubdescr"])) for lead in leads]
    return set(pairs[-1:] + [pair for pair in pairs if any(pair)][-1:]) or {("", "")}


def _pair(value: str) -> tuple[str, str]:
    return values.split_pair("" if value == "(none)" else value)


def test_lp_25_26_and_42_what_stays_behind_is_handed_over(living: PairRun) -> None:
    """LP-25, LP-26, LP-42: slots of reps are listed whole, workflows have lines to fill in with what was observed; none is made."""
    slots = living.tables["list-schedule"]
    assert len(slots) == living.report("list-schedule")["records"] > 0
    assert {"date", "slots"} <= slots[0].keys()
    rules = living.tables["automations"]
    assert {row["type"] for row in rows_with(rules)} >= {"lead routing", "assignment rule", "follow-up trigger"}
    assert {"trigger", "condition", "action", "owner", "rebuild_as"} <= rules[0].keys()
    assert living.report("automations")["observed"]
    scope = living.looks["map"].report("scope")
    assert any("workflows" in line for line in scope["out_of_scope"])
    for name in written(living.looks["end"].calls):
        assert not any(word in name.lower() for word in ("automation", "sequence", "template", "assignment", "audience")), name


def rows_with(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """Give the rules that say when they begin and what to rebuild them as."""
    return [row for row in rows if row["trigger"] and row["rebuild_as"]]


def test_lp_43_and_44_quality_has_a_score_and_a_work_list(living: PairRun) -> None:
    """LP-43, LP-44: every kind has a score out of its parts, with the formula; the work list is in order and names what to do."""
    report = living.report("quality-score")
    assert report["formula"]
    assert {row["kind"] for row in report["scores"]} >= {"prospect", "lead", "job", "appointment", "note"}
    for row in report["scores"]:
        parts = [row[name] for name in ("filled", "sound", "linked", "single") if row[name] is not None]
        assert abs(row["score"] - sum(parts) / len(parts)) < 0.1, row
    weights = [row["weight"] for row in report["rows"]]
    assert weights == sorted(weights, reverse=True)
    assert all(row["to_do"] for row in report["rows"])


def test_lp_45_the_pace_of_the_source_is_what_is_configured(living: PairRun) -> None:
    """LP-45: the cap is shown in the scope, never exceeded, and can be lowered while it runs."""
    told = {row["platform"]: row for row in living.looks["map"].report("scope")["platforms"]}
    assert told["lead_perfection"]["calls_per_s_at_most"] == 100.0, "the sandbox's own configuration"
    assert 0 < living.looks["map"].status["pace"]["lead_perfection"]["rate_per_s"] <= 100
    assert living.notes["paced"] == 40.0
    assert 0 < living.looks["watch"].status["pace"]["lead_perfection"]["rate_per_s"] <= 40


def test_lp_47_payments_are_out_of_scope_and_said_to_be(living: PairRun) -> None:
    """LP-47: scope and reconciliation both say so, and no field of the destination takes one."""
    for report in (living.looks["map"].report("scope"), living.report("reconciliation")):
        assert any("payments" in line for line in report["out_of_scope"])
    titles = {each["title"].lower() for fields in living.looks["watch"].fields.values() for each in fields}
    assert not any("token" in title or "card" in title or "password" in title for title in titles)
