"""Finding prospects by phone, e-mail or last name: a directory of the generated account, made at first use."""

from __future__ import annotations

import re

from streamflow.sandbox.leadperfection import people
from streamflow.sandbox.leadperfection.state import State
from streamflow.sandbox.leadperfection.tree import Node

_NOT_DIGITS = re.compile(r"\D")


class Directory:
    """Prospects by what they can be searched by."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._generated: dict[tuple[str, str], list[int]] | None = None

    def search(self, *, phone: str = "", email: str = "", lastname: str = "") -> list[Node]:
        """Give the prospects that have all that is given; none when nothing is."""
        wanted = _terms({"phone1": phone, "altphones": [], "email": email, "lastname": lastname})
        if not wanted:
            return []
        plan = self._state.account.plan
        made = self._index().get(next(iter(wanted)), ())
        trees = [self._state.prospect(str(plan.cst_id(index))) for index in made]
        known = {tree["cst_id"] for tree in trees if tree is not None}
        trees += [tree for tree in self._state.changed() if tree["cst_id"] not in known]
        return [tree for tree in trees if tree is not None and wanted <= _terms(tree)]

    def _index(self) -> dict[tuple[str, str], list[int]]:
        if self._generated is None:
            self._generated = {}
            seed = self._state.account.plan.seed
            for index in range(self._state.account.prospect_count):
                fields, _ = people.written(seed, index, people.behind(seed, index))
                for term in _terms(fields):
                    self._generated.setdefault(term, []).append(index)
        return self._generated


def _terms(fields: Node) -> set[tuple[str, str]]:
    """Give the (kind, value) pairs that fields can be found by."""
    phones = (_NOT_DIGITS.sub("", str(number)) for number in (fields["phone1"], *(each["phone"] for each in fields["altphones"])))
    found = {("phone", number[-10:]) for number in phones if len(number) >= 7}
    found |= {(kind, text) for kind in ("email", "lastname") if (text := str(fields[kind]).strip().lower())}
    return found
