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
from streamflow.model import (
    ADOPTED,
    Disposition,
    Draft,
    Fields,
    Intent,
    IntentState,
    Link,
    Op,
    QueueItem,
    Record,
    RecordState,
    Ref,
    Staged,
    Verdict,
)
from streamflow.platforms.nutshell.dialect.compare import compare
from streamflow.stages.batch import Plan
from streamflow.stages.conflicts import conflict_id
from streamflow.stages.directory import Directory
from streamflow.stages.doubt import QuietTime, rule_change, rule_create
from streamflow.stages.gone import BACK
from streamflow.stages.kept import expected, kept, known, rebuilt, released
from streamflow.stages.planning import (
    Facts,
    Waiting,
    both_ways,
    create_writes,
    finish_of,
    issue_items,
    question_plan,
    refs_in,
    resolve_links,
    wait_plan,
)
from streamflow.stages.roles import roles_of
from streamflow.stages.unknown import ALONE
from streamflow.stages.updating import Update, base_after, create_part, is_settled, leave_to_others, left_out, update_part
from streamflow.stages.verify import holds_block, judge
from streamflow.store.change import Enqueue, Finish, ResolveItem
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


OURS = Link(ref=Ref("lead", "1"), dest_kind="contacts", dest_id=ID, base={}, ours=True)
THEIRS = replace(OURS, ours=False, before={})       # there before us
EARLIER = replace(THEIRS, phase=ADOPTED)            # of an earlier run, whose book is not here
DAY, OTHER_DAY, SHOWN = "2024-01-31", "2024-02-29", "2024-01-31T00:00:00Z"
"""A date as the map makes it, another one, and the first as the account shows it in a field of its own."""
DATE = "custom:Sold"


def settled_lead() -> Staged:
    record = Record(kind="lead", key="1", data={}, digest="d")
    return Staged(record=record, seq=1, state=RecordState.PENDING, disposition=Disposition.CREATED)


def updated(link: Link, wanted: Fields, now: Fields | None, *, joins: bool = False, author: str | None = None, **facts: Any) -> Update:
    """Update a part that reads *now* (None: gone) to what is *wanted*; *facts* beside that, `answers` is question -> (word, told value)."""
    return update_part(
        Draft(kind=link.dest_kind, fields=wanted, author=author), link, wanted, settled_lead(), facts_of(link, now, **facts), joins=joins,
    )


def facts_of(link: Link, now: Fields | None, *, answers: dict[str, tuple[str, Any]] | None = None, **facts: Any) -> Facts:
    given = answers or {}
    directory = Directory(
        roles=ROLES, decisions={name: word for name, (word, _) in given.items()}, users={"27": "3-users"}, first_stages={"": "7-stages"},
    )
    told = {name: {"destination": value} for name, (_, value) in given.items()}
    return Facts(
        links={link.ref: link}, now={} if now is None else {link.dest_id: now}, directory=directory, compare=compare, told=told, **facts,
    )


def written(update: Update) -> Fields:
    """Give what is sent, {} where nothing is."""
    return {name: value for write in update.writes for name, value in write.fields.items()}


def asked(update: Update) -> list[QueueItem]:
    return [each.item for each in update.changes if isinstance(each, Enqueue)]


def three(update: Update) -> dict[str, tuple[Any, Any, Any]]:
    """Give what is asked about, by field: what was ours, what the source says, what is there."""
    return {each.details["field"]: tuple(each.details[name] for name in ("base", "source", "destination")) for each in asked(update)}


def by_map(word: str) -> Any:
    return lambda kind, dest_kind: {"name": word, DATE: word} if (kind, dest_kind) == ("lead", "contacts") else {}


def test_nothing_is_written_to_a_record_of_an_earlier_run_until_it_was_compared() -> None:
    """Where it differs it is asked, of blanks too, with all three values; what agrees is ours to follow."""
    update = updated(EARLIER, {"name": "b", "jobTitle": "x", DATE: DAY}, {"name": "a", DATE: SHOWN})
    assert not update.writes
    assert three(update) == {"name": (None, "b", "a"), "jobTitle": (None, "x", None)}
    assert {each.id for each in asked(update)} == {conflict_id(EARLIER, "name", "b"), conflict_id(EARLIER, "jobTitle", "x")}
    assert all("an earlier run wrote it" in each.reason and each.decisions == ("keep", "take") for each in asked(update))
    assert [each.base for each in update.links] == [{DATE: DAY, "kept:name": "b", "kept:jobTitle": "x"}]
    taken = updated(EARLIER, {"jobTitle": "x"}, {"name": "a"}, answers={conflict_id(EARLIER, "jobTitle", "x"): ("take", None)})
    assert (written(taken), asked(taken)) == ({"jobTitle": "x"}, [])


@pytest.mark.parametrize("joins", [False, True])
def test_a_record_of_an_earlier_run_follows_the_source_once_it_was_compared(joins: bool) -> None:
    """What was compared is ours to change, and the blanks with it; but who only joins it now has compared none of theirs."""
    update = updated(replace(EARLIER, base={"name": "a"}), {"name": "b", "jobTitle": "x"}, {"name": "a"}, joins=joins)
    assert written(update) == ({"name": "b"} if joins else {"name": "b", "jobTitle": "x"})
    assert three(update) == ({"jobTitle": (None, "x", None)} if joins else {})
    assert [(write.phase, write.before) for write in update.writes] == [(ADOPTED, dict.fromkeys(written(update)) | {"name": "a"})]


@pytest.mark.parametrize(("link", "phase"), [(OURS, ""), (THEIRS, "")])
def test_a_write_is_of_the_phase_that_confirms_it(link: Link, phase: str) -> None:
    """Only a record of an earlier run keeps the phase that says so; and a text is written as who wrote it, never as somebody else."""
    for author, user in (("27", "3-users"), ("99", None), (None, None)):
        [write] = updated(replace(link, base={"name": "a"}, phase="copy"), {"name": "b"}, {"name": "a"}, author=author).writes
        assert (write.phase, write.author, write.force) == (phase, user, False)


def test_an_answer_about_another_value_is_asked_for_again() -> None:
    """What was to be taken over one value of theirs is not taken over the next; it stands where the source's is there already."""
    link, question = replace(OURS, base={f"kept:{DATE}": DAY}), conflict_id(OURS, DATE, DAY)
    answers = {question: ("take", OTHER_DAY)}
    update = updated(link, {DATE: DAY}, {DATE: "2023-05-05"}, answers=answers)
    assert (written(update), three(update)) == ({}, {DATE: (DAY, DAY, "2023-05-05")})
    assert [each.id for each in asked(update)] == [f"{question}:again"]
    told = updated(link, {DATE: DAY}, {DATE: f"{OTHER_DAY}T00:00:00Z"}, answers=answers)
    assert (written(told), asked(told)) == ({DATE: DAY}, [])
    there = updated(link, {DATE: DAY}, {DATE: SHOWN}, answers=answers)
    assert (written(there), asked(there), [each.base for each in there.links]) == ({}, [], [{DATE: DAY}])


@pytest.mark.parametrize("wanted", ["b", "", "c"])
def test_what_a_person_said_to_keep_is_not_asked_about_again(wanted: str) -> None:
    """Nor is a value that the source gave up; its next value is another question."""
    answers = {conflict_id(OURS, "name", "b"): ("keep", "x")}
    link, now = replace(OURS, base={"kept:name": "b", "jobTitle": "y"}), {"name": "x", "jobTitle": "y"}
    update = updated(link, {"name": wanted, "jobTitle": "z"}, now, answers=answers)
    assert written(update) == {"jobTitle": "z"}
    assert three(update) == ({} if wanted == "b" else {"name": ("b", wanted, "x")})


def test_a_record_that_is_there_again_ends_what_was_said_of_its_loss() -> None:
    """Who wanted it made again is told, and is asked anew should it go once more."""
    link = replace(OURS, base={"name": "a"})
    question = f"gone:lead:1::{ID}"
    update = updated(link, {"name": "a"}, {"name": "a"}, answers={question: ("recreate", None)})
    assert not update.writes
    assert [each.id for each in asked(update)] == [f"{question}:again"]
    assert ResolveItem(id=f"{question}:again", decision=BACK, by="streamflow") in update.changes
    assert updated(link, {"name": "a"}, None, answers={question: ("recreate", None)}).anew
    assert not updated(link, {"name": "b"}, None).anew


def test_what_was_there_before_us_is_in_the_book_before_it_is_changed() -> None:
    """Of each field that is written, the first time; later writes keep that, and a record of ours needs none."""
    [first] = [updated(THEIRS, {"name": "b", "jobTitle": "x"}, {"name": "a"})]
    assert (written(first), [each.before for each in first.links]) == ({"jobTitle": "x"}, [{"jobTitle": None}])
    assert [write.before for write in first.writes] == [{"jobTitle": None}]
    line = replace(THEIRS, before={"jobTitle": None}, base={"jobTitle": "x"})
    later = updated(line, {"jobTitle": "y"}, {"name": "a", "jobTitle": "x"})
    assert ([write.before for write in later.writes], later.links) == ([{"jobTitle": None}], ())
    ours = updated(replace(OURS, base={"jobTitle": "x"}), {"jobTitle": "y"}, {"jobTitle": "x"})
    assert ([write.before for write in ours.writes], ours.links) == ([None], ())


TEXT = "Theirs above\n{}\nTheirs below"


@pytest.mark.parametrize(("base", "wanted", "there", "sent", "ours", "is_asked"), [
    ("Old", "New", TEXT.format("New"), None, "New", False),
    ("Old", "New", TEXT.format("Old"), TEXT.format("New"), "New", False),
    ("Old", "", TEXT.format("Old"), TEXT.format(""), None, False),
    ("Old", "New", "Rewritten", None, None, True),
    ("Old", "New", "", None, None, True),
    ("Old", "something", "", None, None, True),
    ("Old", "None", "", None, None, True),
], ids=["a lost answer", "theirs around it", "taken out", "rewritten", "cleared", "cleared, a word", "cleared, another word"])  # fmt: skip
def test_a_text_of_ours_is_replaced_where_it_stands(
    base: str, wanted: str, there: str, sent: str | None, ours: str | None, is_asked: bool
) -> None:
    """What people wrote around it stays; where ours is not there any more nothing is written, and somebody is asked."""
    update = updated(replace(OURS, base={"description": base}), {"description": wanted}, {"description": there} if there else {})
    assert written(update) == ({} if sent is None else {"description": sent})
    after = base_after(replace(OURS, base={"description": base}), update)
    assert expected(after) == ({} if ours is None else {"description": ours})
    assert bool(asked(update)) is is_asked


def test_a_value_that_stands_as_theirs_is_never_written_over() -> None:
    """Also where it is what the source held before: it was never ours. Other conflicts of the record are told beside it."""
    link = replace(OURS, base={"kept:name": "b", "jobTitle": "x"})
    update = updated(link, {"name": "c", "jobTitle": "z"}, {"name": "b", "jobTitle": "theirs"})
    assert not update.writes
    assert three(update) == {"name": ("b", "c", "b"), "jobTitle": ("x", "z", "theirs")}
    assert [each.base for each in update.links] == [{"kept:name": "c", "kept:jobTitle": "z"}]


VERIFIED = replace(OURS, base={DATE: DAY, "name": "a"}, verified="verified")


@pytest.mark.parametrize(("link", "shown", "is_theirs"), [
    (VERIFIED, {DATE: OTHER_DAY}, True),
    (VERIFIED, {DATE: SHOWN}, False),
    (VERIFIED, {}, False),
    (VERIFIED, {"custom:Other": "x"}, True),
    (replace(VERIFIED, verified="pending"), {DATE: OTHER_DAY}, False),
], ids=["changed", "in its own way", "not read", "cleared", "never read back"])  # fmt: skip
def test_what_people_changed_is_theirs_whatever_else_is_written(link: Link, shown: Fields, is_theirs: bool) -> None:
    """What was read back and found right and reads otherwise now; what was not read, or never read back, tells nothing."""
    update = updated(link, {DATE: DAY, "name": "b"}, {"name": "a", **shown})
    assert written(update) == {"name": "b"}
    assert kept(base_after(link, update)) == ({DATE: DAY} if is_theirs else {})


@pytest.mark.parametrize("ours", ["Ours", "something", "None"])
@pytest.mark.parametrize(("around", "is_theirs"), [(TEXT, False), ("Rewritten", True), ("", True), (None, True)])
def test_a_text_with_theirs_around_it_is_still_ours(ours: str, around: str | None, is_theirs: bool) -> None:
    """A description that holds our part is as we left it; one that does not is people's."""
    link = replace(OURS, base={"description": ours, "name": "a"}, verified="verified")
    now = {"name": "a"} if around is None else {"name": "a", "description": around.format(ours)}
    update = updated(link, {"description": ours, "name": "b"}, now)
    assert kept(base_after(link, update)) == ({"description": ours} if is_theirs else {})


@pytest.mark.parametrize(("link", "is_theirs"), [
    (replace(OURS, base={"name": "a"}), True), (replace(OURS, base={DATE: OTHER_DAY, "name": "a"}), True),
    (replace(THEIRS, base={"name": "a"}), True), (replace(EARLIER, base={"name": "a"}), False),
], ids=["filled", "changed", "there before us", "an earlier run's"])  # fmt: skip
def test_a_value_of_people_to_which_the_source_comes_stays_theirs(link: Link, is_theirs: bool) -> None:
    """They were first. Only of a record of an earlier run it counts as what that run wrote."""
    update = updated(link, {DATE: DAY, "name": "a"}, {"name": "a", DATE: SHOWN})
    assert not update.writes
    assert base_after(link, update) == ({"name": "a", f"kept:{DATE}": DAY} if is_theirs else {"name": "a", DATE: DAY})


@pytest.mark.parametrize(("answers", "is_theirs"), [({}, True), ({conflict_id(OURS, DATE, DAY): ("take", "x")}, False)])
def test_a_kept_value_is_ours_again_only_by_somebody_s_word(answers: dict[str, tuple[str, Any]], is_theirs: bool) -> None:
    """Theirs that comes to read as the source does stays theirs, but where it was said that this very value goes."""
    link = replace(OURS, base={f"kept:{DATE}": OTHER_DAY, "name": "a"})
    update = updated(link, {DATE: DAY, "name": "b"}, {"name": "a", DATE: SHOWN}, answers=answers)
    assert written(update) == {"name": "b"}
    assert kept(base_after(link, update)) == ({DATE: DAY} if is_theirs else {})


@pytest.mark.parametrize(("there", "is_taken"), [("mine", True), ("b", False)])
def test_the_map_takes_a_value_of_ours_that_people_changed_and_nothing_else(there: str, is_taken: bool) -> None:
    """The audit tells all three values; what reads as the source does needs no write, and stays theirs."""
    link = replace(OURS, base={"name": "a"})
    update = updated(link, {"name": "b"}, {"name": there}, disputes=by_map("take"))
    assert written(update) == ({"name": "b"} if is_taken else {})
    assert not asked(update)
    assert bool(update.changes) is is_taken
    assert base_after(link, update) == ({"name": "b"} if is_taken else {"kept:name": "b"})


@pytest.mark.parametrize(("base", "wanted", "is_done"), [
    ({"name": "a"}, {"name": "a"}, True), ({"kept:name": "a"}, {"name": "a"}, False), ({"kept:name": ""}, {"name": ""}, True),
    ({"name": "a"}, {"name": "b"}, False), ({"name": "a"}, {}, False), ({}, {"name": ""}, True), ({"name": "a"}, {"name": ""}, False),
])  # fmt: skip
def test_a_record_is_not_even_read_where_the_source_asks_for_nothing_new(base: Fields, wanted: Fields, is_done: bool) -> None:
    """With a map that takes the source's value: of what is ours it says nothing, of what stands as theirs it does, of a blank nothing."""
    link = replace(OURS, base=base)
    assert is_settled(link, wanted, facts_of(link, None, disputes=by_map("take"))) is is_done


def test_who_worked_on_a_text_that_would_be_made_anew_is_asked_first() -> None:
    """Nothing of it is written, each field is asked about; a person's word for one of them makes it anew with that."""
    link = replace(OURS, dest_kind="notes", base={"body": "a", "date": "1"})
    wanted, now = {"body": "b", "date": "2"}, {"body": "a", "date": "3", "likes": "3"}
    update = updated(link, wanted, now)
    assert not update.writes
    assert three(update) == {"body": ("a", "b", "a"), "date": ("1", "2", "3")}
    assert all("(date, likes)" in each.reason for each in asked(update))
    assert [each.base for each in update.links] == [{"kept:body": "b", "kept:date": "2"}]
    by_word = updated(link, wanted, now, answers={conflict_id(link, "body", "b"): ("take", "a")})
    assert [(write.fields, write.force) for write in by_word.writes] == [({"body": "b"}, True)]


@pytest.mark.parametrize(("before", "wanted", "names"), [
    ({"name": "a"}, {"name": "a"}, []), ({"name": "a"}, {"name": "b"}, ["name"]), ({"name": "a"}, {}, ["name"]),
    ({}, {"name": ""}, []), ({"name": ""}, {}, []), ({}, {"name": "b", "jobTitle": "x"}, ["jobTitle", "name"]),
    ({"name": "a"}, {"name": ""}, ["name"]), ({"kept:name": "a"}, {"name": "a"}, []),
])  # fmt: skip
def test_what_the_source_changes_of_a_record_that_was_merged_away_is_asked_about_once(
    before: Fields, wanted: Fields, names: list[str]
) -> None:
    """Nothing is written: the record follows another one. The question names what was left; the same values are not asked about again."""
    link = replace(OURS, ours=False, base=before)
    update = leave_to_others(link, wanted, settled_lead())
    assert not update.writes
    if not names:
        assert update == Update()
        return
    [item], [line] = asked(update), update.links
    assert item.id == conflict_id(link, "merged", {name: wanted.get(name) for name in names})
    assert (item.cause, item.kind, item.key, item.decisions, item.suggested) == ("conflict", "lead", "1", ("keep",), "keep")
    assert item.details == {"dest_id": ID, "fields": names}
    assert known(line.base) == wanted
    assert expected(line.base) == {}
    assert leave_to_others(line, wanted, settled_lead()) == Update()


@pytest.mark.parametrize(("kind", "now", "who"), [
    ("activities", {"link:participants": ["2-contacts"]}, {"1-contacts"}), ("activities", {}, {"1-contacts", "2-contacts"}),
    ("activities", None, set()), ("tasks", {}, set()),
])  # fmt: skip
def test_whom_a_write_of_the_whole_record_would_leave_out_is_known(kind: str, now: Fields | None, who: set[str]) -> None:
    """Those whom a call of ours named and is to name, and who are not shown there; who is not wanted any more is not meant."""
    link = replace(OURS, dest_kind=kind, base={"link:participants": ["1-contacts", "2-contacts", "9-contacts"]})
    wanted = {"link:participants": ["1-contacts", "2-contacts", "3-contacts"]}
    assert left_out(link, wanted, facts_of(link, now)) == who
    assert left_out(link, {}, facts_of(link, now)) == set()


def test_a_part_that_people_removed_as_another_kind_is_not_made_unasked() -> None:
    """What was a note and is to be an activity: where the note is gone somebody is asked; there, or by a person's word, it is made."""
    ref = Ref("email", "7", "")
    was = Link(ref=Ref("email", "7", "~notes"), dest_kind="notes", dest_id="6-notes", base={}, ours=True)
    draft, fields = Draft(kind="activities", fields={"name": "A"}), {"name": "A"}

    def made(now: Fields | None, answers: dict[str, tuple[str, Any]] | None = None) -> Update:
        return create_part(draft, ref, fields, {"~notes": was}, facts_of(was, now, answers=answers))

    gone = made(None)
    assert (gone.writes, [each.id for each in asked(gone)]) == ((), ["gone:email:7::6-notes"])
    for update in (made({}), made(None, {"gone:email:7::6-notes": ("recreate", None)})):
        assert [(write.op, write.dest_kind) for write in update.writes] == [(Op.CREATE, "activities")]
        assert not update.changes


@pytest.mark.parametrize(("one", "other", "is_same"), [
    (["1-tags"], ["1-tags"], True), (["1-tags"], ["1-tags", "2-tags"], False), (["1-tags", "2-tags"], ["1-tags"], False),
    (["1-tags"], "1-tags", True), ("1-tags", ["1-tags"], True), ("1-tags", ["1-tags", "2-tags"], False),
    (["1-tags", "2-tags"], "1-tags", False), ([], None, True),
])  # fmt: skip
def test_two_lists_are_the_same_only_where_neither_has_more(one: Any, other: Any, is_same: bool) -> None:
    """Ours among theirs is there, and is not the same: what people put beside it is not taken for ours."""
    assert both_ways(compare, "contacts", "link:tags", one, other) is is_same


def test_values_are_compared_as_of_their_kind_and_field() -> None:
    """Both of one value and the other way round, whoever asks."""
    seen = set[tuple[str, str]]()

    def watched(kind: str, name: str, one: Any, other: Any) -> Verdict:
        seen.add((kind, name))
        return Verdict.EQUAL

    assert both_ways(watched, "contacts", "link:tags", ["1-tags"], ["2-tags"])
    assert seen == {("contacts", "link:tags")}


@pytest.mark.parametrize(("busy", "held", "is_busy"), [
    (set(), (), False), ({"1"}, (), True), (set(), ("1",), True), ({"2"}, ("3",), False),
])  # fmt: skip
def test_a_record_that_was_written_to_meanwhile_is_busy(busy: set[str], held: tuple[str, ...], is_busy: bool) -> None:
    """A write that ended while the facts were collected may not be among them."""
    facts = Facts(links={}, now={}, directory=Directory(roles=ROLES), compare=compare, busy=busy, held=frozenset(held))
    assert facts.is_busy("1") is is_busy


CHILD = Staged(record=Record(kind="note", key="7", data={}, digest="d"), seq=4, state=RecordState.PENDING)


def test_an_ending_is_of_the_version_that_was_planned() -> None:
    """Its number goes with it, so that a later version is not ended by it."""
    assert finish_of(CHILD) == Finish(kind="note", key="7", seq=4, state=RecordState.DONE)
    everything: dict[str, Any] = {
        "state": RecordState.PARKED, "disposition": Disposition.FLAGGED, "reason": "why", "ground": "alone", "waiting_on": "lead:1",
    }
    assert finish_of(CHILD, **everything) == Finish(kind="note", key="7", seq=4, **everything)


FIRM, WHO, OWNER = Ref("company", "9"), Ref("lead", "1"), Ref("user", "27")
FIRM_LINE = Link(ref=FIRM, dest_kind="accounts", dest_id="9-accounts", base={}, ours=True)
WHO_LINE = Link(ref=WHO, dest_kind="contacts", dest_id=ID, base={}, ours=True)


def resolved(fields: Fields, *lines: Link, parents: dict[Ref, Staged] | None = None, gone: tuple[str, ...] = (), word: str = "") -> Any:
    """Replace the references in the fields of a note; *word* is what was said of the company that is gone."""
    directory = Directory(
        roles=ROLES, users={"27": "3-users"}, decisions={f"gone:company:9::{FIRM_LINE.dest_id}": word} if word else {},
    )
    facts = Facts(
        links={line.ref: line for line in lines}, now={}, parents=parents or {}, directory=directory, compare=compare, gone=gone,
    )
    return resolve_links(Draft(kind="notes", fields=fields), CHILD, facts)


def test_references_become_ids_once_each() -> None:
    """Of records in the crosswalk, of users; those to the record's own parts stay until these are made; texts are left alone."""
    own = Ref("note", "7", "2/2")
    assert resolved(
        {"body": WHO, "link:parent": WHO, "link:tags": [WHO, "1-tags", WHO], "link:own": own, "link:owner": Ref(ROLES.users, "27"),
         "link:id": "4-contacts", "link:none": []}, WHO_LINE,
    ) == {
        "body": WHO, "link:parent": ID, "link:tags": [ID, "1-tags"], "link:own": own, "link:owner": "3-users", "link:id": "4-contacts",
        "link:none": [],
    }  # fmt: skip


def parent(state: RecordState, key: str = "1", **more: Any) -> dict[Ref, Staged]:
    return {WHO: Staged(record=Record(kind="lead", key=key, data={}, digest="d"), seq=1, state=state, **more)}


def test_nothing_is_written_before_what_it_belongs_to() -> None:
    """It comes again where that is under way, waits by name where it was not moved, and asks where nobody read it; others are left out."""
    assert resolved({"link:parent": WHO}, parents=parent(RecordState.PENDING)) == Waiting(reason="what it belongs to is under way")
    held = resolved({"link:parent": WHO}, parents=parent(RecordState.HELD, key="2", disposition=Disposition.FLAGGED, reason="asked"))
    assert (held.on, held.unknown) == ("lead:2", False), "under the name that it goes by now"
    assert "lead 1, which was not moved (flagged: asked)" in held.reason
    unread = resolved({"link:parent": WHO})
    assert (unread.on, unread.unknown) == ("lead:1", True)
    assert resolved({"link:other": Ref("campaign", "5"), "link:tags": [Ref("campaign", "5")]}) == {"link:tags": []}


GONE_TOO = (FIRM_LINE.dest_id,)


@pytest.mark.parametrize("word", ["", "keep", "recreate"])
def test_who_belongs_to_a_company_that_people_removed_does_without_it_by_their_word(word: str) -> None:
    """Until somebody says that it stays removed they wait for it to be back, or made again."""
    found = resolved({"link:accounts": [FIRM, "2-accounts"]}, FIRM_LINE, gone=GONE_TOO, word=word)
    if word == "keep":
        assert found == {"link:accounts": ["2-accounts"]}
    else:
        assert found.on == "gone:9-accounts"
        assert "9-accounts, which people deleted" in found.reason
    there = resolved({"link:accounts": [FIRM, "2-accounts"]}, FIRM_LINE)
    assert there == {"link:accounts": ["9-accounts", "2-accounts"]}


def test_nothing_but_a_company_is_done_without() -> None:
    """What belongs to a person who is gone, or to several companies of which only one was said to stay away, waits."""
    assert isinstance(resolved({"link:parent": FIRM}, FIRM_LINE, gone=GONE_TOO, word="keep"), Waiting)
    other = replace(FIRM_LINE, ref=Ref("company", "8"), dest_id="8-accounts")
    both = resolved({"link:accounts": [FIRM, other.ref]}, FIRM_LINE, other, gone=("9-accounts", "8-accounts"), word="keep")
    assert isinstance(both, Waiting)


@pytest.mark.parametrize(("written", "waits"), [
    (["9-accounts"], False), (["2-accounts", "9-accounts"], True), (None, True), ("9-accounts", False),
])  # fmt: skip
def test_a_relation_that_stands_as_it_was_written_waits_for_nobody(written: Any, waits: bool) -> None:
    """Nothing is to be sent of it, whatever became of what it names; who joined the record counts what was written for the other."""
    line = Link(ref=Ref("note", "7"), dest_kind="notes", dest_id="7-notes", base={"link:accounts": written} if written else {}, ours=True)
    for lines in ((line,), (replace(line, base={}, ours=False), replace(line, ref=Ref("note", "8")))):
        found = resolved({"link:accounts": [FIRM]}, FIRM_LINE, *lines, gone=GONE_TOO)
        assert isinstance(found, Waiting) is waits
    own, elsewhere = replace(line, base={}), replace(line, ref=Ref("note", "8"), dest_id="8-notes")
    assert isinstance(resolved({"link:accounts": [FIRM]}, FIRM_LINE, own, elsewhere, gone=GONE_TOO), Waiting), "another record's"
    assert isinstance(resolved({"link:accounts": [FIRM]}, FIRM_LINE, elsewhere, gone=GONE_TOO), Waiting)


def test_the_references_of_a_record_are_those_of_its_relations() -> None:
    """Alone and in lists; a text is none."""
    assert list(refs_in({"link:a": WHO, "link:b": [FIRM, "1-tags"], "name": OWNER, "link:c": "1-tags"})) == [WHO, FIRM]


NOBODY = Directory(roles=ROLES)


def test_a_record_that_waits_is_parked_on_what_it_waits_for() -> None:
    """With the reason; where that is under way it comes again by itself."""
    plan = wait_plan(CHILD, Waiting(on="lead:2", reason="not moved"), NOBODY)
    finish = finish_of(CHILD, state=RecordState.PARKED, disposition=Disposition.FLAGGED, reason="not moved", waiting_on="lead:2")
    assert plan == Plan(staged=CHILD, finish=finish, disposition=Disposition.FLAGGED)
    assert wait_plan(CHILD, Waiting(reason="under way"), NOBODY) == Plan(staged=CHILD)


def test_a_person_is_asked_about_one_whose_parent_was_not_read() -> None:
    """It goes on by itself should the parent come; once it was left out it is done, and nothing is asked any more."""
    waiting = Waiting(on="lead:1", unknown=True, reason="belongs to lead 1")
    plan = wait_plan(CHILD, waiting, NOBODY)
    assert plan.finish == finish_of(
        CHILD, state=RecordState.PARKED, disposition=Disposition.FLAGGED, reason="belongs to lead 1", waiting_on="lead:1",
    )
    assert plan.changes == (Enqueue(item=QueueItem(
        id="unknown_parent:note:7", cause="unknown_parent", kind="note", key="7", reason="belongs to lead 1",
        decisions=("reparent:<kind>:<key>", "waive", "retry"), suggested="waive",
    )),)
    waived = wait_plan(CHILD, waiting, Directory(roles=ROLES, decisions={"unknown_parent:note:7": "waive"}))
    assert waived == Plan(staged=CHILD, disposition=Disposition.FLAGGED, finish=finish_of(
        CHILD, disposition=Disposition.FLAGGED, reason="left out by a person's decision: belongs to lead 1",
    ))


@pytest.mark.parametrize(("stem", "name"), [("", "odd:note:7"), ("odd2", "odd2:note:7")])
def test_a_question_holds_its_record_until_it_is_answered(stem: str, name: str) -> None:
    """An answer that led nowhere is asked for again, under a name of its own."""
    def asked_with(decisions: dict[str, str]) -> Plan:
        return question_plan(
            CHILD, "odd", "why", Directory(roles=ROLES, decisions=decisions), decisions=("go",), suggested="go", stem=stem,
        )

    for decisions, expected_id in (({}, name), ({name: "go"}, f"{name}:again")):
        plan = asked_with(decisions)
        assert [(each.id, each.cause) for each in asked(Update(changes=plan.changes))] == [(expected_id, "odd")]
        assert plan.finish == finish_of(CHILD, state=RecordState.HELD, disposition=Disposition.FLAGGED, reason="why")
        assert plan.disposition is Disposition.FLAGGED
    assert not asked_with({name: "waive"}).changes


def test_a_lead_is_made_first_and_placed_then() -> None:
    """What only a record that is there can take is a write of its own, which knows what the first one left; other records need one."""
    fields = {"name": "A job", "stage": "3-stages", "outcome": "1-outcomes"}
    making, placing = create_writes(Draft(kind="leads", marker="m", author="27"), Ref("job", "1"), fields, facts_of(OURS, {}).directory)
    assert (making.op, making.fields, making.base, making.marker, making.author) == (
        Op.CREATE, {"name": "A job"}, {"name": "A job"}, "m", "3-users",
    )  # fmt: skip
    assert (placing.op, placing.fields, placing.now, placing.base, placing.marker, placing.dest_id) == (
        Op.UPDATE, {"stage": "3-stages", "outcome": "1-outcomes"}, {"name": "A job"}, fields, "m", None,
    )  # fmt: skip
    assert len(create_writes(Draft(kind="notes"), Ref("note", "1"), {"body": "A text"}, NOBODY)) == 1


@pytest.mark.parametrize(("base", "stage", "is_placed"), [
    ({}, "7-stages", True), ({"stageset": "7-stagesets"}, "31-stages", True), ({"stageset": "7-stagesets"}, "7-stages", False),
    ({}, "31-stages", False), ({}, None, False), ({"stageset": "8-stagesets"}, None, False),
], ids=["in none", "in ours", "moved out of ours", "moved", "not shown", "in one without stages"])  # fmt: skip
def test_a_lead_of_ours_that_stands_where_it_began_was_put_there_by_nobody(base: Fields, stage: str | None, is_placed: bool) -> None:
    """In the first stage of the pipeline that we, or nobody, chose it follows the source; elsewhere people put it, and are asked."""
    link = replace(OURS, dest_kind="leads", dest_id="5-leads", base={"description": "A job", **base})
    now = {"description": "A job", "stageset": base.get("stageset", "1-stagesets"), **({"stage": stage} if stage else {})}
    directory = Directory(roles=ROLES, first_stages={"": "7-stages", "7-stagesets": "31-stages"})
    wanted = {"description": "A job", **base, "stage": "37-stages"}

    def placed(line: Link) -> Fields:
        facts = Facts(links={line.ref: line}, now={"5-leads": now}, directory=directory, compare=compare)
        return written(update_part(Draft(kind="leads", fields=wanted), line, wanted, settled_lead(), facts))

    assert placed(link) == ({"stage": "37-stages"} if is_placed or stage is None else {})
    if stage is not None:
        assert placed(replace(link, ours=False, before={})) == {}, "what was there before us stands where people put it"


@pytest.mark.parametrize(("there", "is_taken"), [("31-stages", True), ("99-stages", False)])
def test_a_lead_that_stands_where_we_put_it_follows_the_source(there: str, is_taken: bool) -> None:
    """One that people moved on is theirs."""
    link = replace(OURS, dest_kind="leads", dest_id="5-leads", base={"stage": "31-stages"})
    update = updated(link, {"stage": "37-stages"}, {"stage": there})
    assert written(update) == ({"stage": "37-stages"} if is_taken else {})
    assert three(update) == ({} if is_taken else {"stage": ("31-stages", "37-stages", there)})


def test_what_comes_to_be_ours_or_theirs_is_read_back_anew() -> None:
    """A line that says something else than before is not verified by what was read back before that."""
    link = replace(VERIFIED, base={"name": "a", "jobTitle": "x"})
    update = updated(link, {"name": "a", "jobTitle": "y"}, {"name": "a", "jobTitle": "mine"})
    assert [(each.base, each.verified) for each in update.links] == [({"name": "a", "kept:jobTitle": "y"}, "pending")]
