"""The configuration file: every key, every fault at once, secrets that stay secret."""

from __future__ import annotations

import copy
import pickle
import tomllib
from pathlib import Path

import pytest

from streamflow.config import PAIRS, Config, DestinationSection, Secret, SourceSection, identity, load, reload, starter
from streamflow.errors import ConfigError, UsageError
from streamflow.platforms.catalog import forms

MINIMAL = """
[migration]
name = "acme"
state_dir = "state"
[source]
platform = "leadtrekker"
reader = "api"
timezone = "Africa/Johannesburg"
base_url = "https://system.leadtrekker.com/api/"
api_key_env = "LT_KEY"
[destination]
username = "admin@example.com"
api_key_file = "nutshell.key"
"""
SECRET = "s3cr3t-value-of-the-key"


@pytest.fixture(autouse=True)
def secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LT_KEY", SECRET)
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    (tmp_path / "nutshell.key").write_text(SECRET + "\n")
    (tmp_path / "nutshell.key").chmod(0o600)


def written(folder: Path, text: str) -> Path:
    path = folder / "streamflow.toml"
    path.write_text(text, encoding="utf-8")
    return path


def key_of(section: SourceSection | DestinationSection) -> Secret:
    return section.options.secrets()["api_key"]


def faults(folder: Path, text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(written(folder, text), forms())
    return caught.value.faults


def test_minimal_file_and_defaults(tmp_path: Path) -> None:
    """A file with the needed keys loads; everything else has its documented default."""
    config = load(written(tmp_path, MINIMAL), forms())
    assert config.migration.state_dir == tmp_path / "state"
    assert config.control.socket == tmp_path / "state" / "control.sock"
    assert config.destination.options.text("base_url") == "https://app.nutshell.com/rest"
    assert (config.pace_source.rate_per_s, config.pace_source.max_in_flight) == (1.0, 1)
    assert (config.gates.map, config.gates.cutover, config.sample.size, config.cutover.watch_days) == ("ask", "ask", 300, 3.0)
    assert (config.leads.unqualified, config.owners.fallback, config.console) == ("person", None, None)
    assert str(config.metrics) == "127.0.0.1:9464"
    assert key_of(config.source).reveal() == key_of(config.destination).reveal() == SECRET


EVERY_KEY = """
[migration]
name = "acme"
state_dir = "/var/lib/acme"
[source]
platform = "leadtrekker"
reader = "files"
timezone = "Africa/Johannesburg"
inbox = "inbox"
files.date_formats = ["%d/%m/%Y"]
[source.streams.note]
reader = "files"
enabled = false
poll_s = 5
settle_s = 10
key = "noteid"
[destination]
platform = "nutshell"
base_url = "http://127.0.0.1:8080/rest"
rpc_url = "http://127.0.0.1:8080/api/v1/json"
username = "admin@example.com"
api_key_file = "nutshell.key"
impersonate = true
[destination.flags]
multi_get_max = 20
[destination.limits]
open_leads = 100
contacts = 5
custom_fields = 50
[pace.source]
rate_per_s = 0.5
max_in_flight = 2
adaptive = false
[pace.destination]
rate_per_s = 20
[owners]
fallback = "a@b.c"
[leads]
unqualified = "lead"
rule = { deal_intent = ["Budget"] }
[map]
file = "map.json"
[map.llm]
base_url = "https://llm.example.com/v1"
model = "m"
api_key_env = "LT_KEY"
[gates]
map = "auto"
owners = "auto"
sample = "auto"
cutover = "auto"
[sample]
size = 10
[cutover]
mode = "live"
deadline_s = "30m"
watch_days = 0
future_activities = "send"
[delta]
poll_s = 1
settle_s = 0
sweep_every = "6h"
[control]
socket = "c.sock"
allow_uids = [0, 1000]
look_uids = [1001]
[metrics]
listen = "[::1]:0"
[console]
listen = "127.0.0.1:9465"
[log]
format = "json"
level = "debug"
"""


def test_every_key_is_taken_over(tmp_path: Path) -> None:
    """Each key of the manual reaches its value."""
    config = load(written(tmp_path, EVERY_KEY), forms())
    assert (config.source.date_formats, config.source.inbox) == (("%d/%m/%Y",), tmp_path / "inbox")
    note = config.source.streams["note"]
    assert (note.enabled, note.poll_s, note.settle_s, dict(note.spec)) == (False, 5.0, 10.0, {"key": "noteid"})
    assert (dict(config.destination.flags), config.destination.limits.custom_fields) == ({"multi_get_max": 20}, 50)
    assert (config.pace_source.rate_per_s, config.pace_source.adaptive, config.pace_destination.rate_per_s) == (0.5, False, 20.0)
    assert config.leads.rule == {"deal_intent": ["Budget"]}
    assert config.map.llm is not None
    assert (config.cutover.deadline_s, config.delta.sweep_every_s, config.cutover.watch_days) == (1800.0, 21600.0, 0.0)
    assert config.control.look_uids == (1001,)
    assert (config.control.allow_uids, str(config.metrics), str(config.console)) == ((0, 1000), "[::1]:0", "127.0.0.1:9465")


def test_all_faults_at_once(tmp_path: Path) -> None:
    """One pass tells every fault with its path, what was given and what was expected."""
    text = (
        MINIMAL.replace('"leadtrekker"', '"leadtreker"').replace("Johannesburg", "Johanesburg")
        + '[pace.source]\nrate_per_s = -1\nmax_in_fligt = 3\n[gates]\nmap = "maybe"\n[log]\nlevel = 5\n[extra]\nx = 1\n'
    )
    found = faults(tmp_path, text)
    expected = {
        "source.platform": '(did you mean "leadtrekker"?)',
        "source.timezone": '(did you mean "Africa/Johannesburg"?)',
        "pace.source.rate_per_s": "-1 given, expected a number above 0",
        "pace.source.max_in_fligt": '(did you mean "max_in_flight"?)',
        "gates.map": '"ask", "auto"',
        "log.level": "5 given",
        "extra": "unknown key",
    }
    for path, words in expected.items():
        assert any(f": {path}: " in fault and words in fault for fault in found), (path, found)
    assert len(found) == len(expected)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (('"https://system.leadtrekker.com/api/"', '"http://system.leadtrekker.com/api/"'), "this machine only"),
        (('"https://system.leadtrekker.com/api/"', '"https://system.leadtrekker.com/"'), "ends in /api/"),
        (('"https://system.leadtrekker.com/api/"', '"https://u:pw@system.leadtrekker.com/api/"'), "without user and password"),
        (('"https://system.leadtrekker.com/api/"', '"https://system.leadtrekker.com:x/api/"'), "an https address"),
        (('api_key_env = "LT_KEY"', ""), "source.api_key_env: is missing"),
        (('api_key_env = "LT_KEY"', 'api_key_env = "UNSET_KEY"'), "UNSET_KEY is not set"),
        (('api_key_env = "LT_KEY"', 'api_key_env = "LT_KEY"\napi_key_file = "x"'), "not both"),
        (('api_key_file = "nutshell.key"', 'api_key_file = "gone.key"'), "does not exist"),
        (('api_key_file = "nutshell.key"', 'api_key_file = "$CREDENTIALS_DIRECTORY/k"'), "is not set"),
        (('reader = "api"', 'reader = "files"'), "source.inbox: is missing"),
        (('reader = "api"', 'reader = "api"\nclientid = "x"'), 'belongs to platform "lead_perfection"'),
        (('name = "acme"', 'name = "a b"'), "at most 64 letters"),
        (('state_dir = "state"', f'state_dir = "{"d" * 120}"'), "a limit of unix sockets"),
        (('username = "admin@example.com"', 'username = "admin"'), "an e-mail address"),
        (("[destination]\n", "[metrics]\nlisten = '127.0.0.1:99999'\n[destination]\n"), 'host:port such as "127.0.0.1:9464"'),
        (("[destination]\n", "[delta]\nsweep_every = '6 weeks'\n[destination]\n"), '"6h"'),
        (("[destination]\n", "[control]\nallow_uids = ['root']\n[destination]\n"), "numeric user ids"),
        (("[destination]\n", "[owners]\nfile = 'gone.csv'\n[destination]\n"), "is not a file that exists"),
        (("[destination]\n", "[sample]\nsize = true\n[destination]\n"), "a whole number"),
        (("[destination]\n", "pace = 5\n[destination]\n"), "unknown key"),
        (("[destination]\n", f"[pace.source]\nrate_per_s = 0x{'f' * 300}\n[destination]\n"), "a number above 0"),
        (("[destination]\n", f"[sample]\nsize = 0x{'f' * 5_000}\n[destination]\n"), "a number without end given"),
        (("[destination]\n", "[pace.source]\nrate_per_s = nan\n[destination]\n"), "a number above 0"),
        (("[destination]\n", f"[sample]\nsize = {'9' * 5_000}\n[destination]\n"), "is not TOML"),
        (("[destination]\n", f"[owners]\nfile = {'[' * 5_000}\n[destination]\n"), "is not TOML"),
    ],
)
def test_single_faults(tmp_path: Path, change: tuple[str, str], fault: str) -> None:
    """Each foreseeable mistake is told in words that mend it."""
    found = faults(tmp_path, MINIMAL.replace(*change))
    assert any(fault in each for each in found), found


def test_secret_file_modes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that others can read is refused with the chmod that mends it; the service manager's own folder is fine."""
    key = tmp_path / "nutshell.key"
    key.chmod(0o640)
    [fault] = faults(tmp_path, MINIMAL)
    assert f"chmod 600 {key}" in fault
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    config = load(written(tmp_path, MINIMAL.replace('"nutshell.key"', '"$CREDENTIALS_DIRECTORY/nutshell.key"')), forms())
    assert key_of(config.destination).reveal() == SECRET


@pytest.mark.parametrize(
    "content", [b"", b" \n", b"two\nlines", b"\xff\xfe", b"x" * 20_000], ids=["empty", "blank", "lines", "binary", "huge"]
)
def test_broken_secret_files(tmp_path: Path, content: bytes) -> None:
    """A file that holds no single-line secret is a fault, and its content is not shown."""
    (tmp_path / "nutshell.key").write_bytes(content)
    [fault] = faults(tmp_path, MINIMAL)
    assert "destination.api_key_file" in fault
    assert "two" not in fault


def test_pasted_secret_is_not_shown(tmp_path: Path) -> None:
    """A secret written into the file by mistake appears in no fault."""
    pasted = "pasted-SECRET-0123456789"
    for key in ("api_key", "api_key_env", "apikey"):
        found = faults(tmp_path, MINIMAL.replace('api_key_env = "LT_KEY"', f'{key} = "{pasted}"'))
        assert pasted not in str(found)
        assert any("source." + key in fault for fault in found)


def test_secrets_mask_themselves(tmp_path: Path) -> None:
    """No repr, text, copy or error of a configuration shows a secret."""
    config = load(written(tmp_path, MINIMAL), forms())
    assert SECRET not in repr(config) + str(config) + f"{key_of(config.destination)}" + f"{key_of(config.destination)!r}"
    with pytest.raises(TypeError):
        pickle.dumps(key_of(config.destination))
    with pytest.raises(TypeError):
        copy.deepcopy(key_of(config.destination))
    texts = list(config.secret_texts())
    assert SECRET in texts
    assert "YWRtaW5AZXhhbXBsZS5jb206czNjcjN0LXZhbHVlLW9mLXRoZS1rZXk=" in texts


def test_clients_load_without_secrets(tmp_path: Path) -> None:
    """A command that only speaks with the daemon needs no access to the keys."""
    (tmp_path / "nutshell.key").unlink()
    config = load(written(tmp_path, MINIMAL), forms(), secrets=False)
    with pytest.raises(ConfigError, match="was not read"):
        key_of(config.destination).reveal()
    assert list(config.secret_texts()) == []


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"[migration", "is not TOML"),
        (b"\xff\xfe\x00", "is not UTF-8"),
        (b"a = 1\n" * 300_000, "too large"),
        (b"", "section [migration] is missing"),
    ],
    ids=["syntax", "binary", "huge", "empty"],
)
def test_unreadable_files(tmp_path: Path, content: bytes, words: str) -> None:
    """A file that is no configuration is one clear fault."""
    path = tmp_path / "streamflow.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=words.replace("[", r"\[")):
        load(path, forms())


def test_missing_file_and_folder(tmp_path: Path) -> None:
    """A missing file names the command that writes one; a folder is told apart."""
    with pytest.raises(ConfigError, match="does not exist") as caught:
        load(tmp_path / "gone.toml", forms())
    assert "streamflow init" in caught.value.hint
    with pytest.raises(ConfigError, match="is a folder"):
        load(tmp_path, forms())


def test_reload_tells_what_needs_a_restart(tmp_path: Path) -> None:
    """A changed file says which keys take effect now and which do not; a rotated key is among the former."""
    old = load(written(tmp_path, MINIMAL), forms())
    (tmp_path / "nutshell.key").write_text("another-key")
    more = '[pace.destination]\nrate_per_s = 2\n[delta]\nsweep_every = "1h"\n[log]\nlevel = "debug"\n'
    text = MINIMAL.replace('"acme"', '"other"') + more
    change = reload(old, load(written(tmp_path, text), forms()))
    assert change.changed == ("delta.sweep_every", "destination.api_key_file", "log.level", "pace.destination.rate_per_s")
    assert change.needs_restart == ("migration.name",)
    assert change.settings.destination_secrets["api_key"].reveal() == "another-key"
    assert (change.settings.pace_destination.rate_per_s, change.settings.log_level) == (2.0, "debug")
    assert reload(old, old).changed == reload(old, old).needs_restart == ()
    assert identity(old)["migration.name"] == "acme"


def load_starter(pair: str, folder: Path) -> Config:
    keys = folder / "keys"
    keys.mkdir()
    for name in ("leadtrekker", "nutshell", "leadperfection", "leadperfection-app"):
        (keys / name).touch(mode=0o600)
        (keys / name).write_text("k-123456")
    return load(written(folder, starter(pair)), forms())


@pytest.mark.parametrize("pair", PAIRS)
def test_starters_load_and_match_the_templates(pair: str, tmp_path: Path) -> None:
    """The starter of each pair loads once its keys exist, and is the template that ships beside the program."""
    config = load_starter(pair, tmp_path)
    assert config.source.platform == pair.removesuffix("-nutshell").replace("-", "_")
    template = Path(__file__).parents[1] / "config" / f"{pair}.toml"
    assert template.read_text(encoding="utf-8") == starter(pair)
    assert set(tomllib.loads(starter(pair))) >= {"pace", "gates", "cutover", "delta", "control", "metrics", "log"}


def test_unknown_pair() -> None:
    """An unknown pair names the known ones and the near miss."""
    with pytest.raises(UsageError, match="did you mean") as caught:
        starter("leadtreker-nutshell")
    assert PAIRS[0] in caught.value.hint


def test_secret_equality_is_by_value() -> None:
    """Two secrets are equal when reference and value are, and usable as a key."""
    assert Secret("a", reference="env A") == Secret("a", reference="env A") != Secret("b", reference="env A")
    assert hash(Secret("a", reference="env A")) == hash(Secret("b", reference="env A"))
