"""A small account in a ledger, moved by hand: what the reports must tell of it is known beforehand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio.lowlevel

from streamflow.mapping.companies import cluster_key
from streamflow.mapping.document import digest
from streamflow.mapping.document_json import to_json
from streamflow.mapping.observe import Observation
from streamflow.mapping.proposal import Account, propose
from streamflow.model import (
    AuditEntry,
    Disposition,
    FieldCheck,
    Fields,
    Intent,
    IntentState,
    Link,
    Op,
    QueueItem,
    Record,
    RecordState,
    Ref,
    Verdict,
)
from streamflow.platforms.catalog import pair_of
from streamflow.store.base import Ledger
from streamflow.store.change import Audit, Change, Enqueue, Finish, MarkVerified, PutIntent, PutLink, PutSetting, ResolveItem, SettleIntent

FORMULA = '=HYPERLINK("http://evil.example","pay")'
SCRIPT = "<script>alert(1)</script>"
AT = "2026-03-01T12:00:00Z"


class StillClock:
    """A clock moved by hand."""

    def __init__(self) -> None:
        self.at = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()

    def steady(self) -> datetime:
        return self.now()

    async def sleep(self, seconds: float) -> None:
        await anyio.lowlevel.checkpoint()
        self.at += timedelta(seconds=seconds)


def record(kind: str, key: str, *, parent: str | None = None, **data: Any) -> Record:
    return Record(kind=kind, key=key, data=data, digest=repr(data), parent=parent)


USERS = (
    record("user", "21", userid="21", name="Pieter Nel", email="pieter@example.co.za", number="0825550100", role="Admin", active="1"),
    record("user", "22", userid="22", name="Lerato Windpan", email="lerato@example.co.za", number="", role="Sales", active="1"),
    record("user", "28", userid="28", name="Front Desk", email="", number="0215550100", role="Support", active="1"),
    record("user", "29", userid="29", name="Gideon Nagdrif", email="gideon@left.example", number="", role="Sales", active="0"),
)
GROUPS = (
    record("group", "4", groupid="4", name="Western Cape", permission="edit", members=["21", "22"]),
    record("group", "6", groupid="6", name="Managers", permission="view all", members=["21", "77"]),
    record("group", "8", groupid="8", name="Old team", permission="view", members=[]),
)
SOURCES = (record("source", "1", sourceid="1", name="Facebook"), record("source", "2", sourceid="2", name="Referral"))
STATUSES = (record("status", "1", statusid="1", name="New"),)
OWNERS = [
    {
        "key": "21",
        "name": "Pieter Nel",
        "email": "pieter@example.co.za",
        "role": "Admin",
        "active": True,
        "records": {"lead": 3, "email": 1},
        "dest_id": "1-users",
        "via": "email",
    },
    {
        "key": "22",
        "name": "Lerato Windpan",
        "email": "lerato@example.co.za",
        "role": "Sales",
        "active": True,
        "records": {"lead": 1},
        "dest_id": None,
        "via": "",
    },
    {"key": "28", "name": "Front Desk", "email": "", "role": "Support", "active": True, "records": {}, "dest_id": None, "via": ""},
    {
        "key": "29",
        "name": "Gideon Nagdrif",
        "email": "gideon@left.example",
        "role": "Sales",
        "active": False,
        "records": {"lead": 1},
        "dest_id": "1-users",
        "via": "fallback",
    },
]


def lead(key: str, name: str, *, company: str = "", owner: str = "Pieter Nel", source: str = "Facebook", **more: Any) -> Record:
    return record("lead", key, leadid=key, name=name, company=company, owner=owner, source=source, status="New", **more)


LEADS = (
    lead(
        "1",
        "Thandi Mokoena",
        company="Karoo Solar (Pty) Ltd",
        email="thandi@example.co.za",
        number="0825550142",
        custom={"Budget": "R 5 000"},
    ),
    lead("2", "T Mokoena", company="karoo solar", email="thandi@example.co.za"),
    lead("3", SCRIPT, company="private", email=FORMULA, number="+27825550143"),
    lead("4", "Zoë Müller", owner="Lerato Windpan", source="Referral"),
    lead("5", "Junk", owner="Gideon Nagdrif"),
    lead("6", "Late", source="Referral"),
)
NOTES = (
    record("note", "11", parent="1", noteid="11", leadid="1", note="Left voicemail", created="2026-02-01 08:00:00"),
    record(
        "note", "12", parent="99", noteid="12", leadid="99", lead_email="who@example.co.za", note="Whose?", created="2026-02-02 08:00:00"
    ),
)
REMINDERS = (
    record(
        "reminder", "31", parent="1", reminderid="31", leadid="1", userid="21", due="2026-05-15 10:00:00", note="Call back", repeat="weekly"
    ),
    record("reminder", "32", parent="1", reminderid="32", leadid="1", userid="21", due="2026-05-16 10:00:00", note="Once", repeat=""),
)


def cluster() -> Record:
    return record("company", cluster_key("Karoo Solar"), name="Karoo Solar (Pty) Ltd", spellings=["Karoo Solar (Pty) Ltd", "karoo solar"])


def checks_of(link: Link, verdicts: dict[str, Verdict] | None = None) -> tuple[FieldCheck, ...]:
    named = verdicts or {}
    return tuple(
        FieldCheck(
            ref=link.ref,
            dest_kind=link.dest_kind,
            dest_id=link.dest_id,
            field=name,
            verdict=named.get(name, Verdict.EQUAL),
            expected=value,
            actual="something else" if named.get(name) is Verdict.DIFFERS else value,
        )
        for name, value in link.base.items()
    )


def line(kind: str, key: str, dest_kind: str, dest_id: str, base: Fields, *, part: str = "", **values: Any) -> Link:
    return Link(
        ref=Ref(kind, key, part),
        dest_kind=dest_kind,
        dest_id=dest_id,
        base=base,
        ours=values.pop("ours", True),
        phase="backfill",
        written_at=AT,
        **values,
    )


def person(key: str, dest_id: str, name: str, **more: Any) -> Link:
    return line("lead", key, "contacts", dest_id, {"name": name, "custom:Streamflow ID": f"lt:lead:{key}", "link:owner": "1-users", **more})


def verified(link: Link, state: str = "verified", **verdicts: Verdict) -> list[Change]:
    return [PutLink(link=link), MarkVerified(ref=link.ref, verified=state, checks=checks_of(link, verdicts))]


async def finish(
    ledger: Ledger,
    kind: str,
    key: str,
    disposition: Disposition | None,
    *,
    state: RecordState = RecordState.DONE,
    reason: str = "",
    waiting_on: str = "",
) -> None:
    staged = (await ledger.staged(kind, [key]))[key]
    await ledger.commit(
        [Finish(kind=kind, key=key, seq=staged.seq, state=state, disposition=disposition, reason=reason, waiting_on=waiting_on)]
    )


async def stage(ledger: Ledger, *records: Record) -> None:
    for kind in dict.fromkeys(each.kind for each in records):
        await ledger.stage([each for each in records if each.kind == kind], scan=f"first:{kind}:1")


def confirmed(records: Sequence[Record]) -> dict[str, Any]:
    """The map as it would be proposed for these records, confirmed."""
    pair = pair_of("leadtrekker", "nutshell")
    observation = Observation(pair)
    observation.add(records)
    document = propose(pair, Account(observation=observation))
    return {"digest": digest(document), "document": to_json(document), "by": "uid:1000", "observation": observation.to_json()}


async def moved(ledger: Ledger) -> None:
    """Fill a ledger: five of six leads dealt with, one pending; a company, two notes of which one is lost, two reminders."""
    company = cluster()
    await stage(ledger, *USERS, *GROUPS, *SOURCES, *STATUSES, company, *LEADS, *NOTES, *REMINDERS)
    known = confirmed([*USERS, *GROUPS, *LEADS, *NOTES, *REMINDERS])
    await ledger.commit(
        [
            PutSetting(name="owners", value=OWNERS),
            PutSetting(name="reference:teams", value={"western cape": "7-teams"}),
            PutSetting(name="reference:sources", value={"1": "3-sources", "facebook": "3-sources"}),
            PutSetting(name="drift", value={"lead": {"score": 4}}),
            PutSetting(name="map:confirmed", value={name: known[name] for name in ("digest", "document", "by")}),
            PutSetting(name="observation", value=known["observation"]),
            PutSetting(name="fields:defined", value=[{"entity": "contacts", "label": "Streamflow ID", "family": "text", "created": "yes"}]),
            PutSetting(name="cutover", value={"step": "switched", "times": {"precheck": AT, "switched": AT}}),
        ]
    )
    account = line("company", company.key, "accounts", "41-accounts", {"name": "Karoo Solar (Pty) Ltd"})
    shared = person("2", "51-contacts", "")
    await ledger.commit(
        [
            *verified(account),
            *verified(person("1", "51-contacts", "Thandi Mokoena", **{"link:accounts": ["41-accounts"]})),
            PutLink(
                link=Link(
                    ref=shared.ref, dest_kind="contacts", dest_id="51-contacts", base={}, ours=False, verified="verified", written_at=AT
                )
            ),
            *verified(person("3", "53-contacts", SCRIPT), "differs", name=Verdict.DIFFERS),
            PutLink(
                link=Link(
                    ref=Ref("lead", "4"),
                    dest_kind="contacts",
                    dest_id="54-contacts",
                    base={"name": "Zoë Müller"},
                    before={"name": "Zoe"},
                    ours=False,
                    written_at=AT,
                )
            ),
            *verified(line("note", "11", "notes", "61-notes", {"body": "Left voicemail", "link:parent": "51-contacts"})),
            *verified(
                line(
                    "reminder",
                    "31",
                    "tasks",
                    "71-tasks",
                    {"title": "Call back", "link:relatedEntity": "51-contacts", "link:assignee": "1-users"},
                )
            ),
            *verified(line("reminder", "32", "tasks", "72-tasks", {"title": "Once", "link:relatedEntity": "51-contacts"})),
        ]
    )
    for kind, key, disposition in (
        ("company", company.key, Disposition.CREATED),
        ("lead", "1", Disposition.CREATED),
        ("lead", "2", Disposition.MERGED),
        ("lead", "3", Disposition.CREATED),
        ("lead", "4", Disposition.MATCHED),
        ("note", "11", Disposition.CREATED),
        ("reminder", "31", Disposition.CREATED),
        ("reminder", "32", Disposition.CREATED),
    ):
        await finish(ledger, kind, key, disposition)
    await finish(ledger, "lead", "5", Disposition.FILTERED, reason="status Junk")
    await finish(
        ledger, "note", "12", Disposition.FLAGGED, state=RecordState.HELD, reason="belongs to lead 99, which is not among the records read"
    )
    await ledger.commit(
        [
            *queue(),
            Audit(entry=AuditEntry(actor="uid:1000", action="gate.map.confirmed", note="abc")),
            Audit(entry=AuditEntry(actor="streamflow", action="write.create.confirmed", kind="lead", key="1", dest_id="51-contacts")),
        ]
    )
    await write(ledger, "w1", "1")


async def write(ledger: Ledger, id: str, key: str) -> None:
    """Note a write of a lead with its answer."""
    await ledger.commit(
        [
            PutIntent(intent=Intent(id=id, ref=Ref("lead", key), op=Op.CREATE, dest_kind="contacts", fields={"name": "x"})),
            SettleIntent(id=id, state=IntentState.CONFIRMED, dest_id="51-contacts"),
        ]
    )


def item(id: str, cause: str, kind: str, key: str, **values: Any) -> QueueItem:
    return QueueItem(
        id=id,
        cause=cause,
        kind=kind,
        key=key,
        reason=values.pop("reason", cause),
        decisions=("accept", "waive"),
        suggested="accept",
        **values,
    )


def queue() -> list[Change]:
    """Four open items and one resolved."""
    return [
        Enqueue(item=item("unknown_parent:note:12", "unknown_parent", "note", "12")),
        Enqueue(item=item("bad_email:lead:3:email", "bad_email", "lead", "3", details={"field": "email", "value": FORMULA})),
        Enqueue(
            item=item(
                "conflict:lead:1::name",
                "conflict",
                "lead",
                "1",
                details={"field": "name", "base": "Thandi", "source": "Thandi M", "destination": "Ms Mokoena", "dest_id": "51-contacts"},
            )
        ),
        Enqueue(item=item("todo:x", "to_do", "", "activity type Email", reason="missing; until it exists: notes")),
        Enqueue(item=item("unmapped:lead:1", "unmapped_field", "lead", "1", details={"field": "custom:Mood"})),
        ResolveItem(id="todo:x", decision="waive", by="uid:1000"),
    ]
