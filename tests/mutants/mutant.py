"""One fault in one function, and the code it makes of that."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import CodeType

from tests.mutants.operators import Fault, Function, faults_of, functions_of


@dataclass(frozen=True, slots=True)
class Mutant:
    """A module with a fault in it; nothing of it is written anywhere."""

    path: Path
    tree: ast.Module
    function: str            # full name in its module
    begins: int              # line of the function, or of its first decorator
    fault: Fault

    @property
    def change(self) -> str:
        return self.fault.told

    def code(self) -> CodeType | None:
        """Compile the function with its fault; None where that is no Python."""
        old = self.fault.put()
        try:
            module = compile(ast.fix_missing_locations(self.tree), str(self.path), "exec", dont_inherit=True)
        except (SyntaxError, ValueError):
            return None
        finally:
            self.fault.take_back(old)
        return next((each for each in _codes(module) if (each.co_qualname, each.co_firstlineno) == (self.function, self.begins)), None)


def mutants_of(path: Path, *, with_async: bool) -> Iterator[Mutant]:
    """Give every mutant of the plain functions of a module, and of those that wait if they are asked for."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for name, function in functions_of(tree):
        if with_async or isinstance(function, ast.FunctionDef):
            begins = _begins(function)
            yield from (Mutant(path, tree, name, begins, fault) for fault in faults_of(function))


def _begins(function: Function) -> int:
    return min([function.lineno, *(each.lineno for each in function.decorator_list)])


def _codes(code: CodeType) -> Iterator[CodeType]:
    inner: Sequence[CodeType] = [each for each in code.co_consts if isinstance(each, CodeType)]
    for each in inner:
        yield each
        yield from _codes(each)
