"""The first contact: configuration, credentials, addresses, TLS and permissions, by `check` and by `run`."""

from __future__ import annotations

import signal
import ssl
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import socket

import pytest
import trustme

from tests.flow_bad.rig import Pair, Place, Said, assert_clear, place_at, running_daemon

BROKEN = """
[migration]
name = "a b"
state_dir = "state"
[source]
platform = "leadtreker"
reader = "apo"
timezone = "Africa/Johanesburg"
base_url = "http://example.com/"
api_key = "in-the-open-secret"
[destination]
username = "nobody"
api_key_env = "STREAMFLOW_TEST_NO_SUCH"
base_ur = "x"
[gates]
map = "maybe"
[delta]
poll_s = "soon"
"""


class _Stranger(BaseHTTPRequestHandler):
    """Answers everything with a page."""

    def _page(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b"<html><title>Welcome to nginx</title></html>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = _page

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def stranger(context: ssl.SSLContext | None = None) -> Iterator[int]:
    """Run a server that is none of the platforms; gives its port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Stranger)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def wrong_key(place: Place, section: str) -> None:
    """Put another key into the configuration."""
    key = place.dir / "other.key"
    key.write_text("another-key", encoding="utf-8")
    key.chmod(0o600)
    place.line("api_key_file", f'api_key_file = "{key}"', section=section)


def test_broken_configuration(place: Place) -> None:
    """All faults are told at once, each with its path, by both commands; secrets in the open are not repeated."""
    place.config.write_text(BROKEN, encoding="utf-8")
    for command in ("check", "run"):
        said = place.cli(command)
        keys = ("migration.name", "source.platform", "source.reader", "source.timezone", "source.base_url", "source.api_key",
                "destination.username", "destination.api_key_env", "destination.base_ur", "gates.map", "delta.poll_s")  # fmt: skip
        assert_clear(said, 78, "the configuration has", 'did you mean "leadtrekker"?', 'did you mean "Africa/Johannesburg"?', *keys)
        assert "in-the-open" not in said.err
    assert not place.state.exists(), "nothing is made for a configuration that is refused"


def test_faults_of_the_parts(place: Place) -> None:
    """Flags, stream overrides and named files are judged together before anything is opened."""
    (place.dir / "map.json").write_text('{"pair": "leadtrekker-nutshell", "objcts": []}', encoding="utf-8")
    (place.dir / "reps.csv").write_text("who,what\n1,2\n", encoding="utf-8")
    place.append('[source.streams.notes]\nenabled = true\n[map]\nfile = "map.json"')
    place.set("destination.flags", "serch_lag_s = 3")
    place.set("owners", 'file = "reps.csv"')
    for command in ("check", "run"):
        assert_clear(place.cli(command), 78, "serch_lag_s", "notes", "owners.file", "map.file: map.objcts: unknown key", "objects")
    assert not place.state.exists()


def test_settings_without_effect(place: Place) -> None:
    """A setting that is understood and not built is a warning of `check`, and told at the start of `run`; it stops nobody."""
    place.append('[console]\nlisten = "127.0.0.1:0"')
    said = place.cli("check")
    assert said.code == 0
    assert "warn  config: console.listen: has no effect in this version" in said.out
    with running_daemon(place) as daemon:
        daemon.gate("map")
        assert "console.listen: has no effect" in daemon.last_words
        assert len(daemon.said("settings.without_effect")) == 1


@pytest.mark.parametrize(("text", "word"), [("", "missing"), ("name = value", "not TOML"), ("\0\xff", "not TOML")])
def test_no_configuration(place: Place, text: str, word: str) -> None:
    """An empty or unreadable file is told as such."""
    place.config.write_text(text, encoding="utf-8")
    assert_clear(place.cli("run"), 78, word)


@pytest.mark.parametrize("section", ["source", "destination"])
def test_wrong_key(place: Place, section: str) -> None:
    """A key that is not taken ends with 77; `check` says which side, `run` writes nothing to anybody."""
    wrong_key(place, f"[{section}]")
    said = place.cli("check", "--json")
    [failed] = [each for each in said.body["findings"] if not each["ok"]]
    assert (said.code, failed["subject"], failed["code"]) == (77, section, "access")
    assert failed["hint"]
    assert_clear(place.cli("run"), 77, "401", "key")


@pytest.mark.parametrize("form", ["403", "200"])
def test_wrong_key_said_otherwise(place: Place, pair: Pair, form: str) -> None:
    """Refused credentials are known in each form the source may tell them."""
    wrong_key(place, "[source]")
    pair.source(bad_key=form)
    try:
        assert_clear(place.cli("run"), 77, "Invalid API key")
    finally:
        pair.source(bad_key="401")


@pytest.fixture(scope="module")
def ends(pair: Pair) -> Iterator[Mapping[str, Said]]:
    """Starts that end only when patience is over, side by side: what each said."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority = trustme.CA()
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with tempfile.TemporaryDirectory(prefix="sf") as folder, stranger() as plain, stranger(context) as secure:
        bundle = Path(folder) / "ca.pem"
        authority.cert_pem.write_to_path(str(bundle))
        addresses = {
            "nobody": ("destination", "http://127.0.0.1:1/rest"),
            "nobody at source": ("source", "http://127.0.0.1:1/api/"),
            "stranger": ("destination", f"http://127.0.0.1:{plain}/rest"),
            "stranger at source": ("source", f"http://127.0.0.1:{plain}/api/"),
            "foreign": ("destination", f"https://127.0.0.1:{secure}/rest"),
            "known": ("destination", f"https://127.0.0.1:{secure}/rest"),
        }
        places = {}
        for number, (name, (section, address)) in enumerate(addresses.items()):
            places[name] = place_at(Path(folder) / str(number), pair)
            places[name].line("base_url", f'base_url = "{address}"', section=f"[{section}]")
        places["known"].set("destination", f'ca_file = "{bundle}"')
        begun = {name: place.begin("run") for name, place in places.items()}
        yield {name: command.end() for name, command in begun.items()}


@pytest.mark.parametrize(("case", "section"), [("nobody", "destination"), ("nobody at source", "source")])
def test_unreachable(ends: Mapping[str, Said], case: str, section: str) -> None:
    """A host that nobody answers at ends a first start with 69 and the setting to look at, once patience is over."""
    assert_clear(ends[case], 69, "nobody answers at this address", f"{section}.base_url")


@pytest.mark.parametrize(("case", "section", "code"), [("stranger", "destination", 78), ("stranger at source", "source", 69)])
def test_wrong_server(ends: Mapping[str, Said], case: str, section: str, code: int) -> None:
    """Another web server is not taken for a platform, and which address to check is told; one that may be in a bad hour counts as away."""
    assert_clear(ends[case], code, f"check {section}.base_url: is this the right server?")


def test_foreign_certificate(ends: Mapping[str, Said]) -> None:
    """A certificate of an unknown authority is refused and told to be that; once it is named, what is left is the wrong server."""
    assert_clear(ends["foreign"], 69, "certificate is not trusted", "destination.ca_file")
    assert_clear(ends["known"], 78, "right server")


def test_unreadable_authority(place: Place) -> None:
    """A file of certificates that holds none is a fault of the configuration."""
    (place.dir / "ca.pem").write_text("nothing", encoding="utf-8")
    place.set("destination", 'ca_file = "ca.pem"')
    assert_clear(place.cli("run"), 78, "certificates")


def test_missing_permission(place: Place) -> None:
    """A destination user without the rights is told by `check`, with the permission, before a migration finds out."""
    place.line("username", 'username = "office@example.co.za"', section="[destination]")
    said = place.cli("check")
    assert said.code == 77
    assert "FAIL  destination: permissions: the user lacks the permission canAccessSetup" in said.out
    assert "let an administrator of the account give the permission" in said.out


def test_missing_permission_in_a_run(place: Place, pair: Pair) -> None:
    """A run that may not make custom fields pauses before any record is written, and says that a permission is missing."""
    place.line("username", 'username = "office@example.co.za"', section="[destination]")
    place.edit(('map = "ask"', 'map = "auto"'))
    with running_daemon(place) as daemon:
        paused = daemon.until(lambda status: status["state"] == "paused", "pause")
        assert all(words in paused["reason"] for words in ("lacks a permission", "tried again in", "`resume`")), paused["reason"]
        assert daemon.ask("POST", "/v1/pause", {"reason": "lunch"})[1]["result"] == "paused"     # outlasts what ends by itself
        assert daemon.status()["reason"] == "by the operator: lunch"
        daemon.signal(signal.SIGTERM)
        assert daemon.end() == 0, daemon.words()
    place.line("username", 'username = "admin@example.co.za"', section="[destination]")
    with running_daemon(place) as daemon:
        daemon.until(lambda status: status["reason"] == "by the operator: lunch", "pause")
        assert daemon.ask("POST", "/v1/resume", {})[1]["result"] == "resumed"
        daemon.gate("owners")


def test_missing_function(place: Place, pair: Pair) -> None:
    """A source that does not serve what cannot be missing is told with what to ask the vendor for."""
    pair.source(missing=["getleads"])
    try:
        said = place.cli("check", "--json")
        failed = [each for each in said.body["findings"] if not each["ok"] and not each["is_warning"]]
        assert (said.code, [each["question"] for each in failed]) == (78, ["stream lead"])
        assert_clear(place.cli("run"), 78, "does not serve lead", "ask the vendor")
    finally:
        pair.source(missing=[])


def test_another_platform_is_asked_for_as_such(place: Place, tmp_path: Path) -> None:
    """A source with a sign-in of its own that nobody serves at that address is told by its name, without what it was given."""
    secret = tmp_path / "s"
    secret.write_text("secret-text", encoding="utf-8")
    secret.chmod(0o600)
    with socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        place.line("platform", 'platform = "lead_perfection"', section="[source]")
        place.line("base_url", f'base_url = "{url}"', section="[source]")
        keys = f'username = "u"\nclientid = "c"\npassword_file = "{secret}"\nappkey_file = "{secret}"'
        place.line("api_key_file", keys, section="[source]")
        assert_clear(place.cli("run"), 69, "lead_perfection", "nobody answers", "source.base_url")
