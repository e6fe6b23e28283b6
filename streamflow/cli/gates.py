"""`map`, `owners`, `sample`: the gates where the daemon waits for a person."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from streamflow.cli.asking import long_show, order, show
from streamflow.cli.output import table, width
from streamflow.cli.parsing import Adder, Args, group
from streamflow.daemon.exits import Exit
from streamflow.errors import UsageError
from streamflow.wire.body import parse_json

MAX_MAP_BYTES = 900_000   # below what the socket takes, with its wrapping
LOW_CONFIDENCE = 0.7
SAMPLE_CHARS = 28
SHOWN_DIFFERENCES = 30


def register(add: Adder) -> None:
    """Add the commands."""
    of_map = group(add, "map", "the field map: see it, change it, confirm it")
    of_map("show", _map_show, "the proposed or confirmed map with its digest")
    of_map("confirm", _map_confirm, "confirm exactly the map that was shown").add_argument(
        "--digest", required=True, metavar="D", help="the digest `map show` gave"
    )
    of_map("edit", _map_edit, "replace the proposed map").add_argument("file", metavar="FILE", help="JSON or TOML; - is standard input")
    of_owners = group(add, "owners", "who owns what on the other side")
    of_owners("show", _owners_show, "owners with their match")
    of_owners("recheck", _owners_recheck, "look again, after users were added")
    of_owners("fallback", _owners_fallback, "send unmatched owners' records to one user").add_argument("email", metavar="EMAIL")
    of_sample = group(add, "sample", "the sample that proves the map")
    of_sample("show", _sample_show, "the sample with its differences")
    of_sample("accept", _sample_accept, "accept it and go on to the backfill")
    of_sample("redo", _sample_redo, "remove it and run it again, e.g. after `map edit`")
    of_sample("discard", _sample_discard, "remove it and wait")


async def _map_show(args: Args) -> int:
    return await show(args, "/v1/map", lambda answer: map_text(answer, columns=width()))


async def _map_confirm(args: Args) -> int:
    return await order(args, "/v1/map/confirm", digest=args.digest)


async def _map_edit(args: Args) -> int:
    return await order(args, "/v1/map/edit", document=read_document(args.file))


async def _owners_show(args: Args) -> int:
    return await show(args, "/v1/owners", lambda answer: owners_text(answer, columns=width()))


async def _owners_recheck(args: Args) -> int:
    return await order(args, "/v1/owners/recheck", lambda answer: owners_text(answer, columns=width()))


async def _owners_fallback(args: Args) -> int:
    if "@" not in args.email:
        raise UsageError(f'"{args.email}" is not an e-mail address', hint="name a user of the destination by e-mail")
    return await order(args, "/v1/owners/fallback", email=args.email)


async def _sample_show(args: Args) -> int:
    await long_show(args, "/v1/sample", lambda answer: sample_text(answer, columns=width()))
    return Exit.DONE


async def _sample_accept(args: Args) -> int:
    return await order(args, "/v1/sample/accept")


async def _sample_redo(args: Args) -> int:
    return await order(args, "/v1/sample/redo")


async def _sample_discard(args: Args) -> int:
    return await order(args, "/v1/sample/discard")


def read_document(name: str) -> Any:
    """Read a map document from a file or standard input. Raises UsageError with the place of the mistake."""
    try:
        raw = sys.stdin.buffer.read(MAX_MAP_BYTES + 1) if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise UsageError(f"{name} cannot be read: {error.strerror}", hint="name the edited map file") from error
    if len(raw) > MAX_MAP_BYTES:
        raise UsageError(f"{name} is too large for a map (more than {MAX_MAP_BYTES} bytes)")
    try:
        document = tomllib.loads(raw.decode()) if name.endswith(".toml") else parse_json(raw)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{name} cannot be read: {error}", hint="start from `streamflow map show --json`") from error
    if not isinstance(document, dict):
        raise UsageError(f"{name} does not hold a map", hint="start from `streamflow map show --json`")
    return document


def map_text(answer: Mapping[str, Any], *, columns: int | None = None) -> str:
    """Lay out the map: each object with its rows, doubtful ones marked."""
    lines = []
    for each in answer.get("document", {}).get("objects", []):
        lines += [f"{each['source']} -> {each['destination']}  ({each['cardinality']})", _rows(each.get("rows", []), columns), ""]
    lines.append(f"digest: {answer.get('digest', '-')}   state: {answer.get('state', '-')}")
    if answer.get("state") != "confirmed":
        lines.append(f"  confirm it with: streamflow map confirm --digest {answer.get('digest', '-')}")
    return "\n".join(lines)


def _rows(rows: list[Mapping[str, Any]], columns: int | None) -> str:
    lines = []
    for row in rows:
        target = row.get("target") or f"(stays: {row.get('not_moved', '')})"
        confidence = float(row.get("confidence", 1.0))
        mark = "?" if confidence < LOW_CONFIDENCE else ""
        samples = _samples(row.get("samples", []))
        lines.append((mark, row.get("source"), target, row.get("transform"), f"{confidence:.2f}", samples))
    return table(("", "from", "to", "how", "sure", "samples"), lines, columns=columns)


def _samples(samples: list[Any]) -> str:
    """Name a few values, each cut where it is long and none in the middle."""
    return ", ".join(text if len(text) <= SAMPLE_CHARS else f"{text[: SAMPLE_CHARS - 1]}…" for text in map(str, samples[:3]))


def owners_text(answer: Mapping[str, Any], *, columns: int | None = None) -> str:
    """Lay out owners and what they match; those nobody stands in for are marked."""
    owners = answer.get("owners", [])
    if not owners:
        return "no owners are known yet; they are looked at once the map is confirmed"
    head = ("name", "email", "records", "match", "how")
    rows = [["!" if owner.get("records") and not owner.get("match") else "", *(owner.get(name) for name in head)] for owner in owners]
    lines = [table(("", *head), rows, right=("records",), columns=columns)]
    if count := answer.get("unmatched"):
        lines.append(f"! {count} without a user in the destination: add them there and `owners recheck`, or `owners fallback EMAIL`")
    lines.append(f"fallback: {answer.get('fallback') or 'none'}")
    return "\n".join(lines)


def _sample_counts(counts: Mapping[str, int]) -> str:
    """Lay out "lead: created" → 30 with a line a kind."""
    kinds: dict[str, list[str]] = {}
    for name, count in counts.items():
        kind, _, disposition = name.partition(": ")
        kinds.setdefault(kind, []).append(f"{count} {disposition}")
    return table(("kind", "records"), [[kind, ", ".join(parts)] for kind, parts in kinds.items()])


def sample_text(answer: Mapping[str, Any], *, columns: int | None = None) -> str:
    """Lay out what the sample showed: the sums, then the fields that are not simply equal, as far as a screen is of use."""
    verdicts = ", ".join(f"{name} {count}" for name, count in answer.get("verdicts", {}).items() if count)
    other = [row for row in answer.get("diff", []) if row.get("verdict") not in ("equal", "normalised")]
    lines = [f"sample of {answer.get('size')} records: {answer.get('state')}", "", _sample_counts(answer.get("counts", {}))]
    lines += ["", f"fields: {verdicts or 'none yet'}"]
    if other:
        head = ("kind", "key", "field", "expected", "actual", "verdict")
        lines += ["", table(head, [[row.get(name) for name in head] for row in other[:SHOWN_DIFFERENCES]], columns=columns)]
    if len(other) > SHOWN_DIFFERENCES:
        lines.append(f"… and {len(other) - SHOWN_DIFFERENCES} more")
    return "\n".join([*lines, "", f"every field side by side: {answer.get('report')}"])
