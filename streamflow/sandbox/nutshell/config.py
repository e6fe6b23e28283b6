"""The settings of one simulated account and their defaults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

DEFAULTS: dict[str, Any] = {
    "seed": 7,
    "instance": {
        "instanceId": "379104", "siteId": "6smEpVK1", "name": "Blueberry Roofing", "domain": "blueberry.test",
        "country": "US", "currency": "USD",
    },
    "users": [
        {"email": "ana.admin@blueberry.test", "name": "Ana Admin", "admin": True, "enabled": True},
        {"email": "ben.sales@blueberry.test", "name": "Ben Sales", "admin": False, "enabled": True},
        {"email": "cleo.field@blueberry.test", "name": "Cleo Field", "admin": False, "enabled": True},
        {"email": "dev.office@blueberry.test", "name": "Dev Office", "admin": True, "enabled": True},
        {"email": "eve.estimator@blueberry.test", "name": "Eve Estimator", "admin": False, "enabled": True},
        {"email": "finn.former@blueberry.test", "name": "Finn Former", "admin": False, "enabled": False},
    ],
    "keys": {
        "sandbox-key": {"kind": "normal", "name": "Streamflow"},
        "sandbox-impersonate-key": {"kind": "impersonate", "name": "Streamflow impersonation"},
        "sandbox-web-key": {"kind": "web", "name": "Web forms"},
    },
    "reference": {
        "stagesets": [
            {"name": "Sales", "stages": ["New", "Contacted", "Appointment", "Quoted", "Closing"], "default": True},
            {"name": "Repairs", "stages": ["Reported", "Inspected", "Scheduled"]},
            {"name": "Old pipeline", "stages": ["Start", "End"], "status": 3},
        ],
        "outcomes": [
            {"name": "Won", "status": "won"}, {"name": "Lost on price", "status": "lost"},
            {"name": "No answer", "status": "lost"}, {"name": "Cancelled", "status": "cancelled"},
        ],
        "activityTypes": ["Phone Call", "Meeting", "Virtual Meeting"],
        "accountTypes": ["Customer", "Partner", "Vendor"],
        "industries": ["Construction", "Insurance", "Property Management"],
        "territories": ["North", "South"],
        "markets": ["Default"],
        "teams": ["Office", "Field crew"],
        "products": [{"name": "Roof inspection", "sku": "RI-1", "price": "150.00"},
                     {"name": "Gutter set", "sku": "GS-9", "price": "890.00"}],
        "competitors": ["Topline Roofing"],
        "sources": [{"name": "Website", "channel": 8}, {"name": "Referral", "channel": 6}],
        "emAudiences": ["Newsletter"],
        "tags": [{"name": "VIP", "tagType": "2"}, {"name": "Storm", "tagType": "1"}],
    },
    "custom_fields": {},  # {"contacts": [{"name", "type", "choices"?, "isMultiple"?}]}
    # Records of the customer's own; `records` holds explicit ones in create form, see existing.py.
    "existing": {"accounts": 5, "contacts": 10, "leads": 4, "records": {}},
    "switches": {},
    "faults": {},  # switches of a profile, over the others; see fault_doors.py
    "plan": {"open_leads": None, "custom_fields": None},
}  # fmt: skip


def complete(config: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return `config` over the defaults; instance, existing, plan and reference merge, lists and keys replace.

    Raises ValueError for a section that does not exist.
    """
    given = dict(config or {})
    unknown = sorted(set(given) - set(DEFAULTS))
    if unknown:
        raise ValueError(f"unknown settings: {', '.join(unknown)}; known are {', '.join(DEFAULTS)}")
    whole = {**DEFAULTS, **given}
    for section in ("instance", "existing", "plan", "reference"):
        whole[section] = {**DEFAULTS[section], **dict(given.get(section) or {})}
    return whole
