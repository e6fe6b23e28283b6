"""`probe`: drafts the stream spec of an account from what its functions answer; reads only, writes two local files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from streamflow.cli.asking import tell
from streamflow.cli.new_file import write_new
from streamflow.cli.output import note
from streamflow.cli.parsing import Adder, Args, config_of
from streamflow.clock import SystemClock
from streamflow.config import Config
from streamflow.daemon.exits import Exit
from streamflow.errors import UsageError
from streamflow.platforms.catalog import sources
from streamflow.platforms.entry import Drafting, SourcePlatform, SourceSettings
from streamflow.spelling import near

MAX_LIST_BYTES = 65_536
ANSWERS, DRAFT = "answers.json", "streams-draft.toml"
_ANOTHER = "name another folder with --out DIR"


def register(add: Adder) -> None:
    """Add the command."""
    probe = add("probe", _probe, "draft the stream spec from what a real account answers; calls nothing that writes")
    probe.add_argument("platform", metavar="PLATFORM", help="the platform, as under source.platform")
    probe.add_argument("--functions", metavar="FILE", help="names from the vendor's documentation, one a line; # begins a comment")
    probe.add_argument("--assumed", action="store_true", help="ask the names that the shipped spec assumes")
    probe.add_argument("--out", type=Path, metavar="DIR", help="where draft and answers are written; PLATFORM-probe")


async def _probe(args: Args) -> int:
    from streamflow.daemon.accounts import source_settings

    config = config_of(args, secrets=True)
    platform, drafting = _drafting_of(args.platform)
    settings = source_settings(config)
    _needs_api(config, platform, settings)
    functions = _named(args, drafting.assumed(settings))
    drafting.refuse_writes(functions)
    folder = _folder(args.out or Path(f"{platform.name}-probe"))
    if not args.json:
        note(f"asking {len(functions)} functions of {settings.text('base_url')}, one every two seconds")
    drafted = await drafting.draft(functions, settings, SystemClock(), (lambda line: None) if args.json else note)
    write_new(folder / ANSWERS, orjson.dumps(drafted.answers, option=orjson.OPT_INDENT_2).decode(), another=_ANOTHER, hint=_ANOTHER)
    write_new(folder / DRAFT, drafted.toml, another=_ANOTHER, hint=_ANOTHER)
    answer = {
        "result": "drafted", "asked": len(set(functions)), "confirmed": dict(drafted.confirmed), "draft": str(folder / DRAFT)
    }  # fmt: skip
    tell(args, answer, _text)
    return Exit.DONE


def _drafting_of(name: str) -> tuple[SourcePlatform, Drafting]:
    known = {name: (platform, platform.drafting) for name, platform in sources().items() if platform.drafting is not None}
    if name not in known:
        raise UsageError(f'"{name[:60]}" is not known here{near(name, known)}', hint=f"a spec can be drafted for {', '.join(known)}")
    platform, drafting = known[name]
    return platform, drafting()


def _needs_api(config: Config, platform: SourcePlatform, settings: SourceSettings) -> None:
    missing = [
        option for option in platform.options
        if "api" in option.required_for and not (settings.text(option.name) or settings.secret(option.name).reveal())
    ]  # fmt: skip
    if config.source.platform != platform.name or missing:
        keys = " and ".join(f"source.{option.keys[-1]}" for option in platform.options if "api" in option.required_for)
        raise UsageError(
            f"the probe asks {platform.title}'s API, and the configuration does not name it", hint=f'give {keys}, with reader = "api"'
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
        raise UsageError(f"{folder} cannot be made: {error.strerror}", hint=_ANOTHER) from error
    for name in (ANSWERS, DRAFT):       # known before anybody is asked for minutes
        if (folder / name).exists():
            raise UsageError(f"{folder / name} exists already and was not touched", hint=_ANOTHER)
    return folder.absolute()


def _text(answer: Mapping[str, Any]) -> str:
    lines = [f"{'confirmed' if ok else 'not confirmed':<14} {kind}" for kind, ok in answer["confirmed"].items()]
    next_step = "  review it, copy what is right into the configuration, then `streamflow check`"
    return "\n".join([*lines, f"draft: {answer['draft']}", next_step])
