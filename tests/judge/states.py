"""The true states of both accounts, read from the sandbox's own faces, and what a comparison may find."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias, get_args

Row: TypeAlias = dict[str, Any]
Identity: TypeAlias = tuple[str, str]
"""(source kind in the singular, key)."""
WHO_IS_WHO = frozenset({"possible_duplicate", "shared_email", "unclear_name", "several_candidates", "unknown_head"})
"""Causes of questions about who is who: no other word about a person excuses that there are two."""

PLURAL: Mapping[str, str] = {
    "lead": "leads", "note": "notes", "call": "calls", "email": "emails", "reminder": "reminders", "attachment": "attachments",
    "user": "users", "source": "sources", "status": "statuses", "group": "groups",
}  # fmt: skip
KEYS: Mapping[str, str] = {kind: f"{kind}id" for kind in PLURAL}
CHILDREN = ("note", "call", "email", "reminder", "attachment")
RECORDS = ("accounts", "contacts", "leads", "notes", "activities", "tasks")
_TIMEOUT_S = 240.0
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))

Fault = Literal["lost", "doubled", "orphaned", "wrong", "overwritten", "foreign touched", "stray", "unexplained"]
Verdict = Literal["lost", "doubled", "orphaned", "wrong", "overwritten", "unexplained"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is not as it should be; `what` names the record, `why` says what was expected and what is there."""

    fault: Fault
    what: str
    why: str

    @property
    def verdict(self) -> Verdict:
        """Give the promise it breaks: what was there before is people's own, and what nobody can trace to the source is unexplained."""
        if self.fault == "foreign touched":
            return "overwritten"
        return "unexplained" if self.fault == "stray" else self.fault

    def __str__(self) -> str:
        return f"{self.fault}: {self.what}: {self.why}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """
    What the product asks or tells of one source record.

    Args:
        others: The source and destination records that it names beside it.
        name: Of the item in the queue.
        is_over: It was answered, otherwise than by giving it up.
    """

    cause: str
    kind: str
    key: str
    others: frozenset[str] = frozenset()
    name: str = ""
    is_over: bool = False

    def is_about(self, kind: str, one: str, other: str, contact_of: Callable[[str], str | None]) -> bool:
        """Say whether it asks who is who and names both of these contacts, by their own ids or by records of *kind* that became them."""
        named = {contact_of(name) or name for name in (self.key, *self.others)}
        return self.cause in WHO_IS_WHO and self.kind == kind and {one, other} <= named


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The source as it truly is: kind in the singular -> key -> record; `gone` is what people deleted or merged away."""

    rows: Mapping[str, Mapping[str, Row]]
    gone: frozenset[Identity] = frozenset()
    moved_files: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Attachments that merges took to another lead since the account was made -> the leads they were on before."""

    def of(self, kind: str) -> Mapping[str, Row]:
        """Give the records of a kind by key."""
        return self.rows.get(kind, {})

    def every(self) -> Iterator[tuple[str, str, Row]]:
        """Yield (kind, key, record) of leads and what happened to them."""
        for kind in ("lead", *CHILDREN):
            for key, row in self.of(kind).items():
                yield kind, key, row

    def label(self, kind: str, key: str) -> str:
        """Give the name of a user, status, source or group, or ""."""
        return str(self.of(kind).get(key, {}).get("name") or "").strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """The destination as it truly is, deleted records apart: kind -> id -> record; `defined` are custom fields, as "leads/Lead Status"."""

    live: Mapping[str, Mapping[str, Row]]
    deleted: frozenset[str]
    defined: frozenset[str] = frozenset()

    def of(self, kind: str) -> Mapping[str, Row]:
        """Give the live records of a kind by id."""
        return self.live.get(kind, {})

    def user_by_email(self, email: str) -> str | None:
        """Give the id of the enabled user with this address."""
        wanted = email.strip().lower()
        for rid, user in self.of("users").items():
            if user.get("isEnabled", True) and wanted and wanted in [str(one).strip().lower() for one in user.get("emails") or ()]:
                return rid
        return None


def source_of(
    tables: Mapping[str, list[Row]], *, gone: frozenset[Identity] = frozenset(), moved_files: Mapping[str, frozenset[str]] | None = None
) -> Source:
    """Make a source state of tables by plural name, as the dumps give them."""
    rows = {kind: {str(row[KEYS[kind]]): row for row in tables.get(plural, [])} for kind, plural in PLURAL.items()}
    return Source(rows=rows, gone=gone, moved_files=moved_files or {})


def as_exported(source: Source) -> Source:
    """Give the source as tables of an export tell it: a reminder names its user by e-mail alone, so one without an e-mail is nobody."""
    users = source.of("user")

    def told(row: Row) -> Row:
        mail = users.get(str(row.get("userid") or ""), {}).get("email") or row.get("user_email")
        return row if str(mail or "").strip() else {**row, "userid": ""}

    reminders = {key: told(row) for key, row in source.of("reminder").items()}
    return replace(source, rows={**source.rows, "reminder": reminders})


def destination_of(dump: Mapping[str, Any]) -> Destination:
    """Make a destination state of a dump."""
    live: dict[str, dict[str, Row]] = {}
    deleted = set()
    for kind, rows in dump.items():
        if not isinstance(rows, list):
            continue
        for row in rows:
            if row.get("deletedTime"):
                deleted.add(str(row["id"]))
            else:
                live.setdefault(kind, {})[str(row["id"])] = row
    fields = dump.get("customFields") or {}
    defined = frozenset(f"{entity}/{row['title']}" for entity, rows in fields.items() for row in rows)
    return Destination(live=live, deleted=frozenset(deleted), defined=defined)


def ask(url: str, body: object = None) -> Any:
    """GET, or POST a JSON body, and give the JSON answer."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers={"Content-Type": "application/json"})
    with _direct.open(request, timeout=_TIMEOUT_S) as response:
        return json.loads(response.read())


def read_source(admin: str) -> Source:
    """Read every kind from the source's admin face (`.../_sandbox/`), and from its book what people took away."""
    tables = {plural: lines(f"{admin}dump?kind={plural}") for plural in PLURAL.values()}
    singular = {plural: kind for kind, plural in PLURAL.items()}
    done = ask(f"{admin}life?since=0")["operations"]
    gone = {(singular[row["kind"]], str(row["id"])) for row in done if row["op"] in ("delete", "merge")}
    present = {(kind, str(row[KEYS[kind]])) for kind, plural in PLURAL.items() for row in tables[plural]}
    leads = {key for kind, key in gone if kind == "lead"}
    # A deleted lead takes everything with it that lives there; the book names the lead only.
    return source_of(tables, gone=frozenset(gone - present) | _with_deleted(leads), moved_files=_moved_files(done))


def _moved_files(done: list[Row]) -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for row in done:
        for key in row.get("files", ()):
            found[str(key)] = found.get(str(key), frozenset()) | {str(row["id"])}
    return found


def _with_deleted(leads: set[str]) -> frozenset[Identity]:
    return frozenset(("under", key) for key in leads)


def read_destination(admin: str) -> Destination:
    """Read the whole account from the destination's admin face."""
    return destination_of(ask(f"{admin}dump"))


def lines(url: str) -> list[Row]:
    """GET a stream of JSON objects, one a line."""
    with _direct.open(url, timeout=_TIMEOUT_S) as response:
        return [json.loads(line) for line in response.read().splitlines() if line.strip()]
