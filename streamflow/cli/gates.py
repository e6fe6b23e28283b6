"""`map`, `owners`, `sample`: the gates where the daemon waits for a person."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from streamflow.cli.asking import long_show, order, show
from streamflow.cli.output import table, tree
from streamflow.cli.parsing import Adder, Args, group
from streamflow.daemon.exits import Exit
from streamflow.errors import UsageError

MAX_MAP_BYTES = 900_000   # below what the socket takes, with its wrapping
LOW_CONFIDENCE = 0.7


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
    return await show(args, "/v1/map", map_text)


async def _map_confirm(args: Args) -> int:
    return await order(args, "/v1/map/confirm", digest=args.digest)


async def _map_edit(args: Args) -> int:
    return await order(args, "/v1/map/edit", document=read_document(args.file))


async def _owners_show(args: Args) -> int:
    return await show(args, "/v1/owners", owners_text)


async def _owners_recheck(args: Args) -> int:
    return await order(args, "/v1/owners/recheck")


async def _owners_fallback(args: Args) -> int:
    if "@" not in args.email:
        raise UsageError(f'"{args.email}" is not an e-mail address', hint="name a user of the destination by e-mail")
    return await order(args, "/v1/owners/fallback", email=args.email)


async def _sample_show(args: Args) -> int:
    await long_show(args, "/v1/sample", tree)
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
        document = tomllib.loads(raw.decode()) if name.endswith(".toml") else orjson.loads(raw)
    except (tomllib.TOMLDecodeError, orjson.JSONDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{name} cannot be read: {error}", hint="start from `streamflow map show --json`") from error
    if not isinstance(document, dict):
        raise UsageError(f"{name} does not hold a map", hint="start from `streamflow map show --json`")
    # What `map show --json` printed may come back as a whole.
    return document["document"] if isinstance(document.get("document"), dict) else document


def map_text(answer: Mapping[str, Any]) -> str:
    """Lay out the map: each object with its rows, doubtful ones marked."""
    lines = []
    for each in answer.get("document", {}).get("objects", []):
        lines += [f"{each['source']} -> {each['destination']}  ({each['cardinality']})", _rows(each.get("rows", [])), ""]
    lines.append(f"digest: {answer.get('digest', '-')}   state: {answer.get('state', '-')}")
    if answer.get("state") != "confirmed":
        lines.append(f"  confirm it with: streamflow map confirm --digest {answer.get('digest', '-')}")
    return "\n".join(lines)


def _rows(rows: list[Mapping[str, Any]]) -> str:
    lines = []
    for row in rows:
        target = row.get("target") or f"(stays: {row.get('not_moved', '')})"
        confidence = float(row.get("confidence", 1.0))
        mark = "?" if confidence < LOW_CONFIDENCE else ""
        samples = ", ".join(str(sample) for sample in row.get("samples", [])[:3])
        lines.append((mark, row.get("source"), target, row.get("transform"), f"{confidence:.2f}", samples[:60]))
    return table(("", "from", "to", "how", "sure", "samples"), lines)


def owners_text(answer: Mapping[str, Any]) -> str:
    """Lay out owners and what they match."""
    rows = [[owner.get(name) for name in ("name", "email", "records", "match", "how")] for owner in answer.get("owners", [])]
    rest = {key: value for key, value in answer.items() if key != "owners"}
    return table(("name", "email", "records", "match", "how"), rows, right=("records",)) + "\n" + tree(rest)
