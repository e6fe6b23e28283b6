"""What of the simulated Lead Perfection can be changed while it runs, beside the faults all platforms share.

Where the contract only assumes, a switch gives the other answers (lead-perfection.md 5).

| switch | values (default first) | what it decides |
| --- | --- | --- |
| token_lifetime_s | 86399 | how long a token is good |
| expires_in | number, text, absent | how `/token` tells that |
| token_type | bearer, absent | whether it names the type |
| bad_credentials | 400, 401, 200 | wrong credentials: that status, or 200 without a token |
| denied_status | 401, 403 | a call with a bad token |
| denied_body | json, empty, html | and what it says |
| no_right | {} | method to 401, 403 or empty: what its caller has no right to |
| start_index | page, row, {method: page or row} | what StartIndex counts |
| page_size_max | null, n | larger pages come back empty |
| deep_rows | null, n | pages of more than 50 rows come back empty beyond so many rows |
| paging_required | defaulted, exception | without PageSize and StartIndex: 10 and 1, or an exception |
| order | key, newest, shuffled | of rows; in the last two rows move between pages while people work |
| end_bound | exclusive, inclusive | whether a window holds its end |
| id_window | ignored, applied | whether dates filter where an id is given |
| by_id | array, object | a read by id: its one row in an array, or alone; what is not there is an empty array |
| blind_bits | [] | bits of `options` that find nothing |
| late_visibility_s | 0 | how long after its date a change begins to show in windows, a number or [least, most]; by id it shows at once |
| silent_edits | 0 | share of edits that move no date |
| life_weights | {} | how often people do what, over the usual weights: {"merge": 20} |
| expire_tokens | null, rule | no token given so far is good any more, when the rule strikes |
| prospect_edits | quiet, lead | whether edits of a prospect show in a window of changes, as changes of its leads |
| appointment_id | absent, ils_id, id | what names an appointment within GetLead |
| appointment_parents | false, true | whether the date-range call tells cst_id and lds_id |
| appointment_dates | mdy, iso, either | which form of dates that call reads; another finds nothing |
| appointment_end | inclusive, exclusive | whether its last day counts |
| appointment_rows | all, own | whether it tells the appointments of other reps than the API user's |
| appointment_list | light, empty | what GetSalesApptList answers |
| job_parent | true, false | whether the jobs feed tells cst_id |
| job_children | empty, full | whether it tells milestones and user fields |
| job_notes | nowhere, installer, nested | where notes of jobs can be read: nowhere, GetInstallerJobNotes, or in GetLead's jobs |
| documents | rows, missing | whether jobs have documents, or the calls answer 404 |
| download | bytes, base64 | how a document comes |
| user_type | null, letter | the `type` under which GetSalesApptDispProd lists users |
| sources_lookup | ids, names | what the look-up of sources has as values |
| address2 | filled, always, never | when a prospect has that key |
| dnc | field, absent | whether marks not to contact come, in the field `dnc` |
| altphones | objects, texts, mixed | how extra phones come |
| notes | mixed, objects, strings, string | how notes come; mixed: a prospect and a lead each keep a form |
| call_days | 7 | how far back calls are shown |
| booleans | mixed, text | true and false in several spellings, or as text alone |
| numbers | mixed, text | ids and amounts as JSON numbers by some methods, or as text everywhere |
| key_case | mixed, contract | whether some rows write their keys otherwise |
| padding | true, false | codes and labels padded with blanks |
| slow | null, {"cst_id", "seconds", "where"} | who takes so long, in `any` call or only `by_id`; "auto" picks one, "7 9" is two |
| spoilt | null, {"cst_id", "where"} | whose row cannot be converted: each call that would show it is an exception; the words as for slow |
| writes | accepted, refused | what write methods do |
| frozen_writes | refused, marked | a write by API or by hand while frozen |
| result_200 | null, rule | 200 with a refusal, when the rule strikes |
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from streamflow.sandbox.clocks import Clock
from streamflow.sandbox.forms import SHARE_FORM, SPAN_FORM, Form, is_count, is_length, weights_form
from streamflow.sandbox.leadperfection.life import WEIGHTS
from streamflow.sandbox.leadperfection.voice import LeadPerfectionVoice
from streamflow.sandbox.switchboard import CheckedFaults

SWITCHES: Mapping[str, Any] = {
    "token_lifetime_s": 86_399,
    "expires_in": "number",
    "token_type": "bearer",
    "bad_credentials": "400",
    "denied_status": 401,
    "denied_body": "json",
    "no_right": {},
    "start_index": "page",
    "page_size_max": None,
    "deep_rows": None,
    "paging_required": "defaulted",
    "order": "key",
    "end_bound": "exclusive",
    "id_window": "ignored",
    "by_id": "array",
    "blind_bits": [],
    "late_visibility_s": 0,
    "silent_edits": 0,
    "life_weights": {},
    "expire_tokens": None,
    "prospect_edits": "quiet",
    "appointment_id": "absent",
    "appointment_parents": False,
    "appointment_dates": "mdy",
    "appointment_end": "inclusive",
    "appointment_rows": "all",
    "appointment_list": "light",
    "job_parent": True,
    "job_children": "empty",
    "job_notes": "nowhere",
    "documents": "rows",
    "download": "bytes",
    "user_type": None,
    "sources_lookup": "ids",
    "address2": "filled",
    "dnc": "field",
    "altphones": "objects",
    "notes": "mixed",
    "call_days": 7,
    "booleans": "mixed",
    "numbers": "mixed",
    "key_case": "mixed",
    "padding": True,
    "slow": None,
    "spoilt": None,
    "writes": "accepted",
    "frozen_writes": "refused",
    "result_200": None,
}
RULES = ("result_200", "expire_tokens")

_CHOICES: Mapping[str, tuple[Any, ...]] = {
    "expires_in": ("number", "text", "absent"),
    "token_type": ("bearer", "absent"),
    "bad_credentials": ("400", "401", "200"),
    "denied_status": (401, 403),
    "denied_body": ("json", "empty", "html"),
    "paging_required": ("defaulted", "exception"),
    "order": ("key", "newest", "shuffled"),
    "end_bound": ("exclusive", "inclusive"),
    "id_window": ("ignored", "applied"),
    "by_id": ("array", "object"),
    "prospect_edits": ("quiet", "lead"),
    "appointment_id": ("absent", "ils_id", "id"),
    "appointment_parents": (True, False),
    "appointment_dates": ("mdy", "iso", "either"),
    "appointment_end": ("inclusive", "exclusive"),
    "appointment_rows": ("all", "own"),
    "appointment_list": ("light", "empty"),
    "job_parent": (True, False),
    "job_children": ("empty", "full"),
    "job_notes": ("nowhere", "installer", "nested"),
    "documents": ("rows", "missing"),
    "download": ("bytes", "base64"),
    "sources_lookup": ("ids", "names"),
    "address2": ("filled", "always", "never"),
    "dnc": ("field", "absent"),
    "altphones": ("objects", "texts", "mixed"),
    "notes": ("mixed", "objects", "strings", "string"),
    "booleans": ("mixed", "text"),
    "numbers": ("mixed", "text"),
    "key_case": ("mixed", "contract"),
    "padding": (True, False),
    "writes": ("accepted", "refused"),
    "frozen_writes": ("refused", "marked"),
}


def _is_count_or_null(value: Any) -> bool:
    return value is None or is_count(value)


def _are_rights(value: Any) -> bool:
    return isinstance(value, dict) and all(refusal in ("401", "403", "empty") for refusal in value.values())


def _is_start_index(value: Any) -> bool:
    return all(mode in ("page", "row") for mode in (value.values() if isinstance(value, dict) else (value,)))


def _is_slow(value: Any) -> bool:
    if value is None:
        return True
    return isinstance(value, dict) and value.keys() <= {"cst_id", "seconds", "where"} and value.get("where", "any") in ("any", "by_id")


def _is_spoilt(value: Any) -> bool:
    return _is_slow(value) and (value is None or "seconds" not in value)


_FORMS: Mapping[str, Form] = {
    "token_lifetime_s": (is_length, "seconds from 0"),
    "no_right": (_are_rights, "an object of method names to 401, 403 or empty"),
    "start_index": (_is_start_index, "page, row, or an object of method names to one of them"),
    "page_size_max": (_is_count_or_null, "null or a whole number from 1"),
    "deep_rows": (_is_count_or_null, "null or a whole number from 1"),
    "blind_bits": (lambda value: isinstance(value, list) and all(map(is_count, value)), "a list of bits"),
    "user_type": (lambda value: value is None or (isinstance(value, str) and len(value) == 1), "null or a letter"),
    "late_visibility_s": SPAN_FORM,
    "silent_edits": SHARE_FORM,
    "life_weights": weights_form(tuple(WEIGHTS)),
    "call_days": (is_length, "days from 0"),
    "spoilt": (_is_spoilt, 'null or an object of cst_id and where ("any", "by_id")'),
    "slow": (_is_slow, 'null or an object of cst_id, seconds and where ("any", "by_id")'),
}

NEVER_MET = {
    "appointment_list": "GetSalesApptList is not asked: it is light, and GetSalesApptDetailDateRange tells the texts as well",
    "documents": "files of jobs are not read: the form of the answers is not public",
    "download": "the same",
    "user_type": "no letter for users is known, so none is asked for: reps come from rows and the timetable",
    "sources_lookup": "the letter S is not asked for, since it may answer with numbers where names belong: sources come from rows",
    "writes": "nothing is ever written to a source",
    "frozen_writes": "what becomes of a write by API; nothing is ever written to a source, and people who cheat do so by hand",
}
"""Switches that the migration cannot meet, since it never makes the call, and why; the others are turned in its tests."""



class LeadPerfectionFaults(CheckedFaults):
    """The shared faults plus the switches above, which it also checks."""

    def __init__(self, *, clock: Clock | None = None, seed: int = 7) -> None:
        super().__init__(SWITCHES, choices=_CHOICES, forms=_FORMS, rules=RULES, clock=clock, seed=seed, voice=LeadPerfectionVoice())

