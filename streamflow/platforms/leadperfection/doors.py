"""What a Lead Perfection account is opened by: its spec, its dialect, and a token of the server it was assigned (lead-perfection.md 1)."""

from __future__ import annotations

from importlib.resources import files

from streamflow.clock import Clock
from streamflow.platforms.api.answers import reaction
from streamflow.platforms.entry import SourceSettings
from streamflow.platforms.leadperfection.beside import Beside
from streamflow.platforms.leadperfection.dialect import LeadPerfectionDialect
from streamflow.platforms.leadperfection.mends import mends
from streamflow.platforms.leadperfection.options import OPTIONS
from streamflow.platforms.spec import PlatformSpec
from streamflow.platforms.spec_doors import ADDRESS, SpecDoors
from streamflow.wire.credentials import Masked
from streamflow.wire.token import PasswordToken

TOKEN_CAP_S = 82_800.0      # 23 hours, whatever the answer says (lead-perfection.md 1.2)
TOKEN_UNSAID_S = 3_600.0


def _token(spec: PlatformSpec, settings: SourceSettings, clock: Clock) -> PasswordToken:
    form: dict[str, str | Masked] = {
        "grant_type": "password", "username": settings.text("username"), "password": settings.secret("password"),
        "clientid": settings.text("clientid"), "appkey": settings.secret("appkey"),
    }  # fmt: skip
    address = settings.text(ADDRESS).rstrip("/")
    return PasswordToken(
        f"{address}/token", form, clock=clock, cap_s=TOKEN_CAP_S, unsaid_s=TOKEN_UNSAID_S,
        passes=lambda response: reaction(spec.errors, response) in ("transient", "throttled"),
    )


DOORS = SpecDoors(
    shipped=files(__package__).joinpath("streams.toml"), options=OPTIONS, dialect=LeadPerfectionDialect, credentials=_token,
    api_path="/api/", mends=mends, companion=Beside,
)  # fmt: skip
