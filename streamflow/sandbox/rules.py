"""Rules: which requests a fault strikes, by what is asked, how often, when, and by seeded chance.

| key | default | what it decides |
| --- | --- | --- |
| match | any | text, or list of texts of which one must stand in "METHOD /path?query" |
| path | any | pattern, or list of patterns ("POST /rest/*") of which one must fit "METHOD /path" |
| body | any | text, or list of texts of which one must stand in the request's body |
| unless | none | text, or list of texts of which none may stand in the request's body |
| from_s, for_s | 0, for ever | the window of time, from when the rule was set |
| every_s | once | the window comes again so often |
| skip | 0 | so many fitting requests are spared first |
| every | 1 | of the following, each so-manieth |
| times | no end | strikes at most so often |
| probability | 1 | the chance of each; it hangs on the seed and the request alone, and on how often this request came |
| sticky | false | the same request meets the same fate each time: the record in it is poisoned, or it is not |

What a fault does with its rule (`status`, `after`, `delay_s` and so on) is told in faults.py.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from streamflow.sandbox.corpus.catalogue import is_form
from streamflow.sandbox.forms import COUNT_FORM, LENGTH_FORM, SHARE_FORM, Form, is_names, is_whole


class SwitchError(ValueError):
    """A switch that does not exist, or a value it cannot take."""


def _is_status(value: Any) -> bool:
    return all(is_whole(each) and 200 <= each <= 599 for each in (value if isinstance(value, list) and value else [value]))


def _is_texts(value: Any) -> bool:
    return isinstance(value, str) or is_names(value)


def _is_one_of(*values: str) -> Form:
    return (lambda value: value in values), f"one of {', '.join(values)}"


_TEXTS: Form = (_is_texts, "a text or a list of texts")
_FLAG: Form = (lambda value: isinstance(value, bool), "true or false")
RETRY_AFTER = ("seconds", "date", "none", "garbled")
RULE_KEYS: Mapping[str, Form] = {
    "match": _TEXTS, "path": _TEXTS, "body": _TEXTS, "unless": _TEXTS,
    "from_s": LENGTH_FORM, "for_s": LENGTH_FORM, "every_s": LENGTH_FORM,
    "skip": (lambda value: is_whole(value) and value >= 0, "a whole number from 0"),
    "every": COUNT_FORM, "bytes": COUNT_FORM,
    "times": (lambda value: value is None or (is_whole(value) and value >= 0), "null or a whole number from 0"),
    "probability": SHARE_FORM, "sticky": _FLAG, "after": _FLAG,
    "status": (_is_status, "a status or a list of them"), "delay_s": LENGTH_FORM, "rows": (is_whole, "a whole number"),
    "retry_after": _is_one_of(*RETRY_AFTER), "form": (is_form, "a hostile answer or a group of them, by name, or a list of names"),
}  # fmt: skip
"""What a rule may say, and in which form."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request, as far as rules and answers look at it."""

    method: str
    path: str
    query: str
    body: bytes

    @property
    def line(self) -> str:
        """What `match` looks into: "METHOD /path?query"."""
        return f"{self.method} {self.path}{'?' if self.query else ''}{self.query}"


def is_open(window: Mapping[str, Any], since_s: float) -> bool:
    """Say whether a window of time (`from_s`, `for_s`, `every_s`) is open so long after it was set."""
    since_s -= float(window.get("from_s", 0))
    if since_s >= 0 and window.get("every_s"):
        since_s %= float(window["every_s"])
    return 0 <= since_s < float(window.get("for_s", math.inf))


class Rule:
    """One rule at work; counts down `times` in the document it was given, which is what the switches show."""

    def __init__(self, name: str, document: dict[str, Any], *, set_at: float) -> None:
        self.document = document
        self._name = name
        self._set_at = set_at
        self._fitting = 0
        self._came: Counter[bytes] = Counter()

    def strikes(self, asked: Asked, *, now: float, seed: object) -> bool:
        """Say whether it strikes this request, and count it."""
        if self.document.get("times") == 0 or not is_open(self.document, now - self._set_at) or not self._fits(asked):
            return False
        self._fitting += 1
        late = self._fitting - int(self.document.get("skip", 0))
        if late < 1 or late % int(self.document.get("every", 1)) or not self._has_luck(asked, seed):
            return False
        if self.document.get("times") is not None:
            self.document["times"] -= 1
        return True

    def chance(self, asked: Asked, seed: object) -> float:
        """Give a number from 0 to 1 for this request: the same for the same seed, request, and count of its coming."""
        ask = hashlib.blake2b(f"{seed}|{self._name}|{asked.line}|".encode() + asked.body, digest_size=8).digest()
        if self.document.get("sticky"):
            return int.from_bytes(ask) / 2**64
        self._came[ask] += 1
        turn = hashlib.blake2b(ask + str(self._came[ask]).encode(), digest_size=8).digest()
        return int.from_bytes(turn) / 2**64

    def _fits(self, asked: Asked) -> bool:
        line, place = asked.line, f"{asked.method} {asked.path}"
        wanted = self.document
        return (
            ("match" not in wanted or any(text in line for text in _each(wanted["match"])))
            and ("path" not in wanted or any(fnmatchcase(place, pattern) for pattern in _each(wanted["path"])))
            and ("body" not in wanted or any(text.encode() in asked.body for text in _each(wanted["body"])))
            and not any(text.encode() in asked.body for text in _each(wanted.get("unless", [])))
        )

    def _has_luck(self, asked: Asked, seed: object) -> bool:
        probability = float(self.document.get("probability", 1.0))
        return probability >= 1.0 or self.chance(asked, seed) < probability


def _each(texts: str | list[str]) -> list[str]:
    return [texts] if isinstance(texts, str) else texts


def check_rule(name: str, value: Any) -> None:
    """Refuse what is not null, a rule, or a list of rules; SwitchError names the key and what it takes."""
    if value is None:
        return
    for rule in value if isinstance(value, list) else [value]:
        if not isinstance(rule, dict):
            raise SwitchError(f"{name} must be null, a rule, or a list of rules")
        unknown = sorted(set(rule) - set(RULE_KEYS))
        if unknown:
            raise SwitchError(f"{name} does not know {', '.join(unknown)}; a rule takes {', '.join(RULE_KEYS)}")
        for key, held in rule.items():
            if not RULE_KEYS[key][0](held):
                raise SwitchError(f"{name}.{key} must be {RULE_KEYS[key][1]}")


def rules_of(value: Any, name: str, *, set_at: float) -> list[Rule]:
    """Put the rules of one switch to work, each with a chance of its own: one that follows another would strike when that one has."""
    documents = [] if value is None else value if isinstance(value, list) else [value]
    return [Rule(f"{name}.{place}" if place else name, document, set_at=set_at) for place, document in enumerate(documents)]
