"""Secrets by reference: where they come from, how they are read, and a value that does not show itself."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import NoReturn

from streamflow.errors import ConfigError

MAX_SECRET_BYTES = 16_384
CREDENTIALS = "$CREDENTIALS_DIRECTORY"


class Secret:
    """
    A secret that masks itself in repr, str, format and exceptions.

    Equality compares the values, so that a changed secret is noticed; pickling is refused.
    """

    __slots__ = ("_value", "reference")

    def __init__(self, value: str | None, *, reference: str) -> None:
        self._value = value
        self.reference = reference  # "env NAME" or "file PATH": safe to show

    def reveal(self) -> str:
        """Give the secret itself. Raises ConfigError when the configuration was loaded without secrets."""
        if self._value is None:
            raise ConfigError([f"the secret in {self.reference} was not read"], hint="load the configuration with its secrets")
        return self._value

    @property
    def is_read(self) -> bool:
        """Say whether the value is known to this process."""
        return self._value is not None

    def reread(self) -> Secret:
        """Give it as its file holds it now; itself where that cannot be read, and where it comes from somewhere else."""
        source, _, name = self.reference.partition(" ")
        value = read_file(Path(name))[0] if source == "file" else None
        return self if value is None else Secret(value, reference=self.reference)

    def __repr__(self) -> str:
        return f"Secret({self.reference}, ***)"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and (self._value, self.reference) == (other._value, other.reference)

    def __hash__(self) -> int:
        return hash(self.reference)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled")


def read_env(name: str) -> tuple[str | None, str]:
    """Give (value, "") of an environment variable, or (None, what is wrong with it)."""
    value = os.environ.get(name)
    if value is None:
        return None, f"environment variable {name} is not set"
    return _one_line(value, f"environment variable {name}")


def read_file(path: Path) -> tuple[str | None, str]:
    """
    Give (value, "") of a secret file, or (None, what is wrong with it).

    The file must not be readable by group or others, unless the service manager put it into its credentials directory
    (which guards the files itself and may show a group bit for its access list).
    """
    try:
        info = path.stat()
        if not stat.S_ISREG(info.st_mode):
            return None, f"{path} is not a file"
        if info.st_mode & 0o077 and not _in_credentials(path):
            return None, f"{path} can be read by others (mode {stat.S_IMODE(info.st_mode):04o}); do: chmod 600 {path}"
        if info.st_size > MAX_SECRET_BYTES:
            return None, f"{path} is too large for a secret ({info.st_size} bytes)"
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None, f"{path} does not exist"
    except UnicodeDecodeError:
        return None, f"{path} is not UTF-8 text"
    except OSError as error:
        return None, f"{path} cannot be read ({error.strerror})"
    return _one_line(text, str(path))


def expand(text: str) -> tuple[str | None, str]:
    """Replace a leading $CREDENTIALS_DIRECTORY (LoadCredential= of the service) by its value, or say why not."""
    if not text.startswith(CREDENTIALS):
        return text, ""
    folder = os.environ.get(CREDENTIALS[1:])
    if not folder:
        return None, f"{CREDENTIALS} is not set; it is there only in a service with LoadCredential="
    return folder + text[len(CREDENTIALS) :], ""


def _in_credentials(path: Path) -> bool:
    folder = os.environ.get(CREDENTIALS[1:])
    return bool(folder) and path.resolve().is_relative_to(Path(str(folder)).resolve())


def _one_line(text: str, where: str) -> tuple[str | None, str]:
    value = text.strip()
    if not value:
        return None, f"{where} is empty"
    if any(ord(letter) < 32 or ord(letter) == 127 for letter in value):
        return None, f"{where} holds more than one line or control characters"
    return value, ""
