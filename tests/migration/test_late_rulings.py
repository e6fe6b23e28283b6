"""What becomes of the version of a record that was read last, after the switch: all that may be known of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product

import pytest

from streamflow.ledger_names import LATE, RETURNED
from streamflow.migration.decided import ANY, Answer
from streamflow.migration.late_questions import BROUGHT_BACK, WISH, WRITTEN_LATE
from streamflow.migration.late_rulings import Asking, Known, asking, goes_on, is_late
from streamflow.migration.made_again import COMES_ALONG, GOES_ON, MADE_AGAIN
from streamflow.model import QueueItem, Record, RecordState, Staged
from streamflow.stages.reopened import Along

NOW, THEN = "now00000", "then0000"
READ = Staged(record=Record(kind="lead", key="7", data={}, digest=NOW), seq=1, state=RecordState.PENDING)


def question(version: str, *, state: str = "open", wish: str = "") -> QueueItem:
    """Give a question about a late version of the record."""
    details = {WISH: wish} if wish else {}
    return QueueItem(
        id=f"{LATE}:lead:7:{version}", cause=LATE, kind="lead", key="7", reason="asked before", decisions=("take", "ignore"), state=state,
        details=details,
    )


def held(ground: str) -> Staged:
    return replace(READ, ground=ground)


def takes(version: str) -> Answer:
    return Answer(id=question(version).id, decision="take")


SENT, SENT_THEN, SENT_BEFORE = (Answer(id="rejected:lead:7", decision="retry", version=version) for version in (NOW, THEN, ANY))


@pytest.mark.parametrize(("known", "goes"), [
    (Known(staged=READ), False),
    (Known(staged=READ, is_replaced=True, taken=(takes(NOW),)), True),
    (Known(staged=held(LATE), taken=(takes(NOW),), last=question(NOW).id), True),
    (Known(staged=held(LATE), taken=(takes(THEN),)), False),
    (Known(staged=held(LATE), taken=(takes(NOW),), last=question(THEN).id), False),
    (Known(staged=READ, answers=(SENT,)), True),
    (Known(staged=READ, answers=(SENT_BEFORE,)), True),
    (Known(staged=READ, answers=(SENT_THEN,)), False),
    (Known(staged=READ, is_replaced=True, answers=(SENT,)), False),
    (Known(staged=held(LATE), answers=(SENT_BEFORE,)), False),
    (Known(staged=READ, along=Along.BY_DECISION), True),
    (Known(staged=READ, along=Along.BY_PEOPLE), False),
    (Known(staged=held(RETURNED), along=Along.BY_DECISION), False),
    (Known(staged=held(RETURNED), answers=(SENT,)), True),
    (Known(staged=held("undone:kind:lead"), is_let_back=True), True),
    (Known(staged=held("undone:kind:lead"), is_let_back=True, is_replaced=True), False),
], ids=[
    "nobody said anything", "taken as soon as it was read", "taken", "an earlier one was taken", "asked about anew since",
    "answered of it", "answered of whatever it was", "answered of an earlier one", "read late, and answered of it", "late, and answered",
    "belongs to what a decision is about", "people brought it back", "asked about itself", "brought back, and answered of it", "let back",
    "let back, and written late",
])  # fmt: skip
def test_a_version_goes_on_only_by_what_was_said_of_it(known: Known, goes: bool) -> None:
    """To take a version takes no other, and no other answer lets go what was written late."""
    assert goes_on(known) is goes


@pytest.mark.parametrize(("known", "reason", "is_new"), [
    (Known(staged=READ), WRITTEN_LATE, False),
    (Known(staged=held(LATE), last=question(NOW).id, before=question(NOW)), WRITTEN_LATE, False),
    (Known(staged=held(LATE), last=question(NOW).id, before=question(NOW, wish="x")), "asked before", False),
    (Known(staged=held(LATE), last=question(THEN).id, before=question(THEN)), WRITTEN_LATE, True),
    (Known(staged=held(LATE), last=question(THEN).id, before=question(THEN, wish="x")), "asked before", True),
    (Known(staged=held(LATE), last=question(THEN).id, before=question(THEN, wish="x", state="resolved")), WRITTEN_LATE, True),
    (Known(staged=READ, along=Along.BY_PEOPLE), BROUGHT_BACK, False),
    (Known(staged=held(RETURNED), last=question(NOW).id, before=question(NOW)), BROUGHT_BACK, False),
    (Known(staged=held(RETURNED), is_replaced=True, last=question(THEN).id, before=question(THEN)), WRITTEN_LATE, True),
    (Known(staged=READ, is_replaced=True, answers=(SENT,)), GOES_ON, True),
    (Known(staged=READ, is_replaced=True, answers=(SENT,), told=frozenset({SENT.id})), WRITTEN_LATE, False),
    (Known(staged=READ, is_replaced=True, along=Along.BY_DECISION), COMES_ALONG, True),
    (Known(staged=held(LATE), owed="gone", answers=(SENT,)), MADE_AGAIN, True),
    (Known(staged=held(LATE), owed="gone", last=question(NOW).id, before=question(NOW, wish="gone")), "asked before", False),
], ids=[
    "first", "again the same", "the same, and it means more", "another version", "another version, and it means more", "that is over",
    "people brought it back", "brought back before", "brought back before, written since", "answered", "answered, and told", "comes along",
    "made again", "made again, and told",
])  # fmt: skip
def test_what_is_asked_says_what_the_answer_means(known: Known, reason: str, is_new: bool) -> None:
    """A question of its own where it is another version, or where the answer means more than whoever reads the last one knows."""
    asked = asking(known)
    assert (asked.reason, asked.is_new) == (reason, is_new)


def everything() -> Iterator[Known]:
    """Give all that may be known of a version."""
    before: Sequence[tuple[str | None, QueueItem | None]] = (
        (None, None), (question(NOW).id, None),
        *((each.id, each) for version in (NOW, THEN) for wish in ("", "x") for state in ("open", "resolved")
          for each in [question(version, state=state, wish=wish)]),
    )  # fmt: skip
    answers = ((), (SENT,), (SENT_THEN,), (SENT_BEFORE,), (replace(SENT, decision="recreate"),))
    for ground, (last, item), said, along, taken, owed, is_replaced, is_let_back in product(
        ("", LATE, RETURNED, "undone:kind:lead"), before, answers, Along, ((), (takes(NOW),), (takes(THEN),)), ("", "gone"),
        (False, True), (False, True),
    ):  # fmt: skip
        yield Known(
            staged=held(ground), last=last, before=item, standing=[item] if item is not None and item.state == "open" else (), answers=said,
            along=along, taken=taken, owed=owed, is_replaced=is_replaced, is_let_back=is_let_back,
        )


def asked_about(known: Known, asked: Asking) -> Known:
    """Give what is known once a version is held and asked about, and something opens it again."""
    last = f"{question(NOW).id}:again" if asked.is_new else known.last or question(NOW).id
    details = {WISH: asked.wish} if asked.wish else {}      # renewed, where the question is the same
    item = replace(question(NOW), id=last, reason=asked.reason, details=details)
    return replace(
        known, staged=held(LATE if asked.is_late else RETURNED), last=last, before=item, standing=[item], along=Along.NOT,
        told=known.told | {*details.values()},
    )


def test_whatever_is_known_what_came_late_waits_for_its_own_answer() -> None:
    """There is no other way past than to take it, whatever else was said, and what was taken always passes."""
    for known in everything():
        heard = any(answer.id in (question(NOW).id,) and known.last in (None, answer.id) for answer in known.taken)
        assert not heard or goes_on(known)
        assert heard or not (is_late(known) and goes_on(known))


def test_whatever_is_known_nobody_is_asked_the_same_twice() -> None:
    """Looked at again, a version that waits is asked about once for each answer that is to be told, and then as it was asked last."""
    for first in everything():
        known, new = first, 0
        for _ in range(4):
            if goes_on(known):
                break
            asked = asking(known)
            new += asked.is_new
            known = asked_about(known, asked)
        else:
            assert not asking(known).is_new
            assert asking(known).is_late is (known.staged.ground == LATE)
            assert new <= 3, "another version, what belongs to it, and one answer"
