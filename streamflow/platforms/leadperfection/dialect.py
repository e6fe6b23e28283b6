"""How Lead Perfection is asked and what its answers mean: forms by POST, arrays back, and a status that says little. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from streamflow.platforms.api import answers
from streamflow.platforms.api.forms import Raw, form_request
from streamflow.platforms.rows.canon import squeezed
from streamflow.platforms.spec import Call, PlatformSpec
from streamflow.wire.message import Request, Response
from streamflow.wire.verdict import CallVerdict, Outcome

DAY_FORMS = ("%m/%d/%Y", "%Y-%m-%d")
"""How the days of the appointment call may be written; which of them is not public (lead-perfection.md 2.4)."""
_DAYS = ("apptdates", "apptdatee")
_AVAILABILITY = "availability"
_APPOINTMENT, _NOTE = "appointment", "note"


class LeadPerfectionDialect:
    """What `api.reader` must know of the platform beyond its spec; *day_form* is found by the diary, *job_param* asks for a job's notes."""

    def __init__(self, spec: PlatformSpec) -> None:
        self._judge = answers.judge(spec.errors)
        self.day_form = DAY_FORMS[0]
        self.job_param = call.key_param if (call := spec.streams[_NOTE].list) is not None else ""
        self._listed = spec.streams[_APPOINTMENT].window

    def lists(self, day: date) -> bool:
        """Say whether a walk through the appointments' own list comes to *day*."""
        rules = self._listed
        return rules is not None and bool(rules.end) and rules.start <= day.isoformat() < rules.end

    def request(self, spec: PlatformSpec, call: Call, params: Mapping[str, str], *, priority: int) -> Request:
        written = {name: self._day(value) if name in _DAYS else value for name, value in params.items()}
        return form_request(spec, call.function, written, priority=priority)

    def judge(self, outcome: Outcome) -> CallVerdict:
        """Say what an exchange means; 403 is what some servers answer to a token that ran out (lead-perfection.md 1.2)."""
        verdict = self._judge(outcome)
        return CallVerdict.AUTH if verdict is CallVerdict.FORBIDDEN else verdict

    def rows(self, call: Call, response: Response, *, stream: str) -> Sequence[Raw]:
        found = answers.rows_of(call, response, stream=stream)
        return [row for day in found for row in _by_rep(day)] if stream == "schedule" else found

    def _day(self, text: str) -> str:
        for form in DAY_FORMS:
            try:
                return datetime.strptime(text, form).strftime(self.day_form)
            except ValueError:
                continue
        return text


def _by_rep(day: Raw) -> Sequence[Raw]:
    """Give one row a rep of a day of the timetable (lead-perfection.md 2.6)."""
    spelt = {squeezed(str(name)): value for name, value in day.items()}
    reps: Any = spelt.get(_AVAILABILITY)
    listed = reps if isinstance(reps, list) else []
    return [{"Date": spelt.get("date"), **rep} for rep in listed if isinstance(rep, Mapping)]
