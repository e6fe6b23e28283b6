"""Answers in good JSON whose rows are not what rows are: null, of another type, without ids, miscounted, or leading elsewhere."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from streamflow.sandbox.corpus.answer import ELSEWHERE, Form, Truth, said

Row = dict[str, Any]


def _place(data: Any) -> tuple[Any, Any]:
    """Give what holds the rows and under which name; (None, None) where there are none to be found."""
    if isinstance(data, list):
        return [data], 0
    named = [name for name, value in data.items() if isinstance(value, list)] if isinstance(data, dict) else []
    filled = [name for name in named if data[name]]
    return (data, (filled or named)[0]) if named else (None, None)


def _listed(change: Callable[[list[Any]], Any]) -> Form:
    """Give the form that puts something else in the place of the rows."""

    def form(truth: Truth) -> Any:
        data = truth.data
        holder, name = _place(data)
        if holder is None:
            return said(truth)
        holder[name] = change(holder[name])
        return said(truth, json.dumps(holder[0] if isinstance(holder, list) else data).encode())

    return form


def _each(change: Callable[[Row, int], Any]) -> Form:
    """Give the form that changes every row."""
    return _listed(lambda rows: [change(row, number) if isinstance(row, dict) else row for number, row in enumerate(rows)])


def key_of(row: Mapping[str, Any]) -> str:
    """Give the name of a row's id."""
    return next((name for name in row if name.lower() == "id"), next((name for name in row if name.lower().endswith("id")), "id"))


def _first(value: Any) -> Form:
    """Give the form with something else in the place of the first row."""
    return _listed(lambda rows: [value, *rows[1:]] if rows else rows)


def _id(value: Any) -> Form:
    return _each(lambda row, number: {**row, key_of(row): value(row[key_of(row)], number) if callable(value) else value})


def _values(value: Any) -> Form:
    """Give the form in which every field but the id and what links it is *value*."""
    return _each(lambda row, _: {name: held if name in (key_of(row), "links") else value for name, held in row.items()})


def _whole(change: Callable[[Any], Any]) -> Form:
    """Give the form that changes the document around the rows."""
    return lambda truth: said(truth, json.dumps(change(truth.data)).encode())


def _told(told: Callable[[int], Any]) -> Form:
    """Give the form that counts otherwise; *told* is given how many rows there are."""

    def change(data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        holder, name = _place(data)
        count = told(len(holder[name]) if holder is not None else 0)
        return {**data, "meta": {**(data.get("meta") or {}), "total": count, "count": count}, "total": count}

    return _whole(change)


def _next(address: Any) -> Form:
    """Give the form that says where the next page is to be found."""

    def change(data: Any) -> Any:
        said_so = {"next": address, "links": {"next": address, "self": address}, "paging": {"next": address}}
        return {**data, **said_so} if isinstance(data, dict) else data

    form = _whole(change)
    return lambda truth: _with_link(form(truth), address)


def _with_link(spoken: Any, address: Any) -> Any:
    first, body = spoken.pieces
    link = f'Link: <{address}>; rel="next"\r\n'.encode()
    return type(spoken)(pieces=(first[:-2] + link + b"\r\n", body))


ROWS: dict[str, Form] = {
    "rows_null": _listed(lambda rows: None),
    "rows_object": _listed(lambda rows: {}),
    "rows_text": _listed(lambda rows: "none"),
    "rows_number": _listed(len),
    "rows_true": _listed(lambda rows: True),
    "rows_nested": _listed(lambda rows: [rows]),
    "rows_empty": _listed(lambda rows: []),
    "row_null": _first(None),
    "row_text": _first(""),
    "row_empty": _first({}),
    "row_error": _first({"error": "row could not be read"}),
    "never_empty": _listed(lambda rows: rows or [{}]),
    "all_null": _listed(lambda rows: [None for _ in rows]),
    "all_numbers": _listed(lambda rows: list(range(len(rows)))),
    "all_lists": _listed(lambda rows: [[] for _ in rows]),
    "all_empty": _listed(lambda rows: [{} for _ in rows]),
    "object_empty": _whole(lambda data: {}),
    "array_empty": _whole(lambda data: []),
    "error_object": _whole(lambda data: {"error": "Something went wrong"}),
    "errors_beside": lambda truth: said(truth, json.dumps(_beside(truth.data)).encode()),
    "renamed": _whole(lambda data: {f"{name}_v2": value for name, value in data.items()} if isinstance(data, dict) else {"rows": data}),
    "wrapped": _whole(lambda data: {"data": data}),
    "id_missing": _each(lambda row, _: {name: value for name, value in row.items() if name != key_of(row)}),
    "id_null": _id(None),
    "id_empty": _id(""),
    "id_object": _id({"value": "1"}),
    "id_list": _id(["1"]),
    "id_true": _id(True),
    "id_part": _id(1.5),
    "id_negative": _id(-1),
    "id_huge": _id("9" * 400),
    "id_text": _id("<script>alert(1)</script>"),
    "id_path": _id("../../users/1"),
    "id_line": _id("1\r\nX-Forged: 1"),
    "id_other": _id(lambda value, number: f"{number + 1}-users"),
    "id_same": _listed(lambda rows: [{**row, key_of(row): rows[0][key_of(rows[0])]} for row in rows]),
    "values_null": _values(None),
    "values_object": _values({"a": {"b": []}}),
    "values_list": _values([[], None, 1]),
    "values_number": _values(-1.5e300),
    "values_true": _values(True),
    "links_text": _each(lambda row, _: {**row, "links": "none"}),
    "links_odd": _each(lambda row, _: {**row, "links": {name: [None, 7, {}] for name in row.get("links") or ("contacts", "accounts")}}),
    "count_less": _told(lambda rows: max(0, rows - 1)),
    "count_more": _told(lambda rows: rows + 1_000_000),
    "count_negative": _told(lambda rows: -1),
    "count_text": _told(str),
    "count_huge": _told(lambda rows: 10**30),
    "next_elsewhere": _next(ELSEWHERE),
    "next_itself": lambda truth: _next(truth.path)(truth),
    "next_file": _next("file:///etc/passwd"),
    "next_negative": _next("?page[page]=-1&page=-1"),
    "next_huge": _next("?page[page]=999999999999999999999&page=999999999999999999999"),
}


def _beside(data: Any) -> Any:
    """Put errors beside empty rows, as a server does that broke down half-way."""
    _, name = _place(data)
    rest: Row = {name: []} if isinstance(name, str) else {}
    return {**rest, "errors": [{"status": "500", "title": "Server Error"}], "error": "Server Error"}
