"""How often each fault of a profile struck in a run, by the platforms' own logs, and how often it was to be expected to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from streamflow.sandbox.faults import LIES, RULE_NAMES
from streamflow.sandbox.leadperfection.switches import RULES as LEAD_PERFECTION_RULES
from streamflow.sandbox.nutshell.switches import RULES as NUTSHELL_RULES
from streamflow.sandbox.profiles import read_profile
from tests.flow.box import Box
from tests.judge.states import ask

NUTSHELL = "nutshell"
STRIKING = frozenset({*RULE_NAMES, *LEAD_PERFECTION_RULES, *NUTSHELL_RULES})
"""Switches that are rules, and strike now and then: the others of a profile hold all the time."""
ALIKE = 0.5
"""Of requests that always meet the same fate, how many are sent once: a share of them on the safe side."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stroke:
    """How often a fault struck, and how often by its rules and the calls that came."""

    times: int
    likely: float


def strokes(box: Box, profile: str) -> dict[tuple[str, str], Stroke]:
    """Ask both platforms; by (platform, fault). A source that was never called has none."""
    found = {}
    for platform, admin in ((box.side.platform, box.source_admin), (NUTSHELL, box.destination_admin)):
        log = ask(f"{admin}log")
        if log["total"]:
            found.update({(platform, fault): _stroke(fault, rules, log) for fault, rules in provided(profile, platform).items()})
    return found


def provided(profile: str, platform: str) -> dict[str, list[Mapping[str, Any]]]:
    """Give the faults that a profile has a platform strike with, and their rules."""
    switches = read_profile(profile)[platform]
    given = {name: value for name, value in switches.items() if name in STRIKING and value is not None}
    return {name: value if isinstance(value, list) else [value] for name, value in given.items()}


def _stroke(fault: str, rules: list[Mapping[str, Any]], log: Mapping[str, Any]) -> Stroke:
    if fault in LIES:     # each is drawn for every call, and would change few answers
        chance = sum(float(rule.get("probability", 1.0)) for rule in rules)
        return Stroke(times=log["lied"].get(fault, 0), likely=log["could_lie"].get(fault, 0) * chance)
    return Stroke(times=log["faults"].get(fault, 0), likely=sum(_likely(rule, log["calls"]) for rule in rules))


def _likely(rule: Mapping[str, Any], calls: Mapping[str, int]) -> float:
    fitting = sum(count for name, count in calls.items() if _fits(rule, name)) - int(rule.get("skip", 0))
    chance = float(rule.get("probability", 1.0)) * (ALIKE if rule.get("sticky") else 1.0)
    return min(max(fitting, 0) * chance, float(rule.get("times") or fitting))


def _fits(rule: Mapping[str, Any], name: str) -> bool:
    """Say whether a rule may strike a call, by the name that the log gives it: "METHOD /path"."""
    return ("path" not in rule or any(fnmatchcase(name, each) for each in _each(rule["path"]))) and (
        "match" not in rule or any(each in name for each in _each(rule["match"]))
    )


def _each(texts: str | list[str]) -> list[str]:
    return [texts] if isinstance(texts, str) else texts
