"""Command lines: options every command takes, and mistakes told in one sentence with a near miss."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, NoReturn, TypeAlias

import anyio

from streamflow.config import Config, load
from streamflow.errors import UsageError
from streamflow.platforms.catalog import forms
from streamflow.spelling import near

DEFAULT_CONFIG = "streamflow.toml"
CONFIG_VARIABLE = "STREAMFLOW_CONFIG"

Args: TypeAlias = argparse.Namespace
Command: TypeAlias = Callable[[Args], Awaitable[int]]
_CHOICE = re.compile(r"argument (?P<what>[^:]*): invalid choice: '(?P<word>.*)' \(choose from (?P<known>.*)\)", re.DOTALL)


class Parser(argparse.ArgumentParser):
    """A parser that raises UsageError instead of printing and exiting."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        """Raise the mistake with a hint how the command is meant."""
        hint = f"see `{self.prog} --help`"
        if match := _CHOICE.search(message):
            known = [word.strip("' ") for word in match["known"].split(",")]
            raise UsageError(f'"{match["word"][:60]}" is not known here{near(match["word"], known)}', hint=hint)
        raise UsageError(message, hint=hint)


Adder: TypeAlias = Callable[..., Parser]


def adder(subparsers: Any) -> Adder:
    """Give a function that adds a subcommand taking the common options: `add(name, run, help)`."""

    def add(name: str, run: Command | Callable[[Args], int] | None, help_text: str, **kwargs: Any) -> Parser:
        parser: Parser = subparsers.add_parser(name, help=help_text, description=help_text[0].upper() + help_text[1:] + ".", **kwargs)
        common(parser, default=argparse.SUPPRESS)
        if run is not None:
            parser.set_defaults(run=run)
        return parser

    return add


def group(add: Adder, name: str, help_text: str) -> Adder:
    """Add a command that only has subcommands; gives the function that adds those."""
    parser = add(name, None, help_text)
    return adder(parser.add_subparsers(dest="action", required=True, metavar="ACTION"))


def common(parser: argparse.ArgumentParser, *, default: Any = None) -> None:
    """Add the options every command takes, so that they may stand before or after the command."""
    help_text = f"configuration file (or ${CONFIG_VARIABLE}; {DEFAULT_CONFIG})"
    parser.add_argument("-c", "--config", metavar="FILE", default=default, help=help_text)
    parser.add_argument("--json", action="store_true", default=default or False, help="print JSON for programs")


def config_path(args: Args) -> Path:
    """Give the configuration file meant: option, else variable, else streamflow.toml here."""
    return Path(args.config or os.environ.get(CONFIG_VARIABLE) or DEFAULT_CONFIG)


def config_of(args: Args, *, secrets: bool = False) -> Config:
    """Load the configuration, by default without its secrets: a client of the socket needs none. Raises ConfigError."""
    return load(config_path(args), forms(), secrets=secrets)


def execute(run: Command | Callable[[Args], int], args: Args) -> int:
    """Run a command, plain or async, to its exit code."""

    result = run(args)
    if isinstance(result, int):
        return result

    async def wait() -> int:
        return await result

    return anyio.run(wait)
