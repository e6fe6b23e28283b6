"""What a record costs in the ledger, in wall time: staging a thousand, then finishing them in batches of a hundred. Run it by hand."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import anyio

from streamflow.clock import SystemClock
from streamflow.model import AuditEntry, Disposition, FieldCheck, Intent, IntentState, Link, Op, Record, Ref, Verdict
from streamflow.store.change import Audit, Change, Finish, MarkVerified, MoveMark, PutIntent, PutLink, SettleIntent, Wake
from streamflow.store.sqlite import SqliteLedger

FIELDS = {"name": "Ann Example", "emails": [{"name": "work", "value": "ann@example.test", "isPrimary": True}], "description": "x" * 200}
Keys = Sequence[tuple[str, int]]


def records(start: int, count: int) -> list[Record]:
    return [Record(kind="lead", key=str(n), data={**FIELDS, "n": n, "city": "Springfield", "notes": "y" * 300}, digest=f"{n:064x}")
            for n in range(start, start + count)]


def meant(keys: Keys) -> list[Change]:
    return [PutIntent(intent=Intent(id=key, ref=Ref("lead", key), op=Op.CREATE, dest_kind="contacts", fields=FIELDS)) for key, _ in keys]


def settled(keys: Keys) -> list[Change]:
    changes: list[Change] = [MoveMark(name="lead", cursor=keys[-1][0]), Wake(on=tuple(f"lead:{key}" for key, _ in keys))]
    for key, seq in keys:
        dest_id = f"{key}-contacts"
        entry = AuditEntry(actor="streamflow", action="write.create", kind="lead", key=key, dest_id=dest_id, after={"digest": "0" * 64})
        changes += [
            SettleIntent(id=key, state=IntentState.CONFIRMED, dest_id=dest_id),
            PutLink(link=Link(ref=Ref("lead", key), dest_kind="contacts", dest_id=dest_id, base=FIELDS, ours=True)),
            Finish(kind="lead", key=key, seq=seq, disposition=Disposition.CREATED), Audit(entry=entry),
        ]
    return changes


def verified(keys: Keys) -> list[Change]:
    return [MarkVerified(ref=Ref("lead", key), verified="verified", checks=tuple(
        FieldCheck(ref=Ref("lead", key), dest_kind="contacts", dest_id=f"{key}-contacts", field=f"f{n}", verdict=Verdict.EQUAL, expected=1)
        for n in range(10))) for key, _ in keys]


async def measure(total: int) -> None:
    spent = dict.fromkeys(("stage 1000", "stage 1000 again", "intent 100", "settle+link+finish+wake+audit 100", "verify 100 x 10"), 0.0)

    async def timed(name: str, work: object) -> object:
        started = time.perf_counter()
        result = await work  # type: ignore[misc]
        spent[name] += time.perf_counter() - started
        return result

    with tempfile.TemporaryDirectory() as home:
        async with SqliteLedger.open(home, clock=SystemClock()) as ledger:
            for start in range(0, total, 1000):
                page = records(start, 1000)
                result = await timed("stage 1000", ledger.stage(page, scan="lead:1"))
                await timed("stage 1000 again", ledger.stage(page, scan="lead:2"))
                for at in range(0, 1000, 100):
                    keys = [row[1:] for row in result.touched[at:at + 100]]  # type: ignore[attr-defined]
                    await timed("intent 100", ledger.commit(meant(keys)))
                    await timed("settle+link+finish+wake+audit 100", ledger.commit(settled(keys)))
                    await timed("verify 100 x 10", ledger.commit(verified(keys)))
            started = time.perf_counter()
            await ledger.counts(), await ledger.check_counts(), await ledger.link_counts()
            print(f"status sums at {total}: {(time.perf_counter() - started) * 1e3:.2f} ms")
            started = time.perf_counter()
            await ledger.verify_audit()
            print(f"audit verified: {(time.perf_counter() - started) / total * 1e6:.1f} µs an entry")
            print(f"files: {sum(path.stat().st_size for path in Path(home).iterdir()) / total:.0f} bytes a record")
    for name, seconds in spent.items():
        print(f"{name:36} {seconds / total * 1e6:6.1f} µs a record")
    print(f"{'all in (without the second staging)':36} {(sum(spent.values()) - spent['stage 1000 again']) / total * 1e6:6.1f} µs a record")


if __name__ == "__main__":
    anyio.run(measure, int(sys.argv[1]) if len(sys.argv) > 1 else 20_000)
