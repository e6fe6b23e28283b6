"""Pages for people: self-contained HTML in which nothing but its own style sheet may run or load."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib.resources import files
from typing import Any, Final

from jinja2 import Environment, FunctionLoader, StrictUndefined

from streamflow.reports.about import About, heading
from streamflow.reports.layout import Block, Cell, blocks, tone

VERDICT: Final = "verdict"  # {"tone": good | attention | bad, "text"}: shown on top


@lru_cache(maxsize=1)
def _environment() -> Environment:
    # Self-made loader: the templates are package data, and nothing else may be included
    here = files("streamflow.reports")
    made = Environment(
        loader=FunctionLoader(lambda name: (here / name).read_text(encoding="utf-8")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = (here / "report.css").read_text(encoding="utf-8")
    made.globals["style"] = style
    made.globals["heading"] = heading
    made.globals["style_hash"] = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return made


def report_page(
    name: str,
    texts: About,
    data: Mapping[str, Any],
    *,
    migration: str,
    generated_at: str,
    tables: Mapping[str, str],
    has_index: bool = True,
) -> str:
    """
    Write one report as HTML.

    Args:
        tables: Path of a list of rows → file beside the page that holds all of it as CSV.
    """
    said = data.get(VERDICT)
    verdict = Cell(text=str(said.get("text", "")), tone=tone("tone", said.get("tone"))) if isinstance(said, Mapping) else None
    body: list[Block] = list(blocks({key: value for key, value in data.items() if key != VERDICT or verdict is None}))
    return (
        _environment()
        .get_template("report.html")
        .render(
            name=name,
            about=texts,
            migration=migration,
            generated_at=generated_at,
            blocks=body,
            tables=tables,
            verdict=verdict,
            has_index=has_index,
        )
    )


def index_page(reports: Sequence[Mapping[str, Any]], *, migration: str, generated_at: str) -> str:
    """Write the list of all reports; each is {"name", "title", "intro", "at", "html", "json", "csv"} with file names."""
    return _environment().get_template("index.html").render(reports=reports, migration=migration, generated_at=generated_at)
