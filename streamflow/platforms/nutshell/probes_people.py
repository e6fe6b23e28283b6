"""Probes on companies and people: custom fields, phones, names, impersonation, payloads (nutshell.md 1.2, 3, 5, 11)."""

from __future__ import annotations

from typing import Any

from streamflow.errors import AccessRefused, ProtocolMismatch, RecordRejected
from streamflow.model import DestId
from streamflow.platforms.destination import FieldSpec
from streamflow.platforms.nutshell.bench import Bench
from streamflow.platforms.nutshell.dialect.envelope import rows
from streamflow.platforms.nutshell.dialect.events import happenings
from streamflow.platforms.nutshell.dialect.marks import MARKER_FIELD
from streamflow.platforms.nutshell.dialect.parts import CUSTOM, customs_from_wire
from streamflow.platforms.nutshell.dialect.patch import custom_path as path_of
from streamflow.platforms.nutshell.flags import ENTITIES, PATH_BY_NAME, PATH_UNDER_CUSTOM
from streamflow.platforms.nutshell.people import Directory, email_of
from streamflow.platforms.nutshell.schema import NutshellSchema

MARKED = f"{CUSTOM}{MARKER_FIELD}"
PHONE = "+27825550101"
_FORMS = {"date": ("2020-02-29", "2020-02-29"), "money": ("123.45", 123.45), "number": ("42", 42)}


async def marker_fields(bench: Bench, schema: NutshellSchema) -> dict[str, Any]:
    """Make the field "Streamflow ID", which is needed anyway, and learn by it how text fields are called."""
    for entity in ENTITIES:
        await bench.defines(entity, MARKER_FIELD)
        await schema.define(FieldSpec(entity=entity, label=MARKER_FIELD, family="text"))
    return {"cf_type_map": bench.calls.flags.cf_type_map}


async def company(bench: Bench) -> dict[str, Any]:
    """Make a company to build on."""
    marker = bench.marker()
    await bench.make("accounts", marker, {"name": marker, MARKED: marker})
    return {}


async def person(bench: Bench) -> dict[str, Any]:
    """Make a person with a phone, in the form that is taken and kept."""
    for form in ("string", "object"):
        marker = bench.marker()
        phone = [{"name": "mobile", "value": PHONE, "isPrimary": True}]
        fields = {"name": marker, "phones": phone, MARKED: marker, "link:accounts": [bench.anchor("accounts")]}
        try:
            dest_id = await bench.make("contacts", marker, fields, phone_value_form=form)
        except RecordRejected:
            continue
        if (await bench.fields("contacts", dest_id)).get("phones"):
            return {"phone_value_form": form}
        bench.known.pop("contacts", None)
    raise RecordRejected("a phone was taken in no known form", field="phones", platform="nutshell")


async def name_parts(bench: Bench) -> dict[str, Any]:
    """See whether first and last name can be written apart."""
    dest_id = bench.anchor("contacts")
    try:
        await bench.patch("contacts", dest_id, "/contacts/0/firstName", "Streamflow")
        await bench.patch("contacts", dest_id, "/contacts/0/lastName", "probe van der Test")
    except RecordRejected:
        return {"contact_name_patch": False}
    held = await bench.fields("contacts", dest_id)
    return {"contact_name_patch": (held.get("firstName"), held.get("lastName")) == ("Streamflow", "probe van der Test")}


async def _marker_of(bench: Bench, dest_id: DestId) -> str:
    data = await bench.calls.get(f"contacts/{dest_id}/customfields", endpoint="contacts/{id}/customfields")
    return str(customs_from_wire(rows(data, "customFields")).get(MARKED) or "")


async def custom_path(bench: Bench) -> dict[str, Any]:
    """See which path changes a custom field, by reading it back; the marker is put back afterwards."""
    dest_id, marker = bench.anchor("contacts"), bench.known["contacts"][1]
    for number, form in enumerate((PATH_BY_NAME, PATH_UNDER_CUSTOM)):
        path = form.replace("{e}", "contacts").replace("{name}", MARKER_FIELD)
        try:
            await bench.patch("contacts", dest_id, path, f"{marker} path {number}")
        except RecordRejected:
            continue
        if await _marker_of(bench, dest_id) == f"{marker} path {number}":
            await bench.patch("contacts", dest_id, path, marker)
            return {"cf_patch_path": form}
    raise RecordRejected("no known path changes a custom field", field=MARKER_FIELD, platform="nutshell")


async def payloads(bench: Bench) -> dict[str, Any]:
    """See whether records carry their custom fields when they are read."""
    row = await bench.row("contacts", bench.anchor("contacts"))
    held = customs_from_wire(row.get("customFields"))
    return {"payload_custom_fields": held.get(MARKED) == bench.known["contacts"][1]}


async def value_forms(bench: Bench, schema: NutshellSchema) -> dict[str, Any]:
    """See whether dates, money and numbers are written as text, on a field that exists; none is made for it, as none can be removed."""
    fields = [spec for spec in await schema.custom_fields() if spec.entity == "contacts" and spec.family in _FORMS]
    spec = next((s for s in sorted(fields, key=lambda s: s.family == "date") if s.label != MARKER_FIELD), None)
    if spec is None or spec.family == "date":
        raise RecordRejected("the account has no money or number field on people yet to try it on", platform="nutshell")
    dest_id = bench.anchor("contacts")
    path = path_of("contacts", spec.label, bench.flags)
    for form, value in zip(("strings", "typed"), _FORMS[spec.family], strict=True):
        try:
            await bench.patch("contacts", dest_id, path, value)
        except RecordRejected:
            continue
        return {"cf_value_forms": form}
    raise RecordRejected("a value was taken in no known form", field=spec.label, platform="nutshell")


async def impersonation(bench: Bench, directory: Directory) -> dict[str, Any]:
    """Write a note in a colleague's name and see in the events who is said to have written it."""
    if not directory.may_impersonate:
        return {"impersonation": False}
    me = await directory.myself()
    others = [row for row in await directory.users() if row.get("isEnabled") is not False and email_of(row) and row is not me]
    user = others[0] if others else me
    if user is None:
        raise RecordRejected("there is no user whose name could be tried", platform="nutshell")
    marker = bench.marker()
    fields = {"body": marker, "link:parent": bench.anchor("contacts")}
    try:
        note = await bench.make("notes", marker, fields, auth=email_of(user))
    except AccessRefused:
        return {"impersonation": False}
    query = [("entity_id", bench.anchor("contacts")), ("filters[payload][]", "notes"), ("limit", "20")]
    for wait_s in (0.0, 1.0, 3.0):
        await bench.clock.sleep(wait_s)
        events = happenings(await bench.calls.get("events", query=query))
        actor = next((event.actor for event in events if note in event.ids), None)
        if actor is not None:
            return {"impersonation": actor == str(user["id"])}
    raise ProtocolMismatch("the note does not show in the events, so its author cannot be seen", platform="nutshell")
