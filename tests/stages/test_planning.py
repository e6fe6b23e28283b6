"""The plain decisions of the engine, over generated values."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamflow.mapping.changes import APPENDED
from streamflow.mapping.combining import Combining, combine
from streamflow.mapping.derived import Issue
from streamflow.migration.undoing import restoring
from streamflow.model import Disposition, Draft, Fields, Intent, IntentState, Link, Op, Record, RecordState, Ref, Staged, Verdict
from streamflow.platforms.nutshell.dialect.compare import compare
from streamflow.stages.directory import Directory
from streamflow.stages.doubt import QuietTime, rule_change, rule_create
from streamflow.stages.kept import expected, kept, known, rebuilt, released
from streamflow.stages.planning import Facts, issue_items
from streamflow.stages.roles import roles_of
from streamflow.stages.unknown import ALONE
from streamflow.stages.updating import update_part
from streamflow.stages.verify import holds_block, judge
from streamflow.store.change import Enqueue
from tests.mapping.builders import PAIR

ROLES = roles_of(PAIR)
HEADS_FIRST = Combining()
NAMES = ("name", "jobTitle", "custom:A", "custom:B", "link:owner")
TEXTS = st.sampled_from(["", "a", "b", "c"])
MAILS = st.lists(st.sampled_from(["a@x", "b@x", "c@x", "d@x"]), unique=True, max_size=4)
ID = "5-contacts"


def mails(values: list[str]) -> list[dict[str, Any]]:
    return [{"name": "email", "value": value, "isPrimary": place == 0} for place, value in enumerate(values)]


@st.composite
def records(draw: st.DrawFn) -> Fields:
    values: Fields = {name: text for name in NAMES if (text := draw(TEXTS))}
    if found := draw(MAILS):
        values["emails"] = mails(found)
    return values


def plan(base: Fields, wanted: Fields, now: Fields, *, ours: bool = True, decisions: dict[str, str] | None = None) -> Any:
    ref = Ref("lead", "1")
    link = Link(ref=ref, dest_kind="contacts", dest_id=ID, base=base, ours=ours, before=None if ours else {})
    staged = Staged(record=Record(kind="lead", key="1", data={}, digest="d"), seq=1, state=RecordState.PENDING)
    facts = Facts(links={ref: link}, now={ID: now}, directory=Directory(roles=ROLES, decisions=decisions or {}), compare=compare)
    return update_part(Draft(kind="contacts", fields=wanted), link, wanted, staged, facts)


@pytest.mark.parametrize("joins", [False, True])
def test_who_joins_waits_for_what_is_under_way(joins: bool) -> None:
    """A base that tells all of it already is no proof while another plan writes to the person: that may take it back."""
    link = Link(ref=Ref("lead", "1"), dest_kind="contacts", dest_id=ID, base={"name": "a"}, ours=True)
    staged = Staged(record=Record(kind="lead", key="2", data={}, digest="d"), seq=1, state=RecordState.PENDING)
    facts = Facts(links={link.ref: link}, now={ID: {"name": "a"}}, directory=Directory(roles=ROLES), compare=compare, busy={ID})
    update = update_part(Draft(kind="contacts", fields={"name": "a"}), link, {"name": "a"}, staged, facts, joins=joins)
    assert update.busy is joins


@pytest.mark.parametrize(("disposition", "ground", "is_done"), [
    (None, "", True), (Disposition.FAILED, "", True), (Disposition.FLAGGED, ALONE, True),
    (Disposition.FLAGGED, "", False), (Disposition.CREATED, ALONE, False), (Disposition.CREATED, "", False),
])  # fmt: skip
def test_a_lead_that_was_placed_in_part_is_placed(disposition: Disposition | None, ground: str, is_done: bool) -> None:
    """Of our own placing only the pipeline took effect: the stage follows, also where the record had waited. Else people chose it."""
    ref, wanted = Ref("job", "1"), {"stageset": "7-stagesets", "stage": "37-stages"}
    link = Link(ref=ref, dest_kind="leads", dest_id="5-leads", base={"description": "A job"}, ours=True)
    record = Record(kind="job", key="1", data={}, digest="d")
    staged = Staged(record=record, seq=1, state=RecordState.PENDING, disposition=disposition, ground=ground)
    now = {"description": "A job", "stageset": "7-stagesets", "stage": "31-stages"}
    directory = Directory(roles=ROLES, first_stages={"": "7-stages", "7-stagesets": "31-stages"})
    facts = Facts(links={ref: link}, now={"5-leads": now}, directory=directory, compare=compare)
    update = update_part(Draft(kind="leads", fields={**link.base, **wanted}), link, {**link.base, **wanted}, staged, facts)
    assert [write.fields for write in update.writes] == [{"stage": "37-stages"}] * is_done


WRITTEN_ITS_OWN_WAY = [("name", "A & B", "A & C", "A &amp; B"), ("custom:Sold", "2024-01-31", "2024-02-29", "2024-01-31T00:00:00Z")]


@pytest.mark.parametrize(("name", "ours", "wanted", "there"), WRITTEN_ITS_OWN_WAY)
def test_what_the_destination_writes_its_own_way_is_no_work_of_people(name: str, ours: str, wanted: str, there: str) -> None:
    """A value of ours that is there in another form follows the source, and nobody is asked."""
    update = plan({name: ours}, {name: wanted}, {name: there})
    assert [write.fields for write in update.writes] == [{name: wanted}]
    assert not update.changes


@pytest.mark.parametrize(("name", "ours", "before", "there"), WRITTEN_ITS_OWN_WAY)
def test_what_the_destination_writes_its_own_way_is_given_back(name: str, ours: str, before: str, there: str) -> None:
    """A rollback takes a value of ours that is there in another form back to what was there before us."""
    link = Link(ref=Ref("lead", "1"), dest_kind="contacts", dest_id=ID, base={name: ours}, ours=False, before={name: before})
    step = restoring(link, {name: there}, compare, {})
    assert (step.fields, step.reason) == ({name: before}, "")


def after(update: Any, base: Fields, now: Fields) -> tuple[Fields, Fields]:
    """What base and destination are once an update is carried out."""
    if update.writes:
        [write] = update.writes
        return write.base, {name: value for name, value in {**now, **write.fields}.items() if value not in (None, "", [])}
    return (update.links[-1].base if update.links else base), now


@settings(max_examples=150, deadline=None)
@given(base=records(), wanted=records(), now=records())
def test_once_done_nothing_is_left_to_do(base: Fields, wanted: Fields, now: Fields) -> None:
    """After an update is carried out the same source asks for nothing more, and what is ours reads back right."""
    first = plan(base, wanted, now)
    base_2, now_2 = after(first, base, now)
    second = plan(base_2, wanted, now_2)
    assert not second.writes
    assert not second.changes
    [link] = [Link(ref=Ref("lead", "1"), dest_kind="contacts", dest_id=ID, base=base_2, ours=True)]
    wrong = {check.field for check in judge(link, now_2, compare).checks if check.verdict is Verdict.DIFFERS}
    touched = {name for name in {**base, **now} if base.get(name) != now.get(name)}
    assert wrong <= touched, "only what somebody else changed may read back differently"


@settings(max_examples=150, deadline=None)
@given(base=records(), wanted=records(), now=records())
def test_what_a_person_changed_is_never_overwritten(base: Fields, wanted: Fields, now: Fields) -> None:
    """A value that is not the one we wrote stays, and what was added to a list stays in it."""
    _, now_2 = after(plan(base, wanted, now), base, now)
    for name in NAMES:
        if now.get(name) and now.get(name) != base.get(name):
            assert now_2.get(name) == now.get(name)
        if base.get(name) and not now.get(name) and wanted.get(name) == base.get(name):
            assert not now_2.get(name), "what a person emptied stays empty"
    brought = {each["value"] for each in base.get("emails", ())}
    theirs = {each["value"] for each in now.get("emails", ())} - brought
    removed = brought - {each["value"] for each in now.get("emails", ())}
    left = {each["value"] for each in now_2.get("emails", ())}
    assert theirs <= left
    assert not removed & left


@settings(max_examples=100, deadline=None)
@given(wanted=records(), now=records())
def test_a_record_that_was_there_keeps_all_it_had(wanted: Fields, now: Fields) -> None:
    """On a matched record blanks are filled, and every value it had is there afterwards; nobody is asked about it."""
    update = plan({}, wanted, now, ours=False)
    base, now_2 = after(update, {}, now)
    assert all(now_2.get(name) == value for name, value in now.items() if name not in APPENDED)
    assert all(now_2.get(name) for name in wanted)
    assert not update.changes
    for write in update.writes:
        assert update.links
        assert update.links[0].before == {name: now.get(name) for name in write.fields}
    assert not plan(base, wanted, now_2, ours=False).writes


@st.composite
def persons_work(draw: st.DrawFn) -> Fields:
    """What somebody sets in the web app, blanks among it."""
    values: Fields = {name: draw(TEXTS) for name in draw(st.sets(st.sampled_from(NAMES), max_size=2))}
    if draw(st.booleans()):
        values["emails"] = mails(draw(MAILS))
    return values


def addresses(fields: Fields) -> set[str]:
    return {each["value"] for each in fields.get("emails", ())}


def first_of(fields: Fields) -> str:
    return next((each["value"] for each in fields.get("emails", ()) if each["isPrimary"]), "")


@settings(max_examples=400, deadline=None)
@given(there=records(), life=st.lists(st.tuples(persons_work(), records()), min_size=1, max_size=5))
def test_what_was_there_before_us_stays_for_life(there: Fields, life: list[tuple[Fields, Fields]]) -> None:
    """
    However often the source changes: what a matched record had stays, and what people took out is not put back.

    What people set since stays as well, unless the source says the same: from then on both speak of one value.
    """
    ref = Ref("lead", "1")
    link = Link(ref=ref, dest_kind="contacts", dest_id=ID, base={}, ours=False, before={})
    now, asked = dict(there), dict[str, Any]()
    theirs, their_mails = {name for name in NAMES if now.get(name)}, addresses(now)
    emptied, taken_out, written, untouched = set[str](), set[str](), set[str](), set[str]()
    for work, wanted in life:
        theirs -= {name for name in work if name in written and work[name] == asked.get(name)}     # set back to what we had left
        theirs |= {name for name, value in work.items() if name in NAMES and value not in (now.get(name, ""), asked.get(name))}
        emptied = {name for name in emptied | work.keys() if name in NAMES and not {**now, **work}.get(name) and name in {*emptied, *now}}
        if "emails" in work:
            their_mails = (their_mails & addresses(work)) | (addresses(work) - addresses(now) - addresses(asked))
            taken_out = (taken_out | addresses(now)) - addresses(work)
        now = {name: value for name, value in {**now, **work}.items() if value}
        staged = Staged(record=Record(kind="lead", key="1", data={}, digest="d"), seq=1, state=RecordState.PENDING)
        facts = Facts(links={ref: link}, now={ID: now}, directory=Directory(roles=ROLES), compare=compare)
        update = update_part(Draft(kind="contacts", fields=wanted), link, wanted, staged, facts)
        was, link = now, update.links[-1] if update.links else link
        if update.writes:
            [write] = update.writes
            now = {name: value for name, value in {**now, **write.fields}.items() if value not in (None, "", [])}
            link = replace(link, base=write.base, before=write.before)
        for name in NAMES:
            if name in theirs and was.get(name):
                assert now.get(name) == was[name], f"{name} is theirs"
            if name in emptied and wanted.get(name) == asked.get(name):
                assert not now.get(name), f"they emptied {name}"
            written |= {name} if now.get(name) != was.get(name) else set()
            theirs -= {name} if name in written and wanted.get(name) == now.get(name) else set()
        if "emails" not in written and now.get("emails") != was.get("emails"):
            written, untouched = written | {"emails"}, addresses(was)
        taken_out &= addresses(asked) & addresses(wanted)
        assert their_mails <= addresses(now)
        assert not taken_out & addresses(now)
        assert first_of(now) == first_of(was) or first_of(was) not in their_mails, "which comes first is theirs as well"
        their_mails -= addresses(wanted) - untouched if "emails" in written else set()
        asked = wanted


@given(base=records(), names=st.sets(st.sampled_from([*NAMES, "emails"])))
def test_a_field_is_ours_or_theirs(base: Fields, names: set[str]) -> None:
    """Letting fields go loses no value: the source is compared with the same ones, and only what is ours is expected."""
    let_go = released(base, names)
    assert known(let_go) == base
    assert expected(let_go).keys() == base.keys() - names
    assert rebuilt(expected(let_go), kept(let_go)) == let_go


@given(members=st.lists(records(), min_size=1, max_size=4))
def test_combining_keeps_the_head_and_every_address(members: list[Fields]) -> None:
    """The head's values win, no address is lost or doubled, at most one is primary, and combining again changes nothing."""
    whole = combine(members, HEADS_FIRST)
    for name in NAMES:
        assert whole.get(name) == next((fields[name] for fields in members if fields.get(name)), None)
    values = [each["value"] for each in whole.get("emails", ())]
    assert sorted(values) == sorted({each["value"] for fields in members for each in fields.get("emails", ())})
    assert sum(bool(each["isPrimary"]) for each in whole.get("emails", ())) <= 1
    assert combine([whole, *members], HEADS_FIRST) == whole


SECONDS = st.floats(min_value=0, max_value=60)
QUIETS = st.builds(QuietTime, timeout_s=SECONDS, late_commit_s=SECONDS, search_lag_s=st.none() | SECONDS)
SIGHTED = st.lists(st.sampled_from(["1-notes", "2-notes"]), unique=True, max_size=2)


def _intent(op: Op, kind: str) -> Intent:
    return Intent(id="1", ref=Ref("note", "1"), op=op, dest_kind=kind, fields={"body": "x"}, dest_id="9-notes", marker="m")


@given(sighted=SIGHTED, waited_s=st.floats(min_value=0, max_value=200), quiet=QUIETS)
def test_a_create_is_given_up_only_when_it_cannot_appear_any_more(sighted: list[str], waited_s: float, quiet: QuietTime) -> None:
    """One sighting is it, two are a person's to judge, and "not there" counts only after the known bounds."""
    ruling = rule_create(_intent(Op.CREATE, "notes"), sighted, waited_s=waited_s, quiet=quiet)
    assert (ruling.state is IntentState.CONFIRMED) == (len(sighted) == 1)
    if ruling.state is IntentState.ABANDONED:
        assert not sighted
        assert quiet.seconds is not None
        assert waited_s >= quiet.seconds
    if ruling.state is IntentState.PARKED:
        assert len(sighted) == 2 or (quiet.seconds is None and waited_s >= quiet.late_s), "nobody is asked of what may still happen"


@given(
    op=st.sampled_from([Op.UPDATE, Op.DELETE]), kind=st.sampled_from(["notes", "tasks", "contacts"]), is_there=st.booleans(),
    applied=st.booleans(), sighted=SIGHTED, waited_s=st.floats(min_value=0, max_value=200), quiet=QUIETS,
)  # fmt: skip
def test_a_change_is_over_only_when_it_cannot_take_effect_any_more(
    op: Op, kind: str, is_there: bool, applied: bool, sighted: list[str], waited_s: float, quiet: QuietTime
) -> None:
    """Nothing is given up before the time-out and the late commit are over, and a removed text is lost only after the lag as well."""
    now = {"body": "x" if applied else "y"} if is_there else None
    replaced = sighted if op is Op.UPDATE and kind in ("notes", "tasks") else []
    ruling = rule_change(_intent(op, kind), now, replaced, applied=applied and is_there, waited_s=waited_s, quiet=quiet)
    if ruling.state is IntentState.ABANDONED:
        assert waited_s >= quiet.late_s
        assert not replaced
    if ruling.lost:
        assert not is_there
        assert quiet.seconds is not None
        assert waited_s >= quiet.seconds
    if ruling.state is IntentState.PARKED:
        assert len(replaced) == 2 or (quiet.seconds is None and waited_s >= quiet.late_s)
    if ruling.state is IntentState.CONFIRMED and op is Op.UPDATE:
        assert len(replaced) == 1 or (is_there and applied)
    if ruling.stale_id is not None:
        assert is_there


def test_a_block_of_ours_is_found_between_words_of_theirs() -> None:
    """Whole lines of ours one below the other count; a word inside of a word does not."""
    assert holds_block("hello\n\n[Lead 1]\nA: b\nbye", "[Lead 1]\nA: b")
    assert holds_block("Ann", "Ann")
    assert not holds_block("Anna", "Ann")
    assert not holds_block("A\nC\nB", "A\nB")
    assert not holds_block("A", "")


def test_what_the_map_could_not_move_is_asked_about_field_by_field() -> None:
    """With the value as it is in the source; it holds nothing up, and may be read anew once it is mended there."""
    staged = Staged(record=Record(kind="lead", key="1", data={}, digest="d"), seq=1, state=RecordState.PENDING)
    phone = Issue(cause="bad_phone", field="number", suggestion="write it whole", value="082")
    issues = [phone, Issue(cause="bad_date", field="on", suggestion="x")]
    items = [each.item for each in issue_items(staged, issues) if isinstance(each, Enqueue)]
    assert [(each.id, each.cause, each.kind, each.key, each.blocking) for each in items] == [
        ("bad_phone:lead:1:number", "bad_phone", "lead", "1", False), ("bad_date:lead:1:on", "bad_date", "lead", "1", False),
    ]
    assert items[0].details == {"field": "number", "value": "082"}
    assert items[0].reason == "number: bad phone; write it whole"
    assert (items[0].decisions, items[0].suggested) == (("accept", "retry"), "accept")
