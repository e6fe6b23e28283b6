"""
The small faults that somebody could make in a function, each as a change of its syntax tree.

What people are told is left alone (texts with a space in them, and what is put together with braces), and so is what is only logged.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass
from typing import Any, TypeAlias

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
Others: TypeAlias = Iterator[tuple[ast.AST, str]]
"""Nodes that may stand in the place of one, and how that is told."""

_COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE), ast.LtE: (ast.Lt, ast.Gt), ast.Gt: (ast.GtE, ast.LtE), ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,), ast.Is: (ast.IsNot,), ast.IsNot: (ast.Is,), ast.In: (ast.NotIn,), ast.NotIn: (ast.In,),
}
_ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Div, ast.Mod: ast.Mult,
    ast.BitOr: ast.BitAnd, ast.BitAnd: ast.BitOr,
}
_NAMES = {"min": "max", "max": "min", "any": "all", "all": "any"}
_IN_ANY_ORDER = frozenset({"min", "max", "isinstance"})     # of the last, the other order is no Python
_SAID = frozenset({"log", "debug", "info", "warning"})


@dataclass(frozen=True, slots=True)
class Fault:
    """One node that another one takes the place of: `getattr(parent, field)`, or its element *index*."""

    parent: ast.AST
    field: str
    index: int | None
    new: ast.AST | None       # None: it is left out
    told: str
    lines: range              # its own lines
    around: range             # those of the statement it is in, or of its head

    def put(self) -> Any:
        """Put it in place; answers with what takes it back (`take_back`)."""
        old = getattr(self.parent, self.field)
        if self.index is None:
            setattr(self.parent, self.field, self.new)
        else:
            setattr(self.parent, self.field, [*old[: self.index], *([] if self.new is None else [self.new]), *old[self.index + 1 :]])
        return old

    def take_back(self, old: Any) -> None:
        """Put back what was there."""
        setattr(self.parent, self.field, old)


def functions_of(tree: ast.Module) -> Iterator[tuple[str, Function]]:
    """Give the functions and methods of a module with their full names; what is defined inside of one belongs to it."""
    def within(body: list[ast.stmt], prefix: str) -> Iterator[tuple[str, Function]]:
        for each in body:
            if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{prefix}{each.name}", each
            elif isinstance(each, ast.ClassDef):
                yield from within(each.body, f"{prefix}{each.name}.")

    return within(tree.body, "")


def faults_of(function: Function) -> Iterator[Fault]:
    """Give every fault that is made of a function, from its first line to its last."""
    for index, statement in enumerate(function.body):
        yield from _in_statement(function, "body", index, statement)


def _in_statement(parent: ast.AST, field: str, index: int, statement: ast.stmt) -> Iterator[Fault]:
    around = range(statement.lineno, _head_ends(statement) + 1)
    for new, told in _statements(statement):
        yield Fault(parent, field, index, new, told, around, around)
    if isinstance(statement, ast.Expr) and (isinstance(statement.value, ast.Constant) or _is_said(statement.value)):
        return
    for name, value in ast.iter_fields(statement):
        for place, each in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if isinstance(each, ast.stmt) and place is not None:
                yield from _in_statement(statement, name, place, each)
            elif isinstance(each, ast.excepthandler):
                for inner, inside in enumerate(each.body):
                    yield from _in_statement(each, "body", inner, inside)
            elif isinstance(each, ast.AST) and name not in ("annotation", "returns", "args", "decorator_list", "op"):
                yield from _in_expression(statement, name, place, each, around)


def _in_expression(parent: ast.AST, field: str, index: int | None, node: ast.AST, around: range) -> Iterator[Fault]:
    if isinstance(node, ast.JoinedStr | ast.arguments):
        return
    for new, told, at in _expressions(node):
        yield Fault(parent, field, index, new, told, _lines(at), around)
    if isinstance(node, ast.List | ast.Tuple) and isinstance(node.ctx, ast.Load):
        for place, each in enumerate(node.elts):
            if isinstance(each, ast.Call | ast.Starred | ast.Await):
                yield Fault(node, "elts", place, None, f"`{_words(each)}` is left out of a list", _lines(each), around)
    if isinstance(node, ast.comprehension):
        for place, each in enumerate(node.ifs):
            yield Fault(node, "ifs", place, None, f"`if {_words(each)}` is left out", _lines(each), around)
    if isinstance(node, ast.Call):
        for place, keyword in enumerate(node.keywords):
            if keyword.arg is not None and not isinstance(keyword.value, ast.JoinedStr):
                told = f"`{keyword.arg}={_words(keyword.value)}` is not given"
                yield Fault(node, "keywords", place, None, told, _lines(keyword.value), around)
    for name, value in ast.iter_fields(node):
        for place, each in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if isinstance(each, ast.expr | ast.comprehension | ast.keyword):
                yield from _in_expression(node, name, place, each, around)


def _statements(statement: ast.stmt) -> Others:
    nothing = ast.copy_location(ast.Pass(), statement)
    match statement:
        case ast.Expr(value=ast.Constant()):
            return
        case ast.Expr(value=value) if not _is_said(value):
            yield nothing, f"`{_words(statement)}` is left out"
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]) | ast.AugAssign() | ast.Delete() | ast.Raise():
            yield nothing, f"`{_words(statement)}` is left out"
        case ast.Break() | ast.Continue():
            yield nothing, f"`{_words(statement)}` is left out"
        case ast.If(orelse=[]) | ast.For(orelse=[]) | ast.While(orelse=[]):
            yield nothing, f"what follows `{_words(statement)}` is never done"
        case ast.Return(value=value) if value is not None and not (isinstance(value, ast.Constant) and value.value in (None, True, False)):
            yield _like(statement, value=ast.copy_location(ast.Constant(None), value)), f"`{_words(statement)}` gives None"
    if isinstance(statement, ast.AugAssign) and type(statement.op) in _ARITHMETIC:
        other = _like(statement, op=_ARITHMETIC[type(statement.op)]())
        yield other, f"`{_words(statement)}` is `{_words(other)}`"
    if isinstance(statement, ast.If | ast.While) and not isinstance(statement.test, ast.Compare):
        yield _like(statement, test=_not(statement.test)), f"`{_words(statement)}` is turned round"


def _expressions(node: ast.AST) -> Iterator[tuple[ast.AST, str, ast.AST]]:
    """Give what may stand in the place of an expression, how that is told, and the part of it that this is about."""
    others: list[ast.AST] = []
    match node:
        case ast.Compare(ops=ops):
            for place, op in enumerate(ops):
                others += [_like(node, ops=[*ops[:place], other(), *ops[place + 1 :]]) for other in _COMPARISONS[type(op)]]
        case ast.BoolOp(op=op, values=values):
            others.append(_like(node, op=ast.Or() if isinstance(op, ast.And) else ast.And()))
            for place, each in enumerate(values):
                rest = [*values[:place], *values[place + 1 :]]
                yield _like(node, values=rest) if len(rest) > 1 else rest[0], f"`{_words(each)}` does not count", each
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            others.append(operand)
        case ast.IfExp(test=test) if not isinstance(test, ast.Compare):
            others.append(_like(node, test=_not(test)))
        case ast.BinOp(op=op) if type(op) in _ARITHMETIC:
            others.append(_like(node, op=_ARITHMETIC[type(op)]()))
        case ast.Constant(value=bool() as value):
            others.append(_like(node, value=not value))
        case ast.Constant(value=int() | float() as value):
            others.append(_like(node, value=value + 1))
        case ast.Constant(value=str() as value) if " " not in value:
            others.append(_like(node, value="" if value else "something"))
        case ast.Call(func=ast.Name(id=name) as func, args=[_, *_]) if name in _NAMES:
            others.append(_like(node, func=_like(func, id=_NAMES[name])))
    if isinstance(node, ast.Call) and not (isinstance(node.func, ast.Name) and node.func.id in _IN_ANY_ORDER):
        for place, (one, other) in enumerate(zip(node.args, node.args[1:], strict=False)):
            if not isinstance(one, ast.Starred) and not isinstance(other, ast.Starred) and ast.dump(one) != ast.dump(other):
                others.append(_like(node, args=[*node.args[:place], other, one, *node.args[place + 2 :]]))
    for each in others:
        yield each, f"`{_words(node)}` is `{_words(each)}`", node


def _like(node: ast.AST, **changed: Any) -> Any:
    other = copy(node)
    for name, value in changed.items():
        setattr(other, name, value)
    return other


def _not(test: ast.expr) -> ast.expr:
    return ast.copy_location(ast.UnaryOp(op=ast.Not(), operand=test), test)


def _is_said(value: ast.expr) -> bool:
    return isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) and value.func.attr.lstrip("_") in _SAID


def _lines(node: ast.AST) -> range:
    first = getattr(node, "lineno", 0)
    return range(first, (getattr(node, "end_lineno", None) or first) + 1)


def _head_ends(statement: ast.stmt) -> int:
    body = getattr(statement, "body", None)
    return max(statement.lineno, body[0].lineno - 1) if isinstance(body, list) and body else statement.end_lineno or statement.lineno


def _words(node: ast.AST) -> str:
    """Give the first line of a node as it would be written."""
    return ast.unparse(node).partition("\n")[0].removesuffix(":")
