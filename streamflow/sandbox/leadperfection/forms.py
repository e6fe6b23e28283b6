"""The form of a request: names in any case, dates in three forms, and what the vendor's handlers make of the rest."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from streamflow.sandbox.leadperfection.stamps import number_of

_FORMS = {"iso": ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"), "mdy": ("%m/%d/%Y", "%m/%d/%Y %H:%M:%S")}
DATE_FORMS = (*_FORMS["iso"], *_FORMS["mdy"])


class HandlerFault(Exception):
    """A handler's exception: status 200 with message, error and status (lead-perfection.md 1.5)."""


class Form:
    """The fields of one request; names are told apart by letters only, not by case."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        self._fields = {name.lower(): value.strip() for name, value in fields.items()}

    def text(self, *names: str) -> str:
        """Give the first of *names* that is there, or a blank."""
        return next((self._fields[name.lower()] for name in names if name.lower() in self._fields), "")

    def has(self, name: str) -> bool:
        """Say whether a field was sent."""
        return name.lower() in self._fields

    def whole(self, name: str, default: int) -> int:
        """Give a whole number; HandlerFault for a word such as None or null (lead-perfection.md 1.3)."""
        text = self.text(name)
        if not text:
            return default
        if not text.lstrip("-").isdigit():
            raise HandlerFault("Error converting data type nvarchar to int.")
        return int(text)

    def moment(self, name: str, forms: tuple[str, ...] = DATE_FORMS) -> float | None:
        """Give a date as wall clock seconds, a bare one as its midnight; None when it is missing or in no form known."""
        moment = day_or_time(self.text(name), forms)
        return None if moment is None else number_of(moment)


def forms_of(name: str) -> tuple[str, ...]:
    """Give the forms of date that the appointment call reads under the switch value *name*."""
    return DATE_FORMS if name == "either" else _FORMS[name]


def day_or_time(text: str, forms: tuple[str, ...] = DATE_FORMS) -> datetime | None:
    """Read a date in one of *forms*."""
    for form in forms:
        try:
            return datetime.strptime(text, form)
        except ValueError:
            continue
    return None
