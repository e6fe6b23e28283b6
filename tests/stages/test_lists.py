"""Addresses of a person, of the account's or ours: what was there before us, what people add and take out, and what the source says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from streamflow.mapping.changes import merge
from streamflow.mapping.items import lacking
from streamflow.migration.undoing import plan_step, restoring
from streamflow.model import ADOPTED, Draft, Fields, Link, Record, RecordState, Ref, Staged, Verdict
from streamflow.platforms.nutshell.dialect.compare import compare
from streamflow.stages.directory import Directory
from streamflow.stages.kept import released
from streamflow.stages.lists import put_first
from streamflow.stages.planning import Facts, sameness
from streamflow.stages.updating import update_part
from streamflow.stages.verify import judge
from tests.stages.rig import lead, rig
from tests.stages.test_planning import ROLES

ID = "5-contacts"
NAMES = ["a@x", "b@x", "c@x", "d@x"]
SOME = st.lists(st.sampled_from(NAMES), unique=True, max_size=4)
STEPS = st.lists(st.tuples(st.sampled_from(["source", "person", "read back"]), SOME), max_size=8)


def mails(values: list[str]) -> list[dict[str, Any]]:
    return [{"name": "email", "value": value, "isPrimary": place == 0} for place, value in enumerate(values)]


def values(fields: Fields) -> set[str]:
    return {each["value"] for each in fields.get("emails") or ()}


class Life:
    """A person of theirs, or of ours (*there* is None), and who did what to their addresses."""

    def __init__(self, there: list[str] | None) -> None:
        self.now: Fields = {"emails": mails(there or [])}
        self.own = set(there or [])       # there before us, and never taken out by people
        self.added: set[str] = set()      # by people, while the source did not name it
        self.out: set[str] = set()        # taken out by people, and named by the source in each of its versions
        self.named: set[str] = set()      # by the source now
        self.version = 0
        self.link = Link(ref=Ref("lead", "1"), dest_kind="contacts", dest_id=ID, base={}, ours=False, before={})
        if there is None:
            self.link = replace(self.link, base={"jobTitle": "version 0"}, ours=True, before=None)
            self.now["jobTitle"] = "version 0"

    def source(self, named: list[str]) -> None:
        """Let the source name these."""
        self.version += 1
        self.named = set(named)
        self.out &= set(named)
        wanted: Fields = {"emails": mails(named), "jobTitle": f"version {self.version}"}
        staged = Staged(record=Record(kind="lead", key="1", data={}, digest="d"), seq=1, state=RecordState.PENDING)
        facts = Facts(links={self.link.ref: self.link}, now={ID: self.now}, directory=Directory(roles=ROLES), compare=compare)
        update = update_part(Draft(kind="contacts", fields=wanted), self.link, wanted, staged, facts)
        for write in update.writes:
            self.now = {**self.now, **write.fields}
            self.link = replace(self.link, base=write.base, before=write.before, verified="pending")
        if not update.writes and update.links:
            self.link = update.links[-1]
        assert self.own <= values(self.now), "what was there before us stays"
        assert self.added <= values(self.now), "what people added stays"
        assert not self.out & values(self.now), "what people took out stays out"

    def person(self, left: list[str]) -> None:
        """Let a person write the list."""
        before = values(self.now)
        self.own &= set(left)
        self.added = (self.added & set(left)) | (set(left) - before - self.named)
        self.out = (self.out | ((before - set(left)) & self.named)) - set(left)
        self.now = {**self.now, "emails": mails(left)}

    def read_back(self) -> None:
        """Read back what was written, and leave to people what they changed."""
        wrong = [check.field for check in judge(self.link, self.now, compare).checks if check.verdict is Verdict.DIFFERS]
        self.link = replace(self.link, base=released(self.link.base, wrong), verified="pending" if wrong else "verified")


@settings(max_examples=400, deadline=None)
@given(there=st.none() | SOME, first=SOME, steps=STEPS)
@example(   # a list kept as theirs already, to which the source comes without anything to write
    there=[], first=["b@x"],
    steps=[("person", ["a@x", "c@x"]), ("read back", []), ("source", ["a@x"]), ("person", []), ("source", ["a@x"])],
)  # fmt: skip
def test_each_keeps_what_is_theirs(there: list[str] | None, first: list[str], steps: list[tuple[str, list[str]]]) -> None:
    """What was there or was added by people stays, what they took out stays out, and a rollback leaves both so and nothing of ours."""
    life = Life(there)
    life.source(first)
    for who, some in steps:
        {"source": life.source, "person": life.person, "read back": lambda _: life.read_back()}[who](some)
    if there is None:
        step = plan_step(life.link, {name: value for name, value in life.now.items() if value}, compare, foreign=())
        if life.added or not any(who == "person" for who, _ in steps):
            assert step.action == ("spare" if life.added else "delete")
        return
    step = restoring(life.link, life.now, compare, {})
    left = values({**life.now, **step.fields})
    assert life.own | life.added <= left <= values(life.now)
    if not any(who == "person" for who, _ in steps):
        assert left == set(there)


FORMS: dict[str, list[Any]] = {
    "emails": ["a@x.test", "A@x.test", "b@x.test"],
    "phones": ["+27821234567", "082 123 4567", "+27115551234 x1", "+27 11 555 1234 x2", "24"],
    "urls": ["shop24.test", "24hours.test", "https://a.test/", "https://A.test"],
    "addresses": [{"address_1": "1 Main  Street"}, {"address_1": "1 main street", "city": ""}, {"address_1": "2 Main Street"}],
    "link:tags": ["1", "2", "24"],
}
SAME = sameness(compare, "contacts")


def entries(name: str, held: list[Any], labels: list[str]) -> list[Any]:
    if name.startswith("link:"):
        return held
    return [{"name": label, "value": value, "isPrimary": False} for value, label in zip(held, labels, strict=False)]


@st.composite
def three_lists(draw: st.DrawFn) -> tuple[str, list[list[Any]]]:
    name = draw(st.sampled_from(sorted(FORMS)))
    some = st.lists(st.sampled_from(FORMS[name]), max_size=4, unique=name.startswith("link:"))
    labels = st.lists(st.sampled_from(["work", "home"]), min_size=4, max_size=4)
    return name, [entries(name, draw(some), draw(labels)) for _ in range(3)]


@settings(max_examples=300, deadline=None)
@given(drawn=three_lists())
def test_the_merge_and_the_rollback_tell_items_apart_alike(drawn: tuple[str, list[list[Any]]]) -> None:
    """What is theirs stays and what is new comes, nothing else does, and what people took out stays out, however it is written."""
    name, (ours, wanted, now) = drawn
    after = merge({name: ours}, {name: wanted}, {name: now}, same=SAME).changes.get(name, now)
    theirs, taken_out = lacking(name, now, ours, SAME), lacking(name, ours, now, SAME)
    assert not lacking(name, theirs, after, SAME)
    assert not lacking(name, lacking(name, wanted, ours, SAME), after, SAME)
    assert not lacking(name, after, [*theirs, *wanted], SAME)
    assert not lacking(name, after, [*now, *lacking(name, wanted, taken_out, SAME)], SAME)


@pytest.mark.parametrize(("name", "theirs", "ours"), [
    ("urls", [("web", "shop24.test"), ("web", "24hours.test")], "https://new.test"),
    ("phones", [("mobile", "+27821234567"), ("work", "+27821234567")], "+27115551234"),
    ("phones", [("work", "+27115551234 x1")], "+27115551234 x2"),
])  # fmt: skip
def test_what_looks_alike_is_told_apart(name: str, theirs: list[tuple[str, str]], ours: str) -> None:
    """Sites with the same figures, a number under two labels, another extension: theirs stay, ours comes, and goes with a rollback."""
    there = [{"name": label, "value": value, "isPrimary": False} for label, value in theirs]
    life = Life([])
    life.now = {name: there}
    new = {"name": "work", "value": ours, "isPrimary": False}
    wanted: Fields = {name: [new, there[0]]}
    staged = Staged(record=Record(kind="lead", key="1", data={}, digest="d"), seq=1, state=RecordState.PENDING)
    facts = Facts(links={life.link.ref: life.link}, now={ID: life.now}, directory=Directory(roles=ROLES), compare=compare)
    [write] = update_part(Draft(kind="contacts", fields=wanted), life.link, wanted, staged, facts).writes
    assert write.fields == {name: [*there, new]}
    link = replace(life.link, base=write.base, before=write.before)
    assert restoring(link, write.fields, compare, {}).fields == {name: there}


@pytest.mark.parametrize(("sent", "theirs"), [([], ["a@x"]), ([["a@x", "b@x"]], []), ([["b@x"]], ["a@x"])])
def test_what_a_write_of_ours_may_have_put_there_is_not_theirs(sent: list[list[str]], theirs: list[str]) -> None:
    """An address that the source comes to name stands there already: people's, unless a write that nobody confirmed named it."""
    link = Link(ref=Ref("lead", "1"), dest_kind="contacts", dest_id=ID, base={"emails": mails(["b@x"])}, ours=True)
    found = put_first(SAME, link, "emails", mails(["b@x", "a@x"]), {"emails": mails(["b@x", "a@x"])}, [mails(each) for each in sent])
    assert [each["value"] for each in found] == theirs


async def test_an_address_that_was_there_before_us_outlives_the_source_s() -> None:
    """The source names it, then another beside it, then the other alone: the account's own stays."""
    async with rig() as one:
        there = await one.existing("Thandi Mokoena", "t@x.test")
        for email in ("t@x.test", "t@x.test; new@x.test", "new@x.test"):
            await one.stage(lead("1", name="Thandi Mokoena", email=email))
            await one.run_dry()
        assert (await one.link("lead", "1")).dest_id == there
        assert {"t@x.test"} <= values(await one.fields("contacts", there))


async def test_an_address_that_people_took_out_of_a_record_of_an_earlier_run_stays_out() -> None:
    """Nobody can tell who made it differ, so it is asked about; a later change of something else does not settle that."""
    base: Fields = {"kept:emails": mails(["a@x", "b@x"]), "jobTitle": "one"}
    life = Life(["a@x"])
    life.now["jobTitle"] = "one"
    life.link = replace(life.link, base=base, phase=ADOPTED)
    life.own, life.out = set(), {"b@x"}
    life.source(["a@x", "b@x"])
    assert life.now["jobTitle"] == "version 1"
    life.source(["a@x", "b@x", "c@x"])
    assert values(life.now) == {"a@x", "c@x"}
    life.source(["c@x"])
    assert values(restoring_of(life)) == {"a@x"}, "which this run had dropped with the source"


def restoring_of(life: Life) -> Fields:
    return {**life.now, **restoring(life.link, life.now, compare, {}).fields}


async def test_a_number_that_the_destination_writes_its_own_way_goes_with_the_source() -> None:
    """One that cannot be read here is kept as written and stands there with a country code: once the source drops it, it is gone."""
    async with rig() as one:
        for number in ("4155551234; 082 999 9999", "082 999 9999; 083 999 9999"):
            await one.stage(lead("1", number=number))
            await one.run_dry()
        there = await one.fields("contacts", (await one.link("lead", "1")).dest_id)
        assert {each["value"] for each in there["phones"]} == {"+27829999999", "+27839999999"}
