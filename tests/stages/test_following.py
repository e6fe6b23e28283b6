"""What the stages keep by the key of a record goes along when the record goes by another one; nothing that is kept so is forgotten."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Final

import pytest

from streamflow.stages.rekey import BY_KEY, OWED, renamed
from streamflow.store.change import PutSetting
from tests.stages.test_rekey import Reading, visit
from tests.test_architecture import modules, parsed

OTHERWISE: Final[Mapping[str, str]] = {
    "written:": "goes along with the lines of the record (`gone.written_following`)",
    "rename:": "over as soon as the record goes by the other key (`moved`)",
    "heir:": "of people, whom no reader makes a key for",
    "survivor:": "of people, likewise",
    "merged:": "by a destination record; of people, companies and deals, likewise",
    "gone:": "by a destination record",
    "brought_back:": "by a destination record",
    "meant:": "by a write, and a record with an open one keeps its key",
    "unlooked:": "by a write",
    "undoing:": "by a write",
    "watch:decided:": "by a question, which keeps its id",
    "probe:record:": "by a marker of the probes",
    "newest:": "by a kind",
    "round:": "by the name of a reader",
    "snapshot:": "by a kind",
    "job:": "by a job",
    "operator:pace:": "by a platform",
}
"""Prefixes of settings that are named by something else, and by what."""


@pytest.mark.parametrize("prefix", [*BY_KEY, OWED])
async def test_what_is_noted_by_a_record_s_key_goes_along(prefix: str) -> None:
    """A record gets another key: whoever asks for what is noted of it by that one finds it, and nothing is left under the former one."""
    reading = Reading()
    await reading.read(visit("~1"))
    await reading.ledger.commit([PutSetting(name=f"{prefix}visit:~1", value="noted")])
    assert await renamed(reading.ledger, "visit", "~1", "~2")
    assert await reading.ledger.settings(prefix) == {f"{prefix}visit:~2": "noted"}


def test_no_setting_that_is_named_by_a_key_is_forgotten() -> None:
    """
    Whatever is kept under many names of one prefix goes along with a record's key, or is named by something else.

    A prefix that is new here: where it is followed by a record's kind and key it belongs into `rekey.BY_KEY`, else into OTHERWISE.
    """
    found = {prefix for module in modules() for prefix in _put_in(module.as_posix())}
    assert found == {*BY_KEY, OWED, *OTHERWISE}


def _put_in(path: str) -> Iterator[str]:
    """Give the prefixes under which a module puts settings of which there are many."""
    module = _modules()[path]
    for scope in ast.walk(module):
        if isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef):
            for call in ast.walk(scope):
                if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "PutSetting":
                    given = {word.arg: word.value for word in call.keywords}
                    if not (isinstance(given["value"], ast.Constant) and given["value"].value is None):
                        yield from _prefixes(given["name"], scope, module)


def _prefixes(name: ast.expr, scope: ast.AST, module: ast.Module) -> Iterator[str]:
    """Give how a name that is put together begins; nothing for one that stands alone."""
    match name:
        case ast.JoinedStr(values=[ast.Constant(value=str(text)), *_]):
            yield text
        case ast.JoinedStr(values=[ast.FormattedValue(value=first), *_]) | ast.BinOp(left=first):
            yield from _words(first, module) or _prefixes(first, scope, module)
        case ast.Call(func=ast.Name(id=called)):
            for home, function in _functions(called, module):
                for part in ast.walk(function):
                    if isinstance(part, ast.Return) and part.value is not None:
                        yield from _prefixes(part.value, function, home)
        case ast.Name(id=local):
            for part in ast.walk(scope):
                if isinstance(part, ast.Assign) and any(isinstance(each, ast.Name) and each.id == local for each in part.targets):
                    yield from _prefixes(part.value, scope, module)


def _words(name: ast.expr, module: ast.Module) -> list[str]:
    """Give what a constant says: the module's own of that name, or any other."""
    own = [text for each, text in _constants(module) if isinstance(name, ast.Name) and each == name.id]
    others = [text for other in _modules().values() for each, text in _constants(other) if isinstance(name, ast.Name) and each == name.id]
    return own or sorted({*others})


def _constants(module: ast.Module) -> Iterator[tuple[str, str]]:
    for line in module.body:
        match line:
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=str(text)))
                | ast.AnnAssign(target=ast.Name(id=name), value=ast.Constant(value=str(text)))
            ):
                yield name, text


def _functions(name: str, module: ast.Module) -> list[tuple[ast.Module, ast.FunctionDef]]:
    """Give the functions of a name with their modules: the module's own, or any other."""
    found = [(home, line) for home in _modules().values() for line in home.body if isinstance(line, ast.FunctionDef) and line.name == name]
    return [each for each in found if each[0] is module] or found


@cache
def _modules() -> Mapping[str, ast.Module]:
    return {path.as_posix(): parsed(path) for path in modules()}
