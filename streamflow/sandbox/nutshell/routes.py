"""Every REST path this server answers, with its endpoint and the plural of its error envelope."""

from __future__ import annotations

from streamflow.sandbox.nutshell import activities as acts
from streamflow.sandbox.nutshell import customfields, feed, labels, lead_actions, leads, notes, peeps, reference
from streamflow.sandbox.nutshell.core import create_each, deleting, getting, listing, undeleting
from streamflow.sandbox.nutshell.site import Endpoint

Route = tuple[str, str, Endpoint, str | None]


def _with_custom_fields(kind: str) -> list[Route]:
    return [
        ("GET", f"/{kind}/customfields/attributes", customfields.attributes, "customFields"),
        ("POST", f"/{kind}/customfield", customfields.create, "customFields"),
        ("GET", f"/{kind}/list/fields", customfields.list_fields, None),
        ("GET", f"/{kind}/list", reference.list_items(kind), "listItems"),
        ("GET", f"/{kind}/{{id}}/customfields", customfields.record_values, "customFields"),
    ]


def _record(kind: str, *, undelete: bool = True) -> list[Route]:
    found: list[Route] = [
        ("GET", f"/{kind}", listing(kind), kind),
        ("GET", f"/{kind}/{{id}}", getting(kind), kind),
        ("DELETE", f"/{kind}/{{id}}", deleting(kind), kind),
    ]
    if undelete:
        found.append(("POST", f"/{kind}/{{id}}/undelete", undeleting(kind), kind))
    return found


ROUTES: list[Route] = [
    *_with_custom_fields("accounts"),
    *_with_custom_fields("contacts"),
    *_with_custom_fields("leads"),
    *_record("accounts"),
    ("POST", "/accounts", create_each("accounts", peeps.make_account, status=201), "accounts"),
    ("PATCH", "/accounts/{id}", peeps.patch_account, "accounts"),
    *_record("contacts"),
    ("POST", "/contacts", create_each("contacts", peeps.make_contact, status=200), "contacts"),
    ("PATCH", "/contacts/{id}", peeps.patch_contact, "contacts"),
    *_record("leads"),
    ("POST", "/leads", create_each("leads", leads.make_lead, status=201), "leads"),
    ("PATCH", "/leads/{id}", leads.patch_lead, "leads"),
    ("POST", "/leads/{id}/status", lead_actions.post_status, "leads"),
    ("POST", "/leads/{id}/reopen", lead_actions.post_reopen, "leads"),
    ("POST", "/leads/{id}/stageset", lead_actions.post_stageset, "leads"),
    ("POST", "/leads/{id}/watch", lead_actions.post_watch, "leads"),
    ("GET", "/leads/{id}/stages", lead_actions.get_stages, "stages"),
    ("GET", "/leads/{id}/installments", lead_actions.get_installments, "installments"),
    ("POST", "/leads/{id}/installments", lead_actions.post_installments, "installments"),
    ("GET", "/activities", listing("activities"), "activities"),
    ("POST", "/activities", create_each("activities", acts.make_activity, status=201), "activities"),
    ("GET", "/activities/{id}", getting("activities"), "activities"),
    ("PUT", "/activities/{id}", acts.put_activity, "activities"),
    *_record("notes"),
    ("POST", "/notes", notes.create_note, "notes"),
    *_record("tasks", undelete=False),
    ("POST", "/tasks", notes.create_task, "tasks"),
    ("PATCH", "/tasks/{id}", notes.patch_task, "tasks"),
    ("GET", "/tags", labels.list_tags, "tags"),
    ("POST", "/tags", create_each("tags", labels.make_tag, status=200), "tags"),
    ("DELETE", "/tags/{id}", deleting("tags", many=True), "tags"),
    ("POST", "/tags/{id}/undelete", undeleting("tags"), "tags"),
    ("GET", "/sources", labels.list_named("sources"), "sources"),
    ("POST", "/sources", create_each("sources", labels.make_source, status=201), "sources"),
    ("DELETE", "/sources/{id}", deleting("sources"), "sources"),
    ("POST", "/sources/{id}/undelete", undeleting("sources"), "sources"),
    ("GET", "/audiences", labels.list_named("emAudiences"), "emAudiences"),
    ("POST", "/audiences", create_each("emAudiences", labels.make_named("emAudiences"), status=201), "emAudiences"),
    ("GET", "/productcategories", labels.list_named("productCategories"), "productCategories"),
    (
        "POST",
        "/productcategories",
        create_each("productCategories", labels.make_named("productCategories"), status=201),
        "productCategories",
    ),
    ("GET", "/productcategories/{id}", reference.row("productCategories"), "productCategories"),
    ("GET", "/products", reference.list_products, "products"),
    ("GET", "/products/{id}", reference.row("products"), "products"),
    ("DELETE", "/products/{id}", deleting("products"), "products"),
    ("POST", "/products/{id}/undelete", undeleting("products"), "products"),
    ("GET", "/productmaps", reference.table("productMaps"), "productMaps"),
    ("GET", "/productmaps/{id}", reference.row("productMaps"), "productMaps"),
    ("PATCH", "/productmaps/{id}", reference.patch_product_map, "productMaps"),
    ("DELETE", "/productMaps/{id}", reference.delete_product_map, "productMaps"),
    ("GET", "/competitors", labels.list_named("competitors"), "competitors"),
    ("GET", "/competitors/{id}", reference.row("competitors"), "competitors"),
    ("GET", "/competitormaps", reference.empty("competitorMaps"), "competitorMaps"),
    ("GET", "/users", reference.table("users"), "users"),
    ("GET", "/users/{id}", reference.row("users"), "users"),
    ("GET", "/teams", reference.list_teams, "teams"),
    ("GET", "/stages", reference.table("stages"), "stages"),
    ("GET", "/stagesets", reference.table("stagesets"), "stagesets"),
    ("GET", "/outcomes", reference.table("outcomes"), "outcomes"),
    ("GET", "/outcomes/{id}", reference.row("outcomes"), "outcomes"),
    ("GET", "/activitytypes", reference.table("activityTypes"), "activityTypes"),
    ("GET", "/accounttypes", reference.table("accountTypes"), "accountTypes"),
    ("GET", "/industries", reference.table("industries"), "industries"),
    ("GET", "/industries/{id}", reference.row("industries"), "industries"),
    ("GET", "/territories", reference.table("territories"), "territories"),
    ("GET", "/markets", reference.table("markets"), "markets"),
    ("GET", "/markets/{id}", reference.row("markets"), "markets"),
    ("GET", "/emails/{id}", reference.get_email, "emails"),
    ("GET", "/filters", reference.empty("filters"), "filters"),
    ("GET", "/forms", reference.empty("wfForms"), "wfForms"),
    ("GET", "/events/deleted", feed.get_deleted, "events"),
    ("GET", "/events", feed.get_events, "events"),
]
