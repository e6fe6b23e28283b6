"""Companies made of free text: found, joined, made once, before any person."""

from __future__ import annotations

from tests.acceptance.evidence import Run
from tests.acceptance.reading import persons
from tests.judge import texts
from tests.judge.marks import FIELD


def _texts_of(run: Run) -> dict[str, str]:
    """Give the company text of each lead, junk apart."""
    found = {lead: " ".join(texts.present(row["company"]).split()) for lead, row in run.source.of("lead").items()}
    return {lead: text for lead, text in found.items() if text and texts.firm(text) not in texts.JUNK_COMPANIES}


def test_lt_11_every_distinct_company_text_is_found(files: Run) -> None:
    """LT-11: the company table holds each text that a lead says, with how often; blanks are none."""
    told = {texts.squeeze(row["text"]) for row in files.report("companies")["rows"]}
    assert {texts.squeeze(text) for text in _texts_of(files).values()} <= told
    assert all(row["text"].strip() and row["leads"] > 0 for row in files.report("companies")["rows"])


def test_lt_12_spellings_of_one_firm_are_one_company(api: Run, files: Run) -> None:
    """LT-12: legal form, case and punctuation make no second company, each with its reason; different firms stay apart."""
    joined = 0
    for run in (api, files):
        clusters: dict[str, set[str]] = {}
        for row in run.report("companies")["rows"]:
            assert row["reason"], row["text"]
            if row["cluster"]:
                clusters.setdefault(row["cluster"], set()).add(row["text"])
        for spellings in clusters.values():
            firms = [texts.firms(text) for text in spellings]
            assert all(firm & firms[0] for firm in firms), spellings
            joined += len(spellings) > 1
        forms = [texts.firm(next(iter(spellings))) for spellings in clusters.values()]
        assert len(forms) == len(set(forms)), "one firm in two clusters"
    assert joined


def test_lt_13_companies_that_were_there_are_used(api: Run, files: Run) -> None:
    """LT-13: no company is made that the destination had already, and none twice."""
    matched = 0
    for run in (api, files):
        firms: dict[str, list[str]] = {}
        for rid, account in run.after.of("accounts").items():
            firms.setdefault(texts.firm(account["name"]), []).append(rid)
        new = run.after.of("accounts").keys() - run.before.of("accounts").keys()
        assert not {name: ids for name, ids in firms.items() if len(ids) > 1 and new & set(ids)}
        matched += sum(bool((row.get("customFields") or {}).get(FIELD)) for rid, row in run.after.of("accounts").items() if rid not in new)
    assert matched, "some companies exist on both sides"


def test_lt_14_people_are_linked_to_their_company(api: Run, files: Run) -> None:
    """LT-14: every lead with a company text is linked to the company that the table names for it."""
    for run in (api, files):
        table = {texts.squeeze(row["text"]): row["company"] for row in run.report("companies")["rows"]}
        there = persons(run)
        for lead, text in _texts_of(run).items():
            company = table.get(texts.squeeze(text))
            if lead in there and company is not None:
                assert company in there[lead]["links"].get("accounts", []), (lead, text)


def test_lt_15_companies_are_closed_before_people_begin(api: Run, files: Run) -> None:
    """LT-15: in each pass that wrote companies and people, sample, backfill or round, the last company precedes the first person."""
    for run in (api, files):
        both = 0
        for number, kinds in enumerate(_passes(run)):
            if "company" in kinds and "lead" in kinds:
                both += 1
                assert "company" not in kinds[kinds.index("lead") :], f"pass {number}: a company was made after a person"
        assert both, "some pass made companies and people"


def _passes(run: Run) -> list[list[str]]:
    """
    Give the kinds of what was made, in order, pass by pass: a state, an answer at a gate, or a read of the source begins another.

    What was found out later about a write left unknown is no step of a pass.
    """
    doubted = {(each["kind"], each["key"]) for each in run.audit if each["action"] == "write.create.in_doubt"}
    passes: list[list[str]] = [[]]
    for each in run.audit:
        if each["action"] in ("phase", "read") or each["action"].startswith("gate."):
            passes.append([])
        elif each["action"] == "write.create.confirmed" and (each["kind"], each["key"]) not in doubted:
            passes[-1].append(each["kind"])
    return passes


def test_lt_16_the_company_table_is_an_artefact(api: Run) -> None:
    """LT-16: raw text, cluster and company id can be exported, and the ids are companies of the destination."""
    rows = api.tables["companies"]
    assert {"text", "cluster", "company"} <= rows[0].keys()
    ids = {row["company"] for row in rows if row["company"]}
    assert ids
    assert ids <= api.after.of("accounts").keys()


def test_lt_17_no_company_no_dummy(api: Run, files: Run) -> None:
    """LT-17: a lead without a company is a person alone; words for nothing make no company."""
    for run in (api, files):
        for rid, account in run.after.of("accounts").items():
            assert rid in run.before.of("accounts") or texts.firm(account["name"]) not in texts.JUNK_COMPANIES, account["name"]
        there = persons(run)
        shared = [person["id"] for person in there.values()]
        alone = 0
        for lead, person in there.items():
            if not texts.present(run.source.of("lead")[lead]["company"]) and shared.count(person["id"]) == 1:
                if person["id"] not in run.before.of("contacts"):
                    assert not person["links"].get("accounts"), lead
                    alone += 1
        assert alone


def test_lt_18_unclear_company_names_are_listed(api: Run, files: Run) -> None:
    """LT-18: words for nothing and people's own names in the company field stand in the data-quality report, each with its lead."""
    for run in (api, files):
        told = {row["key"] for row in run.report("quality")["items"] if row["cause"] == "no_company"}
        for lead, row in run.source.of("lead").items():
            text = texts.present(row["company"])
            if text and texts.firm(text) in texts.JUNK_COMPANIES and lead in persons(run):
                assert lead in told, (lead, text)
        assert told
