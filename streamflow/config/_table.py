"""
Reading one TOML table: each question checks and notes its fault, so that all faults are found in one pass.

Rule: a fault names path, value and expectation; it never shows the value of a key it does not know (it might be a secret).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from streamflow.config._secret import Secret, expand, read_env, read_file
from streamflow.config._values import Listen
from streamflow.spelling import near

_SECRETISH = re.compile(r"key|password|secret|token", re.IGNORECASE)
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|h|d)")
_UNIT_S = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_LOOPBACK = {"localhost", "::1"}
_SHOWN_CHARS = 60


def is_loopback(host: str | None) -> bool:
    """Say whether a host name is this machine itself."""
    return host in _LOOPBACK or bool(host and re.fullmatch(r"127(\.\d{1,3}){3}", host))


class Table:
    """One table of the file with the faults found so far; a question for a key marks it as known."""

    def __init__(self, data: Mapping[str, Any], path: str, faults: list[str], *, folder: Path, with_secrets: bool) -> None:
        self._data = data
        self._path = path
        self._known: set[str] = set()
        self.faults = faults
        self.folder = folder
        self.with_secrets = with_secrets

    # ---------------------------------------------------------------- shape
    def has(self, key: str) -> bool:
        """Say whether the key is given."""
        return key in self._data

    def keys(self) -> Iterable[str]:
        """Give the keys as written."""
        return self._data.keys()

    def at(self, key: str) -> str:
        """Give the full path of a key."""
        return f"{self._path}.{key}" if self._path else key

    def fault(self, key: str, text: str) -> None:
        """Note a fault of this table."""
        self.faults.append(f"{self.at(key)}: {text}")

    def table(self, key: str) -> Table:
        """Give a sub-table, empty when it is not there."""
        value = self._take(key)
        if value is not None and not isinstance(value, dict):
            self._wrong(key, value, f"a table, written [{self.at(key)}]")
            value = None
        return Table(value or {}, self.at(key), self.faults, folder=self.folder, with_secrets=self.with_secrets)

    def raw(self, key: str) -> Any:
        """Give a value as it is; whoever asks judges it."""
        return self._take(key)

    def rest(self, known: Iterable[str]) -> dict[str, Any]:
        """Take all keys other than the given ones as they are."""
        names = set(known)
        self._known.update(self._data)
        return {key: value for key, value in self._data.items() if key not in names}

    def done(self, *, gone: Mapping[str, str] | None = None) -> None:
        """Note every key nobody asked for; *gone* tells of keys that exist only elsewhere."""
        for key in self._data:
            if key in self._known:
                continue
            if gone and key in gone:
                self.fault(key, gone[key])
            elif any(f"{key}_{how}" in self._known for how in ("env", "file")):
                self.fault(key, f"a secret is never written here; use {key}_env (name of a variable) or {key}_file (path of a file)")
            else:
                self.fault(key, f"unknown key{near(key, self._known)}")

    # ---------------------------------------------------------------- plain values
    def text(self, key: str, *, default: str | None = None, expected: str = "text") -> str:
        """Give a non-empty text; without a default it must be there."""
        value = self._take(key)
        if value is None:
            if default is None:
                self.fault(key, f"is missing, expected {expected}")
            return default or ""
        if not isinstance(value, str) or not value.strip():
            self._wrong(key, value, expected)
            return default or ""
        return value.strip()

    def maybe_text(self, key: str, *, expected: str = "text") -> str | None:
        """Give a non-empty text or None when the key is not there."""
        return self.text(key, expected=expected) or None if self._given(key) else None

    def choice(self, key: str, options: Iterable[str], *, default: str | None = None) -> str:
        """Give one of the options."""
        names = list(options)
        expected = "one of " + ", ".join(f'"{name}"' for name in names)
        value = self.text(key, default=default, expected=expected)
        if value and value not in names:
            self._wrong(key, value, expected, near(value, names))
            return default or names[0]
        return value or names[0]

    def flag(self, key: str, *, default: bool) -> bool:
        """Give true or false."""
        value = self._take(key)
        if value is None or isinstance(value, bool):
            return default if value is None else value
        self._wrong(key, value, "true or false")
        return default

    def number(self, key: str, *, default: float, low: float, high: float, low_included: bool = True) -> float:
        """Give a number within bounds."""
        value = self._take(key)
        if value is None:
            return default
        fits = isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high
        if not fits or (value == low and not low_included):
            self._wrong(key, value, f"a number {'from' if low_included else 'above'} {low:g}, at most {high:g}")
            return default
        return float(value)

    def whole(self, key: str, *, default: int, low: int, high: int) -> int:
        """Give a whole number within bounds."""
        value = self._take(key)
        if value is None:
            return default
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            self._wrong(key, value, f"a whole number from {low} to {high}")
            return default
        return value

    def maybe_whole(self, key: str, *, low: int, high: int) -> int | None:
        """Give a whole number within bounds, or None when the key is not there."""
        return self.whole(key, default=low, low=low, high=high) if self._given(key) else None

    def duration_s(self, key: str, *, default: float, low: float, high: float) -> float:
        """Give seconds, from a number of seconds or a text like "30s", "15m", "6h", "2d"."""
        value = self._data.get(key)
        if isinstance(value, str):
            self._known.add(key)
            match = _DURATION.fullmatch(value.strip())
            seconds = float(match[1]) * _UNIT_S[match[2]] if match else -1.0
            if not low <= seconds <= high:
                self._wrong(key, value, f'seconds or a text like "30s", "15m", "6h", from {low:g} to {high:g} seconds')
                return default
            return seconds
        return self.number(key, default=default, low=low, high=high)

    def texts(self, key: str) -> tuple[str, ...]:
        """Give a list of texts, empty when not there."""
        value = self._take(key)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(each, str) and each for each in value):
            self._wrong(key, value, "a list of texts")
            return ()
        return tuple(value)

    def uids(self, key: str) -> tuple[int, ...]:
        """Give a list of user ids, empty when not there."""
        value = self._take(key)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(type(each) is int and 0 <= each < 2**32 - 1 for each in value):
            self._wrong(key, value, "a list of numeric user ids, e.g. [0, 1000]")
            return ()
        return tuple(value)

    # ---------------------------------------------------------------- values with a meaning
    def path(self, key: str, *, default: Path | None = None, exists: bool = False) -> Path | None:
        """Give an absolute path; a relative one starts at the folder of the configuration file."""
        text = self.maybe_text(key, expected="a path")
        if text is None:
            return default
        found = (self.folder / Path(text).expanduser()).absolute()
        if exists and not found.is_file():
            self.fault(key, f"{str(found)!r} is not a file that exists")
        return found

    def url(self, key: str, *, default: str | None = None, ends: str | None = None, required: bool = True) -> str:
        """Give an https address (http on loopback only) without user, query and fragment; *ends* is what its path must end with."""
        if not required and not self._given(key):
            return default or ""
        text = self.text(key, default=default, expected="an https address")
        if text and (wrong := _url_fault(text, ends)):
            self._wrong(key, text if "@" not in text else "***", wrong)
        return text

    def listen(self, key: str, *, default: str) -> Listen | None:
        """Give host and port; an empty text switches it off."""
        value = self._data.get(key)
        self._known.add(key)
        if value is None:
            value = default
        if value == "":
            return None
        match = re.fullmatch(r"(?:\[([0-9A-Fa-f:]+)\]|([^\s:/\[\]]+)):(\d{1,5})", value) if isinstance(value, str) else None
        if match is None or int(match[3]) > 65535:
            self._wrong(key, value, 'host:port such as "127.0.0.1:9464", or "" for off')
            return None
        return Listen(host=match[1] or match[2], port=int(match[3]))

    def secret(self, key: str, *, required: bool = True) -> Secret | None:
        """Give a secret from `<key>_env` or `<key>_file`; notes a fault when it cannot be read."""
        env = self.maybe_text(f"{key}_env", expected="the name of an environment variable")
        file = self.maybe_text(f"{key}_file", expected="the path of a file")
        if env and file:
            self.fault(f"{key}_env", f"give either this or {key}_file, not both")
            return None
        if env:
            if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", env):
                # A pasted key is the likely mistake, so the value is not shown.
                self.fault(f"{key}_env", "is not a name of an environment variable; the secret itself does not belong here")
                return None
            return self._read(f"{key}_env", f"env {env}", env, None)
        if file:
            return self._read_file(f"{key}_file", file)
        if required and not any(self.has(name) for name in (key, f"{key}_env", f"{key}_file")):
            self.fault(f"{key}_env", f"is missing: name the environment variable that holds the secret, or give {key}_file")
        return None

    # ---------------------------------------------------------------- inside
    def _read_file(self, key: str, text: str) -> Secret | None:
        if not self.with_secrets:
            return Secret(None, reference=f"file {text}")
        expanded, problem = expand(text)
        if expanded is None:
            self.fault(key, problem)
            return None
        path = (self.folder / Path(expanded).expanduser()).absolute()
        return self._read(key, f"file {path}", None, path)

    def _read(self, key: str, reference: str, env: str | None, path: Path | None) -> Secret | None:
        if not self.with_secrets:
            return Secret(None, reference=reference)
        value, problem = read_env(env) if env else read_file(path or self.folder)
        if value is None:
            self.fault(key, problem)
            return None
        return Secret(value, reference=reference)

    def _given(self, key: str) -> bool:
        self._known.add(key)
        return key in self._data

    def _take(self, key: str) -> Any:
        self._known.add(key)
        return self._data.get(key)

    def _wrong(self, key: str, value: object, expected: str, suggestion: str = "") -> None:
        try:
            shown = "***" if _SECRETISH.search(key) else repr(value)
        except ValueError:
            shown = "a number without end"
        if len(shown) > _SHOWN_CHARS:
            shown = shown[:_SHOWN_CHARS] + "…"
        self.fault(key, f"{shown} given, expected {expected}{suggestion}")


def _url_fault(text: str, ends: str | None) -> str:
    try:
        parts = urlsplit(text)
        port_is_fine = parts.port is None or parts.port > 0
    except ValueError:
        return "an https address"
    if parts.scheme not in ("https", "http") or not parts.hostname or not port_is_fine or re.search(r"\s", text):
        return "an https address"
    if parts.username is not None or parts.password is not None:
        return "an address without user and password in it"
    if parts.query or parts.fragment:
        return "an address without ? and #"
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        return "https:// (http:// is for this machine only)"
    if ends == "" and parts.path not in ("", "/"):
        return "the host alone, without a path"
    if ends and not parts.path.endswith(ends):
        return f"an address that ends in {ends}"
    return ""
