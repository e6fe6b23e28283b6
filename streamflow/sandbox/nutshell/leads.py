"""Leads: create, patch, and the products on them (nutshell.md 3.3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from streamflow.sandbox.nutshell import peeps
from streamflow.sandbox.nutshell.customfields import write_all
from streamflow.sandbox.nutshell.errors import invalid
from streamflow.sandbox.nutshell.links import create_links
from streamflow.sandbox.nutshell.patch import Operation, SetField, patch_record
from streamflow.sandbox.nutshell.site import Call, Reply, Site
from streamflow.sandbox.nutshell.state import Actor, Record

DEFAULT_CONFIDENCE = 42
DEFAULT_DUE_DAYS = 14


def first_stage(site: Site, stageset: str) -> str | None:
    """Return the first stage of a pipeline."""
    stages = [s for s in site.state.table("stages").values() if s["links"]["stageset"] == stageset]
    return min(stages, key=lambda s: s["position"])["id"] if stages else None


def default_stageset(site: Site) -> str:
    """Return the pipeline new leads go to."""
    return next(str(s["id"]) for s in site.state.table("stagesets").values() if s["default"])


def open_leads(site: Site) -> int:
    """Count what the plan's cap counts."""
    leads = site.state.table("leads").values()
    return sum(1 for r in leads if r["status"] == "open" and not r.get("deletedTime"))


def make_lead(site: Site, call: Call, values: dict[str, Any]) -> Record:
    """Create one lead: next number, first stage of the default pipeline, status open."""
    return new_lead(site, values, call.actor)


def new_lead(site: Site, values: dict[str, Any], actor: Actor) -> Record:
    """Check and store a lead; what the API does not take is ignored. Raises a 400 or the plan's refusal."""
    links = values.get("links") or {}
    if not isinstance(links, dict):
        raise invalid("links must be an object.", field="links")
    if site.switches["lead_requires_contact"] and not (links.get("accounts") or links.get("contacts")):
        raise invalid("A lead needs a contact or an account.", field="links")
    locked = site.caps.get("open_leads") is not None and site.plan_cap("open_leads", open_leads(site))
    record: Record = {"type": "leads", "links": {}, "customFields": {}, "isLocked": locked}
    record["manualValue"] = _amount(values.get("manualValue"))
    record["dueTime"] = site.state.now() + DEFAULT_DUE_DAYS * 86_400
    if values.get("dueTime") is not None:
        record["dueTime"] = read_due(site, values["dueTime"])
    write_all(site, record, values.get("customFields"))
    inline = _make_inline(site, links, actor)
    create_links(site, record, {**links, **inline}, actor)
    site.lead_number += 1
    record.update(number=site.lead_number, status="open", confidence=DEFAULT_CONFIDENCE, priority=0, closedTime=None)
    record["description"] = str(values.get("description") or f"Lead-{site.lead_number}")
    stageset = default_stageset(site)
    record["links"].update(stageset=stageset, stage=first_stage(site, stageset), outcome=None, watchers=[])
    record["links"]["market"] = "1-markets"
    record["stageTimes"] = [[record["links"]["stage"], site.state.now()]]
    made = peeps.store(site, record, actor)
    maps = links.get("productMaps") or []
    return _with_products(site, made, maps) if maps else made


def _make_inline(site: Site, links: dict[str, Any], actor: Actor) -> dict[str, list[str]]:
    """Companies and people given as objects are created on the spot."""
    found: dict[str, list[str]] = {}
    for kind in ("accounts", "contacts"):
        values = links.get(kind)
        if isinstance(values, list) and any(isinstance(v, dict) for v in values):
            found[kind] = [
                peeps.store(site, peeps.draft(site, kind, v, actor), actor)["id"] if isinstance(v, dict) else v
                for v in values
            ]
    return found


def _with_products(site: Site, lead: Record, maps: list[Any]) -> Record:
    copy = site.state.edit("leads", lead["id"])
    for item in maps:
        if not isinstance(item, dict):
            raise invalid("Invalid productMaps", field="productMaps")
        price = item.get("price")
        amount = price.get("amount") if isinstance(price, dict) else price
        _add_product(site, copy, (item.get("links") or {}).get("product"), item.get("quantity", 1), amount)
    return site.state.save(copy, site.system, event=False)


def _add_product(site: Site, lead: Record, product_id: Any, quantity: Any = 1, amount: Any = None) -> None:
    product = site.state.live("products", product_id)
    if product is None:
        raise invalid("Invalid link", detail="products does not name a product.", field="products")
    line = site.state.insert(
        "productMaps",
        {
            "name": product["name"],
            "unit": None,
            "quantity": quantity,
            "price": str(amount if amount is not None else product["price"]["amount"]),
            "productType": "product",
            "links": {"product": product["id"], "lead": lead["id"]},
        },
        None,
    )
    links = lead["links"]
    links["products"] = [*(links.get("products") or []), product["id"]]
    links["productMaps"] = [*(links.get("productMaps") or []), line["id"]]


def _remove_product(site: Site, lead: Record, product_id: str) -> None:
    links = lead["links"]
    for rid in list(links.get("productMaps") or ()):
        if site.state.table("productMaps")[rid]["links"]["product"] == product_id:
            site.state.drop("productMaps", rid)
            links["productMaps"].remove(rid)
    links["products"] = [p for p in links.get("products") or () if p != product_id]


def read_due(site: Site, value: Any) -> int | None:
    """Return Unix seconds from a due time in the form switch lead_due_form asks for."""
    form = site.switches["lead_due_form"]
    if value is None or value == "":
        return None
    if form == "object" and isinstance(value, dict) and isinstance(value.get("timestamp"), int | float):
        return int(value["timestamp"])
    if form == "int" and isinstance(value, int) and not isinstance(value, bool):
        return value
    if form == "string" and isinstance(value, str) and value.isdigit():
        return int(value)
    raise invalid("Invalid dueTime", field="dueTime")


def _amount(value: Any) -> str | None:
    if value is None or value == "":
        return None
    try:
        return f"{float(value):.2f}"
    except (TypeError, ValueError):
        raise invalid("Invalid manualValue", field="manualValue") from None


def move_to_stage(site: Site, lead: Record, stage: Record) -> None:
    """Put an edited copy into a stage and that stage's pipeline."""
    if lead["links"].get("stage") != stage["id"]:
        lead["stageTimes"] = [*lead.get("stageTimes", []), [stage["id"], site.state.now()]]
    lead["links"].update(stage=stage["id"], stageset=stage["links"]["stageset"])


def _link_hook(site: Site, record: Record, operation: Operation, actor: Actor) -> bool:
    name = operation.path[1] if len(operation.path) > 1 else ""
    if name == "stage":
        _patch_stage(site, record, operation)
        return True
    if name == "products":
        match operation.op, operation.path:
            case "add", (_, _, "-"):
                _add_product(site, record, operation.value)
            case "remove", (_, _, rid):
                _remove_product(site, record, rid)
            case _:
                raise invalid("Invalid path", detail="Products are added and removed one by one.")
        return True
    return False


def _patch_stage(site: Site, record: Record, operation: Operation) -> None:
    stage = site.state.live("stages", operation.value) if operation.op == "replace" else None
    if site.switches["lead_stage_write"] == "patch" and stage is not None:
        move_to_stage(site, record, stage)
    elif stage is None or site.switches["lead_stage_refusal"] != "silent":
        raise invalid("Invalid path", detail="The stage cannot be written.", field="stage")


def _set_description(site: Site, record: Record, value: Any) -> None:
    if not isinstance(value, str) or not value:
        raise invalid("description must be a string.", field="description")
    record["description"] = value


def _set_manual(site: Site, record: Record, value: Any) -> None:
    record["manualValue"] = _amount(value)


def _set_product_mode(site: Site, record: Record, value: Any) -> None:
    record["manualValue"] = None


def _set_due(site: Site, record: Record, value: Any) -> None:
    record["dueTime"] = read_due(site, value)


def _set_whole(field: str, most: int) -> SetField:
    def setter(site: Site, record: Record, value: Any) -> None:
        try:
            number = int(value)
        except (TypeError, ValueError):
            raise invalid(f"Invalid {field}", field=field) from None
        if not 0 <= number <= most:
            raise invalid(f"Invalid {field}", field=field)
        record[field] = number

    return setter


LEAD_FIELDS: Mapping[str, SetField] = {
    "description": _set_description,
    "manualValue": _set_manual,
    "valueToProductMode": _set_product_mode,
    "dueTime": _set_due,
    "confidence": _set_whole("confidence", 100),
    "priority": _set_whole("priority", 1),
}


def patch_lead(site: Site, call: Call) -> Reply:
    """PATCH /leads/{id}."""
    return patch_record(site, call, "leads", LEAD_FIELDS, _link_hook)
