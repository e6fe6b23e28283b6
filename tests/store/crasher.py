"""A process made to be killed: commits and stages without end, and says on stdout what was acknowledged."""

from __future__ import annotations

import sys

import anyio

from streamflow.clock import SystemClock
from streamflow.model import IntentState, Ref
from streamflow.store.change import MoveMark, PutIntent, PutLink, SettleIntent
from streamflow.store.sqlite import SqliteLedger

from .values import audit, finish, intent, link, record

SIZE = 5


async def main(directory: str) -> None:
    async with SqliteLedger.open(directory, clock=SystemClock()) as ledger:
        turn = int(mark.cursor) + 1 if (mark := await ledger.mark("turn")) else 0
        while True:
            keys = [f"{turn}-{n}" for n in range(SIZE)]
            result = await ledger.stage([record(key, text="x" * 500) for key in keys], scan="lead:1", changes=[audit("stage")])
            fresh = {key: seq for _, key, seq in result.touched}
            seqs = fresh or {key: one.seq for key, one in (await ledger.staged("lead", keys)).items()}
            if not await ledger.intents_of("lead", keys[0]):
                await ledger.commit([PutIntent(intent=intent(key, key)) for key in keys])
            sys.stdout.write(f"meant {turn}\n")
            sys.stdout.flush()
            await ledger.commit([
                *(change for key in keys for change in (
                    SettleIntent(id=key, state=IntentState.CONFIRMED, dest_id=f"{key}-contacts"), PutLink(link=link(key)),
                    finish(key, seqs[key]), audit("write.create", key))),
                MoveMark(name="turn", cursor=str(turn)),
            ])
            assert len(await ledger.links([Ref("lead", key) for key in keys])) == SIZE
            sys.stdout.write(f"done {turn}\n")
            sys.stdout.flush()
            turn += 1


if __name__ == "__main__":
    anyio.run(main, sys.argv[1])
