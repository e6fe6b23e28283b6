"""Every answer nutshell.md leaves open, as a switch; defaults are the document's safe assumptions (nutshell.md 11)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from streamflow.sandbox.clocks import Clock
from streamflow.sandbox.forms import SHARE_FORM, SPAN_FORM, Form, is_count, is_length, is_share
from streamflow.sandbox.nutshell.voice import NutshellVoice
from streamflow.sandbox.switchboard import CheckedFaults

_COMMON_TYPES = ["String", "Text", "Date", "Currency", "Enum"]

NUTSHELL_SWITCHES: dict[str, Any] = {
    # reading
    "search_lag_s": 5.0,  # lists, filters and find* show a write only this much later, a number or [least, most]; GET by id at once
    "events_lag_s": 0.0,  # the events feed shows a write only this much later
    "events_late": None,  # {"share", "delay_s"}: some events come so much later, behind those that followed them
    "events_twice": 0,  # share of events that come twice: within a page, and once more after they were the last one seen
    "events_cut": "newest",  # which end of the matching rows `limit` keeps: "newest" | "oldest"
    "events_include_deletes": False,
    "default_page_size": 25,
    "max_page_size": 10_000,
    "multi_get_max": 50,
    "multi_get_missing": "omit",  # an unknown id among several: "omit" | "404"
    "deleted_get": "record",  # GET of a deleted record: "record" with deletedTime | "404"
    "cf_filter": "fuzzy",  # filter[<custom field>]: "exact" | "fuzzy"
    "unknown_filter": "ignored",  # "ignored" | "refused"
    "payload_custom_fields": False,  # customFields inside REST records and event payloads
    "rpc_whole_records": True,  # find* with stubResponses=false answers with whole records
    "rpc_find_max": 100,
    # writing
    "batch_create_max": 1,
    "multi_delete": False,
    "patch_atomic": False,
    "create_links_ignored": [],  # relation names a create accepts and forgets
    "impersonation": True,
    "enforce_permissions": True,
    # custom fields
    "cf_requires_admin": True,
    "cf_type_map": {  # accepted type names by entity
        "accounts": list(_COMMON_TYPES),
        "contacts": list(_COMMON_TYPES),
        "leads": [*_COMMON_TYPES, "Email", "Location", "Phone", "Url"],
    },
    "cf_unknown_type": "refused",  # "refused" | "silent": 200 and no field
    "cf_patch_path": "name",  # "/{e}/0/{name}" | "customFields": "/{e}/0/customFields/{name}" | "both"
    "cf_value_forms": "strings",  # "strings" | "typed"
    "cf_unknown_name": "ignored",  # "ignored" | "refused"
    "cf_unlisted_choice": "refused",  # "refused" | "added" | "ignored"
    "cf_text_max": None,  # longest value of a String field; longer is refused
    "cf_long_max": None,  # longest value of a Text or LongText field
    "cf_long_over_limit": "refused",  # "refused" | "truncated"
    "cf_long_lines": "kept",  # line ends in such a value: "kept" | "blanks"
    "owner_filled": [],  # kinds (accounts, contacts, leads) of which one made without an owner gets the user who makes it
    # people and companies
    "phone_value_form": "string",  # "string" | "object" | "both"
    "email_check": "accept",  # an e-mail without @: "accept" | "refused" | "dropped"
    "contact_name_patch": True,
    "job_title_needs_account": False,
    "account_extra_fields": False,
    "legacy_id": False,
    "phone_country": None,  # region for numbers without a country code; null takes the instance's
    # leads
    "lead_requires_contact": True,
    "lead_due_form": "object",  # "object" {"timestamp": n} | "int" | "string"
    "lead_stage_write": "patch",  # "patch" | "rpc" | "none"
    "lead_stage_refusal": "silent",  # how PATCH refuses a stage: "silent" | "400"
    "team_owner": False,
    "plan": {},  # caps over those of the settings: {"open_leads": 100, "custom_fields": 20}; null takes one away
    "plan_limit": None,  # a rule: a create it strikes is refused as over the plan
    "plan_refusal": "400",  # at a plan cap: "400" | "402" | "403" | "locked" (made, but locked)
    # activities, notes, tasks
    "activity_backdate": True,
    "activity_participants": ["users", "contacts", "leads", "accounts"],
    "activity_delete": True,  # JSON-RPC deleteActivity
    "email_activity_type": False,  # an activity type "Email" exists
    "note_backdate": False,
    "note_edit": "rpc_24h",  # "rpc_24h" | "none"
    "note_max_chars": 30_000,
    "note_over_limit": "refused",  # "refused" | "truncated"
    "task_body_form": "flat",  # "flat" | "tasks" | "data"
    "tasks_patch_media": "json-patch+json",  # "json-patch+json" | "json"
    "task_assignee_filled": False,  # a task made without an assignee gets the user who makes it
    "task_complete": False,
    # the rest
    "file_upload": False,
    "rpc_new_email": False,
    "teams_rest": False,
    "create_users": False,  # JSON-RPC newUser
    "rpc_enabled": True,
}

RULES = ("plan_limit",)


def _is_late(value: Any) -> bool:
    return value is None or (
        isinstance(value, dict) and value.keys() == {"share", "delay_s"} and is_share(value["share"]) and is_length(value["delay_s"])
    )


def _is_plan(value: Any) -> bool:
    return isinstance(value, dict) and all(cap is None or cap == 0 or is_count(cap) for cap in value.values())


_FORMS: Mapping[str, Form] = {
    "search_lag_s": SPAN_FORM,
    "events_lag_s": (is_length, "seconds from 0"),
    "events_late": (_is_late, 'null or {"share", "delay_s"}'),
    "events_twice": SHARE_FORM,
    "plan": (_is_plan, "an object of caps, null for none"),
}


class NutshellFaults(CheckedFaults):
    """The shared faults plus the switches above; *instance* is what envelopes tell of the account."""

    def __init__(self, instance: Mapping[str, Any], *, clock: Clock | None = None, seed: int = 7) -> None:
        super().__init__(
            NUTSHELL_SWITCHES, choices={}, forms=_FORMS, rules=RULES, clock=clock, seed=seed, voice=NutshellVoice(instance)
        )


NEVER_MET = {
    "account_extra_fields": "revenue and number of employees are never written: neither source has them, a map may name custom fields",
    "legacy_id": "the id of the source stands in the custom field Streamflow ID, which can be searched for",
    "file_upload": "no path for it is documented, so there is none here either; files are archived and told by a note",
    "rpc_new_email": "e-mails are activities or notes: of newEmail nobody knows how it dates and attaches",
    "teams_rest": "teams are read by JSON-RPC, which is documented",
    "create_users": "seats cost money: users are matched or asked for, never made",
}
"""Switches that the migration cannot meet, since it never makes the call, and why; the others are turned in its tests."""
