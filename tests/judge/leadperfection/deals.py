"""Jobs against deals, one each: whose, how much, in which state, and every value of the job readable (LP-04, 05, 06, 23, 24, 48)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from tests.judge import texts
from tests.judge.leadperfection import values
from tests.judge.leadperfection.ground import Ground, parents_of
from tests.judge.leadperfection.telling import Telling, is_details, parted, telling
from tests.judge.marks import content
from tests.judge.states import Finding, Row

_TOLD: Mapping[str, str] = {
    "contractid": "contract", "jbs_id": "status code", "jobstatus": "status", "productid": "product", "salesrepname": "owner rep",
    "installer1": "installer", "balancedue": "balance", "jobcost": "cost", "finco": "finance finco company", "brp_id": "branch",
    "finamount": "financed finance finamount", "fincrlimit": "limit", "finmonths": "months", "lds_id": "enquiry lead",
}  # fmt: skip
"""Fields of a job, and words of which one must be in the label it stands under."""
_DAYS: Mapping[str, str] = {"contractdate": "contract", "entrydate": "entry"}
_COPIES: Mapping[str, str] = {"promotername": "promoter", "disposition": "disposition", "sourcesubdescr": "subsource"}
"""Fields of the enquiry, and what a field of the deal is called that says the same."""
_CENT = Decimal("0.01")
_PART_WORDS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Deal:
    """One job and the deal it became."""

    ground: Ground
    row: Row
    deal: Row
    outcomes: Mapping[str, str] | None
    stages: Mapping[str, str] | None

    def was_edited(self, name: str) -> bool:
        """Say whether a person set this field of the deal."""
        return self.ground.edited(str(self.deal["id"]), name)

    def every(self) -> Iterator[str]:
        """Yield what is wrong with its values."""
        told = self._told()
        if not str(self.deal.get("description") or "").strip():
            yield "has no name"
        yield from self._value()
        yield from self._owner()
        yield from self._state()
        if str(self.row["job_id"]) not in told.under("source", "system"):
            yield f"does not name its job {self.row['job_id']} (there: {told.under('source', 'system')})"
        for name, label in _TOLD.items():
            value = texts.present(self.row.get(name))
            if value and not told.says(value, label) and not (name == "lds_id" and self.ground.seen.is_reported):
                yield f"{name} {value!r} is not there"
        for name, label in _DAYS.items():
            if (day := str(self.row.get(name) or "")[:10]) and not told.says(day, label):
                yield f"{name} {day} is not there"
        yield from self._created(told)
        yield from self._milestones(told)
        yield from self._custom(told)
        yield from self._source(told)
        yield from self._newest_note(told)
        yield from self._details()

    def _told(self) -> Telling:
        notes = [content("notes", row) for row in self.ground.on("notes", "job", str(self.row["job_id"]))]
        return telling(self.deal.get("customFields"), [f"name: {self.deal.get('description') or ''}", *notes])

    def _newest_note(self, told: Telling) -> Iterator[str]:
        """Where nothing else tells notes, the newest of the customer is whole beside the job; of HTML what a reader sees."""
        allowed = [text for text in self.row.get("newest_notes") or () if texts.present(texts.without_markup(text))]
        there = texts.words(told.text)
        if allowed and not any(_tells(there, text) for text in allowed):
            yield f"the newest note {allowed[0][:80]!r} is not there"

    def _details(self) -> Iterator[str]:
        """What has no field of its own stands in one place, the long field or the note; in both only where a person wrote in the field."""
        fields = [name for name, held in (self.deal.get("customFields") or {}).items() if held and is_details(name)]
        notes = [part for part, (at, _) in self.ground.of("job", str(self.row["job_id"])) if at == "notes" and part.startswith("details")]
        if notes and any(not self.was_edited(f"custom:{name}") for name in fields):
            yield f"its details stand in {', '.join(fields)} and in a note as well"

    def _value(self) -> Iterator[str]:
        """Zero and negative amounts as they are; the destination holds cents."""
        wanted, held = values.amount(self.row["grossamount"]), values.amount(self.deal.get("manualValue"))
        if wanted is not None and not self.was_edited("manualValue") and held != wanted.quantize(_CENT):
            yield f"is worth {held}, not {wanted}"

    def _owner(self) -> Iterator[str]:
        allowed = self.ground.owners.of(self.row.get("salesrepid"), self.row.get("salesrepname"))
        has = (self.deal.get("links") or {}).get("owner")
        if allowed is not None and has not in allowed and not self.was_edited("owner"):
            yield f"belongs to {has}, not to {', '.join(sorted(filter(None, allowed)))}"
        for label, held in (self.deal.get("customFields") or {}).items():
            is_owner = {"original", "owner"} <= set(parted(label)) and not self.was_edited(f"custom:{label}")
            if is_owner and values.rep_name(held) != values.rep_name(self.row.get("salesrepname")):
                yield f"was {held!r}'s, not {self.row.get('salesrepname')!r}'s"

    def _state(self) -> Iterator[str]:
        status = texts.present(self.row.get("jobstatus"))
        wanted = (self.outcomes or {}).get(status)
        if wanted and self.deal.get("status") != wanted and not self.was_edited("status"):
            yield f"is {self.deal.get('status')}, and {status!r} stands for {wanted}"
        links = self.deal.get("links") or {}
        stage = self.ground.destination.of("stages").get(str(links.get("stage")), {})
        pipeline = self.ground.destination.of("stagesets").get(str((stage.get("links") or {}).get("stageset")), {})
        place = f"{pipeline.get('name')}/{stage.get('name')}"
        wanted = (self.stages or {}).get(status)
        if wanted and place != wanted and not self.was_edited("stage"):
            yield f"is in {place}, and {status!r} stands for {wanted}"

    def _created(self, told: Telling) -> Iterator[str]:
        """The day in a field of its own, and the time to the second (G-29)."""
        if self.ground.seen.is_reported:
            return
        moment = values.clock(self.row["dateentered"])
        days = told.under("create", "date")
        if not days or any(values.day(day) != values.day(moment) for day in days):
            yield f"day of entry {moment[:10]} is not there (there: {days})"
        times = [*told.under("create", "time"), *told.under("created")]
        if not any(moment in time.replace("T", " ") for time in times):
            yield f"time of entry {moment} is not there (there: {times})"

    def _milestones(self, told: Telling) -> Iterator[str]:
        """Each by its own name with the days it was meant for and happened on; a day in a field of its name is the day it happened."""
        lines = told.text.split("\n")
        for row in self.row.get("milestones") or ():
            name, days = str(row["datetype"]), [str(row[each])[:10] for each in ("estdate", "actdate") if row.get(each)]
            if not any(texts.shows(line, name) and all(_shows_day(line, day) for day in days) for line in lines):
                yield f"milestone {name} with {', '.join(days)} is not there"
            codes = [each["mdt_id"] for each in self.row["milestones"]]
            for label, held in (self.deal.get("customFields") or {}).items():
                is_its = [*texts.words(name), "date"] == parted(label) and codes.count(row["mdt_id"]) == 1
                if is_its and values.day(held) != values.day(row["actdate"]) and not self.was_edited(f"custom:{label}"):
                    yield f"{label} is {held}, not {row['actdate']}"

    def _custom(self, told: Telling) -> Iterator[str]:
        """Custom fields by title: on the deal, or on the person where that is their purpose."""
        contact = self.ground.destination.of("contacts").get(self.ground.person(self.row) or "")
        on_person = telling((contact or {}).get("customFields"), [str((contact or {}).get("description") or "")])
        for field in self.row.get("userfields") or ():
            title, value = str(field["fieldtitle"]).strip(), texts.present(field["fieldvalue"])
            if not value or self.was_edited(f"custom:{title}"):
                continue
            if not any(each.says(value, title) for each in (told, on_person)):
                yield f"{title}: {value!r} is not there"

    def _source(self, told: Telling) -> Iterator[str]:
        """What a deal says of its enquiry is what the enquiry says."""
        lead = self.ground.book.of("lead").get(str(self.row["lds_id"]))
        if lead is None:
            return
        source = "" if self.ground.seen.is_reported else texts.present(lead["source"])   # report 133 has the sub-source alone
        pair = (source, texts.present(lead["sourcesubdescr"]))
        for held in told.under("lead", "source"):
            if values.split_pair(held, self.ground.delimiter) != pair and not self.was_edited("custom:Lead Source"):
                yield f"source reads {held!r}, not {pair}"
        for name, word in _COPIES.items():
            for held in told.under(word):
                if held != texts.present(lead[name]) and not self.was_edited(f"custom:{word.title()}"):
                    yield f"{word} reads {held!r}, not {lead[name]!r}"
        sources = self.ground.destination.of("sources")
        names = [sources.get(str(rid), {}).get("name") for rid in (self.deal.get("links") or {}).get("sources") or ()]
        if names and pair[0] not in names and not self.was_edited("sources"):
            yield f"native source is {names}, not {pair[0]!r}"


def judge_deals(ground: Ground, *, outcomes: Mapping[str, str] | None, stages: Mapping[str, str] | None) -> Iterator[Finding]:
    """Yield everything that is wrong with deals made of jobs."""
    for key, row in ground.book.of("job").items():
        deals = ground.on("leads", "job", key)
        if row.get("stray"):
            if deals:
                yield Finding(fault="wrong", what=f"job {key}", why="its customer is not in the source and it was written all the same")
            else:
                yield from ground.left_out("job", key, "its customer is not in the source")
            continue
        if not deals:
            yield ground.lost("job", key, f"of prospect {row['cst_id']} became no deal")
            continue
        deal = deals[0]
        if (wanted := ground.person(row)) is not None and wanted not in parents_of("leads", deal):
            has = ", ".join(parents_of("leads", deal)) or "nobody"
            yield Finding(fault="orphaned", what=f"job {key} ({deal['id']})", why=f"is a deal of {has}, not of {wanted}")
        for note in ground.on("notes", "job", key):
            if not {deal["id"], wanted} & set(parents_of("notes", note)):
                has = ", ".join(parents_of("notes", note)) or "nothing"
                yield Finding(fault="orphaned", what=f"job {key} ({note['id']})", why=f"its note hangs on {has}")
        for why in Deal(ground=ground, row=row, deal=deal, outcomes=outcomes, stages=stages).every():
            yield Finding(fault="wrong", what=f"job {key} ({deal['id']})", why=why)


def _tells(there: list[str], text: str) -> bool:
    """Say whether the words of a text stand in a row; with others between them where it was HTML, or goes over several parts."""
    wanted = texts.words(texts.without_markup(text))
    if texts.has_markup(text) or len(wanted) > _PART_WORDS:
        return texts.in_order(there, wanted)
    return any(there[at : at + len(wanted)] == wanted for at in range(len(there) - len(wanted) + 1))


def _shows_day(line: str, day: str) -> bool:
    year, month, number = day.split("-")
    return day in line or f"{int(month)}/{int(number)}/{year}" in line
