"""The sources that can stand on one side of a pair: how each server is set up, what it exports, and its part of a configuration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from streamflow.sandbox import leadperfection_planting, planting
from streamflow.sandbox.leadperfection.account import Account as LeadPerfectionAccount
from streamflow.sandbox.leadperfection.tokens import Credentials
from streamflow.sandbox.leadtrekker.account import Account as LeadtrekkerAccount

Settings = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """
    One simulated source.

    Args:
        platform: Its name in configurations and among switches.
        module: Of its server, beneath streamflow.sandbox.
        secrets: Key files by name, with their content.
        access: Settings of its server beside seed, records, now, switches and life.
        source: Gives the rest of [source] from the folder of key files.
        export: Gives the order for an export from (files are to be read, their form, full extract); None exports nothing.
        nutshell: Gives the settings of the destination from seed, records, now and its switches.
        owners: Content of the file that tells owners' e-mails, if the customer has to supply one.
    """

    platform: str
    module: str
    timezone: str
    admin_email: str
    fallback_email: str
    secrets: Mapping[str, str]
    access: Mapping[str, Any]
    source: Callable[[Path], Settings]
    export: Callable[[bool, str, bool], Settings | None]
    nutshell: Callable[[int, int, datetime, Mapping[str, Any]], Settings]
    owners: str | None = None


LEADTREKKER_KEY = "sandbox-lt-key"
_LOGIN = Credentials()


def _leadtrekker_nutshell(seed: int, records: int, now: datetime, switches: Mapping[str, Any]) -> Settings:
    return planting.nutshell_settings(LeadtrekkerAccount(seed=seed, records=records, now=now), seed=seed, switches=switches)


def _lead_perfection_nutshell(seed: int, records: int, now: datetime, switches: Mapping[str, Any]) -> Settings:
    account = LeadPerfectionAccount(seed=seed, records=records, now=now)
    return leadperfection_planting.nutshell_settings(account, seed=seed, switches=switches)


def _leadtrekker_export(reads_files: bool, form: str, extract: bool) -> Settings:
    return {"attachments_only": False, "form": form} if reads_files else {"attachments_only": True}


def _lead_perfection_export(reads_files: bool, form: str, extract: bool) -> Settings | None:
    return {"extract": extract} if reads_files else None  # its documents come by the API, and its reports in one form


SIDES: Mapping[str, Side] = {
    "leadtrekker-nutshell": Side(
        platform="leadtrekker", module="leadtrekker", timezone="Africa/Johannesburg", admin_email=planting.ADMIN_EMAIL,
        fallback_email=planting.FALLBACK_EMAIL, secrets={"leadtrekker.key": LEADTREKKER_KEY}, access={"api_key": LEADTREKKER_KEY},
        source=lambda keys: {"api_key_file": str(keys / "leadtrekker.key")}, export=_leadtrekker_export,
        nutshell=_leadtrekker_nutshell,
    ),
    "lead-perfection-nutshell": Side(
        platform="lead_perfection", module="leadperfection", timezone="America/New_York",
        admin_email=leadperfection_planting.ADMIN_EMAIL, fallback_email=leadperfection_planting.FALLBACK_EMAIL,
        secrets={"lead_perfection.password": _LOGIN.password, "lead_perfection.appkey": _LOGIN.appkey},
        access={"timezone": "America/New_York"},
        source=lambda keys: {
            "username": _LOGIN.username, "password_file": str(keys / "lead_perfection.password"), "clientid": _LOGIN.clientid,
            "appkey_file": str(keys / "lead_perfection.appkey"),
        },
        export=_lead_perfection_export, nutshell=_lead_perfection_nutshell, owners=leadperfection_planting.rep_file(),
    ),
}  # fmt: skip
"""By the name of the pair with Nutshell."""
