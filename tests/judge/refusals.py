"""What platforms themselves never took or never gave: poisoned records, by the platforms' own account of what they refused."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.judge.states import Finding, Identity, Question, Row
from tests.judge.texts import without_markup

PEOPLE = ("lead", "prospect")
LIVES_AT = "lives_at"
OWNERS = ("leadid", LIVES_AT, "cst_id")
"""Fields that name whom a record hangs on, and in whose list it is, which may be another."""
LISTS: Mapping[str, str] = {"getnotes": "note", "getcalls": "call", "getemails": "email"}
MOVED_FROM = "moved_from"
"""Under this name a row has the leads from which people merged it away: its copy may be told of as it lay there."""
REFUSED = frozenset({"rejected", "unanswered"})
"""Causes of questions that tell of a record which the destination does not take (docs/queue.md)."""
UNREAD = "source_unread"
"""The cause of those that tell of something the source does not show."""
PARENTLESS = "unknown_parent"
"""The cause of those about a record that names somebody who was never shown."""
CREATE_PERSON = "POST /rest/contacts"
NUMBERS = ("number", "phone1")
_NO_DIGIT = re.compile(r"\D")
_RUN = re.compile(r"\d{9,}")
_CALL = re.compile(r"call of (\S+) with prospect (\S+)")
_ESCAPED = re.compile(r"\\[nrt]")
_WORD = re.compile(r"\w{4,}")
_HOME = re.compile(r"^hangs on \S+, not on (\d+-contacts)$")
_ON = re.compile(r" on (\d+-contacts)$")
_MERGED = re.compile(r"\b(?:lt|lp):([a-z_]+):([^\s:\]\"\\]+):merged\]")
_PARENT = re.compile(r'"(\d+-contacts)"')
_MARKER = re.compile(r"\b(?:lt|lp):([a-z_]+):([^\s:\]\"\\]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusals:
    """What was refused as poison, by identity in the source: writes of records, and lists of what hangs on a record."""

    written: Mapping[Identity, str] = field(default_factory=dict)      # with what was refused, as it was sent
    people: frozenset[Identity] = frozenset()      # those of them who were to become a person: whatever they have hangs on that one
    listed: frozenset[Identity] = frozenset()      # (kind that was asked for, key of the record it hangs on)
    beside: Mapping[str, frozenset[Identity]] = field(default_factory=dict)    # id of a person -> who shares it, by notes that were refused


def read_refusals(source: Mapping[str, Any], destination: Mapping[str, Any], people: Sequence[str]) -> Refusals:
    """Read both call logs; *people* are the keys by which lists are asked for."""
    written = {(kind, key): each["body"] for each in destination["poisoned"] for kind, key in _MARKER.findall(each["body"])}
    people_of = [each["body"] for each in destination["poisoned"] if each["line"].startswith(CREATE_PERSON)]
    coded = {key: b64encode(key.encode()).decode().rstrip("=") for key in people}
    listed = {
        (kind, key) for each in source["poisoned"] for word, kind in LISTS.items() if word in each["line"].lower()
        for key, code in coded.items() if key in each["body"] or code in each["body"]
    }
    refused = frozenset((kind, key) for body in people_of for kind, key in _MARKER.findall(body))
    beside: dict[str, frozenset[Identity]] = {}
    for each in destination["poisoned"]:
        for rid in _PARENT.findall(each["body"]):
            beside[rid] = beside.get(rid, frozenset()) | frozenset((kind, key) for kind, key in _MERGED.findall(each["body"]))
    return Refusals(written=written, people=refused, listed=frozenset(listed), beside=beside)


@dataclass(frozen=True, slots=True, kw_only=True)
class Excuse:
    """
    What poison explains, where the product has told of it.

    Args:
        asked: What it asks; only what is still asked, or was given up, and what is about a refusal excuses anything.
        explained: What it says of records that wait for another one, by (kind, key).
        there: Records of the source that are in the destination: what hangs on these has no excuse by them.
    """

    refusals: Refusals
    asked: Sequence[Question]
    explained: Mapping[Identity, str] = field(default_factory=dict)
    there: Collection[Identity] = ()

    def holds(self, identity: Identity, row: Row) -> bool:
        """Say whether this record may be missing, in whole or in part."""
        kind, _ = identity
        owners = {str(row[name]) for name in OWNERS if row.get(name)}
        if identity in self.refusals.written:
            return self._is_told(identity)
        if any(self._is_away((each, owner)) for each in PEOPLE for owner in owners):
            return True
        if any(_is_nameless(each, kind) and _tells(body, row) and self._is_told(each) for each, body in self.refusals.written.items()):
            return True
        return self.was_not_shown(identity, row)

    def waits(self, identity: Identity, row: Row, spent: set[Question]) -> bool:
        """Say whether this record may be missing since it waits for another one; *spent*: the questions that explained one already."""
        said = self.explained.get(identity, "")
        heads = (each for each in self.refusals.people if f"belongs to {each[0]} {each[1]}," in said and self._is_away(each))
        if any(_is_one_with(self.refusals.written[each], row) for each in heads):
            return True
        folders = set(row.get(MOVED_FROM, ())) if identity[0] == "attachment" else set()
        about = next((each for each in self.asked if each not in spent and self._is_parentless(each, folders)), None)
        spent |= {about} if about is not None else set()
        return about is not None

    def stays(self, identity: Identity, finding: Finding) -> bool:
        """Say whether a record stays where it hangs since its way to where it belongs, and nowhere else, was refused."""
        home = _HOME.search(finding.why)
        return home is not None and f'"{home[1]}"' in self.refusals.written.get(identity, "") and self._is_told(identity)

    def is_shared(self, finding: Finding) -> bool:
        """Say whether a person shows what is another's of the source as well, of whom the note that would name them was refused."""
        on = _ON.search(finding.what)
        return on is not None and any(self._is_told(identity) for identity in self.refusals.beside.get(on[1], ()))

    def was_not_shown(self, identity: Identity, row: Row) -> bool:
        """Say whether the list that this record is in was refused, so that nobody knows of it."""
        kind, _ = identity
        owners = {str(row[name]) for name in OWNERS if row.get(name)}
        return any((kind, owner) in self.refusals.listed and self._is_unread(kind, owner) for owner in owners)

    def _is_told(self, identity: Identity) -> bool:
        return any(each.cause in REFUSED and not each.is_over and (each.kind, each.key) == identity for each in self.asked)

    def _is_parentless(self, question: Question, folders: Collection[str]) -> bool:
        """Say whether it asks about a file by the lead in whose folder it lies, who was merged away before anybody could read of them."""
        owners = {owner for owner in question.others & {*folders} if ("lead", owner) not in self.there}
        return bool(owners) and (question.cause, question.kind, question.is_over) == (PARENTLESS, "attachment", False)

    def _is_away(self, person: Identity) -> bool:
        """Say whether a person was refused, and never taken since."""
        return person in self.refusals.people and person not in self.there and self._is_told(person)

    def _is_unread(self, kind: str, owner: str) -> bool:
        """Say whether it is told that the list of this one, or all of the kind, could not be read, and that it was not read since."""
        name = re.compile(rf"unread:{re.escape(kind)}(:{re.escape(owner)})?(:\d{{1,2}})?")     # asked again it is numbered; ids are longer
        return any(each.cause == UNREAD and not each.is_over and not each.key and name.fullmatch(each.name) for each in self.asked)


def standing(findings: Sequence[Finding], rows: Mapping[Identity, Row], excuse: Excuse) -> Iterator[Finding]:
    """
    Leave out what a refused record lacks, or what hangs on one: it cannot be there, and the product has told so.
    Of what stands in a refused list alone the product cannot tell by name.

    Both are asked for: the platform's own account of the refusal, and a question of the product about that very refusal.
    """
    spent: set[Question] = set()
    for finding in findings:
        identity, row = _of(finding, rows)
        if finding.fault == "wrong" and excuse.is_shared(finding):
            continue
        if finding.fault == "lost" and row is not None and excuse.waits(identity, row, spent):
            continue
        if finding.fault == "orphaned" and excuse.stays(identity, finding):
            continue
        held = {
            "lost": excuse.holds, "wrong": excuse.holds, "orphaned": excuse.was_not_shown, "unexplained": excuse.was_not_shown,
        }.get(finding.fault)  # fmt: skip
        if held is None or row is None or not held(identity, row):
            yield finding


def _of(finding: Finding, rows: Mapping[Identity, Row]) -> tuple[Identity, Row | None]:
    """Give whom a finding is about, and what the source holds of it; a call without a key is known by its moment and its person."""
    if call := _CALL.match(finding.what):
        return ("call", ""), {"calldatetime": call[1], "cst_id": call[2]}
    kind, _, rest = finding.what.partition(" ")
    identity = kind, rest.partition(" ")[0]
    return identity, rows.get(identity)


def _is_one_with(body: str, row: Row) -> bool:
    """Say whether who was refused is the same person as this one: by an address or a number that both bear."""
    address = str(row.get("email") or "").strip().lower()
    numbers = [digits[-9:] for name in NUMBERS if len(digits := _NO_DIGIT.sub("", str(row.get(name) or ""))) >= len("123456789")]
    return bool(address and f'"{address}"' in body.lower()) or any(run.endswith(number) for run in _RUN.findall(body) for number in numbers)


def _is_nameless(identity: Identity, kind: str) -> bool:
    """Say whether the product had to make up the key of a record of this kind, as the source gave none; exports give files none."""
    return identity[0] == kind and (identity[1].startswith("~") or kind == "attachment")


def _tells(body: str, row: Row) -> bool:
    """Say whether what was refused is this record: by the moment of a call, the name and content of a file, every longer word of a text."""
    if moment := str(row.get("calldatetime") or ""):
        return moment[:19].replace("T", " ") in body.replace("T", " ")
    if content := str(row.get("sha256") or ""):
        folders = (row["leadid"], *row.get(MOVED_FROM, ()))
        return content in body and str(row["name"]) in body and any(f"files/{lead}/" in body for lead in folders)
    words = set(_WORD.findall(without_markup(str(row.get("note") or ""))))
    return bool(words) and words <= set(_WORD.findall(_ESCAPED.sub(" ", body)))
