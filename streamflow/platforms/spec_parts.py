"""Reading the parts of a stream's spec: calls, paging, windows, files, rules of answers, rows within rows."""

from __future__ import annotations

import re
from datetime import date

from streamflow.platforms.spec import (
    CALL_NAME,
    DENIED_PREFIXES,
    FILE_FACTS,
    Call,
    Completion,
    ErrorRule,
    FileRules,
    FileTable,
    Gather,
    OwnerCall,
    Paging,
    Unfold,
    Window,
    is_write,
)
from streamflow.platforms.spec_table import Table

PAGINGS = ("none", "page", "offset", "row", "values")
STOPS = ("empty", "short")
CONDITIONS = ("status", "empty", "not_json", "truthy", "says", "scalar", "first_row")
REACTIONS = ("access", "missing", "absent", "throttled", "transient", "refused")


def call(table: Table | None) -> Call | None:
    """Read a function that is asked; one that is named like a write is a fault."""
    if table is None:
        return None
    found = Call(
        function=table.text("function"), records_at=table.texts("records_at", ("$",)), params=table.words("params"),
        key_param=table.text("key_param"),
    )  # fmt: skip
    if is_write(found.function):
        table.fault("function", f"{found.function!r} is named like a write ({', '.join(DENIED_PREFIXES)}, ...); sources are only read")
    elif not CALL_NAME.fullmatch(found.function):
        table.fault("function", f"expected a plain name of letters and digits, or such names with / between, not {found.function!r}")
    table.done()
    return found


def paging(table: Table | None) -> Paging:
    """Read how a list is read on."""
    if table is None:
        return Paging()
    found = Paging(
        style=table.choice("style", PAGINGS, "none"), page_param=table.text("page_param", "page"),
        size_param=table.text("size_param", "limit"), size=table.whole("size", 500, 1), first=table.whole("first", 1, 0),
        stop=table.choice("stop", STOPS, "empty"), values=table.texts("values"),
        into=table.text("into"), short_below=table.whole("short_below", 50, 1),
        max_pages=table.whole("max_pages", 100_000, 1), prove=table.flag("prove", False),
    )  # fmt: skip
    table.done()
    return found


def window(table: Table | None) -> Window | None:
    """Read what selects by time."""
    if table is None:
        return None
    found = Window(
        from_param=table.text("from_param"), format=table.text("format", "%Y-%m-%d %H:%M:%S"),
        overlap_s=table.seconds("overlap_s", 86_400.0), to_param=table.text("to_param"), step_days=table.whole("step_days", 0, 0),
        start=table.text("start"), split_rows=table.whole("split_rows", 500, 1), least_s=table.whole("least_s", 60, 1),
        whole=table.words("whole"), changed=table.words("changed"), changes=table.flag("changes", True),
        twice=table.flag("twice", False), by_clock=table.flag("by_clock", False), back_days=table.whole("back_days", 0, 0),
        ahead_days=table.whole("ahead_days", 0, 0),
        end=table.text("end"), recent_days=table.whole("recent_days", 0, 0),
    )  # fmt: skip
    if not found.from_param:
        table.fault("from_param", "expected the parameter that takes the earliest moment")
    if found.step_days and not found.to_param:
        table.fault("to_param", "expected the parameter that takes the end of a window")
    if found.twice and not (found.changed and found.step_days):
        table.fault("twice", "the second walk goes by the parameters of changed, window by window; set changed and step_days")
    if found.start and not found.step_days:
        table.fault("start", "only a stretch that is read by windows has a start; set step_days")
    if found.end and not _is_day(found.end):
        table.fault("end", f"expected a day such as 2100-01-01, not {found.end!r}")
    if found.step_days and not found.back_days and not _is_day(found.start):
        table.fault("start", f"expected the day of the oldest record, such as 2009-01-01, not {found.start!r}")
    table.done()
    return found


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def error_rule(table: Table) -> ErrorRule:
    """Read one rule of what answers mean."""
    pattern = table.text("matches")
    try:
        matches = re.compile(pattern, re.IGNORECASE) if pattern else None
    except re.error as error:
        table.fault("matches", f"not a regular expression: {error}")
        matches = None
    rule = ErrorRule(
        when=table.choice("when", CONDITIONS, ""), then=table.choice("then", REACTIONS, ""), path=table.text("path"),
        values=table.texts("values"), matches=matches,
    )  # fmt: skip
    table.done()
    return rule


def file_rules(table: Table | None) -> FileRules:
    """Read where the rows of a stream are in a snapshot."""
    if table is None:
        return FileRules()
    rules = FileRules(
        globs=table.texts("globs"), columns=table.words("columns"), encoding=table.text("encoding", "auto"),
        delimiter=table.text("delimiter", "auto"), sheet=table.text("sheet"), join_globs=table.texts("join_globs"),
        join_on=table.text("join_on"), join_take=table.texts("join_take"), join_into=table.text("join_into"), facts=table.words("is"),
        having=table.texts("having"), filled=table.texts("filled"), only=table.flag("only", False), distinct=table.flag("distinct", False),
        apart=table.texts("apart"), aside=table.texts("aside"), as_of=table.text("as_of"),
        tables=tuple(_file_table(inner) for inner in table.tables("tables")),
        instead=file_rules(instead) if (instead := table.table("instead")) is not None else None,
    )  # fmt: skip
    for name, fact in rules.facts.items():
        if fact not in FILE_FACTS:
            table.fault(f"is.{name}", f"expected one of {', '.join(FILE_FACTS)}, not {fact!r}")
    table.done()
    return rules


def completion(table: Table) -> Completion:
    """Read which fields are views of a reference record."""
    found = Completion(kind=table.text("kind"), fields=table.words("fields"))
    table.done()
    return found


def unfold(table: Table) -> Unfold:
    """Read where rows of another kind are inside the rows of one."""
    found = Unfold(
        kind=table.text("kind"), at=table.text("at"), within=table.text("within"), take=table.words("take"), text=table.text("text")
    )  # fmt: skip
    table.done()
    return found


def gather(table: Table) -> Gather:
    """Read which record of a reference kind the rows of a stream name."""
    found = Gather(kind=table.text("kind"), fields=table.words("fields"), fixed=table.words("fixed"), each=table.text("each"))
    if not found.fields:
        table.fault("fields", "expected the fields of that record")
    table.done()
    return found


def owner_call(table: Table | None) -> OwnerCall | None:
    """Read how to ask whose a record is."""
    if table is None:
        return None
    asked = call(table.table("call"))
    found = OwnerCall(call=asked or Call(function=""), field=table.text("field"), take=table.words("take"))
    if asked is None or not asked.key_param:
        table.fault("call", "expected a function, and key_param, the parameter that names the record")
    table.done()
    return found


def _file_table(table: Table) -> FileTable:
    found = FileTable(
        globs=table.texts("globs"), on=table.text("on"), key=table.text("key"), having=table.texts("having"), into=table.text("into"),
        fields=table.words("fields"), take=table.words("take"), as_of=table.text("as_of"), once=table.texts("once"),
        aside=table.texts("aside"),
    )  # fmt: skip
    table.done()
    return found
