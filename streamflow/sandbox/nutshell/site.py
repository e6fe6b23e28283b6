"""What every endpoint is handed: the site (state, switches, settings) and the call being answered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from multidict import MultiMapping

from streamflow.sandbox.faults import Faults
from streamflow.sandbox.nutshell.errors import Refusal, invalid
from streamflow.sandbox.nutshell.state import Actor, Record, State


class Site:
    """One simulated Nutshell account; owns nothing but references, so tests may look inside."""

    def __init__(self, config: Mapping[str, Any], faults: Faults) -> None:
        self.config = config
        self.faults = faults
        self.switches = faults.switches
        self.state = State(faults.clock.now, faults.switches, int(config["seed"]), stamp=faults.stamp)
        self.instance: dict[str, Any] = dict(config["instance"])
        self.plan: dict[str, Any] = dict(config["plan"])
        self.keys: dict[str, dict[str, Any]] = {k: dict(v) for k, v in config["keys"].items()}
        self.lead_number = 999
        self.system = Actor(id="1-origins", user="")

    def meta(self) -> dict[str, Any]:
        """Return the `meta` every envelope starts with."""
        return {"instanceId": self.instance["instanceId"], "siteId": self.instance["siteId"]}

    def user_by_email(self, email: str) -> Record | None:
        """Return the user with this e-mail, enabled or not."""
        wanted = email.strip().lower()
        for user in self.state.table("users").values():
            if wanted in (str(e).lower() for e in user["emails"]):
                return user
        return None

    @property
    def caps(self) -> dict[str, Any]:
        """The plan's caps as they are now."""
        return {**self.plan, **self.switches["plan"]}

    def plan_cap(self, what: str, used: int) -> bool:
        """Refuse when the plan's cap on `what` is reached; True means go on, but locked (switch plan_refusal)."""
        cap = self.caps.get(what)
        if cap is None or used < int(cap):
            return False
        form = self.switches["plan_refusal"]
        if form == "locked":
            return True
        raise Refusal(int(form), f"Your plan allows {cap} {what.replace('_', ' ')}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request, already authenticated."""

    method: str
    origin: str
    path: str
    params: Mapping[str, str]
    query: MultiMapping[str]
    content_type: str
    raw: bytes
    actor: Actor

    def body(self) -> Any:
        """Return the JSON body; a 400 when it is none."""
        try:
            return orjson.loads(self.raw)
        except orjson.JSONDecodeError:
            raise invalid("Invalid JSON", detail="The request body could not be parsed.") from None

    def items_of(self, plural: str, most: int = 1) -> list[Record]:
        """Return the objects in `{plural: [...]}`; refuses more than `most` in the documented words."""
        body = self.body()
        items = body.get(plural) if isinstance(body, dict) else None
        if not isinstance(items, list) or not items or not all(isinstance(x, dict) for x in items):
            raise invalid(f"The request must contain one {plural} resource.", field=plural)
        if len(items) > most:
            raise invalid(f"You may only create one {plural} resource per request.")
        return items


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What an endpoint answers; `body` None sends none."""

    status: int = 200
    body: Any = None


Endpoint = Callable[[Site, Call], Reply]
