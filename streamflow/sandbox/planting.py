"""What the pair of simulated accounts have in common before a migration: users, and records that exist on both sides.

Plain functions from a generated Leadtrekker account to settings of the simulated Nutshell.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from streamflow.sandbox.leadtrekker.account import Account

ADMIN_EMAIL = "admin@example.co.za"
FALLBACK_EMAIL = "office@example.co.za"
PLANTED_PEOPLE = 4
PLANTED_COMPANIES = 3
_SEARCHED_LEADS = 300
_MAIL = re.compile(r"[a-z0-9._-]+@[a-z0-9.-]+\.[a-z]{2,}")
_LEGAL_FORM = re.compile(r"\s+(\(?pty\)?\s+)?(ltd\.?|cc|c\.c\.)$", re.IGNORECASE)
_SHARED_BOXES = ("info@", "office@", "admin@", "sales@")


def nutshell_settings(account: Account, *, seed: int, switches: Mapping[str, Any]) -> dict[str, Any]:
    """Give the settings of a Nutshell account that a customer of this Leadtrekker account could have."""
    return {
        "seed": seed,
        "instance": {"name": "Karoo Demo", "domain": "karoo.example", "country": "ZA", "currency": "ZAR"},
        "users": destination_users(account),
        "existing": {"accounts": 5, "contacts": 10, "leads": 4, "records": planted_records(account)},
        "switches": dict(switches),
    }


def destination_users(account: Account) -> list[dict[str, Any]]:
    """
    Give the users of the destination: most of the source's, matched by e-mail, and two of its own.

    Left out are the last active user, so that one owner has to be provisioned or sent to the fallback, and those who left
    but the first of them, who exists and is disabled.
    """
    known = [user for user in account.users() if "@" in user["email"]]
    active = [user for user in known if user["active"] == "1"][:-1]
    gone = [user for user in known if user["active"] != "1"][:1]
    return [
        {"email": ADMIN_EMAIL, "name": "Migration Admin", "admin": True, "enabled": True},
        {"email": FALLBACK_EMAIL, "name": "Office", "admin": False, "enabled": True},
        *(_user(user, enabled=True) for user in active),
        *(_user(user, enabled=False) for user in gone),
    ]


def planted_records(account: Account) -> dict[str, list[dict[str, Any]]]:
    """Give companies and people that equal some of the source, as a person would have typed them: never quite alike."""
    companies = [{"ref": f"company-{number}", "name": name} for number, name in enumerate(_companies(account, PLANTED_COMPANIES))]
    people = []
    for number, (name, email) in enumerate(_people(account, PLANTED_PEOPLE)):
        value = email.capitalize() if number % 2 else email
        person: dict[str, Any] = {"name": name, "emails": [{"value": value, "name": "work"}], "ref": f"person-{number}"}
        if number == 0 and companies:
            person["links"] = {"accounts": ["company-0"]}
        people.append(person)
    notes = [{"body": "Known before the migration; do not touch.", "parent": person["ref"]} for person in people[:1]]
    return {"accounts": companies, "contacts": people, "notes": notes}


def _user(user: Mapping[str, Any], *, enabled: bool) -> dict[str, Any]:
    return {
        "email": user["email"].strip().lower(), "name": user["name"], "admin": user["role"] == "Admin", "enabled": enabled,
    }  # fmt: skip


def _people(account: Account, count: int) -> Iterator[tuple[str, str]]:
    """Yield (full name, e-mail) of leads whose address is plainly one person's, each address once."""
    seen: set[str] = set()
    for index in range(min(account.lead_count, _SEARCHED_LEADS)):
        lead = account.lead(index)
        email = str(lead["email"])
        name = _full_name(lead)
        if not _MAIL.fullmatch(email) or email.startswith(_SHARED_BOXES) or email in seen:
            continue
        if " " not in name or "," in name:
            continue
        seen.add(email)
        yield name.title() if name.islower() else name, email
        if len(seen) == count:
            return


def _full_name(lead: Mapping[str, Any]) -> str:
    name, surname = str(lead["name"]).strip(), str(lead["custom_fields"].get("Surname") or "").strip()
    return name if not surname or surname in name else f"{name} {surname}"


def _companies(account: Account, count: int) -> Iterator[str]:
    """Yield company names of leads: bare where the lead has the legal form, so that spelling alone does not match."""
    seen: set[str] = set()
    for index in range(min(account.lead_count, _SEARCHED_LEADS)):
        text = str(account.lead(index)["company"]).strip()
        bare = _LEGAL_FORM.sub("", text)
        if bare == text or bare.lower() in seen or len(bare) < 6:
            continue
        seen.add(bare.lower())
        yield bare.title() if bare.isupper() or bare.islower() else bare
        if len(seen) == count:
            return
