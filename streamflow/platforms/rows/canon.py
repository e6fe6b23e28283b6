"""
From a raw row, whichever reader brought it, to a record: one set of names, one form of values, one key, one digest.

What the record's data looks like. Canonical names of the spec; unknown names as they came. Every value is text (lists of texts and
unknown objects apart); ids and dates are tidied, words for nothing are emptied except in free text, all else stands letter by letter.
`custom` maps labels to filled values; it is whole: when it is there, a label that is missing is empty at the source. A name that is
absent was not offered by this reader; a name that is there with "" is empty at the source. `_raw` keeps the original of each value (or
custom label) that had to be rewritten. The digest covers the filled values without `_raw` and without what the spec tells to ignore.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, auto
from fnmatch import fnmatchcase
from functools import cache
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

import orjson

from streamflow.compact import Numbers
from streamflow.model import Cursor, Key, Page, Record, Reject
from streamflow.platforms.rows.phones import mended_phone, plain_phone
from streamflow.platforms.rows.roster import Roster
from streamflow.platforms.rows.values import amount_of, clock_oddity, flag_of, local_time, text_of, tidy, tidy_label
from streamflow.platforms.spec import StreamSpec
from streamflow.wire.body import Unfit, parse_json

RAW = "_raw"
CUSTOM = "custom"
_KEY_CHARS = 250      # an id that is longer is none
Raw = Mapping[str, Any]
Decode: TypeAlias = Callable[[Any], Any]
"""Takes a value of a reply, of whatever form, out of what it travelled in. Raises ValueError where it did not travel so, never guesses."""
Mend: TypeAlias = Callable[[dict[str, Any]], None]
"""Changes a row under canonical names, before anything is made of it: what only its platform knows of its values."""


class _Place(Enum):
    """Where the value of a key belongs."""

    FIELD = auto()
    LABEL = auto()     # one custom field, named by a column
    LABELS = auto()    # all of them, in an object


@dataclass(slots=True)
class Pass:
    """What one reading of a stream must remember from row to row: how often an equal row without an id came."""

    twins: Numbers = field(default_factory=Numbers)


class Canon:
    """The rules of one stream, made ready once; *decoders* are the decodings that the platform of an API has, by name."""

    def __init__(
        self, spec: StreamSpec, *, null_words: frozenset[str], region: str, reader: str, decoders: Mapping[str, Decode] | None = None,
        mend: Mend | None = None,
    ) -> None:  # fmt: skip
        self.spec = spec
        self._plans: dict[tuple[str, ...], tuple[tuple[str, str, _Place], ...]] = {}
        self._known = frozenset(spec.fields)
        self._null_words = null_words
        self._region = region
        self._zone = ZoneInfo(spec.timezone)
        self._names = spellings(spec)
        self._dates = frozenset(spec.dates)
        self._phones = frozenset(spec.phones)
        self._ids = frozenset(spec.ids) | {spec.key}
        self._text = frozenset(spec.text)
        self._flags = frozenset(spec.flags)
        self._amounts = frozenset(spec.amounts)
        self._special = self._dates | self._phones | self._ids | self._text | self._flags | self._amounts
        self._mend = mend
        self._decoders = (decoders or {}) if reader == "api" else {}
        self._default_decode = spec.decode.get("default", "none")
        self._decodes = any(how in self._decoders for how in spec.decode.values())
        self._cut = spec.fraction == "cut"
        self._same = {name: group for group in spec.same for name in group}
        self._ignored = cache(lambda name: any(fnmatchcase(name.casefold(), glob.casefold()) for glob in spec.hash_ignore))

    def page(
        self, rows: Iterable[Raw], *, next_cursor: Cursor | None, roster: Roster, memory: Pass, parent: Key | None = None,
        first_row: int = 1,
    ) -> Page:  # fmt: skip
        """Turn the rows of one response into a page; rows that nothing can identify become rejects."""
        records: list[Record] = []
        rejects: list[Reject] = []
        unknown: Counter[str] = Counter()
        for number, raw in enumerate(rows, first_row):
            record = self.record(raw, roster=roster, memory=memory, parent=parent, unknown=unknown)
            if record is None:
                reason = f"row {number} of {self.spec.kind}: no {self.spec.key}, and nothing to make a key of"
                rejects.append(self.reject(raw, reason, memory=memory, parent=parent))
            else:
                records.append(record)
        return Page(kind=self.spec.kind, records=tuple(records), next=next_cursor, unknown=dict(unknown), rejects=tuple(rejects))

    def record(
        self, raw: Raw, *, roster: Roster, memory: Pass, parent: Key | None = None, unknown: Counter[str] | None = None
    ) -> Record | None:
        """Turn one row into a record; None when it has neither an id nor anything to make one of."""
        tally = unknown if unknown is not None else Counter()
        data = self._cleaned(raw, tally)
        if self._mend is not None:
            self._mend(data)
        if parent is not None and not data.get(self.spec.parent_field):
            data[self.spec.parent_field] = parent
        for rule in self.spec.complete:
            roster.complete(data, rule)
        for name, rule in self.spec.translate.items():
            if isinstance(data.get(name), list):
                data[name] = sorted({roster.named_alike(text_of(item), rule) for item in data[name]} - {""})
        key = _fit(_told(data, self.spec.key) or "") or self._made_key(data, memory)
        if not key:
            return None
        return Record(
            kind=self.spec.kind, key=key, data=data, digest=self.digest(data),
            parent=parent or _told(data, self.spec.parent_field), changed_at=_told(data, self.spec.changed),
        )  # fmt: skip

    def remember(self, raw: Raw, *, roster: Roster, memory: Pass) -> None:
        """Count a row that is passed over, where it has no id of its own."""
        if not any(name == self.spec.key and text_of(raw[spelt]).strip() for spelt, name, _ in self._plan(tuple(raw))):
            if self.record(raw, roster=roster, memory=memory) is None:
                self.reject(raw, "", memory=memory)

    def reject(self, raw: Raw, reason: str, *, memory: Pass, parent: Key | None = None) -> Reject:
        """Tell of a row that is no record, so that it is known again wherever a later reading shows it."""
        content = f"{self.spec.kind} {parent or ''} {self.digest(self._cleaned(raw, Counter()))}"
        memory.twins[content] = count = memory.twins[content] + 1
        digest = hashlib.sha256(content.encode()).hexdigest()[:24]
        return Reject(reason=reason, digest=digest if count == 1 else f"{digest}#{count}", parent=parent)

    def digest(self, data: Mapping[str, Any]) -> str:
        """Give SHA-256 in hex over the filled values, each trimmed, in NFC and with LF line ends, sorted by name."""
        content: dict[str, Any] = {}
        for name, value in data.items():
            if value == "" or name in (RAW, CUSTOM) or self._ignored(name):
                continue
            group = self._same.get(name)
            if group is not None and name != next((other for other in group if data.get(other)), name):
                continue
            form = tidy(value) if type(value) is str and name not in self._phones else self._form(name, value)
            if form not in ("", [], {}, None):
                content[name] = form
        for label, value in (data.get(CUSTOM) or {}).items():
            name = f"{CUSTOM}:{label}"
            if not self._ignored(name):
                content[name] = _compared(value)
        return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()

    # --- names and values

    def _cleaned(self, raw: Raw, unknown: Counter[str]) -> dict[str, Any]:
        """Give the row under canonical names with values in their one form; counts names the spec does not know."""
        data: dict[str, Any] = {}
        originals: dict[str, Any] = {}
        custom: dict[str, Any] | None = None
        for spelt, name, kind in self._plan(tuple(raw)):
            value = raw[spelt]
            if self._decodes:
                value = self._decoded(name, value, unknown)
            if kind is not _Place.FIELD:
                custom = {} if custom is None else custom
                for label, inner in ({name: value} if kind is _Place.LABEL else self._labels(value, unknown)).items():
                    self._put_custom(custom, label, inner, originals)
                continue
            if data.get(name, "") != "":      # another spelling of the same, and this one came second
                name = spelt
            if name not in self._known:
                unknown[name] += 1
            data[name] = self._value(name, value, originals)
        if custom is not None:
            data[CUSTOM] = custom
        if self.spec.folds and (odd := self._odd_times(data)):
            data[self.spec.folds] = ", ".join(odd)
        if originals:
            data[RAW] = originals
        return data

    def _plan(self, keys: tuple[str, ...]) -> tuple[tuple[str, str, _Place], ...]:
        """Give what to do with each key of rows of this shape; canonical spellings go before their aliases."""
        plan = self._plans.get(keys)
        if plan is None:
            places = [(spelt, *self._place(spelt)) for spelt in keys]
            plan = tuple(sorted(places, key=lambda place: place[0] != place[1]))
            if len(self._plans) < 256:      # shapes come from the far side: bounded
                self._plans[keys] = plan
        return plan

    def _place(self, spelt: str) -> tuple[str, _Place]:
        prefix = self.spec.custom_prefix
        if prefix and spelt.casefold().startswith(prefix.casefold()) and len(spelt) > len(prefix):
            return spelt[len(prefix) :], _Place.LABEL
        name = self._names.get(squeezed(spelt), spelt)
        if name in (RAW, CUSTOM):      # these two names are ours
            name = f"{name} (as sent)"
        return name, _Place.LABELS if self.spec.custom_object and name == self.spec.custom_object else _Place.FIELD

    def _decoded(self, name: str, value: Any, unknown: Counter[str]) -> Any:
        how = self.spec.decode.get(name, self._default_decode)
        if how not in self._decoders:
            return value
        try:
            return self._decoders[how](value)
        except ValueError:
            unknown[f"{name} (not {how}, kept as it came)"] += 1
            return value

    def _labels(self, value: Any, unknown: Counter[str]) -> Mapping[str, Any]:
        """Give the custom fields of an object, or of its JSON text in a column."""
        if isinstance(value, str) and value.strip():
            try:
                value = parse_json(value.encode())
            except (orjson.JSONDecodeError, Unfit):
                pass
        if isinstance(value, Mapping):
            return value
        if self.spec.custom_title and isinstance(value, list):
            return self._titled(value, unknown)
        if value not in (None, "", []):     # an empty array is how some servers write an empty object
            unknown[f"{self.spec.custom_object} (not an object)"] += 1
            return {self.spec.custom_object: value}
        return {}

    def _titled(self, rows: list[Any], unknown: Counter[str]) -> Mapping[str, Any]:
        """Give the custom fields of a list of tables with a label and a value each."""
        found: dict[str, Any] = {}
        for row in rows:
            table = {squeezed(str(name)): value for name, value in row.items()} if isinstance(row, Mapping) else {}
            label = text_of(table.get(squeezed(self.spec.custom_title)))
            if not label.strip():
                unknown[f"{self.spec.custom_object} (an entry without a label)"] += 1
                continue
            twin = next((name for name in (label, *(f"{label} ({n})" for n in range(2, 100))) if name not in found), label)
            found[twin] = table.get(squeezed(self.spec.custom_value))
        return found

    def _odd_times(self, data: Mapping[str, Any]) -> list[str]:
        """Name the times whose text the clock showed twice or never, on a night it was set."""
        found = [(name, clock_oddity(str(data.get(name) or ""), self._zone)) for name in self.spec.dates]
        return [name if odd == "twice" else f"{name} (no such time)" for name, odd in found if odd]

    def _put_custom(self, custom: dict[str, Any], label: str, value: Any, originals: dict[str, Any]) -> None:
        if isinstance(value, list | tuple):
            value = [text for text in map(text_of, value) if text.strip()]
        elif type(value) is not str and not isinstance(value, Mapping):
            value = text_of(value)
        if not value or (isinstance(value, str) and not value.strip()):
            return
        neat = tidy_label(label) or CUSTOM
        if isinstance(value, str) and value.strip() in self._null_words:
            originals[f"{CUSTOM}:{neat}"] = value
            return
        if neat in custom and custom[neat] != value:     # two spellings of one label, both filled
            neat = next(f"{neat} ({n})" for n in range(2, 10_000) if f"{neat} ({n})" not in custom)
        if neat != label:
            originals[f"label:{neat}"] = label
        custom[neat] = value

    def _value(self, name: str, value: Any, originals: dict[str, Any]) -> Any:
        if type(value) is str and name not in self._special and value.strip() not in self._null_words:
            return value      # nearly every value
        if isinstance(value, Mapping):
            return value
        if isinstance(value, list | tuple):
            return [item if isinstance(item, Mapping) else text_of(item) for item in value]
        if name in self._text:
            return text_of(value)
        given = text_of(value)
        made = self._structured(name, value, given)
        if made != given.strip() and not isinstance(value, datetime) and made != given and not self._says_the_same(name, given, made):
            originals[name] = given
        return made

    def _says_the_same(self, name: str, given: str, made: str) -> bool:
        """Say whether nothing is lost with the original: yes or no, a number, a moment with another sign between day and hour."""
        if name in self._flags:
            return made in ("true", "false")
        if name in self._amounts:
            return amount_of(given) == made
        return name in self._dates and given.strip() == made.replace(" ", "T")

    def _structured(self, name: str, value: Any, given: str) -> str:
        bare = given.strip()
        if bare in self._null_words:
            return ""
        if name in self._ids:
            return bare
        if name in self._dates and bare:
            return local_time(value, self.spec.date_formats, self._zone, cut=self._cut) or given
        if name in self._phones and bare:
            return mended_phone(value, self._region)
        if name in self._flags:
            return flag_of(bare) or given
        if name in self._amounts:
            return amount_of(bare) or given
        return given

    # --- identity

    def _made_key(self, data: Mapping[str, Any], memory: Pass) -> Key:
        """Make a key for a row without an id: a hash of what identifies it, and "#2" for the second of equal ones (leadtrekker.md 4)."""
        parts = [self._part(data, rule) for rule in self.spec.key_fallback]
        if not any(parts):
            return ""
        digest = hashlib.sha256(orjson.dumps([self.spec.kind, *parts])).hexdigest()[:24]
        memory.twins[digest] = count = memory.twins[digest] + 1
        return f"~{digest}" if count == 1 else f"~{digest}#{count}"

    def _part(self, data: Mapping[str, Any], rule: str) -> str:
        """Give what one rule of a made key picks: the first filled of "a|b", at most so many characters of "note[:200]"."""
        names, _, cut = rule.partition("[:")
        for name in names.split("|"):
            if value := data.get(name):
                text = plain_phone(text_of(value), self._region) if name in self._phones else tidy(text_of(value))
                return text[: int(cut.rstrip("]"))] if cut else text
        return ""

    def _form(self, name: str, value: Any) -> Any:
        if name in self._phones and isinstance(value, str):
            return plain_phone(value, self._region)
        form = _compared(value)
        return sorted(form, key=str) if name in self.spec.sets and isinstance(form, list) else form


def _fit(key: Key) -> Key:
    """Give a key that can be one, "" for what is too long or holds signs that no line may hold."""
    return key if len(key) <= _KEY_CHARS and not any(sign < " " for sign in key) else ""


def _told(data: Mapping[str, Any], name: str) -> str | None:
    """Give what a field says as one text; a list or an object in its place names nothing."""
    value = data.get(name)
    return value if isinstance(value, str) and value else None


def squeezed(name: str) -> str:
    """Give a column or key as it is looked up: letters and digits alone, in lower case."""
    return "".join(letter for letter in name.casefold() if letter.isalnum())


def spellings(spec: StreamSpec) -> dict[str, str]:
    """Give every way to write a name of the stream, squeezed, and the canonical name it stands for."""
    names = {squeezed(name): name for name in (*spec.fields, spec.custom_object) if name}
    for name, others in spec.aliases.items():
        for other in others:
            names.setdefault(squeezed(other), name)
    return names


def _compared(value: Any) -> Any:
    if type(value) is str:
        return tidy(value)
    if isinstance(value, Mapping):
        return {str(key): _compared(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_compared(inner) for inner in value]
    return text_of(value)
