"""
What people did in the destination to records that were moved: put back for the comparison, and what it explains of the rest.

Rule 1: what a person deleted stays deleted, and is not lost; what the source says of it since, and what would hang on it, is asked about.
Rule 2: what a person edited stays as they left it; what the source says of it since is asked about. Where that made another record in its
place, the edited one stays beside it, and is asked about by its id.
Rule 3: what a person merged has exactly one place, the record that stayed; what the source says of it since is there, or is asked about.
Nothing else is excused: made again it is there twice, and whatever people did not touch is as it has to be.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from tests.judge.guarding import GONE, Edit
from tests.judge.marks import FIELD, TEXT_FIELD, marks_on
from tests.judge.states import Destination, Finding, Identity, Question, Row

ASKED_OF_DELETED = "deleted_at_destination"
PROBE_LEFT = "probe_left"
IN_DOUBT = "in_doubt"
TOLD_OF = "told of by "
MAY_BE = "this may be it: "
"""What a question about a write that was never answered says before the records without a mark that may be it."""
NAMING = (ASKED_OF_DELETED, "conflict")
"""Causes of questions that name a record of the destination."""
ASKED_OF_EDITED = frozenset({"conflict", "read_back_differs"})
_NUMBERED = re.compile(r"\d+-[a-zA-Z]+")
_QUOTED = re.compile(r"[\"'(\[{]")
_OWNER = re.compile(r"\bprospect (?P<key>\S+)")
_HOME = re.compile(r"hangs on (?P<rid>\d+-[a-zA-Z]+), not on ")
_WANTED = re.compile(r", not o[nf] (?P<rid>\d+-[a-zA-Z]+)$")
_LACKING = re.compile(r"(?!e-mail \S+@\S+ is )(?:flag |.*\bis (?:not|lost)\b)", re.DOTALL)
"""What a finding says is not there and a note beside the record could tell; not a value that is another, nor a person's address."""
_PLACE = re.compile(r"(?P<kind>[a-z]+) (?P<key>\S+) (?:on )?\(?(?P<rid>\d+-[a-zA-Z]+)\)?")


def put_back(destination: Destination, edits: Sequence[Edit], *, apart: bool = False) -> Destination:
    """
    Give the account as it would be had nobody done what they did: deleted records there, fields as they were, last deed first.

    Of merged records the one that stayed bears both marks; *apart*, the one that went is there beside it, as it was.
    """
    live = {kind: dict(rows) for kind, rows in destination.live.items()}
    for edit in reversed(edits):
        rows = live.setdefault(edit.kind, {})
        if edit.was is None:
            continue
        if edit.field == "merged" and not apart:
            if (stayed := survivor(edit.rid, edits)) in rows:
                rows[stayed] = _with_marks(rows[stayed], edit.was)
        elif edit.field in GONE:
            rows.setdefault(edit.rid, _relinked(edit.was, edits))     # a later merge would have taken it along
        elif edit.rid in rows:
            rows[edit.rid] = _as_it_was(rows[edit.rid], edit.field, edit.was)
    return replace(destination, live=live)


def survivor(rid: str, edits: Sequence[Edit]) -> str:
    """Give the record that stayed at the end of all merges."""
    into = {edit.rid: str(edit.value) for edit in edits if edit.field == "merged"}
    while rid in into:
        rid = into[rid]
    return rid


def followed(before: Destination, edits: Sequence[Edit]) -> Destination:
    """Give what was there before with the links that people's merges moved."""
    if not any(edit.field == "merged" for edit in edits):
        return before
    live = {kind: {rid: _relinked(row, edits) for rid, row in rows.items()} for kind, rows in before.live.items()}
    return replace(before, live=live)


def _relinked(row: Row, edits: Sequence[Edit]) -> Row:
    def last(value: object) -> object:
        return survivor(value, edits) if isinstance(value, str) else value

    links = row.get("links") or {}
    return {**row, "links": {
        name: list(dict.fromkeys(last(each) for each in value)) if isinstance(value, list) else last(value)
        for name, value in links.items()
    }}  # fmt: skip


def _with_marks(row: Row, lost: Row) -> Row:
    values = row.get("customFields") or {}
    words = [*str(values.get(FIELD) or "").split(), *str((lost.get("customFields") or {}).get(FIELD) or "").split()]
    return {**row, "customFields": {**values, FIELD: " ".join(dict.fromkeys(words))}}


def _as_it_was(row: Row, field: str, was: Row) -> Row:
    label = field.removeprefix("custom:")
    holder = "customFields" if label != field else "links" if field in (was.get("links") or {}) else ""
    if holder:
        return {**row, holder: {**(row.get(holder) or {}), label: (was.get(holder) or {}).get(label)}}
    return {**row, field: was.get(field)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Excuses:
    """
    What people's deeds explain of the findings about an account that was put back.

    Args:
        prefix: Of the marks.
        asked: What the product asks, of every cause.
        explained: What it says of records it left out, by (kind, key).
        already: Findings about the same account with merged records beside those that stayed: what the merge itself did is not among them.
        whose: Gives the keys of those of the source who are this person: by the mark, or by a note about the second of two.
        hung_on: Gives whom people's merge hung this record on, which counts as a change of it.
        is_made_up: Says whether such a key on a record of the destination was made up, its source record having none.
        was_changed: Says whether people changed this record in the source since, as far as that can be told.
    """

    edits: Sequence[Edit]
    prefix: str
    asked: Sequence[Question]
    explained: Mapping[Identity, str] | None
    already: Sequence[Finding] = ()
    whose: Callable[[str], Collection[str]] = lambda _rid: ()
    hung_on: Callable[[str], Collection[str]] = lambda _rid: ()
    is_made_up: Callable[[str], bool] = lambda _rid: False
    was_changed: Callable[[Identity], bool] = lambda _identity: False

    def left(self, findings: Sequence[Finding]) -> Iterator[Finding]:
        """Give what they do not explain."""
        told: set[Identity] = set()      # what waits under a made-up key and has explained a record
        for finding in findings:
            if not self._is_excused(finding, told):
                yield finding

    def _is_excused(self, finding: Finding, told: set[Identity]) -> bool:
        if finding.fault == "lost":
            return self._waits(finding) or self._waits_without_id(finding, told) or self._is_asked_without_id(finding, told)
        if finding.fault == "doubled":
            return self._was_left(finding) or self._was_replaced(finding)
        if finding.fault == "stray":
            is_older = finding.why.endswith(" any more")
            is_asked = any(edit.rid == finding.what and self._asked_without_id(edit) for edit in self.edits)
            return self._is_of_a_probe(finding.what) or (is_older and is_asked)
        if finding.fault == "orphaned":
            return self._stays_with_the_merged(finding) or self._is_left(finding) or self._waits_to_move(finding, told)
        if finding.fault != "wrong":
            return False
        if self._waits(finding):
            return True
        place = _PLACE.match(finding.what)
        if place is None:
            return any(finding.why.endswith(f"became one: {survivor(each.rid, self.edits)}") for each in self._of("merged"))
        identity, rid = (place["kind"], place["key"]), place["rid"]
        if merged := self._merged_onto(rid):
            is_of_the_merge = _plain(finding.why) not in self._wrong_before(identity)     # of either: what one had is asked of both
            if is_of_the_merge or identity in merged:
                return is_of_the_merge or self._is_asked(identity) or self._asks(ASKED_OF_DELETED, identity, rid)
        if any(edit.rid == rid for edit in self._of("deleted")) and self._asks(ASKED_OF_DELETED, identity, rid):
            return True
        if any(edit.rid == rid and edit.was is not None for edit in self._edited()) and self._is_asked(identity):
            return True
        if rid in self._in_doubt():
            return True
        if self._is_asked(identity) and {edit.rid for edit in self._of("deleted")} & set(self.hung_on(rid)):
            return True      # nobody can say by now that it was the merge which hung it there
        return _LACKING.match(finding.why) is not None and self._stood_beside(identity)

    def _is_of_a_probe(self, rid: str) -> bool:
        """Say whether people worked on what a probe had left behind, and somebody is asked to delete what bears that very name."""
        names = [name for each in self.asked if each.cause == PROBE_LEFT and not each.is_over and (name := each.name.split(":", 2)[-1])]
        return any(edit.rid == rid and any(f'"{name}"' in json.dumps(edit.was) for name in names) for edit in self._edited())

    def _stood_beside(self, identity: Identity) -> bool:
        """Say whether people deleted or edited another record that tells of the same, and it is asked about by that one's id."""
        beside = [edit for edit in self.edits if identity in self._said_by(edit)]
        if any(edit.field == "deleted" and self._asks(ASKED_OF_DELETED, identity, edit.rid) for edit in beside):
            return True
        return any(edit.field not in GONE and self._is_asked_by_id(identity, edit.rid) for edit in beside)

    def _wrong_before(self, identity: Identity) -> set[str]:
        """Give what is wrong with a source record also where nobody merged anything: that was still to be carried over, or came since."""
        return {_plain(each.why) for each in self.already if each.what.startswith(f"{identity[0]} {identity[1]} ")}

    def _of(self, field: str) -> list[Edit]:
        return [edit for edit in self.edits if edit.field == field and edit.was is not None]

    def _stays_with_the_merged(self, finding: Finding) -> bool:
        """Say whether it hangs where people's merge hung it, the source tells of another place since, and which of the two is asked."""
        place, home = _PLACE.match(finding.what), _HOME.match(finding.why)
        if place is None or home is None or not self._is_asked((place["kind"], place["key"])):
            return False
        return home["rid"] in {survivor(edit.rid, self.edits) for edit in self._of("merged")}

    def _is_left(self, finding: Finding) -> bool:
        """Say whether people deleted or rewrote the very record that is to hang elsewhere by now, and that is asked about."""
        place = _PLACE.match(finding.what)
        if place is None:
            return False
        identity, rid = (place["kind"], place["key"]), place["rid"]
        if any(edit.rid == rid for edit in self._of("deleted")):
            return self._asks(ASKED_OF_DELETED, identity, rid)
        return rid in self._in_doubt() or (any(edit.rid == rid for edit in self._edited()) and self._is_asked_by_id(identity, rid))

    def _gone(self) -> list[Edit]:
        """Give the records that people deleted, and those they merged into one that they deleted."""
        deleted = self._of("deleted")
        ends = {edit.rid for edit in deleted}
        return [*deleted, *(edit for edit in self._of("merged") if survivor(edit.rid, self.edits) in ends)]

    def _edited(self) -> list[Edit]:
        return [edit for edit in self.edits if edit.field not in GONE]

    def _said_by(self, edit: Edit) -> set[Identity]:
        """Give the source records that a record told of, such as the note with what was left of one that shares a person with another."""
        return {(kind, key) for kind, key, _ in marks_on(edit.kind, edit.was or {}, self.prefix)}

    def _merged_onto(self, rid: str) -> set[Identity]:
        """Give the source records whose record people merged into this one."""
        lost = (edit for edit in self._of("merged") if survivor(edit.rid, self.edits) == rid)
        return {identity for edit in lost for identity in self._said_by(edit)}

    def _waits(self, finding: Finding) -> bool:
        """Say whether the product tells that it waits for a record that people deleted, and names that one."""
        said = (self.explained or {}).get(_about(finding), "")
        return any(f"belongs to {edit.rid}," in said for edit in self._gone())

    def _waits_to_move(self, finding: Finding, told: set[Identity]) -> bool:
        """
        Say whether it is told to wait for the very one it has to hang on by now, whom people deleted.

        What has no id of its own goes by a made-up key, which is another since the source moved it: one more such record that waits for
        this one explains one.
        """
        wanted, place = _WANTED.search(finding.why), _PLACE.match(finding.what)
        if not _NUMBERED.search(finding.why.partition(", not ")[0]):
            return False     # it stays where it was, and hangs on nobody
        if wanted is None:
            return self._waits(finding)
        identity = _about(finding)
        words = [f"belongs to {edit.rid}," for edit in self._gone() if survivor(edit.rid, self.edits) == wanted["rid"]]
        waiting = {each for each, said in (self.explained or {}).items() if each[0] == identity[0] and any(word in said for word in words)}
        if identity in waiting:
            return True
        free = sorted(each for each in waiting - told if each[1].startswith("~"))
        if not free or (place is not None and not self.is_made_up(place["rid"])):
            return False
        told.add(free[0])
        return True

    def _waits_without_id(self, finding: Finding, told: set[Identity]) -> bool:
        """Say whether one more record of this kind, under a key that the product made up, waits for this one's person."""
        kind, owner = finding.what.partition(" ")[0], _OWNER.search(f"{finding.what} {finding.why}")
        for edit in self._gone() if owner else ():
            for identity, said in (self.explained or {}).items():
                is_its = identity[0] == kind and identity[1].startswith("~") and f"belongs to {edit.rid}," in said
                if owner and is_its and identity not in told and owner["key"] in self._who(edit):
                    told.add(identity)
                    return True
        return False

    def _who(self, edit: Edit) -> set[str]:
        """Give the people of the source who were the one that somebody took away."""
        return {*(key for _, key in self._said_by(edit)), *self.whose(edit.rid)}

    def _is_asked_without_id(self, finding: Finding, told: set[Identity]) -> bool:
        """
        Say whether one more record of this kind and owner, under a made-up key, was rewritten or deleted by people and is asked about.

        What the source says of it since stands nowhere then, and nothing but the record that people worked on tells which one it was.
        """
        identity = _about(finding)
        if not self.was_changed(identity):
            return False
        owner = _OWNER.search(f"{finding.what} {finding.why}")
        for edit in self.edits if owner is not None else ():
            home = self.whose(str(((edit.was or {}).get("links") or {}).get("parent")))
            free = sorted(each for each in self._asked_without_id(edit) - told if each[0] == identity[0])
            if owner and owner["key"] in home and free:
                told.add(free[0])
                return True
        return False

    def _asked_without_id(self, edit: Edit) -> set[Identity]:
        """Give the records under made-up keys about which it asks for what people did here: it names the record that they worked on."""
        causes = {"deleted": frozenset({ASKED_OF_DELETED}), "merged": frozenset[str]()}.get(edit.field, ASKED_OF_EDITED)
        about = (each for each in self.asked if each.cause in causes and edit.rid in each.others and each.key.startswith("~"))
        return {(each.kind, each.key) for each in about} if edit.was is not None else set()

    def _was_left(self, finding: Finding) -> bool:
        """Say whether all but one of the records were left, as people worked on them or merged theirs, each asked about by its id."""
        about = [each for each in self.asked if (each.kind, each.key) == _about(finding) and each.cause in ASKED_OF_EDITED]
        edited = {edit.rid for edit in self._edited()}
        carriers, in_doubt = _carriers(finding), self._in_doubt()
        if finding.why.startswith(TOLD_OF):
            carriers, about = _NUMBERED.findall(finding.why), []
        left = [
            rid for rid in carriers
            if rid in in_doubt or ((rid in edited or self.hung_on(rid)) and any(rid in each.others for each in about))
        ]
        return bool(left) and len(carriers) - len(left) == 1

    def _in_doubt(self) -> set[str]:
        """
        Give the texts that people wrote over, mark and all, and of which it asks whether they are what they were: that was never answered.

        By then nobody else can tell what such a text was made for.
        """
        asked = [each for each in self.asked if each.cause == IN_DOUBT]
        texts = [edit for edit in self._edited() if edit.field == TEXT_FIELD.get(edit.kind)]
        bare = [edit for edit in texts if not [*marks_on(edit.kind, {edit.field: edit.value}, self.prefix)]]
        return {edit.rid for edit in bare for each in asked if edit.rid in each.others and (each.kind, each.key) in self._said_by(edit)}

    def _was_replaced(self, finding: Finding) -> bool:
        """Say whether one stands, and people deleted the others, which were of other kinds: by what the source says of it now, those go."""
        deleted = {edit.rid for edit in self._of("deleted")}
        carriers = _carriers(finding)
        standing = [rid for rid in carriers if rid not in deleted]
        return len(carriers) > 1 and len(standing) == 1 and sum(_kind_of(rid) == _kind_of(standing[0]) for rid in carriers) == 1

    def _is_asked(self, identity: Identity) -> bool:
        return any(each.cause in ASKED_OF_EDITED and (each.kind, each.key) == identity for each in self.asked)

    def _is_asked_by_id(self, identity: Identity, rid: str) -> bool:
        """Say whether it asks about an edited record by its id; the source record it asks for may go by a made-up key."""
        kind, key = identity
        about = (each for each in self.asked if each.cause in ASKED_OF_EDITED and rid in each.others and each.kind == kind)
        return any(each.key == key or each.key.startswith("~") for each in about)

    def _asks(self, cause: str, identity: Identity, rid: str) -> bool:
        """Say whether it asks about this source record, or about this very record of the destination."""
        return any(each.cause == cause and ((each.kind, each.key) == identity or rid in each.others) for each in self.asked)


def _about(finding: Finding) -> Identity:
    """Give the source record that a finding is about."""
    kind, _, rest = finding.what.partition(" ")
    return kind, rest.partition(" ")[0]


def _carriers(finding: Finding) -> list[str]:
    """Give the records that bear one mark."""
    return _NUMBERED.findall(finding.why) if finding.why.startswith("carried by ") else []


def _kind_of(rid: str) -> str:
    return rid.partition("-")[2]


def _plain(why: str) -> str:
    """Give what a finding is about without what it found."""
    return _QUOTED.split(_NUMBERED.sub("", why))[0]


def excused(
    compared: Callable[[Destination], list[Finding]], destination: Destination, *, edits: Sequence[Edit], prefix: str,
    asked: Sequence[Question], explained: Mapping[Identity, str] | None, was_changed: Callable[[Identity], bool] = lambda _identity: False,
) -> list[Finding]:  # fmt: skip
    """Compare an account without what people did to it, and leave out what that explains; the rest as `Excuses` takes it."""
    findings = compared(put_back(destination, edits))
    is_merged = any(edit.field == "merged" for edit in edits)
    already = compared(put_back(destination, edits, apart=True)) if is_merged and findings else ()

    def rows(at: str) -> dict[str, Row]:
        return {**destination.of(at), **{edit.rid: edit.was for edit in edits if edit.was is not None and edit.kind == at}}

    def keys(at: str, rid: str) -> set[str]:
        return {key for _, key, _ in marks_on(at, rows(at).get(rid, {}), prefix)}

    def whose(rid: str) -> set[str]:
        on = (row for row in rows("notes").values() if (row.get("links") or {}).get("parent") == rid)
        same = {key for row in on for _, key, part in marks_on("notes", row, prefix) if part.startswith("merged")}
        return keys("contacts", rid) | same

    stayed = {survivor(edit.rid, edits) for edit in edits if edit.field == "merged"}

    def hung_on(rid: str) -> set[str]:
        row = destination.of(rid.partition("-")[2]).get(rid, {})
        homes = {each for each in (row.get("links") or {}).values() if isinstance(each, str)}
        return homes & stayed if int(row.get("rev") or 1) > 1 else set()

    excuses = Excuses(
        edits=edits, prefix=prefix, asked=asked, explained=explained, already=already, hung_on=hung_on,
        whose=whose,
        is_made_up=lambda rid: any(key.startswith("~") for key in keys(rid.partition("-")[2], rid)), was_changed=was_changed,
    )  # fmt: skip
    return list(excuses.left(findings))


def taken_away(edits: Sequence[Edit]) -> frozenset[str]:
    """Give the records that people took away."""
    return frozenset(edit.rid for edit in edits if edit.field in GONE)

