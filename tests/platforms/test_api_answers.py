"""What answers mean, without a socket: rules table, record paths, paging numbers, cursors."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from streamflow.errors import ProtocolMismatch
from streamflow.platforms.api import answers, paging
from streamflow.platforms.spec import Call, StreamSpec
from streamflow.wire.message import Response
from streamflow.wire.verdict import CallVerdict, Failure, Outcome

from .leadtrekker_rig import load_spec

SPEC = load_spec(reader="api")
LEADS = Call(function="getleads", records_at=("leads", "$"))


def answer(body: Any, status: int = 200, media: str = "application/json") -> Response:
    """Give an answer as a session hands it on."""
    content = body if isinstance(body, bytes) else orjson.dumps(body)
    is_json = media == "application/json" and content not in (b"",) and not isinstance(body, bytes)
    return Response(status=status, body=content, content_type=media, data=None if isinstance(body, bytes) else body, is_json=is_json)


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (answer({"leads": []}), CallVerdict.OK),
        (answer([]), CallVerdict.OK),
        (answer(b'{"leads": []}', media="text/html"), CallVerdict.OK),
        (answer({"leads": [], "error": "", "status": "ok", "success": True}), CallVerdict.OK),
        (answer({"error": "Lead not found"}), CallVerdict.OK),
        (answer(b""), CallVerdict.TRANSIENT),
        (answer(b"  \n"), CallVerdict.TRANSIENT),
        (answer(b"<html>busy</html>", media="text/html"), CallVerdict.TRANSIENT),
        (answer(b"OK", media="text/plain"), CallVerdict.TRANSIENT),
        (answer(b"oops", 503, "text/plain"), CallVerdict.TRANSIENT),
        (answer({}, 408), CallVerdict.TRANSIENT),
        (answer({}, 429), CallVerdict.THROTTLED),
        (answer({"error": "Too many requests"}), CallVerdict.THROTTLED),
        (answer({}, 401), CallVerdict.AUTH),
        (answer({}, 403), CallVerdict.FORBIDDEN),
        (answer({"error": "Invalid API key"}), CallVerdict.AUTH),
        (answer({"error": "Authentication failed"}), CallVerdict.AUTH),
        (answer(b"<h1>Not Found</h1>", 404, "text/html"), CallVerdict.NOT_FOUND),
        (answer({"error": "Unknown function"}), CallVerdict.NOT_FOUND),
        (answer({"error": True}), CallVerdict.ODD),
        (answer({"error": "Something went wrong"}), CallVerdict.ODD),
        (answer({"success": False}), CallVerdict.ODD),
        (answer({"status": "Failed", "leads": []}), CallVerdict.ODD),
        (answer(48213), CallVerdict.PROTOCOL),
        (answer({}, 302), CallVerdict.PROTOCOL),
        (answer({}, 400), CallVerdict.PROTOCOL),
    ],
)
def test_answers_are_judged_by_the_rules_in_order(response: Response, expected: CallVerdict) -> None:
    """Each known shape of answer has its meaning; a 200 proves nothing by itself."""
    assert answers.judge(SPEC.errors)(Outcome(response=response)) is expected


def test_no_answer_at_all_is_judged_as_anywhere() -> None:
    """A broken line may be asked again, a body over the cap not."""
    judge = answers.judge(SPEC.errors)
    assert judge(Outcome(failure=Failure.TIMEOUT)) is CallVerdict.TRANSIENT
    assert judge(Outcome(response=answer(b"x"), failure=Failure.TOO_LARGE)) is CallVerdict.PROTOCOL


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"leads": [{"leadid": 1}]}, [{"leadid": 1}]),
        ([{"leadid": 1}], [{"leadid": 1}]),
        ({"leads": []}, []),
        ({"leads": {"1": {"leadid": 1}, "2": {"leadid": 2}}}, [{"leadid": 1}, {"leadid": 2}]),
    ],
)
def test_rows_are_what_stands_at_a_record_path(body: Any, expected: list[Any]) -> None:
    """A key, the root array, and an object of objects are rows."""
    assert answers.rows_of(LEADS, answer(body), stream="lead") == expected


@pytest.mark.parametrize("body", [{}, {"data": []}, {"leads": None}, {"leads": "none"}, {"leads": [1]}, {"leads": {"leadid": 1}}])
def test_anything_else_is_not_an_empty_list(body: Any) -> None:
    """A missing, null or odd record path is a breach of the contract and never "no rows"."""
    with pytest.raises(ProtocolMismatch):
        answers.rows_of(LEADS, answer(body), stream="lead")


def test_one_record_may_be_the_root() -> None:
    """By id, an object under a key, an array of one and the record itself are understood."""
    call = SPEC.streams["lead"].one
    assert call is not None
    for body in ({"lead": {"leadid": "1"}}, {"leads": [{"leadid": "1"}]}, [{"leadid": "1"}], {"leadid": "1"}):
        assert answers.rows_of(call, answer(body), stream="lead") == [{"leadid": "1"}]


def test_explanations_carry_no_values() -> None:
    """The platform's words are told without addresses and numbers."""
    said = answers.explain(answer({"error": "No lead for joe@example.com or 082 555 0142"})).text
    assert "joe" not in said
    assert "0142" not in said
    assert "No lead for" in said


def paged(**values: Any) -> StreamSpec:
    """Give the lead stream with other paging."""
    return load_spec({"lead": {"paging": values}}, reader="api").streams["lead"]


def test_paging_numbers() -> None:
    """Pages count by one, offsets by rows; a short page ends only a list that is told so, an empty one any."""
    by_page, by_offset = paged(style="page", size=100), paged(style="offset", page_param="offset", size=100)
    short, none = paged(stop="short", short_below=10), paged(style="none")
    assert paging.page_params(by_page, 3) == {"page": "3", "limit": "100"}
    assert paging.page_params(none, 1) == {}
    assert paging.row_params(by_page, 100) == {"page": "101", "limit": "1"}
    assert paging.row_params(by_offset, 100) == {"offset": "100", "limit": "1"}
    assert (paging.following(by_page, 3, 100), paging.following(by_offset, 300, 100)) == (4, 400)
    assert (paging.read_cursor(by_page, None)[0], paging.read_cursor(by_offset, None)[0]) == (1, 0)
    assert [paging.is_last(by_page, rows) for rows in (100, 3, 0)] == [False, False, True]
    assert [paging.is_last(short, rows) for rows in (500, 10, 9, 0)] == [False, False, True, True]
    assert paging.is_last(none, 500)


def test_cursors_are_read_back_and_foreign_ones_refused() -> None:
    """A cursor carries its page and window; one from a snapshot is not taken for a page number."""
    stream = paged(style="page")
    assert paging.read_cursor(stream, paging.write_cursor(7, "")) == (7, "")
    assert paging.read_cursor(stream, paging.write_cursor(7, "2026-05-11 09:00:00")) == (7, "2026-05-11 09:00:00")
    with pytest.raises(ProtocolMismatch):
        paging.read_cursor(stream, "20260601T080000Z-abc/500")
