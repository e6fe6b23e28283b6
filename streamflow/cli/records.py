"""`trace`, `verify`, `report`: looking into what was done."""

from __future__ import annotations

import sys
import webbrowser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from streamflow.cli.asking import FIRST_LOOK_S, daemon, followed, long_order, show, tell
from streamflow.cli.output import tree
from streamflow.cli.parsing import Adder, Args, config_of
from streamflow.daemon.client import DaemonNotRunning, part
from streamflow.daemon.exits import Exit

_FORMS = ("html", "csv", "json")


def register(add: Adder) -> None:
    """Add the commands."""
    trace = add("trace", _trace, "everything known of one record")
    trace.add_argument("kind", metavar="KIND", help="a source kind, e.g. lead")
    trace.add_argument("key", metavar="KEY", help="its key at the source")
    add("verify", _verify, "read everything back now")
    report = add("report", _report, "the reports and where they are")
    report.add_argument("--open", action="store_true", help="open the HTML reports in the browser")


async def _trace(args: Args) -> int:
    return await show(args, f"/v1/records/{part(args.kind)}/{part(args.key)}", tree)


async def _verify(args: Args) -> int:
    answer = await long_order(args, "/v1/verify")
    return Exit.OPEN_ITEMS if answer.get("result") == "differs" else Exit.DONE


async def _report(args: Args) -> int:
    try:
        async with daemon(args) as client:
            answer = await followed(args, client, await client.get("/v1/reports", wait_s=str(FIRST_LOOK_S)))
    except DaemonNotRunning:
        # The files are there whether or not somebody answers.
        answer = on_disk(config_of(args).migration.state_dir / "reports")
    tell(args, answer, reports_text)
    if args.open:
        _open([Path(report["html"]) for report in answer["reports"] if report.get("html")])
    return Exit.DONE


def on_disk(folder: Path) -> dict[str, Any]:
    """List the reports of a folder in the form the daemon answers."""
    names = sorted({path.stem for path in folder.iterdir() if path.suffix[1:] in _FORMS}) if folder.is_dir() else []
    reports = []
    for name in names:
        files = {form: folder / f"{name}.{form}" for form in _FORMS}
        reports.append({"name": name, **{form: str(path) if path.is_file() else None for form, path in files.items()}})
    return {"folder": str(folder), "reports": reports}


def reports_text(answer: Mapping[str, Any]) -> str:
    """Lay out reports with their files."""
    if not answer["reports"]:
        return f"no reports yet in {answer['folder']}"
    lines = []
    for report in answer["reports"]:
        lines.append(str(report.get("title") or report["name"]))
        lines += [f"  {report[form]}" for form in _FORMS if report.get(form)]
    return "\n".join(lines)


def _open(pages: list[Path]) -> None:
    for page in pages:
        if not webbrowser.open(page.absolute().as_uri()):
            print(f"streamflow: no browser to open {page} with", file=sys.stderr)
            return
