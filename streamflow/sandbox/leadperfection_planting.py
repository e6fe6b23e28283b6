"""What the destination has in common with a Lead Perfection account before a migration: users, and people known on both sides.

Plain functions from a generated account to settings of the simulated Nutshell, and the rep file that a customer supplies.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from streamflow.sandbox.leadperfection.account import Account
from streamflow.sandbox.leadperfection.codes import ACTIVE, LEFT, Rep

ADMIN_EMAIL = "admin@sunroof.example"
FALLBACK_EMAIL = "office@sunroof.example"
PLANTED_PEOPLE = 5
_SEARCHED = 200


def nutshell_settings(account: Account, *, seed: int, switches: Mapping[str, Any]) -> dict[str, Any]:
    """Give the settings of a Nutshell account that a customer of this Lead Perfection account could have."""
    return {
        "seed": seed,
        "instance": {"name": "Sunroof Demo", "domain": "sunroof.example", "country": "US", "currency": "USD"},
        "users": destination_users(),
        "existing": {"accounts": 4, "contacts": 8, "leads": 4, "records": planted_records(account)},
        "switches": dict(switches),
    }


def destination_users() -> list[dict[str, Any]]:
    """
    Give the users of the destination: the reps that the customer's file names, and two of its own.

    Left out are the rep before the last active one, who is in the file and has no user, the last, who has no e-mail, and
    those who left but the first, who exists and is disabled.
    """
    return [
        {"email": ADMIN_EMAIL, "name": "Migration Admin", "admin": True, "enabled": True},
        {"email": FALLBACK_EMAIL, "name": "Office", "admin": False, "enabled": True},
        *(_user(rep, enabled=True) for rep in ACTIVE[:-2]),
        _user(LEFT[0], enabled=False),
    ]


def rep_file() -> str:
    """Give the customer's file of reps: id, name and e-mail, as CSV; who left for good is not in it."""
    rows = (f'"{rep.slr_id}","{rep.name}","{rep.email}"' for rep in (*ACTIVE, LEFT[0]))
    return "\r\n".join(("id,name,email", *rows, ""))


def planted_records(account: Account) -> dict[str, list[dict[str, Any]]]:
    """Give people who equal some of the source: by e-mail, by phone alone, and one by name only, who is somebody else."""
    people = []
    for number, tree in enumerate(_known(account)):
        person: dict[str, Any] = {"name": f"{tree['firstname']} {tree['lastname']}", "ref": f"person-{number}"}
        if number == PLANTED_PEOPLE - 1:
            person["emails"] = [{"value": f"namesake{number}@elsewhere.example", "name": "work"}]
        elif number % 2:
            digits = tree["phone1"]
            person["phones"] = [{"isPrimary": True, "name": "mobile", "value": f"({digits[:3]}) {digits[3:6]}-{digits[6:]}"}]
        else:
            person["emails"] = [{"value": tree["email"].capitalize() if number else tree["email"], "name": "work"}]
        people.append(person)
    notes = [{"body": "Known before the migration; do not touch.", "parent": person["ref"]} for person in people[:1]]
    return {"contacts": people, "notes": notes}


def _user(rep: Rep, *, enabled: bool) -> dict[str, Any]:
    return {"email": rep.email, "name": rep.spoken, "admin": False, "enabled": enabled}


def _known(account: Account) -> Iterator[dict[str, Any]]:
    """Yield prospects with plain name, e-mail and phone of their own."""
    found = 0
    for index in range(min(account.prospect_count, _SEARCHED)):
        tree = account.prospect(index)
        if any(mark.startswith(("identity.", "name.", "email.", "phone.")) for mark in tree["marks"]):
            continue
        found += 1
        yield tree
        if found == PLANTED_PEOPLE:
            return
