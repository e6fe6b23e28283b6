"""Leads against people and companies: who became whom, and whether every value is to be found there."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

from tests.judge import texts
from tests.judge.marks import Marks, content
from tests.judge.states import Destination, Finding, Question, Row, Source

UNTRANSPORTED = re.compile(r"utm_.*|gclid|fbclid|msclkid|ip|ip address|page url|page|referrer|user agent", re.IGNORECASE)
"""Labels of tracking and technical values that need not travel (leadtrekker.md 5, row 11)."""
_SHORT = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """Which contact each lead became, and which leads are behind each contact."""

    contact_of: Mapping[str, str]
    leads_of: Mapping[str, Sequence[str]]
    primary: frozenset[str]      # leads whose mark the contact itself carries
    notes_of: Mapping[str, Sequence[Row]] = field(default_factory=dict)   # notes that tell of a lead


Edited = Callable[[str, str], bool]
"""(id, field) -> whether a person in the destination set this themselves."""


def read_people(source: Source, destination: Destination, marks: Marks) -> People:
    """Resolve each lead by the mark on a contact, else by a note about it, else by address and name."""
    contact_of: dict[str, str] = {}
    primary = set()
    notes_of: dict[str, list[Row]] = defaultdict(list)
    for lead in source.of("lead"):
        for _, (kind, row) in marks.of("lead", lead):
            if kind == "contacts":
                contact_of[lead] = row["id"]
                primary.add(lead)
            elif kind == "notes":
                notes_of[lead].append(row)
    for lead, notes in notes_of.items():
        contact_of.setdefault(lead, str(notes[0]["links"].get("parent")))
    by_mail = _by_mail(destination)
    for lead, row in source.of("lead").items():
        if lead not in contact_of and (found := _of_same_person(row, by_mail, destination)):
            contact_of[lead] = found
    leads_of: dict[str, list[str]] = defaultdict(list)
    for lead, contact in contact_of.items():
        leads_of[contact].append(lead)
    return People(contact_of=contact_of, leads_of=leads_of, primary=frozenset(primary), notes_of=notes_of)


def _by_mail(destination: Destination) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for rid, row in destination.of("contacts").items():
        for mail in _mails_of(row):
            found[mail].append(rid)
    return found


def _mails_of(contact: Row) -> list[str]:
    return [str(each["value"]).strip().lower() for each in contact.get("emails") or ()]


def _of_same_person(lead: Row, by_mail: Mapping[str, list[str]], destination: Destination) -> str | None:
    name = lead_name(lead)
    for mail in texts.mails(lead.get("email")):
        for rid in by_mail.get(mail, ()):
            if texts.could_be_one(name, texts.name_parts(destination.of("contacts")[rid].get("name"))):
                return rid
    return None


def lead_name(lead: Row) -> list[str]:
    """Give the words of the name of the person behind a lead."""
    return texts.name_parts(lead.get("name"), custom(lead).get("surname", ""))


def custom(lead: Row) -> dict[str, str]:
    """Give a lead's custom values by folded label."""
    return {texts.squeeze(label): str(value) for label, value in (lead.get("custom_fields") or {}).items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What comparing people needs at hand."""

    source: Source
    destination: Destination
    marks: Marks
    people: People
    fallback: str | None          # e-mail of the user who takes what has no owner of its own
    asked: Sequence[Question]     # what the product asks about who is who
    edited: Edited
    was_there: frozenset[str]     # ids of records that existed before

    def every(self) -> Iterator[Finding]:
        """Yield everything that is wrong with people and companies."""
        for lead, row in self.source.of("lead").items():
            rid = self.people.contact_of.get(lead)
            contact = self.destination.of("contacts").get(rid or "")
            if contact is None:
                if rid in self.destination.deleted and self.edited(str(rid), "deleted"):
                    continue
                yield Finding(fault="lost", what=f"lead {lead}", why="no live person carries it" + (f" ({rid} is gone)" if rid else ""))
                continue
            for reason in self._lead_on(lead, row, contact):
                yield Finding(fault="wrong", what=f"lead {lead} on {rid}", why=reason)
        yield from self._mixed()
        yield from self._twice()
        yield from self._companies()
        yield from self._open_leads()

    # --- one lead on its person ---

    def _lead_on(self, lead: str, row: Row, contact: Row) -> Iterator[str]:
        pool = self._pool(lead, contact)
        yield from self._name(lead, row, contact)
        yield from self._mails(row, contact, pool)
        yield from self._phones(row, contact, pool)
        address = texts.present(row.get("address"))
        if address and not self._told(lead, contact, pool, "address", address) and not _address_on(contact, address):
            yield f"address {address!r} is not there"
        yield from self._owner(lead, row, contact)
        for label, value in self._labelled(row):
            if not self._told(lead, contact, pool, label, value) and not self._was_edited(contact, f"custom:{label}"):
                yield f"{label}: {value[:80]!r} is not there"
        yield from self._source_label(lead, row, contact, pool)
        yield from self._company(row, contact, pool)

    def _pool(self, lead: str, contact: Row) -> str:
        """Give all text in which a value of this lead may be read: notes about it, description, parts in full."""
        notes = [content("notes", note) for note in self.people.notes_of.get(lead, ())]
        own = json.dumps([contact.get(part) for part in ("emails", "phones", "addresses")], ensure_ascii=False)
        return "\n".join([*notes, str(contact.get("description") or ""), own])

    def _was_edited(self, contact: Row, name: str) -> bool:
        return self.edited(contact["id"], name)

    def _name(self, lead: str, row: Row, contact: Row) -> Iterator[str]:
        if contact["id"] in self.was_there or self._was_edited(contact, "name"):
            return
        shown = set(texts.name_parts(contact.get("name")))
        group = [lead_name(self.source.of("lead")[each]) for each in self.people.leads_of[contact["id"]]]
        own = [lead_name(row)] if lead in self.people.primary and len(group) == 1 else group
        if self._is_ghost(contact):     # it may bear the name of one who is no more
            return
        if not any(shown == set(name) or shown == set(texts.words(" ".join(name))) for name in own if name) and any(own):
            yield f"is named {contact.get('name')!r}, not {' '.join(own[0])!r}"

    def _mails(self, row: Row, contact: Row, pool: str) -> Iterator[str]:
        if self._was_edited(contact, "emails"):
            return
        there = _mails_of(contact)
        for mail in texts.mails(row.get("email")):
            if mail not in there:
                yield f"e-mail {mail} is not there"
        written = texts.present(row.get("email"))
        if written and not texts.mails(written) and texts.squeeze(written) not in texts.squeeze(pool):
            yield f"e-mail as written, {written!r}, is not there"

    def _phones(self, row: Row, contact: Row, pool: str) -> Iterator[str]:
        written = texts.present(row.get("number"))
        if not written or self._was_edited(contact, "phones"):
            return
        wanted = texts.phone(written)
        several = [texts.phone(each) for each in re.split(r"[/;,]", written)]
        there = {texts.digits((each.get("value") or {}).get("E164")) for each in contact.get("phones") or ()}
        if wanted is None and len(several) > 1 and there.issuperset(several):
            return      # two numbers in one cell are two numbers
        if wanted is None:
            if texts.squeeze(written) not in texts.squeeze(pool):
                yield f"number as written, {written!r}, is not there"
        elif wanted not in there and wanted[2:] not in texts.digits(pool):
            yield f"number {wanted} is not there"

    def _is_ghost(self, contact: Row) -> bool:
        """Say whether a lead that is no more made this person: what it gave stays until somebody decides, and the product asks about it."""
        gone = (key for kind, key in self.source.gone if kind == "lead")
        return any(made["id"] == contact["id"] for key in gone for _, (kind, made) in self.marks.of("lead", key) if kind == "contacts")

    def _owner(self, lead: str, row: Row, contact: Row) -> Iterator[str]:
        if contact["id"] in self.was_there or self._was_edited(contact, "owner") or self._is_ghost(contact):
            return
        allowed: set[str | None] = set()
        for each in self.people.leads_of[contact["id"]]:
            owner = owner_of(self.source, self.destination, self.source.of("lead")[each], self.fallback)
            if owner is None:
                return   # nobody owned it: anybody may
            allowed.add(owner)
        has = (contact.get("links") or {}).get("owner")
        if has not in allowed:
            yield f"belongs to {has}, not to {', '.join(sorted(filter(None, allowed)))}"

    def _labelled(self, row: Row) -> Iterator[tuple[str, str]]:
        """Yield what must be readable under a label of its own."""
        status, group = self._reference(row, "status"), self._reference(row, "group")
        yield from (pair for pair in (("status", status), ("group", group)) if pair[1])
        if row.get("created"):
            yield "created", str(row["created"])
        owner = texts.present(row.get("owner"))
        if owner and self.destination.user_by_email(str(row.get("owner_email") or "")) is None:
            yield "owner", owner
        for label, value in (row.get("custom_fields") or {}).items():
            if texts.present(value) and texts.squeeze(label) != "surname" and not UNTRANSPORTED.fullmatch(label.strip()):
                yield label, str(value)

    def _reference(self, row: Row, kind: str) -> str:
        """Give a lead's status, source or group: as written on it, else by its id, else the id itself."""
        key = texts.present(row.get(f"{kind}id"))
        return texts.present(row.get(kind)) or self.source.label(kind, key) or key

    def _told(self, lead: str, contact: Row, pool: str, label: str, value: str) -> bool:
        """Say whether a value is on the person in a field of that label, or in a text that tells of this lead."""
        wanted = set(texts.words(label))
        for name, held in (contact.get("customFields") or {}).items():
            if held is None or not _labels_meet(wanted, set(texts.words(name))):
                continue
            if texts.same(value, held) or _reads(str(held), label, value) or _is_moment(value, str(held)):
                return True
        if lead not in self.people.notes_of and lead not in self.people.primary:
            return _reads(json.dumps(contact, ensure_ascii=False), label, value)
        return _in_text(pool, label, value)

    def _source_label(self, lead: str, row: Row, contact: Row, pool: str) -> Iterator[str]:
        """The label of the lead's source is there to the letter (LT-36)."""
        label, key = self._reference(row, "source"), texts.present(row.get("sourceid"))
        if not label or self._was_edited(contact, "custom:Lead Source"):
            return
        held = [str(value) for name, value in (contact.get("customFields") or {}).items() if "source" in texts.words(name)]
        if label == key and any(key in texts.words(each) for each in (*held, pool)):
            return   # it never had a label: its id is all there is to tell
        if label not in held and label not in pool:
            yield f"source {label!r} is not there to the letter (there: {held})"

    def _company(self, row: Row, contact: Row, pool: str) -> Iterator[str]:
        text = texts.present(row.get("company"))
        if not text or texts.firm(text) in texts.JUNK_COMPANIES or self._was_edited(contact, "accounts"):
            return
        if texts.name_parts(text) == lead_name(row):
            return   # the person's own name: a firm or not, both can be right
        linked = [self.destination.of("accounts").get(rid) for rid in (contact.get("links") or {}).get("accounts") or ()]
        if any(account and texts.firms(text) & texts.firms(account.get("name")) for account in linked):
            return
        spellings = [str(value) for account in linked if account for value in (account.get("customFields") or {}).values()]
        if any(texts.squeeze(text) in texts.squeeze(value) for value in spellings):
            return
        if len(self.people.leads_of[contact["id"]]) > 1 and texts.squeeze(text) in texts.squeeze(pool):
            return   # told in the note about a further lead of the same person
        yield f"is not linked to {text!r} but to {[account and account.get('name') for account in linked]}"

    # --- people among each other ---

    def _mixed(self) -> Iterator[Finding]:
        for contact, leads in self.people.leads_of.items():
            for one, other in combinations(sorted(leads), 2):
                names = [lead_name(self.source.of("lead")[each]) for each in (one, other)]
                if not texts.could_be_one(*names):
                    yield Finding(fault="wrong", what=f"leads {one} and {other}", why=f"two people ({names}) became one: {contact}")

    def _twice(self) -> Iterator[Finding]:
        """Find one person's leads on two contacts, and one address on two of our contacts without a word about it."""
        holders: dict[str, list[str]] = defaultdict(list)
        for lead, row in self.source.of("lead").items():
            for mail in texts.mails(row.get("email")):
                if not texts.is_shared_box(mail) and lead in self.people.contact_of:
                    holders[mail].append(lead)
        for mail, leads in holders.items():
            for one, other in combinations(leads, 2):
                if self.people.contact_of[one] == self.people.contact_of[other] or self._is_asked(one, other):
                    continue
                names = [lead_name(self.source.of("lead")[each]) for each in (one, other)]
                if texts.could_be_one(*names):
                    yield Finding(fault="doubled", what=f"leads {one} and {other}", why=f"one person ({mail}) became two contacts")
                else:
                    yield Finding(fault="unexplained", what=f"leads {one} and {other}", why=f"share {mail} and nobody is told")

    def _is_asked(self, one: str, other: str) -> bool:
        """Say whether a question who is who names both of these leads, or others that became the same people."""
        people = (self.people.contact_of[one], self.people.contact_of[other])
        return any(each.is_about("lead", *people, self._contact_of) for each in self.asked)

    def _contact_of(self, lead: str) -> str | None:
        """Give the contact of a lead, also of one that the source has no more."""
        marked = (str(row["id"]) for _, (kind, row) in self.marks.of("lead", lead) if kind == "contacts")
        return self.people.contact_of.get(lead) or next(marked, None)

    # --- companies and open leads ---

    def _companies(self) -> Iterator[Finding]:
        named: dict[str, list[str]] = defaultdict(list)
        for rid, account in self.destination.of("accounts").items():
            form = texts.firm(account.get("name"))
            named[form].append(rid)
            if rid not in self.was_there and form in texts.JUNK_COMPANIES:
                yield Finding(fault="wrong", what=rid, why=f"a company was made of {account.get('name')!r}")
        for form, ids in named.items():
            if len(ids) > 1 and any(rid not in self.was_there for rid in ids):
                yield Finding(fault="doubled", what=", ".join(ids), why=f"one company, {form!r}")

    def _open_leads(self) -> Iterator[Finding]:
        for (kind, key, part), places in self.marks.places.items():
            if kind != "lead" or part != "lead":
                continue
            for _, row in places:
                if self.people.contact_of.get(key) not in ((row.get("links") or {}).get("contacts") or ()):
                    yield Finding(fault="orphaned", what=row["id"], why=f"is not linked to the person of lead {key}")


def owner_of(source: Source, destination: Destination, row: Row, fallback: str | None, *, field: str = "owner_email") -> str | None:
    """Give the destination user who should have what this record's user had; None when nobody had it or nobody is named."""
    userid = str(row.get("userid") or "")
    mail = str(source.of("user").get(userid, {}).get("email") or row.get(field) or "")
    if not userid and not mail.strip():
        return None
    return destination.user_by_email(mail) or (destination.user_by_email(fallback) if fallback else None)


def _labels_meet(wanted: set[str], name: set[str]) -> bool:
    """Say whether a field's label may be this one: forms vary the wording, so half of the words are enough."""
    return bool(wanted & name) and 2 * len(wanted & name) >= min(len(wanted), len(name))


def _reads(text: str, label: str, value: str) -> bool:
    """Say whether a text shows the value of a field: free text as HTML shows it, anything else to the letter."""
    return texts.holds(text, value) if texts.is_free(label) else texts.shows(text, value)


def _is_moment(value: str, held: str) -> bool:
    """Say whether *held* tells the same moment to the second as the local *value*, perhaps with a zone."""
    return bool(re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", value)) and held.replace("T", " ").startswith(value)


def _in_text(pool: str, label: str, value: str) -> bool:
    if len(texts.squeeze(value)) >= _SHORT:
        shown = texts.without_markup(value) if texts.is_free(label) else value
        return _reads(pool, label, value) or texts.in_order(texts.words(pool), texts.words(shown))
    last = texts.words(label)[-1] if texts.words(label) else ""
    found = re.findall(rf"{re.escape(last)}\W+(.*)", pool, re.IGNORECASE)
    return any(texts.same(value, each) for each in found)


def _address_on(contact: Row, address: str) -> bool:
    there: list[Any] = [value for each in contact.get("addresses") or () for value in (each.get("value") or {}).values() if value]
    return set(texts.words(address)) <= set(texts.words(" ".join(map(str, there))))
