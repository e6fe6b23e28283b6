"""Prospects against people: who became whom, and whether everything a prospect says of itself is to be found there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from tests.judge import texts
from tests.judge.leadperfection import values
from tests.judge.leadperfection.ground import Ground
from tests.judge.leadperfection.phones import judge_phones, judge_slots
from tests.judge.leadperfection.telling import Telling, parted
from tests.judge.states import Finding, Row

_MARKS = {"C": {"call", "calls"}, "M": {"mail", "mails"}, "T": {"text", "texts", "sms"}, "E": {"email", "emails"}, "P": {"p"}}
"""Marks not to contact (lead-perfection.md 4.2), and words that stand for them."""
_FLAGGED = {"lead", "customer", "prospect", "yes", "true"}
_PARTS = {"address1": "address_1", "city": "city", "state": "state", "zip": "postalCode"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """One prospect on its contact."""

    ground: Ground
    row: Row
    contact: Row
    group: Sequence[Row]     # the living prospects behind the contact, this one included

    @property
    def key(self) -> str:
        """Give the prospect's id."""
        return str(self.row["cst_id"])

    @property
    def is_joined(self) -> bool:
        """Say whether the contact tells of somebody else too, so that values of this prospect may stand in a note."""
        return len(self.group) > 1 or self.contact["id"] in self.ground.was_there or self.ground.is_ghost(self.contact["id"])

    def was_edited(self, name: str) -> bool:
        """Say whether a person set this field of the contact."""
        return self.ground.edited(str(self.contact["id"]), name)

    def every(self) -> Iterator[str]:
        """Yield what is wrong."""
        told = self.ground.told_on(self.contact, self.key)
        yield from self._name()
        yield from self._mails(told)
        if not self.was_edited("phones"):
            yield from judge_phones(self.row, self.contact, told, is_joined=self.is_joined, shows_types=self.ground.seen.phone_types)
            yield from judge_slots(self.group, self.contact, is_ghost=self.ground.is_ghost(self.contact["id"]), edited=self.was_edited)
        yield from self._address(told)
        yield from self._second_line(told)
        yield from self._marks(told)
        yield from self._flag()
        if not self.ground.seen.is_reported and not told.says(str(self.row.get("dateadded") or "")[:10], "create created added dateadded"):
            yield f"day of entry {self.row.get('dateadded')} is not there"
        yield from self._owner()
        yield from self._status()
        yield from self._source()
        yield from self._jobs()

    def _name(self) -> Iterator[str]:
        if self.contact["id"] in self.ground.was_there or self.was_edited("name"):
            return
        shown = set(texts.name_parts(self.contact.get("name")))
        names = [name for each in self.group if (name := values.person_name(each))]
        ghost = self.ground.is_ghost(str(self.contact["id"]))   # it may bear the name of one who is no more
        if names and not ghost and not any(shown == set(name) or shown == set(texts.words(" ".join(name))) for name in names):
            yield f"is named {self.contact.get('name')!r}, not {' '.join(names[0])!r}"

    def _mails(self, told: Telling) -> Iterator[str]:
        if self.was_edited("emails"):
            return
        there = [str(each["value"]).strip().lower() for each in self.contact.get("emails") or ()]
        written = texts.present(self.row.get("email"))
        for mail in texts.mails(written):
            if mail not in there and not (values.is_placeholder(mail) and texts.shows(told.text, mail)):
                yield f"e-mail {mail} is not there"
        if written and not texts.mails(written) and not texts.shows(told.text, written):
            yield f"e-mail as written, {written!r}, is not there"
        further = texts.present(self.row.get("email2"))
        if further and self._shows_second_mail() and further.lower() not in there and not texts.shows(told.text, further):
            rows = self.ground.book.under("appointment", self.key)
            notes = [str(place[1]) for row in rows for _, place in self.ground.of("appointment", str(row["ils_id"]))]
            if not any(further in note for note in notes):
                yield f"second e-mail {further} is not there"

    def _shows_second_mail(self) -> bool:
        """By API only the rows of appointments tell of it."""
        seen = self.ground.seen
        if seen.by == "extract":
            return True
        return seen.switches.get("appointment_rows", "all") == "all" and bool(self.ground.book.under("appointment", self.key))

    def _address(self, told: Telling) -> Iterator[str]:
        if self.was_edited("addresses"):
            return
        state = texts.present(self.row.get("state")).upper()
        wanted = {part: text for name, part in _PARTS.items() if (text := texts.present(self.row.get(name)))}
        wanted |= {"state": state} if state else {}
        if state not in values.STATES:
            wanted.pop("state", None)
        held: list[dict[str, Any]] = [each.get("value") or {} for each in self.contact.get("addresses") or ()]
        whole = any(all(texts.squeeze(str(each.get(part))) == texts.squeeze(text) for part, text in wanted.items()) for each in held)
        if wanted and not whole:
            if not self.is_joined or not all(told.says(text, f"{part} address zip postal state city") for part, text in wanted.items()):
                yield f"address {wanted} is not there (there: {held})"
        for each in held:
            if len(str(each.get("state") or "")) == 2 and str(each["state"]).upper() not in values.STATES:
                yield f"{each['state']!r} was taken for a state"

    def _second_line(self, told: Telling) -> Iterator[str]:
        fields = self._fields(lambda words: {"line", "2"} <= words or "address2" in words)
        if any(self.was_edited(f"custom:{label}") for label, _ in fields):
            return
        line = texts.present(self.row.get("address2")) if self.ground.seen.field("address2") else ""
        held = [texts.squeeze(str(value)) for _, value in fields]
        if line and texts.squeeze(line) not in held and not (self.is_joined and told.says(line, "line")):
            yield f"second line of the address, {line!r}, is not in its field (there: {held})"
        if not line and held and not self.is_joined:
            yield f"second line of the address is empty and became {held}"

    def _marks(self, told: Telling) -> Iterator[str]:
        if not self.ground.seen.field("dnc"):
            return
        held = " ".join(value for label, value in told.labelled if {"not", "contact"} <= set(parted(label)) or "dnc" in parted(label))
        words = set(texts.words(held.casefold().replace("e-mail", "email")))
        codes = {code for word in words if set(word.upper()) <= _MARKS.keys() and len(set(word)) == len(word) for code in word.upper()}
        wanted = set(str(self.row.get("dnc") or "").upper())
        for code in sorted(wanted - codes):
            if not _MARKS.get(code, {code.casefold()}) & words:
                yield f"mark {code} not to contact is not there (there: {held!r})"
        if not self.is_joined:
            for code in sorted((_MARKS.keys() - wanted) & {code for code, spelled in _MARKS.items() if code in codes or spelled & words}):
                yield f"mark {code} not to contact is there and should not be ({held!r})"

    def _flag(self) -> Iterator[str]:
        """A person who came as a lead says so (LP-01)."""
        fields = self._fields(lambda words: "flag" in words)
        held = {word for _, value in fields for word in texts.words(str(value))}
        if not held & _FLAGGED and not any(self.was_edited(f"custom:{label}") for label, _ in fields):
            yield f"has no lead flag (there: {sorted(held)})"

    def _owner(self) -> Iterator[str]:
        if self.contact["id"] in self.ground.was_there or self.was_edited("owner") or self.ground.is_ghost(self.contact["id"]):
            return
        allowed: set[str | None] = set()
        for lead in self._newest("salesrepname"):
            users = self.ground.owners.of("", lead.get("salesrepname"))
            if users is None:
                return   # nobody had it: anybody may
            allowed |= users
        has = (self.contact.get("links") or {}).get("owner")
        if allowed and has not in allowed:
            yield f"belongs to {has}, not to {', '.join(sorted(filter(None, allowed)))}"
        reps = {values.rep_name(lead.get("salesrepname")) for lead in self._newest("salesrepname")}
        for label, held in self._fields(lambda words: {"original", "owner"} <= words):
            if values.rep_name(held) not in reps and not self.was_edited(f"custom:{label}"):
                yield f"was {held!r}'s, who has none of its newest leads"

    def _has_former_lines(self) -> bool:
        """Say whether reports told an enquiry otherwise before: without an id that is another one, for two readings beside this one."""
        return self.ground.seen.is_reported and any(self.ground.book.changes.get(("lead", str(each["cst_id"]))) for each in self.group)

    def _status(self) -> Iterator[str]:
        if self._has_former_lines():
            return
        leads = self._newest("disposition")
        allowed = {texts.squeeze(texts.present(lead.get("disposition"))) for lead in leads} - {""}
        fields = self._fields(lambda words: bool({"status", "disposition"} & words))
        if any(self.was_edited(f"custom:{label}") for label, _ in fields) or self.ground.is_ghost(self.contact["id"]):
            return
        held = {texts.squeeze(str(value)) for _, value in fields}
        is_said = all(texts.present(lead.get("disposition")) for lead in leads)
        if allowed and not allowed & held and (held or is_said):
            yield f"status is {sorted(held)}, not {sorted(allowed)}"

    def _source(self) -> Iterator[str]:
        """Source and sub-source in one field, which splits back, and the sub-source alone (LP-03, LP-21, LP-22)."""
        if self._has_former_lines():
            return
        leads = self._newest("source", "sourcesubdescr")
        pairs = {(_text(lead, "source"), _text(lead, "sourcesubdescr")) for lead in leads}
        fields = self._fields(lambda words: {"lead", "source"} <= words and "sub" not in words)
        below = self._fields(lambda words: "subsource" in words or {"sub", "source"} <= words)
        if any(self.was_edited(f"custom:{label}") for label, _ in [*fields, *below]) or self.ground.is_ghost(self.contact["id"]):
            return
        held = {values.split_pair(str(value), self.ground.delimiter) for _, value in fields}
        if held - pairs or (pairs and ("", "") not in pairs and not held):
            yield f"source reads {sorted(held)}, not {sorted(pairs)}"
        subs = {str(value) for _, value in below} or {""}
        wanted = {sub for _, sub in held & pairs or pairs}
        if wanted and not subs <= wanted:
            yield f"sub-source reads {sorted(subs)}, not {sorted(wanted)}"

    def _jobs(self) -> Iterator[str]:
        """The ids of all jobs of a person are on it, and no others (LP-06)."""
        fields = self._fields(lambda words: {"source", "system"} <= words)
        there = {word for _, value in fields for word in str(value).replace(",", " ").replace(";", " ").replace("|", " ").split()}
        wanted = {str(job["job_id"]) for job in self.ground.book.under("job", self.key)}
        if missing := sorted(wanted - there):
            yield f"does not name its jobs {', '.join(missing)} (there: {sorted(there)})"
        own = {str(job["job_id"]) for each in self.group for job in self.ground.book.under("job", str(each["cst_id"]))}
        if alien := sorted(there & self.ground.book.of("job").keys() - own):
            if not self.ground.is_ghost(self.contact["id"]):
                yield f"names jobs of others: {', '.join(alien)}"

    def _fields(self, fits: Callable[[set[str]], bool]) -> list[tuple[str, Any]]:
        return [(label, held) for label, held in (self.contact.get("customFields") or {}).items() if held and fits(set(parted(label)))]

    def _newest(self, *names: str) -> list[Row]:
        """Give, of each prospect of the group, the newest lead, and the newest that says anything of *names*."""
        found = []
        for each in self.group:
            leads = self.ground.book.under("lead", str(each["cst_id"]))
            saying = [lead for lead in leads if any(_text(lead, name) for name in names)]
            for rows in (leads, saying):
                entered = "entrydate" if self.ground.seen.is_reported else "dateentered"
                last = max((values.clock(lead[entered]) for lead in rows), default="")
                found += [lead for lead in rows if values.clock(lead[entered]) == last]
        return found


def judge_people(ground: Ground) -> Iterator[Finding]:
    """Yield everything that is wrong with people."""
    for key, row in ground.book.of("prospect").items():
        rid = ground.contact_of.get(key)
        contact = ground.destination.of("contacts").get(rid or "")
        if contact is None:
            if not (rid in ground.destination.deleted and ground.edited(str(rid), "deleted")):
                yield ground.lost("prospect", key, "no live person carries it" + (f" ({rid} is gone)" if rid else ""))
            continue
        for why in Person(ground=ground, row=row, contact=contact, group=ground.living(str(contact["id"]))).every():
            yield Finding(fault="wrong", what=f"prospect {key} on {rid}", why=why)
    yield from _mixed(ground)
    yield from _twice(ground)


def _mixed(ground: Ground) -> Iterator[Finding]:
    for contact in ground.prospects_of:
        for one, other in combinations(ground.living(contact), 2):
            names = [values.person_name(each) for each in (one, other)]
            if not texts.could_be_one(*names):
                what = f"prospects {one['cst_id']} and {other['cst_id']}"
                yield Finding(fault="wrong", what=what, why=f"two people ({names}) became one: {contact}")


def _twice(ground: Ground) -> Iterator[Finding]:
    """Find one person's prospects on two contacts, and one address on two people without a word about it."""
    holders: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for row in ground.book.of("prospect").values():
        name, number = values.person_name(row), values.phone(row.get("phone1"))
        for mail in texts.mails(row.get("email")):
            if not texts.is_shared_box(mail) and not values.is_placeholder(mail):
                holders[("e-mail", mail)].append(row)
        if number and values.is_sure(row.get("phone1")) and len(name) > 1:
            holders[("phone and name", number, *name)].append(row)
    for how, rows in holders.items():
        for one, other in combinations(rows, 2):
            keys = [str(each["cst_id"]) for each in (one, other)]
            first, second = (ground.contact_of.get(key) for key in keys)
            if first is None or second is None or first == second or ground.is_asked(first, second):
                continue
            what = f"prospects {' and '.join(keys)}"
            if texts.could_be_one(*(values.person_name(each) for each in (one, other))):
                yield Finding(fault="doubled", what=what, why=f"one person ({how[0]} {how[1]}) became two contacts")
            else:
                yield Finding(fault="unexplained", what=what, why=f"share {how[1]} and nobody is told")


def _text(row: Row, name: str) -> str:
    return texts.present(row.get(name))
