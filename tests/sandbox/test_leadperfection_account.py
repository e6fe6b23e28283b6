"""What generated Lead Perfection accounts promise: exact sizes, repeatable records, every problem, dates that can be indexed."""

from __future__ import annotations

import re
import tracemalloc
from collections import Counter
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamflow.sandbox.leadperfection import codes
from streamflow.sandbox.leadperfection.account import Account
from streamflow.sandbox.leadperfection.dates import dates_of
from streamflow.sandbox.leadperfection.plan import KINDS
from streamflow.sandbox.leadperfection.problems import PROBLEMS
from streamflow.sandbox.leadperfection.tree import ID_FIELDS, Node, nodes

NOW = datetime(2026, 11, 18, 9, 0)
DELIMITERS = (" - ", " | ", "; ", " :: ", " > ", ": ", "/")


@pytest.fixture(scope="module")
def account() -> Account:
    """An account of 4,000 records."""
    return Account(seed=7, records=4_000, now=NOW)


@pytest.fixture(scope="module")
def trees(account: Account) -> list[Node]:
    """All its prospects."""
    return [account.prospect(index) for index in range(account.prospect_count)]


def of(trees: list[Node], kind: str) -> list[Node]:
    """Give all records of a kind."""
    return [node for tree in trees for node, _ in nodes(tree, kind)]


def with_problem(trees: list[Node], kind: str, problem: str) -> list[Node]:
    """Give the records of a kind that have a problem; at least one."""
    found = [node for node in of(trees, kind) if problem in node["marks"]]
    assert found, problem
    return found


@given(records=st.integers(1, 1_200), seed=st.integers(-5, 5))
@settings(max_examples=12, deadline=None)
def test_the_number_of_records_is_met_exactly(records: int, seed: int) -> None:
    """Any number asked for is met to the record, and `counts` tells what iterating finds."""
    made = Account(seed=seed, records=records, now=NOW)
    trees = [made.prospect(index) for index in range(made.prospect_count)]
    found = {kind: len(of(trees, kind)) for kind in KINDS}
    assert sum(found.values()) == records
    assert made.counts() == found


def test_records_depend_on_seed_size_and_now_only(trees: list[Node]) -> None:
    """Another object, asked in another order, gives the same records; another seed does not."""
    again = Account(seed=7, records=4_000, now=NOW)
    assert [again.prospect(index) for index in reversed(range(again.prospect_count))] == trees[::-1]
    other = Account(seed=8, records=4_000, now=NOW)
    assert not any(other.prospect(index) == tree for index, tree in enumerate(trees))


def test_ids_are_unique_and_lead_home(account: Account, trees: list[Node]) -> None:
    """No two records of a kind share an id, and from each id its prospect can be computed."""
    for kind, field in ID_FIELDS.items():
        keys = [(node[field], index) for index, tree in enumerate(trees) for node, _ in nodes(tree, kind)]
        assert len({key for key, _ in keys}) == len(keys)
        assert all(account.plan.home_of(kind, int(key)) == index for key, index in keys)
        assert max(int(key) for key, _ in keys) < account.plan.first_free_id(kind)


def test_dates_are_the_same_by_arithmetic_and_by_reading(account: Account, trees: list[Node]) -> None:
    """What the index is built from is what stands in the records."""
    for index, tree in enumerate(trees):
        assert sorted(account.dates(index)) == sorted(dates_of(tree))


def test_nothing_but_what_may_lies_ahead_of_now(trees: list[Node]) -> None:
    """Stamps of changes never come from the future."""
    now = NOW.isoformat()
    for tree in trees:
        assert all(lead["entrydate"] <= lead["dateentered"] <= lead["lastchangedon"] <= now for lead in tree["leads"])
    assert max(job["lastchanged"] for job in of(trees, "jobs")) <= now
    assert max(row["changed"] for row in of(trees, "appointments")) <= now
    assert max(note["updatedon"] or note["enteredon"] for note in of(trees, "notes")) <= now
    assert max(call["calldatetime"] for call in of(trees, "calls")) <= now


def test_every_problem_is_listed_and_has_examples(account: Account) -> None:
    """The catalogue and the account name the same problems, with as many examples as asked for where there are so many."""
    found = account.problems(3)
    assert found.keys() == PROBLEMS.keys()
    assert account.examples("job.stray", 2) == found["job.stray"][:2]
    small = Account(seed=7, records=1_000, now=NOW).problems(1)
    assert PROBLEMS.keys() - small.keys() <= {"note.long", "note.of_a_job", "note.odd_hour", "appointment-time.odd"}


def test_households_share_what_households_share(trees: list[Node]) -> None:
    """Household: surname, phone, address. Twin: name and phone. Relative: e-mail and surname."""
    by_phone: dict[str, list[Node]] = {}
    for tree in trees:
        by_phone.setdefault(re.sub(r"\D", "", tree["phone1"])[-10:], []).append(tree)
    for tree in with_problem(trees, "prospects", "identity.household"):
        kin = [each for each in by_phone[re.sub(r"\D", "", tree["phone1"])[-10:]] if each is not tree]
        assert any(each["lastname"] == tree["lastname"] and each["firstname"] != tree["firstname"] for each in kin)
    for tree in with_problem(trees, "prospects", "identity.twin"):
        kin = [each for each in by_phone[re.sub(r"\D", "", tree["phone1"])[-10:]] if each is not tree]
        assert any((each["firstname"], each["lastname"]) == (tree["firstname"], tree["lastname"]) for each in kin)
    mails = Counter(tree["email"].strip().lower() for tree in trees)
    assert all(mails[tree["email"]] > 1 for tree in with_problem(trees, "prospects", "identity.shared_email"))


def test_contact_problems_are_what_they_say(trees: list[Node]) -> None:
    """Line 2, a third extra phone, blanks, words for nothing and damaged states are there as named."""
    checks: dict[str, Any] = {
        "address.line2": lambda tree: tree["address2"],
        "address.state_cut": lambda tree: tree["state"] == "nu",
        "address.state_case": lambda tree: tree["state"] == "Fl",
        "altphones.three": lambda tree: len(tree["altphones"]) == 3,
        "altphones.repeated": lambda tree: tree["altphones"][0]["phone"].endswith(re.sub(r"\D", "", tree["phone1"])[-10:]),
        "email.missing": lambda tree: tree["email"] == "",
        "email.literal": lambda tree: tree["email"] == "null",
        "phone.missing": lambda tree: tree["phone1"] == "",
        "identity.one_field": lambda tree: not tree["firstname"] and " " in tree["lastname"],
        "prospect.several_jobs": lambda tree: sum(len(lead["jobs"]) for lead in tree["leads"]) > 1,
        "prospect.repeated_leads": lambda tree: len(tree["leads"]) > 1,
        "dnc.CMTEP": lambda tree: tree["dnc"] == "CMTEP",
    }
    for problem, holds in checks.items():
        assert all(map(holds, with_problem(trees, "prospects", problem))), problem


def test_lead_problems_are_what_they_say(trees: list[Node]) -> None:
    """Delimiters in sub-sources, promoters without a source, retired codes, reps who left and reps who are nobody."""
    checks: dict[str, Any] = {
        "source.delimiter": lambda lead: any(sign in lead["sourcesubdescr"] for sign in DELIMITERS),
        "source.both_delimiters": lambda lead: " - " in lead["source"],
        "source.blank_source": lambda lead: not lead["source"] and lead["promotername"],
        "disposition.retired": lambda lead: lead["disposition"] == codes.RETIRED_DISPOSITION,
        "rep.left": lambda lead: lead["salesrepname"] in {rep.name for rep in codes.LEFT},
        "rep.office": lambda lead: lead["salesrepname"].endswith(" - OFFICE"),
        "rep.pseudo": lambda lead: lead["salesrepname"] in codes.PSEUDO,
    }
    for problem, holds in checks.items():
        assert all(map(holds, with_problem(trees, "leads", problem))), problem
    for tree in trees:
        for before, lead in zip(tree["leads"], tree["leads"][1:], strict=False):
            if "lead.seconds_apart" in lead["marks"]:
                gap = datetime.fromisoformat(lead["dateentered"]) - datetime.fromisoformat(before["dateentered"])
                assert gap.total_seconds() == 7


def test_job_and_appointment_problems_are_what_they_say(trees: list[Node]) -> None:
    """Zero, negative and tiny amounts, retired statuses, absurd and future dates, strays."""
    checks: dict[str, tuple[str, Any]] = {
        "amount.zero": ("jobs", lambda job: float(job["grossamount"]) == 0),
        "amount.negative": ("jobs", lambda job: float(job["grossamount"]) < 0),
        "amount.tiny": ("jobs", lambda job: 0 < float(job["grossamount"]) < 1),
        "job-status.retired": ("jobs", lambda job: job["jbs_id"] not in codes.STATUSES and job["jobstatus"]),
        "contract-date.absurd": ("jobs", lambda job: job["contractdate"].startswith("1900")),
        "contract-date.future": ("jobs", lambda job: job["contractdate"] > NOW.isoformat()),
        "milestones.absurd": ("jobs", lambda job: job["milestones"][-1]["estdate"].startswith("2206")),
        "milestones.scheduled": ("jobs", lambda job: job["milestones"][-1]["actdate"] > NOW.isoformat()),
        "job.stray": ("jobs", lambda job: job["stray"]),
        "appointment-time.absurd": ("appointments", lambda row: row["apptdate"].startswith("2046")),
        "appointment-time.future": ("appointments", lambda row: row["apptdate"] > NOW.isoformat()),
        "appointment-time.odd": ("appointments", lambda row: row["apptdate"][11:16] in ("01:30", "02:30")),
        "appointment-product.five": ("appointments", lambda row: len(row["products"]) == 5),
        "appointment.stray": ("appointments", lambda row: row["stray"]),
    }
    for problem, (kind, holds) in checks.items():
        assert all(map(holds, with_problem(trees, kind, problem))), problem


def test_notes_at_odd_hours_and_twins(trees: list[Node]) -> None:
    """Some notes were written at a doubled or missing hour; a twin equals a note but for the id."""
    assert {note["enteredon"][11:16] for note in with_problem(trees, "notes", "note.odd_hour")} <= {"01:30", "02:30"}
    texts = Counter((note["enteredon"], note["enteredby"], note["note"]) for note in of(trees, "notes"))
    for note in with_problem(trees, "notes", "note.twin"):
        assert texts[note["enteredon"], note["enteredby"], note["note"]] > 1


def test_a_large_account_is_not_held_in_memory() -> None:
    """Reading here and there in 100,000 records leaves next to nothing behind."""
    made = Account(seed=7, records=100_000, now=NOW)
    assert made.counts()["prospects"] == 20_000
    made.prospect(0)
    tracemalloc.start()
    for index in range(0, 20_000, 200):
        made.prospect(index)
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 300_000
