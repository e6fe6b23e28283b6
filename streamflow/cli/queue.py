"""`queue`: what a person must decide, one by one or as a table."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from streamflow.cli.asking import daemon, order, show, tell
from streamflow.cli.new_file import write_new
from streamflow.cli.output import fitted, table, tree, width
from streamflow.cli.parsing import Adder, Args, group
from streamflow.daemon.client import Refusal, part
from streamflow.daemon.exits import Exit
from streamflow.errors import UsageError
from streamflow.reports.tables import FORMULA

COLUMNS = ("id", "cause", "blocking", "kind", "key", "reason", "decisions", "suggested", "decision")
MAX_IMPORT_BYTES = 50_000_000


def register(add: Adder) -> None:
    """Add the commands."""
    of_queue = group(add, "queue", "the review queue")
    listing = of_queue("list", _list, "open items")
    listing.add_argument("--state", choices=["open", "resolved", "all"], default="open")
    of_queue("show", _show, "one item with its details").add_argument("id", metavar="ID")
    resolve = of_queue("resolve", _resolve, "decide one item")
    resolve.add_argument("id", metavar="ID")
    resolve.add_argument("--as", dest="decision", required=True, metavar="DECISION", help="one of the item's decisions")
    of_queue("export", _export, "write open items to a CSV file with an empty column for decisions").add_argument("file", metavar="FILE")
    of_queue("import", _import, "take decisions from such a file").add_argument("file", metavar="FILE")


async def _list(args: Args) -> int:
    return await show(args, "/v1/queue", lambda answer: queue_text(answer, columns=width()), state=args.state)


async def _show(args: Args) -> int:
    return await show(args, f"/v1/queue/{part(args.id)}", tree)


async def _resolve(args: Args) -> int:
    return await order(args, f"/v1/queue/{part(args.id)}/resolve", decision=args.decision)


async def _export(args: Args) -> int:
    async with daemon(args) as client:
        answer = await client.get("/v1/queue", state="open")
    items = answer.get("items", [])
    write_new(Path(args.file), to_csv(items))      # private: reasons may name people; and what was decided in one before is not lost
    answer = {"result": "exported", "items": len(items), "path": str(Path(args.file).absolute())}
    next_step = f"fill the column decision, then `streamflow queue import {args.file}`"
    tell(args, answer, lambda _: f"wrote {len(items)} items to {args.file}\n  next: {next_step}")
    return Exit.DONE


async def _import(args: Args) -> int:
    decisions = from_csv(read_text(args.file))
    resolved, refused = 0, []
    async with daemon(args) as client:
        for id, decision in decisions:
            try:
                await client.post(f"/v1/queue/{part(id)}/resolve", decision=decision)
                resolved += 1
            except Refusal as error:
                refused.append({"id": id, "decision": decision, "reason": str(error)})
    tell(args, {"result": "imported", "resolved": resolved, "refused": refused}, _import_text)
    return Exit.OPEN_ITEMS if refused else Exit.DONE


def queue_text(answer: Mapping[str, Any], *, columns: int | None = None) -> str:
    """Lay out the items, blocking ones first."""
    items = sorted(answer.get("items", []), key=lambda item: not item.get("blocking"))
    if not items:
        return "the queue is empty"
    rows = [
        ["!" if item.get("blocking") else "", item["id"], item["cause"], f"{item['kind']} {item['key']}", item["suggested"], item["reason"]]
        for item in items
    ]
    text = table(("", "id", "cause", "record", "suggested", "reason"), rows)
    if columns is not None and max(map(len, text.split("\n"))) > columns:
        text = "\n".join(line for row in rows for line in _block(row, columns))
    open_items = sum(1 for item in items if item.get("state") == "open")
    blocking = sum(1 for item in items if item.get("blocking") and item.get("state") == "open")
    return f"{text}\n\n{open_items} open, {blocking} of them blocking (!) the cutover; `streamflow queue show ID` tells all of one"


def _block(row: list[str], columns: int) -> list[str]:
    """Lay out one item below itself, its id whole so that it can be copied."""
    mark, id, cause, record, suggested, reason = row
    said = f"{cause}, {record.strip() or 'the account'}, suggested: {suggested or 'nothing'}. {reason}"
    return [f"{mark or ' '} {id}", *fitted("    " + said, columns)]


def to_csv(items: Iterable[Mapping[str, Any]]) -> str:
    """Write items as CSV; texts a spreadsheet would take for formulas get an apostrophe in front."""
    target = io.StringIO()
    writer = csv.writer(target, quoting=csv.QUOTE_MINIMAL, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for item in items:
        blocking = "yes" if item.get("blocking") else "no"
        values = {**item, "decisions": "|".join(item.get("decisions", ())), "decision": "", "blocking": blocking}
        writer.writerow([guarded(str(values.get(name, ""))) for name in COLUMNS])
    return target.getvalue()


def from_csv(text: str) -> list[tuple[str, str]]:
    """Read (id, decision) of all rows with a decision. Raises UsageError for a table without these columns."""
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=_delimiter(text))
    missing = [name for name in ("id", "decision") if name not in (reader.fieldnames or ())]
    if missing:
        raise UsageError(f"the table has no column {' and '.join(missing)}", hint="start from `streamflow queue export FILE`")
    pairs = []
    for row in reader:
        id, decision = unguarded((row["id"] or "").strip()), unguarded((row["decision"] or "").strip())
        if decision and not id:
            raise UsageError(f"line {reader.line_num} has a decision and no id", hint="keep the column id as exported")
        if decision:
            pairs.append((id, decision))
    return pairs


def guarded(text: str) -> str:
    """Put an apostrophe before what a spreadsheet would run as a formula, and before an apostrophe of our own."""
    return "'" + text if text.startswith((*FORMULA, "'")) else text


def unguarded(text: str) -> str:
    """Take `guarded`'s apostrophe away."""
    return text[1:] if text.startswith("'") and text[1:2] in {*FORMULA, "'"} else text


def read_text(name: str) -> str:
    """Read a table as text. Raises UsageError."""
    try:
        path = Path(name)
        if path.stat().st_size > MAX_IMPORT_BYTES:
            raise UsageError(f"{name} is too large")
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UsageError(f"{name} cannot be read: {error.strerror}", hint="name the file that `queue export` wrote") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{name} is not UTF-8 text", hint="save it as CSV UTF-8") from error


def _delimiter(text: str) -> str:
    head = text.split("\n", 1)[0]
    return max(",;\t", key=head.count)


def _import_text(answer: Mapping[str, Any]) -> str:
    refused = [f"  {item['id']}: {item['reason']}" for item in answer["refused"]]
    return "\n".join([f"{answer['resolved']} decided, {len(refused)} refused", *refused])
