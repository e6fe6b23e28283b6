"""Misbehaviour on request: the switches that all simulated platforms share, and what holds them at run time.

A fault is a rule (rules.py says when it strikes) or a list of rules; `null` is none.

| switch | what happens |
| --- | --- |
| throttle | 429 that asks for `delay_s` seconds in the form `retry_after`; nothing processed |
| reset_before, reset_after | connection reset; nothing processed, or all of it |
| hang | no answer for `delay_s` (120) seconds, then a reset; nothing processed, with `after` all of it |
| late_commit | reset now, processed only `delay_s` later |
| fail_5xx | `status` (503; of a list, one by chance), with `retry_after` that too; nothing processed, with `after` all of it |
| deny | `status` (401; 403, 402) as the platform refuses keys and rights; nothing processed |
| poison | `status` (400) as the platform refuses a record; nothing processed |
| html_200, error_200 | 200 with a page, or with the platform's error object; `after` processes first |
| empty_200, blank_200 | 200 with an empty list, or with nothing; `after` processes first |
| odd_200 | a hostile answer of the catalogue (corpus/): `form`, by chance if not told; `after` processes first and spoils the right one |
| delay_after | processed, answered `delay_s` later |
| garble_after | processed; a 2xx whose body is cut in half, whole by its headers |
| half_close | processed; the connection is closed in order in the middle of the body |
| drip | processed; the body comes in ten pieces within `delay_s` seconds |
| swell | processed; a 2xx whose body is blown up by `bytes` (80 MB) of blanks |
| same_page | a list answers with the page before, once more |
| no_paging | a list ignores what page was asked for and answers with all rows |
| no_filter | a list ignores by what it was to choose |
| moved_rows | as if people had moved `rows` (3) rows to earlier pages since the page before |

The rest are values: `rate_per_s`, `burst`, `retry_after` (seconds, date, none, garbled) and `retry_after_s` are the limit;
`latency_ms` is a number or [least, most]; `commit_delay_s` is that of late_commit; `clock_skew_s` is by how much the platform's
clock goes ahead of ours, and `stamp_grain_s` how seldom it moves: what is written within that time has one time; `fault_seed`
is chance beside the account's seed; `schedule` is a list of {"from_s", "for_s", "every_s", "set"}: switches that hold for a
time only and then have the values again that they had.
"""

from __future__ import annotations

import copy
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from streamflow.sandbox.bucket import TokenBucket
from streamflow.sandbox.call_log import CallLog
from streamflow.sandbox.clocks import Clock, SystemClock
from streamflow.sandbox.forms import LENGTH_FORM, SPAN_FORM, Form, is_length, is_number
from streamflow.sandbox.rules import RETRY_AFTER, Asked, Rule, SwitchError, check_rule, is_open, rules_of
from streamflow.sandbox.voice import PlainVoice, Voice

LIES = ("same_page", "no_paging", "no_filter", "moved_rows")
"""Faults that a list has to commit itself."""
ANSWERS = ("html_200", "error_200", "empty_200", "blank_200", "odd_200")
"""Faults that put another answer with 200 in the place of the right one."""
UNPROCESSED = ("throttle", "reset_before", "hang", "fail_5xx", "deny", "poison", *ANSWERS)
"""Faults by which a request comes to nothing (without `after`): one that always meets one of them is never carried out."""
RULE_NAMES = (
    "throttle", "reset_before", "reset_after", "hang", "late_commit", "fail_5xx", "deny", "poison", *ANSWERS, "delay_after",
    "garble_after", "half_close", "drip", "swell", *LIES,
)  # fmt: skip

FAULT_SWITCHES: dict[str, Any] = {
    "rate_per_s": None,  # refill of the token bucket; null means no limit
    "burst": 20,
    "retry_after": "seconds",  # "seconds" | "date" | "none" | "garbled"
    "retry_after_s": None,  # what Retry-After says; null means the time to the next token
    "latency_ms": 0,
    "commit_delay_s": 5.0,
    "clock_skew_s": 0,
    "stamp_grain_s": 0,
    "fault_seed": None,
    "schedule": None,
    **dict.fromkeys(RULE_NAMES),
}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(slots=True)
class _Late:
    """A request whose commit is owed."""

    due: float
    handler: Handler
    request: web.Request


@dataclass(slots=True)
class _Scheduled:
    """Switches that hold for a time; `held` are those they replaced, while they hold."""

    entry: Mapping[str, Any]
    set_at: float
    held: dict[str, Any] | None = None

    def is_due(self, now: float) -> bool:
        """Say whether they are to hold."""
        return is_open(self.entry, now - self.set_at)


class Faults:
    """The live switches of one simulated server, its bucket, its rules at work and its call log.

    `switches` is one flat dict: `FAULT_SWITCHES` plus whatever the platform adds. Handlers read it on every call, so
    a change by the admin face holds from the next request on.
    """

    def __init__(
        self,
        platform_switches: Mapping[str, Any] | None = None,
        *,
        clock: Clock | None = None,
        seed: int = 7,
        voice: Voice | None = None,
        platform_rules: tuple[str, ...] = (),
    ) -> None:
        self.clock: Clock = clock or SystemClock()
        self.switches: dict[str, Any] = {**FAULT_SWITCHES, **(platform_switches or {})}
        self.log = CallLog()
        self.voice: Voice = voice or PlainVoice()
        self._rule_names = {*RULE_NAMES, *platform_rules}
        self._rules: dict[str, list[Rule]] = {}
        self._scheduled: list[_Scheduled] = []
        self._unprofiled: dict[str, Any] | None = None
        self._seed = seed
        self._bucket = TokenBucket(float(self.switches["burst"]), self.clock.now())
        self._late: list[_Late] = []

    def merge(self, changes: Mapping[str, Any]) -> None:
        """Merge `changes` into the switches; all or nothing.

        Raises SwitchError for an unknown name or a malformed rule.
        """
        self.check(changes)
        now = self.clock.now()
        for name, value in changes.items():
            self.switches[name] = copy.deepcopy(value)
            if name in self._rule_names:
                self._rules[name] = rules_of(self.switches[name], name, set_at=now)
            if name == "schedule":
                self._scheduled = [_Scheduled(entry, now) for entry in self.switches[name] or []]

    def check(self, changes: Mapping[str, Any]) -> None:
        """Raise SwitchError for what `merge` would refuse."""
        if not isinstance(changes, Mapping):
            raise SwitchError("switches come as a JSON object")
        unknown = sorted(set(changes) - set(self.switches))
        if unknown:
            raise SwitchError(f"no such switch: {', '.join(unknown)}")
        for name, value in changes.items():
            if name in self._rule_names:
                check_rule(name, value)
            elif name in _FORMS and not _FORMS[name][0](value):
                raise SwitchError(f"{name} must be {_FORMS[name][1]}")
            elif name == "schedule":
                for entry in _entries(value):
                    self.check(entry["set"])

    def profile(self, changes: Mapping[str, Any]) -> None:
        """Let a whole profile hold: what an earlier one had set is taken back first, {} takes back all. Raises as `merge`."""
        self.check(changes)
        self._end_schedule()
        self.merge(self._unprofiled or {})
        self._unprofiled = {name: copy.deepcopy(self.switches[name]) for name in changes}
        self.merge(changes)

    def tick(self) -> None:
        """Let the switches hold that the schedule wants now, and those it no longer wants go back."""
        now = self.clock.now()
        for scheduled in list(self._scheduled):
            if scheduled.is_due(now) and scheduled.held is None:
                wanted = scheduled.entry["set"]
                scheduled.held = {name: copy.deepcopy(self.switches[name]) for name in wanted}
                self.merge(wanted)
            elif scheduled.held is not None and not scheduled.is_due(now):
                self.merge(scheduled.held)
                scheduled.held = None

    def _end_schedule(self) -> None:
        for scheduled in reversed(self._scheduled):
            self.merge(scheduled.held or {})
            scheduled.held = None

    def throttle(self) -> float:
        """Take a token; return seconds to wait, 0.0 when the call may pass."""
        rate = self.switches["rate_per_s"]
        if not rate:
            return 0.0
        return self._bucket.take(float(rate), float(self.switches["burst"]), self.clock.now())

    def fires(self, name: str, asked: Asked, *, after: bool | None = None) -> dict[str, Any] | None:
        """Return the first rule of *name* that strikes this request, and use up one of its `times`; *after* chooses among them."""
        for rule in self._rules.get(name, ()):
            if after is not None and bool(rule.document.get("after")) is not after:
                continue
            if rule.strikes(asked, now=self.clock.now(), seed=self._chance_seed):
                self.log.faults[name] += 1
                if rule.document.get("sticky") and name in UNPROCESSED and not rule.document.get("after"):
                    self.log.refuse(asked.line, asked.body)
                return rule.document
        return None

    def lies(self, asked: Asked) -> dict[str, dict[str, Any]]:
        """Return the rules of LIES that strike this request, by name."""
        return {name: rule for name in LIES if self._rules.get(name) and (rule := self.fires(name, asked)) is not None}

    def told(self) -> tuple[str, ...]:
        """Return those of LIES that there are rules for."""
        return tuple(name for name in LIES if self._rules.get(name))

    def chance(self, name: str, asked: Asked) -> float:
        """Return a number from 0 to 1, the same for the same seed and request."""
        return Rule(name, {"sticky": True}, set_at=0.0).chance(asked, self._chance_seed)

    @property
    def _chance_seed(self) -> str:
        return f"{self._seed}-{self.switches['fault_seed']}"

    def platform_now(self) -> float:
        """Return the time of day by the platform's own clock."""
        return self.skewed(self.clock.now())

    def skewed(self, at: float) -> float:
        """Return what the platform's clock shows at Unix second *at*."""
        return at + float(self.switches["clock_skew_s"])

    def grained(self, at: float) -> float:
        """Return what is written down when the platform's clock shows *at*."""
        grain = float(self.switches["stamp_grain_s"])
        return at - at % grain if grain else at

    def stamp(self, at: float) -> float:
        """Return what the platform writes down as the time of something done at Unix second *at*."""
        return self.grained(self.skewed(at))

    def owe(self, handler: Handler, request: web.Request, delay_s: float) -> None:
        """Remember a request that commits only `delay_s` from now."""
        self._late.append(_Late(self.clock.now() + delay_s, handler, request))

    async def settle(self) -> None:
        """Run every owed commit whose time has come, oldest first; its answer goes nowhere."""
        self.tick()
        if not self._late:
            return
        now = self.clock.now()
        due = sorted((x for x in self._late if x.due <= now), key=lambda x: x.due)
        self._late = [x for x in self._late if x.due > now]
        for late in due:
            try:
                await late.handler(late.request)
            except web.HTTPException:  # a refusal nobody hears
                continue


_FORMS: Mapping[str, Form] = {
    "retry_after": (lambda value: value in RETRY_AFTER, f"one of {', '.join(RETRY_AFTER)}"),
    "latency_ms": SPAN_FORM,
    "clock_skew_s": (is_number, "a number"),
    "stamp_grain_s": LENGTH_FORM,
}


def _entries(value: Any) -> list[dict[str, Any]]:
    """Return the entries of a schedule; SwitchError when it is none."""
    words = 'schedule must be null or a list of {"from_s", "for_s", "every_s", "set"}; "set" has no schedule'
    entries = [] if value is None else value
    if not isinstance(entries, list):
        raise SwitchError(words)
    for entry in entries:
        if not isinstance(entry, dict) or entry.keys() - {"from_s", "for_s", "every_s", "set"} or not isinstance(entry.get("set"), dict):
            raise SwitchError(words)
        if "schedule" in entry["set"] or not all(is_length(entry[name]) for name in entry.keys() - {"set"}):
            raise SwitchError(words)
    return entries
