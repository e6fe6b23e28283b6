"""Export snapshots: a folder of CSV files or workbooks, attachments, and a manifest, last (leadtrekker.md 3.1).

`python -m streamflow.sandbox.leadtrekker.export --records 1000 --out DIR` writes one of a generated account.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Protocol, get_args, runtime_checkable

from streamflow.sandbox.leadtrekker.account import Account
from streamflow.sandbox.leadtrekker.account_plan import CHILD_KINDS
from streamflow.sandbox.leadtrekker.account_reference import user_of
from streamflow.sandbox.leadtrekker.export_dialect import (
    EXCEL_ZA,
    Dates,
    Dialect,
    Encoding,
    Form,
    Phones,
    cell,
)
from streamflow.sandbox.leadtrekker.export_table import table
from streamflow.sandbox.snapshot_folder import folder_name, free_path, sha256_of, write_manifest

Record = Mapping[str, Any]

COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "leads": (
        "leadid", "name", "surname", "email", "number", "company", "address", "sourceid", "source", "statusid",
        "status", "owner", "owner_email", "group", "created", "updated",
    ),
    "notes": ("noteid", "leadid", "lead_email", "user", "user_email", "created", "note"),
    "calls": (
        "callid", "leadid", "lead_email", "user", "user_email", "created", "number", "direction", "duration",
        "disposition", "notes",
    ),
    "emails": ("emailid", "leadid", "lead_email", "user", "user_email", "sent", "from", "to", "subject", "body"),
    "users": ("userid", "name", "email", "role", "active"),
    "groups": ("groupid", "name", "permission"),
    "group_members": ("groupid", "user_email"),
    "sources": ("sourceid", "name", "type"),
    "statuses": ("statusid", "name", "order", "closed"),
    "reminders": ("reminderid", "leadid", "lead_email", "user_email", "due", "note", "repeat", "done"),
}  # fmt: skip
"""The canonical columns of each file; leads have one more, `custom:<label>`, for each label in use."""


class Source(Protocol):
    """What a snapshot is taken of; it must stay as it is while `write_snapshot` runs."""

    def iter_records(self, kind: str) -> Iterator[dict[str, Any]]:
        """Yield the current records of a kind (leadtrekker.md 2.2); a child's `lead_email` is used where it has one."""

    def attachment_bytes(self, attachmentid: str) -> bytes:
        """Give the content of an attachment."""


@runtime_checkable
class KnowsLeadEmails(Protocol):
    """A source that can tell the e-mail behind any lead id, dead ones too; for others, their leads are searched."""

    def lead_email(self, leadid: str) -> str:
        """Give the e-mail that stands beside a child in an export."""


class AccountSource:
    """A generated account, as a source of snapshots."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self.attachment_bytes = account.attachment_bytes
        self.lead_email = account.lead_email

    def iter_records(self, kind: str) -> Iterator[dict[str, Any]]:
        """Yield all records of *kind*, leads and their children in the order of lead ids."""
        account = self._account
        if kind == "leads":
            yield from map(account.lead, range(account.lead_count))
        elif kind in CHILD_KINDS:
            for index in range(account.lead_count):
                yield from account.children(kind, index)
        else:
            lists = {
                "users": account.users, "groups": account.groups, "sources": account.sources,
                "statuses": account.statuses,
            }  # fmt: skip
            yield from lists[kind]()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Directory:
    """What the rows of other kinds are completed with: small lists, the labels in use, and e-mails of leads."""

    users: Mapping[str, tuple[str, str]]
    groups: Mapping[str, str]
    labels: tuple[str, ...]
    lead_email: Callable[[str], str]


def write_snapshot(
    source: Source, folder: Path, *, stamp: datetime, complete: bool = True, form: Form = "csv", tables: bool = True,
    dialect: Dialect = Dialect(),  # noqa: B008 - frozen, so shared safely
) -> Path:  # fmt: skip
    """
    Write one snapshot into *folder*/<UTC stamp>/ and give that folder; its manifest appears last and whole.

    Args:
        source: Read twice over leads (the labels of custom fields make the header), once over all else.
        folder: The inbox; made when missing.
        stamp: Moment of the export; a naive one is taken as UTC. Names the folder as YYYYMMDDTHHMMSSZ.
        complete: What the manifest says; nothing is left out either way.
        form: Of the tables; attachments are always plain files in attachments/<leadid>/<name>.
        tables: False leaves them out: attachments and manifest only, for a migration that reads the rest elsewhere.
        dialect: How tables are written.

    The manifest is {"exported_at", "complete", "files": [{"file", "rows", "sha256"}]}, paths with / and relative to the
    folder, `rows` without header and totals row; each attachment is listed with one row. Of names that meet in one
    folder the later are given a number, " (2)"; signs that cannot be in a name become "_".

    Raises:
        FileExistsError: there is a snapshot of that second already.
        RuntimeError: the source grew a new custom field meanwhile, for which the header has no column.
    """
    moment = stamp.astimezone(UTC) if stamp.tzinfo else stamp.replace(tzinfo=UTC)
    target = folder / folder_name(moment)
    target.mkdir(parents=True, exist_ok=False)
    files: list[dict[str, Any]] = []
    if tables:
        directory = _directory(source)
        files = [
            _write_table(source, target / f"{kind}.{form}", kind, directory, form=form, dialect=dialect)
            for kind in COLUMNS
        ]
    files += _write_attachments(source, target)
    exported_at = moment.isoformat(timespec="seconds").replace("+00:00", "Z")
    write_manifest(target, {"exported_at": exported_at, "complete": complete, "files": files})
    return target


def _directory(source: Source) -> _Directory:
    has_emails = isinstance(source, KnowsLeadEmails)
    labels: dict[str, None] = {}
    emails: dict[str, str] = {}
    for lead in source.iter_records("leads"):
        labels.update(dict.fromkeys(lead.get("custom_fields") or ()))
        if not has_emails:
            emails[str(lead["leadid"])] = _text(lead.get("email"))
    return _Directory(
        users={str(user["userid"]): (user["name"], user["email"]) for user in source.iter_records("users")},
        groups={str(group["groupid"]): group["name"] for group in source.iter_records("groups")},
        labels=tuple(labels),
        lead_email=source.lead_email if isinstance(source, KnowsLeadEmails) else lambda leadid: emails.get(leadid, ""),
    )


def _write_table(
    source: Source, path: Path, kind: str, directory: _Directory, *, form: Form, dialect: Dialect
) -> dict[str, Any]:
    columns = COLUMNS[kind]
    if kind == "leads":
        columns += tuple(f"custom:{label}" for label in directory.labels)
    columns += tuple(column for column in dialect.duplicated_headers if column in columns)
    rows = 0
    with table(path, form, dialect) as out:
        out.row([dialect.renamed_headers.get(column, column) for column in columns])
        for values in _rows(source, kind, directory):
            rows += 1
            out.row([cell(column, _text(values.get(column)), form, dialect) for column in columns])
        if dialect.totals_row:
            out.row(["Total", rows, *[""] * (len(columns) - 2)])
    return {"file": path.name, "rows": rows, "sha256": sha256_of(path)}


def _rows(source: Source, kind: str, directory: _Directory) -> Iterator[Record]:
    """Yield the rows of one file, keyed by column."""
    if kind == "group_members":
        for group in source.iter_records("groups"):
            for userid in group["members"]:
                yield {"groupid": group["groupid"], "user_email": directory.users.get(str(userid), ("", ""))[1]}
        return
    for record in source.iter_records(kind):
        if kind == "leads":
            custom = {f"custom:{label}": value for label, value in (record.get("custom_fields") or {}).items()}
            if late := [label for label in record.get("custom_fields") or {} if label not in directory.labels]:
                raise RuntimeError(f"labels {late} appeared while the snapshot was written; take it anew")
            yield record | custom | {"group": directory.groups.get(_text(record.get("groupid")), "")}
        elif kind in CHILD_KINDS:
            userid = _text(record.get("userid"))
            user, user_email = directory.users.get(userid) or user_of(userid)
            email = directory.lead_email(str(record["leadid"])) if "lead_email" not in record else record["lead_email"]
            yield record | {"user": user, "user_email": user_email, "lead_email": email}
        else:
            yield record


def _write_attachments(source: Source, target: Path) -> list[dict[str, Any]]:
    files = []
    for record in source.iter_records("attachments"):
        folder = target / "attachments" / str(record["leadid"])
        folder.mkdir(parents=True, exist_ok=True)
        path = free_path(folder, _text(record["name"]))
        content = source.attachment_bytes(str(record["attachmentid"]))
        path.write_bytes(content)
        name = path.relative_to(target).as_posix()
        files.append({"file": name, "rows": 1, "sha256": hashlib.sha256(content).hexdigest()})
    return files


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def main(arguments: list[str] | None = None) -> int:
    """Write one snapshot of a generated account and print its folder."""
    parser = argparse.ArgumentParser(prog="python -m streamflow.sandbox.leadtrekker.export", description=main.__doc__)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--records", type=int, default=1_000)
    parser.add_argument("--now", type=datetime.fromisoformat, help="end of the account's two years; by default, now")
    parser.add_argument("--out", type=Path, required=True, help="the inbox; the snapshot is a folder in it")
    parser.add_argument("--incomplete", action="store_true", help="let the manifest say complete: false")
    parser.add_argument("--form", choices=get_args(Form), default="csv")
    parser.add_argument("--excel-za", action="store_true", help="all damage of one, instead of what follows")
    parser.add_argument("--encoding", choices=get_args(Encoding), default="utf-8")
    parser.add_argument("--delimiter", choices=(",", ";", "tab"), default=",")
    parser.add_argument("--dates", choices=get_args(Dates), default="iso")
    parser.add_argument("--phones", choices=get_args(Phones), default="text")
    parser.add_argument("--formula-guard", action="store_true")
    parser.add_argument("--totals-row", action="store_true")
    given = parser.parse_args(arguments)
    dialect = EXCEL_ZA if given.excel_za else Dialect(
        encoding=given.encoding, delimiter="\t" if given.delimiter == "tab" else given.delimiter, dates=given.dates,
        phones=given.phones, formula_guard=given.formula_guard, totals_row=given.totals_row,
    )  # fmt: skip
    now = given.now or datetime.now(UTC)
    source = AccountSource(Account(seed=given.seed, records=given.records, now=now))
    stamp = now if now.tzinfo else datetime.now(UTC)
    folder = write_snapshot(
        source, given.out, stamp=stamp, complete=not given.incomplete, form=given.form, dialect=dialect
    )
    print(folder)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
