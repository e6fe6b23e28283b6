"""The ledger's SQL text, loaded from the files beside this one: statements by name, the schema, and the migrations."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files

_HERE = files("streamflow.store")
_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


def named(text: str) -> dict[str, str]:
    """Split SQL text into its statements by their "-- name: x" lines; a name given twice raises ValueError."""
    parts = _NAME.split(text)
    names, bodies = parts[1::2], parts[2::2]
    if len(set(names)) != len(names):
        raise ValueError("a statement name is given twice")
    return {name: body.strip() for name, body in zip(names, bodies, strict=True)}


def schema() -> str:
    """Give the script that makes an empty ledger of the present version."""
    return _HERE.joinpath("schema.sql").read_text("utf-8")


def migrations() -> dict[int, str]:
    """Give the script that leads to each version, by version."""
    folder = _HERE.joinpath("migrations")
    found = [entry for entry in folder.iterdir() if entry.name.endswith(".sql")] if folder.is_dir() else []
    return {int(entry.name.removesuffix(".sql")): entry.read_text("utf-8") for entry in found}


SQL: Mapping[str, str] = named(_HERE.joinpath("queries.sql").read_text("utf-8"))
