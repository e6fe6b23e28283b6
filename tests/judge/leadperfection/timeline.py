"""What appointments, notes and calls have in common: their people, their original times, and who did it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tests.judge import texts
from tests.judge.leadperfection import values
from tests.judge.leadperfection.ground import Ground, all_text, parents_of, users_on
from tests.judge.marks import Place
from tests.judge.states import Finding, Row

_ODD = frozenset({"ambiguous", "twice", "doubled", "nonexistent", "never", "missing", "skipped"})
HEADER_LINES = 16
"""Lines that may stand above a text: time and author, then labelled ones."""


def misplaced(ground: Ground, what: str, row: Row, places: Sequence[Place]) -> Iterator[Finding]:
    """Find records that hang on somebody else than the person of their prospect."""
    wanted = ground.person(row)
    for at, record in places:
        has = parents_of(at, record)
        if wanted is not None and wanted not in has:
            yield Finding(fault="orphaned", what=f"{what} ({record['id']})", why=f"hangs on {', '.join(has) or 'nothing'}, not on {wanted}")


def is_type(ground: Ground, record: Row, word: str) -> bool:
    """Say whether an activity is of a type named so."""
    kind = ground.destination.of("activityTypes").get(str((record.get("links") or {}).get("activityType")), {})
    return word in texts.words(str(kind.get("name")))


def judge_time(ground: Ground, name: str, local: object, places: Sequence[Place]) -> Iterator[str]:
    """The original time is readable to the second; one that the clock had twice or never says so."""
    told = all_text(places).replace("T", " ")
    if values.clock(local) not in told:
        yield f"{name} {values.clock(local)} is not readable"
    if values.is_odd(local, ground.seen.zone) and not _ODD & set(texts.words(told)):
        yield f"{name} {values.clock(local)}, which the clock had twice or never, is not marked"


def judge_author(ground: Ground, name: object, places: Sequence[Place], rep_id: object = "") -> Iterator[str]:
    """Who did it is in the text, or takes part."""
    author = texts.present(name)
    if not author:
        return
    wanted = values.rep_name(author)
    lines = all_text(places).split("\n")
    user = ground.owners.user(rep_id, author)
    if not any(wanted <= set(texts.words(line)) for line in lines) and not any(user in users_on(record) for _, record in places):
        yield f"{author} is not readable"
