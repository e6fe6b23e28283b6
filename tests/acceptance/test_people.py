"""Leads as people: every one arrives once, with all that was known of them."""

from __future__ import annotations

from collections import Counter, defaultdict

from tests.acceptance.evidence import Run
from tests.acceptance.reading import alone, crosswalk, custom, persons
from tests.judge import texts
from tests.judge.marks import FIELD
from tests.judge.states import Row


def test_g_29_the_original_create_date_is_kept(api: Run, files: Run) -> None:
    """G-29: day and instant of the lead's creation stand on its person, the day on its open lead."""
    for lead, person in alone(api).items():
        created = api.source.of("lead")[lead]["created"]
        assert custom(person, "Original created") == created[:10]
        assert custom(person, "Original created at") == created.replace(" ", "T") + "+02:00"
    marked = {str(custom(row, FIELD)): row for row in files.after.of("leads").values()}
    deals = {mark.split(":")[2]: row for mark, row in marked.items() if mark.endswith(":lead")}
    assert deals
    leads = files.source.of("lead")
    assert {key: custom(row, "Original created") for key, row in deals.items()} == {key: leads[key]["created"][:10] for key in deals}


def test_g_36_no_two_people_share_a_primary_address_unasked(api: Run, files: Run) -> None:
    """G-36: of different people with one address only one has it as their own; others carry it as shared, and are queued."""
    for run in (api, files):
        holders: dict[str, set[str]] = defaultdict(set)
        for person in run.after.of("contacts").values():
            for each in person.get("emails") or ():
                if each["isPrimary"] and each["name"] != "shared" and not texts.is_shared_box(str(each["value"]).lower()):
                    holders[str(each["value"]).lower()].add(person["id"])
        assert not {mail: ids for mail, ids in holders.items() if len(ids) > 1}
        told = {item["key"] for item in run.items("shared_email")}
        lent = {lead for lead, person in persons(run).items() if any(each["name"] == "shared" for each in person.get("emails") or ())}
        assert told & lent


def test_lt_01_all_leads_are_accounted_for(api: Run, files: Run) -> None:
    """LT-01: created, merged, matched, chosen as lead and flagged ones add up to the leads that were read, and each is in the crosswalk."""
    for run in (api, files):
        row = next(row for row in run.report("reconciliation")["kinds"] if row["kind"] == "lead")
        assert row["read"] == sum(row[name] for name in ("created", "updated", "merged", "matched", "filtered", "flagged", "failed"))
        assert row["filtered"] == row["failed"] == 0
        flagged = {item["key"] for item in run.queue if item["kind"] == "lead" and item["state"] == "open"}
        assert set(run.source.of("lead")) <= crosswalk(run, "lead").keys() | flagged


def test_lt_02_name_address_number_and_place_arrive(api: Run) -> None:
    """LT-02: name, e-mail, phone and address of a lead stand in the fields of its person."""
    for lead, person in alone(api).items():
        row = api.source.of("lead")[lead]
        if name := _name(row):
            assert set(texts.name_parts(person["name"])) == set(name), lead
        there = [str(each["value"]).lower() for each in person.get("emails") or ()]
        assert set(texts.mails(row["email"])) <= set(there), lead
        if (number := texts.phone(texts.present(row["number"]))) is not None:
            assert number in {texts.digits(each["value"]["E164"]) for each in person.get("phones") or ()}, lead
        if address := texts.present(row["address"]):
            parts = [str(part) for each in person["addresses"] for part in each["value"].values()]
            assert all(texts.squeeze(word) in texts.squeeze(" ".join(parts)) for word in texts.words(address)), lead


def test_lt_03_email_is_the_dedupe_key(api: Run, files: Run) -> None:
    """LT-03: leads with one address, however written, and names that go together are one person; all their ids lead there."""
    seen = 0
    for run in (api, files):
        there = persons(run)
        by_mail: dict[str, list[str]] = defaultdict(list)
        for lead, row in run.source.of("lead").items():
            for mail in texts.mails(row["email"]):
                if lead in there and not texts.is_shared_box(mail):
                    by_mail[mail].append(lead)
        for mail, leads in by_mail.items():
            names = {lead: _name(run.source.of("lead")[lead]) for lead in leads}
            for one in leads:
                for other in leads:
                    if one < other and set(names[one]) == set(names[other]):
                        assert there[one]["id"] == there[other]["id"], (mail, one, other)
                        seen += 1
    assert seen, "the accounts hold repeated people"


def test_lt_04_status_migrates(api: Run) -> None:
    """LT-04: each lead's status stands on its person, and every distinct value is to be found."""
    names = {key: row["name"] for key, row in api.source.of("status").items()}
    for lead, person in alone(api).items():
        row = api.source.of("lead")[lead]
        status = texts.present(row["status"]) or names.get(row["statusid"], "")
        assert custom(person, "Lead Status") == status, lead
    assert set(names.values()) <= {custom(person, "Lead Status") for person in persons(api).values()}


def test_lt_05_owner_migrates(api: Run) -> None:
    """LT-05: a person belongs to the user who owned the lead; the owner's name stays as text."""
    matched = 0
    for lead, person in alone(api).items():
        row = api.source.of("lead")[lead]
        user = api.after.user_by_email(row["owner_email"]) if row["owner_email"] else None
        if user is not None:
            assert person["links"].get("owner") == user, lead
            matched += 1
        if row["owner"]:
            assert custom(person, "Original owner") == row["owner"].strip(), lead
    assert matched > 10


def test_lt_06_source_attribution_migrates(api: Run) -> None:
    """LT-06: the label of the lead's source stands on its person to the letter."""
    labels = {key: row["name"] for key, row in api.source.of("source").items()}
    for lead, person in alone(api).items():
        row = api.source.of("lead")[lead]
        label = texts.present(row["source"]) or labels.get(row["sourceid"], "")
        if label:
            assert custom(person, "Lead Source") == label, lead


def test_lt_07_custom_fields_become_custom_fields(api: Run) -> None:
    """LT-07: each custom value of a lead stands in a field of its type, as a value or, where it does not fit, as labelled text."""
    types = {each["title"]: each["apiType"] for each in api.looks["watch"].fields["contacts"]}
    assert {types["Budget"], types["Preferred date"], types["Segment"], types["Message"]} == {"Currency", "Date", "Enum", "Text"}
    seen: Counter[str] = Counter()
    for lead, person in alone(api).items():
        for label, value in api.source.of("lead")[lead]["custom_fields"].items():
            name = " ".join(label.split())
            if name not in types or not texts.present(value):
                continue
            held = custom(person, name)
            if held:
                reads = texts.holds if texts.is_free(label) else texts.shows
                assert texts.same(str(value), held) or reads(held, str(value)), (lead, label)
            else:
                assert texts.squeeze(str(value)) in texts.squeeze(str(person.get("description"))), (lead, label)
            seen[name] += 1
    assert {"Segment", "Interested in", "Budget", "Preferred date", "Message"} <= seen.keys()


def test_lt_08_unqualified_leads_can_become_open_leads(api: Run, files: Run) -> None:
    """LT-08: with the switch on, leads without company and intent become open leads besides their person; with it off none does."""
    assert api.after.of("leads").keys() == api.before.of("leads").keys()
    made = files.after.of("leads").keys() - files.before.of("leads").keys()
    assert made
    for rid in made:
        key = _lead_of(files.after.of("leads")[rid])
        row = files.source.of("lead")[key]
        firm = texts.firm(texts.present(row["company"]))
        assert firm in texts.JUNK_COMPANIES or texts.name_parts(row["company"]) == _name(row), key
        assert not texts.present(row["custom_fields"].get("Budget"))
        assert not texts.present(row["custom_fields"].get("Interested in"))


def _name(lead: Row) -> list[str]:
    """Give the words of a lead's name."""
    return texts.name_parts(lead["name"], lead["custom_fields"].get("Surname") or "")


def _lead_of(open_lead: Row) -> str:
    """Give the key of the lead that an open lead says it came from."""
    return custom(open_lead, FIELD).removeprefix("lt:lead:").removesuffix(":lead")


def test_lt_10_the_pipeline_entry_point_is_kept(files: Run) -> None:
    """LT-10: an unqualified lead is open in the pipeline and its first stage, and hangs on the person of the same lead."""
    there, stages = persons(files), files.after.of("stages")
    made = {rid: row for rid, row in files.after.of("leads").items() if rid not in files.before.of("leads")}
    assert made
    for row in made.values():
        lead = _lead_of(row)
        assert row["status"] == "open"
        assert row["links"]["stageset"]
        assert stages[row["links"]["stage"]]["links"]["stageset"] == row["links"]["stageset"]
        assert row["links"]["contacts"] == [there[lead]["id"]]


def test_lt_36_source_labels_are_kept_to_the_letter(files: Run) -> None:
    """LT-36: labels arrive as they are, signs and all, also where the native source is used besides."""
    held = {custom(person, "Lead Source") for person in persons(files).values()}
    labels = {row["source"] for row in files.source.of("lead").values() if texts.present(row["source"])}
    assert {label for label in labels if "<" in label} <= held
    assert len(held & labels) >= 5


def test_lt_37_listed_sources_become_native_ones(files: Run) -> None:
    """LT-37: an open lead names the native source of the same label, made when it was missing."""
    names = {rid: row["name"] for rid, row in files.after.of("sources").items()}
    told = 0
    for rid, row in files.after.of("leads").items():
        if rid in files.before.of("leads"):
            continue
        lead = files.source.of("lead")[_lead_of(row)]
        native = [names[each] for each in row["links"].get("sources") or ()]
        listed = {each["name"] for each in files.source.of("source").values() if each["name"]}
        if lead["source"] in listed:
            assert native == [lead["source"]]
            told += 1
    assert told
