"""Whose records are whose: reps are known by id and name, users by e-mail, and the customer's file stands between."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.judge import texts
from tests.judge.leadperfection import values
from tests.judge.states import Destination


@dataclass(frozen=True, slots=True, kw_only=True)
class Rep:
    """One line of the customer's file."""

    rep_id: str
    name: frozenset[str]
    email: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Owners:
    """Which user has to have what a rep had."""

    reps: Sequence[Rep]
    destination: Destination
    fallback: str | None

    def of(self, rep_id: object, name: object) -> set[str | None] | None:
        """Give the users of whom one must have it; None when it was nobody's, so that anybody may."""
        key, words = texts.present(rep_id), values.rep_name(texts.present(name))
        if not key and not words:
            return None
        if key and (lines := [rep for rep in self.reps if rep.rep_id == key]):
            return self._of(lines, words)
        lines = [rep for rep in self.reps if words and rep.name == words]
        if len(lines) > 1:   # two reps of one name cannot be told apart by it: either of them, or nobody, is right
            return self._users(lines) | self._nobody()
        return self._of(lines, words)

    def _of(self, lines: Sequence[Rep], words: frozenset[str]) -> set[str | None]:
        """Give the user of an e-mail in the file; only who has none there goes by name, which may be a namesake's."""
        has_mail = any(rep.email for rep in lines)
        return self._users(lines) or (set() if has_mail else self._by_name(words)) or self._nobody()

    def user(self, rep_id: object, name: object) -> str | None:
        """Give the one user who can be meant, None when there is none."""
        found = (self.of(rep_id, name) or set()) - self._nobody()
        return found.pop() if len(found) == 1 else None

    def _users(self, lines: Sequence[Rep]) -> set[str | None]:
        return {user for rep in lines if rep.email and (user := self.destination.user_by_email(rep.email)) is not None}

    def _by_name(self, words: frozenset[str]) -> set[str | None]:
        users = {rid: user for rid, user in self.destination.of("users").items() if user.get("isEnabled", True)}
        found: set[str | None] = {rid for rid, user in users.items() if words and frozenset(texts.words(str(user.get("name")))) == words}
        return found if len(found) == 1 else set()

    def _nobody(self) -> set[str | None]:
        return {self.destination.user_by_email(self.fallback)} if self.fallback else {None}


def read_reps(text: str) -> list[Rep]:
    """Read the customer's file: CSV with an id, a name and an e-mail, whatever its columns are called to the letter."""
    rows: list[Mapping[str, str]] = list(csv.DictReader(io.StringIO(text)))
    return [
        Rep(rep_id=_cell(row, "id"), name=values.rep_name(_cell(row, "name")), email=_cell(row, "mail").lower()) for row in rows
    ]  # fmt: skip


def _cell(row: Mapping[str, str], word: str) -> str:
    return next((str(value or "").strip() for name, value in row.items() if str(name).casefold().endswith(word)), "")
