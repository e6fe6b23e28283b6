"""A pair as data: what reading it refuses, and what it answers about kinds."""

from __future__ import annotations

import re

import pytest

from streamflow.errors import ConfigError, InvariantBroken
from streamflow.mapping.compiled import compile_map
from streamflow.mapping.derived import Context
from streamflow.mapping.document_json import from_json, to_json
from streamflow.mapping.files import archive_path
from streamflow.mapping.owning import is_active, owner_keys
from streamflow.mapping.pair import Role
from streamflow.mapping.pair_toml import read_pair
from streamflow.model import Record, Ref

from .builders import PAIR, child, lead, mapper, proposed
from .porch import PORCH, TEXT, document


def test_the_first_pair_is_what_the_engine_knows_of_it() -> None:
    """Order of delivery, who hangs on whom, who is owned and what names what: the lists that the engine goes by."""
    assert PAIR.order == (
        *("user", "group", "source", "status"),
        *("company", "lead", "note", "call", "email", "reminder", "attachment"),
    )
    assert PAIR.blocking == {"company", "lead"}
    assert PAIR.owned == ("lead", "note", "call", "email", "reminder")
    assert PAIR.hanging_on("lead") == ("note", "call", "email", "reminder", "attachment")
    assert (PAIR.person.kind, PAIR.kind_naming("user"), PAIR.title, PAIR.prefix) == ("lead", "user", "Leadtrekker", "lt")
    assert PAIR.company is not None


def test_another_pair_answers_for_itself() -> None:
    """Kinds, roles and nouns of a pair with deals and meetings come from its text alone."""
    assert PORCH.order == ("rep", "client", "inquiry", "quote", "visit", "scan")
    assert PORCH.in_role(Role.DEAL, Role.FILE) == ("inquiry", "quote", "scan")
    assert (PORCH.company, PORCH.blocking, PORCH.kind_naming("user")) == (None, {"client", "inquiry", "quote"}, "rep")
    assert PORCH.of("visit").noun == "appointment"
    with pytest.raises(InvariantBroken):
        PORCH.of("lead")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('role = "person"', 'role = "human"', "is none of company, person"),
        ('shape = "meeting"', 'shape = "party"', "'party' is none of note"),
        ('yields_to = "quote"', 'yields_to = "visit"', "must be deals with the same parent"),
        ('yields_to = "quote"', 'yields_to = "inquiry"', "must come after 'inquiry'"),
        ('yields_by = "inquiryid"', "", "yields_by: missing"),
        ('parent = "quote"', 'parent = "quota"', "did you mean 'quote'"),
        ('currency = "USD"', 'curency = "USD"', "unknown setting; did you mean 'currency'"),
        ('zone = "America/New_York"', 'zone = "Mars"', "defaults.zone"),
        ('date_order = "month"', 'date_order = "week"', "defaults.date_order"),
        ('transform = "person_name"', 'transform = "person_nam"', "did you mean 'person_name'"),
        ('transform = "person_name"', 'transform = "phones"', "cannot fill"),
        ('source = "scan"', 'source = "scam"', "did you mean 'scan'"),
        ('title = "Porch & Sons"', "", "title: expected a text"),
        ('noun = "appointment"', 'facts = { wen = "start" }', "facts.wen: there is no such fact; did you mean 'when'"),
        ('prefix = "po"', 'prefix = "po"\nreports = ["qality"]', "there is no report 'qality'; did you mean 'quality'"),
        ('prefix = "po"', 'prefix = "po"\nchecks = [{ name = "n", fields = ["client.emial"] }]', "no row of 'client.emial'"),
        ('prefix = "po"', 'prefix = "po"\nblank_rules = [{ type = "rule" }]', "blank_rules[0].trigger: expected a text"),
        ('kind = "quote"\npatterns', 'kind = "rep"\npatterns', "is no kind with a parent"),
        ("[defaults]", "[defaults", "no TOML"),
    ],
)
def test_a_broken_pair_is_refused_by_path(old: str, new: str, words: str) -> None:
    """What is wrong in the text of a pair is named, not found out in the middle of a run."""
    assert old in TEXT
    with pytest.raises(ConfigError, match=re.escape(words)):
        read_pair(TEXT.replace(old, new, 1))


def test_facts_are_told_by_the_fields_of_a_kind() -> None:
    """What the engine asks of a record is answered by the first filled field that the pair names, or by the field of that name."""
    lead, user = PAIR.person, PAIR.plan_naming("user")
    assert lead.told({"status": "", "statusid": "3"}, "status") == "3"
    assert lead.told({"owner_email": "a@b.c"}, "owner") == "a@b.c"
    assert (user.told({"number": "082"}, "phone"), user.told({"email": "a@b.c"}, "email"), user.told({}, "role")) == ("082", "a@b.c", None)
    assert [is_active({"active": said}, PAIR) for said in (None, "", 1, True, 0, False, "No")] == [True] * 4 + [False] * 3
    assert (PAIR.people, PORCH.people) == ("leads", "clients")


def test_maps_of_another_pair_are_refused() -> None:
    """A map that was made for other platforms is a fault of its own."""
    with pytest.raises(ConfigError, match="the map is of leadtrekker-nutshell"):
        from_json(to_json(proposed()), PORCH)


def test_maps_of_earlier_versions_stay_readable() -> None:
    """A map confirmed before slots and settings had names reads, keeps its digest's content, and means what it meant."""
    data = to_json(proposed())
    for one in data["objects"]:
        del one["takes_custom"]
        for row in one["rows"]:
            row["params"] = {name: value for name, value in row["params"].items() if name not in ("slot", "by")}
    data["settings"] = {name: data["settings"][name] for name in ("zone", "region", "currency", "rule", "unqualified")}
    old = from_json(data, PAIR)
    assert dict(old.settings) == data["settings"]
    assert [one.takes_custom for one in old.objects] == [one.takes_custom for one in proposed().objects]
    context = Context(activity_types={"phone call": "1-activityTypes"})
    assert compile_map(old, PAIR, context).drafts(child("call")) == mapper(context=context).drafts(child("call"))
    assert compile_map(old, PAIR, context).drafts(lead()) == mapper(context=context).drafts(lead())


def test_a_home_named_by_a_person_is_the_parent() -> None:
    """A record given another home names that one and no other, whatever it named before."""
    made = mapper()
    record = made.rehomed(child("note"), Ref("lead", "9"))
    assert (record.parent, record.data["leadid"]) == ("9", "9")
    (draft,) = made.drafts(record).drafts
    assert draft.fields["link:parent"] == Ref("lead", "9")


def test_who_is_named_on_a_record() -> None:
    """Owners and the parent's address come from the fields the pair names, best first."""
    assert owner_keys(lead(), PAIR) == ("27", "pieter@example.co.za")
    assert owner_keys(child("attachment", userid="27"), PAIR) == ()
    assert mapper().parent_addresses(child("note", lead_email=" Thandi@Example.co.za")) == ("thandi@example.co.za",)


def test_files_lie_below_their_parent() -> None:
    """The archive's path is made of the field that names the parent, in every pair."""
    assert archive_path(child("attachment"), PAIR) == "files/48213/a1"
    assert archive_path(child("attachment", leadid=None), PAIR) == "files/unknown/a1"
    assert archive_path(Record(kind="scan", key="s1", digest="", data={"quoteid": "q1"}), PORCH) == "files/q1/s1"


def test_settings_start_from_the_pair() -> None:
    """A proposal's settings are the pair's, overruled by what the account says."""
    settings = document(currency="CAD").settings
    assert (settings["zone"], settings["date_order"], settings["currency"]) == ("America/New_York", "month", "CAD")
    assert proposed().settings["currency"] == "ZAR"
