"""Users and groups of the source: owner table, invitations, teams, notification checklist."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from streamflow.ledger_names import FALLBACK_OWNER, OWNERS, REFERENCE_TEAMS
from streamflow.mapping.owning import is_active
from streamflow.mapping.pair import Pair
from streamflow.model import Key
from streamflow.store.base import Ledger

CHANNELS: Final = ("email", "SMS")


async def roster(ledger: Ledger, pair: Pair) -> dict[Key, dict[str, Any]]:
    """Give all users of the source by key."""
    return {staged.record.key: staged.record.data async for page in ledger.every(pair.kind_naming("user")) for staged in page}


async def owners(ledger: Ledger) -> dict[str, Any]:
    """Give the owner table: each user with records by kind, the destination user, and how they were matched."""
    stored = await ledger.setting(OWNERS) or []
    kinds = sorted({kind for owner in stored for kind in owner.get("records") or {}})
    rows = [owner_row(owner, kinds) for owner in stored]
    rows.sort(key=lambda row: (row["via"] != "unmatched", -row["total"], row["name"]))
    named = next((row["destination_user"] for row in rows if row["via"] == "fallback"), None)
    fallback = await ledger.setting(FALLBACK_OWNER) or named
    unmatched = [row["key"] for row in rows if row["via"] == "unmatched"]
    return {"summary": owner_summary(rows), "owners": rows, "unmatched": unmatched, "fallback": fallback}


def owner_row(owner: Mapping[str, Any], kinds: list[str]) -> dict[str, Any]:
    """Build one flat line of the owner table; a kind may be called "email" as well, so its count has a name of its own."""
    records = owner.get("records") or {}
    total = sum(records.values())
    via = owner.get("via") or ("unmatched" if total and not owner.get("dest_id") else "owns nothing")
    return {
        "key": owner["key"],
        "name": owner.get("name", ""),
        "email": owner.get("email", ""),
        "role": owner.get("role", ""),
        "active": bool(owner.get("active", True)),
        "destination_user": owner.get("dest_id"),
        "via": via,
        **{f"{kind}_records": records.get(kind, 0) for kind in kinds},
        "total": total,
    }


def owner_summary(rows: list[dict[str, Any]]) -> dict[str, dict[str, int]]:
    """Count users and their records by the way in which they were matched."""
    found: dict[str, dict[str, int]] = {}
    for row in rows:
        one = found.setdefault(row["via"], {"users": 0, "records": 0})
        one["users"] += 1
        one["records"] += row["total"]
    return found


async def invitations(ledger: Ledger, pair: Pair) -> dict[str, Any]:
    """Give the users with name, e-mail, role and what is to be done about each; nobody is invited by the migration."""
    users = await roster(ledger, pair)
    rows = []
    for owner in await ledger.setting(OWNERS) or []:
        total = sum((owner.get("records") or {}).values())
        state, what = _invitation(owner, total)
        rows.append(
            {
                "key": owner["key"],
                "name": owner.get("name", ""),
                "email": owner.get("email", ""),
                "role": owner.get("role", ""),
                "in_source_list": owner["key"] in users,
                "records": total,
                "status": state,
                "to_do": what,
                "destination_user": owner.get("dest_id") if owner.get("via") != "fallback" else None,
            }
        )
    rows.sort(key=lambda row: (row["status"] != "to invite", -row["records"], row["name"]))
    counts: dict[str, int] = {}
    for row in rows:
        counts[row["status"]] = counts.get(row["status"], 0) + 1
    return {"counts": counts, "rows": rows}


def _invitation(owner: Mapping[str, Any], total: int) -> tuple[str, str]:
    """Say where an owner stands and what the admin should do."""
    if owner.get("dest_id") and owner.get("via") in ("email", "file"):
        return "already active", ""
    after = "; their records went to the fallback owner" if owner.get("via") == "fallback" else ""
    if not owner.get("active", True):
        return "has left", f"no invitation{after}" if after or not total else "name a fallback owner for their records"
    if not owner.get("email"):
        return "no e-mail", f"ask for an address, or name the user in the owners file{after}"
    return "to invite", f"add the user in the destination, then run `owners recheck`{after}"


async def groups(ledger: Ledger, pair: Pair) -> dict[str, Any]:
    """Give group × member, the team of each group or "none yet", and what to set for its permission."""
    users = await roster(ledger, pair)
    teams = {str(name).strip().lower(): str(dest_id) for name, dest_id in (await ledger.setting(REFERENCE_TEAMS) or {}).items()}
    matched = {
        owner["key"]: owner.get("dest_id") for owner in await ledger.setting(OWNERS) or [] if owner.get("via") in ("email", "file")
    }
    rows: list[dict[str, Any]] = []
    table: list[dict[str, Any]] = []
    plan = pair.plan_naming("group")
    async for page in ledger.every(plan.kind):
        for staged in page:
            data = staged.record.data
            name = str(plan.told(data, "name") or staged.record.key)
            permission = str(plan.told(data, "permission") or "")
            members = [str(key) for key in plan.told(data, "members") or []]
            rows += [_member_row(staged.record.key, name, key, users.get(key), matched.get(key), pair) for key in members]
            here = sum(1 for key in members if matched.get(key))
            table.append(
                {
                    "group_key": staged.record.key,
                    "group": name,
                    "permission": permission,
                    "members": len(members),
                    "members_in_destination": here,
                    "destination_team": teams.get(name.strip().lower(), "none yet"),
                    "set_by_hand": permission_note(permission, len(members)),
                }
            )
    without = sorted(set(users) - {row["member"] for row in rows})
    return {"teams": table, "rows": rows, "users_without_group": [str(_user(users[key], "name", pair) or key) for key in without]}


def _user(data: Mapping[str, Any], fact: str, pair: Pair) -> str:
    return str(pair.plan_naming("user").told(data, fact) or "").strip()


def _member_row(group: Key, name: str, key: Key, user: Mapping[str, Any] | None, dest_id: str | None, pair: Pair) -> dict[str, Any]:
    data = user or {}
    return {
        "group_key": group,
        "group": name,
        "member": key,
        "name": _user(data, "name", pair),
        "email": _user(data, "email", pair),
        "role": _user(data, "role", pair),
        "active": is_active(data, pair) if user is not None else None,
        "destination_user": dest_id,
        "remark": "" if user is not None else "not in the list of users",
    }


def permission_note(permission: str, members: int) -> str:
    """Say what an admin has to set for a group's rights at the source, in words."""
    words = permission.strip().lower()
    if not members:
        return "the group has no members; make a team only if it is wanted"
    if not words:
        return "the source says nothing of its rights; ask the customer, then make the team and set them"
    scope = "every record" if "all" in words.split() else "the records of this team"
    if "edit" in words or "write" in words or "full" in words:
        return f"make the team with these members; let them see and change {scope}"
    if "view" in words or "read" in words:
        return f"make the team with these members; let them see {scope} and restrict changes"
    return f"make the team with these members; the right {permission.strip()!r} has no counterpart that is known: decide with the customer"


async def notifications(ledger: Ledger, pair: Pair) -> dict[str, Any]:
    """Give the fillable checklist: a line for each active user and channel."""
    users = await roster(ledger, pair)
    active = [(key, data) for key, data in users.items() if is_active(data, pair)]
    return {"rows": [_checklist_row(key, data, channel, pair) for key, data in active for channel in CHANNELS]}


def _checklist_row(key: Key, data: Mapping[str, Any], channel: str, pair: Pair) -> dict[str, Any]:
    address = _user(data, "email" if channel == "email" else "phone", pair)
    blanks = dict.fromkeys(("on_new_lead", "on_reminder", "on_other_event", "set_in_destination_by"), "")
    return {"key": key, "user": _user(data, "name", pair), "channel": channel, "address": address, **blanks, "done": "☐"}
