"""What is done to a lead by a call of its own: close, reopen, pipeline, watch, history, installments (nutshell.md 3.3)."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from streamflow.sandbox.nutshell.envelope import envelope
from streamflow.sandbox.nutshell.errors import Refusal, invalid, not_found
from streamflow.sandbox.nutshell.ids import number_of
from streamflow.sandbox.nutshell.leads import first_stage, move_to_stage, open_leads
from streamflow.sandbox.nutshell.render import render
from streamflow.sandbox.nutshell.site import Call, Reply, Site
from streamflow.sandbox.nutshell.state import Actor, Record


def _lead(site: Site, call: Call) -> Record:
    record = site.state.live("leads", call.params["id"])
    if record is None:
        raise not_found()
    return site.state.edit("leads", record["id"])


def _answer(site: Site, record: Record) -> Reply:
    return Reply(body=envelope(site, "leads", [render(site, record)], sides=True))


def close(site: Site, record: Record, outcome: Record, actor: Actor) -> Record:
    """Close an edited copy with an outcome; doing it again moves closedTime."""
    record["status"], record["closedTime"] = outcome["status"], site.state.now()
    record["links"]["outcome"] = outcome["id"]
    record["confidence"] = 100 if outcome["status"] == "won" else 0
    return site.state.save(record, actor, action=outcome["status"])


def post_status(site: Site, call: Call) -> Reply:
    """POST /leads/{id}/status: the outcome decides won, lost or cancelled; closedTime is now."""
    record = _lead(site, call)
    body = call.body()
    outcome = site.state.live("outcomes", body.get("outcomeId")) if isinstance(body, dict) else None
    if outcome is None:
        raise invalid("Invalid outcome", field="outcomeId")
    return _answer(site, close(site, record, outcome, call.actor))


def post_reopen(site: Site, call: Call) -> Reply:
    """POST /leads/{id}/reopen; counts against the plan's cap again."""
    record = _lead(site, call)
    if record["status"] != "open":
        site.plan_cap("open_leads", open_leads(site))
        record.update(status="open", closedTime=None)
        record["links"]["outcome"] = None
        record = site.state.save(record, call.actor, action="reopen")
    return _answer(site, record)


def post_stageset(site: Site, call: Call) -> Reply:
    """POST /leads/{id}/stageset: the lead goes to the first stage of that pipeline."""
    record = _lead(site, call)
    body = call.body()
    stageset = site.state.live("stagesets", body.get("stageset")) if isinstance(body, dict) else None
    if stageset is None or stageset["status"] != 1:
        raise invalid("Invalid stageset", field="stageset")
    if not stageset["canAccess"]:
        raise Refusal(403, "Forbidden")
    stage = first_stage(site, stageset["id"])
    if stage:
        move_to_stage(site, record, site.state.table("stages")[stage])
    return _answer(site, site.state.save(record, call.actor))


def post_watch(site: Site, call: Call) -> Reply:
    """POST /leads/{id}/watch: toggles, for the logged-in user alone."""
    record = _lead(site, call)
    held = list(record["links"].get("watchers") or [])
    user = call.actor.user
    record["links"]["watchers"] = [w for w in held if w != user] if user in held else [*held, user]
    return _answer(site, site.state.save(record, call.actor))


def get_stages(site: Site, call: Call) -> Reply:
    """GET /leads/{id}/stages: the stages of its pipeline, with the time spent in each."""
    record = _lead(site, call)
    stageset = site.state.table("stagesets")[record["links"]["stageset"]]
    times = [*record["stageTimes"], [None, site.state.now()]]
    spent: dict[str, int] = {}
    for (stage, since), (_, until) in pairwise(times):
        spent[stage] = spent.get(stage, 0) + until - since
    stages = [s for s in site.state.table("stages").values() if s["links"]["stageset"] == stageset["id"]]
    meta: dict[str, Any] = {"stageset": render(site, stageset), "timeSpent": spent}
    return Reply(body=envelope(site, "stages", [render(site, s) for s in stages], meta=meta))


def get_installments(site: Site, call: Call) -> Reply:
    """GET /leads/{id}/installments."""
    return Reply(body={"installments": _lead(site, call).get("installments") or []})


def post_installments(site: Site, call: Call) -> Reply:
    """POST /leads/{id}/installments: a bare array that replaces all."""
    record = _lead(site, call)
    rows = call.body()
    if not isinstance(rows, list) or not all(isinstance(r, dict) for r in rows):
        raise invalid("The body must be an array of installments.")
    numbered = (r if r.get("id") else {**r, "id": site.state.mint.take("installments")} for r in rows)
    record["installments"] = sorted(numbered, key=lambda r: number_of(str(r["id"])))
    site.state.save(record, call.actor)
    return Reply(body={"installments": record["installments"]})
