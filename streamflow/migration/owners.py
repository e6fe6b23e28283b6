"""
The owners gate: each user who owns anything is matched to a destination user, or explicitly sent to a fallback.

Users are matched by e-mail, else by the operator's file, there by id or by a name that one user alone has.
None is ever created here; unmatched ones are a list for the admin.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from streamflow.ledger_names import FALLBACK_OWNER, OWNERS
from streamflow.mapping.owning import is_active, name_key, named_once, owner_keys
from streamflow.mapping.pair import Pair
from streamflow.migration.context import Migration
from streamflow.migration.decided import decided_on
from streamflow.migration.life import State
from streamflow.migration.owners_file import OwnersFile, read_file
from streamflow.model import DestId, Disposition, Kind, QueueItem, Record, RecordState, Ref, Staged
from streamflow.platforms.source import MADE_KEY
from streamflow.stages.directory import Directory
from streamflow.stages.questions import next_question, repeated
from streamflow.stages.roles import Roles, roles_of
from streamflow.store.base import Ledger
from streamflow.store.change import Change, Enqueue, Finish, PutSetting, Reopen, ResolveItem

UNOWNED = "owner_unmatched"


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """One source user as owner or author."""

    key: str                                   # source id, or e-mail where the source names no id
    name: str = ""
    email: str = ""
    role: str = ""
    active: bool = True
    records: Mapping[Kind, int] = field(default_factory=dict)
    dest_id: DestId | None = None
    via: str = ""                              # "email" | "file" | "fallback" | ""

    @property
    def total(self) -> int:
        return sum(self.records.values())


def tally(
    users: Sequence[Record], counted: Mapping[str, Counter[Kind]], addresses: Mapping[str, str] | None = None, *, pair: Pair
) -> list[Owner]:
    """
    Join the roster with what each user owns; what names nobody of the roster, by id, address or name, becomes an owner of its own.

    Whom the roster has twice, with an id of the source and without one, is one owner: the one with the id.
    *addresses* are the e-mails that records give beside an owner's id, for ids that the roster does not hold.
    """
    known = addresses or {}
    plan = pair.plan_naming("user")
    by_email = {str(email).strip().lower(): user.key for user in users if (email := plan.told(user.data, "email"))}
    keys = {user.key for user in users}
    names = {user.key: str(plan.told(user.data, "name") or "") for user in users}
    real = named_once((name, key) for key, name in names.items() if not key.startswith(MADE_KEY))
    users = [user for user in users if not user.key.startswith(MADE_KEY) or name_key(names[user.key]) not in real]
    by_name = named_once((names[user.key], user.key) for user in users)
    totals: dict[str, Counter[Kind]] = {}
    for name, kinds in counted.items():
        key = name if name in keys else by_email.get(name.lower()) or by_name.get(name_key(name), name)
        totals.setdefault(key, Counter()).update(kinds)
    owners = [
        Owner(
            key=user.key, name=str(plan.told(user.data, "name") or ""), email=str(plan.told(user.data, "email") or "").strip(),
            role=str(plan.told(user.data, "role") or ""), active=is_active(user.data, pair), records=dict(totals.pop(user.key, Counter())),
        )
        for user in users
    ]
    owners += [
        Owner(key=name, email=name if "@" in name else known.get(name, ""), records=dict(kinds)) for name, kinds in sorted(totals.items())
    ]
    return owners


def match(
    owners: Iterable[Owner], users: Iterable[Mapping[str, Any]], by_file: OwnersFile, fallback: str | None
) -> list[Owner]:
    """Match by e-mail without case and blanks, then by the operator's file, then the fallback."""
    there = {str(user["email"]).strip().lower(): str(user["id"]) for user in users if user.get("email") and user.get("enabled", True)}
    fallback_id = there.get(fallback.strip().lower()) if fallback else None
    matched = []
    for owner in owners:
        dest_id, via = there.get(owner.email.lower()), "email"
        if dest_id is None:
            dest_id, via = there.get(by_file.address(owner.key, owner.name).lower()), "file"
        if dest_id is None and fallback_id is not None:
            dest_id, via = fallback_id, "fallback"
        matched.append(replace(owner, dest_id=dest_id, via=via if dest_id else ""))
    return matched


def unmatched(owners: Iterable[Owner]) -> list[Owner]:
    """Owners of records for whom no destination user is named."""
    return [owner for owner in owners if owner.total and owner.dest_id is None]


def without_user(owners: Iterable[Owner]) -> dict[str, Any]:
    """Give what the scope says of owners: how many own anything, and those without a user of their own with the number of their records."""
    owning = [owner for owner in owners if owner.total]
    alone = sorted((owner for owner in owning if owner.via in ("", "fallback")), key=lambda owner: (-owner.total, owner.key))
    rows = [
        {
            "owner": owner.key, "name": owner.name, "email": owner.email, "via": owner.via or "unmatched", "records": owner.total,
            **owner.records,
        }
        for owner in alone
    ]
    return {"with_records": len(owning), "records_without_user": sum(owner.total for owner in alone), "unmatched": rows}


def directory_of(owners: Iterable[Owner], roles: Roles) -> Directory:
    """Make look-ups out of the owner table; authorship is never given to the fallback, nor by a name that several have."""
    owners = list(owners)
    users: dict[str, DestId] = {}
    fallback: DestId | None = None
    names = named_once((owner.name or owner.key, owner.key) for owner in owners)
    for owner in owners:
        if owner.dest_id is None:
            continue
        if owner.via == "fallback":
            fallback = owner.dest_id
            continue
        users[owner.key] = owner.dest_id
        if owner.email:
            users[owner.email.lower()] = owner.dest_id
        users |= {name: owner.dest_id for name in (name_key(owner.name or owner.key),) if names.get(name) == owner.key}
    return Directory(roles=roles, users=users, fallback_user=fallback)


async def unowned_changes(ledger: Ledger, staged: Staged, name: str) -> list[Change]:
    """Hold a record whose owner has no user in the destination, and ask: anew where that was answered before and they have none still."""
    record = staged.record
    reason = f"its owner {name} has no user in the destination"
    question = await next_question(ledger, repeated(f"{UNOWNED}:{record.kind}:{record.key}"))
    item = QueueItem(
        id=question.name, cause=UNOWNED, kind=record.kind, key=record.key, reason=reason, blocking=True,
        decisions=("retry",), suggested="retry", details={"owner": name},
    )
    finish = Finish(
        kind=record.kind, key=record.key, seq=staged.seq, state=RecordState.HELD, disposition=staged.disposition or Disposition.FLAGGED,
        reason=reason,
    )
    return [Enqueue(item=item), finish]


class OwnersGate:
    """Counts, matches, and waits until every owner has somebody."""

    def __init__(self, migration: Migration) -> None:
        self._m = migration

    async def table(self) -> list[Owner]:
        """The owner table as stored."""
        return [Owner(**row) for row in await self._m.ledger.setting(OWNERS) or []]

    async def count(self) -> list[Owner]:
        """Count what each user owns over all staged records."""
        counted: dict[str, Counter[Kind]] = {}
        addresses: dict[str, str] = {}
        for kind in self._m.pair.owned:
            async for page in self._m.ledger.every(kind):
                for staged in page:
                    if names := owner_keys(staged.record, self._m.pair):
                        counted.setdefault(names[0], Counter())[kind] += 1
                        if len(names) > 1 and "@" in names[1]:
                            addresses.setdefault(names[0], names[1])
        users = [staged.record async for page in self._m.ledger.every(self._m.pair.kind_naming("user")) for staged in page]
        return tally(users, counted, addresses, pair=self._m.pair)

    async def look(self) -> list[Owner]:
        """Match everybody with the destination's users as they are now; nothing is decided by that."""
        reference = await self._m.destination.schema.reference()
        by_file = read_file(self._m.terms.owners_file) if self._m.terms.owners_file else OwnersFile()
        return match(await self.count(), reference.users, by_file, await self._fallback())

    async def recheck(self, actor: str = "streamflow") -> list[Owner]:
        """Look at the destination's users again and match anew."""
        owners = await self.look()
        fallback = await self._fallback()
        await self._m.decide(
            actor, "owners.checked", PutSetting(name=OWNERS, value=[asdict(owner) for owner in owners]),
            note=f"{len(unmatched(owners))} unmatched",
        )
        await self._release(actor, owners)
        self._m.report("owners", {
            "owners": [{**asdict(owner), "total": owner.total} for owner in owners],
            "unmatched": [owner.key for owner in unmatched(owners)], "fallback": fallback,
        })
        return owners

    async def _fallback(self) -> str | None:
        """What the operator said on the socket goes before the file."""
        return await self._m.ledger.setting(FALLBACK_OWNER) or self._m.terms.fallback_owner

    async def _release(self, actor: str, owners: Sequence[Owner]) -> None:
        """Let records go on that were held for an owner who has somebody now."""
        roles = roles_of(self._m.pair)
        directory = directory_of(owners, roles)
        async for page in self._m.ledger.items(cause=UNOWNED):
            for item in page:
                if directory.lookup(Ref(roles.users, str(item.details.get("owner")))) is not None:
                    resolved = ResolveItem(id=item.id, decision="retry", by=actor)
                    changes = [resolved, Reopen(kind=item.kind, keys=(item.present_key,)), *await decided_on(self._m.ledger, item)]
                    await self._m.decide(actor, "queue.resolved", *changes, note=item.id)

    async def run(self) -> State:
        """Pass when every owner is matched or sent to the fallback; there is no other way past."""
        await self.recheck()
        with self._m.gates():
            while True:
                looked = self._m.control.look()
                owners = await self.table()
                if not (missing := unmatched(owners)):
                    return State.SAMPLE
                names = ", ".join(owner.key for owner in missing[:5]) + (" …" if len(missing) > 5 else "")
                fallback = await self._fallback()
                lost = "; the fallback is no enabled user of the destination" if fallback else ""
                await self._m.explain(f"{len(missing)} owners have no user in the destination: {names}{lost}")
                self._m.show_gate(
                    "owners", f"{len(missing)} owners of records have no user in the destination",
                    "let the admin add the users and run `owners recheck`, or name a fallback with `owners fallback EMAIL`",
                )
                await self._m.control.wait(None, since=looked)
