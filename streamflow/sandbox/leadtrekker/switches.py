"""What of the simulated Leadtrekker can be changed while it runs, beside the faults both platforms share.

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
| late_visibility_s | 0 | how long after a change lists begin to show it; getlead shows it at once |
| unknown_lead | empty, error | children of a lead that does not exist: no rows, or {"error"} |
| create_reply | leadid, id, bare | what createlead answers |
| frozen_writes | refused, marked | a write by API or by hand while frozen |
| html_200, error_200, empty_200 | null, rule | 200 with an HTML page, {"error"} or nothing, when the rule strikes |
| dump_delay_ms | 0 | pause before every 100 rows of an unpaged list |

A rule is {"probability", "match", "body", "times"} as for the shared faults.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from streamflow.sandbox.faults import RULE_KEYS, Clock, Faults, SwitchError

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
    "unknown_lead": "empty",
    "create_reply": "leadid",
    "frozen_writes": "refused",
    "html_200": None,
    "error_200": None,
    "empty_200": None,
    "dump_delay_ms": 0,
}
ANSWER_RULES = ("html_200", "error_200", "empty_200")

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


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _is_length(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0


def _is_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


def _is_rule(value: Any) -> bool:
    return value is None or (isinstance(value, dict) and value.keys() <= RULE_KEYS)


_FORMS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "missing": (_is_names, "a list of function names"),
    "reply_base64": (lambda value: value is True or _is_names(value), "true or a list of field names"),
    "page_size_max": (_is_count, "a whole number from 1"),
    "repeat_page_after": (lambda value: value is None or _is_count(value), "null or a whole number from 1"),
    "late_visibility_s": (_is_length, "seconds from 0"),
    "dump_delay_ms": (_is_length, "milliseconds from 0"),
    **dict.fromkeys(ANSWER_RULES, (_is_rule, f"null or an object of {', '.join(sorted(RULE_KEYS))}")),
}


class LeadtrekkerFaults(Faults):
    """The shared faults plus the switches above, which it also checks."""

    def __init__(self, *, clock: Clock | None = None, seed: int = 7) -> None:
        super().__init__(SWITCHES, clock=clock, seed=seed)

    def merge(self, changes: Mapping[str, Any]) -> None:
        """Merge *changes*, all or nothing; SwitchError names the switch and what it takes."""
        if not isinstance(changes, Mapping):
            raise SwitchError("switches come as a JSON object")
        for name, value in changes.items():
            choices = _CHOICES.get(name)
            if choices is not None and value not in choices:
                raise SwitchError(f"{name} must be one of {', '.join(map(repr, choices))}")
            form = _FORMS.get(name)
            if form is not None and not form[0](value):
                raise SwitchError(f"{name} must be {form[1]}")
        super().merge(changes)
