"""Each answer that a platform may give is given to the product in some test, or it is said why the product never meets it."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from streamflow.sandbox.leadperfection import switches as lead_perfection
from streamflow.sandbox.leadtrekker import switches as leadtrekker
from streamflow.sandbox.nutshell import switches as nutshell
from streamflow.sandbox.profiles import SHIPPED, read_profile
from streamflow.sandbox.rules import SwitchError
from streamflow.sandbox.switchboard import CheckedFaults

TESTS = Path(__file__).parent
OF_THE_PRODUCT = ("platforms", "stages", "migration", "flow", "flow_bad", "acceptance")
"""Folders whose tests have the product meet a platform; what the sandbox's own tests turn, the product has not seen."""
BOXES = frozenset({"sandbox", "serving", "book", "switch", "rig", "source", "destination", "voyage"})
"""Calls that take switches by their names."""
OF_LEAD_PERFECTION = ("leadperfection", "test_lp_")


def _nutshell() -> CheckedFaults:
    return nutshell.NutshellFaults({"instanceId": "1", "siteId": "1"})


PLATFORMS: Mapping[str, tuple[Mapping[str, Any], Mapping[str, str], Callable[[], CheckedFaults]]] = {
    "nutshell": (nutshell.NUTSHELL_SWITCHES, nutshell.NEVER_MET, _nutshell),
    "leadtrekker": (leadtrekker.SWITCHES, leadtrekker.NEVER_MET, leadtrekker.LeadtrekkerFaults),
    "lead_perfection": (lead_perfection.SWITCHES, lead_perfection.NEVER_MET, lead_perfection.LeadPerfectionFaults),
}


def _pairs(tree: ast.AST) -> Iterator[tuple[str, ast.expr, bool]]:
    """Yield what is set: name, value, and whether it surely goes to a simulated platform, so that a value may come from elsewhere."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict):
            yield from ((key.value, value, False) for key, value in zip(node.keys, node.values, strict=True) if _is_text(key))
        if isinstance(node, ast.Call):
            is_box = _name(node.func) in BOXES
            named = [each for each in node.keywords if each.arg is not None]
            yield from ((str(each.arg), each.value, is_box) for each in named if is_box)
            given = [each.value for each in node.keywords if each.arg == "switches" or (is_box and each.arg is None)]
            for each in given:
                yield from ((key.value, value, True) for key, value in _items(each) if _is_text(key))


def _items(node: ast.expr) -> Iterator[tuple[Any, ast.expr]]:
    if isinstance(node, ast.Dict):
        yield from zip(node.keys, node.values, strict=True)


def _is_text(key: ast.expr | None) -> bool:
    return isinstance(key, ast.Constant) and isinstance(key.value, str)


def _name(called: ast.expr) -> str:
    return called.attr if isinstance(called, ast.Attribute) else called.id if isinstance(called, ast.Name) else ""


def _drawn(tree: ast.AST) -> Iterator[str]:
    """Yield the texts among which a test is repeated: names of faults that take a rule."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _name(node.func) == "parametrize":
            constants = (each for given in node.args[1:] for each in ast.walk(given) if isinstance(each, ast.Constant))
            yield from (each.value for each in constants if isinstance(each.value, str))


def turned(text: str, switches: Mapping[str, Any], faults: CheckedFaults) -> set[str]:
    """Give the switches that a module sets to a value which they take and do not have anyway."""
    tree = ast.parse(text)
    found = {word for word in _drawn(tree) if word in switches and switches[word] is None}
    for name, node, is_sure in _pairs(tree):
        if name in switches and name not in found:
            try:
                value = ast.literal_eval(node)
            except ValueError:
                found |= {name} if is_sure else set()
            else:
                found |= {name} if value != switches[name] and _is_taken(faults, name, value) else set()
    return found


def _is_taken(faults: CheckedFaults, name: str, value: Any) -> bool:
    try:
        faults.check({name: value})
    except (SwitchError, TypeError):
        return False
    return True


def _modules(platform: str) -> Iterator[str]:
    """Yield the modules in which this platform is met; those of Lead Perfection by name, as its switches share words with its fields."""
    others = "leadtrekker" if platform == "nutshell" else "nutshell"
    for folder in OF_THE_PRODUCT:
        for path in sorted((TESTS / folder).rglob("*.py")):
            place = str(path.relative_to(TESTS))
            is_lead_perfection = any(word in place for word in OF_LEAD_PERFECTION)
            if is_lead_perfection if platform == "lead_perfection" else not (f"platforms/test_{others}" in place or (
                is_lead_perfection and (folder == "platforms" or platform == "leadtrekker")
            )):  # fmt: skip
                yield path.read_text(encoding="utf-8")


@pytest.mark.parametrize("platform", PLATFORMS)
def test_every_switch_is_turned_against_the_product(platform: str) -> None:
    """In a test of the product or in a profile of whole runs; what the product never meets is listed with its reason, and no more."""
    switches, never_met, kind = PLATFORMS[platform]
    met = {name for profile in SHIPPED for name in read_profile(profile)[platform]}
    for text in _modules(platform):
        met |= turned(text, switches, kind())
    assert set(switches) - met == set(never_met)
    assert all(never_met.values())


def test_a_word_that_only_looks_like_a_switch_turns_none() -> None:
    """A field of a record, a default and a value that the switch refuses are none; a switch that is set is one."""
    switches, _, kind = PLATFORMS["lead_perfection"]
    assert turned('act(values={"notes": "rang back", "dnc": "CT"}); book(order="key"); call(padding=False)', switches, kind()) == set()
    assert turned('book(order="newest", **{"padding": False}); wire.switch(notes=form)', switches, kind()) == {"order", "padding", "notes"}
