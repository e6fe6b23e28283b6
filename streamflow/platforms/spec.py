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
    values: tuple[str, ...] = ()   # style "values": the list is asked once for each of these, in *page_param*
    into: str = ""                 # style "values": the field of each row that takes the value it was asked by


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
    changes: bool = True           # False: it selects by another time than that of change, so whole lists alone are read by it
    twice: bool = False            # a whole list is gone through by *whole*, then by *changed*: that lists what has no time of the first
    by_clock: bool = False         # records do not carry the time that is filtered by: the mark is when a read began
    back_days: int = 0             # in place of *start*: the stretch begins so many days before today
    ahead_days: int = 0            # windows go so far beyond today
    end: str = ""                  # "2100-01-01": behind those one more window, to this day
    recent_days: int = 0           # so much of the whole list is read again often, since edits may move no time of change


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One read function: its name, fixed parameters, where its rows are, and the parameter that names a key or parent."""

    function: str
    records_at: tuple[str, ...] = ("$",)   # dotted paths tried in order; "$": a root array, "$object": a root record
    params: Mapping[str, str] = field(default_factory=dict)
    key_param: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfold:
    """Rows of another kind inside the rows of one: under which keys (any case), and what they take of the row around them."""

    kind: Kind
    at: str                                                    # key of the row around them that holds a list, an object or a text
    within: Kind                                               # the kind of that row
    take: Mapping[str, str] = field(default_factory=dict)      # field here -> field around it, or "kind.field" further out
    text: str = ""                                             # a bare text is a row with this field; "": bare texts are no rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Gather:
    """A record of a reference kind that each row names: fields there from fields here, and fixed ones."""

    kind: Kind
    fields: Mapping[str, str]                                  # field there -> field here; the first must be filled
    fixed: Mapping[str, str] = field(default_factory=dict)
    each: str = ""                                             # a list of tables: one record for each, *fields* are theirs


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerCall:
    """How to ask whose a record is that does not say it: by which of its fields, and what is taken from the one row that answers."""

    call: Call
    field: str
    take: Mapping[str, str]                                    # field of the record -> field of the answer


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorRule:
    """When an answer looks so, react so; rules are tried in order and the first that fits decides."""

    when: str                          # one of CONDITIONS
    then: str                          # one of REACTIONS
    path: str = ""                     # truthy, says, first_row: the key looked at
    values: tuple[str, ...] = ()       # status: codes, "5xx" too; says: texts that mean failure
    matches: re.Pattern[str] | None = None   # narrows truthy and says by the message found there


@dataclass(frozen=True, slots=True, kw_only=True)
class FileTable:
    """A second file whose rows are put into those of the first as a list of tables, or one value each: by a column both have."""

    globs: tuple[str, ...]
    on: str                                                    # canonical name of the column of the first file
    key: str                                                   # header of the second
    having: tuple[str, ...] = ()
    into: str = ""                                             # the field that takes the tables; "": none
    fields: Mapping[str, str] = field(default_factory=dict)    # of those tables: name -> header
    take: Mapping[str, str] = field(default_factory=dict)      # field of the first -> header; the first filled one counts
    as_of: str = ""                                            # as of `FileRules`
    once: tuple[str, ...] = ()                                 # headers that name a row beside *key*: of several files the newest tells it
    aside: tuple[str, ...] = ()                                # as of `FileRules`


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRules:
    """
    Where a stream's rows are in a snapshot. *join_* adds one column of a second file as a list, e.g. members of a group.

    Files are chosen by name, and by header where *having* names columns. Where a snapshot has none of them, *instead* is looked at.
    """

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
    having: tuple[str, ...] = ()                               # headers by which a file is known, where its name tells nothing
    filled: tuple[str, ...] = ()                               # rows in which one of these is empty are no records of this stream
    only: bool = False                                         # columns that are no fields of this stream are left out
    aside: tuple[str, ...] = ()                                # globs of those nobody misses; others left out are counted. (): none are
    distinct: bool = False                                     # rows repeat a record: the first one of each key counts
    apart: tuple[str, ...] = ()                                # rows of a file that differ in these columns alone are one record, the first
    as_of: str = ""                                            # the column that says when a file was made: the newest one goes first
    tables: tuple[FileTable, ...] = ()
    instead: FileRules | None = None


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
    same_by: tuple[str, ...] = ()                  # fields that stay when what a made key is made of changes; only by API
    rewritten: tuple[str, ...] = ()                # of same_by: may change too, where a made key comes for a made key
    moved_by: tuple[str, ...] = ()                 # fields that stay when its parent is merged, the first one filled; only from files
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
    folds: str = ""                                # the field that names the times whose clock time came twice or never
    flags: tuple[str, ...] = ()                    # yes or no, however spelt: "true" | "false"
    amounts: tuple[str, ...] = ()                  # decimals, however written: without marks of thousands and idle zeros
    changed: str = ""
    retain: bool = False                           # the source forgets its rows after a while: that one is gone means nothing
    aliases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)    # canonical -> other spellings, best first
    decode: Mapping[str, str] = field(default_factory=dict)                 # field or "default" -> none, or a decoding of the platform
    custom_prefix: str = ""
    custom_object: str = ""
    custom_title: str = ""                         # *custom_object* holds a list of tables with label and value under these two names
    custom_value: str = ""
    hash_ignore: tuple[str, ...] = ()              # globs; custom fields as "custom:<label>"
    same: tuple[tuple[str, ...], ...] = ()         # names of one thing, best first: only the first filled one counts in the digest
    complete: tuple[Completion, ...] = ()
    translate: Mapping[str, Completion] = field(default_factory=dict)       # list field -> how its members are named alike
    via: Kind | None = None                        # by API: has no call of its own, the rows of that stream bring it
    unfold: tuple[Unfold, ...] = ()
    gather: tuple[Gather, ...] = ()
    yields: Mapping[Kind, tuple[str, ...]] = field(default_factory=dict)    # stream -> fields that it fills only where no other does
    poll_s: int = 0                                # by API: the least pause between two looks at it while changes are followed
    canary: bool = False                           # an empty answer is believed after a record known to exist was shown
    paging: Paging = Paging()
    window: Window | None = None
    list: Call | None = None
    one: Call | None = None
    owner: OwnerCall | None = None
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
    brief_s: float                                 # so long is waited, once, for what a person has given up
    body_cap_bytes: int
    errors: tuple[ErrorRule, ...]
    streams: Mapping[Kind, StreamSpec]
    not_offered: Mapping[str, str]                 # what no reader can give -> why; the scope report says so

    def calls(self) -> frozenset[str]:
        """Give the allow-list: every function that this spec may call."""
        found = (
            call.function for stream in self.streams.values()
            for call in (stream.list, stream.one, stream.owner.call if stream.owner else None) if call
        )  # fmt: skip
        return frozenset(found)

    def brings(self, kind: Kind, *, nested: bool = True) -> tuple[Kind, ...]:
        """Give the further kinds whose records the rows of a stream bring, each once; rows of files have nothing *nested* in them."""
        found: dict[Kind, None] = {}
        waiting = [kind]
        while waiting:
            stream = self.streams[waiting.pop()]
            inner = [rule.kind for rule in self.streams[kind].unfold if nested and rule.within == stream.kind]
            for each in (*inner, *(rule.kind for rule in stream.gather)):
                if each not in found and each != kind:
                    found[each] = None
                    waiting.append(each)
        return tuple(found)


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
