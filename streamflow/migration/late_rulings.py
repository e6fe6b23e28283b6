"""
After the switch: what becomes of the version of a record that was read last. Plain decisions on what is known; `late_versions` reads and
notes that.

What such a version is, and who makes it so:
  read       pending: staging, which keeps beside it what counts until it goes on (`stages/accepted`); beside a new record there is nothing
  asked      held on the ground LATE, or RETURNED where people brought it back: here, under the name of the last question about the record
  taken      pending again: a person, by that question
  let pass   held as before: a person, by that question; asked once more where another answer means more for it since
  gone on    pending, and nothing is kept beside it: here, since it was taken or another answer lets it go; who looks at it runs along
  overtaken  gone, by a later version that was read: its question closes by itself when that one is asked about

Rule 1: to take one version takes no later one; what was decided on another question about a record is about the version of then.
Rule 2: a version is late from when it is read, not from when it is asked about: a reading takes its time, and people answer meanwhile.
Rule 3: what was late stays so until it is taken: no other answer lets it go, but whoever is asked is told what theirs means for that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from streamflow.ledger_names import LATE, RETURNED
from streamflow.migration.decided import ANY, Answer
from streamflow.migration.late_questions import BROUGHT_BACK, WISH, WRITTEN_LATE, is_heard, version_in
from streamflow.migration.made_again import CAME_ALONG, COMES_ALONG, GOES_ON, MADE_AGAIN
from streamflow.model import QueueItem, Staged
from streamflow.stages.reopened import Along, version_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A pending record after the switch, and what was asked and said of it; questions are named by their ids."""

    staged: Staged
    is_replaced: bool = False             # another version counts until this one goes on
    last: str | None = None               # the last question about a late version of it; None: there was none
    before: QueueItem | None = None       # that question
    standing: Sequence[QueueItem] = ()    # questions about late versions of it that are open
    taken: Sequence[Answer] = ()          # by which somebody took versions of it; on which: none until that went on
    answers: Sequence[Answer] = ()        # to other questions about it, that let it go on as it was then
    told: frozenset[str] = frozenset()    # those of them that questions about late versions tell of
    owed: str = ""                        # the one by which it is to be made again, and is not yet
    along: Along = Along.NOT
    is_let_back: bool = False             # a rollback kept it away, and somebody said that what that undid comes back


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """What is asked about a version that waits."""

    is_late: bool       # it was written after the switch; else people brought it back, and what the source said of it may differ
    is_new: bool        # by a question of its own; else by the last one, as it stands
    reason: str
    wish: str = ""      # id of the decision whose fate the answer settles too


def goes_on(known: Known) -> bool:
    """Say whether the version goes on; else it waits for a person."""
    is_taken = bool(taken_by(known))
    if is_taken or is_late(known):
        return is_taken
    comes_along = known.along is Along.BY_DECISION and known.staged.ground != RETURNED     # that is asked about itself
    is_sent = any(answer.version in (ANY, version_of(known.staged)) for answer in known.answers)
    return is_sent or comes_along or known.is_let_back


def taken_by(known: Known) -> Sequence[Answer]:
    """Give the answers by which this version was taken."""
    version = version_of(known.staged)
    return [answer for answer in known.taken if is_heard(answer.id, known.last) and version_in(answer.id) == version]


def is_late(known: Known) -> bool:
    """Say whether the version was written after the switch, whether it was held for that before or was read a moment ago."""
    return known.staged.ground == LATE or known.is_replaced


def asking(known: Known) -> Asking:
    """
    Say what is asked about a version that waits.

    Anew, where it is another version than was asked about last, or where somebody has it made again since, or what it belongs to: an
    answer means more then.
    """
    is_back = _is_back(known)
    plain, last = BROUGHT_BACK if is_back else WRITTEN_LATE, known.before if _is_same(known) else None
    told = last.details.get(WISH) if last is not None else None
    wish, reason = _wish(known, COMES_ALONG if not is_back else CAME_ALONG)
    if wish and wish != told:
        return Asking(is_late=not is_back, is_new=True, reason=reason, wish=wish)
    reason = last.reason if last is not None and told else plain
    return Asking(is_late=not is_back, is_new=not _is_same(known), reason=reason, wish=told or "")


def _is_same(known: Known) -> bool:
    """Say whether the last question about the record is about this version, or there was none."""
    return known.last is None or (known.before is not None and version_in(known.last) == version_of(known.staged))


def _is_back(known: Known) -> bool:
    """Say whether it waits since people brought it back, or what it belongs to: nobody wrote that in the source."""
    is_held_so = known.staged.ground == RETURNED and _is_same(known)
    return not is_late(known) and (known.along is Along.BY_PEOPLE or is_held_so)


def _wish(known: Known, along: str) -> tuple[str, str]:
    """Give the decision that is still to be carried out on the record, and what is asked because of it; "" where there is none."""
    if known.owed:
        return known.owed, MADE_AGAIN
    if known.along is Along.BY_DECISION:     # no longer so once it was asked about
        return str(known.last), along
    if untold := [each.id for each in known.answers if _is_untold(each, known)]:
        return untold[0], GOES_ON
    if known.before is not None and known.before.state == "open" and WISH in known.before.details:    # of a later version the same is asked
        return str(known.before.details[WISH]), known.before.reason
    return "", ""


def _is_untold(answer: Answer, known: Known) -> bool:
    """Say whether an answer lets just this version go on, and whoever is asked about it does not know that."""
    return answer.version == version_of(known.staged) and answer.decision != "recreate" and answer.id not in known.told
