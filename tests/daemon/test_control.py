"""The control socket from outside, byte by byte."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path
from typing import Any

import anyio
import orjson
import pytest

from streamflow.daemon import control
from streamflow.daemon.routes import ROUTES, Route
from streamflow.daemon.socket_file import listening
from streamflow.errors import ConfigError, PlatformUnavailable, UsageError

from .fake_operator import heard, served

STATUS = b"GET /v1/status HTTP/1.1\r\nHost: d\r\n\r\n"


async def talk(path: Path, sent: bytes, *, end: bool = False) -> bytes:
    """Send bytes and give all that comes back until the daemon closes or the answer is whole."""
    with anyio.fail_after(10):
        stream = await anyio.connect_unix(str(path))
        async with stream:
            try:
                await stream.send(sent)
                if end:
                    await stream.send_eof()
            except anyio.BrokenResourceError:
                pass  # refused before all was sent: the answer tells why
            got = b""
            while not whole(got):
                try:
                    got += await stream.receive()
                except (anyio.EndOfStream, anyio.BrokenResourceError):
                    break
            return got


def whole(got: bytes) -> bool:
    head, found, body = got.partition(b"\r\n\r\n")
    lengths = [int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    return bool(found) and bool(lengths) and len(body) >= lengths[0]


async def ask(path: Path, method: str, target: str, body: bytes = b"") -> tuple[int, Any]:
    raw = f"{method} {target} HTTP/1.1\r\nHost: d\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
    return answer(await talk(path, raw))


def answer(got: bytes) -> tuple[int, Any]:
    head, _, body = got.partition(b"\r\n\r\n")
    assert b"application/json" in head, got
    return int(head.split()[1]), orjson.loads(body)


def is_error(body: Any) -> bool:
    return set(body) == {"error"} and set(body["error"]) == {"code", "message", "hint"}


async def test_status_document(folder: Path) -> None:
    """The status has exactly the published keys, and curl's plain request gets it."""
    async with served(folder) as daemon:
        status, body = await ask(daemon.path, "GET", "/v1/status")
    assert status == 200
    assert set(body) == {"state", "reason", "phase", "since", "gate", "streams", "pace", "queue", "checkpoint", "calls", "listen"}
    assert set(body["gate"]) == {"name", "since", "what", "how"}
    assert set(body["streams"]["lead"]) == {
        "read", "staged", "created", "updated", "merged", "matched", "filtered", "flagged", "failed", "verified",
        "lag_s", "backlog", "eta_s",
    }  # fmt: skip
    assert set(body["pace"]["nutshell"]) == {"rate_per_s", "in_flight", "used_share", "closed_until", "reason"}
    assert set(body["queue"]) == {"open", "blocking"}
    assert set(body["checkpoint"]) == {"age_s", "resumable"}
    assert set(body["listen"]) == {"metrics", "console"}


@pytest.mark.parametrize(
    ("target", "body", "verb", "given"),
    [
        ("/v1/pause", b'{"reason": "lunch"}', "pause", {"reason": "lunch"}),
        ("/v1/resume", b"", "resume", {}),
        ("/v1/pace", b'{"platform": "nutshell", "rate_per_s": 5}', "pace", {"platform": "nutshell", "rate_per_s": 5.0}),
        ("/v1/map/confirm", b'{"digest": "abc"}', "map_confirm", {"digest": "abc"}),
        ("/v1/map/edit", b'{"document": {"objects": []}}', "map_edit", {"document": {"objects": []}}),
        ("/v1/owners/recheck", b"{}", "owners_recheck", {}),
        ("/v1/owners/fallback", b'{"email": "a@b.c"}', "owners_fallback", {"email": "a@b.c"}),
        ("/v1/sample/accept", b"", "sample_accept", {}),
        ("/v1/queue/q%2F1/resolve", b'{"decision": "two"}', "queue_resolve", {"id": "q/1", "decision": "two"}),
        ("/v1/cutover", b'{"freeze_confirmed": true}', "cutover", {"freeze_confirmed": True, "dry_run": False}),
        ("/v1/cutover/cancel", b"", "cutover_cancel", {}),
        ("/v1/verify", b"", "verify", {}),
        ("/v1/rollback", b'{"dry_run": true}', "rollback", {"scope": "run", "dry_run": True, "confirm": ""}),
        ("/v1/stop", b"", "stop", {}),
    ],
)
async def test_verbs_reach_operator(folder: Path, target: str, body: bytes, verb: str, given: dict[str, Any]) -> None:
    """Each verb calls its deed once, with who asked."""
    async with served(folder) as daemon:
        status, said = await ask(daemon.path, "POST", target, body)
        assert (status, "result" in said) == (200, True)
        assert daemon.operator.asked == [(verb, {"actor": f"uid:{os.geteuid()}", **given})]


@pytest.mark.parametrize(
    ("target", "body", "said"),
    [
        ("/v1/pace", b'{"platform": "nutshell", "rate_per_s": 2.5}', "platform=nutshell rate_per_s=2.5"),
        ("/v1/pace", b'{"platform": "Key-9f8a7", "rate_per_s": 5}', "platform=withheld rate_per_s=5"),
        ("/v1/pause", b'{"reason": "Mrs Nel, 082 555 0101"}', "reason=withheld"),
        ("/v1/map/confirm", b'{"digest": "abc123"}', "digest=abc123"),
        ("/v1/map/edit", b'{"document": {"objects": []}}', "document=withheld"),
        ("/v1/owners/fallback", b'{"email": "a@b.c"}', "email=withheld"),
        ("/v1/queue/shared%3Alead%3A48213/resolve", b'{"decision": "match:17-contacts"}', "id=shared:lead:48213 decision=match"),
        ("/v1/queue/user%3Ap%40x.za/resolve", b'{"decision": "Piet Nel"}', "id=withheld decision=withheld"),
        ("/v1/cutover", b'{"freeze_confirmed": true}', "freeze_confirmed=true dry_run=false"),
        ("/v1/rollback", b'{"scope": "lead:48213", "confirm": "acme"}', "scope=lead:48213 dry_run=false confirm=withheld"),
        ("/v1/verify", b'{"wait_s": 0}', ""),
        ("/v1/pause", b'{"reason": 5}', ""),
        ("/v1/pause", b"{", ""),
    ],
)
async def test_an_order_is_told_before_it_is_carried_out(folder: Path, target: str, body: bytes, said: str) -> None:
    """Once, with who gave it and what of it is no text of a person; be it right or wrong."""
    async with served(folder) as daemon:
        await ask(daemon.path, "POST", target, body)
        order = "/v1/queue/{id}/resolve" if "queue" in target else target
        assert daemon.operator.ordered_before == [(f"uid:{os.geteuid()}", order, said, 0)]
        await ask(daemon.path, "GET", "/v1/map")
    assert len(daemon.operator.ordered_before) == 1, "a question is no order"
    assert daemon.operator.orders_ended


async def test_an_order_that_cannot_be_told_is_not_carried_out(folder: Path) -> None:
    """When the ledger takes nothing, nothing is done that it would not know of."""
    async with served(folder) as daemon:
        daemon.operator.is_audit_full = True
        assert (await ask(daemon.path, "POST", "/v1/pause"))[0] == 500
        assert daemon.operator.asked == []
        assert (await ask(daemon.path, "GET", "/v1/status"))[0] == 200


@pytest.mark.parametrize(
    ("target", "body", "failure", "code"),
    [
        ("/v1/verify", b"", UsageError("not now"), "usage"),
        ("/v1/verify", b"", PlatformUnavailable("away"), "unavailable"),
        ("/v1/verify", b"", ZeroDivisionError("a bug with p@x.za inside"), "internal"),
        ("/v1/sample/discard", b"", None, "internal"),
        ("/v1/sample/redo", b"", None, "store"),
        ("/v1/pause", b"{", None, "usage"),
        ("/v1/queue/q1/resolve", b'{"decision": "none"}', None, "conflict"),
    ],
)
async def test_an_order_that_comes_to_nothing_is_told(folder: Path, target: str, body: bytes, failure: Exception | None, code: str) -> None:
    """With who gave it, which one and why, each time; a question without an answer is no order."""
    async with served(folder) as daemon:
        daemon.operator.failure = failure
        for _ in range(2):
            assert (await ask(daemon.path, "POST", target, body))[0] >= 400
        order = "/v1/queue/{id}/resolve" if "queue" in target else target
        told = [given for verb, given in daemon.operator.asked if verb == "refused"]
        assert told == [{"actor": f"uid:{os.geteuid()}", "order": order, "code": code}] * 2
        assert (await ask(daemon.path, "GET", "/v1/queue/none"))[0] == 404
        assert [verb for verb, _ in daemon.operator.asked].count("refused") == 2


async def test_a_verb_that_takes_too_long_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was given up by the daemon leaves that it was."""
    monkeypatch.setattr(control, "VERB_TIMEOUT_S", 0.1)
    async with served(folder) as daemon:
        daemon.operator.blocked = anyio.Event()
        assert (await ask(daemon.path, "POST", "/v1/verify"))[0] == 503
        assert daemon.operator.asked[-1] == ("refused", {"actor": f"uid:{os.geteuid()}", "order": "/v1/verify", "code": "timeout"})


async def test_who_joins_a_job_is_told_and_so_is_its_late_failure(folder: Path) -> None:
    """Each that orders what runs already is named; what fails after everybody went away is told as what it came to."""
    async with served(folder) as daemon:
        daemon.operator.blocked = anyio.Event()
        for _ in range(2):
            assert (await ask(daemon.path, "POST", "/v1/verify", b'{"wait_s": 0}'))[1]["result"] == "running"
        assert [order for _, order, _, _ in daemon.operator.ordered_before] == ["/v1/verify"] * 2
        daemon.operator.failure = UsageError("not now")
        with daemon.events.listen(after=None) as listener, anyio.fail_after(5):
            daemon.operator.blocked.set()
            async for event in listener.events():
                if event.name == "job.ended":
                    break
        assert [verb for verb, _ in daemon.operator.asked] == ["refused"]


async def test_reads(folder: Path) -> None:
    """Everything that can be asked answers, parts of paths are unquoted once."""
    async with served(folder) as daemon:
        for target in ("/v1/map", "/v1/owners", "/v1/sample", "/v1/queue", "/v1/queue?state=all", "/v1/queue/q1", "/v1/reports"):
            assert (await ask(daemon.path, "GET", target))[0] == 200
        await ask(daemon.path, "GET", "/v1/records/lead/a%2Fb%2520")
        assert daemon.operator.asked[-1] == ("trace", {"kind": "lead", "key": "a/b%20"})


async def test_repeating_says_so(folder: Path) -> None:
    """A verb given twice is harmless and says that it was so already."""
    async with served(folder) as daemon:
        first, second = [await ask(daemon.path, "POST", "/v1/pause") for _ in range(2)]
    assert (first[1]["result"], second[1]["result"]) == ("paused", "already_paused")


@pytest.mark.parametrize(
    ("method", "target", "body", "status", "code"),
    [
        ("GET", "/v1/statsu", b"", 404, "not_found"),
        ("GET", "/", b"", 404, "not_found"),
        ("GET", "/v1/queue/unknown", b"", 404, "not_found"),
        ("POST", "/v1/status", b"", 405, "method"),
        ("GET", "/v1/pause", b"", 405, "method"),
        ("POST", "/v1/events", b"", 405, "method"),
        ("DELETE", "/v1/pause", b"", 405, "method"),
        ("POST", "/v1/pause", b"{", 400, "usage"),
        ("POST", "/v1/pause", b"[]", 400, "usage"),
        ("POST", "/v1/map/edit", b'{"document": ' + b"[" * 200 + b"]" * 200 + b"}", 400, "usage"),
        ("POST", "/v1/pause", b'{"raeson": "x"}', 400, "usage"),
        ("POST", "/v1/pause", b'{"reason": 5}', 400, "usage"),
        ("POST", "/v1/pace", b'{"platform": "nutshell"}', 400, "usage"),
        ("POST", "/v1/pace", b'{"platform": "nutshell", "rate_per_s": true}', 400, "usage"),
        ("POST", "/v1/pace", b'{"platform": "nutshell", "rate_per_s": -1}', 400, "usage"),
        ("POST", "/v1/pace", b'{"platform": "nutshell", "rate_per_s": 1e999}', 400, "usage"),
        ("POST", "/v1/cutover", b'{"freeze_confirmed": "yes"}', 400, "usage"),
        ("GET", "/v1/queue?state=closed", b"", 400, "usage"),
        ("GET", "/v1/events?after=x", b"", 400, "usage"),
        ("POST", "/v1/map/confirm", b'{"digest": "old"}', 409, "conflict"),
        ("POST", "/v1/sample/redo", b"", 500, "internal"),
        ("POST", "/v1/sample/discard", b"", 500, "internal"),
    ],
)
async def test_refusals(folder: Path, method: str, target: str, body: bytes, status: int, code: str) -> None:
    """Every mistake gets the right status and one JSON error; own troubles show no details; the daemon goes on."""
    async with served(folder) as daemon:
        got, said = await ask(daemon.path, method, target, body)
        assert (got, said["error"]["code"]) == (status, code)
        assert is_error(said)
        assert "secret" not in str(said)
        assert "p@x.za" not in str(said)
        assert (await ask(daemon.path, "GET", "/v1/status"))[0] == 200


@pytest.mark.parametrize(("target", "name"), [("/v1/pause", "reason"), ("/v1/rollback", "scope"), ("/v1/queue/q1/resolve", "decision")])
async def test_a_text_without_measure_is_kept_nowhere(folder: Path, target: str, name: str) -> None:
    """What is kept in ledger and audit is of a person's length; a longer text is refused before anything is done."""
    async with served(folder) as daemon:
        for length, refused in ((2_000, False), (2_001, True)):
            daemon.operator.asked.clear()
            status, answer = await ask(daemon.path, "POST", target, orjson.dumps({name: "x" * length}))
            assert ("too long" in str(answer)) is refused, answer
            assert not refused or (status, {verb for verb, _ in daemon.operator.asked}) == (400, {"refused"})


async def test_near_miss_is_suggested(folder: Path) -> None:
    """A misspelt verb or key is answered with what was probably meant."""
    async with served(folder) as daemon:
        assert "/v1/status" in (await ask(daemon.path, "GET", "/v1/statsu"))[1]["error"]["hint"]
        assert "reason" in (await ask(daemon.path, "POST", "/v1/pause", b'{"raeson": "x"}'))[1]["error"]["message"]


@pytest.mark.parametrize(
    "garbage",
    [b"\x00\xff\x16\x03\x01 hello\r\n\r\n", b"status\n", b"GET /v1/status SPDY/x\r\n\r\n", b"GET " + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n",
     b"POST /v1/pause HTTP/1.1\r\nHost: d\r\nContent-Length: -5\r\n\r\n", b"GET /v1/status HTTP/1.1\r\nHost d\r\n\r\n",
     b"POST /v1/pause HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n"],
    ids=["binary", "word", "not-http", "long-line", "negative-length", "broken-header", "broken-chunk"],
)  # fmt: skip
async def test_garbage(folder: Path, garbage: bytes) -> None:
    """What is no HTTP is refused in JSON that does not echo it, and the next client is served."""
    async with served(folder) as daemon:
        status, body = answer(await talk(daemon.path, garbage, end=True))
        assert (status, is_error(body)) == (400, True)
        assert "hello" not in str(body)
        assert (await ask(daemon.path, "GET", "/v1/status"))[0] == 200


@pytest.mark.parametrize("declared", [True, False], ids=["by-length", "chunked"])
async def test_huge_body(folder: Path, declared: bool) -> None:
    """A body above the cap is refused with 413 without being held."""
    size_bytes = control.MAX_BODY_BYTES + 1
    head = f"Content-Length: {size_bytes}" if declared else "Transfer-Encoding: chunked"
    body = b"x" * size_bytes
    sent = body if declared else b"%x\r\n%s\r\n0\r\n\r\n" % (size_bytes, body)
    async with served(folder) as daemon:
        got = await talk(daemon.path, f"POST /v1/pause HTTP/1.1\r\nHost: d\r\n{head}\r\n\r\n".encode() + sent)
        assert answer(got)[0] == 413
        assert daemon.operator.asked == []


@pytest.mark.parametrize(
    "sent", [b"", b"GET /v1/sta", b"GET /v1/status HTTP/1.1\r\nHost: d\r\n"], ids=["nothing", "half-line", "half-head"]
)
async def test_slow_client_is_dropped(folder: Path, sent: bytes) -> None:
    """A client that never finishes its request is closed after the idle time, while others are served."""
    async with served(folder, idle_timeout_s=0.2) as daemon:
        stream = await anyio.connect_unix(str(daemon.path))
        async with stream:
            if sent:
                await stream.send(sent)
            assert (await ask(daemon.path, "GET", "/v1/status"))[0] == 200
            with anyio.fail_after(5), pytest.raises((anyio.EndOfStream, anyio.BrokenResourceError)):
                await stream.receive()


async def test_slow_body_is_dropped(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A body that does not arrive is given up after its time."""
    monkeypatch.setattr(control, "BODY_TIMEOUT_S", 0.1)
    async with served(folder) as daemon:
        got = await talk(daemon.path, b"POST /v1/pause HTTP/1.1\r\nHost: d\r\nContent-Length: 10\r\n\r\n{")
        assert answer(got)[0] == 503
        assert daemon.operator.asked == []


async def test_slow_verb_does_not_block_status(folder: Path) -> None:
    """While a verb hangs the status answers, as often as it is asked."""
    async with served(folder) as daemon:
        daemon.operator.blocked = anyio.Event()
        results: list[str] = []

        async def verify() -> None:
            assert (await ask(daemon.path, "POST", "/v1/verify"))[0] == 200
            results.append("verified")

        async with anyio.create_task_group() as group:
            group.start_soon(verify)
            await heard(daemon, "job.progress")
            for _ in range(2):
                assert (await ask(daemon.path, "GET", "/v1/status"))[0] == 200
            assert results == []
            daemon.operator.blocked.set()
    assert results == ["verified"]


async def test_too_many_clients(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients above the cap are closed at once while all others are being served; one that leaves makes room."""
    monkeypatch.setattr(control, "MAX_CLIENTS", 3)
    async with served(folder) as daemon:
        streams = [await anyio.connect_unix(str(daemon.path)) for _ in range(3)]
        for stream in streams:
            await stream.send(b"GET /v1/events HTTP/1.1\r\nHost: d\r\n\r\n")
            assert b"200 OK" in await stream.receive()
        assert await talk(daemon.path, STATUS) == b""
        for stream in streams:
            await stream.aclose()
        with anyio.fail_after(5):
            while not (await talk(daemon.path, STATUS)).startswith(b"HTTP/1.1 200"):
                daemon.events.publish("phase.entered", phase="probe")      # nobody is there any more: that is noticed while writing
                await anyio.sleep(0.01)


@pytest.mark.parametrize(
    "sent", [b"", b"GET /v1/sta", b"POST /v1/pause HTTP/1.1\r\nHost: d\r\nContent-Length: 9\r\n\r\n{"], ids=["nothing", "half", "body"]
)
async def test_silent_clients_shut_nobody_out(folder: Path, monkeypatch: pytest.MonkeyPatch, sent: bytes) -> None:
    """With every place taken by clients that do not finish their request, a newcomer that asks is served, one that does not has to go."""
    monkeypatch.setattr(control, "MAX_CLIENTS", 3)
    monkeypatch.setattr(control, "ROOM", 2)
    async with served(folder) as daemon:
        streams = [await anyio.connect_unix(str(daemon.path)) for _ in range(4)]
        for stream in streams:
            await stream.send(sent)
        assert (await ask(daemon.path, "GET", "/v1/status"))[0] == 200
        with anyio.fail_after(5), pytest.raises((anyio.EndOfStream, anyio.BrokenResourceError)):
            await streams[3].receive()
        streams += [await anyio.connect_unix(str(daemon.path)) for _ in range(3)]
        with anyio.fail_after(5), pytest.raises((anyio.EndOfStream, anyio.BrokenResourceError)):
            await streams[0].receive()      # where there is no room left either, the longest silent one goes
        for stream in streams:
            await stream.aclose()


async def test_stranger_is_refused(folder: Path) -> None:
    """A user who is not on the list learns nothing and reaches nothing."""
    async with served(folder, uids=frozenset({os.geteuid() + 1})) as daemon:
        for method, target in (("GET", "/v1/status"), ("POST", "/v1/stop"), ("GET", "/v1/events"), ("GET", "/nothing")):
            status, body = await ask(daemon.path, method, target)
            assert (status, body["error"]["code"]) == (403, "forbidden")
        assert daemon.operator.asked == []


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
async def test_who_may_only_look_gives_no_order(folder: Path, route: Route) -> None:
    """Every question is answered and no order reaches the operator; that one was tried is told with the uid."""
    async with served(folder, uids=frozenset({os.geteuid() + 1}), looking=frozenset({os.geteuid()})) as daemon:
        target = route.path.replace("{id}", "q1").replace("{kind}", "lead").replace("{key}", "1")
        status, body = await ask(daemon.path, route.method, target, b"" if route.method == "GET" else b'{"wait_s": 0}')
        if not route.is_order:
            assert status != 403, body
            return
        assert (status, body["error"]["code"]) == (403, "forbidden")
        assert daemon.operator.asked == [("refused", {"actor": f"uid:{os.geteuid()}", "order": route.path, "code": "forbidden"})]
        assert (await ask(daemon.path, "GET", "/v1/status"))[0] == 200


async def test_own_uid_is_always_allowed() -> None:
    """The daemon's own user needs no entry, and only foreign users open the file to others."""
    own = os.geteuid()
    assert control.allowed(()) == (frozenset({own}), frozenset(), False)
    assert control.allowed((0,)) == (frozenset({own, 0}), frozenset(), False)
    assert control.allowed((4711,)) == (frozenset({own, 4711}), frozenset(), True)
    assert control.allowed((), (4711, own)) == (frozenset({own}), frozenset({4711}), True)
    assert control.allowed((4711,), (4711,)) == (frozenset({own, 4711}), frozenset(), True), "who may order may look"


async def test_socket_file_is_private_and_removed(folder: Path) -> None:
    """The file has mode 0600 and goes away at the end; a missing folder is made private."""
    inner = folder / "run"
    async with served(inner) as daemon:
        assert stat.S_IMODE(daemon.path.stat().st_mode) == 0o600
        assert stat.S_IMODE(inner.stat().st_mode) == 0o700
    assert not daemon.path.exists()


async def test_socket_that_cannot_be_removed_hides_nothing(folder: Path) -> None:
    """However the disk of the socket has become, a daemon's end is told for what it is."""
    inner = folder / "run"

    def end() -> None:
        with listening(inner / "control.sock"):
            inner.rename(folder / "elsewhere")
            inner.touch()     # to ask for what is in there is now an error of the system
            raise UsageError("what ended it")

    with pytest.raises(UsageError, match="what ended it"):
        end()


async def test_stale_socket_is_replaced(folder: Path) -> None:
    """The socket a killed daemon left behind does not stop the next one."""
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(folder / "control.sock"))
    async with served(folder) as daemon:
        assert (await ask(daemon.path, "GET", "/v1/status"))[0] == 200


async def test_second_daemon_is_refused(folder: Path) -> None:
    """A socket that is answered is not taken over."""
    async with served(folder) as daemon:
        with pytest.raises(UsageError, match="another daemon answers"):
            async with served(folder):
                pass
        assert (await ask(daemon.path, "GET", "/v1/status"))[0] == 200


async def test_stranger_files_are_not_touched(folder: Path) -> None:
    """What is no socket stays where it is."""
    (folder / "control.sock").write_text("precious")
    with pytest.raises(ConfigError, match="is not a socket"):
        async with served(folder):
            pass
    assert (folder / "control.sock").read_text() == "precious"


async def test_unsafe_folder(folder: Path) -> None:
    """A folder others can write is refused with the command that mends it."""
    folder.chmod(0o777)
    with pytest.raises(ConfigError, match="can be written by others") as caught:
        async with served(folder):
            pass
    assert "chmod go-w" in caught.value.hint


async def test_events_stream(folder: Path) -> None:
    """Events come as they happen with their numbers; those missed are replayed; the end is announced."""
    async with served(folder) as daemon:
        daemon.events.publish("phase.entered", phase="probe")
        async with await anyio.connect_unix(str(daemon.path)) as stream:
            await stream.send(b"GET /v1/events HTTP/1.1\r\nHost: d\r\nLast-Event-ID: 0\r\n\r\n")
            got = b""
            with anyio.fail_after(5):
                while b"phase.entered" not in got:
                    got += await stream.receive()
                daemon.events.publish("phase.entered", phase="map")
                while b'"phase":"map"' not in got:
                    got += await stream.receive()
                daemon.events.close()
                while b"event: end" not in got:
                    got += await stream.receive()
    assert b"text/event-stream" in got
    assert b'id: 1\nevent: phase.entered\ndata: {"at":' in got
    assert got.index(b'"phase":"probe"') < got.index(b'"phase":"map"')


async def test_events_end_with_daemon(folder: Path) -> None:
    """An open event stream does not hold up the daemon's end."""
    with anyio.fail_after(5):
        async with served(folder) as daemon:
            stream = await anyio.connect_unix(str(daemon.path))
            await stream.send(b"GET /v1/events HTTP/1.1\r\nHost: d\r\n\r\n")
            assert b"200 OK" in await stream.receive()
        await stream.aclose()
