"""
From what functions of a real account answer to a draft of the stream spec, for a person to review. Pure.

Rule: of an answer only its form is kept (order of keys, types, lengths, whether texts are strict base64), never a value of it
(leadtrekker.md 2.3). Whether texts are decoded is never decided here: "Jane1234" is valid base64 too.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from streamflow.model import Kind
from streamflow.platforms.api import answers
from streamflow.platforms.rows.canon import spellings, squeezed
from streamflow.platforms.spec import PlatformSpec, StreamSpec
from streamflow.wire.message import Response

ROWS_LOOKED_AT = 200
LEAST_BASE64 = 4          # characters; shorter texts are base64 by accident
MAX_DEPTH = 6
SHOWN_HEADERS = frozenset({"content-type", "content-length", "content-encoding", "date", "server", "retry-after", "allow", "cache-control"})
"""Headers whose values are kept; of others only that they were there. Rate-limit headers are kept as well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """A list of records found in an answer: where, how many, and which field is how often what."""

    path: str                              # dotted; "$" is the root
    count: int
    fields: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What one function answered to `{}`."""

    function: str
    status: int = 0                        # 0: no answer at all
    verdict: str = ""                      # "" fine, else what the error rules of the spec make of it
    said: str = ""                         # the platform's own words on a refusal, without values
    headers: Mapping[str, str] = field(default_factory=dict)
    form: Any = None                       # the body without its values
    rows: tuple[Rows, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """The function that serves a stream best, and how sure that is."""

    kind: Kind
    function: str
    path: str
    confirmed: bool                        # its rows have the key and most of what is expected of this stream
    known: tuple[str, ...]
    missing: tuple[str, ...]               # expected and not there
    strange: tuple[str, ...]               # there and unknown to the spec
    is_base64: bool                        # every text of every row is strict base64


def look_at(function: str, response: Response, spec: PlatformSpec) -> Look:
    """Keep the form of an answer."""
    is_json, data = answers.payload(response)
    verdict = answers.reaction(spec.errors, response)
    form = form_of(data) if is_json else {"text": len(response.body), "html": b"<html" in response.body[:2000].lower()}
    return Look(
        function=function, status=response.status, verdict=verdict, said=answers.explain(response).text if verdict else "",
        headers=_headers(response.headers), form=form, rows=tuple(_rows(data, "$", 0)) if is_json and not verdict else (),
    )


def form_of(value: Any, depth: int = 0) -> Any:
    """Give the shape of JSON: keys in their order, types, lengths, strict base64 or not; of a list its length and all forms in it."""
    if isinstance(value, Mapping):
        if _is_keyed_by_id(value):
            return {"objects": len(value), "of": _fields(list(value.values()))}
        return "object" if depth >= MAX_DEPTH else {str(key): form_of(inner, depth + 1) for key, inner in value.items()}
    if isinstance(value, list):
        if value and all(isinstance(each, Mapping) for each in value):
            return {"list": len(value), "of": _fields(value)}
        return {"list": len(value), "types": sorted({_type(each) for each in value})}
    if isinstance(value, str):
        return f"text of {len(value)}" + (", base64" if is_base64(value) else "")
    return _type(value)


def is_base64(text: str) -> bool:
    """Say whether a text is strict base64 of UTF-8 text."""
    if len(text) < LEAST_BASE64:
        return False
    try:
        base64.b64decode(text, validate=True).decode()
    except (binascii.Error, ValueError):
        return False
    return True


def candidates(looks: Sequence[Look], spec: PlatformSpec) -> list[Candidate]:
    """Give for each stream the function whose rows are most like it; each list of rows is of one stream, and some streams have none."""
    streams = [stream for stream in spec.streams.values() if stream.role != "file"]
    best: dict[Kind, Candidate] = {}
    for look in looks:
        for rows in look.rows:
            found = max((_judge(stream, look.function, rows) for stream in streams), key=_likeness)
            if len(found.known) > len(found.strange) and _likeness(found) > _likeness(best.get(found.kind, found), less=1):
                best[found.kind] = found
    return [best[stream.kind] for stream in streams if stream.kind in best]


def _likeness(one: Candidate, *, less: int = 0) -> tuple[int, bool]:
    """Say how like a stream rows are: what they share with it less what they do not."""
    return len(one.known) - len(one.strange) - len(one.missing) - less, one.confirmed


def draft(looks: Sequence[Look], spec: PlatformSpec) -> str:
    """Write the draft as TOML for the configuration: what was confirmed is ready to use, the rest stands in comments."""
    best = {each.kind: each for each in candidates(looks, spec)}
    lines = [
        "# Draft of the streams of this account, made from what its functions answered. A person reviews it before it is used:",
        "# copy what is right into the configuration, then run `streamflow check`.",
        "",
    ]
    for kind, stream in spec.streams.items():
        if stream.role != "file":
            lines += [*_stream(stream, best.get(kind), looks), ""]
    unused = [look for look in looks if look.function not in {each.function for each in best.values()}]
    lines += ["# functions that serve no stream:", *(f"#   {each.function}: {_answered(each)}" for each in unused)] if unused else []
    return "\n".join(lines).rstrip() + "\n"


def report(looks: Sequence[Look], spec: PlatformSpec) -> dict[str, Any]:
    """Give everything that was seen and concluded, for a file."""
    return {"functions": [asdict(look) for look in looks], "streams": [asdict(each) for each in candidates(looks, spec)]}


# ---------------------------------------------------------------------------------------------- inside


def _judge(stream: StreamSpec, function: str, rows: Rows) -> Candidate:
    names = spellings(stream)
    canonical = {name: names.get(squeezed(name), "") for name in rows.fields}
    known = tuple(dict.fromkeys(name for name in canonical.values() if name))
    wanted = (stream.key, *stream.expected)
    missing = tuple(dict.fromkeys(name for name in wanted if name not in known))
    strange = tuple(name for name, stands_for in canonical.items() if not stands_for and name != stream.custom_object)
    texts = [field for field in rows.fields.values() if field.get("texts")]
    return Candidate(
        kind=stream.kind, function=function, path=rows.path, known=known, missing=missing, strange=strange,
        confirmed=stream.key in known and len(missing) <= len(wanted) // 3,
        is_base64=bool(texts) and all(field["base64"] == field["texts"] for field in texts),
    )


def _stream(stream: StreamSpec, found: Candidate | None, looks: Sequence[Look]) -> list[str]:
    assumed = next((look for look in looks if stream.list is not None and look.function == stream.list.function), None)
    if found is None:
        what = f"{assumed.function} {_answered(assumed)}" if assumed else "no function that was asked is like it"
        wants = "; it is asked by parent, which `streamflow check` tries" if stream.parent and assumed and assumed.verdict else ""
        return [f"# {stream.kind}: confirmed = false; {what}{wants}"]
    lines = [
        f"# {stream.kind}: confirmed = {str(found.confirmed).lower()}; {found.function} shows {', '.join(found.known)}",
        *([f"#   expected and not there: {', '.join(found.missing)}"] if found.missing else []),
        *([f"#   unknown, kept as labelled text: {', '.join(found.strange)}"] if found.strange else []),
        *(["#   every text is strict base64; if that is no accident, set decode = {default = \"base64\"} for this stream"]
          if found.is_base64 else []),
    ]
    mark = "" if found.confirmed else "# "
    return [
        *lines, f"{mark}[source.streams.{stream.kind}]", f'{mark}reader = "api"', f"{mark}[source.streams.{stream.kind}.list]",
        f"{mark}function = {json.dumps(found.function)}", f"{mark}records_at = [{json.dumps(found.path)}]",
    ]


def _answered(look: Look) -> str:
    if not look.status:
        return "did not answer"
    what = {"": "answered without records", "missing": "is not known there", "refused": "refused", "access": "refused the key"}
    said = f' ("{look.said}")' if look.said else ""
    return f"{what.get(look.verdict, look.verdict)}, status {look.status}{said}"


def _rows(data: Any, path: str, depth: int) -> Iterator[Rows]:
    """Find every list of records, and every object of records, in an answer."""
    if isinstance(data, Mapping) and path != "$" and _is_keyed_by_id(data):
        data = list(data.values())
    if isinstance(data, list) and data and all(isinstance(each, Mapping) for each in data):
        yield Rows(path=path, count=len(data), fields=_fields(data))
    elif isinstance(data, Mapping) and depth < MAX_DEPTH:
        for key, inner in data.items():
            yield from _rows(inner, str(key) if path == "$" else f"{path}.{key}", depth + 1)


def _fields(rows: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Tell of each field, in order of first sight, how often it is what and how long its texts are."""
    found: dict[str, dict[str, Any]] = {}
    for row in rows[:ROWS_LOOKED_AT]:
        for name, value in row.items():
            one = found.setdefault(str(name), {"seen": 0, "types": [], "texts": 0, "base64": 0, "longest": 0})
            one["seen"] += 1
            if (kind := _type(value)) not in one["types"]:
                one["types"].append(kind)
            if isinstance(value, str) and value:
                one["texts"] += 1
                one["base64"] += is_base64(value)
                one["longest"] = max(one["longest"], len(value))
    return found


def _is_keyed_by_id(value: Mapping[str, Any]) -> bool:
    """Say whether the keys of an object are ids: data, not names of fields."""
    return bool(value) and all(str(key).isdigit() for key in value) and all(isinstance(each, Mapping) for each in value.values())


def _type(value: Any) -> str:
    names = {dict: "object", list: "list", str: "text", bool: "boolean", int: "number", float: "number", type(None): "null"}
    return names.get(type(value), "object")


def _headers(headers: Mapping[str, str]) -> dict[str, str]:
    def is_shown(name: str) -> bool:
        return name in SHOWN_HEADERS or "ratelimit" in name.replace("-", "")

    return {
        name.lower(): value if is_shown(name.lower()) else f"({len(value)} characters)" for name, value in headers.items()
    }
