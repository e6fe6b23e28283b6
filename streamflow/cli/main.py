"""The command `streamflow`: one parser, one way out."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from streamflow import __version__
from streamflow.cli import commands
from streamflow.cli.output import fail, fail_unforeseen
from streamflow.cli.parsing import Parser, adder, common, execute
from streamflow.daemon.exits import Exit
from streamflow.errors import StreamflowError


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line (default: this process's); gives the exit code. Prints every foreseeable mistake with a hint."""
    words = list(sys.argv[1:] if argv is None else argv)
    as_json = "--json" in words
    try:
        args = parser().parse_args(words)
        as_json = args.json
        return execute(args.run, args)
    except StreamflowError as error:
        return fail(error, as_json=as_json)
    except BaseExceptionGroup as group:
        return _from_group(group, as_json=as_json)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader (head, less) has what it wanted; python must not complain while flushing at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.DONE
    except Exception as error:  # the last line: a bug becomes one sentence and exit code 70
        return fail_unforeseen(error, as_json=as_json)


def parser() -> Parser:
    """Give the parser with every command."""
    top = Parser(prog="streamflow", description="Moves a CRM account into Nutshell while people keep working.")
    top.add_argument("--version", action="version", version=f"streamflow {__version__}")
    common(top)
    add = adder(top.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=Parser))
    for each in commands():
        each(add)
    return top


def _from_group(group: BaseExceptionGroup[BaseException], *, as_json: bool) -> int:
    leaves = list(_leaves(group))
    for leaf in leaves:
        if isinstance(leaf, StreamflowError):
            return fail(leaf, as_json=as_json)
    if all(isinstance(leaf, KeyboardInterrupt) for leaf in leaves):
        return 130
    return fail_unforeseen(leaves[0], as_json=as_json)


def _leaves(error: BaseException) -> list[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        return [leaf for inner in error.exceptions for leaf in _leaves(inner)]
    return [error]
