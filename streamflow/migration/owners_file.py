"""The operator's file of users: which address somebody has whom the source names without one."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from streamflow.errors import ConfigError
from streamflow.mapping.owning import name_key

_COLUMNS: Final = ("id", "name", "email")
"""Each may bear the platform's words in front, as a customer's own table does: "crm_user_id"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnersFile:
    """Addresses by source id, and by name where that names one address alone."""

    by_id: Mapping[str, str] = field(default_factory=dict)
    by_name: Mapping[str, str] = field(default_factory=dict)

    def address(self, key: str, name: str) -> str:
        """Give the address of a user by id, else by name, "" where the file has neither."""
        return self.by_id.get(key) or self.by_name.get(name_key(name or key)) or ""


def read_file(path: Path) -> OwnersFile:
    """Read the file: CSV with columns id, name, email or such as end in these words; raises ConfigError."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigError([f"owners.file: cannot read {path.name}: {error.strerror}"]) from error
    except UnicodeDecodeError as error:
        raise ConfigError([f"owners.file: {path.name} is no UTF-8 text"]) from error
    reader = csv.DictReader(io.StringIO(text), delimiter=";" if text.partition("\n")[0].count(";") else ",")
    found = {str(name).strip().lower(): str(name) for name in reader.fieldnames or ()}
    columns = {
        what: found.get(what) or next((text for name, text in found.items() if name.replace("-", "").endswith(f"_{what}")), "")
        for what in _COLUMNS
    }
    if not columns["email"] or not (columns["id"] or columns["name"]):
        raise ConfigError([f"owners.file: {path.name} needs a first line with the columns id, name and email"])
    by_id: dict[str, str] = {}
    by_name: dict[str, set[str]] = {}
    for row in reader:
        key, name, email = ((row.get(columns[what]) or "").strip() if columns[what] else "" for what in ("id", "name", "email"))
        if key and email:
            by_id[key] = email
        if name_key(name) and email:
            by_name.setdefault(name_key(name), set()).add(email.lower())
    return OwnersFile(by_id=by_id, by_name={name: next(iter(emails)) for name, emails in by_name.items() if len(emails) == 1})
