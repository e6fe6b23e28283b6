"""The keys of one TOML table, taken one by one; every fault is kept with its path."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from streamflow.spelling import nearest

LONGEST_S = 31_536_000.0      # a year: beyond that a wait is a mistake


def near(name: str, known: Collection[str]) -> str:
    """Say what a wrong name was perhaps meant to be."""
    close = nearest(name, known)
    return f" (did you mean {close!r}?)" if close else f" (known: {', '.join(sorted(known))})"


class Table:
    """Takes the keys of one table one by one; what is wrong or left over becomes a fault with its path."""

    def __init__(self, values: Any, path: str, faults: list[str]) -> None:
        self.path = path
        self._faults = faults
        self._values = dict(values) if isinstance(values, Mapping) else {}
        self._asked: set[str] = set()
        if not isinstance(values, Mapping):
            self.fault("", f"expected a table, not {values!r}")

    def fault(self, name: str, text: str) -> None:
        """Keep a fault with its path."""
        self._faults.append(f"{self.path}.{name}: {text}" if name else f"{self.path}: {text}")

    def take(self, name: str, form: type | tuple[type, ...], default: Any, expected: str) -> Any:
        """Give a value of this form, *default* where there is none or it is wrong."""
        self._asked.add(name)
        value = self._values.get(name)
        if value is None:
            return default
        if not isinstance(value, form) or (isinstance(value, bool) and form is not bool):
            self.fault(name, f"expected {expected}, not {value!r}")
            return default
        return value

    def text(self, name: str, default: str = "") -> str:
        """Give a text."""
        return str(self.take(name, str, default, "a text"))

    def flag(self, name: str, default: bool) -> bool:
        """Give a yes or no."""
        return bool(self.take(name, bool, default, "true or false"))

    def whole(self, name: str, default: int, least: int) -> int:
        """Give a whole number of at least *least*."""
        value = int(self.take(name, int, default, "a whole number"))
        if value < least:
            self.fault(name, f"expected {least} or more, not {value}")
        return value

    def seconds(self, name: str, default: float) -> float:
        """Give seconds from 0."""
        value = self.take(name, (int, float), default, "seconds")
        if not 0 <= value <= LONGEST_S:
            self.fault(name, "expected seconds from 0 to a year of them")
            return default
        return float(value)

    def choice(self, name: str, allowed: Sequence[str], default: str) -> str:
        """Give one of these texts."""
        value = self.text(name, default)
        if value not in allowed:
            self.fault(name, f"expected one of {', '.join(allowed)}, not {value!r}")
        return value

    def texts(self, name: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
        """Give texts; a single one may stand without brackets."""
        value = self.take(name, (list, tuple, str), default, "a list of texts")
        items = (value,) if isinstance(value, str) else tuple(value)
        if not all(isinstance(item, str) for item in items):
            self.fault(name, "expected a list of texts")
            return default
        return items

    def words(self, name: str) -> dict[str, str]:
        """Give a table of texts."""
        table = self.take(name, Mapping, {}, "a table of texts")
        wrong = [key for key, value in table.items() if not isinstance(value, str)]
        for key in wrong:
            self.fault(f"{name}.{key}", f"expected a text, not {table[key]!r}")
        return {key: value for key, value in table.items() if key not in wrong}

    def table(self, name: str) -> Table | None:
        """Give an inner table, None where there is none."""
        self._asked.add(name)
        return Table(self._values[name], f"{self.path}.{name}", self._faults) if name in self._values else None

    def tables(self, name: str) -> list[Table]:
        """Give a list of tables."""
        rows = self.take(name, list, [], "a list of tables")
        return [Table(row, f"{self.path}.{name}[{n}]", self._faults) for n, row in enumerate(rows)]

    def named(self, name: str) -> dict[str, Table]:
        """Give the tables of a table, by name."""
        table = self.take(name, Mapping, {}, "a table")
        return {key: Table(value, f"{self.path}.{name}.{key}", self._faults) for key, value in table.items()}

    def done(self) -> None:
        """Make a fault of every key that nobody took."""
        for name in sorted(self._values.keys() - self._asked):
            self.fault(name, f"unknown key{near(name, self._asked)}")
