"""`init`, `check`, `run`: before and at the start."""

from __future__ import annotations

from streamflow.cli.asking import tell
from streamflow.cli.new_file import write_new
from streamflow.cli.output import note
from streamflow.cli.parsing import Adder, Args, config_of, config_path
from streamflow.config import PAIRS, starter
from streamflow.daemon.checks import CheckReport
from streamflow.daemon.exits import Exit


def register(add: Adder) -> None:
    """Add the commands."""
    init = add("init", _init, "write a commented starter configuration")
    init.add_argument("pair", metavar="PAIR", help=" or ".join(PAIRS))
    add("check", _check, "validate the configuration, sign-in and permissions; writes nothing")
    add("run", _run, "run the daemon in the foreground until the migration is done")


def _init(args: Args) -> int:
    text, target = starter(args.pair), config_path(args)
    write_new(target, text, another="name another file with -c FILE", hint="name another file with -c FILE")
    answer = {"result": "written", "path": str(target.absolute()), "pair": args.pair}
    next_step = f"fill in the account, put the keys into files (chmod 600), then `streamflow -c {target} check`"
    tell(args, answer, lambda _: f"wrote {target}\n  next: {next_step}")
    return Exit.DONE


def _check(args: Args) -> int:
    config = config_of(args, secrets=True)
    from streamflow.daemon.checking import check  # loads the whole daemon: only when needed

    report = check(config)
    tell(args, report.to_json(), lambda _: check_text(report))
    return report.exit_code


def _run(args: Args) -> int:
    config = config_of(args, secrets=True)
    from streamflow.daemon.main import run  # as above

    return run(config, tell=note)


def check_text(report: CheckReport) -> str:
    """Lay out the findings of a check, failed ones with their hints."""
    lines: list[str] = []
    for each in report.findings:
        mark = "ok  " if each.ok else "warn" if each.is_warning else "FAIL"
        lines.append(f"{mark}  {each.subject}: {each.question}" + (f": {each.detail}" if each.detail else ""))
        if each.hint and not each.ok:
            lines.append(f"      hint: {each.hint}")
    failed = sum(1 for each in report.findings if not each.ok and not each.is_warning)
    verdict = f"{failed} of {len(report.findings)} checks failed" if failed else "all is well"
    lines.append(f"{verdict}; nothing was written")
    return "\n".join(lines)

