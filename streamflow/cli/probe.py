"""`probe`: drafts the stream spec of a Leadtrekker account from what its functions answer; reads only, writes two local files."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from streamflow.cli.asking import tell
from streamflow.cli.output import note
from streamflow.cli.parsing import Adder, Args, config_of
from streamflow.clock import SystemClock
from streamflow.config import Config
from streamflow.daemon.exits import Exit
from streamflow.errors import UsageError

MAX_LIST_BYTES = 65_536


def register(add: Adder) -> None:
    """Add the command."""
    probe = add("probe", _probe, "draft the stream spec from what a real account answers; calls nothing that writes")
    probe.add_argument("platform", choices=["leadtrekker"], metavar="PLATFORM", help="leadtrekker")
    probe.add_argument("--functions", metavar="FILE", help="names from the vendor's documentation, one a line; # begins a comment")
    probe.add_argument("--assumed", action="store_true", help="ask the names that the shipped spec assumes")
    probe.add_argument("--out", type=Path, default=Path("leadtrekker-probe"), metavar="DIR", help="where draft and answers are written")


async def _probe(args: Args) -> int:
    from streamflow.daemon.preflight import overrides  # loads the platforms: only when needed
    from streamflow.platforms.leadtrekker import load_spec
    from streamflow.platforms.leadtrekker.drafting import Look, candidates, draft, report
    from streamflow.platforms.leadtrekker.probing import look, refuse_writes
    from streamflow.wire.credentials import Masked

    config = config_of(args, secrets=True)
    _needs_api(config)
    spec = load_spec(overrides(config), reader="api", timezone=config.source.timezone, date_formats=config.source.date_formats)
    functions = _named(args, tuple(dict.fromkeys(each.list.function for each in spec.streams.values() if each.list is not None)))
    refuse_writes(functions)
    folder = _folder(args.out)

    def heard(one: Look) -> None:
        rows = ", ".join(f"{each.count} records at {each.path}" for each in one.rows)
        note(f"{one.function}: status {one.status or 'none'}{', ' + rows if rows else ''}{', ' + one.verdict if one.verdict else ''}")

    if not args.json:
        note(f"asking {len(functions)} functions of {config.source.base_url}, one every two seconds")
    looks = await look(
        functions, base_url=config.source.base_url or "", api_key=Masked(config.source.api_key.reveal() if config.source.api_key else ""),
        spec=spec, clock=SystemClock(), ca_file=config.source.ca_file, heard=(lambda one: None) if args.json else heard,
    )  # fmt: skip
    _write(folder / "answers.json", orjson.dumps(report(looks, spec), option=orjson.OPT_INDENT_2))
    _write(folder / "streams-draft.toml", draft(looks, spec).encode())
    found = {each.kind: each.confirmed for each in candidates(looks, spec)}
    streams = {kind: found.get(kind, False) for kind, each in spec.streams.items() if each.role != "file"}
    answer = {"result": "drafted", "asked": len(looks), "confirmed": streams, "draft": str(folder / "streams-draft.toml")}
    tell(args, answer, _text)
    return Exit.DONE


def _needs_api(config: Config) -> None:
    if config.source.platform != "leadtrekker" or not config.source.base_url or config.source.api_key is None:
        raise UsageError(
            "the probe asks Leadtrekker's API, and the configuration does not name it",
            hint='give source.base_url and source.api_key_file, with reader = "api"',
        )


def _named(args: Args, assumed: tuple[str, ...]) -> list[str]:
    if bool(args.functions) == args.assumed:
        raise UsageError(
            "say which functions may be asked: --functions FILE, or --assumed for those the shipped spec assumes",
            hint=f"names are never guessed; assumed are {', '.join(assumed)}",
        )
    if args.assumed:
        return list(assumed)
    try:
        text = Path(args.functions).read_bytes()[:MAX_LIST_BYTES].decode("utf-8-sig")
    except OSError as error:
        raise UsageError(f"{args.functions} cannot be read: {error.strerror}", hint="one name a line") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{args.functions} is not UTF-8 text", hint="one name a line") from error
    return [name for line in text.splitlines() if (name := line.partition("#")[0].strip())]


def _folder(folder: Path) -> Path:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{folder} cannot be made: {error.strerror}", hint="name another folder with --out DIR") from error
    return folder.absolute()


def _write(path: Path, data: bytes) -> None:
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(data)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}", hint="name another folder with --out DIR") from error


def _text(answer: Mapping[str, Any]) -> str:
    lines = [f"{'confirmed' if ok else 'not confirmed':<14} {kind}" for kind, ok in answer["confirmed"].items()]
    next_step = "  review it, copy what is right into the configuration, then `streamflow check`"
    return "\n".join([*lines, f"draft: {answer['draft']}", next_step])
