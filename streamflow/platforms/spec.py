"""
What a source looks like, as data: streams with their calls, files, keys, dates and error rules.

Rule of this file: names of functions, fields and columns of a platform live in its TOML, never in code. `spec_toml` reads that.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from streamflow.model import Kind

DENIED_PREFIXES = ("create", "update", "add", "delete", "notify", "send", "set")
"""A call that starts so is a write and is never made, whatever a spec says (leadtrekker.md 2.3)."""
DENIED_WORDS = frozenset(DENIED_PREFIXES) | frozenset(
    ("insert", "save", "edit", "remove", "post", "put", "write", "store", "upload", "upsert", "merge", "assign", "import", "cancel", "move")
)
"""A call with one of these among its words is a write as well: LeadAdd, AddNotes, UpdateCustomer (lead-perfection.md 2.1)."""

CALL_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*(/[A-Za-z][A-Za-z0-9_]*)*")
FILE_FACTS = ("id", "owner", "name", "size", "sha256", "path")
"""What the reader of files knows of each file of a record; `files.is` says under which names a stream has it."""
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Paging:
    """
    How a list is read on. `empty`: ask until an empty page; `short`: fewer than *short_below* rows end the list as well.

    What *page_param* counts: "page" from *first*, "offset" rows from 0, "row" rows from *first*. With *prove* the reader finds out by
    itself which of page and row it is, and believes no end of a list before a single row past it was asked for in vain.
    """

    style: str = "none"
    page_param: str = "page"
    size_param: str = "limit"
    size: int = 500
    first: int = 1
    stop: str = "empty"
    short_below: int = 50
    max_pages: int = 100_000
    prove: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """
    The parameters that select by time; moments are by the source's wall clock, *overlap_s* is read again each time.

    With *step_days* a stretch is read window by window, each to be drained before the next (`api.windows`); then a whole list is one
    stretch too, from *start*, and *whole* and *changed* are the parameters that tell the two kinds of reading apart.
    """

    from_param: str
    format: str = "%Y-%m-%d %H:%M:%S"
    overlap_s: float = 86_400.0
    to_param: str = ""             # takes the end, which is not part of the window
    step_days: int = 0             # 0: one window without an end
    start: str = ""                # "2009-01-01": no record is older
    split_rows: int = 500          # a window with more rows is cut in two
    least_s: int = 60              # a window as short as this is read however much it holds
    whole: Mapping[str, str] = field(default_factory=dict)
    changed: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One read function: its name, fixed parameters, where its rows are, and the parameter that names a key or parent."""

    function: str
    records_at: tuple[str, ...] = ("$",)   # dotted paths tried in order; "$": a root array, "$object": a root record
    params: Mapping[str, str] = field(default_factory=dict)
    key_param: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorRule:
    """When an answer looks so, react so; rules are tried in order and the first that fits decides."""

    when: str                          # one of CONDITIONS
    then: str                          # one of REACTIONS
    path: str = ""                     # truthy, says: the key looked at
    values: tuple[str, ...] = ()       # status: codes, "5xx" too; says: texts that mean failure
    matches: re.Pattern[str] | None = None   # narrows truthy and says by the message found there


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRules:
    """Where a stream's rows are in a snapshot. *join_* adds one column of a second file as a list, e.g. members of a group."""

    globs: tuple[str, ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)   # header as written -> canonical name
    encoding: str = "auto"
    delimiter: str = "auto"
    sheet: str = ""
    join_globs: tuple[str, ...] = ()
    join_on: str = ""
    join_take: tuple[str, ...] = ()
    join_into: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)     # of a stream of files, `is`: canonical name -> one of FILE_FACTS


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """Fields that are views of one reference record, each with the reference's own name of it; one reader gives some, another others."""

    kind: Kind
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamSpec:
    """Everything that is particular to one kind of one source."""

    kind: Kind
    key: str
    reader: str = "files"
    enabled: bool = True
    role: str = "record"
    parent: Kind | None = None
    refers_to: Kind | None = None
    parent_field: str = ""                         # the field that names the parent
    optional: bool = False
    key_fallback: tuple[str, ...] = ()             # "a|b": the first that is filled; "note[:200]": so many characters
    fields: tuple[str, ...] = ()                   # canonical names; others are counted as unknown
    expected: tuple[str, ...] = ()                 # of those, what a file should have
    ids: tuple[str, ...] = ()
    text: tuple[str, ...] = ()                     # free text: kept letter by letter
    phones: tuple[str, ...] = ()
    sets: tuple[str, ...] = ()                     # lists whose order means nothing
    dates: tuple[str, ...] = ()
    date_formats: tuple[str, ...] = ()
    timezone: str = "UTC"
    fraction: str = "nearest"                      # of seconds in times: "nearest" second, or "cut"
    changed: str = ""
    retain: bool = False                           # the source forgets its rows after a while: that one is gone means nothing
    aliases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)    # canonical -> other spellings, best first
    decode: Mapping[str, str] = field(default_factory=dict)                 # field or "default" -> none, or a decoding of the platform
    custom_prefix: str = ""
    custom_object: str = ""
    hash_ignore: tuple[str, ...] = ()              # globs; custom fields as "custom:<label>"
    same: tuple[tuple[str, ...], ...] = ()         # names of one thing, best first: only the first filled one counts in the digest
    complete: tuple[Completion, ...] = ()
    translate: Mapping[str, Completion] = field(default_factory=dict)       # list field -> how its members are named alike
    paging: Paging = Paging()
    window: Window | None = None
    list: Call | None = None
    one: Call | None = None
    files: FileRules = FileRules()


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformSpec:
    """A whole source: its streams in the order in which parents come before children, and what holds for all of them."""

    platform: str
    timezone: str
    region: str                                    # for phone damage: the country whose numbers begin with 0
    null_words: frozenset[str]                     # exactly so written; the word for "nobody typed anything"
    key_header: str
    legacy_header: str                             # sent as well when not empty
    attempts: int                                  # in all, for one call whose answers are transient
    base_s: float                                  # the first pause between them; doubles up to cap_s
    cap_s: float
    timeout_s: float
    body_cap_bytes: int
    errors: tuple[ErrorRule, ...]
    streams: Mapping[Kind, StreamSpec]
    not_offered: Mapping[str, str]                 # what no reader can give -> why; the scope report says so

    def calls(self) -> frozenset[str]:
        """Give the allow-list: every function that this spec may call."""
        found = (call.function for stream in self.streams.values() for call in (stream.list, stream.one) if call)
        return frozenset(found)


def is_write(function: str) -> bool:
    """
    Say whether a function is named like a write; signs before the name do not hide it.

    Each part of a path is judged by its beginning and by its CamelCase words. A read that is refused so ("Address/GetList") has to be
    left out; a write that gets through cannot be taken back.
    """
    return any(_is_write(part) for part in function.split("/"))


def _is_write(name: str) -> bool:
    bare = name.lstrip("_-.\\ \t")
    return bare.lower().startswith(DENIED_PREFIXES) or any(word.lower() in DENIED_WORDS for word in _WORD.findall(bare))
