"""What a source account really holds: fields, how full they are, what their values look like. Streamed, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from streamflow.mapping.dates import read_date
from streamflow.mapping.pair import Pair
from streamflow.mapping.settings import settings_of, ways_of
from streamflow.mapping.text import plain, squeeze
from streamflow.mapping.values import TEXT_MAX_CHARS, ReadValue, Ways, decimal_of, is_empty, reader_for
from streamflow.model import Kind, Record

MAX_DISTINCT: Final = 200
_MAX_VALUE_CHARS: Final = 120
_MAX_SAMPLES: Final = 3
_MAX_FIELDS: Final = 2_000
_TRIED: Final = 1_000  # values of a field that are tried as date, number, money; enough to be sure
_LEAST_FILLED: Final = 5  # below that a family is a guess and text is taken
_TYPED_SHARE: Final = 0.85
_CHOICE_MAX: Final = 12
_CHOICE_CHARS: Final = 60
_CHOICE_REPEAT: Final = 4
_ID_DIGITS: Final = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Eye:
    """How values are looked at: what the source writes in ways of its own."""

    ways: Ways
    money: ReadValue  # any currency counts


@dataclass(slots=True, kw_only=True)
class FieldSeen:
    """One field of one kind, as it was seen."""

    name: str
    count: int = 0  # records that have the field at all
    filled: int = 0  # of these, with a value
    max_chars: int = 0
    has_lines: bool = False
    samples: list[str] = field(default_factory=list)  # first non-empty ones
    distinct: dict[str, int] = field(default_factory=dict)  # value -> how often; None of the further ones once capped
    is_capped: bool = False
    tried: int = 0
    fits: dict[str, int] = field(default_factory=dict)  # family -> values that fit

    @property
    def family(self) -> str:
        """The family its values suggest: text | long | choice | date | money | number."""
        if self.max_chars > TEXT_MAX_CHARS or self.has_lines:
            return "long"
        if self.filled < _LEAST_FILLED:
            return "text"
        for family in ("date", "money", "number"):
            if self.fits.get(family, 0) >= _TYPED_SHARE * max(1, self.tried):
                return family
        return "choice" if self._is_choice() else "text"

    @property
    def choices(self) -> tuple[str, ...]:
        """The distinct values seen, commonest first."""
        return tuple(sorted(self.distinct, key=lambda value: (-self.distinct[value], value)))

    def see(self, value: Any, eye: Eye) -> None:
        """Take in one value."""
        self.count += 1
        if is_empty(value):
            return
        text = value if isinstance(value, str) else str(value)
        self.filled += 1
        self.max_chars = max(self.max_chars, len(text))
        self.has_lines = self.has_lines or "\n" in plain(text).strip()
        shown = squeeze(_spoken(value)[: _MAX_VALUE_CHARS * 2])[:_MAX_VALUE_CHARS]
        if len(self.samples) < _MAX_SAMPLES and shown not in self.samples:
            self.samples.append(shown)
        if shown in self.distinct or len(self.distinct) < MAX_DISTINCT:
            self.distinct[shown] = self.distinct.get(shown, 0) + 1
        else:
            self.is_capped = True
        if self.tried < _TRIED and isinstance(value, str):
            self._try(text.strip(), eye)

    def _try(self, text: str, eye: Eye) -> None:
        self.tried += 1
        if len(text) > 40 or not any(char.isdigit() for char in text):
            return
        if read_date(text, eye.ways.date_order) is not None:
            family = "date"
        elif decimal_of(text, eye.ways.thousands) is not None:
            # Leading zeros and long runs of digits are numbers of things, not amounts
            digits = text.lstrip("+-")
            family = (
                ""
                if (digits.startswith("0") and digits.isdigit() and len(digits) > 1) or len(digits) > _ID_DIGITS or text[0] == "+"
                else "number"
            )
        else:
            amount = eye.money(text)
            family = "money" if amount.value or amount.cause == "foreign_currency" else ""
        if family:
            self.fits[family] = self.fits.get(family, 0) + 1

    def _is_choice(self) -> bool:
        few = 1 < len(self.distinct) <= _CHOICE_MAX and not self.is_capped
        return few and self.filled >= _CHOICE_REPEAT * len(self.distinct) and self.max_chars <= _CHOICE_CHARS


class Observation:
    """Everything seen of an account so far; feed it with canonical records of any kind."""

    def __init__(self, pair: Pair) -> None:
        ways = ways_of(settings_of({}, pair))
        self._eye = Eye(ways=ways, money=reader_for("money", {"currency": ""}, ways))
        self.records: dict[Kind, int] = {}
        self.kinds: dict[Kind, dict[str, FieldSeen]] = {}
        self.together: dict[tuple[str, str], int] = {}  # pairs of a lead's custom labels filled on one record
        self.overflow = 0  # fields beyond the cap, not looked at

    def __repr__(self) -> str:
        return f"<Observation records={sum(self.records.values())} kinds={len(self.kinds)}>"

    def add(self, records: Iterable[Record]) -> None:
        """Take in records."""
        for record in records:
            self.records[record.kind] = self.records.get(record.kind, 0) + 1
            seen = self.kinds.setdefault(record.kind, {})
            for name, value in record.data.items():
                if name == "custom" and isinstance(value, Mapping):
                    self._add_custom(seen, value)
                elif not name.startswith("_"):
                    self._see(seen, name, value)

    def fields(self, kind: Kind) -> Mapping[str, FieldSeen]:
        """Give the fields of a kind by source name ("email", "custom:Surname")."""
        return self.kinds.get(kind, {})

    def schema(self) -> dict[Kind, frozenset[str]]:
        """Give the field names by kind: what a map must cover."""
        return {kind: frozenset(fields) for kind, fields in self.kinds.items()}

    def to_json(self) -> dict[str, Any]:
        """Give a JSON form from which `from_json` goes on counting."""
        kinds = {
            kind: {name: {slot: getattr(one, slot) for slot in FieldSeen.__slots__ if slot != "name"} for name, one in fields.items()}
            for kind, fields in self.kinds.items()
        }
        return {
            "records": self.records,
            "kinds": kinds,
            "overflow": self.overflow,
            "together": [[*pair, count] for pair, count in self.together.items()],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any], pair: Pair) -> Observation:
        """Read what `to_json` gave."""
        made = cls(pair)
        made.records = dict(data["records"])
        made.overflow = int(data["overflow"])
        made.together = {(one, other): count for one, other, count in data["together"]}
        made.kinds = {kind: {name: FieldSeen(name=name, **one) for name, one in fields.items()} for kind, fields in data["kinds"].items()}
        return made

    def _add_custom(self, seen: dict[str, FieldSeen], custom: Mapping[str, Any]) -> None:
        filled = []
        for label, value in custom.items():
            self._see(seen, f"custom:{label}", value)
            if not is_empty(value):
                filled.append(label)
        filled.sort()
        for place, one in enumerate(filled):
            for other in filled[place + 1 :]:
                if (one, other) in self.together or len(self.together) < _MAX_FIELDS:
                    self.together[one, other] = self.together.get((one, other), 0) + 1

    def _see(self, seen: dict[str, FieldSeen], name: str, value: Any) -> None:
        one = seen.get(name)
        if one is None:
            if len(seen) >= _MAX_FIELDS:
                self.overflow += 1
                return
            one = seen[name] = FieldSeen(name=name)
        one.see(value, self._eye)


def _spoken(value: Any) -> str:
    """Say a value in words that a person reads: of what is nested, what it holds."""
    if isinstance(value, Mapping):
        return " ".join(filter(None, map(_spoken, value.values())))
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return "; ".join(filter(None, map(_spoken, value)))
    return "" if value is None else str(value)
