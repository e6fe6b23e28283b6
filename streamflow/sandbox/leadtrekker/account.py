"""A Leadtrekker account made from a seed: what a real one could hold, with every trouble a real one has.

Shares are exact. A run of as many leads (notes, calls ...) as its deck has cards holds each card just so often, dealt
in an order of its own; the decks stand beside the code that obeys them. Of 25 leads (100 records), unless it says
otherwise:

===================  ============================================================================================
what                 how often
===================  ============================================================================================
e-mail, identity     12 plain · 3 the same person as an earlier lead (case and spaces of the e-mail, form of name and
                     phone vary) · 1 the same person by phone only, without e-mail · 2 second half of a couple (same
                     e-mail, surname, address; own first name and phone) · 2 none · 1 two addresses in the cell ·
                     1 info@ of an office, shared · 1 invalid · 1 upper case and a space · 1 a word for nothing
name                 of 50 people: 38 plain · 3 apostrophes · 3 accents · 2 not Latin · 2 spam · 1 script · 1 formula
form of name         10 surname as custom field · 10 in the name · 2 both · 1 lower case · 1 "Last, First" · 1 spaces;
                     repeats of a person and spouses vary freely
phone                7 local digits · 5 with blanks · 5 +27 · 2 brackets · 1 +27 (0) · 1 extension · 2 none ·
                     1 unparsable · 1 a word for nothing (repeats of a person always carry the number)
address              14 on one line · 2 on several · 8 none · 1 a word for nothing
company              9 none · 10 spellings by the book, bare, upper and lower case · 1 spaces · 1 t/a · 1 CC ·
                     1 of a pair of lookalikes that must stay apart · 1 junk · 1 the person's own name
owner                17 active · 1 active, untidy e-mail · 3 left · 1 not in users · 1 user without e-mail · 2 nobody
source               18 listed · 2 id listed without label · 1 id not listed · 1 untidy label · 1 label without id ·
                     2 none
status               18 open · 5 closed · 1 unknown to statuses · 1 a word for nothing
deal intent          of 20: 11 Budget and/or "Interested in" · 9 neither
message              of 20: 8 plain · 3 HTML · 2 CRLF · 1 unicode · 1 only the word null · 1 null in a sentence ·
                     1 long · 3 absent
other custom fields  of 20: "How did you hear" 12, under three labels · date 10 (1 in 1900, 1 in 2099, 1 words, 2 day
                     first) · money 11 (R 12 500.00, commas, foreign, words) · number 8 · choice 12 (2 untidy, 1 a word
                     for nothing) · utm 11, gclid 8, IP 4
notes                of 60: 32 plain · 6 HTML · 5 CRLF · 3 unicode · 3 equal to the note before it, second and author
                     included · 2 "@[" · 2 empty · 3 with the word null · 1 formula · 1 script · 1 over 30,000 and 1
                     over 70,000 characters (these two in every tenth run only, else plain)
calls                of 15: 8 out · 4 in, 1 of them withheld · 2 missed · 1 without direction
e-mails              of 25: 12 plain · 5 HTML · 2 without subject · 2 to the second address · 2 inbound · 1 unicode ·
                     1 list
reminders            of 22: 7 done, 1 of them repeating · 4 overdue · 4 open and repeating · 5 open · 1 without user ·
                     1 without text
parent of a child    of 20 notes, calls, e-mails or reminders: 18 own · 1 names a lead merged into this one (its id is
                     in no list of leads) · 1 names a lead of which nothing is left
author of a child    of 20: 12 owner of the lead · 4 another active user · 2 left · 1 not in users · 1 nobody
time of a child      of 12: 1 at a clock time that is doubled or missing where there is summer time, if the lead was
                     being worked on at such a time
attachments          of 20: 12 plain · 2 unicode names · 2 signs in names · 1 empty · 2 named as the file before it ·
                     1 of 256 KiB (in every tenth run only)
===================  ============================================================================================
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from streamflow.sandbox.leadtrekker import account_reference as reference
from streamflow.sandbox.leadtrekker import people
from streamflow.sandbox.leadtrekker.account_children import child_records
from streamflow.sandbox.leadtrekker.account_files import attachment_content, attachment_records
from streamflow.sandbox.leadtrekker.account_leads import lead_email, lead_record
from streamflow.sandbox.leadtrekker.account_plan import CHILD_KINDS, Plan


class Account:
    """One account; everything is a pure function of (seed, records, now), and nothing is held per record.

    Args:
        seed: Another seed is another account.
        records: Leads, notes, calls, e-mails, reminders and attachments together; met exactly.
        now: End of the account's two years; an aware moment is turned to Johannesburg, a naive one is taken as there.

    Raises:
        ValueError: *records* is below 1.

    `plan` answers the arithmetic behind it (counts, ids, ordinals, times) for those who page without making records.
    """

    __slots__ = ("lead_count", "plan")

    def __init__(self, *, seed: int, records: int, now: datetime) -> None:
        self.plan = Plan(seed=seed, records=records, now=now)
        self.lead_count = self.plan.lead_count

    def lead(self, index: int) -> dict[str, Any]:
        """Give a lead (leadtrekker.md 2.2), 0 <= *index* < `lead_count`; ids ascend with the index and leave gaps.

        Raises:
            IndexError: there is no such lead.
        """
        self._check(index)
        return lead_record(self.plan, index)

    def index_of(self, leadid: str) -> int | None:
        """Give the index of a lead by its id; None for ids merged away, orphaned or never given."""
        index = self.plan.index_near(leadid)
        return index if index is not None and self.plan.leadid(index) == leadid else None

    def children(self, kind: str, index: int) -> list[dict[str, Any]]:
        """Give what hangs under the lead at *index*, in the order of ids.

        *kind* is notes, calls, emails, reminders or attachments. The `leadid` of a child may be another than its
        lead's: one merged into it (`merged_into` tells), or one that is gone (`is_orphan` tells).

        Raises:
            IndexError: there is no such lead.
            KeyError: there is no such kind.
        """
        self._check(index)
        if kind not in CHILD_KINDS:
            raise KeyError(kind)
        if kind == "attachments":
            return attachment_records(self.plan, index)
        return child_records(self.plan, kind, index)

    def attachment_bytes(self, attachmentid: str) -> bytes:
        """Give the content of an attachment.

        Raises:
            KeyError: no attachment has this id.
        """
        return attachment_content(self.plan, attachmentid)

    def users(self) -> list[dict[str, Any]]:
        """Give the users, those who left included; the same for every seed."""
        return reference.users()

    def groups(self) -> list[dict[str, Any]]:
        """Give the user groups with the ids of their members."""
        return reference.groups()

    def sources(self) -> list[dict[str, Any]]:
        """Give the listed sources; leads carry some that are not listed."""
        return reference.sources()

    def statuses(self) -> list[dict[str, Any]]:
        """Give the listed statuses; leads carry one that is not listed."""
        return reference.statuses()

    def counts(self) -> dict[str, int]:
        """Give the exact number of records of every kind, by arithmetic."""
        lists = {"users": self.users, "groups": self.groups, "sources": self.sources, "statuses": self.statuses}
        return (
            {"leads": self.lead_count}
            | {kind: self.plan.total(kind) for kind in CHILD_KINDS}
            | {kind: len(rows()) for kind, rows in lists.items()}
        )

    def merged_into(self, leadid: str) -> int | None:
        """Give the index of the lead that the vanished lead *leadid* was merged into; None when it was not merged."""
        index = self.plan.index_near(leadid)
        return index if index is not None and self.plan.merged_leadid(index) == leadid else None

    def is_orphan(self, leadid: str) -> bool:
        """Tell whether *leadid* is neither a lead nor merged into one."""
        return self.plan.index_near(leadid) is None

    def lead_email(self, leadid: str) -> str:
        """Give the e-mail that exports show beside a child: its lead's, or that of the lead it was merged into."""
        index = self.plan.index_near(leadid)
        return f"gone{leadid}@deleted.example" if index is None else lead_email(self.plan, index)

    def person_number(self, index: int) -> int:
        """Tell who is behind a lead: leads with equal numbers are one human being; the truth that no field states."""
        self._check(index)
        return people.first_lead_of(self.plan.seed, index, self.lead_count)

    def first_free_id(self, kind: str) -> int:
        """Give the first number that records of *kind* made later may use as id; above all ids in use or ever used."""
        return self.plan.first_free_id(kind)

    def _check(self, index: int) -> None:
        if not 0 <= index < self.lead_count:
            raise IndexError(f"lead {index} of {self.lead_count}")
