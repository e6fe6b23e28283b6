"""
The least a resumable migration can do, by hand: asyncio, aiohttp, and an id map with an audit row per record in batched transactions.

It makes the same calls as the daemon (lists, children of each lead, one create a record, read-back fifty ids a call, people by pages
of whole records), maps by a few lines of code, and knows nothing of updates, doubts, doubles or people. CPU per record is compared with it.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import sqlite3
import sys
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import aiohttp
import orjson

BATCH = 40
READ_AT_ONCE = 50
PAGE = 500
FLIGHT = 12
Row = dict[str, Any]
Made = tuple[str, str, str, Row]      # destination kind, source ref, destination id, what was sent


def encoded(params: dict[str, Any]) -> bytes:
    """Give a request body with base64 leaves."""
    return orjson.dumps({name: base64.b64encode(str(value).encode()).decode() for name, value in params.items()})


def seconds(text: str) -> int:
    """Give the Unix time of a local text, a bad one as the epoch."""
    try:
        return int(datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC).timestamp()) - 7200
    except ValueError:
        return 0


def contact(lead: Row, accounts: dict[str, str]) -> Row:
    """Map a lead to a person."""
    customs = {"Streamflow ID": f"lt:lead:{lead['leadid']}", **(lead.get("custom_fields") or {})}
    body: Row = {"name": lead["name"] or "?", "customFields": customs}
    if lead.get("email"):
        body["emails"] = [{"name": "work", "value": lead["email"], "isPrimary": True}]
    if lead.get("number"):
        body["phones"] = [{"name": "work", "value": lead["number"], "isPrimary": True}]
    if lead.get("address"):
        body["description"] = lead["address"]
    account = accounts.get(lead.get("company") or "")
    body["links"] = {"accounts": [account]} if account else {}
    return {"contacts": [body]}


def note(text: str, ref: str, parent: str) -> Row:
    """Map a note or an e-mail to a note."""
    return {"data": {"body": f"{text}\n[sf:{ref}]", "links": {"parent": parent}}}


def activity(call: Row, ref: str, kind: str, parent: str) -> Row:
    """Map a call to a logged activity."""
    start = seconds(str(call.get("started") or call.get("created") or ""))
    body = {"name": "Call", "description": f"{call.get('summary') or call.get('note') or ''}\n[sf:{ref}]", "activityType": kind}
    return {"activities": [{**body, "startTime": start, "endTime": start + 60, "isLogged": True, "links": {"participants": [parent]}}]}


def task(reminder: Row, ref: str, parent: str) -> Row:
    """Map a reminder to a task."""
    due = str(seconds(str(reminder.get("due") or "")))
    title = (reminder.get("note") or "Reminder")[:80]
    return {"title": title, "description": f"[sf:{ref}]", "dueTime": due, "links": {"relatedEntity": parent}}


class Book:
    """Id map, audit rows and checkpoints, a transaction a batch."""

    def __init__(self, path: str) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.executescript(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE ids(ref TEXT PRIMARY KEY, dest TEXT);"
            "CREATE TABLE audit(n INTEGER PRIMARY KEY, ref TEXT, dest TEXT, body BLOB); CREATE TABLE marks(name TEXT PRIMARY KEY, at TEXT);"
        )

    def keep(self, made: Sequence[Made], name: str) -> None:
        """Note a finished batch."""
        self._db.execute("BEGIN")
        self._db.executemany("INSERT OR REPLACE INTO ids VALUES(?,?)", [(ref, dest) for _, ref, dest, _ in made])
        told = [(ref, dest, orjson.dumps(body)) for _, ref, dest, body in made]
        self._db.executemany("INSERT INTO audit(ref,dest,body) VALUES(?,?,?)", told)
        self._db.execute("INSERT OR REPLACE INTO marks VALUES(?,?)", (name, made[-1][1] if made else ""))
        self._db.execute("COMMIT")


class Loop:
    """Reads, makes, reads back."""

    def __init__(self, http: aiohttp.ClientSession, given: argparse.Namespace, book: Book) -> None:
        self._http = http
        self._given = given
        self._book = book
        self._auth = {"Authorization": f"Basic {base64.b64encode(f'{given.user}:{given.destination_key}'.encode()).decode()}"}
        self._flight = asyncio.Semaphore(FLIGHT)
        self.ids: dict[str, str] = {}
        self.sent: dict[str, Row] = {}
        self.made = 0
        self.wrong = 0

    async def source(self, function: str, **params: Any) -> list[Row]:
        """Ask a read function and give its rows."""
        headers = {"Apikey": self._given.source_key, "Content-Type": "application/json"}
        async with self._flight, self._http.post(self._given.source + function, data=encoded(params), headers=headers) as answer:
            data = orjson.loads(await answer.read())
        return list(next(iter(data.values())))

    async def listed(self, function: str) -> list[Row]:
        """Read all pages of a list."""
        found: list[Row] = []
        page = 1
        while True:
            rows = await self.source(function, page=page, limit=PAGE)
            found += rows
            if len(rows) < PAGE:
                return found
            page += 1

    async def rest(self, method: str, path: str, body: Any = None) -> Any:
        """Call the destination."""
        data = None if body is None else orjson.dumps(body)
        url = path if path.startswith("http") else f"{self._given.destination}/{path}"
        headers = {**self._auth, "Content-Type": "application/json"}
        async with self._flight, self._http.request(method, url, data=data, headers=headers) as answer:
            text = await answer.read()
            if answer.status >= 300:
                raise RuntimeError(f"{method} {path.partition('/')[0]}: {answer.status}")
        return orjson.loads(text) if text else None

    async def load(self, kind: str, jobs: Iterable[tuple[str, Row]]) -> None:
        """Create records in batches, note them, and read those back that carry no custom fields."""
        waiting = iter(jobs)
        while batch := list(islice(waiting, BATCH)):
            results = await asyncio.gather(*(self._create(kind, ref, body) for ref, body in batch), return_exceptions=True)
            made = [each for each in results if not isinstance(each, BaseException)]
            self.wrong += len(batch) - len(made)
            self._book.keep(made, kind)
            for _, ref, dest, body in made:
                self.ids[ref] = dest
                self.sent[dest] = body
            self.made += len(made)
            if kind not in ("contacts", "accounts"):
                await self._read_back(kind, [dest for _, _, dest, _ in made])

    async def children(self, kind: str, source: str, rows: Iterable[Row], make: Callable[[Row, str, str], Row]) -> None:
        """Create what belongs to people that are there."""
        named = ((f"{source}:{row[f'{source}id']}", row, self.ids.get(f"lead:{row['leadid']}")) for row in rows)
        await self.load(kind, ((ref, make(row, ref, to)) for ref, row, to in named if to))

    async def _create(self, kind: str, ref: str, body: Row) -> Made:
        data = await self.rest("POST", kind, body)
        rows = data[kind]
        return kind, ref, rows[0]["id"], body

    async def _read_back(self, kind: str, ids: Sequence[str]) -> None:
        for start in range(0, len(ids), READ_AT_ONCE):
            data = await self.rest("GET", f"{kind}/{','.join(ids[start : start + READ_AT_ONCE])}")
            for row in data[kind]:
                self._compare(row, self.sent.get(row["id"]))

    def _compare(self, row: Row, body: Row | None) -> None:
        if body is None:
            return
        wanted = next(iter(body.values())) if len(body) == 1 else body
        wanted = wanted[0] if isinstance(wanted, list) else wanted
        for name in ("name", "body", "title"):
            if name in wanted and row.get(name) != wanted[name]:
                self.wrong += 1

    async def sweep(self, kind: str) -> None:
        """Read people or companies back by pages of whole records."""
        page = 1
        while True:
            params = {"query": {}, "orderBy": "createdTime", "orderDirection": "ASC", "limit": 100, "page": page, "stubResponses": False}
            rpc = {"jsonrpc": "2.0", "id": "x", "method": f"find{kind.capitalize()}", "params": params}
            rows = (await self.rest("POST", self._given.rpc, rpc))["result"]
            if not rows:
                return
            await self._read_back(kind, [f"{row['id']}-{kind}" for row in rows])
            page += 1


async def run(given: argparse.Namespace) -> None:
    """Move the account."""
    start_cpu_s = round(time.process_time(), 3)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=60)) as http:
        loop = Loop(http, given, Book(given.book))
        types = (await loop.rest("GET", "activitytypes"))["activityTypes"]
        leads = await loop.listed("getleads")
        reminders = await loop.listed("getreminders")
        children = {name: await _children(loop, f"get{name}", leads) for name in ("notes", "calls", "emails")}
        companies = sorted({lead["company"] for lead in leads if lead.get("company")})
        await loop.load("accounts", ((f"company:{name}", {"accounts": [{"name": name, "links": {}}]}) for name in companies))
        accounts = {name: loop.ids[f"company:{name}"] for name in companies if f"company:{name}" in loop.ids}
        await loop.load("contacts", ((f"lead:{lead['leadid']}", contact(lead, accounts)) for lead in leads))
        await loop.children("notes", "note", children["notes"], lambda row, ref, to: note(row["note"], ref, to))
        await loop.children("activities", "call", children["calls"], lambda row, ref, to: activity(row, ref, types[0]["id"], to))
        await loop.children("notes", "email", children["emails"], lambda row, ref, to: note(f"{row['subject']}\n{row['body']}", ref, to))
        await loop.children("tasks", "reminder", reminders, task)
        for kind in ("accounts", "contacts"):
            await loop.sweep(kind)
        print(orjson.dumps({"made": loop.made, "wrong": loop.wrong, "start_cpu_s": start_cpu_s}).decode())


async def _children(loop: Loop, function: str, leads: Sequence[Row]) -> list[Row]:
    found: list[Row] = []
    for start in range(0, len(leads), BATCH):
        asked: list[Awaitable[list[Row]]] = [loop.source(function, leadid=lead["leadid"]) for lead in leads[start : start + BATCH]]
        for rows in await asyncio.gather(*asked):
            found += rows
    return found


def main() -> int:
    """Run the loop once; prints how many records it made."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("source", "source-key", "destination", "destination-key", "rpc", "user", "book"):
        parser.add_argument(f"--{name}", required=True)
    asyncio.run(run(parser.parse_args()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
