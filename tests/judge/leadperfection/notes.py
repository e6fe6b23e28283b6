"""Notes: text whole, original times and author, the appointment they belong to; also those that come without an id (LP-15, 16, 17)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from html import unescape

from tests.judge import texts
from tests.judge.happenings import whole
from tests.judge.leadperfection import values
from tests.judge.leadperfection.ground import Found, Ground, all_text, parents_of
from tests.judge.leadperfection.telling import telling
from tests.judge.leadperfection.timeline import HEADER_LINES, judge_author, judge_time, misplaced
from tests.judge.marks import Place, content
from tests.judge.states import Finding, Row


def judge_notes(ground: Ground) -> Iterator[Finding]:
    """Yield everything that is wrong with notes."""
    bare = _bare(ground)
    taken: set[str] = set()
    for key, row in ground.book.of("note").items():
        places = [place for _, place in ground.of("note", key)]
        if places and (anew := _told_anew(ground, row, places, bare, taken)) is not None:
            taken.add(anew)
            continue
        if places:
            yield from misplaced(ground, f"note {key}", row, places)
            for why in _values(ground, row, places):
                yield Finding(fault="wrong", what=f"note {key} ({places[0][1]['id']})", why=why)
            continue
        found = _bare_one(ground, row, bare, taken) if ground.seen.bare(ground.book, row) else None
        if found is None:
            yield from _absent(ground, key, row)
            continue
        taken.add(found)
        places = [place for _, place in bare[found]]
        yield from misplaced(ground, f"note {key}", row, places)
        for why in _context(ground, row, places):
            yield Finding(fault="wrong", what=f"note {key} (bare, {found})", why=why)
    yield from _left(ground, bare, taken)


def _bare(ground: Ground) -> Mapping[str, Found]:
    """Give what became of notes without an id, by the key they were given."""
    keys = {key for kind, key in ground.marks.identities() if kind == "note" and key not in ground.book.of("note")}
    return {key: ground.of("note", key) for key in sorted(keys) if key.startswith("~")}


def _bare_one(ground: Ground, row: Row, bare: Mapping[str, Found], taken: Collection[str]) -> str | None:
    """Give the key of the bare note that is this one: on its person, else left on one whom people merged into that person at the source."""
    home = ground.person(row)
    found = None if home is None else _alike(row, bare, taken, {home})
    return found or _alike(row, {key: bare[key] for key in bare.keys() - taken}, taken, _former(ground, row))


def _told_anew(ground: Ground, row: Row, places: Sequence[Place], bare: Mapping[str, Found], taken: Collection[str]) -> str | None:
    """
    Give the key of the bare note that tells this one anew: it stays with whom people merged away at the source, asked about as gone.

    The survivor shows texts alone, so nothing says that the one with the id is the same (docs/reliability.md, limits).
    """
    home, former = ground.person(row), _former(ground, row)
    is_left = all({*parents_of(*place)} & former for place in places) and home is not None and home not in former
    if home is None or not (is_left and _is_asked(ground, row) and ground.seen.bare(ground.book, row)):
        return None
    return _alike(row, {key: bare[key] for key in bare.keys() - taken}, taken, {home})


def _is_asked(ground: Ground, row: Row) -> bool:
    """Say whether a note is asked about as gone by its id."""
    return any((each.cause, each.kind, each.key) == ("deleted_at_source", "note", str(row["id"])) for each in ground.asked)


def _former(ground: Ground, row: Row) -> set[str]:
    """Give the contacts of those whom people merged at the source into the one who has this note now."""
    prospect = str(row["cst_id"])
    return {ground.contact_of[key] for key in ground.book.heirs if key in ground.contact_of and ground.book.heir(key) == prospect}


def _alike(row: Row, bare: Mapping[str, Found], taken: Collection[str], people: Collection[str]) -> str | None:
    """Give the key of the bare note on one of these that tells exactly this text, of several one that stands for no other yet."""
    here = [key for key, found in sorted(bare.items()) if any({*parents_of(*place)} & {*people} for _, place in found)]
    alike = [key for key in here if _is_text([content(*place) for _, place in bare[key]], str(row["note"]))]
    return next((key for key in alike if key not in taken), next(iter(alike), None))


def _absent(ground: Ground, key: str, row: Row) -> Iterator[Finding]:
    if not ground.seen.note(row):
        if ground.scope is not None and not any("notes written to a job" in line for line in ground.scope):
            yield Finding(fault="unexplained", what=f"note {key}", why="nothing shows it, and the scope does not say that it stays behind")
        return
    if texts.present(texts.without_markup(str(row.get("note") or ""))):
        yield ground.lost("note", key, f"of prospect {row['cst_id']} is not there")
    elif not ground.seen.bare(ground.book, row):   # a bare text without a text is nothing: there is no key to tell it by
        yield from ground.left_out("note", key, "it is empty")


def _left(ground: Ground, bare: Mapping[str, Found], taken: set[str]) -> Iterator[Finding]:
    """Find bare notes that no note of the book accounts for, but for those that people deleted or took away with their person."""
    spared: dict[str, int] = defaultdict(int)
    rewritten: set[str] = set()
    for prospect, deeds in ground.book.note_deeds.items():
        is_joined = prospect in ground.book.heirs.values() or prospect in ground.book.heirs
        contact = ground.contact_of.get(ground.book.heir(prospect), "")
        spared[contact] += _untraceable(deeds, is_joined=is_joined)
        rewritten |= {contact} if any(deed == "edit" for deed, _ in deeds) else set()
    for key, found in bare.items():
        parents = [parent for _, place in found for parent in parents_of(*place)]
        if key in taken or any(ground.is_ghost(parent) and not ground.living(parent) for parent in parents):
            continue
        contents = [content(*place) for _, place in found]
        here = [row for each in parents for prospect in ground.living(each) for row in ground.book.under("note", str(prospect["cst_id"]))]
        twins = [row for row in here if _is_text(contents, str(row["note"]))]
        parent = parents[0] if parents else ""
        if spared[parent] > 0 and any(_is_asked(ground, row) and ground.seen.bare(ground.book, row) for row in twins):
            spared[parent] -= 1     # of two that say the same, one bare, the one with the id went by the id alone
        elif twins:
            yield Finding(fault="doubled", what=f"note {twins[0]['id']}", why=f"is there once more as {key} ({found[0][1][1]['id']})")
        elif spared[parent] > 0:
            spared[parent] -= 1
        elif not ground.is_ghost(parent):
            since = " any more" if parent in rewritten else ""
            yield Finding(fault="stray", what=found[0][1][1]["id"], why=f"note {key} tells what no note of the source says{since}")


def _untraceable(deeds: Sequence[tuple[str, str]], *, is_joined: bool) -> int:
    """
    Count the older texts that may stay because nobody can tell what became of them.

    A deleted note stays. Of an edited one the new text takes the place of the old one, unless people did something to another note
    of the same person too, or joined it with another who brought notes along: then it cannot be told which became which.
    """
    is_plain = len({note for _, note in deeds}) == 1 and not is_joined
    return sum(1 for deed, _ in deeds if deed == "delete" or (deed == "edit" and not is_plain))


def _values(ground: Ground, row: Row, places: Sequence[Place]) -> Iterator[str]:
    if any(at != "notes" for at, _ in places):
        yield f"became {', '.join(at for at, _ in places)}"
        return
    contents = [content(at, record) for at, record in places]
    text = str(row.get("note") or "")
    if not whole(contents, text, HEADER_LINES) or not _is_text(contents, text):
        yield f"the text is not whole: {text[:80]!r} became {contents[0][-120:]!r}"
    if any("@[" in each for each in contents):
        yield "it mentions a user of the destination"
    for name, label in (("enteredon", "created"), ("updatedon", "updated")):
        if row.get(name):
            yield from judge_time(ground, name, row[name], places)
            copies = telling(None, contents).under(label)   # beside the first line, where a program finds it (LP-17)
            if not any(values.clock(row[name]) in copy.replace("T", " ") for copy in copies):
                yield f"{name} {values.clock(row[name])} has no line of its own"
    for name in ("enteredby", "updatedby"):
        yield from judge_author(ground, row.get(name), places)
    told = all_text(places)
    if row.get("important") and "important" not in texts.words(told):
        yield "is not said to be important"
    if (category := texts.present(row.get("category"))) and not texts.shows(told, category):
        yield f"category {category!r} is not there"
    yield from _context(ground, row, places)


def _context(ground: Ground, row: Row, places: Sequence[Place]) -> Iterator[str]:
    """A note of an enquiry with an appointment tells which one it belongs to."""
    if not row.get("lds_id"):
        return
    told = all_text(places).replace("T", " ")
    if str(row["lds_id"]) not in texts.words(told):
        yield f"its enquiry {row['lds_id']} is not told"
    appointments = ground.book.of_lead("appointment", str(row["lds_id"]))
    keys = {("appointment", str(each["ils_id"])) for each in appointments}
    dates = {values.clock(each["apptdate"]) for each in appointments}
    # One made or put off meanwhile is not what the note was written for: any date may stand there then.
    lines = telling(None, [told]).under("appointment") if keys & (ground.book.made | ground.book.edited) else dates
    if keys - ground.book.made and not any(each[:16] in told for each in lines):
        yield f"its appointment ({', '.join(sorted(dates))}) is not told"


def _is_text(contents: Sequence[str], text: str) -> bool:
    """Say whether notes say this text and nothing else, headers and labelled lines apart; of HTML also what its tags hold may be said."""
    rest = texts.words(texts.without_markup(text))
    if texts.has_markup(text) and len(contents) == 1:
        lines, every = contents[0].strip().split("\n"), set(texts.words(unescape(text)))
        told = (texts.words("\n".join(lines[skipped:])) for skipped in range(1, HEADER_LINES))
        return any(texts.in_order(said, rest) and every.issuperset(said) for said in told)
    if not rest:
        return texts.squeeze(texts.without_markup(text)) in texts.squeeze("\n".join(contents))
    for number, part in enumerate(contents):
        lines = part.strip().split("\n")
        is_last = number == len(contents) - 1
        for skipped in range(1, HEADER_LINES):
            taken = texts.words("\n".join(lines[skipped:]))
            if taken and (taken == rest if is_last else rest[: len(taken)] == taken):
                rest = rest[len(taken) :]
                break
        else:
            return False
    return True
