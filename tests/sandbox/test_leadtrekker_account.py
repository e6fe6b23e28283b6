"""What generated Leadtrekker accounts promise: exact sizes, repeatable records, every trouble at its stated share."""

from __future__ import annotations

import hashlib
import re
import tracemalloc
from collections import Counter
from datetime import datetime, timedelta, timezone
from itertools import pairwise
from typing import Any

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamflow.sandbox.dice import Deck
from streamflow.sandbox.leadtrekker.account import Account
from streamflow.sandbox.leadtrekker.companies import LOOKALIKES, company_name
from streamflow.sandbox.leadtrekker.people import IDENTITIES, LITERALS, PHONES, written_phone
from streamflow.sandbox.leadtrekker.people import behind as who_is_behind

NOW = datetime(2026, 8, 1, 12, 0, 0)
CHILD_KINDS = ("notes", "calls", "emails", "reminders", "attachments")
ID_FIELD = {"notes": "noteid", "calls": "callid", "emails": "emailid", "reminders": "reminderid",
            "attachments": "attachmentid"}  # fmt: skip
Rows = list[dict[str, Any]]


@pytest.fixture(scope="module")
def account() -> Account:
    """An account of 2,000 records."""
    return Account(seed=7, records=2_000, now=NOW)


@pytest.fixture(scope="module")
def leads(account: Account) -> Rows:
    """All its leads."""
    return [account.lead(index) for index in range(account.lead_count)]


@pytest.fixture(scope="module")
def children(account: Account) -> dict[str, Rows]:
    """All its children by kind."""
    indexes = range(account.lead_count)
    return {kind: [row for index in indexes for row in account.children(kind, index)] for kind in CHILD_KINDS}


@given(records=st.integers(1, 3_000), seed=st.integers(-5, 5))
@settings(max_examples=15, deadline=None)
def test_the_number_of_records_is_met_exactly(records: int, seed: int) -> None:
    """Any number asked for is met to the record, and `counts` tells what iterating finds."""
    made = Account(seed=seed, records=records, now=NOW)
    found = {kind: sum(len(made.children(kind, n)) for n in range(made.lead_count)) for kind in CHILD_KINDS}
    assert sum(found.values()) + made.lead_count == records
    assert made.counts().items() >= (found | {"leads": made.lead_count}).items()


@given(cards=st.dictionaries(st.text(min_size=1), st.integers(1, 9), min_size=1), run=st.integers(0, 10**6))
def test_a_run_of_a_deck_holds_every_card_as_often_as_stated(cards: dict[str, int], run: int) -> None:
    """Shares are exact in every run, whatever the seed."""
    deck = Deck("any", cards)
    dealt = Counter(deck.deal(run * 31, run * deck.size + place) for place in range(deck.size))
    assert dealt == Counter(cards)


def test_records_depend_on_seed_size_and_now_only(leads: Rows, children: dict[str, Rows]) -> None:
    """Another object, asked in another order, gives the same records; another seed does not."""
    again = Account(seed=7, records=2_000, now=NOW)
    assert [again.lead(n) for n in reversed(range(again.lead_count))] == leads[::-1]
    assert [row for n in range(again.lead_count) for row in again.children("notes", n)] == children["notes"]
    other = Account(seed=8, records=2_000, now=NOW)
    assert sum(other.lead(n) == lead for n, lead in enumerate(leads)) == 0


def test_an_aware_now_is_taken_to_johannesburg() -> None:
    """10:00 UTC and a naive 12:00 are one moment for an account."""
    aware = Account(seed=7, records=100, now=datetime(2026, 8, 1, 10, tzinfo=timezone.utc))  # noqa: UP017
    assert aware.lead(3) == Account(seed=7, records=100, now=NOW).lead(3)


def test_ids_ascend_with_gaps_and_lead_back_to_the_index(account: Account, leads: Rows) -> None:
    """Lead ids are digits in rising order, `index_of` inverts them, and no other id is known."""
    numbers = [int(lead["leadid"]) for lead in leads]
    assert all(low < high for low, high in pairwise(numbers))
    assert numbers[-1] - numbers[0] > len(numbers)
    assert [account.index_of(lead["leadid"]) for lead in leads] == list(range(account.lead_count))
    strangers = [str(n) for n in range(numbers[-1] + 5) if n not in set(numbers)] + ["", "x", "²", "-1", "1e4"]
    assert {account.index_of(leadid) for leadid in strangers} == {None}


def test_ids_of_children_are_unique_and_below_the_first_free_one(account: Account, children: dict[str, Rows]) -> None:
    """No two children of a kind share an id, and new records can be numbered without meeting an old id."""
    for kind, rows in children.items():
        ids = [int(row[ID_FIELD[kind]]) for row in rows]
        assert len(set(ids)) == len(ids)
        assert max(ids) < account.first_free_id(kind)
    named = [int(row["leadid"]) for rows in children.values() for row in rows]
    assert max(named) < account.first_free_id("leads")


def test_places_out_of_range_are_refused(account: Account) -> None:
    """A wrong index, kind, attachment or size is an error, never an empty answer."""
    for index in (-1, account.lead_count):
        with pytest.raises(IndexError):
            account.lead(index)
        with pytest.raises(IndexError):
            account.children("notes", index)
    with pytest.raises(KeyError):
        account.children("meetings", 0)
    for attachmentid in ("5", "x", "99999999", "1001"):
        with pytest.raises(KeyError):
            account.attachment_bytes(attachmentid)
    with pytest.raises(ValueError, match="at least 1"):
        Account(seed=1, records=0, now=NOW)


def test_all_times_lie_in_two_years_and_children_in_the_life_of_their_lead(account: Account, leads: Rows) -> None:
    """Times are local text to the second; a lead is made before, and last touched after, all that happened to it."""
    earliest = NOW - timedelta(days=731)
    for index, lead in enumerate(leads):
        created, updated = (datetime.strptime(lead[name], "%Y-%m-%d %H:%M:%S") for name in ("created", "updated"))
        assert earliest < created <= updated < NOW
        for kind in ("notes", "calls", "emails", "attachments"):
            for row in account.children(kind, index):
                at = datetime.strptime(row["sent" if kind == "emails" else "created"], "%Y-%m-%d %H:%M:%S")
                assert created <= at <= updated


def test_some_times_are_odd_hours_elsewhere(children: dict[str, Rows]) -> None:
    """There are activities at clock times that Europe or North America have twice or not at all."""
    times = {row.get("created", row.get("sent")) for kind in ("notes", "calls", "emails") for row in children[kind]}
    assert times & {"2024-10-27 02:30:00", "2025-10-26 02:30:00", "2024-11-03 01:30:00", "2025-11-02 01:30:00"}
    assert times & {"2025-03-30 02:30:00", "2026-03-29 02:30:00", "2025-03-09 02:30:00", "2026-03-08 02:30:00"}


def test_the_same_person_comes_back_under_other_spellings(account: Account, leads: Rows) -> None:
    """Leads of one person have equal e-mails but for case and spaces, and the same digits of the phone."""
    groups: dict[int, Rows] = {}
    for index, lead in enumerate(leads):
        groups.setdefault(account.person_number(index), []).append(lead)
    repeated = [group for group in groups.values() if len(group) > 1]
    assert len(repeated) >= account.lead_count // 25
    for group in repeated:
        assert len({lead["email"].strip().lower() for lead in group} - {""}) == 1
        phones = {re.sub(r"\D", "", re.sub(r"ext.*|x.*|\(0\)", "", lead["number"]))[-9:] for lead in group[1:]}
        assert len(phones) == 1
    assert any(len({lead["email"] for lead in group}) > 1 for group in repeated)
    assert any(len({lead["name"] for lead in group}) > 1 for group in repeated)


def test_couples_share_an_email_and_a_surname_but_no_first_name(account: Account, leads: Rows) -> None:
    """The second half of a couple is a person of their own behind the first half's e-mail."""
    by_email: dict[str, set[int]] = {}
    for index, lead in enumerate(leads):
        by_email.setdefault(lead["email"].strip().lower(), set()).add(account.person_number(index))
    couples = [
        index for index in range(account.lead_count)
        if IDENTITIES.deal(7, index) == "couple" and who_is_behind(7, index, account.lead_count).leans
    ]  # fmt: skip
    assert len(couples) == account.lead_count // 25 * 2
    for index in couples:
        spouse = who_is_behind(7, index, account.lead_count).person
        others = by_email[spouse.email] - {index}
        assert account.person_number(index) == index
        others_people = [who_is_behind(7, other, account.lead_count).person for other in others]
        assert {person.last for person in others_people} == {spouse.last}
        firsts = [person.first for person in others_people if IDENTITIES.deal(7, person.number) == "plain"]
        assert firsts
        assert spouse.first not in firsts


def test_unrelated_people_never_share_an_email_or_a_phone() -> None:
    """What looks like one person by e-mail or phone is one (or a couple, or an office), never chance."""
    people = [who_is_behind(3, n, 8_000) for n in range(8_000)]
    alone = [identity.person for identity in people if not identity.leans]
    assert len({person.email for person in alone}) == len(alone)
    assert len({person.phone for person in alone}) == len(alone)


def test_phones_are_valid_in_south_africa_in_every_readable_form(account: Account) -> None:
    """Each written form but the unparsable one is read back as the very number behind it."""
    seen = set()
    for index in range(account.lead_count):
        identity, card = who_is_behind(7, index, account.lead_count), PHONES.deal(7, index)
        text = written_phone(7, index, identity)
        if text and (identity.leans or card not in ("missing", "unparsable", "literal")):
            parsed = phonenumbers.parse(text, "ZA")
            assert phonenumbers.is_valid_number(parsed), text
            assert str(parsed.national_number) == identity.person.phone[1:]
            seen.add(card)
    assert seen >= set(PHONES.cards) - {"missing", "unparsable", "literal"}


def test_every_trouble_of_leads_occurs(account: Account, leads: Rows) -> None:
    """Each difficult value of a lead's own columns is there in an account of 2,000 records."""
    emails = [lead["email"] for lead in leads]
    names = [lead["name"] for lead in leads]
    found = {
        "no e-mail": "" in emails,
        "two addresses": any(email.count("@") == 2 and re.search(r"[;,/\n]", email) for email in emails),
        "office shared": max(Counter(email for email in emails if email.startswith("info@")).values()) > 1,
        "invalid": "joe@" in emails or "joe at x" in emails,
        "upper case and space": any(email.endswith(" ") and email.isupper() for email in emails),
        "literal e-mail": bool(set(emails) & set(LITERALS)),
        "literal phone": any(lead["number"] in LITERALS for lead in leads),
        "literal status": any(lead["status"] in LITERALS for lead in leads),
        "literal address": any(lead["address"] in LITERALS for lead in leads),
        "apostrophe": any("O'Klipvlei" in name or "N'Doringveld" in name or "D'Arcy" in name for name in names),
        "not Latin": any(not name.isascii() and re.search(r"[\u0400-\u06ff\u4e00-\u9fff]", name) for name in names),
        "script": any("<script>" in name for name in names),
        "formula": any(name.startswith("=cmd|") for name in names),
        "lower case": any(name.islower() for name in names),
        "comma": any(re.search(r"\w, \w", name) for name in names),
        "surname in name and field": any(
            lead["name"].endswith(" " + lead["custom_fields"].get("Surname", "\0")) for lead in leads
        ),
        "nobody's": any(lead["userid"] == lead["owner_email"] == "" for lead in leads),
        "source id without label": any(lead["sourceid"] and not lead["source"] for lead in leads),
        "label without source id": any(lead["source"] and not lead["sourceid"] for lead in leads),
    }
    assert [trouble for trouble, is_there in found.items() if not is_there] == []
    assert {lead["statusid"] for lead in leads} - {row["statusid"] for row in account.statuses()} == {"77", ""}
    assert {lead["userid"] for lead in leads} - {row["userid"] for row in account.users()} == {"99", ""}
    assert {lead["sourceid"] for lead in leads} - {row["sourceid"] for row in account.sources()} == {"10999", ""}
    left = {row["userid"] for row in account.users() if row["active"] == "0"}
    assert left & {lead["userid"] for lead in leads}
    closed = {row["statusid"] for row in account.statuses() if row["closed"] == "1"}
    assert closed <= {lead["statusid"] for lead in leads}


def test_companies_come_in_many_spellings_lookalikes_and_junk(leads: Rows) -> None:
    """One firm is written in several ways, both halves of lookalike pairs occur, and so does junk."""
    texts = {lead["company"] for lead in leads}
    spellings: dict[str, set[str]] = {}
    for text in texts:
        for number in range(40):
            if " ".join(text.lower().split()).startswith(company_name(number).lower()):
                spellings.setdefault(company_name(number), set()).add(text)
    assert max(map(len, spellings.values())) >= 5
    joined = "\n".join(texts)
    assert all(mark in joined for mark in (" (Pty) Ltd", " PTY LTD", " CC", "t/a", "   "))
    assert any(set(pair) <= texts for pair in LOOKALIKES)
    assert texts & {"none", "private", "Private"}
    assert any(lead["company"] and lead["company"].split()[0] in lead["name"] for lead in leads)


def test_custom_fields_drift_and_have_types_and_dirt(leads: Rows) -> None:
    """Labels drift, values have types with exceptions, tracking swells the record, intent tells leads apart."""
    values: dict[str, set[str]] = {}
    for lead in leads:
        for label, value in lead["custom_fields"].items():
            values.setdefault(label, set()).add(value)
    assert {"How Did You Hear About Us", "How did you hear", "how  did you hear about us "} <= values.keys()
    assert {"utm_source", "utm_medium", "utm_campaign", "gclid", "IP", "Surname", "Alternative email"} <= values.keys()
    assert {"1900-01-01", "2099-12-31", "next week"} <= values["Preferred date"]
    assert any(re.fullmatch(r"R \d{1,3}( \d{3})*\.00", value) for value in values["Property value"])
    assert any(re.fullmatch(r"[\d ]+,00", value) for value in values["Property value"])
    assert values["Number of rooms"] & {"three", "3 or 4"}
    assert {"Phone", "Email", "WhatsApp"} < values["Contact preference"]
    assert values["Contact preference"] & set(LITERALS)
    assert "null" in values["Message"]
    assert any("null and void" in value for value in values["Message"])
    unqualified = [
        lead for lead in leads if not lead["company"] and not {"Budget", "Interested in"} & lead["custom_fields"].keys()
    ]
    assert 0.1 < len(unqualified) / len(leads) < 0.25


def test_children_name_living_merged_and_lost_leads(account: Account, leads: Rows) -> None:
    """Nine of ten children name the lead they hang under; the others one merged into it, or one that is gone."""
    kinds = Counter[str]()
    for index, lead in enumerate(leads):
        for kind in ("notes", "calls", "emails", "reminders"):
            for row in account.children(kind, index):
                if row["leadid"] == lead["leadid"]:
                    kinds["own"] += 1
                elif account.is_orphan(row["leadid"]):
                    kinds["orphan"] += 1
                    assert account.lead_email(row["leadid"]) not in {lead["email"] for lead in leads}
                else:
                    kinds["merged"] += 1
                    assert account.merged_into(row["leadid"]) == index
                    assert account.lead_email(row["leadid"]) == lead["email"]
                assert (account.index_of(row["leadid"]) is None) == (row["leadid"] != lead["leadid"])
    total = kinds.total()
    assert {kind: round(count / total, 2) for kind, count in kinds.items()} == {
        "own": pytest.approx(0.9, abs=0.02), "merged": pytest.approx(0.05, abs=0.02),
        "orphan": pytest.approx(0.05, abs=0.02),
    }  # fmt: skip
    assert account.lead_email(leads[5]["leadid"]) == leads[5]["email"]
    assert account.merged_into(leads[5]["leadid"]) is None


def test_notes_have_every_trouble(account: Account, children: dict[str, Rows]) -> None:
    """HTML, CRLF, unicode, mentions, formulas, emptiness, null, sizes, and equal notes with ids of their own."""
    texts = [row["note"] for row in children["notes"]]
    assert len({text for text in texts if len(text) > 70_000}) in (1, 2)  # runs 0 and 10 of sixty notes
    assert len({text for text in texts if 30_000 < len(text) < 40_000}) in (1, 2)
    assert {"", "null"} <= set(texts)
    for mark in ("<p>", "\r\n", "🙏", "@[", "=HYPERLINK", "<script>", "null and void"):
        assert any(mark in text for text in texts), mark
    twins = 0
    for index in range(account.lead_count):
        for older, newer in pairwise(account.children("notes", index)):
            same = older | {"noteid": ""} == newer | {"noteid": ""}
            twins += same and older["note"] != ""
            assert older["noteid"] != newer["noteid"]
    assert twins >= 15


def test_calls_emails_and_reminders_have_every_trouble(account: Account, children: dict[str, Rows]) -> None:
    """Directions, durations, second addresses, missing subjects, repeats, overdue and unassigned all occur."""
    calls, emails, reminders = children["calls"], children["emails"], children["reminders"]
    assert {row["direction"] for row in calls} == {"in", "out", "missed", ""}
    assert all(re.fullmatch(r"(\d\d:[0-5]\d:[0-5]\d)?", row["duration"]) for row in calls)
    assert {"01:01:01", "00:00:00", ""} <= {row["duration"] for row in calls}
    assert {"No answer", "", "null"} <= {row["disposition"] for row in calls}
    assert {"", "Anonymous"} <= {row["number"] for row in calls}
    assert any(".home@" in row["to"] for row in emails)
    assert any('"' in row["to"] and "," in row["to"] for row in emails)
    assert any(row["subject"] == "" for row in emails)
    assert any(row["body"].startswith("<p>") for row in emails)
    users = {user["email"] for user in account.users()}
    assert any(row["to"] in users for row in emails)
    now = NOW.isoformat(sep=" ")
    assert any(row["done"] == "0" and row["due"] < now for row in reminders)
    assert any(row["done"] == "0" and row["due"] > now for row in reminders)
    assert any(row["done"] == "1" and row["repeat"] for row in reminders)
    assert {"", "daily", "monthly", "Every 2 weeks"} <= {row["repeat"] for row in reminders}
    assert any(row["userid"] == "" for row in reminders)
    authors = {row["userid"] for row in children["notes"]}
    assert {"", "99", "29"} <= authors


def test_attachments_are_what_their_records_say(account: Account, children: dict[str, Rows]) -> None:
    """Bytes have the stated size and checksum, each time they are asked for; odd names and an empty file occur."""
    for row in children["attachments"]:
        content = account.attachment_bytes(row["attachmentid"])
        assert (len(content), hashlib.sha256(content).hexdigest()) == (row["size"], row["sha256"])
        assert "/" not in row["name"]
    sizes = [row["size"] for row in children["attachments"]]
    assert min(sizes) == 0
    assert max(sizes) > 256 * 1024
    assert any(not row["name"].isascii() for row in children["attachments"])
    names = Counter((row["leadid"], row["name"]) for row in children["attachments"])
    assert max(names.values()) == 2


def test_nobody_in_an_account_is_real(leads: Rows, children: dict[str, Rows], account: Account) -> None:
    """Every address stands on a domain kept for examples."""
    texts = [lead["email"] for lead in leads] + [user["email"] for user in account.users()]
    texts += [row[end] for row in children["emails"] for end in ("from", "to")]
    domains = {match.lower() for text in texts for match in re.findall(r"@([\w.-]+\.[\w-]+)", text)}
    kept = re.compile(r"(.+\.)?(example|example\.com|example\.org|example\.co\.za)")
    assert [domain for domain in domains if not kept.fullmatch(domain)] == []


def test_a_small_account_has_the_troubles_that_matter_most() -> None:
    """200 records already hold a couple, a repeated person, a merged child, an orphan and an equal pair of notes."""
    small = Account(seed=7, records=200, now=NOW)
    indexes = range(small.lead_count)
    assert len({small.person_number(n) for n in indexes}) < small.lead_count
    assert any(who_is_behind(7, n, small.lead_count).leans and small.person_number(n) == n for n in indexes)
    named = [row["leadid"] for kind in CHILD_KINDS for n in indexes for row in small.children(kind, n)]
    assert any(small.merged_into(leadid) is not None for leadid in named)
    assert any(small.is_orphan(leadid) for leadid in named)


def test_a_large_account_costs_no_memory() -> None:
    """100,000 records are as light as 100: nothing is kept of what was asked for."""
    tracemalloc.start()
    try:
        large = Account(seed=7, records=100_000, now=NOW)
        for index in range(0, large.lead_count, 50):
            large.lead(index)
            large.children("calls", index)
        kept_bytes, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert large.counts()["leads"] == 25_000
    assert kept_bytes < 1_000_000
