"""Verdicts, waits, paging guards, bodies, refusals and addresses: pure, by table."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamflow.errors import (
    AccessRefused,
    ConfigError,
    InvariantBroken,
    NoProperAnswer,
    NotFound,
    NotPermitted,
    PlanLimit,
    PlatformUnavailable,
    ProtocolMismatch,
    QuestionRefused,
    RecordRejected,
    Throttled,
    Uncertain,
)
from streamflow.wire.address import AddressBook
from streamflow.wire.backoff import RETRY_AFTER_CAP_S, Patience, retry_after_s, wait_s
from streamflow.wire.body import TooDeep, is_json_type, parse_json
from streamflow.wire.credentials import BasicCredentials, HeaderCredentials, Masked
from streamflow.wire.message import Attempt, Request, Response, combined
from streamflow.wire.pace import PacePolicy, PaceState, decide, faster, slower, start
from streamflow.wire.paging import PageGuard, page_digest
from streamflow.wire.refusal import Explanation, error_for, scrubbed
from streamflow.wire.verdict import CallVerdict, Failure, Outcome, judge_read, judge_write

NOW = datetime(2026, 5, 1, 12, 0, 0, tzinfo=UTC)
V = CallVerdict


def _outcome(status: int) -> Outcome:
    return Outcome(response=Response(status=status))


@pytest.mark.parametrize(
    ("status", "read", "write"),
    [
        (200, V.OK, V.OK), (201, V.OK, V.OK), (204, V.OK, V.OK), (302, V.PROTOCOL, V.UNCERTAIN), (400, V.INVALID, V.INVALID),
        (401, V.AUTH, V.AUTH), (402, V.PLAN, V.PLAN), (403, V.FORBIDDEN, V.FORBIDDEN), (404, V.NOT_FOUND, V.NOT_FOUND),
        (405, V.INVALID, V.INVALID), (408, V.TRANSIENT, V.UNCERTAIN), (409, V.CONFLICT, V.CONFLICT), (415, V.INVALID, V.INVALID),
        (418, V.PROTOCOL, V.UNCERTAIN), (422, V.INVALID, V.INVALID), (429, V.THROTTLED, V.THROTTLED), (500, V.TRANSIENT, V.UNCERTAIN),
        (502, V.TRANSIENT, V.UNCERTAIN), (503, V.TRANSIENT, V.UNCERTAIN), (504, V.TRANSIENT, V.UNCERTAIN),
    ],
)  # fmt: skip
def test_every_status_has_its_meaning(status: int, read: CallVerdict, write: CallVerdict) -> None:
    """Only documented refusals make a write surely not applied; all else is uncertain."""
    assert judge_read(_outcome(status)) is read
    assert judge_write(_outcome(status)) is write


@pytest.mark.parametrize("failure", list(Failure))
def test_a_write_without_an_answer_is_uncertain_unless_nothing_left(failure: Failure) -> None:
    """Of all failures only one that happened before sending makes a write surely not applied."""
    expected = V.TRANSIENT if failure is Failure.NOT_SENT else V.UNCERTAIN
    assert judge_write(Outcome(failure=failure)) is expected
    assert judge_read(Outcome(failure=failure)) in (V.TRANSIENT, V.PROTOCOL)


def test_a_cut_2xx_is_uncertain_and_a_cut_refusal_is_a_refusal() -> None:
    """A broken body leaves a 201 in doubt, while a 400 was refused whatever its body."""
    assert judge_write(Outcome(response=Response(status=201), failure=Failure.BROKEN)) is V.UNCERTAIN
    assert judge_write(Outcome(response=Response(status=400), failure=Failure.BROKEN)) is V.INVALID


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0), (" 0 ", 0.0), ("999999", RETRY_AFTER_CAP_S), ("-5", None), ("soon", None), ("", None), (None, None), ("9" * 40, None),
        (format_datetime(NOW + timedelta(seconds=30), usegmt=True), 30.0), (format_datetime(NOW - timedelta(days=1), usegmt=True), 0.0),
        (format_datetime(NOW + timedelta(days=900), usegmt=True), RETRY_AFTER_CAP_S), ("Fri, 99 Xxx 2026 00:00:00 GMT", None),
    ],
)  # fmt: skip
def test_retry_after_in_both_forms(header: str | None, seconds: float | None) -> None:
    """Seconds and dates are understood, absurd values are capped, nonsense counts as absent."""
    assert retry_after_s(header, NOW) == seconds


@pytest.mark.parametrize("theirs", [NOW + timedelta(minutes=3), NOW - timedelta(minutes=3)])
def test_retry_after_by_the_clock_it_is_told_by(theirs: datetime) -> None:
    """A date means what it is after the answer's own: neither is a fast clock waited for, nor a slow one overrun."""
    header, dated = format_datetime(theirs + timedelta(seconds=30), usegmt=True), format_datetime(theirs, usegmt=True)
    assert retry_after_s(header, NOW, dated=dated) == 30.0
    assert retry_after_s("7", NOW, dated=dated) == 7.0
    assert retry_after_s(header, theirs, dated="no date") == 30.0


@given(attempt=st.integers(1, 40), dice=st.floats(0, 1), asked=st.none() | st.floats(0, 600), spent=st.floats(0, 400))
def test_waits_are_bounded_and_obedient(attempt: int, dice: float, asked: float | None, spent: float) -> None:
    """Neither a wait nor what was asked for outlasts the patience, and definite answers are never waited on."""
    patience = Patience()
    for verdict in V:
        pause = wait_s(attempt, verdict, patience=patience, spent_s=spent, retry_after_s=asked, dice=lambda: dice)
        if verdict not in (V.TRANSIENT, V.ODD, V.THROTTLED):
            assert pause is None
        elif pause is not None:
            assert spent + max(pause, asked or 0.0) <= patience.total_s
            assert pause <= patience.cap_s
            assert attempt < patience.throttled


def test_page_guard_tolerates_drift_and_stops_loops() -> None:
    """Rows that move between pages pass; repeated pages, cursors, standing still and too many rows do not."""
    guard = PageGuard("lead", size=3)
    guard.asked("1")
    guard.seen(["a", "b", "c"], page_digest(["a", "b", "c"]))
    guard.asked("2")
    guard.seen(["c", "d", "e"], page_digest(["c", "d", "e"]))
    guard.seen([], page_digest([]))
    with pytest.raises(InvariantBroken):
        guard.asked("1")
    with pytest.raises(ProtocolMismatch, match="twice"):
        guard.seen(["a", "b", "c"], page_digest(["a", "b", "c"]))
    with pytest.raises(ProtocolMismatch, match="nothing new"):
        guard.seen(["c", "d", "e"], page_digest(["c", "d changed", "e"]))
    with pytest.raises(ProtocolMismatch, match="4 rows"):
        guard.seen(["w", "x", "y", "z"], b"x")


def test_page_guard_lets_a_last_short_page_of_moved_rows_pass() -> None:
    """Rows that new ones pushed over the edge are all that a last page holds: no fault; the same again and again is one."""
    guard = PageGuard("notes", size=3)
    guard.seen(["a", "b", "c"], b"1")
    guard.seen(["c"], b"2")
    guard.seen([], page_digest([]))
    with pytest.raises(ProtocolMismatch, match="twice"):
        guard.seen(["c"], b"2")
    guard.seen(["b"], b"4")
    guard.seen(["a"], b"5")
    with pytest.raises(ProtocolMismatch, match="nothing new"):
        guard.seen(["b", "c"], b"6")


def test_page_guard_stops_rows_that_name_nobody_or_all_the_same() -> None:
    """Pages of rows without a key end like others once they repeat; many rows under one key are told, a few that were joined pass."""
    guard = PageGuard("lead", size=20)
    guard.seen([], page_digest([{}]))
    with pytest.raises(ProtocolMismatch, match="twice"):
        guard.seen([], page_digest([{}]))
    guard.seen(["a"] * 9, b"1")
    with pytest.raises(ProtocolMismatch, match="one and the same key"):
        guard.seen(["b"] * 10, b"2")


def test_page_guard_caps_pages() -> None:
    """A list without end is stopped."""
    guard = PageGuard("lead", page_cap=2)
    guard.asked("1")
    guard.asked("2")
    with pytest.raises(ProtocolMismatch, match="more than 2 pages"):
        guard.asked("3")


@pytest.mark.parametrize(
    ("media", "expected"),
    [
        ("application/json", True), ("text/json; charset=utf-8", True), ("application/json-patch+json", True), ("text/html", False),
        ("", False),
    ],
)  # fmt: skip
def test_media_types(media: str, expected: bool) -> None:
    """JSON is what says so."""
    assert is_json_type(media) is expected


def test_depth_is_bounded() -> None:
    """Nesting to the cap is read, one deeper is refused, and a bomb of brackets does no harm."""
    assert parse_json(b"[" * 64 + b"]" * 64)
    with pytest.raises(TooDeep):
        parse_json(b"[" * 65 + b"]" * 65)
    with pytest.raises(orjson.JSONDecodeError):
        parse_json(b"[" * 100_000 + b"]" * 100_000)


ORDER = Request(method="POST", path="contacts", endpoint="contacts")


@pytest.mark.parametrize(
    ("verdict", "is_write", "expected"),
    [
        (V.UNCERTAIN, True, Uncertain), (V.THROTTLED, True, Throttled), (V.TRANSIENT, True, Throttled),
        (V.TRANSIENT, False, PlatformUnavailable),
        (V.AUTH, True, AccessRefused), (V.FORBIDDEN, True, NotPermitted), (V.PLAN, True, PlanLimit), (V.NOT_FOUND, False, NotFound),
        (V.INVALID, True, RecordRejected), (V.CONFLICT, True, RecordRejected), (V.PROTOCOL, False, QuestionRefused),
    ],
)  # fmt: skip
def test_each_verdict_has_its_error(verdict: CallVerdict, is_write: bool, expected: type[Exception]) -> None:
    """Errors are sorted by the reaction they ask for."""
    outcome = _outcome(400)
    error = error_for(verdict, outcome, ORDER, platform="p", explain=lambda _: Explanation(), is_write=is_write)
    assert type(error) is expected
    beside = error_for(V.PROTOCOL, _outcome(200), ORDER, platform="p", explain=lambda _: Explanation(), is_write=False)
    assert isinstance(beside, NoProperAnswer)


def test_refusals_keep_the_field_and_lose_the_values() -> None:
    """What a platform says is repeated without e-mails, phone numbers and quoted values; the field's name stays."""
    said = Explanation(text='The address nia@example.com or "Nia" or +27 82 555 0101 is bad', field="emails")
    error = error_for(V.INVALID, _outcome(400), ORDER, platform="p", explain=lambda _: said, is_write=True)
    assert isinstance(error, RecordRejected)
    assert error.field == "emails"
    for secret in ("nia@", "Nia", "82 555"):
        assert secret not in str(error)
    assert "is bad" in str(error)
    assert len(scrubbed("x" * 500)) == 160


def test_a_plan_refusal_by_400_is_a_plan_limit() -> None:
    """When the platform's words speak of the plan, a 400 pauses the stream instead of blaming the record."""
    said = Explanation(text="Your plan allows 100 open leads.", is_plan=True)
    assert isinstance(error_for(V.INVALID, _outcome(400), ORDER, platform="p", explain=lambda _: said, is_write=True), PlanLimit)


def test_addresses_stay_on_their_origin() -> None:
    """Paths go below the base address; whole URLs only of configured origins; tricks are refused."""
    book = AddressBook("nutshell", "https://app.example/rest", also=["https://rpc.example/api/v1/json"])

    def url(path: str, **query: str) -> str:
        return str(book.url(Request(method="GET", path=path, endpoint="x", query=tuple(query.items()))))

    assert url("contacts/5-contacts,7-contacts") == "https://app.example/rest/contacts/5-contacts,7-contacts"
    assert url("https://app.example/rest/events?limit=20&since_id=1-events").endswith("since_id=1-events")
    assert url("https://rpc.example/api/v1/json")
    assert url("contacts", q="a b&c") in ("https://app.example/rest/contacts?q=a+b%26c", "https://app.example/rest/contacts?q=a%20b%26c")
    for bad in (
        "https://evil.example/rest/events", "http://app.example/rest", "https://app.example:8443/x", "//evil.example/x",
        "https://app.example@evil.example/x", "https://u:p@app.example/x", "file:///etc/passwd", "../admin", "../rest-of-it",
    ):  # fmt: skip
        with pytest.raises(ProtocolMismatch):
            url(bad)
    for base in ("ftp://x/", "rest", "https://u:p@app.example/"):
        with pytest.raises(ConfigError):
            AddressBook("nutshell", base)


def test_credentials_show_nothing() -> None:
    """Secrets appear in headers and nowhere else; impersonation changes the username alone."""
    basic = BasicCredentials("a@x.test", Masked("s3cret"))
    assert basic.headers(None) != basic.headers("b@x.test")
    header = HeaderCredentials("Apikey", Masked("s3cret"))
    assert header.headers(None) == {"Apikey": "s3cret"}
    assert HeaderCredentials("Apikey", Masked("s3cret"), also="api_key").headers(None) == {"Apikey": "s3cret", "api_key": "s3cret"}
    request = Request(method="POST", path="contacts/5", endpoint="contacts/{id}", body=b"nia@example.com", auth="b@x.test")
    for shown in (repr(basic), repr(header), repr(Masked("s3cret")), str(Masked("s3cret")), f"{Masked('s3cret')}", repr(request)):
        assert "s3cret" not in shown
        assert "nia@" not in shown
        assert "b@x" not in shown


def test_pace_halves_on_trouble_and_grows_to_the_cap() -> None:
    """Start low, double per clean run, half after trouble but once per trouble, then steps; doubled latency counts, the cap holds."""
    policy = PacePolicy(cap_per_s=10, cap_in_flight=6)
    state = start(policy)
    assert state == PaceState(rate_per_s=2.5, in_flight=4)
    assert faster(state, policy) == PaceState(rate_per_s=5.0, in_flight=6)
    for _ in range(30):
        state = faster(state, policy)
    assert (state.rate_per_s, state.in_flight) == (10, 6)
    cut = slower(state, policy, now=100.0, reason="429 answered")
    assert (cut.rate_per_s, cut.in_flight) == (5.0, 3)
    assert slower(cut, policy, now=101.0, reason="429 answered") is cut
    assert (faster(cut, policy).rate_per_s, faster(cut, policy).in_flight) == (6.0, 4)
    calm = decide(state, policy, p95_s=0.3, now=200.0)
    assert decide(calm, policy, p95_s=0.7, now=210.0).rate_per_s == 5.0
    for now in range(300, 400, 5):
        cut = slower(cut, policy, now=float(now), reason="x")
    assert cut.rate_per_s == policy.floor_per_s


def test_hooks_are_combined_in_order() -> None:
    """Absent hooks are left out."""
    heard: list[str] = []
    hook = combined(lambda a: heard.append("one " + a.endpoint), None, lambda a: heard.append("two"))
    hook(Attempt(platform="p", method="GET", endpoint="e", status=200, verdict="ok", seconds=0.1))
    assert heard == ["one e", "two"]
