"""What of the simulated Leadtrekker can be changed while it runs, beside the faults all platforms share.

| switch | values (default first) | what it decides |
| --- | --- | --- |
| header | apikey, legacy, either | which header carries the key: `Apikey`, the old `api_key`, or one of the two |
| bad_key | 401, 403, 200 | a wrong key: that status, or 200 with {"error"} |
| unknown_function | 404, html, error | an unknown function: 404, 200 with HTML, or 200 with {"error"} |
| missing | [] | read functions that do not exist, for example ["getcalls"] |
| strict_base64 | true, false | whether plain values in a request are refused |
| reply_base64 | [], true, [names] | which fields of a record are base64 in replies |
| reply_ids | string, number | how ids are written |
| reply_dates | iso, mixed | one date form, or three; a record keeps its form |
| null_text | false, true | empty contact fields show the word null |
| wrap | key, root | records under their name, or the bare array as the root |
| paging | true, false | false: page and limit are ignored and every list is one streamed array |
| page_base | 1, 0 | the number of the first page |
| page_size_max | 500 | rows in a page, also when limit is absent or larger |
| order | asc, desc | oldest or newest first; newest first makes rows move while they are read |
| repeat_page_after | null, n | a lie: every page after the n-th one is the n-th again |
| report_total | false, true | adds "total" beside the records |
| date_filter | ignored, honoured, refused | what datefrom and dateto do: nothing, select (both ends included), or an error |
| late_visibility_s | 0 | how long after a change lists begin to show it, a number or [least, most]; getlead shows it at once |
| silent_edits | 0 | share of edits that move no date |
| life_weights | {} | how often people do what, over the usual weights: {"merge_leads": 20} |
| unknown_lead | empty, error | children of a lead that does not exist: no rows, or {"error"} |
| create_reply | leadid, id, bare | what createlead answers |
| frozen_writes | refused, marked | a write by API or by hand while frozen |
| dump_delay_ms | 0 | pause before every 100 rows of an unpaged list |
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from streamflow.sandbox.clocks import Clock
from streamflow.sandbox.forms import SHARE_FORM, SPAN_FORM, Form, is_count, is_length, is_names, weights_form
from streamflow.sandbox.leadtrekker.life import WEIGHTS
from streamflow.sandbox.leadtrekker.voice import LeadtrekkerVoice
from streamflow.sandbox.switchboard import CheckedFaults

SWITCHES: Mapping[str, Any] = {
    "header": "apikey",
    "bad_key": "401",
    "unknown_function": "404",
    "missing": [],
    "strict_base64": True,
    "reply_base64": [],
    "reply_ids": "string",
    "reply_dates": "iso",
    "null_text": False,
    "wrap": "key",
    "paging": True,
    "page_base": 1,
    "page_size_max": 500,
    "order": "asc",
    "repeat_page_after": None,
    "report_total": False,
    "date_filter": "ignored",
    "late_visibility_s": 0,
    "silent_edits": 0,
    "life_weights": {},
    "unknown_lead": "empty",
    "create_reply": "leadid",
    "frozen_writes": "refused",
    "dump_delay_ms": 0,
}

_CHOICES: Mapping[str, tuple[Any, ...]] = {
    "header": ("apikey", "legacy", "either"),
    "bad_key": ("401", "403", "200"),
    "unknown_function": ("404", "html", "error"),
    "strict_base64": (True, False),
    "reply_ids": ("string", "number"),
    "reply_dates": ("iso", "mixed"),
    "null_text": (True, False),
    "wrap": ("key", "root"),
    "paging": (True, False),
    "page_base": (0, 1),
    "order": ("asc", "desc"),
    "report_total": (True, False),
    "date_filter": ("ignored", "honoured", "refused"),
    "unknown_lead": ("empty", "error"),
    "create_reply": ("leadid", "id", "bare"),
    "frozen_writes": ("refused", "marked"),
}


_FORMS: Mapping[str, Form] = {
    "missing": (is_names, "a list of function names"),
    "reply_base64": (lambda value: value is True or is_names(value), "true or a list of field names"),
    "page_size_max": (is_count, "a whole number from 1"),
    "repeat_page_after": (lambda value: value is None or is_count(value), "null or a whole number from 1"),
    "late_visibility_s": SPAN_FORM,
    "silent_edits": SHARE_FORM,
    "life_weights": weights_form(tuple(WEIGHTS)),
    "dump_delay_ms": (is_length, "milliseconds from 0"),
}

NEVER_MET = {
    "create_reply": "nothing is ever created in a source",
    "frozen_writes": "what becomes of a write by API; nothing is ever written to a source, and people who cheat do so by hand",
}
"""Switches that the migration cannot meet, since it never makes the call, and why; the others are turned in its tests."""



class LeadtrekkerFaults(CheckedFaults):
    """The shared faults plus the switches above, which it also checks."""

    def __init__(self, *, clock: Clock | None = None, seed: int = 7) -> None:
        super().__init__(SWITCHES, choices=_CHOICES, forms=_FORMS, clock=clock, seed=seed, voice=LeadtrekkerVoice())
